//! Session order (`so`): in which order each session issued its transactions (models.md 1).
//!
//! A session is sequential. Where times are recorded, interval order: a so b iff a completed no later than b was invoked (of two that
//! each ended when the other began, the file's order). An `ok` transaction that lacks one of its times is a *barrier*: the file's order
//! decides between it and everything else of its session, and hence across it. `info` transactions have so coming in only, are never
//! barriers, and never make a session overlap; one without an invocation follows what the file has before it, and what precedes that.
//!
//! The barriers cut a session into *segments*, each barrier one of its own, so that a [`Moment`] tells before from after: a so b iff a
//! ends before b begins. That the rule is one of pairs matters: to leave a transaction out says nothing new about the others.
//!
//! Cost: O(n) where each session has no times, or all and in the file's order without overlap; else a sort of the sessions that have not.

use std::sync::Arc;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::history::{History, SessionId, Status, TxnId};

use super::csr;

/// Session order of the transactions of a history.
pub(crate) struct SessionOrder {
    /// The transactions grouped by session, each session's in sequence.
    pub(crate) sequence: Arc<Vec<u32>>,
    /// Session s is `sequence[starts[s]..starts[s + 1]]`.
    pub(crate) starts: Vec<u32>,
    /// The place of each transaction in `sequence`; the same, where the file has one session after another.
    pub(crate) place: Arc<Vec<u32>>,
    /// By session: do two of its `ok` transactions overlap? Empty where none does.
    overlaps: Vec<bool>,
    /// By transaction: its segment. Empty where no session with times has a barrier.
    segments: Vec<u32>,
    /// The `info` transactions without invocation of sessions with times: when the last `ok` one before it in the file, of its segment,
    /// was invoked.
    by_file: FxHashMap<TxnId, i64>,
    /// Sessions whose times reorder the file.
    pub(crate) reordered: usize,
}

/// A moment in one session: its segment, the time, and the place in sequence where times are equal or there are none.
pub(crate) type Moment = (u32, i64, u32);

impl SessionOrder {
    pub(crate) fn new(history: &History) -> Self {
        let (starts, sequence, place) = by_session(history);
        let mut this = SessionOrder {
            sequence,
            starts,
            place,
            overlaps: Vec::new(),
            segments: Vec::new(),
            by_file: FxHashMap::default(),
            reordered: 0,
        };
        if !history.txn_invoke.is_empty() {
            for session in (0..history.sessions()).map(SessionId::new) {
                if !in_order(history, this.of(session)) {
                    this.sort_by_time(history, session);
                }
            }
        }
        this
    }

    /// The transactions of a session, in sequence.
    pub(crate) fn of(&self, session: SessionId) -> &[u32] {
        let s = session.index();
        &self.sequence[self.starts[s] as usize..self.starts[s + 1] as usize]
    }

    /// Has the file one session after another, each in sequence? Then every place is the transaction's own.
    pub(crate) fn as_filed(&self) -> bool {
        Arc::ptr_eq(&self.sequence, &self.place)
    }

    /// Do recorded times overlap inside the session?
    pub(crate) fn overlap(&self, session: SessionId) -> bool {
        self.overlaps.get(session.index()).copied().unwrap_or(false)
    }

    /// How many sessions overlap.
    pub(crate) fn overlapping_sessions(&self) -> usize {
        self.overlaps.iter().filter(|&&o| o).count()
    }

    /// a so b, for two transactions of one session? False where a is not `ok`, or b failed.
    pub(crate) fn precedes(&self, history: &History, a: TxnId, b: TxnId) -> bool {
        // Whoever precedes is earlier in sequence.
        if history.txn_status(a) != Status::Ok || self.place[a.index()] >= self.place[b.index()] {
            return false;
        }
        match history.txn_status(b) {
            Status::Ok if !self.overlap(history.txn_session(a)) => true,
            Status::Fail => false,
            _ => self.ends_at(history, a) < self.begins_at(history, b) || a < b && self.follows_file(b),
        }
    }

    /// When a transaction begins, for comparison with when others of its session end.
    pub(crate) fn begins_at(&self, history: &History, txn: TxnId) -> Moment {
        let invoked = match history.txn_status(txn) {
            Status::Info => history.invoked(txn).or_else(|| self.by_file.get(&txn).copied()),
            _ => times(history, txn).map(|(invoked, _)| invoked),
        };
        (self.segment(txn), invoked.unwrap_or(0), self.place[txn.index()])
    }

    /// When an `ok` transaction ends: it precedes what begins later, and else only what follows the file.
    pub(crate) fn ends_at(&self, history: &History, txn: TxnId) -> Moment {
        let completed = times(history, txn).map_or(0, |(_, completed)| completed);
        (self.segment(txn), completed, self.place[txn.index()])
    }

    /// Does every `ok` transaction that the file has before it in its session precede it, ended or not? So it is with an `info` one
    /// without invocation in a session with times.
    pub(crate) fn follows_file(&self, txn: TxnId) -> bool {
        self.by_file.contains_key(&txn)
    }

    fn segment(&self, txn: TxnId) -> u32 {
        self.segments.get(txn.index()).copied().unwrap_or(0)
    }

    /// Sorts a session by (segment, invocation, completion, file). An `info` transaction without invocation stays behind the last in that
    /// order of those that it follows.
    fn sort_by_time(&mut self, history: &History, session: SessionId) {
        const START: (i64, i64) = (i64::MIN, i64::MIN);
        let (mut segment, mut last) = (0, START);
        let mut keyed: Vec<(u32, (i64, i64), u32)> = Vec::new();
        for &txn in self.of(session) {
            let id = TxnId::new(txn as usize);
            keyed.push(match (history.txn_status(id), times(history, id), history.invoked(id)) {
                (Status::Ok, None, _) => {
                    (segment, last) = (segment + 2, START);
                    (segment - 1, START, txn)
                }
                (Status::Ok, Some(times), _) => {
                    last = last.max(times);
                    (segment, times, txn)
                }
                (Status::Info, _, Some(invoked)) => (segment, (invoked, i64::MAX), txn),
                // A failed one takes no part, wherever it is.
                _ => (segment, last, txn),
            });
        }
        if segment > 0 {
            self.segments.resize(history.transactions(), 0);
            keyed.iter().for_each(|&(segment, _, txn)| self.segments[txn as usize] = segment);
        }
        let follows_file = |&txn: &TxnId| history.txn_status(txn) == Status::Info && history.invoked(txn).is_none();
        let filed = keyed.iter().map(|&(_, last, txn)| (TxnId::new(txn as usize), last.0));
        self.by_file.extend(filed.filter(|(txn, _)| follows_file(txn)));
        // Stable: equal times keep the file's order.
        self.reordered += usize::from(!keyed.is_sorted_by_key(|&(segment, times, _)| (segment, times)));
        keyed.sort_by_key(|&(segment, times, _)| (segment, times));
        if overlapping(history, &keyed) {
            self.overlaps.resize(history.sessions(), false);
            self.overlaps[session.index()] = true;
        }
        let start = self.starts[session.index()] as usize;
        for (i, (.., txn)) in keyed.into_iter().enumerate() {
            Arc::make_mut(&mut self.sequence)[start + i] = txn;
            Arc::make_mut(&mut self.place)[txn as usize] = (start + i) as u32;
        }
    }
}

/// The transactions grouped by session, as the file has them: where each group starts, the groups, and the place of each transaction.
fn by_session(history: &History) -> (Vec<u32>, Arc<Vec<u32>>, Arc<Vec<u32>>) {
    let (sessions, of) = (history.sessions(), &history.txn_session);
    if of.is_sorted() {
        let sequence = Arc::new((0..of.len() as u32).into_par_iter().with_min_len(1 << 14).collect::<Vec<u32>>());
        let starts = (0..=sessions).map(|s| of.partition_point(|&session| (session as usize) < s) as u32);
        return (starts.collect(), Arc::clone(&sequence), sequence);
    }
    let (starts, sequence, place) = csr::group_and_places(sessions, of.len(), |txn| of[txn]);
    (starts, Arc::new(sequence), Arc::new(place))
}

/// Both times of a transaction.
fn times(history: &History, txn: TxnId) -> Option<(i64, i64)> {
    history.invoked(txn).zip(history.completed(txn))
}

/// Does the file's order stand: has the session no times, or all of them in order and without overlap? So it is with the usual session.
fn in_order(history: &History, session: &[u32]) -> bool {
    let (mut last, mut latest) = ((i64::MIN, i64::MIN), i64::MIN);
    let (mut timed, mut untimed) = (false, false);
    for id in session.iter().map(|&txn| TxnId::new(txn as usize)) {
        let invoked = history.invoked(id);
        let key = match history.txn_status(id) {
            Status::Ok => times(history, id),
            Status::Info => invoked.map(|invoked| (invoked, i64::MAX)),
            Status::Fail => continue,
        };
        timed |= invoked.is_some();
        untimed |= key.is_none();
        let Some((invoked, completed)) = key else { continue };
        if (invoked, completed) < last {
            return false;
        }
        last = (invoked, completed);
        if history.txn_status(id) == Status::Ok {
            if invoked < latest {
                return false;
            }
            latest = completed;
        }
    }
    !(timed && untimed)
}

/// Do two `ok` transactions of one segment overlap?
fn overlapping(history: &History, sorted: &[(u32, (i64, i64), u32)]) -> bool {
    let mut latest = (0, i64::MIN);
    for &(segment, (invoked, completed), txn) in sorted {
        if history.txn_status(TxnId::new(txn as usize)) == Status::Ok {
            if (segment, invoked) < latest {
                return true;
            }
            latest = latest.max((segment, completed));
        }
    }
    false
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
    }

    #[test]
    fn an_info_operation_never_overlaps_and_orders_nothing_after_it() {
        check(
            &[(Some(0), Some(10), Status::Ok), (Some(5), Some(7), Status::Info), (Some(11), Some(12), Status::Ok)],
            false,
            &[(0, 2)],
        );
    }

    #[test]
    fn what_lacks_a_time_parts_what_the_file_has_before_it_from_what_comes_behind() {
        let ok = |a, b| (Some(a), Some(b), Status::Ok);
        // The last began before all others: the barrier decides, not the clock.
        let behind = [(0, 2), (0, 3), (1, 2), (1, 3), (2, 3)];
        for barrier in [(None, None), (Some(0), None), (None, Some(90))] {
            check(&[ok(1, 10), ok(5, 12), (barrier.0, barrier.1, Status::Ok), ok(0, 20)], true, &behind);
        }
        check(&[(None, None, Status::Ok), ok(5, 6), ok(1, 2)], false, &[(0, 1), (0, 2), (2, 1)]);
    }

    #[test]
    fn a_timed_info_operation_follows_the_barrier_before_it_and_what_had_completed() {
        let ok = |a, b| (Some(a), Some(b), Status::Ok);
        let info = |a| (Some(a), None, Status::Info);
        let barrier = (None, None, Status::Ok);
        check(&[barrier, info(0), ok(1, 2), barrier], false, &[(0, 1), (0, 2), (0, 3), (2, 3)]);
        check(&[ok(1, 9), info(5), ok(2, 5), barrier], true, &[(0, 3), (2, 1), (2, 3)]);
    }

    #[test]
    fn an_info_operation_without_invocation_follows_what_the_file_has_before_it() {
        let ok = |a, b| (Some(a), Some(b), Status::Ok);
        let info = (None, None, Status::Info);
        check(&[info, ok(1, 2), info, ok(3, 4)], false, &[(1, 2), (1, 3)]);
        // Behind it in the file, but before what is before it.
        check(&[ok(5, 6), info, ok(3, 4)], false, &[(0, 1), (2, 0), (2, 1)]);
        check(&[ok(5, 20), ok(6, 7), info, ok(3, 5), ok(7, 8)], true, &[(0, 2), (1, 2), (1, 4), (3, 0), (3, 1), (3, 2), (3, 4)]);
    }
}
