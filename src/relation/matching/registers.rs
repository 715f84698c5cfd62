//! Which write each read of a register returned.
//!
//! The writes of a key go into a small table by value, in which its reads look theirs up: one key's table mostly fits the first cache.
//! Where a value was written twice, the candidates that the recording itself excludes fall away; a read with several left is ambiguous
//! and takes no part in any inference. Cost: O(operations of the key); a read of a value written c times costs up to c more, which the
//! budget bounds.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::check::{Options, UnmatchedReads};
use crate::history::{History, KeyId, OpId, Status, ValueId};
use crate::relation::budget::Budget;
use crate::relation::session_order::SessionOrder;
use crate::verdict::Anomaly;

use super::inside::LastWrites;
use super::{INITIAL, Item, Malformed, comes_too_late, invoked_after};

/// What all keys are matched with.
pub(super) struct Registers<'a> {
    history: &'a History,
    so: &'a SessionOrder,
    options: &'a Options,
    budget: &'a Budget,
    /// By operation: filled in. Each is written by whoever matches its key, and read by nobody before all are done.
    writer: &'a [AtomicU32],
    last_writes: &'a LastWrites,
    /// Did some transaction fail? Are there times? How many operations has the longest transaction? What no read can show need not be
    /// looked up for each.
    fails: bool,
    times: bool,
    longest: u32,
}

impl<'a> Registers<'a> {
    pub(super) fn new(
        history: &'a History,
        so: &'a SessionOrder,
        options: &'a Options,
        budget: &'a Budget,
        writer: &'a [AtomicU32],
        last_writes: &'a LastWrites,
    ) -> Self {
        let fails = history.txn_status.contains(&Status::Fail);
        let times = !history.txn_invoke.is_empty();
        let longest = match history.all_bare() {
            true => 1,
            false => history.txns().map(|txn| history.txn_ops(txn).len() as u32).max().unwrap_or(0),
        };
        Registers { history, so, options, budget, writer, last_writes, fails, times, longest }
    }
}

/// What was found beside the writers.
#[derive(Default)]
pub(super) struct Found {
    pub(super) malformed: Vec<Malformed>,
    pub(super) ambiguous: Vec<OpId>,
    /// Is some ambiguous read malformed under one of its candidates and not under another?
    pub(super) ambiguous_form: bool,
    pub(super) ignored: u64,
}

/// Matches one key after another.
pub(super) struct OfKey<'a> {
    all: &'a Registers<'a>,
    pub(super) found: Found,
    table: Table,
    /// How many candidates were looked at, where a read had several.
    candidates: u64,
    out_of_time: bool,
}

impl<'a> OfKey<'a> {
    pub(super) fn new(all: &'a Registers<'a>) -> Self {
        OfKey { all, found: Found::default(), table: Table::default(), candidates: 0, out_of_time: false }
    }

    /// Matches the reads of a key with its writes.
    pub(super) fn match_key(&mut self, key: KeyId, writes: &[Item], reads: &[Item]) {
        let initial = self.all.history.initial(key);
        let unique = self.table.fill(writes);
        let mut by_value = if unique { Vec::new() } else { writes.to_vec() };
        by_value.sort_unstable();
        for item in reads {
            let (value, read) = (item.value(), OpId::new(item.op() as usize));
            let of_table;
            let candidates = if unique {
                of_table = self.table.get(value);
                of_table.as_slice()
            } else {
                let first = by_value.partition_point(|write| write.value() < value);
                let count = by_value[first..].partition_point(|write| write.value() == value);
                &by_value[first..first + count]
            };
            match (candidates, value == initial) {
                ([], true) => self.settle(read, INITIAL),
                ([], false) if self.all.options.unmatched_reads == UnmatchedReads::Ignore => self.found.ignored += 1,
                ([], false) => {
                    self.found.malformed.push(Malformed { read, anomaly: Anomaly::ThinAirRead, write: None });
                }
                ([only], false) => self.settle(read, only.op()),
                (candidates, initial) => self.choose(read, candidates, initial),
            }
        }
    }

    /// Matches a read of a value with several candidates, if the recording leaves one. Looks at no more of them than it must: where
    /// values are few, candidates are many. Where the time runs out on that, the read is as good as ambiguous.
    fn choose(&mut self, read: OpId, candidates: &[Item], initial: bool) {
        let history = self.all.history;
        let live =
            || candidates.iter().map(|write| write.op()).filter(|&w| history.status(OpId::new(w as usize)) != Status::Fail);
        let (mut possible, mut last) = (u32::from(initial), INITIAL);
        let mut malformed = false;
        for w in live() {
            self.candidates += 1;
            self.out_of_time |= self.candidates.is_multiple_of(4096) && self.all.budget.check().is_err();
            if self.out_of_time {
                self.found.ambiguous_form = true;
                return self.found.ambiguous.push(read);
            }
            if self.excluded(read, OpId::new(w as usize)) {
                continue;
            }
            (possible, last) = (possible + 1, w);
            malformed |= self.anomaly_of(read, w).is_some();
            if possible > 1 && (malformed || self.found.ambiguous_form || self.all.last_writes.all()) {
                break; // What others there are changes nothing: only an overwritten write is possible and malformed.
            }
        }
        match possible {
            0 if live().next().is_none() => self.settle(read, candidates[0].op()),
            0 if live().all(|w| self.anomaly_of(read, w) == Some(Anomaly::FutureRead)) => {
                let first = live().next().expect("looked at");
                self.settle(read, first);
            }
            1 => self.settle(read, last),
            _ => {
                // Where all are excluded, what was returned has no explanation that is known to be well-formed.
                self.found.ambiguous_form |= malformed || possible == 0;
                self.found.ambiguous.push(read);
            }
        }
    }

    /// What the recording itself rules out, assuming no guarantee that a model tests.
    fn excluded(&self, read: OpId, write: OpId) -> bool {
        let history = self.all.history;
        let versions_differ = matches!((history.read_version(read), history.version(write)), (Some(r), Some(w)) if r != w);
        versions_differ || comes_too_late(history, self.all.so, read, write)
    }

    fn settle(&mut self, read: OpId, writer: u32) {
        match self.anomaly_of(read, writer) {
            None => self.all.writer[read.index()].store(writer, Ordering::Relaxed),
            Some(anomaly) => {
                self.found.malformed.push(Malformed { read, anomaly, write: Some(OpId::new(writer as usize)) });
            }
        }
    }

    /// What is wrong with a read that returned this write, if anything is.
    fn anomaly_of(&self, read: OpId, writer: u32) -> Option<Anomaly> {
        let &Registers { history, fails, times, longest, last_writes, .. } = self.all;
        if writer == INITIAL {
            return None;
        }
        let write = OpId::new(writer as usize);
        if writer.abs_diff(read.index() as u32) < longest && history.txn(read) == history.txn(write) {
            // An external read of its own transaction's write comes before it.
            Some(Anomaly::FutureRead)
        } else if fails && history.status(write) == Status::Fail {
            Some(Anomaly::AbortedRead)
        } else if times && invoked_after(history, read, write) {
            Some(Anomaly::FutureRead)
        } else if !last_writes.is(write.index()) {
            Some(Anomaly::IntermediateRead)
        } else {
            None
        }
    }
}

/// The writes of one key by value: open addressing, at most half full.
#[derive(Default)]
struct Table {
    slots: Vec<Item>,
    shift: u32,
}

/// No operation has this number.
const EMPTY: Item = Item(u64::MAX);
const MOST_PROBES: usize = 64;

impl Table {
    /// Takes in the writes; false where two wrote the same value, or where values were made to collide.
    fn fill(&mut self, writes: &[Item]) -> bool {
        let bits = (2 * writes.len()).max(2).next_power_of_two().trailing_zeros();
        self.shift = 32 - bits;
        self.slots.clear();
        self.slots.resize(1 << bits, EMPTY);
        for &write in writes {
            match self.places(write.value()).find(|&at| self.slots[at] == EMPTY || self.slots[at].value() == write.value()) {
                Some(at) if self.slots[at] == EMPTY => self.slots[at] = write,
                _ => return false,
            }
        }
        true
    }

    #[inline]
    fn get(&self, value: ValueId) -> Option<Item> {
        let at = self.places(value).find(|&at| self.slots[at] == EMPTY || self.slots[at].value() == value)?;
        Some(self.slots[at]).filter(|&write| write != EMPTY)
    }

    /// The few places where a value may be, from its own on: Fibonacci hashing (Knuth, TAOCP 3, 6.4).
    #[inline]
    fn places(&self, value: ValueId) -> impl Iterator<Item = usize> + use<> {
        let (home, mask) = ((value.0.wrapping_mul(0x9E37_79B1) >> self.shift) as usize, self.slots.len() - 1);
        (0..MOST_PROBES).map(move |i| (home + i) & mask)
    }
}
