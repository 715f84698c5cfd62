//! Session order, derived for verification alone (models.md 1).
//!
//! An `ok` transaction without both times parts its session: all that the file has before it comes before, all behind it after. So each is
//! a stretch of its own, and what lies between two is another. Inside a stretch the `ok` transactions are sorted by invocation, and one
//! precedes another when it completed no later than that was invoked. `info` transactions stand aside: order comes in, none goes out.
//! One that was invoked follows what had completed by then, in its stretch; any other follows what the file has before it.

use crate::history::{History, OpId, Status, TxnId};

/// A stretch, a moment in it, and a place: places break ties between operations of no duration.
pub(super) type Moment = (u32, i64, u32);

const NOWHERE: u32 = u32::MAX;

pub(super) struct SessionOrder<'h> {
    history: &'h History,
    /// The `ok` transactions that hold operations, session after session, each session in its order.
    order: Vec<TxnId>,
    /// By session: its first place in `order`; and one past the last at the end.
    first: Vec<u32>,
    /// By transaction: its place in `order`; of an `info` one, the place behind its last `ok` predecessor.
    place: Vec<u32>,
    /// By transaction: its stretch.
    stretch: Vec<u32>,
}

impl<'h> SessionOrder<'h> {
    pub(super) fn new(history: &'h History) -> Self {
        let mut members: Vec<Vec<TxnId>> = vec![Vec::new(); history.sessions()];
        for txn in history.txns() {
            if history.txn_ops(txn).len() > 0 && history.txn_status(txn) != Status::Fail {
                members[history.txn_session(txn).index()].push(txn);
            }
        }
        let mut this = SessionOrder {
            history,
            order: Vec::with_capacity(history.transactions()),
            first: vec![0],
            place: vec![NOWHERE; history.transactions()],
            stretch: vec![0; history.transactions()],
        };
        for txns in &mut members {
            let mut stretch = 0;
            for &txn in txns.iter() {
                let parts = history.txn_status(txn) == Status::Ok && this.times(txn).is_none();
                stretch += u32::from(parts);
                this.stretch[txn.index()] = stretch;
                stretch += u32::from(parts);
            }
            for stretch in txns.chunk_by_mut(|&a, &b| this.stretch[a.index()] == this.stretch[b.index()]) {
                sort(history, stretch);
            }
            for &txn in txns.iter() {
                this.place[txn.index()] = this.order.len() as u32;
                if history.txn_status(txn) == Status::Ok {
                    this.order.push(txn);
                }
            }
            this.first.push(this.order.len() as u32);
        }
        this
    }

    fn times(&self, txn: TxnId) -> Option<(i64, i64)> {
        self.history.invoked(txn).zip(self.history.completed(txn))
    }

    /// When the transaction at a place began.
    pub(super) fn begun(&self, place: usize) -> Moment {
        let txn = self.order[place];
        (self.stretch[txn.index()], self.times(txn).map_or(0, |(invoked, _)| invoked), place as u32)
    }

    /// When the transaction at a place was done. What begins later comes after it.
    pub(super) fn done(&self, place: usize) -> Moment {
        let txn = self.order[place];
        (self.stretch[txn.index()], self.times(txn).map_or(0, |(_, completed)| completed), place as u32)
    }

    /// When an invoked `info` transaction began, behind all that was done at that time.
    pub(super) fn begun_aside(&self, txn: TxnId) -> Option<Moment> {
        self.history.invoked(txn).map(|invoked| (self.stretch[txn.index()], invoked, u32::MAX))
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
        let (place, limit) = (self.place(a), self.place(b));
        match (h.txn_status(to), self.begun_aside(to)) {
            (Status::Fail, _) => false,
            (Status::Ok, _) => self.reaches(place, limit),
            (Status::Info, Some(begun)) => self.done(place) < begun,
            // What the file has before it, and what precedes the last to begin of that.
            (Status::Info, None) => {
                from < to || limit > self.first[h.txn_session(to).index()] as usize && self.reaches(place, limit - 1)
            }
        }
    }

    /// Does place b come after place a?
    pub(super) fn reaches(&self, a: usize, b: usize) -> bool {
        a < b && self.done(a) < self.begun(b)
    }

    /// Does everything at and behind place `b` follow place `a`? Behind the last place there is only what stands aside.
    pub(super) fn settled(&self, a: usize, b: usize) -> bool {
        let session = self.history.txn_session(self.order[a]).index();
        if b < self.first[session + 1] as usize { self.reaches(a, b) } else { self.times(self.order[a]).is_none() }
    }
}

/// Sorts by invocation, then completion (an operation of no duration precedes one that begins with it), then the file. An `info`
/// transaction without an invocation stays behind the last of those that the file has before it.
fn sort(history: &History, stretch: &mut [TxnId]) {
    if stretch.len() == 1 {
        return;
    }
    let mut latest = (i64::MIN, i64::MIN);
    let mut keyed: Vec<((i64, i64), TxnId)> = Vec::with_capacity(stretch.len());
    for &txn in stretch.iter() {
        let key = match (history.invoked(txn), history.txn_status(txn)) {
            (Some(invoked), Status::Ok) => (invoked, history.completed(txn).unwrap_or(i64::MAX)),
            (Some(invoked), _) => (invoked, i64::MAX),
            (None, _) => latest,
        };
        if history.txn_status(txn) == Status::Ok {
            latest = latest.max(key);
        }
        keyed.push((key, txn));
    }
    keyed.sort();
    for (slot, (_, txn)) in stretch.iter_mut().zip(keyed) {
        *slot = txn;
    }
}
