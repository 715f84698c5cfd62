//! In which order the maps of a history are written.

use crate::history::{History, SessionId, Status, TxnId};

/// One of the two maps of a transaction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Half {
    Invocation,
    Completion,
}

/// What stands on a line.
pub(super) enum Line {
    Half(TxnId, Half),
    /// An index into the events.
    Event(usize),
}

/// Why transactions cannot be sorted by time.
pub(super) enum Unsorted {
    /// Some time is not recorded.
    Untimed,
    Overlapping(SessionId),
}

/// Each completion after its invocation, in the order of the file.
pub(super) fn in_pairs(history: &History) -> Vec<Line> {
    let mut lines = Vec::with_capacity(2 * history.transactions() + history.events().len());
    let mut events = history.events().iter().enumerate().peekable();
    for txn in history.txns() {
        let first = history.txn_ops(txn).next().map_or(0, |op| history.line(op));
        while let Some((event, _)) = events.next_if(|(_, event)| event.line < first) {
            lines.push(Line::Event(event));
        }
        lines.extend([Line::Half(txn, Half::Invocation), Line::Half(txn, Half::Completion)]);
    }
    lines.extend(events.map(|(event, _)| Line::Event(event)));
    lines
}

/// Sorted by time. At one instant: first what completes, then what begins and completes, then what begins.
pub(super) fn by_time(history: &History) -> Result<Vec<Line>, Unsorted> {
    let mut keyed = Vec::with_capacity(2 * history.transactions() + history.events().len());
    for txn in history.txns() {
        let invoked = history.invoked(txn).ok_or(Unsorted::Untimed)?;
        let place = txn.index();
        let completed = match history.completed(txn) {
            Some(completed) => completed,
            // Never known to have ended: Jepsen's :info may stand anywhere.
            None if history.txn_status(txn) == Status::Info => invoked,
            None => return Err(Unsorted::Untimed),
        };
        let (begins, ends) = if invoked == completed { (1, 1) } else { (2, 0) };
        keyed.push(((invoked, begins, place, Half::Invocation), Line::Half(txn, Half::Invocation)));
        keyed.push(((completed, ends, place, Half::Completion), Line::Half(txn, Half::Completion)));
    }
    let mut latest = i64::MIN;
    for (i, event) in history.events().iter().enumerate() {
        latest = event.time_ns.unwrap_or(latest);
        keyed.push(((latest, 0, i, Half::Completion), Line::Event(i)));
    }
    keyed.sort_by_key(|&(key, _)| key);
    let mut busy = vec![false; history.sessions()];
    for (_, line) in &keyed {
        if let &Line::Half(txn, half) = line {
            let session = history.txn_session(txn);
            let busy = &mut busy[session.index()];
            if half == Half::Invocation && *busy {
                return Err(Unsorted::Overlapping(session));
            }
            *busy = half == Half::Invocation;
        }
    }
    Ok(keyed.into_iter().map(|(_, line)| line).collect())
}
