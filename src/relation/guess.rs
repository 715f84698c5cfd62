//! A guess at the order in which everything took effect. Verdicts never depend on it; speed does.
//!
//! Recorded completion times where every event has one; else the file's order where the file interleaves the sessions; else that of the
//! values written where they count; else each session's events spread evenly over the whole.

pub(crate) mod by_value;

use std::borrow::Cow;
use std::hint::select_unpredictable;

use rayon::prelude::*;

use crate::history::{History, Status, TxnId};

use super::chains::key_order::places;
use super::csr;
use super::events::{Events, NONE};
use super::matching::Matching;
use super::session_order::SessionOrder;
use by_value::Written;

/// An order of all nodes.
#[derive(Clone)]
pub(crate) struct Guess {
    pub(crate) order: Vec<u32>,
    /// Is it known to extend hb, from how it was made?
    pub(crate) extends_hb: bool,
}

impl From<Vec<u32>> for Guess {
    /// One of which nothing is known.
    fn from(order: Vec<u32>) -> Self {
        Guess { order, extends_hb: false }
    }
}

/// When each node may have taken effect: an order of all nodes that is not made before somebody needs it. They stand in the order of their
/// moments, those of one moment in that of their numbers.
pub(crate) struct Moments<'a> {
    /// By node.
    pub(crate) by_node: Cow<'a, [u32]>,
    /// Is the order known to extend hb, from how the moments were made?
    pub(crate) extend_hb: bool,
}

impl Moments<'_> {
    /// Does a node stand before another one? No other kind of node stands anywhere.
    #[inline]
    pub(crate) fn precedes(&self, a: u32, b: u32) -> bool {
        let moment = |node: u32| self.by_node.get(node as usize).map(|&moment| (moment, node));
        moment(a).zip(moment(b)).is_some_and(|(a, b)| a < b)
    }

    /// The order: first by the block of time that nodes fall in, then block by block, each mostly within the caches.
    pub(crate) fn order(&self) -> Vec<u32> {
        const BLOCK_BITS: u32 = 10;
        let moments = &*self.by_node;
        let last = moments.par_iter().copied().max().unwrap_or(0);
        let shift = (u32::BITS - last.leading_zeros()).saturating_sub(BLOCK_BITS);
        let (starts, mut order) = csr::group((last >> shift) as usize + 1, moments.len(), |node| moments[node] >> shift);
        csr::split(&mut order, &starts).into_par_iter().for_each_init(Default::default, |(counts, keyed), block| {
            sort_block(moments, shift, block, counts, keyed);
        });
        order
    }

    /// The order, each session's chain in sequence; `None` where one of so many sessions hardly ever takes its turn after another.
    pub(crate) fn taking_turns(&self, sessions: usize, session: impl Fn(u32) -> u32 + Sync) -> Option<Guess> {
        let order = self.order();
        let turns = order.par_windows(2).with_min_len(1 << 14).filter(|pair| session(pair[0]) != session(pair[1])).count();
        (turns > 2 * sessions).then_some(Guess { order, extends_hb: self.extend_hb })
    }
}

/// Sorts nodes that ascend by their moments, which have all but the last `shift` bits in common.
fn sort_block(moments: &[u32], shift: u32, block: &mut [u32], counts: &mut Vec<u32>, keyed: &mut Vec<u64>) {
    let moment = |node: u32| moments[node as usize];
    keyed.clear();
    keyed.extend(block.iter().map(|&node| u64::from(moment(node)) << 32 | u64::from(node)));
    if 1 << shift > 4 * block.len() {
        keyed.sort_unstable();
        block.iter_mut().zip(keyed).for_each(|(node, keyed)| *node = *keyed as u32);
        return;
    }
    // Counted by those bits, which takes less where moments are dense.
    let row = |keyed: u64| (keyed >> 32) as usize & ((1 << shift) - 1);
    counts.clear();
    counts.resize(1 << shift, 0);
    keyed.iter().for_each(|&keyed| counts[row(keyed)] += 1);
    let mut next = 0;
    counts.iter_mut().for_each(|count| next += std::mem::replace(count, next));
    for &keyed in &*keyed {
        let slot = &mut counts[row(keyed)];
        block[*slot as usize] = keyed as u32;
        *slot += 1;
    }
}

/// All events in the order that times, the file or values suggest. Each session's chain keeps its sequence.
pub(crate) fn recorded(history: &History, so: &SessionOrder, matching: &Matching, events: &Events) -> Option<Guess> {
    if let Some(times) = times(history, events) {
        let mut keyed: Vec<(i64, u32)> = times.into_iter().zip(0..).collect();
        keyed.par_sort_unstable();
        return Some(keyed.into_iter().map(|(_, e)| e).collect::<Vec<u32>>().into());
    }
    if as_filed(history, so, events) {
        return Some(Guess { order: so.place.to_vec(), extends_hb: matching.writes_precede_reads() });
    }
    if interleaved(history) {
        return Some(in_file_order(history, so, events).into());
    }
    values(history, events)?.taking_turns(events.chain_ends.len(), |e| events.session[e as usize])
}

/// When each event took effect, as the same suggest.
pub(crate) fn moments<'a>(history: &History, so: &'a SessionOrder, matching: &Matching, events: &Events) -> Option<Moments<'a>> {
    if as_filed(history, so, events) {
        return Some(Moments { by_node: so.sequence[..].into(), extend_hb: matching.writes_precede_reads() });
    }
    if !history.txn_invoke.is_empty() || !history.txn_complete.is_empty() || interleaved(history) {
        let Guess { order, extends_hb } = recorded(history, so, matching, events)?;
        return Some(Moments { by_node: places(&order).into(), extend_hb: extends_hb });
    }
    values(history, events)
}

fn values(history: &History, events: &Events) -> Option<Moments<'static>> {
    let (written, read) = (written(history, events), read(history, events));
    by_value::moments(history.operations(), &events.starts, &events.chain_ends, written, read)
}

/// By event.
fn written<'a>(history: &'a History, events: &'a Events) -> impl Fn(u32) -> Written + Sync + 'a {
    let (values, any_cas) = (history.values(), !history.cas_to.is_empty());
    move |e| {
        let (op, writes) = (events.op(e), events.is_write(e));
        let value = if any_cas && writes { history.written_value(op).expect("it writes") } else { history.op_value[op.index()] };
        select_unpredictable(writes, Written::of(values, value), Written::NOTHING)
    }
}

/// By event: what another wrote is what it returned.
fn read<'a>(history: &'a History, events: &'a Events) -> impl Fn(u32) -> Written + Sync + 'a {
    let (values, any_collection) = (history.values(), events.any_collection());
    let written = written(history, events);
    move |e| {
        let source = events.source[e as usize];
        if any_collection && let Some(collected) = events.collection(source) {
            return written(collected.write);
        }
        select_unpredictable(source >= NONE, Written::NOTHING, Written::of(values, history.op_value[events.op(e).index()]))
    }
}

/// All events, or whatever else sessions have, each session's spread evenly: session s has those from `starts[s]` to `starts[s + 1]`.
pub(crate) fn spread(starts: &[u32], session: impl Fn(u32) -> u32 + Sync) -> Vec<u32> {
    let all = starts[starts.len() - 1] as usize;
    // A few a bucket: inside one the order of sessions is as good as any.
    let buckets = all / 8 + 1;
    let bucket = |e: usize| {
        let s = session(e as u32) as usize;
        let (start, end) = (starts[s] as usize, starts[s + 1] as usize);
        ((e - start) as u64 * buckets as u64 / (end - start) as u64) as u32
    };
    csr::group(buckets, all, bucket).1
}

/// By event, when it completed; an indeterminate write counts from its invocation.
fn times(history: &History, events: &Events) -> Option<Vec<i64>> {
    if history.txn_invoke.is_empty() && history.txn_complete.is_empty() {
        return None;
    }
    (0..events.len() as u32).map(|e| ends(history, history.txn(events.op(e)))).collect()
}

/// When a transaction completed; an indeterminate one counts from its invocation.
pub(crate) fn ends(history: &History, txn: TxnId) -> Option<i64> {
    let end = if history.txn_status(txn) == Status::Info { None } else { history.completed(txn) };
    end.or_else(|| history.invoked(txn))
}

/// Is the guess the file's order, and each transaction an event by itself? Then the places in `so` are that order, and its sequence the
/// place of each event.
fn as_filed(history: &History, so: &SessionOrder, events: &Events) -> bool {
    events.plain && so.reordered == 0 && history.txn_invoke.is_empty() && history.txn_complete.is_empty() && interleaved(history)
}

/// Do sessions take turns in the file, rather than stand in it one after another?
pub(crate) fn interleaved(history: &History) -> bool {
    const PIECE: usize = 1 << 12;
    let session = &history.txn_session;
    let turns = session.chunks(PIECE).zip(session.get(1..).unwrap_or_default().chunks(PIECE));
    let mut turns = turns.map(|(these, next)| these.iter().zip(next).filter(|(this, next)| this != next).count());
    // (Mostly a few pieces tell.)
    turns.try_fold(0, |all, turns| Some(all + turns).filter(|&all| all <= 2 * history.sessions())).is_none()
}

fn in_file_order(history: &History, so: &SessionOrder, events: &Events) -> Vec<u32> {
    if so.reordered > 0 || events.any_info() {
        return csr::group(history.operations(), events.len(), |e| events.op[e]).1;
    }
    // Every session has its events in the file's order: merging them takes one look ahead in each.
    let mut next = events.starts.clone();
    let mut order = Vec::with_capacity(events.len());
    for txn in history.txns() {
        let s = history.txn_session(txn).index();
        let end = history.first_op(txn.index() + 1) as u32;
        while next[s] < events.chain_ends[s] && events.op[next[s] as usize] < end {
            order.push(next[s]);
            next[s] += 1;
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::Moments;

    #[test]
    fn moments_are_sorted_however_dense() {
        for (seed, (nodes, range)) in (0..).zip([(0, 1), (1, 1), (1_000, 1), (1_000, 900), (50_000, 20_000), (3_000, u32::MAX)]) {
            println!("seed {seed}: {nodes} nodes, moments below {range}");
            let mut rng = Rng::with_seed(seed);
            let by_node: Vec<u32> = (0..nodes).map(|_| rng.u32(..range)).collect();
            let mut expected: Vec<u32> = (0..nodes).collect();
            expected.sort_by_key(|&node| by_node[node as usize]);
            assert_eq!(Moments { by_node: by_node.into(), extend_hb: false }.order(), expected);
        }
    }
}
