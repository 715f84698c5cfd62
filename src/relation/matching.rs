//! Write-read (`wr`): which write each external read returned, and the reads that no well-formed history has (models.md 1 and 3).
//!
//! Operations are grouped by key with a counting sort, and each group is matched by itself ([`registers`], [`collections`]), groups side
//! by side. Cost: O(n) for differentiated registers.

mod registers;

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use rayon::prelude::*;

use crate::check::Options;
use crate::history::{DataType, History, KeyId, Kind, OpId, Status, ValueId};
use crate::verdict::Anomaly;

use super::budget::Budget;
use super::collections::{self, Shown};
use super::csr::CountingSort;
use super::session_order::SessionOrder;
use registers::{Found, OfKey, Registers};

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
        };
        let external = matching.look_inside_transactions(history);
        matching.match_by_key(history, so, options, &external, budget);
        matching.malformed.sort_by_key(|m| m.read);
        matching.ambiguous.sort();
        matching
    }

    /// Was every read matched with a write, or the initial value?
    pub(crate) fn all_matched(&self) -> bool {
        self.malformed.is_empty() && self.ambiguous.is_empty() && self.ignored == 0
    }

    /// Finds overwritten writes and internal reads. Returns, by operation, whether it is an external read of an `ok` transaction.
    fn look_inside_transactions(&mut self, history: &History) -> Vec<bool> {
        let mut external: Vec<bool> = history.op_kind.iter().map(|kind| kind.reads()).collect();
        if history.all_bare() {
            for (external, &status) in external.iter_mut().zip(&history.txn_status) {
                *external &= status == Status::Ok;
            }
            return external;
        }
        // The last write of each key so far, in the transaction looked at; forgotten by its number, not by clearing.
        let mut own: Vec<(u32, u32)> = Vec::new();
        for txn in history.txns() {
            let ok = history.txn_status(txn) == Status::Ok;
            let ops = history.txn_ops(txn);
            if ops.len() == 1 {
                if !ok {
                    external[history.first_op(txn.index())] = false;
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
        let by_key = ByKey::new(history, external);
        let writer: Vec<AtomicU32> = std::mem::take(&mut self.writer).into_iter().map(AtomicU32::new).collect();
        let all = Registers::new(history, so, options, budget, &writer, &self.last_write, self.overwrites);
        // Neighbouring keys in one share; so many shares that threads end together.
        let share = history.keys().div_ceil(rayon::current_num_threads() * 8).max(1);
        let found: Vec<Found> = (0..history.keys().div_ceil(share))
            .into_par_iter()
            .map(|s| {
                let mut registers = OfKey::new(&all);
                for key in s * share..((s + 1) * share).min(history.keys()) {
                    if history.key_type(KeyId::new(key)) == DataType::Register {
                        registers.match_key(KeyId::new(key), by_key.writes(key), by_key.reads(key));
                    }
                }
                registers.found
            })
            .collect();
        self.writer = writer.into_iter().map(AtomicU32::into_inner).collect();
        for found in found {
            self.malformed.extend(found.malformed);
            self.ambiguous.extend(found.ambiguous);
            self.ambiguous_form |= found.ambiguous_form;
            self.ignored += found.ignored;
        }
        for key in (0..history.keys()).filter(|&key| history.key_type(KeyId::new(key)) != DataType::Register) {
            let mut writes = by_key.writes(key).to_vec();
            if history.key_type(KeyId::new(key)) == DataType::Set {
                writes.retain(|&(_, op)| history.op_kind[op as usize] == Kind::Add);
            }
            writes.sort_unstable();
            let initial = history.initial(KeyId::new(key));
            let mut reading = collections::Reading { history, so, options, writes: &writes, initial, matching: self };
            for &(_, op) in by_key.reads(key) {
                reading.read(OpId::new(op as usize), history.key_type(KeyId::new(key)));
            }
        }
    }
}

/// Writes and external reads, (value, operation), by key: of key k the writes in row 2 k and the reads in the row behind, in file order.
struct ByKey {
    starts: Vec<u32>,
    items: Vec<(ValueId, u32)>,
}

impl ByKey {
    /// A counting sort that takes the values along: what follows looks at each key's by themselves.
    fn new(history: &History, external: &[bool]) -> Self {
        let rows = |op: usize| (history.op_kind[op].writes(), external[op], 2 * history.op_key[op] as usize);
        let sort = CountingSort::new(2 * history.keys(), history.operations(), |op, counts| {
            let (writes, reads, row) = rows(op);
            counts[row] += u32::from(writes);
            counts[row + 1] += u32::from(reads);
        });
        let mut items: Vec<AtomicU64> = Vec::new();
        items.resize_with(sort.len(), AtomicU64::default);
        let starts = sort.fill(|op, next| {
            let (writes, reads, row) = rows(op);
            let mut put = |row: usize, value: ValueId| {
                items[next[row] as usize].store(u64::from(value.0) << 32 | op as u64, Ordering::Relaxed);
                next[row] += 1;
            };
            if reads {
                put(row + 1, history.op_value[op]);
            }
            if writes {
                let plain = history.op_kind[op] != Kind::Cas;
                let value = if plain { Some(history.op_value[op]) } else { history.written_value(OpId::new(op)) };
                put(row, value.expect("a write has a value"));
            }
        });
        let items = items.into_iter().map(|item| {
            let item = item.into_inner();
            (ValueId((item >> 32) as u32), item as u32)
        });
        ByKey { starts, items: items.collect() }
    }

    fn row(&self, row: usize) -> &[(ValueId, u32)] {
        &self.items[self.starts[row] as usize..self.starts[row + 1] as usize]
    }

    fn writes(&self, key: usize) -> &[(ValueId, u32)] {
        self.row(2 * key)
    }

    fn reads(&self, key: usize) -> &[(ValueId, u32)] {
        self.row(2 * key + 1)
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
