//! Write-read (`wr`): which write each external read returned, and the reads that no well-formed history has (models.md 1 and 3).
//!
//! Operations are grouped by key with a counting sort, and each group is matched by itself ([`registers`], [`collections`]), groups side
//! by side. Cost: O(n) for differentiated registers.

mod inside;
mod registers;

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use rayon::prelude::*;

use crate::check::Options;
use crate::history::{DataType, History, KeyId, Kind, OpId, ValueId};
use crate::verdict::Anomaly;

use super::budget::Budget;
use super::collections::{self, Shown};
use super::csr::CountingSort;
use super::session_order::SessionOrder;
use inside::{Inside, LastWrites};
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
    pub(crate) last_writes: LastWrites,
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
    /// By key: how many operations write the keys before it; and at the end of all.
    pub(crate) key_writes: Vec<u32>,
}

impl Matching {
    pub(crate) fn new(history: &History, so: &SessionOrder, options: &Options, budget: &Budget) -> Self {
        let inside = Inside::new(history);
        let by_key = ByKey::new(history, &inside);
        let Inside { last_writes, malformed, .. } = inside;
        let mut matching = Matching {
            writer: Vec::new(),
            last_writes,
            shown: Shown::default(),
            malformed,
            ambiguous: Vec::new(),
            ambiguous_form: false,
            ignored: 0,
            key_writes: by_key.key_writes(),
        };
        matching.match_by_key(history, so, options, &by_key, budget);
        matching.malformed.sort_by_key(|m| m.read);
        matching.ambiguous.sort();
        matching
    }

    /// Was every read matched with a write, or the initial value?
    pub(crate) fn all_matched(&self) -> bool {
        self.malformed.is_empty() && self.ambiguous.is_empty() && self.ignored == 0
    }

    /// Does the file have every write before the reads that returned it?
    pub(crate) fn writes_precede_reads(&self) -> bool {
        let reads = self.writer.par_iter().with_min_len(1 << 14).enumerate();
        reads.all(|(read, &write)| write >= SHOWN || (write as usize) < read)
    }

    fn match_by_key(&mut self, history: &History, so: &SessionOrder, options: &Options, by_key: &ByKey, budget: &Budget) {
        let none = || AtomicU32::new(NO_WRITER);
        let writer: Vec<AtomicU32> = (0..history.operations()).into_par_iter().with_min_len(1 << 14).map(|_| none()).collect();
        let all = Registers::new(history, so, options, budget, &writer, &self.last_writes);
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
            let mut writes: Vec<(ValueId, u32)> = by_key.writes(key).iter().map(|item| (item.value(), item.op())).collect();
            if history.key_type(KeyId::new(key)) == DataType::Set {
                writes.retain(|&(_, op)| history.op_kind[op as usize] == Kind::Add);
            }
            writes.sort_unstable();
            let initial = history.initial(KeyId::new(key));
            let mut reading = collections::Reading { history, so, options, writes: &writes, initial, matching: self };
            for read in by_key.reads(key) {
                reading.read(OpId::new(read.op() as usize), history.key_type(KeyId::new(key)));
            }
        }
    }
}

/// A value that was written or read, and the operation. In order by value, then by operation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Item(u64);

impl Item {
    fn new(value: ValueId, op: u32) -> Self {
        Item(u64::from(value.0) << 32 | u64::from(op))
    }

    fn value(self) -> ValueId {
        ValueId((self.0 >> 32) as u32)
    }

    fn op(self) -> u32 {
        self.0 as u32
    }
}

/// Writes and external reads by key: of key k the writes in row 2 k and the reads in the row behind, in file order.
struct ByKey {
    starts: Vec<u32>,
    items: Vec<Item>,
}

impl ByKey {
    /// A counting sort that takes the values along: what follows looks at each key's by themselves.
    fn new(history: &History, inside: &Inside) -> Self {
        let rows = |op: usize| (history.op_kind[op].writes(), inside.external(history, op), 2 * history.op_key[op] as usize);
        let sort = CountingSort::new(2 * history.keys(), history.operations(), |op, counts| {
            let (writes, reads, row) = rows(op);
            counts[row] += u32::from(writes);
            counts[row + 1] += u32::from(reads);
        });
        let items: Vec<AtomicU64> = vec![0; sort.len()].into_iter().map(AtomicU64::new).collect();
        let put = |row: usize, next: &mut [u32], value: ValueId, op: usize| {
            items[next[row] as usize].store(Item::new(value, op as u32).0, Ordering::Relaxed);
            next[row] += 1;
        };
        let starts = match history.cas_to.is_empty() {
            // Each is in one row or in none; which one is no branch, since nothing foretells it.
            true => sort.fill(|op, next| {
                let (writes, reads, row) = rows(op);
                if writes | reads {
                    put(row + usize::from(reads), next, history.op_value[op], op);
                }
            }),
            false => sort.fill(|op, next| {
                let (writes, reads, row) = rows(op);
                if reads {
                    put(row + 1, next, history.op_value[op], op);
                }
                if writes {
                    put(row, next, history.written_value(OpId::new(op)).expect("a write has a value"), op);
                }
            }),
        };
        ByKey { starts, items: items.into_iter().map(|item| Item(item.into_inner())).collect() }
    }

    fn row(&self, row: usize) -> &[Item] {
        &self.items[self.starts[row] as usize..self.starts[row + 1] as usize]
    }

    fn writes(&self, key: usize) -> &[Item] {
        self.row(2 * key)
    }

    fn reads(&self, key: usize) -> &[Item] {
        self.row(2 * key + 1)
    }

    /// By key: how many writes there are of the keys before it; and at the end of all.
    fn key_writes(&self) -> Vec<u32> {
        let counts = self.starts.windows(2).step_by(2).map(|row| row[1] - row[0]);
        let before = counts.scan(0, |all, count| Some(std::mem::replace(all, *all + count)));
        let mut starts: Vec<u32> = before.collect();
        starts.push(self.starts.windows(2).step_by(2).map(|row| row[1] - row[0]).sum());
        starts
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
