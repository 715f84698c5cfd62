//! What makes plain histories awkward: indeterminate and failed writes, transactions, times, cas, versions, values written twice, deletes.

use testimony::check::{UnmatchedReads, WriteOrder};
use testimony::history::Status;

use crate::generate;
use crate::rng::Rng;
use crate::toy::{Act, Op, Toy, Txn, Val};
use crate::transacting;

/// How a history is to be judged.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Settings {
    /// What is known of the order of writes.
    pub write_order: WriteOrder,
    /// What a read of an unknown value means.
    pub unmatched: UnmatchedReads,
}

/// A history to judge, and where it is from.
#[derive(Clone, Debug)]
pub struct Case {
    /// The generator's name.
    pub generator: &'static str,
    /// The seed that makes it again.
    pub seed: u64,
    /// The history.
    pub toy: Toy,
    /// How to judge it.
    pub settings: Settings,
}

/// A named kind of histories.
pub struct Generator {
    /// Its name.
    pub name: &'static str,
    make: fn(&mut Rng) -> (Toy, WriteOrder),
}

/// All of them.
pub const GENERATORS: &[Generator] = &[
    Generator { name: "any", make: |rng| (plain(rng), WriteOrder::Session) },
    Generator { name: "lagging", make: |rng| (generate::lagging(rng), WriteOrder::Session) },
    Generator { name: "causal-store", make: |rng| (generate::causal_store(rng), WriteOrder::Session) },
    Generator { name: "wild", make: |rng| (generate::wild(rng), WriteOrder::Session) },
    Generator { name: "textbook-mutant", make: |rng| (generate::textbook_mutant(rng), WriteOrder::Session) },
    Generator { name: "earlier-values", make: |rng| (generate::earlier_values(rng), WriteOrder::Session) },
    Generator { name: "indeterminate", make: |rng| (with(rng, &[indeterminate]), WriteOrder::Session) },
    Generator { name: "failed", make: |rng| (with(rng, &[failed]), WriteOrder::Session) },
    Generator { name: "transactions", make: |rng| (with(rng, &[transactions]), WriteOrder::Session) },
    Generator { name: "overlapping", make: |rng| (with(rng, &[times]), WriteOrder::Session) },
    Generator { name: "real-time", make: |rng| (with(rng, &[maybe_indeterminate, times]), WriteOrder::RealTime) },
    Generator { name: "cas", make: |rng| (with(rng, &[cas]), WriteOrder::Session) },
    Generator { name: "versions", make: |rng| (with(rng, &[maybe_indeterminate, versions]), WriteOrder::Version) },
    Generator { name: "ambiguous", make: |rng| (with(rng, &[ambiguous]), WriteOrder::Session) },
    Generator { name: "initial", make: |rng| (with(rng, &[initial_written]), WriteOrder::Session) },
    Generator { name: "malformed", make: |rng| (with(rng, &[malformed]), WriteOrder::Session) },
    Generator { name: "mixed", make: mixed },
    Generator { name: "torn", make: |rng| (transacting::torn(rng), WriteOrder::Session) },
    Generator { name: "wandering", make: |rng| (transacting::wandering(rng), WriteOrder::Session) },
    Generator { name: "wild-transactions", make: |rng| (transacting::wild(rng), WriteOrder::Session) },
    Generator { name: "torn-outcomes", make: |rng| (outcomes(rng, transacting::torn), WriteOrder::Session) },
    Generator { name: "awkward-transactions", make: awkward_transactions },
    Generator { name: "by-session", make: |rng| (by_session(with(rng, &[maybe_indeterminate])), WriteOrder::Session) },
    Generator { name: "torn-by-session", make: |rng| (by_session(outcomes(rng, transacting::torn)), WriteOrder::Session) },
];

impl Generator {
    /// The history of a seed.
    pub fn case(&self, seed: u64) -> Case {
        let mut rng =
            Rng::new(seed ^ self.name.bytes().fold(0, |hash: u64, b| hash.wrapping_mul(31).wrapping_add(b.into())) << 20);
        let (mut toy, write_order) = (self.make)(&mut rng);
        if rng.chance(22) {
            malformed(&mut toy, &mut rng);
        }
        // Values need be unique only per key: half of the histories use the same ones on each.
        if rng.chance(50) {
            number_by_key(&mut toy);
        }
        let unmatched = if rng.chance(20) { UnmatchedReads::Ignore } else { UnmatchedReads::Violation };
        Case { generator: self.name, seed, toy, settings: Settings { write_order, unmatched } }
    }
}

type Decoration = fn(&mut Toy, &mut Rng);

/// A plain history of any source. Some get a read that looks back, without which the milder guarantees would seldom be violated.
fn plain(rng: &mut Rng) -> Toy {
    let mut toy = generate::any(rng);
    if rng.chance(50) {
        look_back(&mut toy, rng);
    }
    toy
}

fn with(rng: &mut Rng, decorations: &[Decoration]) -> Toy {
    let mut toy = plain(rng);
    for decorate in decorations {
        decorate(&mut toy, rng);
    }
    toy
}

fn mixed(rng: &mut Rng) -> (Toy, WriteOrder) {
    let mut toy = plain(rng);
    let all: [Decoration; 8] = [cas, transactions, indeterminate, failed, versions, times, ambiguous, initial_written];
    for decorate in all {
        if rng.chance(30) {
            decorate(&mut toy, rng);
        }
    }
    (toy, *rng.pick(&[WriteOrder::Session, WriteOrder::RealTime, WriteOrder::Version]))
}

/// Some of what has transactions of its own times out or fails.
fn outcomes(rng: &mut Rng, source: generate::Source) -> Toy {
    let mut toy = source(rng);
    indeterminate(&mut toy, rng);
    if rng.chance(30) {
        failed(&mut toy, rng);
    }
    toy
}

/// One session after another in the file, which then tells nothing of when; the values written still count.
fn by_session(mut toy: Toy) -> Toy {
    toy.txns.sort_by_key(|txn| txn.session);
    toy
}

fn awkward_transactions(rng: &mut Rng) -> (Toy, WriteOrder) {
    let sources: [generate::Source; 4] = [transacting::torn, transacting::wandering, transacting::atomic, transacting::wild];
    let mut toy = rng.pick(&sources)(rng);
    let all: [Decoration; 5] = [indeterminate, failed, times, ambiguous, initial_written];
    for (decorate, percent) in all.into_iter().zip([30, 20, 30, 15, 10]) {
        if rng.chance(percent) {
            decorate(&mut toy, rng);
        }
    }
    (toy, WriteOrder::Session)
}

/// A session that has read or written a value reads the key's initial value or an earlier one later on.
fn look_back(toy: &mut Toy, rng: &mut Rng) {
    let (read, written): (Vec<usize>, Vec<usize>) = (0..toy.txns.len())
        .filter(|&t| toy.txns[t].ops[0].act != Act::Read(None))
        .partition(|&t| toy.txns[t].ops[0].reads().is_some());
    let met = if written.is_empty() || !read.is_empty() && rng.chance(75) { read } else { written };
    if met.is_empty() {
        return;
    }
    let at = *rng.pick(&met);
    let (session, key) = (toy.txns[at].session, toy.txns[at].ops[0].key);
    let earlier: Vec<Val> =
        toy.txns[..at].iter().filter(|txn| txn.ops[0].key == key).filter_map(|txn| txn.ops[0].writes()).collect();
    let back = if rng.chance(60) && !earlier.is_empty() { *rng.pick(&earlier) } else { None };
    toy.push(session, Act::Read(back), key);
    let read = toy.txns.pop().expect("just pushed");
    toy.txns.insert(rng.between(at + 1, toy.txns.len()), read);
}

/// Some writes time out; few reads do.
fn indeterminate(toy: &mut Toy, rng: &mut Rng) {
    for txn in &mut toy.txns {
        let percent = if txn.ops.iter().any(|op| op.writes().is_some()) { 40 } else { 5 };
        if txn.status == Status::Ok && rng.chance(percent) {
            txn.status = Status::Info;
        }
    }
}

fn maybe_indeterminate(toy: &mut Toy, rng: &mut Rng) {
    if rng.chance(40) {
        indeterminate(toy, rng);
    }
}

/// Some operations fail. Mostly their writes are not seen afterwards.
fn failed(toy: &mut Toy, rng: &mut Rng) {
    let seen: Vec<(u8, Val)> = toy.ops().filter_map(|(_, op)| op.reads().map(|value| (op.key, value))).collect();
    for txn in &mut toy.txns {
        let leaks = txn.ops.iter().any(|op| op.writes().is_some_and(|value| seen.contains(&(op.key, value))));
        if rng.chance(if leaks { 5 } else { 40 }) {
            txn.status = Status::Fail;
        }
    }
}

/// Neighbours of a session join into transactions; reads after own writes mostly get them.
fn transactions(toy: &mut Toy, rng: &mut Rng) {
    let mut joined: Vec<Txn> = vec![];
    for txn in toy.txns.drain(..) {
        let last = joined.iter_mut().rev().find(|t| t.session == txn.session);
        match last {
            Some(last) if last.status == txn.status && rng.chance(45) => last.ops.extend(txn.ops),
            _ => joined.push(txn),
        }
    }
    for txn in &mut joined {
        for place in 1..txn.ops.len() {
            let (before, rest) = txn.ops.split_at_mut(place);
            let own = before.iter().rev().filter(|op| op.key == rest[0].key).find_map(|op| op.writes());
            match (own, &rest[0].act) {
                (Some(own), Act::Read(_)) if rng.chance(85) => rest[0].act = Act::Read(own),
                (Some(own), &Act::Cas(_, to)) if rng.chance(85) => rest[0].act = Act::Cas(own, to),
                _ => {}
            }
        }
    }
    toy.txns = joined;
}

/// Times follow the file, more or less; sessions overlap themselves, or not; some transactions lack times, or one of the two.
pub fn times(toy: &mut Toy, rng: &mut Rng) {
    let overlap = rng.chance(60);
    let reach = rng.between(5, 45);
    let gaps = rng.chance(30);
    let mut busy_until = [0i64; 8];
    for (place, txn) in toy.txns.iter_mut().enumerate() {
        let mut invoke = 10 * place as i64 + rng.below(10) as i64;
        if !overlap {
            invoke = invoke.max(busy_until[txn.session as usize]);
        }
        let complete = invoke + 1 + rng.below(reach) as i64;
        if gaps && rng.chance(25) {
            match rng.below(6) {
                0 => txn.invoke = Some(invoke),
                1 if txn.status != Status::Info => txn.complete = Some(complete),
                _ => {}
            }
            continue;
        }
        if txn.status != Status::Info {
            busy_until[txn.session as usize] = complete;
        }
        (txn.invoke, txn.complete) = (Some(invoke), Some(complete));
        if txn.status == Status::Info && rng.chance(70) {
            txn.complete = None;
        }
    }
    // The file's order may be another one than that of the times.
    if rng.chance(25) {
        let place = rng.below(toy.txns.len() - 1);
        toy.txns.swap(place, place + 1);
    }
}

/// Some writes become cas, mostly from what the session saw last.
fn cas(toy: &mut Toy, rng: &mut Rng) {
    for i in 0..toy.txns.len() {
        let (session, op) = (toy.txns[i].session, toy.txns[i].ops[0].clone());
        let Act::Write(to) = op.act else { continue };
        if !rng.chance(50) {
            continue;
        }
        let of_key = |of_session: bool| {
            let mut seen: Vec<Val> = toy.txns[..i]
                .iter()
                .filter(|txn| !of_session || txn.session == session)
                .flat_map(|txn| &txn.ops)
                .filter(|other| other.key == op.key)
                .map(|other| other.writes().or(other.reads()).expect("it reads or writes"))
                .collect();
            seen.insert(0, None);
            seen
        };
        let own = of_key(true);
        let from = if rng.chance(70) { *own.last().expect("not empty") } else { *rng.pick(&of_key(false)) };
        toy.txns[i].ops[0].act = Act::Cas(from, to);
    }
}

/// Versions follow the order of the file, more or less, and reads have the version of what they return.
fn versions(toy: &mut Toy, rng: &mut Rng) {
    let writes: Vec<(u8, Val)> = toy.ops().filter_map(|(_, op)| op.writes().map(|value| (op.key, value))).collect();
    let mut version: Vec<i64> = (1..=writes.len() as i64).collect();
    for _ in 0..rng.between(0, 2) {
        let (a, b) = (rng.below(writes.len().max(1)), rng.below(writes.len().max(1)));
        match rng.below(8) {
            _ if writes.is_empty() => {}
            0 => version[a] = version[b],
            _ => version.swap(a, b),
        }
    }
    let missing = rng.chance(10).then(|| rng.below(writes.len().max(1)));
    let reads_have_it = rng.chance(80);
    let recorded = |key: u8, value: Val| {
        let w = writes.iter().position(|&w| w == (key, value))?;
        (missing != Some(w)).then_some(version[w])
    };
    for txn in &mut toy.txns {
        for op in &mut txn.ops {
            op.version = match op.act {
                Act::Write(value) | Act::Cas(_, value) if txn.status == Status::Ok => recorded(op.key, value),
                Act::Read(value) if reads_have_it && txn.status == Status::Ok => recorded(op.key, value),
                _ => None,
            };
        }
    }
}

/// One or two values are written twice to a key.
fn ambiguous(toy: &mut Toy, rng: &mut Rng) {
    for _ in 0..rng.between(1, 2) {
        let writes: Vec<(u8, Val)> = toy.ops().filter_map(|(_, op)| op.writes().map(|value| (op.key, value))).collect();
        if writes.is_empty() {
            return;
        }
        let (key, value) = *rng.pick(&writes);
        let of_key: Vec<Val> = writes.iter().filter(|w| w.0 == key).map(|w| w.1).collect();
        let other = *rng.pick(&of_key);
        replace(toy, key, value, other);
    }
}

/// Keys are deleted, or have an initial value declared, which may be written too.
fn initial_written(toy: &mut Toy, rng: &mut Rng) {
    let keys: Vec<u8> = toy.ops().map(|(_, op)| op.key).collect();
    let key = *rng.pick(&keys);
    if rng.chance(60) {
        let declared = Some(90);
        replace(toy, key, None, declared);
        toy.initial.push((key, declared));
    }
    if rng.chance(60) {
        let written: Vec<Val> = toy.ops().filter(|(_, op)| op.key == key).filter_map(|(_, op)| op.writes()).collect();
        if !written.is_empty() {
            let (value, initial) = (*rng.pick(&written), if rng.chance(70) { toy.initial(key) } else { None });
            replace(toy, key, value, initial);
        }
    }
}

/// Some read returns what it cannot have: of nobody, of a failed write, of an overwritten one, or of a write still to come.
fn malformed(toy: &mut Toy, rng: &mut Rng) {
    let seen: Vec<(u8, Val)> = toy.ops().filter_map(|(_, op)| op.reads().map(|value| (op.key, value))).collect();
    let observed = |op: &Op| op.writes().is_some_and(|value| seen.contains(&(op.key, value)));
    let writers: Vec<usize> = (0..toy.txns.len()).filter(|&t| toy.txns[t].ops.iter().any(observed)).collect();
    let readers: Vec<usize> = (0..toy.txns.len()).filter(|&t| matches!(toy.txns[t].ops[0].act, Act::Read(_))).collect();
    match (rng.below(4), &writers[..], &readers[..]) {
        (0, [_, ..], _) => toy.txns[*rng.pick(&writers)].status = Status::Fail,
        (1, [_, ..], _) => {
            let ops = &mut toy.txns[*rng.pick(&writers)].ops;
            let again = ops.iter().find(|op| observed(op)).expect("a writer").clone();
            ops.push(Op { act: Act::Write(Some(80)), ..again });
        }
        (2, _, [_, ..]) => {
            let ops = &mut toy.txns[*rng.pick(&readers)].ops;
            ops.push(Op { act: Act::Write(ops[0].reads().expect("a reader").or(Some(81))), ..ops[0].clone() });
        }
        (_, _, [_, ..]) => toy.txns[*rng.pick(&readers)].ops[0].act = Act::Read(Some(82)),
        _ => {}
    }
}

/// Replaces a value of a key everywhere.
pub fn replace(toy: &mut Toy, key: u8, value: Val, by: Val) {
    let change = |v: Val| if v == value { by } else { v };
    for op in toy.txns.iter_mut().flat_map(|txn| &mut txn.ops).filter(|op| op.key == key) {
        op.act = match op.act {
            Act::Read(value) => Act::Read(change(value)),
            Act::Write(value) => Act::Write(change(value)),
            Act::Cas(from, to) => Act::Cas(change(from), change(to)),
            _ => unreachable!("of a register"),
        };
    }
}

/// Numbers the values of each key from 1, keeping their order.
fn number_by_key(toy: &mut Toy) {
    for key in 0..3u8 {
        let of_key = |op: &&Op| op.key == key;
        let mut values: Vec<i64> = toy
            .txns
            .iter()
            .flat_map(|txn| &txn.ops)
            .filter(of_key)
            .flat_map(|op| [op.reads().flatten(), op.writes().flatten()])
            .flatten()
            .filter(|&value| value < 90)
            .collect();
        values.sort_unstable();
        values.dedup();
        for (i, &value) in values.iter().enumerate() {
            replace(toy, key, Some(value), Some(i as i64 + 1));
        }
    }
}
