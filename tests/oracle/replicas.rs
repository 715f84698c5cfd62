//! Random small histories of lists, sets, counters and registers: a few replicas that deliver transactions to each other in order or
//! not, with their causes or without, or lose them; and sessions that stay with a replica or wander.

use testimony::history::{DataType, Status};

use crate::rng::Rng;
use crate::toy::{Act, Op, Toy, Txn};

/// A change that happened, or may yet.
struct Change {
    key: u8,
    act: Act,
    txn: usize,
    /// The replica that it was made at.
    at: usize,
    /// What its replica had applied when it was made.
    after: Vec<usize>,
}

/// What must not overtake what on the way to a replica.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    Any,
    /// What is from one replica.
    First,
    /// Anything.
    Total,
}

/// How replicas and sessions behave.
struct Manners {
    sessions: usize,
    replicas: usize,
    /// Do all changes go to the first replica?
    primary: bool,
    /// In percent: that a session stays with its replica, that a replica never gets a transaction.
    sticky: usize,
    loss: usize,
    /// By receiver and origin: that a delivery waits.
    lag: Vec<Vec<usize>>,
    order: Order,
    causal: bool,
    /// Are transactions delivered change by change?
    piecemeal: bool,
    /// Do replicas keep lists in the order of arrival, and registers?
    by_arrival: bool,
    /// Of an addition and a removal that do not know of each other, does the removal win?
    remove_wins: bool,
}

impl Manners {
    fn random(rng: &mut Rng) -> Manners {
        let good = rng.chance(25);
        Manners {
            sessions: rng.between(2, 4),
            replicas: rng.between(2, 3),
            primary: rng.chance(30),
            sticky: if good { 100 } else { *rng.pick(&[100, 70, 30]) },
            lag: (0..3).map(|_| (0..3).map(|_| *rng.pick(&[10, 40, 70, 95])).collect()).collect(),
            loss: if good { 0 } else { *rng.pick(&[0, 0, 10, 30]) },
            order: *rng.pick(if good { &[Order::Total] } else { &[Order::Any, Order::First, Order::First, Order::Total] }),
            causal: good || rng.chance(30),
            piecemeal: rng.chance(10),
            by_arrival: if good { rng.chance(15) } else { rng.chance(40) },
            remove_wins: rng.chance(50),
        }
    }
}

/// What besides plain acknowledged operations a history is to have, in percent.
#[derive(Clone, Copy, Default)]
pub struct Mix {
    /// Transactions of several operations.
    pub several: usize,
    /// Changes that time out.
    pub info: usize,
    /// Changes that fail.
    pub fail: usize,
    /// Keys with an initial value.
    pub initial: usize,
    /// Sessions that stay, and replicas that get each other's changes in order, but not their causes.
    pub overtaking: usize,
}

/// A history of keys of these types.
pub fn replicated(rng: &mut Rng, keys: &[DataType], mix: Mix) -> Toy {
    let mut store = Store::new(rng, keys, mix);
    let transactions = rng.between(6, 12);
    let changes = rng.between(3, 6);
    let mut plan: Vec<bool> = (0..transactions).map(|i| i < changes).collect();
    rng.shuffle(&mut plan);
    for changes in plan {
        store.transact(rng, changes, mix);
        store.deliver(rng);
    }
    store.toy
}

struct Store<'k> {
    keys: &'k [DataType],
    manners: Manners,
    home: Vec<usize>,
    changes: Vec<Change>,
    /// Per replica, the changes that it has applied, in the order of arrival, and the transactions that it never gets.
    applied: Vec<Vec<usize>>,
    lost: Vec<Vec<usize>>,
    toy: Toy,
}

impl<'k> Store<'k> {
    fn new(rng: &mut Rng, keys: &'k [DataType], mix: Mix) -> Self {
        let mut manners = Manners::random(rng);
        if rng.chance(mix.overtaking) {
            let order = Order::First;
            manners =
                Manners { replicas: 3, sticky: 100, loss: 0, order, causal: false, by_arrival: false, primary: false, ..manners };
        }
        let mut toy = Toy::default();
        for (key, of_type) in keys.iter().enumerate().filter(|_| rng.chance(mix.initial)) {
            match of_type {
                DataType::List | DataType::Set => toy.initial_members.push((key as u8, vec![90, 91])),
                _ => toy.initial.push((key as u8, Some(90))),
            }
        }
        Store {
            keys,
            home: (0..manners.sessions).map(|_| rng.below(manners.replicas)).collect(),
            changes: vec![],
            applied: vec![vec![]; manners.replicas],
            lost: vec![vec![]; manners.replicas],
            manners,
            toy,
        }
    }

    fn transact(&mut self, rng: &mut Rng, changes: bool, mix: Mix) {
        let session = rng.below(self.manners.sessions);
        if !rng.chance(self.manners.sticky) {
            self.home[session] = rng.below(self.manners.replicas);
        }
        let at = if changes && self.manners.primary { 0 } else { self.home[session] };
        let status = match rng.below(100) {
            dice if dice < mix.info && (changes || dice < 4) => Status::Info,
            dice if dice < mix.info + mix.fail && changes => Status::Fail,
            _ => Status::Ok,
        };
        let before = self.applied[at].len();
        let mut ops = vec![];
        for place in 0..if rng.chance(mix.several) { rng.between(2, 3) } else { 1 } {
            let key = rng.below(self.keys.len());
            let act = if changes && (place == 0 || rng.chance(60)) { self.change(rng, at, key) } else { self.read(rng, at, key) };
            ops.push(Op { act, key: key as u8, version: None });
        }
        // What failed is nowhere, or leaks; what timed out is here, or may still reach others, or is gone.
        let txn = self.toy.txns.len();
        let gone = match status {
            Status::Ok => false,
            Status::Info => rng.chance(60),
            Status::Fail => !rng.chance(6),
        };
        if gone {
            self.applied[at].truncate(before);
            if status == Status::Fail || rng.chance(60) {
                self.lost.iter_mut().for_each(|lost| lost.push(txn));
            }
        }
        for lost in &mut self.lost {
            if rng.chance(self.manners.loss) {
                lost.push(txn);
            }
        }
        self.toy.txns.push(Txn { session: session as u8, status, invoke: None, complete: None, ops });
    }

    fn change(&mut self, rng: &mut Rng, at: usize, key: usize) -> Act {
        let fresh = self.changes.iter().filter(|c| c.act.changes()).count() as i64 + 1;
        let act = match self.keys[key] {
            DataType::Register => Act::Write(Some(fresh)),
            DataType::List => Act::Append(fresh),
            DataType::Counter => {
                let by = *rng.pick(&[1, 1, 2, 5, 10, -3]);
                if rng.chance(65) { Act::Increment(by) } else { Act::Decrement(by) }
            }
            DataType::Set => {
                let mut known: Vec<i64> =
                    self.changes.iter().filter(|c| usize::from(c.key) == key).filter_map(|c| c.act.element()).collect();
                known.extend_from_slice(self.toy.initial_members(key as u8));
                match rng.below(10) {
                    0..3 if !known.is_empty() => Act::Remove(*rng.pick(&known)),
                    3..5 if !known.is_empty() => Act::Add(*rng.pick(&known)),
                    _ => Act::Add(fresh),
                }
            }
        };
        self.changes.push(Change {
            key: key as u8,
            act: act.clone(),
            txn: self.toy.txns.len(),
            at,
            after: self.applied[at].clone(),
        });
        self.applied[at].push(self.changes.len() - 1);
        act
    }

    fn read(&self, rng: &mut Rng, at: usize, key: usize) -> Act {
        let mut applied: Vec<usize> =
            self.applied[at].iter().copied().filter(|&c| usize::from(self.changes[c].key) == key).collect();
        if !self.manners.by_arrival {
            applied.sort_unstable();
        }
        let acts = || applied.iter().map(|&c| &self.changes[c].act);
        let key = key as u8;
        let initial = self.toy.initial_members(key);
        match self.keys[usize::from(key)] {
            DataType::Register => Act::Read(acts().next_back().map_or(self.toy.initial(key), |act| match act {
                Act::Write(value) => *value,
                _ => None,
            })),
            DataType::Counter => {
                let by = acts().map(|act| match act {
                    Act::Increment(by) => *by,
                    Act::Decrement(by) => -by,
                    _ => 0,
                });
                Act::Read(Some(self.toy.initial(key).unwrap_or(0) + by.sum::<i64>()).filter(|&sum| sum != 0 || rng.chance(70)))
            }
            DataType::List => {
                let elements: Vec<i64> = initial.iter().copied().chain(acts().filter_map(Act::element)).collect();
                if elements.is_empty() && rng.chance(30) { Act::Read(None) } else { Act::Members(elements) }
            }
            DataType::Set => {
                let mut members: Vec<i64> = initial.iter().copied().chain(acts().filter_map(Act::element)).collect();
                members.sort_unstable();
                members.dedup();
                members.retain(|&e| self.is_member(&applied, e, initial.contains(&e)));
                if members.is_empty() && rng.chance(30) { Act::Read(None) } else { Act::Members(members) }
            }
        }
    }

    /// Is the element in, after these changes?
    fn is_member(&self, applied: &[usize], e: i64, initial: bool) -> bool {
        let of = |act: Act| applied.iter().copied().filter(move |&c| self.changes[c].act == act);
        let removes: Vec<usize> = of(Act::Remove(e)).collect();
        let knows = |a: usize, b: usize| self.changes[a].after.contains(&b);
        let survives = |a: usize| removes.iter().all(|&m| if self.manners.remove_wins { knows(a, m) } else { !knows(m, a) });
        initial && removes.is_empty() || of(Act::Add(e)).any(survives)
    }

    /// Some of what each replica lacks arrives.
    fn deliver(&mut self, rng: &mut Rng) {
        for replica in 0..self.manners.replicas {
            let (mut change, mut waiting) = (0, vec![]);
            while change < self.changes.len() {
                let txn = self.changes[change].txn;
                let mut together = change + 1;
                while !self.manners.piecemeal && together < self.changes.len() && self.changes[together].txn == txn {
                    together += 1;
                }
                let has = |c: &usize| self.applied[replica].contains(c);
                let wanted = !has(&change) && !self.lost[replica].contains(&txn);
                let ready = !self.manners.causal || self.changes[change].after.iter().all(has);
                let overtakes = self.manners.order == Order::First && waiting.contains(&self.changes[change].at);
                if wanted && ready && !overtakes && rng.chance(100 - self.manners.lag[replica][self.changes[change].at]) {
                    self.applied[replica].extend(change..together);
                } else if wanted && self.manners.order == Order::Total {
                    break;
                } else if wanted {
                    waiting.push(self.changes[change].at);
                }
                change = together;
            }
        }
    }
}
