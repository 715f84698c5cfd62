//! What the history says by itself: which writes count, what each read returned (models.md 1), which keys recorded versions order.
//!
//! Writes are sorted by key, value and version, so a read finds its candidate writers by binary search: O(n log n) time, O(n) memory, n
//! being the operations and the elements that reads of lists and sets returned.

use rustc_hash::FxHashMap;

use super::sessions::SessionOrder;
use super::tally::Tally;
use crate::check::{Options, UnmatchedReads, WriteOrder};
use crate::history::{DataType, History, KeyId, Kind, OpId, Status, ValueId};

/// What an operation, seen as a read, proves. Of a list or set the first element that has no explanation says what is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Origin {
    /// Nothing: no read, not `ok`, or an internal read that returned what it must.
    Silent,
    /// It returned what this write of a register wrote.
    From(OpId),
    /// It returned the initial value of a register.
    Initial,
    /// It returned a list, a set or a sum that can be explained; [`Facts::shown`] says by which writes.
    Shown,
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
    /// A list with an element more often than it was appended.
    Repeated,
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
    /// The writes that reads showed, read after read; and by operation where its own end.
    pub(super) shown: Vec<OpId>,
    shown_ends: Vec<u32>,
    /// By operation: an `ok` or `info` write; of a register the last of its transaction.
    effective: Vec<bool>,
    /// The `info` writes that some read returned, with what the reads say of their version.
    observed: FxHashMap<OpId, Observed>,
    /// By key: do recorded versions order its writes?
    versioned: Vec<bool>,
    /// Every write to a register, append and add, whatever its status, by key, value, version (none first) and operation.
    writes: Vec<OpId>,
    /// Every operation that changes a list, set or counter and did not fail, by key, value and operation.
    updates: Vec<OpId>,
    pub(super) tallies: FxHashMap<usize, Tally>,
    ignore_unmatched: bool,
}

impl<'h> Facts<'h> {
    pub(super) fn new(history: &'h History, options: &Options) -> Self {
        let wrote_an_element = |&op: &OpId| matches!(history.kind(op), Kind::Write | Kind::Cas | Kind::Append | Kind::Add);
        let mut writes: Vec<OpId> = history.ops().filter(wrote_an_element).collect();
        writes.sort_unstable_by_key(|&op| (written(history, op), history.version(op), op));
        let updates_what_grows = |&op: &OpId| {
            let register = matches!(history.kind(op), Kind::Read | Kind::Write | Kind::Cas);
            !register && history.status(op) != Status::Fail
        };
        let mut updates: Vec<OpId> = history.ops().filter(updates_what_grows).collect();
        updates.sort_unstable_by_key(|&op| (written(history, op), op));
        let by_version =
            |key: usize| options.write_order == WriteOrder::Version && history.key_type(KeyId::new(key)) == DataType::Register;
        let mut facts = Facts {
            history,
            so: SessionOrder::new(history),
            origin: Vec::with_capacity(history.operations()),
            shown: Vec::new(),
            shown_ends: Vec::with_capacity(history.operations()),
            effective: vec![false; history.operations()],
            observed: FxHashMap::default(),
            versioned: (0..history.keys()).map(by_version).collect(),
            writes,
            updates,
            tallies: FxHashMap::default(),
            ignore_unmatched: options.unmatched_reads == UnmatchedReads::Ignore,
        };
        facts.find_effective();
        facts.find_origins();
        facts.find_versioned();
        facts.tallies = Tally::all(&facts);
        facts
    }

    /// What an operation proves as a read.
    pub(super) fn origin(&self, op: OpId) -> Origin {
        self.origin[op.index()]
    }

    /// Does it take part as a read: `ok`, external, and known where what it returned came from?
    pub(super) fn reads(&self, op: OpId) -> bool {
        matches!(self.origin(op), Origin::From(_) | Origin::Initial | Origin::Shown)
    }

    /// The writes that a read showed: that of a register's value, those of the elements of a list in its order, of a set's members as
    /// far as each has one add.
    pub(super) fn shown(&self, read: OpId) -> &[OpId] {
        let from = read.index().checked_sub(1).map_or(0, |before| self.shown_ends[before]);
        &self.shown[from as usize..self.shown_ends[read.index()] as usize]
    }

    /// Did the read take part and show what the write wrote?
    pub(super) fn shows(&self, read: OpId, write: OpId) -> bool {
        self.reads(read) && self.shown(read).contains(&write)
    }

    /// The type of an operation's key.
    pub(super) fn key_type(&self, op: OpId) -> DataType {
        self.history.key_type(self.history.key(op))
    }

    /// Does the write have a place in the order of writes? Those of sets and counters constrain nothing.
    pub(super) fn arranged(&self, write: OpId) -> bool {
        matches!(self.key_type(write), DataType::Register | DataType::List)
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
        self.history.version(read).filter(|_| !self.history.kind(read).writes() && self.key_type(read) == DataType::Register)
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

    /// Every write of a value (append, add of an element) to a key, whatever its status.
    pub(super) fn writers(&self, key: KeyId, value: ValueId) -> &[OpId] {
        among(self.history, &self.writes, (key.index(), value))
    }

    /// Whatever may have changed a list, set or counter, by element and operation.
    pub(super) fn updates(&self, key: KeyId) -> &[OpId] {
        let from = self.updates.partition_point(|&op| self.history.key(op) < key);
        let len = self.updates[from..].partition_point(|&op| self.history.key(op) == key);
        &self.updates[from..from + len]
    }

    /// Whatever may have changed an element of a list or set, by operation.
    pub(super) fn updates_of(&self, key: KeyId, element: ValueId) -> &[OpId] {
        among(self.history, &self.updates, (key.index(), element))
    }

    fn find_effective(&mut self) {
        let h = self.history;
        let mut later_write: Vec<Option<crate::history::TxnId>> = vec![None; h.keys()];
        for op in (0..h.operations()).rev().map(OpId::new).filter(|&op| h.kind(op).writes()) {
            let register = self.key_type(op) == DataType::Register;
            let later = &mut later_write[h.key(op).index()];
            self.effective[op.index()] = !(register && *later == Some(h.txn(op))) && h.status(op) != Status::Fail;
            *later = Some(h.txn(op));
        }
    }

    fn find_origins(&mut self) {
        let h = self.history;
        let mut last_write: Vec<Option<OpId>> = vec![None; h.keys()];
        for op in h.ops() {
            let (key, kind) = (h.key(op), h.kind(op));
            let own = last_write[key.index()].filter(|&w| h.txn(w) == h.txn(op));
            let origin = match h.read_value(op).filter(|_| h.status(op) == Status::Ok) {
                None => Origin::Silent,
                Some(_) if own.is_some_and(|own| self.unseen_own(op, own).is_some()) => Origin::Internal,
                Some(_) if own.is_some() => Origin::Silent,
                Some(value) if self.key_type(op) == DataType::Register => {
                    self.find_origin(op, self.writers(key, value), value == h.initial(key))
                }
                Some(_) => self.find_shown(op),
            };
            if let Origin::From(writer) = origin {
                self.shown.push(writer);
            }
            let from = self.shown_ends.last().map_or(0, |&end| end as usize);
            for i in from..self.shown.len() {
                let writer = self.shown[i];
                if h.status(writer) == Status::Info {
                    self.observe(writer, self.version_read(op));
                }
            }
            self.shown_ends.push(u32::try_from(self.shown.len()).expect("fewer than 2^32 elements read"));
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

    /// Where a value, or an element, that a read returned came from: from one of `writers`, or it was there initially.
    pub(super) fn find_origin(&self, read: OpId, writers: &[OpId], initial: bool) -> Origin {
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

/// What an operation wrote, and to which key.
pub(super) fn written(history: &History, write: OpId) -> (usize, ValueId) {
    (history.key(write).index(), history.written_value(write).unwrap_or(ValueId::NULL))
}

/// Those of `sorted` that wrote this.
fn among<'a>(history: &History, sorted: &'a [OpId], wanted: (usize, ValueId)) -> &'a [OpId] {
    let from = sorted.partition_point(|&op| written(history, op) < wanted);
    let len = sorted[from..].partition_point(|&op| written(history, op) == wanted);
    &sorted[from..from + len]
}
