//! What the history says by itself: which writes count, what each read returned (models.md 1), which keys recorded versions order.
//!
//! Writes are sorted by key, value and version, so a read finds its candidate writers by binary search: O(n log n) time, O(n) memory.

use rustc_hash::FxHashMap;

use super::sessions::SessionOrder;
use crate::check::{Options, UnmatchedReads, WriteOrder};
use crate::history::{DataType, History, OpId, Status, ValueId};

/// What an operation, seen as a read, proves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Origin {
    /// Nothing: no read, not `ok`, not of a register, or an internal read that returned what it must.
    Silent,
    /// It returned what this write wrote.
    From(OpId),
    /// It returned the initial value.
    Initial,
    /// Several writes may have been its writer.
    Ambiguous,
    /// Nothing wrote its value.
    ThinAir,
    /// Only failed or later writes wrote its value.
    Impossible,
    /// A transaction overwrote its value, by this write's transaction.
    Intermediate(OpId),
    /// Internal, and not the transaction's own last write.
    Internal,
}

/// What reads recorded as the version of an `info` write that they returned.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Observed {
    NoVersion,
    Version(i128),
    /// Two reads differ: the write is left unordered.
    Disputed,
}

pub(super) struct Facts<'h> {
    pub(super) history: &'h History,
    pub(super) so: SessionOrder<'h>,
    origin: Vec<Origin>,
    /// By operation: an `ok` or `info` write, the last of its transaction to its key.
    effective: Vec<bool>,
    /// The `info` writes that some read returned, with what the reads say of their version.
    observed: FxHashMap<OpId, Observed>,
    /// By key: do recorded versions order its writes?
    versioned: Vec<bool>,
    /// Every write to a register, whatever its status, by key, value, version (none first) and operation.
    writes: Vec<OpId>,
    ignore_unmatched: bool,
}

impl<'h> Facts<'h> {
    pub(super) fn new(history: &'h History, options: &Options) -> Self {
        let register = |op: OpId| history.key_type(history.key(op)) == DataType::Register;
        let mut writes: Vec<OpId> = history.ops().filter(|&op| history.kind(op).writes() && register(op)).collect();
        writes.sort_unstable_by_key(|&op| (written(history, op), history.version(op), op));
        let mut facts = Facts {
            history,
            so: SessionOrder::new(history),
            origin: Vec::with_capacity(history.operations()),
            effective: vec![false; history.operations()],
            observed: FxHashMap::default(),
            versioned: vec![options.write_order == WriteOrder::Version; history.keys()],
            writes,
            ignore_unmatched: options.unmatched_reads == UnmatchedReads::Ignore,
        };
        facts.find_effective();
        facts.find_origins();
        facts.find_versioned();
        facts
    }

    /// What an operation proves as a read.
    pub(super) fn origin(&self, op: OpId) -> Origin {
        self.origin[op.index()]
    }

    /// Does it take part as a read: `ok`, external, its writer or the initial value known?
    pub(super) fn reads(&self, op: OpId) -> bool {
        matches!(self.origin(op), Origin::From(_) | Origin::Initial)
    }

    /// Does it take part as a write?
    pub(super) fn writes(&self, op: OpId) -> bool {
        self.effective[op.index()]
    }

    /// Did it take effect as a write, for all that is known: `ok`, or `info` and observed?
    pub(super) fn took_effect(&self, op: OpId) -> bool {
        self.writes(op) && (self.history.status(op) == Status::Ok || self.observed.contains_key(&op))
    }

    /// Are unmatched reads left out rather than held against the history?
    pub(super) fn ignores_unmatched(&self) -> bool {
        self.ignore_unmatched
    }

    /// Is the write order of the operation's key the recorded one?
    pub(super) fn versioned(&self, op: OpId) -> bool {
        self.versioned[self.history.key(op).index()]
    }

    /// The place of a write in the recorded order of its key.
    pub(super) fn version(&self, write: OpId) -> Option<i128> {
        match self.history.status(write) {
            Status::Ok => self.history.version(write),
            Status::Info => match self.observed.get(&write)? {
                Observed::Version(version) => Some(*version),
                Observed::NoVersion | Observed::Disputed => None,
            },
            Status::Fail => None,
        }
    }

    /// The version that a read returned. What a cas records is the version that it made.
    fn version_read(&self, read: OpId) -> Option<i128> {
        self.history.version(read).filter(|_| !self.history.kind(read).writes())
    }

    /// When an operation completed; an `info` one never does.
    pub(super) fn completed(&self, op: OpId) -> Option<i64> {
        self.history.completed(self.history.txn(op)).filter(|_| self.history.status(op) == Status::Ok)
    }

    pub(super) fn invoked(&self, op: OpId) -> Option<i64> {
        self.history.invoked(self.history.txn(op))
    }

    /// rt: a completed before b was invoked.
    pub(super) fn real_time(&self, a: OpId, b: OpId) -> bool {
        self.completed(a).zip(self.invoked(b)).is_some_and(|(completed, invoked)| completed < invoked)
    }

    /// Later in the same transaction (for a cas: its own write), whatever the status.
    pub(super) fn later_in_txn(&self, read: OpId, write: OpId) -> bool {
        self.history.txn(read) == self.history.txn(write) && read <= write
    }

    /// Can the read not have returned this write's value, for reasons that no model is needed for?
    pub(super) fn impossible(&self, read: OpId, write: OpId) -> bool {
        self.history.status(write) == Status::Fail || self.later_in_txn(read, write) || self.real_time(read, write)
    }

    /// Every write of the value that the read returned to its key, whatever its status.
    pub(super) fn writers(&self, read: OpId) -> &[OpId] {
        let Some(value) = self.history.read_value(read) else { return &[] };
        let wanted = (self.history.key(read).index(), value);
        let from = self.writes.partition_point(|&w| written(self.history, w) < wanted);
        let len = self.writes[from..].partition_point(|&w| written(self.history, w) == wanted);
        &self.writes[from..from + len]
    }

    fn find_effective(&mut self) {
        let h = self.history;
        let mut later_write: Vec<Option<crate::history::TxnId>> = vec![None; h.keys()];
        let register_write = |&op: &OpId| h.kind(op).writes() && h.key_type(h.key(op)) == DataType::Register;
        for op in (0..h.operations()).rev().map(OpId::new).filter(register_write) {
            let later = &mut later_write[h.key(op).index()];
            self.effective[op.index()] = *later != Some(h.txn(op)) && h.status(op) != Status::Fail;
            *later = Some(h.txn(op));
        }
    }

    fn find_origins(&mut self) {
        let h = self.history;
        let mut last_write: Vec<Option<OpId>> = vec![None; h.keys()];
        for op in h.ops() {
            let (key, kind) = (h.key(op), h.kind(op));
            let own = last_write[key.index()].filter(|&w| h.txn(w) == h.txn(op));
            let origin = match h.read_value(op) {
                Some(value) if h.status(op) == Status::Ok && h.key_type(key) == DataType::Register => match own {
                    Some(own) if h.written_value(own) == Some(value) => Origin::Silent,
                    Some(_) => Origin::Internal,
                    None => self.find_origin(op, value == h.initial(key)),
                },
                _ => Origin::Silent,
            };
            if let Origin::From(writer) = origin
                && h.status(writer) == Status::Info
            {
                self.observe(writer, self.version_read(op));
            }
            self.origin.push(origin);
            if kind.writes() {
                last_write[key.index()] = Some(op);
            }
        }
    }

    fn observe(&mut self, write: OpId, version: Option<i128>) {
        let known = self.observed.entry(write).or_insert(Observed::NoVersion);
        *known = match (*known, version) {
            (known, None) => known,
            (Observed::NoVersion, Some(version)) => Observed::Version(version),
            (Observed::Version(known), Some(version)) if known == version => Observed::Version(known),
            _ => Observed::Disputed,
        };
    }

    fn find_origin(&self, read: OpId, initial: bool) -> Origin {
        let writers = self.writers(read);
        let mut live = match (writers, initial) {
            ([], true) => return Origin::Initial,
            ([], false) => return Origin::ThinAir,
            (&[only], false) if self.impossible(read, only) => return Origin::Impossible,
            (&[only], false) => return self.written_by(only),
            _ => self.candidates(read, writers).filter(|&w| !self.impossible(read, w) && !self.so.before(read, w)),
        };
        match (live.next(), live.next(), initial) {
            (None, _, true) => Origin::Initial,
            (Some(only), None, false) => self.written_by(only),
            (None, _, false) if writers.iter().all(|&w| self.impossible(read, w)) => Origin::Impossible,
            _ => Origin::Ambiguous,
        }
    }

    /// The writers whose version does not differ from the read's.
    fn candidates<'a>(&self, read: OpId, writers: &'a [OpId]) -> impl Iterator<Item = OpId> + use<'a> {
        let h = self.history;
        let (without, same): (&[OpId], &[OpId]) = match self.version_read(read) {
            None => (writers, &[]),
            wanted => {
                let (without, with) = writers.split_at(writers.partition_point(|&w| h.version(w).is_none()));
                let from = with.partition_point(|&w| h.version(w) < wanted);
                let len = with[from..].partition_point(|&w| h.version(w) == wanted);
                (without, &with[from..from + len])
            }
        };
        without.iter().chain(same).copied()
    }

    fn written_by(&self, write: OpId) -> Origin {
        if self.writes(write) { Origin::From(write) } else { Origin::Intermediate(write) }
    }

    /// A key with an `ok` write without a version has no recorded order.
    fn find_versioned(&mut self) {
        let h = self.history;
        for op in h.ops().filter(|&op| self.effective[op.index()] && h.status(op) == Status::Ok && h.version(op).is_none()) {
            self.versioned[h.key(op).index()] = false;
        }
    }
}

fn written(history: &History, write: OpId) -> (usize, ValueId) {
    (history.key(write).index(), history.written_value(write).unwrap_or(ValueId::NULL))
}
