//! The weak transactional models by their axioms (models.md 7; Biswas & Enea, OOPSLA'19, Fig. 2), by enumeration of the commit orders of
//! the transactions.
//!
//! Orders are laid out transaction by transaction; two beginnings of the same transactions continue alike, so each set of them is looked
//! at once. [`Transactions::explains`] holds one whole order to the axioms, and tests show that going through all orders finds the same.

use testimony::history::DataType;
use testimony::model::Isolation;

use crate::reading::{Reading, Source};
use crate::toy::Toy;

/// A matched external read of a register.
struct Read {
    key: u8,
    /// The transaction read from; `None` is the initial one, before all others.
    from: Option<usize>,
}

/// A transaction that takes part: acknowledged with a matched read or a write, or observed.
struct Transaction {
    /// Its index in the history.
    #[allow(dead_code, reason = "only the tests of certificates ask")]
    txn: usize,
    /// The registers that it writes.
    writes: Vec<u8>,
    /// In program order.
    reads: Vec<Read>,
}

/// A history as these models see it. Transactions are numbered by their places in `taking_part`.
pub struct Transactions {
    taking_part: Vec<Transaction>,
    /// `so[a][b]`: a so b; `hb` = (so ∪ wr)⁺.
    so: Vec<Vec<bool>>,
    hb: Vec<Vec<bool>>,
}

impl Transactions {
    /// Sees it.
    pub fn new(toy: &Toy, reading: &Reading) -> Self {
        let register = |n: &usize| reading.nodes[*n].data_type == DataType::Register;
        let nodes_of = |txn: usize| (0..reading.nodes.len()).filter(register).filter(move |&n| reading.nodes[n].txn == txn);
        let txns: Vec<usize> = (0..toy.txns.len()).filter(|&txn| nodes_of(txn).next().is_some()).collect();
        let number = |node: usize| txns.iter().position(|&txn| txn == reading.nodes[node].txn).expect("its node takes part");
        let read = |n: usize| {
            let from = match reading.nodes[n].source? {
                Source::Initial => None,
                Source::Write(w) => Some(number(w)),
            };
            Some(Read { key: reading.nodes[n].key, from })
        };
        let changed = |txn: usize| {
            let of_register = |key: u8| toy.key_type(key) == DataType::Register;
            toy.txns[txn].ops.iter().filter(|op| op.act.changes()).map(|op| op.key).filter(|&key| of_register(key)).collect()
        };
        let taking_part: Vec<Transaction> = txns
            .iter()
            .map(|&txn| Transaction { txn, writes: changed(txn), reads: nodes_of(txn).filter_map(read).collect() })
            .collect();
        let node = |t: usize| nodes_of(txns[t]).next().expect("it takes part");
        let so: Vec<Vec<bool>> = (0..txns.len())
            .map(|a| (0..txns.len()).map(|b| a != b && reading.so[node(a)] >> node(b) & 1 == 1).collect())
            .collect();
        let mut hb = so.clone();
        for (t3, transaction) in taking_part.iter().enumerate() {
            transaction.reads.iter().filter_map(|read| read.from).for_each(|t1| hb[t1][t3] = true);
        }
        for middle in 0..txns.len() {
            for a in 0..txns.len() {
                for b in 0..txns.len() {
                    hb[a][b] |= hb[a][middle] && hb[middle][b];
                }
            }
        }
        Transactions { taking_part, so, hb }
    }

    /// The transactions that take part, by their indices in the history.
    #[allow(dead_code, reason = "only the tests of certificates ask")]
    pub fn taking_part(&self) -> Vec<usize> {
        self.taking_part.iter().map(|transaction| transaction.txn).collect()
    }

    /// Did t3 see t2 when it made its read number `at`?
    fn saw(&self, isolation: Isolation, t3: usize, at: usize, t2: usize) -> bool {
        let reads = &self.taking_part[t3].reads;
        let read_from = |reads: &[Read]| reads.iter().any(|read| read.from == Some(t2));
        match isolation {
            Isolation::ReadCommitted => read_from(&reads[..at]),
            Isolation::ReadAtomic => self.so[t2][t3] || read_from(reads),
            Isolation::TransactionalCausal => self.hb[t2][t3],
        }
    }

    /// How many take part.
    pub fn count(&self) -> usize {
        self.taking_part.len()
    }

    /// The axiom's demands: (t2, t1) for t2 co t1.
    fn demands(&self, isolation: Isolation) -> Vec<(usize, Option<usize>)> {
        let mut demands = vec![];
        for (t3, transaction) in self.taking_part.iter().enumerate() {
            for (at, read) in transaction.reads.iter().enumerate() {
                for (t2, writer) in self.taking_part.iter().enumerate() {
                    let other = Some(t2) != read.from && t2 != t3;
                    if other && writer.writes.contains(&read.key) && self.saw(isolation, t3, at, t2) {
                        demands.push((t2, read.from));
                    }
                }
            }
        }
        demands
    }

    /// Is there a commit order?
    pub fn holds(&self, isolation: Isolation) -> bool {
        let n = self.taking_part.len();
        let mut before = vec![0u32; n];
        for (t2, t1) in self.demands(isolation) {
            let Some(t1) = t1 else { return false };
            before[t1] |= 1 << t2;
        }
        for (a, row) in self.hb.iter().enumerate() {
            (0..n).filter(|&b| row[b]).for_each(|b| before[b] |= 1 << a);
        }
        let mut known = vec![false; 1 << n];
        let mut beginnings = vec![0u32];
        while let Some(placed) = beginnings.pop() {
            if placed.count_ones() as usize == n {
                return true;
            }
            for next in (0..n).filter(|&t| placed >> t & 1 == 0 && before[t] & !placed == 0) {
                let longer = placed | 1 << next;
                if !std::mem::replace(&mut known[longer as usize], true) {
                    beginnings.push(longer);
                }
            }
        }
        false
    }

    /// Is this a commit order?
    pub fn explains(&self, isolation: Isolation, order: &[usize]) -> bool {
        let n = self.taking_part.len();
        let place = |t: usize| order.iter().position(|&o| o == t).expect("the order is total");
        let kept = (0..n).all(|a| (0..n).all(|b| !self.hb[a][b] || place(a) < place(b)));
        kept && self.demands(isolation).into_iter().all(|(t2, t1)| t1.is_some_and(|t1| place(t2) < place(t1)))
    }
}
