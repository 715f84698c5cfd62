//! Which reads are quiescent: made when every replica had had the time to hear of everything (models.md 6).
//!
//! Reads marked final; else, with `--settle`, those invoked at least so long after the last write of their key. That is its completion if
//! it is `ok`; an `info` write has none, and what counts is when it was last heard of. O(n).

use std::time::Duration;

use crate::history::{History, KeyId, Kind, NodeId, OpId, Status};
use crate::relation::csr;

/// The quiescent reads of a history.
pub(super) struct Quiescent {
    starts: Vec<u32>,
    reads: Vec<u32>,
    /// By key: why it has none, where the times say so little that it can have none.
    untimed: Vec<bool>,
}

impl Quiescent {
    pub(super) fn new(history: &History, settle: Option<Duration>) -> Self {
        let marked = history.ops().any(|op| history.is_final(op) && history.kind(op) == Kind::Read);
        let settled = if marked { None } else { settle.map(|settle| Settled::new(history, settle)) };
        let row = |op: OpId| {
            let counts = shows_its_key(history, op)
                && settled.as_ref().map_or(marked && history.is_final(op), |settled| settled.covers(history, op));
            if counts { history.key(op).index() as u32 } else { u32::MAX }
        };
        let rows: Vec<u32> = history.ops().map(row).collect();
        let (starts, reads) = csr::group(history.keys(), rows.len(), |read| rows[read]);
        let untimed = settled.map_or_else(Vec::new, |settled| settled.untimed(history));
        Quiescent { starts, reads, untimed }
    }

    /// The quiescent reads of a key, in file order.
    pub(super) fn of(&self, key: KeyId) -> impl ExactSizeIterator<Item = OpId> + '_ {
        let (from, to) = (self.starts[key.index()] as usize, self.starts[key.index() + 1] as usize);
        self.reads[from..to].iter().map(|&op| OpId::new(op as usize))
    }

    /// Is there none at all?
    pub(super) fn is_empty(&self) -> bool {
        self.reads.is_empty()
    }

    /// Has a key none because times are missing?
    pub(super) fn untimed(&self, key: KeyId) -> bool {
        self.untimed.get(key.index()).copied().unwrap_or(false)
    }

    /// The nodes that took operations and have no quiescent read.
    pub(super) fn missing_nodes(&self, history: &History) -> Vec<NodeId> {
        let mut looked_at = vec![false; history.nodes()];
        for &op in &self.reads {
            if let Some(node) = history.node(history.txn(OpId::new(op as usize))) {
                looked_at[node.index()] = true;
            }
        }
        (0..history.nodes()).filter(|&node| !looked_at[node]).map(NodeId::new).collect()
    }
}

/// An acknowledged read that returned the state of its key, not what its own transaction made of it. A cas is no such read: it writes.
pub(super) fn shows_its_key(history: &History, op: OpId) -> bool {
    let internal = || {
        let own = history.txn_ops(history.txn(op)).take_while(|&earlier| earlier < op);
        own.into_iter().any(|earlier| history.kind(earlier).writes() && history.key(earlier) == history.key(op))
    };
    history.kind(op) == Kind::Read && history.status(op) == Status::Ok && !internal()
}

/// The moment from which on the reads of each key are quiescent.
struct Settled {
    /// By key: `Ok(None)` where nothing wrote it, `Err` where a time is missing.
    since: Vec<Result<Option<i128>, ()>>,
}

impl Settled {
    fn new(history: &History, settle: Duration) -> Self {
        let mut since = vec![Ok(None); history.keys()];
        for op in history.ops().filter(|&op| history.kind(op).writes()) {
            let txn = history.txn(op);
            let moment = match history.txn_status(txn) {
                Status::Fail => continue,
                Status::Ok => history.completed(txn),
                Status::Info => history.completed(txn).or(history.invoked(txn)),
            };
            let of_key: &mut Result<Option<i128>, ()> = &mut since[history.key(op).index()];
            *of_key = match (*of_key, moment) {
                (Ok(known), Some(moment)) => Ok(known.max(Some(i128::from(moment) + settle.as_nanos() as i128))),
                _ => Err(()),
            };
        }
        Settled { since }
    }

    fn covers(&self, history: &History, read: OpId) -> bool {
        match (self.since[history.key(read).index()], history.invoked(history.txn(read))) {
            (Ok(Some(since)), Some(invoked)) => i128::from(invoked) >= since,
            (Ok(None), Some(_)) => true,
            _ => false,
        }
    }

    fn untimed(&self, history: &History) -> Vec<bool> {
        let mut timed_read = vec![false; history.keys()];
        for op in history.ops().filter(|&op| shows_its_key(history, op)) {
            timed_read[history.key(op).index()] |= history.invoked(history.txn(op)).is_some();
        }
        self.since.iter().zip(timed_read).map(|(since, timed)| since.is_err() || !timed).collect()
    }
}
