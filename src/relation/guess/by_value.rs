//! The order that values tell where they count what is written: numbers of a counter that all sessions share, or of a clock.
//!
//! They are believed where those that each session writes rise, and where from one number to the next it is mostly another session's
//! turn. A write stands where its number is; a read behind what it returned and what its session did before. O(n), a number a node; their
//! order is a sort.

use std::hint::select_unpredictable;

use rayon::prelude::*;

use crate::history::{Tag, Value, ValueId, Values};
use crate::relation::csr;

use super::Moments;

/// What a node wrote: a number, or one of the two below. (One number, so that nothing branches where nothing foretells which it is.)
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Written(i64);

impl Written {
    pub(crate) const NOTHING: Written = Written(i64::MIN);
    /// Something else than a number, or the two numbers that stand for other things here.
    pub(crate) const OTHER: Written = Written(i64::MIN + 1);

    /// A value.
    #[inline]
    pub(crate) fn of(values: &Values, value: ValueId) -> Self {
        value.small().map_or_else(|| Self::large(values, value), |small| Written(i64::from(small)))
    }

    #[cold]
    fn large(values: &Values, value: ValueId) -> Self {
        match values.get(value) {
            Value::Text(Tag::Json, text) => text.parse().map_or(Written::OTHER, Written).max(Written::OTHER),
            _ => Written::OTHER,
        }
    }

    /// Of what two writes of one node wrote.
    pub(crate) fn highest(self, other: Self) -> Self {
        if self.min(other) == Written::OTHER { Written::OTHER } else { self.max(other) }
    }
}

/// `None` where the numbers that a session writes do not rise, or where there are none. Session s has the nodes
/// `starts[s]..starts[s + 1]`, of which those before `chain_ends[s]` follow one another. `written` and `read` tell of a node the highest
/// number that it wrote, and that it returned of what others wrote. The more operations the history has, the finer its moments.
pub(crate) fn moments(
    operations: usize,
    starts: &[u32],
    chain_ends: &[u32],
    written: impl Fn(u32) -> Written + Sync,
    read: impl Fn(u32) -> Written + Sync,
) -> Option<Moments<'static>> {
    let sessions = || (0..chain_ends.len()).into_par_iter();
    let (lowest, highest) =
        sessions().map(|s| rising(starts[s]..chain_ends[s], &written)).try_reduce(|| NONE_YET, |a, b| Some(join(a, b)))?;
    if lowest > highest {
        return None;
    }
    // Twice the number for a write, and one more for who reads it; numbers far apart are drawn together, to as many as there are operations.
    let nodes = starts[starts.len() - 1];
    let (range, most) = (lowest.0.abs_diff(highest.0), (operations as u64).min(1 << 30));
    let moment = |number: Written| {
        let number = number.clamp(lowest, highest).0.abs_diff(lowest.0);
        let drawn = if range <= most { number } else { (u128::from(number) * u128::from(most) / u128::from(range)) as u64 };
        2 * drawn as u32
    };
    let mut moments = vec![0u32; nodes as usize];
    let pieces = csr::split(&mut moments, starts).into_par_iter().zip(starts).zip(chain_ends);
    let as_numbered = pieces.map(|((moments, &start), &chain_end)| {
        let (mut before, mut as_numbered) = (0, (chain_end - start) as usize == moments.len());
        for (node, slot) in (start..).zip(moments) {
            let (written, read) = (written(node), read(node));
            let own = select_unpredictable(written > Written::OTHER, moment(written), 0);
            let behind = select_unpredictable(read > Written::OTHER, moment(read) + 1, 0);
            let chained = select_unpredictable(node < chain_end, before, 0);
            before = own.max(behind).max(chained);
            as_numbered &= (written <= Written::OTHER) | (own == before);
            *slot = before;
        }
        as_numbered
    });
    // Where every write stands at its number, it stands before those who read it.
    let extend_hb = as_numbered.reduce(|| true, |a, b| a & b);
    Some(Moments { by_node: moments.into(), extend_hb })
}

const NONE_YET: (Written, Written) = (Written(i64::MAX), Written::NOTHING);

fn join(a: (Written, Written), b: (Written, Written)) -> (Written, Written) {
    (a.0.min(b.0), a.1.max(b.1))
}

/// The lowest and the highest number that a chain writes, if each is higher than the one before.
pub(crate) fn rising(chain: std::ops::Range<u32>, written: impl Fn(u32) -> Written) -> Option<(Written, Written)> {
    const PIECE: usize = 1 << 10;
    let (mut lowest, mut highest) = NONE_YET;
    for first in chain.clone().step_by(PIECE) {
        let mut rising = true;
        for node in first..chain.end.min(first.saturating_add(PIECE as u32)) {
            let written = written(node);
            rising &= (written == Written::NOTHING) | ((written != Written::OTHER) & (written > highest));
            lowest = lowest.min(select_unpredictable(written == Written::NOTHING, lowest, written));
            highest = highest.max(written);
        }
        if !rising {
            return None;
        }
    }
    Some((lowest, highest))
}

#[cfg(test)]
mod tests {
    use super::super::Guess;
    use super::*;

    /// Two or three sessions of plain nodes: what each wrote, or read from.
    fn guess(sessions: &[&[Result<i64, u32>]]) -> Option<Guess> {
        let mut starts = vec![0];
        starts.extend(sessions.iter().scan(0, |end, session| {
            *end += session.len() as u32;
            Some(*end)
        }));
        let nodes: Vec<Result<i64, u32>> = sessions.concat();
        let session = |node| starts[1..].partition_point(|&end| end <= node) as u32;
        let written = |node: u32| nodes[node as usize].map_or(Written::NOTHING, Written);
        let read = |node: u32| nodes[node as usize].map_or_else(written, |_| Written::NOTHING);
        moments(nodes.len(), &starts, &starts[1..], written, read)?.taking_turns(sessions.len(), session)
    }

    fn order(sessions: &[&[Result<i64, u32>]]) -> Option<Vec<u32>> {
        guess(sessions).map(|guess| guess.order)
    }

    #[test]
    fn reads_come_behind_what_they_returned() {
        let sessions: [&[Result<i64, u32>]; 2] = [&[Err(4), Ok(20), Ok(40), Ok(60)], &[Ok(10), Ok(30), Err(2), Ok(50), Ok(70)]];
        let expected = Some(vec![4, 0, 1, 5, 2, 6, 7, 3, 8]);
        assert_eq!(order(&sessions), expected);
        // However far the numbers are apart.
        for (times, plus) in [(1, 0), (1 << 50, -(1 << 59)), (i64::MAX / 70, 0)] {
            let scaled: Vec<Vec<_>> =
                sessions.iter().map(|s| s.iter().map(|node| node.map(|n| n * times + plus)).collect()).collect();
            let scaled: Vec<&[_]> = scaled.iter().map(Vec::as_slice).collect();
            assert_eq!(order(&scaled), expected);
        }
    }

    #[test]
    fn writes_that_stand_at_their_numbers_precede_their_readers() {
        let known = |sessions: &[&[Result<i64, u32>]]| guess(sessions).unwrap().extends_hb;
        assert!(known(&[&[Err(4), Ok(20), Ok(40), Ok(60)], &[Ok(10), Ok(30), Err(2), Ok(50), Ok(70)]]));
        // What the first session read is later than the 20 that it wrote next, and the second read that.
        assert!(!known(&[&[Err(6), Ok(20), Ok(40), Ok(60), Ok(80)], &[Ok(10), Ok(30), Err(1), Ok(50), Ok(70)]]));
    }

    #[test]
    fn numbers_that_do_not_count_tell_nothing() {
        assert_eq!(order(&[&[Ok(1), Ok(3), Ok(2), Ok(7)], &[Ok(4), Ok(5), Ok(6), Ok(8)]]), None);
        assert_eq!(order(&[&[Ok(1), Ok(1), Ok(5), Ok(7)], &[Ok(2), Ok(4), Ok(6), Ok(8)]]), None);
        // Each session has numbers of its own: nobody's turn ends.
        assert_eq!(order(&[&[Ok(1), Ok(2), Ok(3), Ok(4)], &[Ok(5), Ok(6), Ok(7), Ok(8)]]), None);
        assert_eq!(order(&[&[Err(0)], &[]]), None);
        assert_eq!(order(&[]), None);
    }
}
