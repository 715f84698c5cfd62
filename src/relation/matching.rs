//! Write-read (`wr`): which write each external read returned, and the reads that no well-formed history has (models.md 1 and 3).
//!
//! Operations are grouped by key with a counting sort; inside a group writes are sorted by value and reads look theirs up. Where a
//! value was written twice, the candidates that the recording itself excludes fall away; a read with several left is ambiguous and
//! takes no part in any inference. Cost: O(n log m), m the writes of one key.

use crate::check::{Options, UnmatchedReads};
use crate::history::{History, KeyId, OpId, Status, ValueId};
use crate::verdict::Anomaly;

use super::session_order::SessionOrder;

/// No writer: the operation returned nothing that counts, or is no read.
pub(crate) const NO_WRITER: u32 = u32::MAX;
/// The read returned the initial value.
pub(crate) const INITIAL: u32 = u32::MAX - 1;

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
    /// Anomalies, in file order of the reads.
    pub(crate) malformed: Vec<Malformed>,
    /// Ambiguous reads, in file order.
    pub(crate) ambiguous: Vec<OpId>,
    /// Is some ambiguous read malformed under one of its candidates and not under another?
    pub(crate) ambiguous_form: bool,
    /// Reads of unknown values that were left out on request.
    pub(crate) ignored: u64,
}

impl Matching {
    pub(crate) fn new(history: &History, so: &SessionOrder, options: &Options) -> Self {
        let mut matching = Matching {
            writer: vec![NO_WRITER; history.operations()],
            last_write: vec![true; history.operations()],
            malformed: Vec::new(),
            ambiguous: Vec::new(),
            ambiguous_form: false,
            ignored: 0,
        };
        let external = matching.look_inside_transactions(history);
        matching.match_by_key(history, so, options, &external);
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
                        && history.read_value(op) != history.written_value(write)
                    {
                        self.malformed.push(Malformed { read: op, anomaly: Anomaly::Internal, write: Some(write) });
                    }
                }
                if history.kind(op).writes() {
                    if let Some(write) = before {
                        self.last_write[write.index()] = false;
                    }
                    *slot = (number, op.index() as u32);
                }
            }
        }
        external
    }

    fn match_by_key(&mut self, history: &History, so: &SessionOrder, options: &Options, external: &[bool]) {
        let (starts, ops) = super::csr::group(history.keys(), history.op_key.iter().copied());
        let mut writes: Vec<(ValueId, u32)> = Vec::new();
        let mut candidates: Vec<u32> = Vec::new();
        for key in 0..history.keys() {
            let group = &ops[starts[key] as usize..starts[key + 1] as usize];
            writes.clear();
            for &op in group {
                if let Some(value) = history.written_value(OpId::new(op as usize)) {
                    writes.push((value, op));
                }
            }
            writes.sort_unstable();
            let initial = history.initial(KeyId::new(key));
            for &op in group.iter().filter(|&&op| external[op as usize]) {
                let value = history.op_value[op as usize];
                let first = writes.partition_point(|&(v, _)| v < value);
                candidates.clear();
                candidates.extend(writes[first..].iter().take_while(|&&(v, _)| v == value).map(|&(_, w)| w));
                if value == initial {
                    candidates.push(INITIAL);
                }
                self.decide(history, so, options, OpId::new(op as usize), &mut candidates);
            }
        }
    }

    fn decide(&mut self, history: &History, so: &SessionOrder, options: &Options, read: OpId, candidates: &mut Vec<u32>) {
        match candidates[..] {
            [] if options.unmatched_reads == UnmatchedReads::Ignore => self.ignored += 1,
            [] => self.malformed.push(Malformed { read, anomaly: Anomaly::ThinAirRead, write: None }),
            [only] => self.settle(history, read, only),
            _ => {
                let first = candidates[0];
                let failed = |w: u32| w != INITIAL && history.status(OpId::new(w as usize)) == Status::Fail;
                if candidates.iter().all(|&w| failed(w)) {
                    return self.settle(history, read, first);
                }
                candidates.retain(|&w| !failed(w));
                let first = candidates[0];
                if candidates.iter().all(|&w| self.anomaly_of(history, read, w) == Some(Anomaly::FutureRead)) {
                    return self.settle(history, read, first);
                }
                candidates.retain(|&w| w == INITIAL || !self.excluded(history, so, read, OpId::new(w as usize)));
                if let [only] = candidates[..] {
                    return self.settle(history, read, only);
                }
                // Where all are excluded, what was returned has no explanation that is known to be well-formed.
                let malformed = |&w: &u32| self.anomaly_of(history, read, w).is_some();
                self.ambiguous_form |= candidates.is_empty() || candidates.iter().any(malformed);
                self.ambiguous.push(read);
            }
        }
    }

    /// What the recording itself rules out, assuming no guarantee that a model tests.
    fn excluded(&self, history: &History, so: &SessionOrder, read: OpId, write: OpId) -> bool {
        let (reader, writer) = (history.txn(read), history.txn(write));
        let later_in_session = if reader == writer {
            write >= read
        } else {
            history.txn_session(reader) == history.txn_session(writer) && so.precedes(history, reader, writer)
        };
        let versions_differ = matches!((history.read_version(read), history.version(write)), (Some(r), Some(w)) if r != w);
        later_in_session || versions_differ || invoked_after(history, read, write)
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

fn invoked_after(history: &History, read: OpId, write: OpId) -> bool {
    matches!((history.completed(history.txn(read)), history.invoked(history.txn(write))), (Some(r), Some(w)) if r < w)
}
