//! A guess at the order in which everything took effect. Verdicts never depend on it; speed does.
//!
//! Recorded completion times where every event has one; else the file's order where the file interleaves the sessions; else that of the
//! values written where they count; else each session's events spread evenly over the whole.

pub(crate) mod by_value;

use rayon::prelude::*;

use crate::history::{History, Status, TxnId};

use super::csr;
use super::events::{Events, NONE};
use super::matching::Matching;
use super::session_order::SessionOrder;
use by_value::{Written, by_value};

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

/// All events in the order that times, the file or values suggest. Each session's chain keeps its sequence.
pub(crate) fn recorded(history: &History, so: &SessionOrder, matching: &Matching, events: &Events) -> Option<Guess> {
    if let Some(times) = times(history, events) {
        let mut keyed: Vec<(i64, u32)> = times.into_iter().zip(0..).collect();
        keyed.par_sort_unstable();
        return Some(keyed.into_iter().map(|(_, e)| e).collect::<Vec<u32>>().into());
    }
    if as_filed(history, so, events) {
        return Some(Guess { order: so.place.clone(), extends_hb: matching.writes_precede_reads() });
    }
    if interleaved(history) {
        return Some(in_file_order(history, so, events).into());
    }
    let written = |e: u32| match events.is_write(e) {
        true => Written::of(history.values(), history.written_value(events.op(e)).expect("it writes")),
        false => Written::Nothing,
    };
    let source = |e: u32| {
        let source = Some(events.source[e as usize]).filter(|&source| source < NONE)?;
        Some(events.collection(source).map_or(source, |collected| collected.write))
    };
    let session = |e| events.session[e as usize];
    by_value(history.operations(), &events.starts, &events.chain_ends, session, written, |e| source(e).into_iter())
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
pub(crate) fn as_filed(history: &History, so: &SessionOrder, events: &Events) -> bool {
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
