//! The order that values tell where they count what is written: numbers of a counter that all sessions share, or of a clock.
//!
//! They are believed to where those that each session writes rise, and where from one number to the next it is mostly another session's
//! turn. A write stands where its number is; a read behind what it returned and what its session did before. O(n log n), at most 12
//! bytes a node, freed at the end.

use rayon::prelude::*;

use crate::history::{Tag, Value, ValueId, Values};

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

/// All nodes, sessions in sequence; `None` where numbers tell nothing. Session s has the nodes `starts[s]..starts[s + 1]`, of which those
/// before `chain_ends[s]` follow one another. `sources` are the nodes that a node read from.
pub(crate) fn by_value<S: Iterator<Item = u32>>(
    starts: &[u32],
    chain_ends: &[u32],
    session: impl Fn(u32) -> u32 + Sync,
    written: impl Fn(u32) -> Written + Sync,
    sources: impl Fn(u32) -> S + Sync,
) -> Option<Vec<u32>> {
    let sessions = || (0..chain_ends.len()).into_par_iter();
    let (lowest, highest) =
        sessions().map(|s| rising(starts[s]..chain_ends[s], &written)).try_reduce(|| NONE_YET, |a, b| Some(join(a, b)))?;
    if lowest > highest {
        return None;
    }
    // In 30 bits: twice the number for a write, and one more for who reads it.
    let shift = 34u32.saturating_sub(lowest.abs_diff(highest).leading_zeros());
    let moment = |number: i64| 2 * (number.clamp(lowest, highest).abs_diff(lowest) >> shift) as u32;
    let nodes = starts[starts.len() - 1];
    let number: Vec<u32> = (0..nodes)
        .into_par_iter()
        .with_min_len(1 << 14)
        .map(|node| match written(node) {
            Written::Number(number) => moment(number),
            _ => 0,
        })
        .collect();
    let mut order: Vec<u64> = sessions()
        .flat_map_iter(|s| {
            let (number, sources) = (&number, &sources);
            let mut before = 0;
            (starts[s]..starts[s + 1]).map(move |node| {
                let read = sources(node).map(|source| number[source as usize] + 1).max().unwrap_or(0);
                let own = number[node as usize].max(read);
                if node < chain_ends[s] {
                    before = own.max(before);
                    u64::from(before) << 32 | u64::from(node)
                } else {
                    u64::from(own) << 32 | u64::from(node)
                }
            })
        })
        .collect();
    drop(number);
    order.par_sort_unstable();
    let turns = order.par_windows(2).with_min_len(1 << 14).filter(|pair| session(pair[0] as u32) != session(pair[1] as u32)).count();
    (turns > 2 * chain_ends.len()).then(|| order.into_iter().map(|keyed| keyed as u32).collect())
}

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
