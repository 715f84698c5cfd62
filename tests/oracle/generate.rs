//! Random small histories: plain ones of acknowledged operations from five sources, to be decorated by [`crate::decorate`].

use crate::rng::Rng;
use crate::toy::{Act, Toy};

/// POPL'17, Fig. 2, and the textbook anomaly of each session guarantee, in the notation of [`Toy::parse`].
pub const TEXTBOOK: [&str; 9] = [
    "w x1, r x2 / w x2, r x1",
    "w z1, w x1, w y1 / w x2, r z0, r y1, r x2",
    "w x1 / w x2, r x1, r x2",
    "w x1, r y0, w y1, r x1 / w x2, r y0, w y2, r x2",
    "w x1, w y1 / r y1, w x2 / r x2, r x1",
    "w x1, w x2, r x1",
    "w x1, w x2 / r x2, r x1",
    "w x1, w x2, w y1 / r y1, r x1",
    "w x1 / r x1, w y1 / r y1, r x0",
];

/// A source of plain histories.
pub type Source = fn(&mut Rng) -> Toy;

/// Any of the sources.
pub fn any(rng: &mut Rng) -> Toy {
    let sources: [Source; 5] = [lagging, causal_store, wild, textbook_mutant, earlier_values];
    rng.pick(&sources)(rng)
}

/// How big a history is to be.
struct Shape {
    sessions: usize,
    keys: usize,
    operations: usize,
    writes: usize,
}

impl Shape {
    fn random(rng: &mut Rng) -> Shape {
        let (sessions, keys) = (rng.between(2, 4), *rng.pick(&[1, 2, 2, 2, 3]));
        Shape { sessions, keys, operations: rng.between(6, 12), writes: *rng.pick(&[3, 4, 4, 5, 6]) }
    }

    /// Which operations write, in file order.
    fn plan(&self, rng: &mut Rng) -> Vec<bool> {
        let mut plan: Vec<bool> = (0..self.operations.max(self.writes + 1)).map(|i| i < self.writes).collect();
        rng.shuffle(&mut plan);
        plan
    }
}

/// A few replicas that apply each write with a lag of its own; the last writer wins. Sessions stay with a replica or wander.
pub fn lagging(rng: &mut Rng) -> Toy {
    let shape = Shape::random(rng);
    let replicas = rng.between(2, 3);
    let (sticky, in_order, primary) = (*rng.pick(&[100, 100, 70, 30]), rng.chance(50), rng.chance(40));
    let lag = rng.between(20, 80);
    let mut home: Vec<usize> = (0..shape.sessions).map(|_| rng.below(replicas)).collect();
    let mut toy = Toy::default();
    let mut writes: Vec<u8> = vec![]; // the key of each; its value is its index + 1
    let mut applied: Vec<Vec<bool>> = vec![vec![]; replicas];
    for write in shape.plan(rng) {
        let (session, key) = (rng.below(shape.sessions), rng.below(shape.keys) as u8);
        if !rng.chance(sticky) {
            home[session] = rng.below(replicas);
        }
        if write {
            writes.push(key);
            let at = if primary { 0 } else { home[session] };
            for (replica, has) in applied.iter_mut().enumerate() {
                has.push(replica == at);
            }
            toy.push(session as u8, Act::Write(Some(writes.len() as i64)), key);
        } else {
            let has = &applied[home[session]];
            let last = (0..writes.len()).rev().find(|&w| has[w] && writes[w] == key);
            toy.push(session as u8, Act::Read(last.map(|w| w as i64 + 1)), key);
        }
        for has in &mut applied {
            for applied in has.iter_mut().filter(|applied| !**applied) {
                *applied = rng.chance(100 - lag);
                if in_order && !*applied {
                    break;
                }
            }
        }
    }
    toy
}

/// Sessions that hear of each other's writes together with all their causes. Either all agree on one order of the writes (causal), or
/// each applies them as they come in (causal memory).
pub fn causal_store(rng: &mut Rng) -> Toy {
    let shape = Shape::random(rng);
    let one_order = rng.chance(60);
    let gossip = rng.between(15, 70);
    let mut toy = Toy::default();
    let mut writes: Vec<u8> = vec![];
    let mut heard: Vec<Vec<usize>> = vec![vec![]; shape.sessions]; // in the order of arrival, causes first
    for write in shape.plan(rng) {
        let (session, key) = (rng.below(shape.sessions), rng.below(shape.keys) as u8);
        if rng.chance(gossip) {
            let from = heard[rng.below(shape.sessions)].clone();
            let much = rng.between(0, from.len());
            for &w in &from[..much] {
                if !heard[session].contains(&w) {
                    heard[session].push(w);
                }
            }
        }
        if write {
            heard[session].push(writes.len());
            writes.push(key);
            toy.push(session as u8, Act::Write(Some(writes.len() as i64)), key);
        } else {
            let mut of_key = heard[session].iter().filter(|&&w| writes[w] == key);
            let last = if one_order { of_key.max() } else { of_key.next_back() };
            toy.push(session as u8, Act::Read(last.map(|&w| w as i64 + 1)), key);
        }
    }
    toy
}

/// Reads return anything ever written to the key, or nothing.
pub fn wild(rng: &mut Rng) -> Toy {
    let shape = Shape::random(rng);
    let plan = shape.plan(rng);
    let keys: Vec<u8> = plan.iter().map(|_| rng.below(shape.keys) as u8).collect();
    let mut toy = Toy::default();
    for (i, &write) in plan.iter().enumerate() {
        let session = rng.below(shape.sessions) as u8;
        let value = |at: usize| plan[..=at].iter().filter(|&&w| w).count() as i64;
        if write {
            toy.push(session, Act::Write(Some(value(i))), keys[i]);
        } else {
            let mut choices: Vec<Option<i64>> =
                (0..plan.len()).filter(|&w| plan[w] && keys[w] == keys[i]).map(|w| Some(value(w))).collect();
            choices.push(None);
            toy.push(session, Act::Read(*rng.pick(&choices)), keys[i]);
        }
    }
    toy
}

/// One of the textbook histories with a few changes: another value returned, an operation more or less, two swapped, or one moved to
/// another session.
pub fn textbook_mutant(rng: &mut Rng) -> Toy {
    let mut toy = Toy::parse(rng.pick::<&str>(&TEXTBOOK));
    for _ in 0..rng.between(0, 5) {
        let i = rng.below(toy.txns.len());
        let key = rng.pick(&toy.txns).ops[0].key;
        let written: Vec<i64> = toy.ops().filter(|(_, op)| op.key == key).filter_map(|(_, op)| op.writes().flatten()).collect();
        let session = rng.below(3) as u8;
        match rng.below(10) {
            0..3 => {
                let any = rng.below(written.len() + 1);
                toy.push(session, Act::Read(written.get(any).copied()), key);
                let last = toy.txns.pop().expect("just pushed");
                toy.txns.insert(rng.between(0, toy.txns.len()), last);
            }
            3..6 if written.len() < 4 => {
                let fresh = written.iter().max().unwrap_or(&0) + 1;
                toy.push(session, Act::Write(Some(fresh)), key);
                let last = toy.txns.pop().expect("just pushed");
                toy.txns.insert(rng.between(0, toy.txns.len()), last);
            }
            6 if toy.txns.len() > 3 => _ = toy.txns.remove(i),
            7 => {
                let j = rng.below(toy.txns.len());
                toy.txns.swap(i, j);
            }
            8 => toy.txns[i].session = session,
            _ => {
                let op = &mut toy.txns[i].ops[0];
                if op.key == key && matches!(op.act, Act::Read(_)) {
                    op.act = Act::Read(written.get(rng.below(written.len() + 1)).copied());
                }
            }
        }
    }
    let mut writes = 0;
    toy.txns.retain(|txn| {
        writes += usize::from(txn.ops[0].writes().is_some());
        txn.ops[0].writes().is_none() || writes <= 7
    });
    toy
}

/// Some sessions only write, others only read, mostly going forward.
pub fn earlier_values(rng: &mut Rng) -> Toy {
    let shape = Shape::random(rng);
    let writers = rng.between(1, 2);
    let readers = rng.between(1, 3);
    let slips = *rng.pick(&[0, 5, 40]);
    let mut toy = Toy::default();
    let mut written: Vec<Vec<i64>> = vec![vec![]; shape.keys];
    let mut seen = vec![vec![0usize; shape.keys]; readers];
    let mut next = 0;
    for write in shape.plan(rng) {
        let key = rng.below(shape.keys);
        if write {
            next += 1;
            written[key].push(next);
            toy.push(rng.below(writers) as u8, Act::Write(Some(next)), key as u8);
        } else {
            let reader = rng.below(readers);
            let low = if rng.chance(slips) { 0 } else { seen[reader][key] };
            let position = rng.between(low, written[key].len());
            seen[reader][key] = position;
            let value = position.checked_sub(1).map(|i| written[key][i]);
            toy.push((writers + reader) as u8, Act::Read(value), key as u8);
        }
    }
    toy
}
