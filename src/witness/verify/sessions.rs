//! Session order, derived for verification alone (models.md 1).
//!
//! The `ok` transactions of a session are sorted by invocation; one without an invocation stays behind its predecessor in the file.
//! Two timed ones are in session order when the first completed no later than the second was invoked; where one lacks a time, neighbours
//! are. From each place the closure reaches a run of linked neighbours and, through the first of them to complete, everything that was
//! invoked after: two numbers a transaction answer any question in O(1). `info` transactions stand aside: order comes in, none goes out.

use crate::history::{History, OpId, Status, TxnId};

/// A moment and a place: places break ties between operations of no duration.
pub(super) type Moment = (i64, u32);

const NEVER: Moment = (i64::MAX, u32::MAX);
const ALWAYS: Moment = (i64::MIN, 0);
const NOWHERE: u32 = u32::MAX;

pub(super) struct SessionOrder<'h> {
    history: &'h History,
    /// The `ok` transactions that hold operations, session after session, each session in its order.
    order: Vec<TxnId>,
    /// By session: its first place in `order`; and one past the last at the end.
    first: Vec<u32>,
    /// By transaction: its place in `order`; of an `info` one, the place behind its last `ok` predecessor.
    place: Vec<u32>,
    /// By place: the last place reached from it by links between neighbours.
    run_end: Vec<u32>,
    /// By place: the earliest completion of its run. What is invoked after that comes later.
    done: Vec<Moment>,
    /// By place: the invocation of the last timed transaction at or before it.
    begun: Vec<Moment>,
}

impl<'h> SessionOrder<'h> {
    pub(super) fn new(history: &'h History) -> Self {
        let mut members: Vec<Vec<TxnId>> = vec![Vec::new(); history.sessions()];
        for txn in history.txns() {
            if history.txn_ops(txn).len() > 0 {
                members[history.txn_session(txn).index()].push(txn);
            }
        }
        let mut this = SessionOrder {
            history,
            order: Vec::with_capacity(history.transactions()),
            first: vec![0],
            place: vec![NOWHERE; history.transactions()],
            run_end: Vec::new(),
            done: Vec::new(),
            begun: Vec::new(),
        };
        for txns in &mut members {
            sort_session(history, txns);
            for &txn in txns.iter() {
                if history.txn_status(txn) != Status::Fail {
                    this.place[txn.index()] = this.order.len() as u32;
                }
                if history.txn_status(txn) == Status::Ok {
                    this.order.push(txn);
                }
            }
            this.first.push(this.order.len() as u32);
        }
        this.close();
        this
    }

    /// Fills in what each place reaches.
    fn close(&mut self) {
        let places = self.order.len();
        self.run_end = (0..places as u32).collect();
        self.done = vec![NEVER; places];
        self.begun = vec![ALWAYS; places];
        for session in 0..self.history.sessions() {
            let (from, to) = (self.first[session] as usize, self.first[session + 1] as usize);
            let mut last = ALWAYS;
            for place in from..to {
                last = self.invocation(place).unwrap_or(last);
                self.begun[place] = last;
            }
            for place in (from..to).rev() {
                self.done[place] = self.completion(place).unwrap_or(NEVER);
                if place + 1 < to && self.linked(place + 1) {
                    self.run_end[place] = self.run_end[place + 1];
                    self.done[place] = self.done[place].min(self.done[place + 1]);
                }
            }
        }
    }

    /// When the transaction at a place was invoked, if both its times are recorded.
    pub(super) fn invocation(&self, place: usize) -> Option<Moment> {
        self.times(place).map(|(invoked, _)| (invoked, place as u32))
    }

    /// When the transaction at a place completed, if both its times are recorded.
    pub(super) fn completion(&self, place: usize) -> Option<Moment> {
        self.times(place).map(|(_, completed)| (completed, place as u32))
    }

    fn times(&self, place: usize) -> Option<(i64, i64)> {
        let txn = self.order[place];
        self.history.invoked(txn).zip(self.history.completed(txn))
    }

    /// The `ok` transactions of a session by place.
    pub(super) fn places(&self, session: usize) -> std::ops::Range<usize> {
        self.first[session] as usize..self.first[session + 1] as usize
    }

    /// The transaction at a place.
    pub(super) fn at(&self, place: usize) -> TxnId {
        self.order[place]
    }

    /// The place of an operation's transaction; of an `info` one, the place behind its last `ok` predecessor.
    pub(super) fn place(&self, op: OpId) -> usize {
        self.place[self.history.txn(op).index()] as usize
    }

    /// Is the transaction at a place, not the first of its session, in session order after the one just before?
    pub(super) fn linked(&self, place: usize) -> bool {
        match (self.completion(place - 1), self.invocation(place)) {
            (Some(completed), Some(invoked)) => completed < invoked,
            _ => true,
        }
    }

    /// The `ok` transaction that an `info` one follows as its neighbour, by place.
    pub(super) fn neighbour_of_info(&self, txn: TxnId) -> Option<usize> {
        let session = self.history.txn_session(txn).index();
        let before = (self.place[txn.index()] as usize).checked_sub(1).filter(|&p| p >= self.first[session] as usize)?;
        (self.history.invoked(txn).is_none() || self.times(before).is_none()).then_some(before)
    }

    /// a so b. Within an `ok` transaction that is program order.
    pub(super) fn before(&self, a: OpId, b: OpId) -> bool {
        let h = self.history;
        let (from, to) = (h.txn(a), h.txn(b));
        if h.txn_session(from) != h.txn_session(to) || h.txn_status(from) != Status::Ok {
            return false;
        }
        if from == to {
            return a < b;
        }
        let place = self.place[from.index()] as usize;
        match h.txn_status(to) {
            Status::Fail => false,
            Status::Ok => self.reaches(place, self.place[to.index()] as usize),
            Status::Info => {
                h.invoked(to).is_some_and(|invoked| self.done[place] < (invoked, u32::MAX))
                    || self.neighbour_of_info(to).is_some_and(|last| place == last || self.reaches(place, last))
            }
        }
    }

    /// Does place b come after place a?
    pub(super) fn reaches(&self, a: usize, b: usize) -> bool {
        a < b && (b <= self.run_end[a] as usize || self.done[a] < self.begun[b])
    }

    /// Does everything at and behind place `b` follow place `a`?
    pub(super) fn settled(&self, a: usize, b: usize) -> bool {
        let session = self.history.txn_session(self.order[a]).index();
        a < b && (self.run_end[a] + 1 == self.first[session + 1] || self.done[a] < self.begun[b])
    }
}

/// Sorts by invocation, then completion (an operation of no duration precedes one that begins with it), then the file. A transaction
/// without an invocation has the key of the one that it stays behind.
fn sort_session(history: &History, txns: &mut [TxnId]) {
    if txns.iter().all(|&txn| history.invoked(txn).is_none()) {
        return;
    }
    let mut key = (i64::MIN, i64::MIN, 0);
    let mut keyed: Vec<((i64, i64, usize), TxnId)> = Vec::with_capacity(txns.len());
    for &txn in txns.iter() {
        if let Some(invoked) = history.invoked(txn) {
            let completed = history.completed(txn).filter(|_| history.txn_status(txn) != Status::Info);
            key = (invoked, completed.unwrap_or(i64::MAX), txn.index());
        }
        keyed.push((key, txn));
    }
    keyed.sort();
    for (slot, (_, txn)) in txns.iter_mut().zip(keyed) {
        *slot = txn;
    }
}
