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
    /// By operation: is it an external read of an `ok` transaction?
    pub(super) external: Vec<bool>,
    /// By operation: is it the last write of its transaction to its key?
    pub(super) last_write: Vec<bool>,
    /// Internal reads of something else than the transaction's own.
    pub(super) malformed: Vec<Malformed>,
    /// Does some transaction overwrite a write of its own?
    pub(super) overwrites: bool,
}

/// A share has so many operations at least, and a few for each key.
const LEAST: usize = 1 << 15;

impl Inside {
    pub(super) fn new(history: &History) -> Self {
        let mut this = Inside {
            external: history.op_kind.iter().map(|kind| kind.reads()).collect(),
            last_write: vec![true; history.operations()],
            malformed: Vec::new(),
            overwrites: false,
        };
        if history.all_bare() {
            let all = this.external.iter_mut().zip(&history.txn_status);
            all.for_each(|(external, &status)| *external &= status == Status::Ok);
            return this;
        }
        let most = history.operations() / LEAST.max(4 * history.keys());
        let share = history.transactions().div_ceil(rayon::current_num_threads().min(most).max(1)).max(1);
        let (mut external, mut last_write) = (&mut this.external[..], &mut this.last_write[..]);
        let mut shares = Vec::new();
        for first in (0..history.transactions()).step_by(share) {
            let txns = first..(first + share).min(history.transactions());
            let ops = history.first_op(txns.end) - history.first_op(txns.start);
            let all = "every operation is of one transaction";
            shares.push(Share {
                history,
                txns,
                external: external.split_off_mut(..ops).expect(all),
                last_write: last_write.split_off_mut(..ops).expect(all),
                malformed: Vec::new(),
                overwrites: false,
            });
        }
        shares.par_iter_mut().for_each(Share::look);
        let found: Vec<_> = shares.into_iter().map(|share| (share.malformed, share.overwrites)).collect();
        for (malformed, overwrites) in found {
            this.malformed.extend(malformed);
            this.overwrites |= overwrites;
        }
        this
    }
}

/// Neighbouring transactions.
struct Share<'a> {
    history: &'a History,
    txns: Range<usize>,
    /// Of their operations.
    external: &'a mut [bool],
    last_write: &'a mut [bool],
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
                *external &= ok;
                if slot.0 == number {
                    let write = OpId::new(slot.1 as usize);
                    if *external && let Some(write) = unseen_own_write(history, op, write) {
                        self.malformed.push(Malformed { read: op, anomaly: Anomaly::Internal, write: Some(write) });
                    }
                    *external = false;
                    if writes {
                        self.last_write[write.index() - first] = false;
                        self.overwrites = true;
                    }
                }
                *slot = select_unpredictable(writes, (number, op.index() as u32), *slot);
            }
        }
    }
}
