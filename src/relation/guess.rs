//! A guess at the order in which everything took effect. Verdicts never depend on it; speed does.
//!
//! Recorded completion times where every event has one; else the file's order where the file interleaves the sessions; else each
//! session's events spread evenly over the whole.

use crate::history::History;

use super::events::Events;

/// All events in the guessed order. Each session's chain keeps its sequence.
pub(crate) fn guess(history: &History, events: &Events) -> Vec<u32> {
    let n = events.len();
    if let Some(times) = times(history, events) {
        return sorted_by(n, |e| times[e as usize]);
    }
    if interleaved(history) {
        return in_file_order(history, events);
    }
    sorted_by(n, |e| {
        let s = events.session[e as usize] as usize;
        let (start, end) = (events.starts[s], events.starts[s + 1]);
        (i64::from(e - start) << 31) / i64::from(end - start)
    })
}

fn sorted_by(n: usize, key: impl Fn(u32) -> i64) -> Vec<u32> {
    let mut keyed: Vec<(i64, u32)> = (0..n as u32).map(|e| (key(e), e)).collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, e)| e).collect()
}

/// By event, when it completed; an indeterminate write counts from its invocation.
fn times(history: &History, events: &Events) -> Option<Vec<i64>> {
    if history.txn_invoke.is_empty() && history.txn_complete.is_empty() {
        return None;
    }
    (0..events.len() as u32)
        .map(|e| {
            let txn = history.txn(events.op(e));
            let end = if events.is_info(e) { None } else { history.completed(txn) };
            end.or_else(|| history.invoked(txn))
        })
        .collect()
}

/// Do sessions take turns in the file, rather than stand in it one after another?
fn interleaved(history: &History) -> bool {
    let turns = history.txn_session.windows(2).filter(|pair| pair[0] != pair[1]).count();
    turns > 2 * history.sessions()
}

fn in_file_order(history: &History, events: &Events) -> Vec<u32> {
    let (starts, grouped) = super::csr::group(history.operations(), events.op.iter().copied());
    debug_assert_eq!(starts.len(), history.operations() + 1);
    grouped
}
