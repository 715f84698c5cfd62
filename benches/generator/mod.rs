//! Histories of any size from a seed: mostly what a replicated store with one order of all writes shows to sessions whose views lag behind.
//!
//! Writes are numbered in the order in which they commit. A session sees a prefix of that order, which never shrinks, and its own writes;
//! a transaction sees the prefix that it began with. So every model holds, unless some reads are told to go back to any
//! earlier write of their key. O(n log n), a few seconds for ten million operations.

use std::collections::HashMap;
use std::io::{self, Write};

use fastrand::Rng;
use rustc_hash::FxBuildHasher;

/// What to make.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// How many operations.
    pub operations: usize,
    /// The share of them that are reads.
    pub reads: f64,
    /// By how many sessions.
    pub sessions: usize,
    /// How many of them are at work at once; one that has done its share makes room for the next.
    pub alive: usize,
    /// On how many keys.
    pub keys: usize,
    /// How uneven they are: the first share q of the keys has the share q^(1 / (1 + skew)) of the operations. 0: all alike.
    pub skew: f64,
    /// How many operations a transaction has.
    pub transaction: usize,
    /// A session's view is at most so many writes old.
    pub age: usize,
    /// The share of reads that return any earlier write of their key.
    pub stale: f64,
    /// Does the first session see nothing new after the first tenth of the operations?
    pub stuck: bool,
    /// Who does what after whom; reads, skew, views and transactions matter only where it is anybody anything.
    pub pattern: Pattern,
    /// In which order the file has the operations.
    pub order: Order,
    /// The same seed, the same history.
    pub seed: u64,
}

/// Who does what after whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pattern {
    /// Anybody anything.
    Mixed,
    /// Every write is read by every session before the next one.
    ReadByAll,
    /// Each write follows a read of the one before it, by any session.
    Chain,
}

/// An order of lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// As they happened.
    AsHappened,
    /// One session after another. The values written still count.
    BySession,
    /// The same, and the values are in no order: nothing tells when.
    Untold,
}

/// One operation.
#[derive(Clone, Copy)]
pub struct Row {
    pub write: bool,
    pub key: u32,
    /// 0: the initial value.
    pub value: u32,
    pub session: u32,
    /// Counts in the file.
    pub transaction: u32,
}

/// A session at work.
#[derive(Clone, Copy)]
struct Worker {
    session: u32,
    /// How many transactions are left to do.
    left: usize,
    next_transaction: u32,
    /// It sees the transactions before this one.
    view: u32,
}

impl Shape {
    /// What the others differ from: half reads, 1,000 keys, views up to 1,000 writes old.
    pub fn balanced(operations: usize, sessions: usize, order: Order, seed: u64) -> Self {
        let (keys, transaction, age, pattern) = (1_000, 1, 1_000, Pattern::Mixed);
        let (reads, skew, stale, stuck) = (0.5, 0.0, 0.0, false);
        Shape { operations, reads, sessions, alive: sessions, keys, skew, transaction, age, stale, stuck, pattern, order, seed }
    }

    /// The operations of the history, in the order of its file.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = match self.pattern {
            Pattern::Mixed => Making::new(self).rows(),
            Pattern::ReadByAll => self.read_by_all(),
            Pattern::Chain => self.chain(),
        };
        if self.order != Order::AsHappened {
            rows.sort_by_key(|row| row.session);
        }
        if self.order == Order::Untold {
            let mut values: Vec<u32> = (1..=rows.iter().map(|row| row.value).max().unwrap_or(0)).collect();
            Rng::with_seed(!self.seed).shuffle(&mut values);
            rows.iter_mut().filter(|row| row.value > 0).for_each(|row| row.value = values[row.value as usize - 1]);
        }
        // Numbered along the file: some tools want unique numbers, and they must not tell what the order of lines hides.
        let (mut last, mut number) = (None, 0);
        for row in &mut rows {
            if last.replace((row.session, row.transaction)) != Some((row.session, row.transaction)) {
                number += 1;
            }
            row.transaction = number;
        }
        rows
    }

    fn read_by_all(&self) -> Vec<Row> {
        let sessions = self.sessions as u32;
        let rows = (0..).flat_map(|i| {
            let (key, value) = (i % self.keys as u32, i + 1);
            let row = move |write, session| Row {
                write,
                key,
                value,
                session,
                transaction: i * (sessions + 1) + session + u32::from(!write),
            };
            std::iter::once(row(true, i % sessions)).chain((0..sessions).map(move |session| row(false, session)))
        });
        rows.take(self.operations).collect()
    }

    fn chain(&self) -> Vec<Row> {
        let mut rng = Rng::with_seed(self.seed);
        let key = |value: u32| value % self.keys as u32;
        let links = (0..self.operations as u32 / 2).flat_map(|i| {
            let session = rng.u32(..self.sessions as u32);
            // Its first read is of the initial value.
            let row = |write, value| Row { write, key: key(value), value, session, transaction: 2 * i + u32::from(write) };
            [row(false, i), row(true, i + 1)]
        });
        links.collect()
    }

    /// The history in Plume's format.
    pub fn plume(&self, out: &mut impl Write) -> io::Result<()> {
        for row in self.rows() {
            let kind = if row.write { 'w' } else { 'r' };
            writeln!(out, "{kind}({},{},{},{})", row.key, row.value, row.session, row.transaction)?;
        }
        Ok(())
    }
}

/// A history in the making.
struct Making<'a> {
    shape: &'a Shape,
    rng: Rng,
    /// How many writes each transaction and those before it made.
    writes_before: Vec<u32>,
    /// By key: the transactions that wrote it, and what, in commit order.
    log: Vec<Vec<(u32, u32)>>,
    /// By session and key: the last own write.
    own: HashMap<(u32, u32), (u32, u32), FxBuildHasher>,
    values: u32,
}

impl<'a> Making<'a> {
    fn new(shape: &'a Shape) -> Self {
        Making {
            shape,
            rng: Rng::with_seed(shape.seed),
            writes_before: vec![0],
            log: vec![Vec::new(); shape.keys],
            own: HashMap::default(),
            values: 0,
        }
    }

    fn rows(mut self) -> Vec<Row> {
        let Shape { operations, sessions, alive, transaction, .. } = *self.shape;
        let mut rows = Vec::with_capacity(operations);
        let share = (operations / transaction / sessions).max(1);
        let lasting = alive >= sessions;
        let mut begun = 0;
        let mut begin = |rng: &mut Rng, view: u32| {
            let left = if lasting { usize::MAX } else { rng.usize(share.div_ceil(2)..=share + share / 2) };
            begun += 1;
            Worker { session: begun - 1, left, next_transaction: 1, view }
        };
        let mut workers: Vec<Worker> = (0..alive.min(sessions)).map(|_| begin(&mut self.rng, 0)).collect();
        while rows.len() < operations {
            let at = self.rng.usize(..workers.len());
            let mut worker = workers[at];
            self.transaction(&mut worker, &mut rows);
            worker.left -= 1;
            workers[at] = if worker.left == 0 { begin(&mut self.rng, worker.view) } else { worker };
        }
        rows
    }

    fn transaction(&mut self, worker: &mut Worker, rows: &mut Vec<Row>) {
        let number = self.writes_before.len() as u32;
        self.look(worker);
        let first = rows.len();
        for _ in 0..self.shape.transaction.min(self.shape.operations - first) {
            let key = (self.rng.f64().powf(1.0 + self.shape.skew) * self.shape.keys as f64) as u32;
            let write = self.rng.f64() >= self.shape.reads;
            let value = if write {
                self.values += 1;
                self.values
            } else {
                let own = rows[first..].iter().rev().find(|row: &&Row| row.write && row.key == key).map(|row| row.value);
                own.unwrap_or_else(|| self.read(worker, key))
            };
            let (session, transaction) = (worker.session, worker.next_transaction);
            rows.push(Row { write, key, value, session, transaction });
        }
        let mut writes = self.writes_before[number as usize - 1];
        for row in rows[first..].iter().filter(|row| row.write) {
            writes += 1;
            self.own.insert((row.session, row.key), (number, row.value));
            match self.log[row.key as usize].last_mut() {
                Some(last) if last.0 == number => last.1 = row.value,
                _ => self.log[row.key as usize].push((number, row.value)),
            }
        }
        self.writes_before.push(writes);
        worker.next_transaction += 1;
    }

    /// Moves a view on: to somewhere that is young enough.
    fn look(&mut self, worker: &mut Worker) {
        let end = self.writes_before.len() as u32;
        if self.shape.stuck && worker.session == 0 && end as usize > self.shape.operations / self.shape.transaction / 10 {
            return;
        }
        if self.shape.age == usize::MAX {
            worker.view = self.rng.u32(worker.view..=end);
        } else {
            let age = self.rng.u32(..=self.shape.age as u32);
            let writes = self.writes_before[end as usize - 1].saturating_sub(age);
            worker.view = worker.view.max(self.writes_before.partition_point(|&before| before <= writes) as u32);
        }
    }

    fn read(&mut self, worker: &Worker, key: u32) -> u32 {
        let log = &self.log[key as usize];
        if self.shape.stale > 0.0 && self.rng.f64() < self.shape.stale && !log.is_empty() {
            return log[self.rng.usize(..log.len())].1;
        }
        let seen = log.partition_point(|&(transaction, _)| transaction < worker.view).checked_sub(1).map(|at| log[at]);
        let own = self.own.get(&(worker.session, key)).copied();
        seen.max(own).map_or(0, |(_, value)| value)
    }
}
