//! Write-read (`wr`): which write each external read returned, and the reads that no well-formed history has (models.md 1 and 3).
//!
//! Operations are grouped by key with a counting sort; inside a group writes are sorted by value and reads look theirs up. Where a
//! value was written twice, the candidates that the recording itself excludes fall away; a read with several left is ambiguous and
//! takes no part in any inference. Cost: O(n log m), m the writes of one key; a read of a value written c times costs up to c more, which
//! the budget bounds.

use crate::check::{Options, UnmatchedReads};
use crate::history::{DataType, History, KeyId, Kind, OpId, Status, ValueId};
use crate::verdict::Anomaly;

use super::budget::Budget;
use super::collections::{self, Shown};
use super::session_order::SessionOrder;

/// No writer: the operation returned nothing that counts, or is no read.
pub(crate) const NO_WRITER: u32 = u32::MAX;
/// The read returned the initial value.
pub(crate) const INITIAL: u32 = u32::MAX - 1;
/// The read of a list, set or counter takes part; [`Matching::shown`] says what it showed.
pub(crate) const SHOWN: u32 = u32::MAX - 2;

/// A read that no well-formed history has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    pub(crate) read: OpId,
    pub(crate) anomaly: Anomaly,
    /// The write that it is about: the failed, overwritten or later one, or the own one that should have been read.
    pub(crate) write: Option<OpId>,
}

/// What reading returned.
pub(crate) struct Matching {
    /// By operation: the write that an external read of an `ok` transaction returned, or [`INITIAL`], or [`NO_WRITER`].
    pub(crate) writer: Vec<u32>,
    /// By operation: is it the last write of its transaction to its key?
    pub(crate) last_write: Vec<bool>,
    /// What the matched reads of lists and sets showed.
    pub(crate) shown: Shown,
    /// Anomalies, in file order of the reads.
    pub(crate) malformed: Vec<Malformed>,
    /// Ambiguous reads, in file order.
    pub(crate) ambiguous: Vec<OpId>,
    /// Is some ambiguous read malformed under one of its candidates and not under another?
    pub(crate) ambiguous_form: bool,
    /// Reads of unknown values that were left out on request.
    pub(crate) ignored: u64,
    /// Does some transaction overwrite a write of its own?
    overwrites: bool,
    /// How many candidates were looked at, where a read had several.
    candidates: u64,
    out_of_time: bool,
}

impl Matching {
    pub(crate) fn new(history: &History, so: &SessionOrder, options: &Options, budget: &Budget) -> Self {
        let mut matching = Matching {
            writer: vec![NO_WRITER; history.operations()],
            last_write: vec![true; history.operations()],
            shown: Shown::default(),
            malformed: Vec::new(),
            ambiguous: Vec::new(),
            ambiguous_form: false,
            ignored: 0,
            overwrites: false,
            candidates: 0,
            out_of_time: false,
        };
        let external = matching.look_inside_transactions(history);
        matching.match_by_key(history, so, options, &external, budget);
        matching.malformed.sort_by_key(|m| m.read);
        matching.ambiguous.sort();
        matching
    }

    /// Finds overwritten writes and internal reads. Returns, by operation, whether it is an external read of an `ok` transaction.
    fn look_inside_transactions(&mut self, history: &History) -> Vec<bool> {
        let mut external: Vec<bool> = history.op_kind.iter().map(|kind| kind.reads()).collect();
        // The last write of each key so far, in the transaction looked at; forgotten by its number, not by clearing.
        let mut own: Vec<(u32, u32)> = Vec::new();
        for txn in history.txns() {
            let ok = history.txn_status(txn) == Status::Ok;
            let ops = history.txn_ops(txn);
            if ops.len() == 1 {
                if !ok {
                    external[history.txn_first[txn.index()] as usize] = false;
                }
                continue;
            }
            if own.is_empty() {
                own = vec![(u32::MAX, 0); history.keys()];
            }
            let number = txn.index() as u32;
            for op in ops {
                let slot = &mut own[history.op_key[op.index()] as usize];
                let before = (slot.0 == number).then(|| OpId::new(slot.1 as usize));
                if history.kind(op).reads() {
                    external[op.index()] = ok && before.is_none();
                    if let (true, Some(write)) = (ok, before)
                        && let Some(write) = collections::unseen_own_write(history, op, write)
                    {
                        self.malformed.push(Malformed { read: op, anomaly: Anomaly::Internal, write: Some(write) });
                    }
                }
                if history.kind(op).writes() {
                    if let Some(write) = before {
                        self.last_write[write.index()] = false;
                        self.overwrites = true;
                    }
                    *slot = (number, op.index() as u32);
                }
            }
        }
        external
    }

    fn match_by_key(&mut self, history: &History, so: &SessionOrder, options: &Options, external: &[bool], budget: &Budget) {
        let (starts, ops) = super::csr::group(history.keys(), history.op_key.iter().copied());
        let mut writes: Vec<(ValueId, u32)> = Vec::new();
        for key in 0..history.keys() {
            let group = &ops[starts[key] as usize..starts[key + 1] as usize];
            writes.clear();
            for &op in group {
                if let Some(value) = history.written_value(OpId::new(op as usize)) {
                    writes.push((value, op));
                }
            }
            if history.key_type(KeyId::new(key)) == DataType::Set {
                writes.retain(|&(_, op)| history.op_kind[op as usize] == Kind::Add);
            }
            writes.sort_unstable();
            let initial = history.initial(KeyId::new(key));
            let key_type = history.key_type(KeyId::new(key));
            if key_type != DataType::Register {
                let mut reading = collections::Reading { history, so, options, writes: &writes, initial, matching: self };
                for &op in group.iter().filter(|&&op| external[op as usize]) {
                    reading.read(OpId::new(op as usize), key_type);
                }
                continue;
            }
            for &op in group.iter().filter(|&&op| external[op as usize]) {
                let (read, value) = (OpId::new(op as usize), history.op_value[op as usize]);
                let first = writes.partition_point(|&(v, _)| v < value);
                let count = writes[first..].partition_point(|&(v, _)| v == value);
                match (&writes[first..first + count], value == initial) {
                    ([], true) => self.settle(history, read, INITIAL),
                    ([], false) if options.unmatched_reads == UnmatchedReads::Ignore => self.ignored += 1,
                    ([], false) => self.malformed.push(Malformed { read, anomaly: Anomaly::ThinAirRead, write: None }),
                    (&[(_, only)], false) => self.settle(history, read, only),
                    (candidates, initial) => self.choose(history, so, read, candidates, initial, budget),
                }
            }
        }
    }

    /// Matches a read of a value with several candidates, if the recording leaves one. Looks at no more of them than it must: where
    /// values are few, candidates are many. Where the time runs out on that, the read is as good as ambiguous.
    fn choose(
        &mut self,
        history: &History,
        so: &SessionOrder,
        read: OpId,
        candidates: &[(ValueId, u32)],
        initial: bool,
        budget: &Budget,
    ) {
        let live = || candidates.iter().map(|&(_, w)| w).filter(|&w| history.status(OpId::new(w as usize)) != Status::Fail);
        let (mut possible, mut last) = (u32::from(initial), INITIAL);
        let mut malformed = false;
        for w in live() {
            self.candidates += 1;
            self.out_of_time |= self.candidates.is_multiple_of(4096) && budget.check().is_err();
            if self.out_of_time {
                self.ambiguous_form = true;
                return self.ambiguous.push(read);
            }
            if self.excluded(history, so, read, OpId::new(w as usize)) {
                continue;
            }
            (possible, last) = (possible + 1, w);
            malformed |= self.anomaly_of(history, read, w).is_some();
            if possible > 1 && (malformed || self.ambiguous_form || !self.overwrites) {
                break; // What others there are changes nothing: only an overwritten write is possible and malformed.
            }
        }
        match possible {
            0 if live().next().is_none() => self.settle(history, read, candidates[0].1),
            0 if live().all(|w| self.anomaly_of(history, read, w) == Some(Anomaly::FutureRead)) => {
                let first = live().next().expect("looked at");
                self.settle(history, read, first);
            }
            1 => self.settle(history, read, last),
            _ => {
                // Where all are excluded, what was returned has no explanation that is known to be well-formed.
                self.ambiguous_form |= malformed || possible == 0;
                self.ambiguous.push(read);
            }
        }
    }

    /// What the recording itself rules out, assuming no guarantee that a model tests.
    fn excluded(&self, history: &History, so: &SessionOrder, read: OpId, write: OpId) -> bool {
        let versions_differ = matches!((history.read_version(read), history.version(write)), (Some(r), Some(w)) if r != w);
        versions_differ || comes_too_late(history, so, read, write)
    }

    fn settle(&mut self, history: &History, read: OpId, writer: u32) {
        match self.anomaly_of(history, read, writer) {
            None => self.writer[read.index()] = writer,
            Some(anomaly) => self.malformed.push(Malformed { read, anomaly, write: Some(OpId::new(writer as usize)) }),
        }
    }

    /// What is wrong with a read that returned this write, if anything is.
    fn anomaly_of(&self, history: &History, read: OpId, writer: u32) -> Option<Anomaly> {
        if writer == INITIAL {
            return None;
        }
        let write = OpId::new(writer as usize);
        if history.txn(read) == history.txn(write) {
            // An external read of its own transaction's write comes before it.
            Some(Anomaly::FutureRead)
        } else if history.status(write) == Status::Fail {
            Some(Anomaly::AbortedRead)
        } else if invoked_after(history, read, write) {
            Some(Anomaly::FutureRead)
        } else if !self.last_write[write.index()] {
            Some(Anomaly::IntermediateRead)
        } else {
            None
        }
    }
}

/// Is the write later in the reader's session, or was it invoked after the read had completed?
pub(crate) fn comes_too_late(history: &History, so: &SessionOrder, read: OpId, write: OpId) -> bool {
    let (reader, writer) = (history.txn(read), history.txn(write));
    let later_in_session = if reader == writer {
        write >= read
    } else {
        history.txn_session(reader) == history.txn_session(writer) && so.precedes(history, reader, writer)
    };
    later_in_session || invoked_after(history, read, write)
}

pub(super) fn invoked_after(history: &History, read: OpId, write: OpId) -> bool {
    matches!((history.completed(history.txn(read)), history.invoked(history.txn(write))), (Some(r), Some(w)) if r < w)
}
