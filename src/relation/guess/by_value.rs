//! The order that values tell where they count what is written: numbers of a counter that all sessions share, or of a clock.
//!
//! They are believed where those that each session writes rise, and where from one number to the next it is mostly another session's
//! turn. A write stands where its number is; a read behind what it returned and what its session did before. O(n log n), 12 bytes a
//! node, freed at the end.

use rayon::prelude::*;

use crate::history::{Tag, Value, ValueId, Values};
use crate::relation::csr;

use super::Guess;

/// What a node wrote.
#[derive(Clone, Copy)]
pub(crate) enum Written {
    Nothing,
    Number(i64),
    /// Anything else.
    Other,
}

impl Written {
    /// The number that a value is.
    #[inline]
    pub(crate) fn of(values: &Values, value: ValueId) -> Self {
        let large = |text: &str| text.parse().map_or(Written::Other, Written::Number);
        match values.get(value) {
            Value::Int(small) => Written::Number(i64::from(small)),
            Value::Text(Tag::Json, text) => large(text),
            _ => Written::Other,
        }
    }

    /// Of what two writes of one node wrote.
    pub(crate) fn highest(self, other: Self) -> Self {
        match (self, other) {
            (Written::Number(a), Written::Number(b)) => Written::Number(a.max(b)),
            _ => Written::Other,
        }
    }
}

/// All nodes, each session's chain in sequence; `None` where numbers tell nothing. Session s has the nodes `starts[s]..starts[s + 1]`, of
/// which those before `chain_ends[s]` follow one another. `sources` are the nodes that a node read from. The more operations the history
/// has, the finer its moments.
pub(crate) fn by_value<S: Iterator<Item = u32>>(
    operations: usize,
    starts: &[u32],
    chain_ends: &[u32],
    session: impl Fn(u32) -> u32 + Sync,
    written: impl Fn(u32) -> Written + Sync,
    sources: impl Fn(u32) -> S + Sync,
) -> Option<Guess> {
    let sessions = || (0..chain_ends.len()).into_par_iter();
    let (lowest, highest) =
        sessions().map(|s| rising(starts[s]..chain_ends[s], &written)).try_reduce(|| NONE_YET, |a, b| Some(join(a, b)))?;
    if lowest > highest {
        return None;
    }
    // Twice the number for a write, and one more for who reads it; numbers far apart are drawn together, to as many as there are operations.
    let nodes = starts[starts.len() - 1];
    let (range, most) = (lowest.abs_diff(highest), (operations as u64).min(1 << 30));
    let moment = |number: i64| {
        let number = number.clamp(lowest, highest).abs_diff(lowest);
        let drawn = if range <= most { number } else { (u128::from(number) * u128::from(most) / u128::from(range)) as u64 };
        2 * drawn as u32
    };
    let number: Vec<u32> = (0..nodes)
        .into_par_iter()
        .with_min_len(1 << 14)
        .map(|node| match written(node) {
            Written::Number(number) => moment(number),
            _ => NO_NUMBER,
        })
        .collect();
    let mut moments = vec![0u32; nodes as usize];
    let pieces = csr::split(&mut moments, starts);
    let as_numbered = pieces.into_par_iter().zip(starts).zip(chain_ends).map(|((moments, &start), &chain_end)| {
        let (mut before, mut as_numbered) = (0, (chain_end - start) as usize == moments.len());
        for (node, moment) in (start..).zip(moments) {
            // (What has no number is read from the start on: one more than that is 0.)
            let read = sources(node).map(|source| number[source as usize].wrapping_add(1)).max().unwrap_or(0);
            let own = match number[node as usize] {
                NO_NUMBER => read,
                number => number.max(read),
            };
            before = if node < chain_end { own.max(before) } else { own };
            as_numbered &= [before, NO_NUMBER].contains(&number[node as usize]);
            *moment = before;
        }
        as_numbered
    });
    // Where every write stands at its number, it stands before those who read it.
    let extends_hb = as_numbered.reduce(|| true, |a, b| a & b);
    drop(number);
    let order = sorted(&moments);
    let turns = order.par_windows(2).with_min_len(1 << 14).filter(|pair| session(pair[0]) != session(pair[1])).count();
    (turns > 2 * chain_ends.len()).then_some(Guess { order, extends_hb })
}

/// The nodes by their moments: first by the block of time that they fall in, then block by block, each mostly within the caches.
fn sorted(moments: &[u32]) -> Vec<u32> {
    const BLOCK_BITS: u32 = 10;
    let last = moments.par_iter().copied().max().unwrap_or(0);
    let shift = (u32::BITS - last.leading_zeros()).saturating_sub(BLOCK_BITS);
    let (starts, mut order) = csr::group((last >> shift) as usize + 1, moments.len(), |node| moments[node] >> shift);
    csr::split(&mut order, &starts).into_par_iter().for_each_init(Vec::new, |keyed, block| {
        keyed.clear();
        keyed.extend(block.iter().map(|&node| u64::from(moments[node as usize]) << 32 | u64::from(node)));
        keyed.sort_unstable();
        block.iter_mut().zip(keyed).for_each(|(node, keyed)| *node = *keyed as u32);
    });
    order
}

/// Of a node that writes none.
const NO_NUMBER: u32 = u32::MAX;

const NONE_YET: (i64, i64) = (i64::MAX, i64::MIN);

fn join(a: (i64, i64), b: (i64, i64)) -> (i64, i64) {
    (a.0.min(b.0), a.1.max(b.1))
}

/// The lowest and the highest number that a chain writes, if each is higher than the one before.
fn rising(chain: std::ops::Range<u32>, written: impl Fn(u32) -> Written) -> Option<(i64, i64)> {
    let (mut lowest, mut highest) = NONE_YET;
    for node in chain {
        match written(node) {
            Written::Nothing => {}
            Written::Number(number) if lowest > highest || number > highest => {
                (lowest, highest) = (lowest.min(number), number);
            }
            _ => return None,
        }
    }
    Some((lowest, highest))
}

#[cfg(test)]
mod tests {
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
        let written = |node: u32| nodes[node as usize].map_or(Written::Nothing, Written::Number);
        by_value(nodes.len(), &starts, &starts[1..], session, written, |node| nodes[node as usize].err().into_iter())
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
