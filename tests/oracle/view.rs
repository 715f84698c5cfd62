//! `causal-weak`, `causal-memory` and `pram-classic` from their "there is some order" sentences (models.md 4; POPL'17, sections 3 and 5),
//! by enumeration of the orders: a register is played through along each, and the reads to be explained must return what it holds.
//!
//! Orders with the same operations played and the same registers continue alike, so each such state is looked at once. A read that can
//! be explained now is placed at once: it changes nothing.

use rustc_hash::FxHashSet;

use crate::guarantee::{bits, mask};
use crate::reading::{Reading, Source};

/// What a register holds: the initial value, or what this node wrote.
type Held = Option<usize>;

/// For each read there is some order of its causal past that explains that read; hb is acyclic.
pub fn causal_weak(reading: &Reading) -> bool {
    let Some(before) = acyclic_hb(reading) else { return false };
    reads(reading).all(|r| explained(reading, before[r] | 1 << r, &before, 1 << r))
}

/// For each session there is one order of its causal past that explains all its reads; hb is acyclic.
pub fn causal_memory(reading: &Reading) -> bool {
    let Some(before) = acyclic_hb(reading) else { return false };
    sessions(reading).into_iter().all(|session| {
        let own = mask(reading.nodes.len(), |n| reading.nodes[n].session == session);
        let past = bits(own).fold(own, |past, n| past | before[n]);
        explained(reading, past, &before, own & reads_mask(reading))
    })
}

/// For each session there is one order of all writes and its reads that explains its reads and keeps so and the wr edges into them.
pub fn pram_classic(reading: &Reading) -> bool {
    sessions(reading).into_iter().all(|session| {
        let own = mask(reading.nodes.len(), |n| reading.nodes[n].session == session && reading.nodes[n].source.is_some());
        let mut before = so_before(reading);
        for r in bits(own) {
            if let Some(Source::Write(w)) = reading.nodes[r].source {
                before[r] |= 1 << w;
            }
        }
        let writes = mask(reading.nodes.len(), |n| reading.nodes[n].writes);
        explained(reading, writes | own, &transitive(before), own)
    })
}

/// Is there an order of `elements`, extending `before`, in which each of `reads` returns the last write of its key before it? A cas is one
/// element: it reads, then writes.
fn explained(reading: &Reading, elements: u32, before: &[u32], reads: u32) -> bool {
    let nodes = &reading.nodes;
    let keys = nodes.iter().map(|n| n.key as usize + 1).max().unwrap_or(0);
    let returns = |n: usize, held: &[Held]| {
        let source = nodes[n].source.expect("a read");
        held[nodes[n].key as usize].map_or(Source::Initial, Source::Write) == source
    };
    // What takes no place in the order (another session's read) is no condition of it.
    let elements = bits(elements).filter(|&n| nodes[n].writes || reads >> n & 1 == 1).fold(0, |m, n| m | 1 << n);
    let mut reached: Vec<(u32, Vec<Held>)> = vec![(0, vec![None; keys])];
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
            if nodes[n].writes {
                after[nodes[n].key as usize] = Some(n);
            }
            let state = (placed | 1 << n, after);
            if known.insert(state.clone()) {
                reached.push(state);
            }
        }
    }
    false
}

/// `before[b]` = everything that is hb-before b; `None` where hb has a cycle.
fn acyclic_hb(reading: &Reading) -> Option<Vec<u32>> {
    let mut before = so_before(reading);
    for r in reads(reading) {
        if let Some(Source::Write(w)) = reading.nodes[r].source {
            before[r] |= 1 << w;
        }
    }
    let before = transitive(before);
    (0..before.len()).all(|n| before[n] >> n & 1 == 0).then_some(before)
}

fn so_before(reading: &Reading) -> Vec<u32> {
    let n = reading.nodes.len();
    (0..n).map(|b| mask(n, |a| reading.so[a] >> b & 1 == 1)).collect()
}

fn transitive(mut before: Vec<u32>) -> Vec<u32> {
    for middle in 0..before.len() {
        for b in 0..before.len() {
            if before[b] >> middle & 1 == 1 {
                before[b] |= before[middle];
            }
        }
    }
    before
}

fn reads(reading: &Reading) -> impl Iterator<Item = usize> {
    bits(reads_mask(reading))
}

fn reads_mask(reading: &Reading) -> u32 {
    mask(reading.nodes.len(), |n| reading.nodes[n].source.is_some())
}

fn sessions(reading: &Reading) -> Vec<u8> {
    let mut sessions: Vec<u8> = reading.nodes.iter().map(|n| n.session).collect();
    sessions.sort_unstable();
    sessions.dedup();
    sessions
}
