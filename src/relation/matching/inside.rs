//! What the operations of one transaction are to one another: reads of what it wrote itself, and writes that it overwrote.
//!
//! Transactions are looked at side by side, in shares. Cost: O(n), and for each share a number a key.

use std::hint::select_unpredictable;
use std::ops::Range;

use rayon::prelude::*;

use crate::history::{History, OpId, Status, TxnId};
use crate::relation::collections::unseen_own_write;
use crate::verdict::Anomaly;

use super::Malformed;

/// What was found inside transactions.
pub(super) struct Inside {
    /// By operation: is it an external read of an `ok` transaction? Empty where each transaction is one operation.
    external: Vec<bool>,
    pub(super) last_writes: LastWrites,
    /// Internal reads of something else than the transaction's own.
    pub(super) malformed: Vec<Malformed>,
}

/// Which writes are the last of their transaction to their key.
pub(crate) struct LastWrites {
    /// By operation: does its transaction overwrite it? Empty where none overwrites anything.
    overwritten: Vec<bool>,
}

impl LastWrites {
    /// Is a write the last of its transaction to its key?
    #[inline]
    pub(crate) fn is(&self, op: usize) -> bool {
        self.overwritten.is_empty() || !self.overwritten[op]
    }

    /// Is every write?
    pub(super) fn all(&self) -> bool {
        self.overwritten.is_empty()
    }
}

/// A share has so many operations at least, and a few for each key.
const LEAST: usize = 1 << 15;

impl Inside {
    pub(super) fn new(history: &History) -> Self {
        if history.all_bare() {
            let last_writes = LastWrites { overwritten: Vec::new() };
            return Inside { external: Vec::new(), last_writes, malformed: Vec::new() };
        }
        let most = history.operations() / LEAST.max(4 * history.keys());
        let share = history.transactions().div_ceil(rayon::current_num_threads().min(most).max(1)).max(1);
        let (mut external, mut overwritten) = (vec![false; history.operations()], vec![false; history.operations()]);
        let (mut external_left, mut overwritten_left) = (&mut external[..], &mut overwritten[..]);
        let mut shares = Vec::new();
        for first in (0..history.transactions()).step_by(share) {
            let txns = first..(first + share).min(history.transactions());
            let ops = history.first_op(txns.end) - history.first_op(txns.start);
            let all = "every operation is of one transaction";
            shares.push(Share {
                history,
                txns,
                external: external_left.split_off_mut(..ops).expect(all),
                overwritten: overwritten_left.split_off_mut(..ops).expect(all),
                malformed: Vec::new(),
                overwrites: false,
            });
        }
        shares.par_iter_mut().for_each(Share::look);
        let overwrites = shares.iter().any(|share| share.overwrites);
        let malformed = shares.into_iter().flat_map(|share| share.malformed).collect();
        let last_writes = LastWrites { overwritten: if overwrites { overwritten } else { Vec::new() } };
        Inside { external, last_writes, malformed }
    }

    /// Is it an external read of an `ok` transaction?
    #[inline]
    pub(super) fn external(&self, history: &History, op: usize) -> bool {
        match self.external.is_empty() {
            true => history.op_kind[op].reads() & (history.txn_status[op] == Status::Ok),
            false => self.external[op],
        }
    }
}

/// Neighbouring transactions.
struct Share<'a> {
    history: &'a History,
    txns: Range<usize>,
    /// Of their operations.
    external: &'a mut [bool],
    overwritten: &'a mut [bool],
    malformed: Vec<Malformed>,
    overwrites: bool,
}

impl Share<'_> {
    fn look(&mut self) {
        let history = self.history;
        let first = history.first_op(self.txns.start);
        // The last write of each key so far, in the transaction looked at; forgotten by its number, not by clearing.
        let mut own: Vec<(u32, u32)> = vec![(u32::MAX, 0); history.keys()];
        for txn in self.txns.clone().map(TxnId::new) {
            let ok = history.txn_status(txn) == Status::Ok;
            let number = txn.index() as u32;
            for op in history.txn_ops(txn) {
                let slot = &mut own[history.op_key[op.index()] as usize];
                let writes = history.kind(op).writes();
                let external = &mut self.external[op.index() - first];
                *external = ok & history.kind(op).reads();
                if slot.0 == number {
                    let write = OpId::new(slot.1 as usize);
                    if *external && let Some(write) = unseen_own_write(history, op, write) {
                        self.malformed.push(Malformed { read: op, anomaly: Anomaly::Internal, write: Some(write) });
                    }
                    *external = false;
                    if writes {
                        self.overwritten[write.index() - first] = true;
                        self.overwrites = true;
                    }
                }
                *slot = select_unpredictable(writes, (number, op.index() as u32), *slot);
            }
        }
    }
}
