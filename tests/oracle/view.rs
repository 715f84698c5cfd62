//! `causal-weak`, `causal-memory` and `pram-classic` from their "there is some order" sentences (models.md 4; POPL'17, sections 3 and 5),
//! by enumeration of the orders: a register is played through along each, and the reads to be explained must return what it holds.
//!
//! Orders with the same operations played and the same registers and lists continue alike, so each such state is looked at once. A read
//! that can be explained now is placed at once: it changes nothing. Of a set or a counter there is no one state to play through: their
//! rules are asked of what precedes the read, in hb or in the order that the session's reads force.

use rustc_hash::FxHashSet;
use testimony::history::DataType;

use crate::guarantee::{bits, mask};
use crate::reading::{Reading, Shown, Source};
use crate::types::{self, happened_before, transitive};

/// What a key holds: a list its appends, a register its last write.
type Held = Vec<usize>;

/// For each read there is some order of its causal past that explains that read; hb is acyclic.
pub fn causal_weak(reading: &Reading) -> bool {
    let Some(before) = acyclic_hb(reading) else { return false };
    bits(reads_mask(reading)).all(|r| explained(reading, before[r] | 1 << r, &before, 1 << r))
        && shows_enough(reading, &before, reads_mask(reading))
}

/// For each session there is one order of its causal past that explains all its reads; hb is acyclic.
pub fn causal_memory(reading: &Reading) -> bool {
    let Some(before) = acyclic_hb(reading) else { return false };
    sessions(reading).into_iter().all(|session| {
        let own = mask(reading.nodes.len(), |n| reading.nodes[n].session == session);
        let past = bits(own).fold(own, |past, n| past | before[n]);
        explained(reading, past, &before, own & reads_mask(reading))
            && shows_enough(reading, &forced(reading, &before, own & reads_mask(reading)), own & reads_mask(reading))
    })
}

/// For each session there is one order of all writes and its reads that explains its reads and keeps so and the wr edges into them.
pub fn pram_classic(reading: &Reading) -> bool {
    sessions(reading).into_iter().all(|session| {
        let own = mask(reading.nodes.len(), |n| reading.nodes[n].session == session && reading.nodes[n].reads());
        let mut before = types::so_before(reading);
        for r in bits(own) {
            before[r] |= reading.nodes[r].from;
        }
        let before = transitive(before);
        let writes = mask(reading.nodes.len(), |n| reading.nodes[n].writes);
        explained(reading, writes | own, &before, own) && shows_enough(reading, &forced(reading, &before, own), own)
    })
}

/// Is there an order of `elements`, extending `before`, in which each of `reads` returns the last write of its key before it, of a list
/// all appends? A cas is one element: it reads, then writes.
fn explained(reading: &Reading, elements: u32, before: &[u32], reads: u32) -> bool {
    let nodes = &reading.nodes;
    let keys = nodes.iter().map(|n| n.key as usize + 1).max().unwrap_or(0);
    let returns = |n: usize, held: &[Held]| {
        let held = &held[nodes[n].key as usize];
        match (nodes[n].source, &nodes[n].shown) {
            (Some(source), _) => held.last().map_or(Source::Initial, |&w| Source::Write(w)) == source,
            (_, Some(Shown::List(elements))) => held == elements,
            _ => true,
        }
    };
    // A list only grows: what it holds must begin every list yet to be shown. With none to come it does not matter.
    let grow = |x: usize, unplaced: u32, held: &mut Held| {
        held.push(x);
        let to_come = || bits(reads & unplaced).filter(|&r| nodes[r].key == nodes[x].key).filter_map(|r| nodes[r].shown.as_ref());
        if to_come().next().is_none() {
            held.clear();
        }
        to_come().all(|shown| matches!(shown, Shown::List(elements) if elements.starts_with(held)))
    };
    // What takes no place in the order (another session's read) is no condition of it.
    let elements = bits(elements).filter(|&n| nodes[n].writes || reads >> n & 1 == 1).fold(0, |m, n| m | 1 << n);
    let mut reached: Vec<(u32, Vec<Held>)> = vec![(0, vec![vec![]; keys])];
    let mut known = FxHashSet::default();
    while let Some((placed, held)) = reached.pop() {
        if placed == elements {
            return true;
        }
        let next = |n: &usize| before[*n] & elements & !placed == 0 && (reads >> n & 1 == 0 || returns(*n, &held));
        let possible: Vec<usize> = bits(elements & !placed).filter(next).collect();
        let plain_read = possible.iter().find(|&&n| !nodes[n].writes);
        for &n in plain_read.map_or(&possible[..], std::slice::from_ref) {
            let mut after = held.clone();
            let of_key = &mut after[nodes[n].key as usize];
            match nodes[n].data_type {
                DataType::Register if nodes[n].writes => *of_key = vec![n],
                DataType::List if nodes[n].writes && !grow(n, elements & !placed, of_key) => continue,
                _ => {}
            }
            let state = (placed | 1 << n, after);
            if known.insert(state.clone()) {
                reached.push(state);
            }
        }
    }
    false
}

/// Do these reads of sets and counters show what they must, if they see what is before them?
fn shows_enough(reading: &Reading, before: &[u32], reads: u32) -> bool {
    let hb = happened_before(reading);
    let writes = mask(reading.nodes.len(), |n| reading.nodes[n].writes);
    bits(reads).all(|r| !types::breaks_rule(reading, &hb, r, before[r] & writes, true))
}

/// The least order of a session's view: what the session's reads force onto what is there. A write before a read precedes what the read
/// returned, and a list has an order.
fn forced(reading: &Reading, before: &[u32], reads: u32) -> Vec<u32> {
    let nodes = &reading.nodes;
    let mut forced = before.to_vec();
    for r in bits(reads) {
        if let Some(Shown::List(elements)) = &nodes[r].shown {
            elements.windows(2).for_each(|pair| forced[pair[1]] |= 1 << pair[0]);
        }
    }
    loop {
        forced = transitive(forced);
        let known = forced.clone();
        for r in bits(reads) {
            if let Some(Source::Write(w)) = nodes[r].source {
                let rival = |&x: &usize| nodes[x].writes && nodes[x].key == nodes[r].key && x != w && x != r;
                forced[w] |= bits(known[r]).filter(rival).fold(0, |m, x| m | 1 << x);
            }
        }
        if forced == known {
            return forced;
        }
    }
}

/// `before[b]` = everything that is hb-before b; `None` where hb has a cycle.
fn acyclic_hb(reading: &Reading) -> Option<Vec<u32>> {
    let before = happened_before(reading);
    (0..before.len()).all(|n| before[n] >> n & 1 == 0).then_some(before)
}

fn reads_mask(reading: &Reading) -> u32 {
    mask(reading.nodes.len(), |n| reading.nodes[n].reads())
}

fn sessions(reading: &Reading) -> Vec<u8> {
    let mut sessions: Vec<u8> = reading.nodes.iter().map(|n| n.session).collect();
    sessions.sort_unstable();
    sessions.dedup();
    sessions
}
