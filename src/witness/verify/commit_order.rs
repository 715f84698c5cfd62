//! Certificates of the weak transactional models (models.md 7): one order of the transactions that take part, each named by its first
//! operation. It must extend session order and what was read, and have no transaction that t3 saw and that writes x behind t1, from which
//! t3 read x. The initial transaction is at place 0, so that a read of an initial value admits none.
//!
//! That the recorded order of writes fits is no part of these models, but of `causal`, which has a certificate of its own.
//!
//! Cost: O(n log n) for the order, session order and what was read; `read-committed` and `read-atomic` besides, for each transaction and
//! each that it read from, the lesser of what the one reads and the other writes: O(n^1.5) at worst; `transactional-causal`: see [`past`].

mod gates;
mod past;

use super::facts::Facts;
use super::refusal::{Refusal, require};
use crate::history::{DataType, KeyId, OpId, Status, TxnId};
use crate::model::Isolation;
use gates::Gates;

pub(super) fn check(facts: &Facts, isolation: Isolation, order: &[OpId]) -> Result<(), Refusal> {
    let registers = facts.history.ops().all(|op| facts.key_type(op) == DataType::Register);
    require(registers, || Refusal::new("the transactional models are of registers alone"))?;
    let order = CommitOrder::new(facts, order)?;
    order.keeps_what_was_read()?;
    let gates = Gates::new(&order)?;
    order.keeps_sessions(&gates)?;
    match isolation {
        Isolation::ReadCommitted => order.read_committed(),
        Isolation::ReadAtomic => order.read_atomic(&gates),
        Isolation::TransactionalCausal => past::transactional_causal(&order, &gates),
    }
}

/// The order under proof. Transactions go by their places in it, from 1.
struct CommitOrder<'a, 'h> {
    facts: &'a Facts<'h>,
    /// The first operations of the transactions, in their order.
    first: &'a [OpId],
    /// By transaction: its place; 0 for what takes no part.
    place: Vec<u32>,
    /// The keys that each writes, ascending, place after place; and by place less one where its own end.
    written: Vec<KeyId>,
    written_ends: Vec<u32>,
}

impl<'a, 'h> CommitOrder<'a, 'h> {
    fn new(facts: &'a Facts<'h>, first: &'a [OpId]) -> Result<Self, Refusal> {
        let h = facts.history;
        let mut order =
            CommitOrder { facts, first, place: vec![0; h.transactions()], written: Vec::new(), written_ends: Vec::new() };
        for (&op, place) in first.iter().zip(1..) {
            let names_one = op.index() < h.operations() && h.txn_ops(h.txn(op)).next() == Some(op);
            let belongs = names_one && takes_part(facts, h.txn(op)) && order.place[h.txn(op).index()] == 0;
            require(belongs, || Refusal::about(h, op, "is in the order twice, or names no transaction that belongs there"))?;
            order.place[h.txn(op).index()] = place;
            let own = order.written.len();
            order.written.extend(h.txn_ops(h.txn(op)).filter(|&op| facts.writes(op)).map(|op| h.key(op)));
            order.written[own..].sort_unstable();
            order.written_ends.push(order.written.len() as u32);
        }
        match h.txns().find(|&txn| order.place[txn.index()] == 0 && takes_part(facts, txn)) {
            Some(missing) => {
                let first = h.txn_ops(missing).next().expect("it takes part by an operation");
                Err(Refusal::about(h, first, "begins a transaction that is missing from the order"))
            }
            None => Ok(order),
        }
    }

    /// How many transactions there are.
    fn len(&self) -> usize {
        self.first.len()
    }

    fn txn(&self, place: u32) -> TxnId {
        self.facts.history.txn(self.first[place as usize - 1])
    }

    fn place(&self, txn: TxnId) -> u32 {
        self.place[txn.index()]
    }

    /// The reads of a transaction that take part, in program order.
    fn reads(&self, place: u32) -> impl Iterator<Item = OpId> + '_ {
        self.facts.history.txn_ops(self.txn(place)).filter(|&op| self.facts.reads(op))
    }

    /// The place of the transaction that a read returned a write of; 0 for the initial one.
    fn returned(&self, read: OpId) -> u32 {
        self.facts.shown(read).first().map_or(0, |&writer| self.place(self.facts.history.txn(writer)))
    }

    /// The keys that a transaction writes.
    fn written(&self, place: u32) -> &[KeyId] {
        let from = if place == 1 { 0 } else { self.written_ends[place as usize - 2] };
        &self.written[from as usize..self.written_ends[place as usize - 1] as usize]
    }

    fn keeps_what_was_read(&self) -> Result<(), Refusal> {
        let h = self.facts.history;
        let early = |read: &OpId| self.facts.reads(*read) && self.returned(*read) >= self.place(h.txn(*read));
        match h.ops().find(early) {
            Some(read) => Err(Refusal::about(h, read, "is of a transaction that comes before the one it read from")),
            None => Ok(()),
        }
    }

    fn keeps_sessions(&self, gates: &Gates) -> Result<(), Refusal> {
        let early = |place: &u32| gates.before(*place).any(|gate| gates.last(gate) >= *place);
        match (1..=self.len() as u32).find(early) {
            Some(place) => {
                let first = self.first[place as usize - 1];
                Err(Refusal::about(self.facts.history, first, "begins a transaction that comes before one that it follows"))
            }
            None => Ok(()),
        }
    }

    /// Each read against what its transaction read from before.
    fn read_committed(&self) -> Result<(), Refusal> {
        let mut seen = ReadFrom::new(self);
        for place in 1..=self.len() as u32 {
            seen.begin(place);
            for read in self.reads(place) {
                self.is_last(read, seen.newest.of(self.facts.history.key(read)))?;
                seen.add(self, self.returned(read));
            }
        }
        Ok(())
    }

    /// Each read against what its transaction read from, before it or after, and what its session did before.
    fn read_atomic(&self, gates: &Gates) -> Result<(), Refusal> {
        let (h, so) = (self.facts.history, &self.facts.so);
        let (mut seen, mut own) = (ReadFrom::new(self), Newest::new(h.keys()));
        for session in 0..h.sessions() {
            own.clear();
            let mut next = gates.first(session);
            for place in so.places(session).map(|at| self.place(so.at(at))).filter(|&place| place != 0) {
                let passed = gates.passed(place).map_or(next, |gate| gate + 1);
                for gate in next..passed {
                    let done = gates.through(gate);
                    self.written(done).iter().for_each(|&key| own.raise(key, done));
                }
                next = passed;
                seen.begin(place);
                self.reads(place).for_each(|read| seen.add(self, self.returned(read)));
                for read in self.reads(place) {
                    let key = h.key(read);
                    self.is_last(read, own.of(key).max(seen.newest.of(key)))?;
                }
            }
        }
        Ok(())
    }

    /// Is nothing that the read's transaction saw and that writes its key behind what it returned?
    fn is_last(&self, read: OpId, newest: u32) -> Result<(), Refusal> {
        require(newest <= self.returned(read), || {
            Refusal::about(self.facts.history, read, "returned a value although its transaction saw one that overwrote it")
        })
    }
}

/// Does it take part: `ok` with a matched read or a write, or `info` and observed?
fn takes_part(facts: &Facts, txn: TxnId) -> bool {
    let h = facts.history;
    let mut ops = h.txn_ops(txn);
    match h.txn_status(txn) {
        Status::Ok => ops.any(|op| facts.reads(op) || facts.writes(op)),
        Status::Info => ops.any(|op| facts.took_effect(op)),
        Status::Fail => false,
    }
}

/// By key: the last place of some transactions that write it, 0 where none does.
struct Newest {
    place: Vec<u32>,
    touched: Vec<KeyId>,
}

impl Newest {
    fn new(keys: usize) -> Self {
        Newest { place: vec![0; keys], touched: Vec::new() }
    }

    fn clear(&mut self) {
        for key in self.touched.drain(..) {
            self.place[key.index()] = 0;
        }
    }

    fn of(&self, key: KeyId) -> u32 {
        self.place[key.index()]
    }

    fn raise(&mut self, key: KeyId, place: u32) {
        let newest = &mut self.place[key.index()];
        if *newest == 0 {
            self.touched.push(key);
        }
        *newest = place.max(*newest);
    }
}

/// What one transaction read from so far.
struct ReadFrom {
    reader: u32,
    /// By place less one: the last reader that read from the transaction.
    last_reader: Vec<u32>,
    newest: Newest,
}

impl ReadFrom {
    fn new(order: &CommitOrder) -> Self {
        ReadFrom { reader: 0, last_reader: vec![0; order.len()], newest: Newest::new(order.facts.history.keys()) }
    }

    fn begin(&mut self, reader: u32) {
        self.reader = reader;
        self.newest.clear();
    }

    /// It has read from this transaction: of the keys that it reads, those that the transaction writes are seen.
    fn add(&mut self, order: &CommitOrder, from: u32) {
        if from == 0 || std::mem::replace(&mut self.last_reader[from as usize - 1], self.reader) == self.reader {
            return;
        }
        let h = order.facts.history;
        let written = order.written(from);
        if written.len() <= h.txn_ops(order.txn(self.reader)).len() {
            written.iter().for_each(|&key| self.newest.raise(key, from));
        } else {
            let wrote = |key: &KeyId| written.binary_search(key).is_ok();
            order.reads(self.reader).map(|read| h.key(read)).filter(wrote).for_each(|key| self.newest.raise(key, from));
        }
    }
}
