//! Generators of histories of lists, sets and counters, alone, together, and with registers: from replicas ([`crate::replicas`]) or wild,
//! and made awkward.

use testimony::check::{UnmatchedReads, WriteOrder};
use testimony::history::DataType::{self, Counter, List, Register, Set};
use testimony::history::Status;

use crate::decorate::{Case, Settings, times};
use crate::replicas::{Mix, replicated};
use crate::rng::Rng;
use crate::toy::{Act, Toy};

/// A named kind of histories.
pub struct Generator {
    /// Its name.
    pub name: &'static str,
    /// The type that it is about; `None` for all.
    pub about: Option<DataType>,
    make: fn(&mut Rng) -> Toy,
}

const PLAIN: Mix = Mix { several: 0, info: 0, fail: 0, initial: 0, overtaking: 0 };
const AWKWARD: Mix = Mix { several: 25, info: 15, fail: 10, initial: 15, overtaking: 0 };

/// All of them.
pub const GENERATORS: &[Generator] = &[
    Generator { name: "list", about: Some(List), make: |rng| look_back(rng, |rng| of(rng, &[List], PLAIN)) },
    Generator { name: "lists", about: Some(List), make: |rng| look_back(rng, |rng| of(rng, &[List, List], PLAIN)) },
    Generator { name: "list-overtaken", about: Some(List), make: |rng| of(rng, &[List], Mix { overtaking: 100, ..PLAIN }) },
    Generator { name: "wild-lists", about: Some(List), make: |rng| wild(rng, &[List, List]) },
    Generator { name: "list-transactions", about: Some(List), make: |rng| of(rng, &[List, List], Mix { several: 50, ..PLAIN }) },
    Generator { name: "list-outcomes", about: Some(List), make: |rng| of(rng, &[List], Mix { info: 30, fail: 15, ..PLAIN }) },
    Generator { name: "list-times", about: Some(List), make: |rng| timed(rng, &[List, List], PLAIN) },
    Generator { name: "list-duplicates", about: Some(List), make: |rng| duplicates(rng, &[List]) },
    Generator {
        name: "lists-and-registers",
        about: Some(List),
        make: |rng| look_back(rng, |rng| of(rng, &[List, Register], PLAIN)),
    },
    Generator { name: "crossed-orders", about: Some(List), make: crossed },
    Generator { name: "lists-mixed", about: Some(List), make: |rng| mixed(rng, &[List, List]) },
    Generator { name: "set", about: Some(Set), make: |rng| look_back(rng, |rng| of(rng, &[Set], PLAIN)) },
    Generator { name: "set-outcomes", about: Some(Set), make: |rng| of(rng, &[Set], Mix { info: 35, fail: 10, ..PLAIN }) },
    Generator { name: "wild-sets", about: Some(Set), make: |rng| wild(rng, &[Set, Set]) },
    Generator { name: "sets-mixed", about: Some(Set), make: |rng| mixed(rng, &[Set, Set]) },
    Generator { name: "counter", about: Some(Counter), make: |rng| look_back(rng, |rng| of(rng, &[Counter], PLAIN)) },
    Generator { name: "wild-counters", about: Some(Counter), make: |rng| wild(rng, &[Counter, Counter]) },
    Generator { name: "counters-mixed", about: Some(Counter), make: |rng| mixed(rng, &[Counter, Counter]) },
    Generator {
        name: "all-types",
        about: None,
        make: |rng| {
            let keys = any_types(rng);
            mixed(rng, &keys)
        },
    },
    Generator {
        name: "all-types-plain",
        about: None,
        make: |rng| {
            let keys = any_types(rng);
            look_back(rng, |rng| of(rng, &keys, PLAIN))
        },
    },
];

impl Generator {
    /// The history of a seed.
    pub fn case(&self, seed: u64) -> Case {
        let hash = self.name.bytes().fold(7, |hash: u64, b| hash.wrapping_mul(31).wrapping_add(b.into()));
        let mut rng = Rng::new(seed ^ hash << 20);
        let mut toy = (self.make)(&mut rng);
        if rng.chance(40) {
            malformed(&mut toy, &mut rng);
        }
        drop_stray_reads(&mut toy);
        let unmatched = if rng.chance(20) { UnmatchedReads::Ignore } else { UnmatchedReads::Violation };
        let real_time = toy.txns.iter().any(|txn| txn.invoke.is_some()) && rng.chance(40);
        let write_order = match rng.below(20) {
            0 => WriteOrder::Version,
            1 => WriteOrder::RealTime,
            _ if real_time => WriteOrder::RealTime,
            _ => WriteOrder::Session,
        };
        Case { generator: self.name, seed, toy, settings: Settings { write_order, unmatched } }
    }
}

fn of(rng: &mut Rng, keys: &[DataType], mix: Mix) -> Toy {
    let keys = if rng.chance(25) { &keys[..1] } else { keys };
    replicated(rng, keys, mix)
}

fn any_types(rng: &mut Rng) -> Vec<DataType> {
    let mut keys = vec![List, Set, Counter, Register];
    rng.shuffle(&mut keys);
    keys.truncate(3);
    keys
}

fn timed(rng: &mut Rng, keys: &[DataType], mix: Mix) -> Toy {
    let mut toy = of(rng, keys, mix);
    times(&mut toy, rng);
    toy
}

fn duplicates(rng: &mut Rng, keys: &[DataType]) -> Toy {
    let mut toy = if rng.chance(50) { timed(rng, keys, AWKWARD) } else { of(rng, keys, PLAIN) };
    same_elements(&mut toy, rng);
    toy
}

fn mixed(rng: &mut Rng, keys: &[DataType]) -> Toy {
    let mix = Mix {
        several: *rng.pick(&[0, 25, 50]),
        info: *rng.pick(&[0, 20, 40]),
        fail: *rng.pick(&[0, 0, 20]),
        initial: *rng.pick(&[0, 0, 50]),
        overtaking: 0,
    };
    let mut toy = of(rng, keys, mix);
    if rng.chance(40) {
        times(&mut toy, rng);
    }
    if rng.chance(15) {
        same_elements(&mut toy, rng);
    }
    toy
}

/// A read shows again what another read of the key showed before, often enough in the same session.
fn look_back(rng: &mut Rng, make: impl Fn(&mut Rng) -> Toy) -> Toy {
    let mut toy = make(rng);
    let reads: Vec<usize> = (0..toy.txns.len()).filter(|&t| !toy.txns[t].ops[0].act.changes()).collect();
    if reads.is_empty() || rng.chance(30) {
        return toy;
    }
    let mut again = toy.txns[*rng.pick(&reads)].clone();
    if rng.chance(50) {
        again.session = rng.pick(&toy.txns).session;
    }
    let place = rng.between(toy.txns.len() / 3, toy.txns.len());
    toy.txns.insert(place, again);
    toy
}

/// Reads return any elements of the key in any order, mostly that of the file; any sum of some of its counting.
fn wild(rng: &mut Rng, keys: &[DataType]) -> Toy {
    let mix = if rng.chance(30) { AWKWARD } else { PLAIN };
    let mut toy = of(rng, keys, mix);
    let changes: Vec<(u8, Act)> = toy.ops().filter(|(_, op)| op.act.changes()).map(|(_, op)| (op.key, op.act.clone())).collect();
    let how_many = *rng.pick(&[30, 60, 80]);
    for op in toy.txns.iter_mut().flat_map(|txn| &mut txn.ops).filter(|op| !op.act.changes()) {
        if !rng.chance(how_many) {
            continue;
        }
        let mut some: Vec<&Act> = changes.iter().filter(|(key, _)| *key == op.key).map(|(_, act)| act).collect();
        some.retain(|_| rng.chance(60));
        if rng.chance(25) {
            rng.shuffle(&mut some);
        }
        let mut elements: Vec<i64> = vec![];
        for act in &some {
            match act {
                Act::Append(e) | Act::Add(e) if !elements.contains(e) => elements.push(*e),
                _ => {}
            }
        }
        let counted = |act: &&Act| match act {
            Act::Increment(by) => *by,
            Act::Decrement(by) => -by,
            _ => 0,
        };
        op.act = match keys[usize::from(op.key)] {
            List | Set => Act::Members(elements),
            Counter => Act::Read(Some(some.iter().map(counted).sum())),
            Register => continue,
        };
    }
    toy
}

/// Two sessions change two keys, a list and another, in opposite orders; others read them.
fn crossed(rng: &mut Rng) -> Toy {
    let (other, mut toy) = (*rng.pick(&[List, Register]), Toy::default());
    let change = |key: u8, value: i64| if key == 0 || other == List { Act::Append(value) } else { Act::Write(Some(value)) };
    let first = rng.below(2) as u8;
    for (session, first) in [(0, first), (1, if rng.chance(70) { 1 - first } else { first })] {
        for (at, key) in [first, 1 - first].into_iter().enumerate() {
            toy.push(session, change(key, i64::from(session) * 2 + at as i64 + 1), key);
        }
    }
    let values =
        |key: u8| toy.ops().filter(|(_, op)| op.key == key).filter_map(|(_, op)| op.puts().or(op.writes().flatten())).collect();
    let values: [Vec<i64>; 2] = [values(0), values(1)];
    for session in 2..=rng.between(2, 3) as u8 {
        let mut keys = vec![0, 1];
        rng.shuffle(&mut keys);
        keys.truncate(rng.between(1, 2));
        for key in keys {
            let mut shown = values[usize::from(key)].clone();
            rng.shuffle(&mut shown);
            if key == 0 || other == List {
                if rng.chance(20) {
                    shown.pop();
                }
                toy.push(session, Act::Members(shown), key);
            } else {
                shown.into_iter().for_each(|value| toy.push(session, Act::Read(Some(value)), key));
            }
        }
    }
    toy
}

/// Two changes are of the same element.
fn same_elements(toy: &mut Toy, rng: &mut Rng) {
    let put: Vec<(u8, i64)> = toy.ops().filter_map(|(_, op)| op.act.element().map(|e| (op.key, e))).collect();
    for _ in 0..rng.between(1, 2) {
        if put.is_empty() {
            return;
        }
        let (key, element) = *rng.pick(&put);
        let of_key: Vec<i64> = put.iter().filter(|p| p.0 == key).map(|p| p.1).chain(toy.initial_members(key).to_vec()).collect();
        let by = *rng.pick(&of_key);
        let change = |e: &mut i64| {
            if *e == element {
                *e = by;
            }
        };
        for op in toy.txns.iter_mut().flat_map(|txn| &mut txn.ops).filter(|op| op.key == key) {
            match &mut op.act {
                Act::Append(e) | Act::Add(e) | Act::Remove(e) => change(e),
                Act::Members(members) => members.iter_mut().for_each(change),
                _ => {}
            }
        }
    }
    // Mostly a read shows what was put twice once.
    for op in toy.txns.iter_mut().flat_map(|txn| &mut txn.ops) {
        if let Act::Members(members) = &mut op.act
            && rng.chance(60)
        {
            let all = std::mem::take(members);
            all.into_iter().for_each(|e| {
                if !members.contains(&e) {
                    members.push(e)
                }
            });
        }
    }
}

/// Some read shows what it cannot have seen: something of nobody, something twice, something of a failed transaction, or less than its
/// transaction did itself.
fn malformed(toy: &mut Toy, rng: &mut Rng) {
    let shown: Vec<(u8, i64)> =
        toy.ops().flat_map(|(_, op)| op.members().unwrap_or(&[]).iter().map(|&e| (op.key, e)).collect::<Vec<_>>()).collect();
    let puts = |txn: &crate::toy::Txn| txn.ops.iter().any(|op| op.puts().is_some_and(|e| shown.contains(&(op.key, e))));
    let writers: Vec<usize> = (0..toy.txns.len()).filter(|&t| puts(&toy.txns[t])).collect();
    let how = rng.below(4);
    if let (0, [_, ..]) = (how, &writers[..]) {
        toy.txns[*rng.pick(&writers)].status = Status::Fail;
        return;
    }
    let mut lists: Vec<&mut Vec<i64>> = toy
        .txns
        .iter_mut()
        .flat_map(|txn| &mut txn.ops)
        .filter_map(|op| if let Act::Members(members) = &mut op.act { Some(members) } else { None })
        .filter(|members| !members.is_empty())
        .collect();
    if lists.is_empty() {
        return;
    }
    let at = rng.below(lists.len());
    let (members, element) = (&mut *lists[at], rng.below(7) as i64);
    match how {
        1 => members.push(82),
        2 => members.push(members[0]),
        3 => _ = members.pop(),
        _ => members.insert(0, element),
    }
}

/// A key of which only reads are left could be of any type: it is not read.
fn drop_stray_reads(toy: &mut Toy) {
    while !toy.is_consistent() {
        let stray = toy.txns.iter().position(|txn| txn.ops.iter().any(|op| toy.lacks_changes(op.key)));
        toy.txns.remove(stray.expect("every key that is changed is of one type"));
    }
    if toy.txns.is_empty() {
        toy.push(0, Act::Append(1), 0);
    }
}
