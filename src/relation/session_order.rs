//! Session order (`so`): in which order each session issued its transactions (models.md 1).
//!
//! A session is sequential: its transactions by invocation time where that is recorded, a transaction without one staying behind its
//! predecessor in the file. Where recorded times overlap inside a session, so is the interval order instead: a so b iff a completed no
//! later than b was invoked; neighbours of which that is not known are in sequence. `info` transactions have so coming in only, and
//! never make a session overlap.
//!
//! The transitive closure of that needs no search. A *block* is a longest run of neighbours in sequence for want of times; inside it
//! all follow one another. From a, whatever was invoked once the first of a and those behind it in its block had completed is reached;
//! and b is reached with the latest invoked of those before it in its block and itself.
//!
//! Cost: O(n) where the file has each session in order already, else a sort of the sessions that it has not.

use crate::history::{History, SessionId, Status, TxnId};

/// What session order asks of a transaction of an overlapping session.
#[derive(Clone, Copy)]
struct Span {
    block: u32,
    /// When the first of it and those behind it in its block has completed.
    done: i64,
    /// When the last of it and those before it in its block was invoked.
    begun: i64,
}

/// Session order of the transactions of a history.
pub(crate) struct SessionOrder {
    /// The transactions grouped by session, each session's in sequence.
    pub(crate) sequence: Vec<u32>,
    /// Session s is `sequence[starts[s]..starts[s + 1]]`.
    pub(crate) starts: Vec<u32>,
    /// The place of each transaction in `sequence`.
    place: Vec<u32>,
    /// By session: do two of its `ok` transactions overlap? Empty where none does.
    overlaps: Vec<bool>,
    /// By transaction, where any session overlaps (else empty).
    spans: Vec<Span>,
    /// Sessions whose times reorder the file.
    pub(crate) reordered: usize,
}

impl SessionOrder {
    pub(crate) fn new(history: &History) -> Self {
        let (starts, mut sequence) = grouped(history);
        let mut reordered = 0;
        let mut overlaps = Vec::new();
        if !history.txn_invoke.is_empty() {
            for s in 0..history.sessions() {
                let session = &mut sequence[starts[s] as usize..starts[s + 1] as usize];
                reordered += usize::from(sort_by_time(history, session));
            }
            overlaps = (0..history.sessions())
                .map(|s| overlapping(history, &sequence[starts[s] as usize..starts[s + 1] as usize]))
                .collect();
            if !overlaps.contains(&true) {
                overlaps = Vec::new();
            }
        }
        let mut place = vec![0; sequence.len()];
        for (i, &txn) in sequence.iter().enumerate() {
            place[txn as usize] = i as u32;
        }
        let spans = if overlaps.is_empty() { Vec::new() } else { spans(history, &starts, &sequence) };
        SessionOrder { sequence, starts, place, overlaps, spans, reordered }
    }

    /// The transactions of a session, in sequence.
    pub(crate) fn of(&self, session: SessionId) -> &[u32] {
        let s = session.index();
        &self.sequence[self.starts[s] as usize..self.starts[s + 1] as usize]
    }

    /// Do recorded times overlap inside the session?
    pub(crate) fn overlap(&self, session: SessionId) -> bool {
        self.overlaps.get(session.index()).copied().unwrap_or(false)
    }

    /// How many sessions overlap.
    pub(crate) fn overlapping_sessions(&self) -> usize {
        self.overlaps.iter().filter(|&&o| o).count()
    }

    /// a so b, for two transactions of one session? False where a is not `ok`.
    pub(crate) fn precedes(&self, history: &History, a: TxnId, b: TxnId) -> bool {
        if history.txn_status(a) != Status::Ok || self.place[a.index()] >= self.place[b.index()] {
            return false;
        }
        if self.overlap(history.txn_session(a)) {
            return self.same_block(a, b) || self.ends_at(history, a) < self.begins_at(history, b);
        }
        match (history.completed(a), history.invoked(b)) {
            (Some(completed), Some(invoked)) if history.txn_status(b) == Status::Info => completed <= invoked,
            _ => true,
        }
    }

    /// When a transaction begins, for comparison with when others of its session end.
    pub(crate) fn begins_at(&self, history: &History, txn: TxnId) -> Moment {
        let overlap = self.overlap(history.txn_session(txn));
        (if overlap { self.spans[txn.index()].begun } else { 0 }, self.place[txn.index()])
    }

    /// When an `ok` transaction ends: it precedes what begins later. In an overlapping session it may also precede what is in its block.
    pub(crate) fn ends_at(&self, history: &History, txn: TxnId) -> Moment {
        let overlap = self.overlap(history.txn_session(txn));
        (if overlap { self.spans[txn.index()].done } else { 0 }, self.place[txn.index()])
    }

    /// Do the two, of one overlapping session, follow one another for want of times?
    pub(crate) fn same_block(&self, a: TxnId, b: TxnId) -> bool {
        self.spans[a.index()].block == self.spans[b.index()].block
    }
}

/// A moment in one session: the time, and the place in sequence where times are equal.
pub(crate) type Moment = (i64, u32);

/// The transactions by session, in file order: a counting sort.
fn grouped(history: &History) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0u32; history.sessions() + 1];
    for &s in &history.txn_session {
        starts[s as usize + 1] += 1;
    }
    for s in 0..history.sessions() {
        starts[s + 1] += starts[s];
    }
    let mut next = starts.clone();
    let mut sequence = vec![0u32; history.transactions()];
    for (txn, &s) in history.txn_session.iter().enumerate() {
        sequence[next[s as usize] as usize] = txn as u32;
        next[s as usize] += 1;
    }
    (starts, sequence)
}

/// Sorts by (invocation, completion, file); a transaction without invocation stays behind its predecessor. True where that changed
/// the file's order.
fn sort_by_time(history: &History, session: &mut [u32]) -> bool {
    // The usual session is sorted, and then nothing is allocated.
    let mut last = (i64::MIN, i64::MIN);
    let mut keyed: Vec<(i64, i64, u32)> = Vec::new();
    let mut sorted = true;
    for (i, &txn) in session.iter().enumerate() {
        let id = TxnId::new(txn as usize);
        let time = match history.invoked(id) {
            None => last,
            Some(invoked) => (invoked, ends(history, id).unwrap_or(i64::MAX)),
        };
        if time < last && sorted {
            sorted = false;
            // Only now are keys worth keeping: recompute those already passed.
            let mut before = (i64::MIN, i64::MIN);
            for &earlier in &session[..i] {
                let id = TxnId::new(earlier as usize);
                if let Some(invoked) = history.invoked(id) {
                    before = (invoked, ends(history, id).unwrap_or(i64::MAX));
                }
                keyed.push((before.0, before.1, earlier));
            }
        }
        if !sorted {
            keyed.push((time.0, time.1, txn));
        }
        last = time;
    }
    if !sorted {
        // Stable: equal times keep the file's order.
        keyed.sort_by_key(|&(invoked, completed, _)| (invoked, completed));
        for (slot, (_, _, txn)) in session.iter_mut().zip(keyed) {
            *slot = txn;
        }
    }
    !sorted
}

/// When an `ok` transaction completed; an indeterminate one never does.
fn ends(history: &History, txn: TxnId) -> Option<i64> {
    if history.txn_status(txn) == Status::Info { None } else { history.completed(txn) }
}

/// Are two `ok` transactions known to overlap?
fn overlapping(history: &History, session: &[u32]) -> bool {
    let mut latest = i64::MIN;
    for id in session.iter().map(|&txn| TxnId::new(txn as usize)) {
        if history.txn_status(id) == Status::Ok {
            if history.invoked(id).is_some_and(|invoked| invoked < latest) {
                return true;
            }
            latest = latest.max(history.completed(id).unwrap_or(i64::MIN));
        }
    }
    false
}

fn spans(history: &History, starts: &[u32], sequence: &[u32]) -> Vec<Span> {
    let mut spans = vec![Span { block: 0, done: i64::MAX, begun: i64::MIN }; sequence.len()];
    let mut block = 0;
    for s in 0..starts.len() - 1 {
        let session = &sequence[starts[s] as usize..starts[s + 1] as usize];
        let ok = |&&txn: &&u32| history.txn_status(TxnId::new(txn as usize)) == Status::Ok;
        let mut before: Option<TxnId> = None;
        for &txn in session {
            let id = TxnId::new(txn as usize);
            let invoked = history.invoked(id);
            // An `info` transaction joins the block that it may be the last of, and never passes it on.
            let joins = before.is_some_and(|before| invoked.is_none() || history.completed(before).is_none());
            block += 1;
            let span = &mut spans[txn as usize];
            (span.block, span.begun) = (block, invoked.unwrap_or(i64::MIN));
            if let Some(before) = before.filter(|_| joins) {
                let earlier = spans[before.index()];
                let span = &mut spans[txn as usize];
                (span.block, span.begun) = (earlier.block, span.begun.max(earlier.begun));
            }
            if history.txn_status(id) == Status::Ok {
                before = Some(id);
            }
        }
        let mut behind: Option<Span> = None;
        for &txn in session.iter().rev().filter(ok) {
            let span = &mut spans[txn as usize];
            span.done = history.completed(TxnId::new(txn as usize)).unwrap_or(i64::MAX);
            if let Some(behind) = behind.filter(|behind| behind.block == span.block) {
                span.done = span.done.min(behind.done);
            }
            behind = Some(*span);
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{HistoryBuilder, Kind, OpInput, TxnInput, ValueId};

    /// One session of (invoke, complete, status); pairs (a, b) with a so b.
    fn check(txns: &[(Option<i64>, Option<i64>, Status)], overlaps: bool, expected: &[(usize, usize)]) {
        let mut b = HistoryBuilder::new();
        let (session, key) = (b.values.string("s"), b.values.string("x"));
        for &(invoke_ns, complete_ns, status) in txns {
            b.begin(TxnInput { status, invoke_ns, complete_ns, ..TxnInput::ok(session) });
            b.op(OpInput::new(Kind::Write, key, ValueId::NULL));
        }
        let history = b.finish().unwrap();
        let so = SessionOrder::new(&history);
        assert_eq!(so.overlap(SessionId::new(0)), overlaps);
        let mut found = Vec::new();
        for a in 0..txns.len() {
            for b in 0..txns.len() {
                if a != b && so.precedes(&history, TxnId::new(a), TxnId::new(b)) {
                    found.push((a, b));
                }
            }
        }
        assert_eq!(found, expected);
    }

    #[test]
    fn without_times_the_file_is_the_order() {
        check(&[(None, None, Status::Ok), (None, None, Status::Info), (None, None, Status::Ok)], false, &[(0, 1), (0, 2)]);
    }

    #[test]
    fn times_win_over_the_file() {
        check(&[(Some(5), Some(6), Status::Ok), (Some(1), Some(2), Status::Ok)], false, &[(1, 0)]);
    }

    #[test]
    fn overlapping_intervals_are_unordered() {
        let ok = |a, b| (Some(a), Some(b), Status::Ok);
        check(&[ok(0, 10), ok(5, 12), ok(10, 20)], true, &[(0, 2)]);
        // An operation without times comes between its neighbours, and whatever follows from that.
        check(&[ok(0, 10), ok(5, 12), (None, None, Status::Ok), ok(11, 20)], true, &[(0, 3), (1, 2), (1, 3), (2, 3)]);
        check(&[ok(0, 4), ok(3, 12), (None, None, Status::Ok), ok(5, 20)], true, &[(0, 3), (1, 2), (1, 3), (2, 3)]);
    }

    #[test]
    fn an_info_operation_never_overlaps_and_orders_nothing_after_it() {
        check(
            &[(Some(0), Some(10), Status::Ok), (Some(5), Some(7), Status::Info), (Some(11), Some(12), Status::Ok)],
            false,
            &[(0, 2)],
        );
    }
}
