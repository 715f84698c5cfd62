//! Random histories of all four types: a run that ends as it should, or nearly, and then perhaps one thing that is wrong with it.

use testimony::history::{Kind, Status};

use crate::oracle::Settings;
use crate::rng::Rng;
use crate::toy::{Op, Toy, Val};
use testimony::check::WriteOrder;

/// A history and how to judge it.
pub fn case(seed: u64) -> (Toy, Settings) {
    let mut rng = Rng::new(seed);
    let write_order = *rng.pick(&[WriteOrder::Session, WriteOrder::Session, WriteOrder::RealTime, WriteOrder::Version]);
    let settle = rng.chance(25).then_some(5);
    let timed = settle.is_some() || write_order == WriteOrder::RealTime || rng.chance(30);
    let keys = rng.between(1, 2) as u8;
    let types: Vec<usize> = (0..keys).map(|_| rng.below(4)).collect();
    let mut toy = Toy::new();
    let mut written: Vec<Vec<usize>> = vec![Vec::new(); keys.into()];
    // Few values, or each its own.
    let repeats = rng.chance(30);
    for step in 0..rng.between(2, 8) {
        let key = rng.below(keys.into()) as u8;
        let session = rng.below(3) as u8;
        if rng.chance(35) && !written[usize::from(key)].is_empty() {
            let upto = rng.between(0, written[usize::from(key)].len());
            let value = state(&toy, &written[usize::from(key)][..upto], types[usize::from(key)], &mut rng);
            toy.push(Op::new(session, key, Kind::Read, value));
        } else {
            toy.push(write(
                session,
                key,
                types[usize::from(key)],
                if repeats { rng.below(3) } else { step } as i64 + 1,
                &mut rng,
            ));
            written[usize::from(key)].push(toy.len() - 1);
        }
        let last = toy.len() - 1;
        if last > 0 && toy[last - 1].session == toy[last].session && rng.chance(20) {
            toy[last].joins = true;
            toy[last].status = toy[last - 1].status;
        }
    }
    if timed {
        times(&mut toy, &mut rng);
    }
    if write_order == WriteOrder::Version || rng.chance(10) {
        for (at, op) in toy.iter_mut().enumerate() {
            if op.kind != Kind::Read && rng.chance(97) {
                op.version = Some(if rng.chance(15) { rng.below(8) } else { at } as i64);
            }
        }
    }
    last_reads(&mut toy, &written, &types, settle.is_some(), &mut rng);
    (toy, Settings { write_order, settle })
}

fn write(session: u8, key: u8, kind: usize, value: i64, rng: &mut Rng) -> Op {
    let kind = match kind {
        0 => Kind::Write,
        1 => Kind::Append,
        2 if rng.chance(30) => Kind::Remove,
        2 => Kind::Add,
        _ if rng.chance(30) => Kind::Decrement,
        _ => Kind::Increment,
    };
    // What is removed should have been added.
    let value = if kind == Kind::Remove { rng.between(1, 3) as i64 } else { value };
    let value = if kind == Kind::Write && rng.chance(5) { Val::Null } else { Val::Int(value) };
    let status = *rng.pick(&[Status::Ok, Status::Ok, Status::Ok, Status::Ok, Status::Info, Status::Fail]);
    Op { status, ..Op::new(session, key, kind, value) }
}

/// What these writes make of the key; indeterminate ones by chance, failed ones never.
fn state(toy: &Toy, writes: &[usize], kind: usize, rng: &mut Rng) -> Val {
    let (mut register, mut many, mut sum) = (Val::Null, Vec::new(), 0);
    for op in writes.iter().map(|&w| &toy[w]) {
        if op.status == Status::Fail || (op.status == Status::Info && rng.chance(50)) {
            continue;
        }
        let value = if let Val::Int(value) = op.value { value } else { 0 };
        match op.kind {
            Kind::Write => register = op.value.clone(),
            Kind::Append => many.push(value),
            Kind::Add if !many.contains(&value) => many.push(value),
            Kind::Remove => many.retain(|&m| m != value),
            Kind::Increment => sum += value,
            Kind::Decrement => sum -= value,
            _ => {}
        }
    }
    match kind {
        0 => register,
        3 => Val::Int(sum),
        _ if many.is_empty() && rng.chance(50) => Val::Null,
        _ => Val::Many(many),
    }
}

/// Sessions are sequential but for a few operations that overlap the next; whole transactions have one time.
fn times(toy: &mut Toy, rng: &mut Rng) {
    let mut free = [0i64; 256];
    let mut now = 0i64;
    for at in 0..toy.len() {
        if toy[at].joins {
            toy[at].times = toy[at - 1].times;
            continue;
        }
        now += rng.below(3) as i64;
        let session = usize::from(toy[at].session);
        let begun = if rng.chance(90) { now.max(free[session]) } else { now };
        let done = begun + rng.below(6) as i64;
        free[session] = done;
        toy[at].times = Some((begun, done));
    }
}

fn last_reads(toy: &mut Toy, written: &[Vec<usize>], types: &[usize], settle: bool, rng: &mut Rng) {
    let timed = toy.iter().any(|op| op.times.is_some());
    let mut now =
        toy.iter().filter_map(|op| op.times).map(|t| t.1).max().unwrap_or(0) + if settle { rng.below(8) as i64 } else { 0 };
    let marked = !settle || rng.chance(30);
    let common: Vec<Val> = written.iter().zip(types).map(|(writes, &kind)| state(toy, writes, kind, rng)).collect();
    for node in 0..rng.between(1, 3) as u8 {
        for (key, writes) in written.iter().enumerate() {
            // What a key is that nobody writes is not to be told from its operations.
            if writes.is_empty() || rng.chance(3) {
                continue;
            }
            let mut value = if rng.chance(88) { common[key].clone() } else { state(toy, writes, types[key], rng) };
            if rng.chance(14) {
                value = spoiled(toy, writes, value, rng);
            }
            let mut read = Op { is_final: marked, ..Op::last(node, key as u8, value) };
            if timed {
                read.times = Some((now, now + 1));
                now += rng.below(3) as i64;
            }
            if let (Val::Int(_), Some(&w)) = (&read.value, writes.last())
                && types[key] == 0
                && toy[w].status == Status::Info
                && toy[w].value == read.value
            {
                read.version = rng.chance(50).then(|| rng.below(10) as i64);
            }
            toy.push(read);
        }
    }
}

/// One thing else than it should be.
fn spoiled(toy: &Toy, writes: &[usize], value: Val, rng: &mut Rng) -> Val {
    let any = |rng: &mut Rng| if writes.is_empty() { Val::Int(9) } else { toy[*rng.pick(writes)].value.clone() };
    match value {
        Val::Many(mut elements) if !elements.is_empty() && rng.chance(50) => {
            elements.remove(rng.below(elements.len()));
            Val::Many(elements)
        }
        Val::Many(mut elements) => {
            if let Val::Int(value) = any(rng) {
                elements.push(value);
            }
            Val::Many(elements)
        }
        Val::Int(number) if writes.first().is_some_and(|&w| toy[w].kind != Kind::Write) => {
            Val::Int(number + *rng.pick(&[-2, -1, 1, 2]))
        }
        Val::Null if writes.first().is_some_and(|&w| toy[w].kind != Kind::Write) => Val::Null,
        _ => any(rng),
    }
}
