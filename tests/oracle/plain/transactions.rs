//! The weak transactional models by their bad pattern: with "t2 co t1" for every t2 that t3 saw and that writes what t3 read from t1,
//! session order and what was read, the commit order has a cycle, or puts something before the initial transaction.

use testimony::history::{KeyId, OpId, Status, TxnId};
use testimony::model::Isolation;

use super::{Plain, close};
use crate::broken::Fault;
use crate::guarantee::{bits, mask};

impl Plain<'_> {
    /// Is the model violated by its own axiom?
    pub(super) fn isolation_violated(&self, isolation: Isolation) -> bool {
        if isolation == Isolation::TransactionalCausal && self.has(Fault::CausalByOperations) {
            return false;
        }
        let n = self.history.transactions();
        let part = self.nodes.iter().fold(0, |m, &op| m | 1u32 << self.history.txn(op).index());
        let so: Vec<u32> = (0..n).map(|b| mask(n, |a| part >> b & 1 == 1 && part >> a & 1 == 1 && self.precedes(a, b))).collect();
        let wr: Vec<u32> = (0..n).map(|t| self.reads_of(t).filter_map(|(_, from)| from).fold(0, |m, t1| m | 1 << t1)).collect();
        let mut hb: Vec<u32> = so.iter().zip(&wr).map(|(so, wr)| so | wr).collect();
        let mut co = if self.has(Fault::CommitForgetsSessions) { wr.clone() } else { hb.clone() };
        if !self.has(Fault::TransactionsNotClosed) {
            close(&mut hb);
        }
        for t3 in 0..n {
            let mut read_before = if self.has(Fault::CommittedAtAnyRead) { wr[t3] } else { 0 };
            for (key, from) in self.reads_of(t3) {
                let mut saw = match isolation {
                    Isolation::ReadCommitted => read_before,
                    Isolation::ReadAtomic if self.has(Fault::AtomicForgetsSessions) => wr[t3],
                    Isolation::ReadAtomic => so[t3] | wr[t3],
                    Isolation::TransactionalCausal => hb[t3],
                };
                saw = if self.has(Fault::OwnTransactionSeen) { saw | 1 << t3 } else { saw & !(1 << t3) };
                let overwritten = bits(saw).filter(|&t2| from != Some(t2) && self.commits(t2, key)).fold(0, |m, t2| m | 1 << t2);
                match from {
                    Some(t1) => co[t1] |= overwritten,
                    None if overwritten != 0 && !self.has(Fault::InitialCommitForgotten) => return true,
                    None => {}
                }
                read_before |= from.map_or(0, |t1| 1 << t1);
            }
        }
        close(&mut co)
    }

    /// a so b.
    fn precedes(&self, a: usize, b: usize) -> bool {
        let h = self.history;
        let (first, second) = (TxnId::new(a), TxnId::new(b));
        let by_file = h.txn_status(first) == Status::Info && h.txn_session(first) == h.txn_session(second) && a < b;
        self.later[a] >> b & 1 == 1 || by_file && self.has(Fault::InfoTransactionOrdered)
    }

    /// The matched external reads of a transaction, in program order: the key, and the transaction read from.
    fn reads_of(&self, txn: usize) -> impl Iterator<Item = (KeyId, Option<usize>)> + '_ {
        let h = self.history;
        bits(self.reads).filter(move |&r| h.txn(self.nodes[r]).index() == txn).map(move |r| {
            let from: Option<OpId> = self.from[r].expect("a read");
            (h.key(self.nodes[r]), from.map(|w| h.txn(w).index()))
        })
    }

    /// Does the transaction, which takes part, write the key?
    fn commits(&self, txn: usize, key: KeyId) -> bool {
        let observed = |op: OpId| bits(self.writes).any(|w| self.nodes[w] == op) || !self.has(Fault::OnlyObservedWritesCommit);
        self.history.txn_ops(TxnId::new(txn)).any(|op| self.writes(op) && self.history.key(op) == key && observed(op))
    }
}
