//! What a read of a list, a set or a counter must show of what it sees (models.md 5): the rules, sentence by sentence. They ask less of
//! a read that sees less.

use crate::guarantee::{bits, mask};
use crate::reading::{Effect, Reading, Shown};

/// Does the read not show what it must, if it sees `seen`? `monotonic`: does it see what earlier reads of its session saw? `hb`: what
/// happened before each node.
pub fn breaks_rule(reading: &Reading, hb: &[u32], r: usize, seen: u32, monotonic: bool) -> bool {
    let seen = bits(seen).filter(|&w| reading.nodes[w].key == reading.nodes[r].key).fold(0, |m, w| m | 1 << w);
    match &reading.nodes[r].shown {
        None => false,
        Some(Shown::List(elements)) => bits(seen).any(|x| !elements.contains(&x)),
        Some(Shown::Set(members)) => breaks_set(reading, hb, r, seen, members),
        Some(Shown::Counter(sum)) => {
            let earlier = (0..reading.nodes.len()).filter(|&r1| reading.so[r1] >> r & 1 == 1);
            let showed = |r1: usize| match reading.nodes[r1].shown {
                Some(Shown::Counter(sum)) if reading.nodes[r1].key == reading.nodes[r].key => Some(sum),
                _ => None,
            };
            let (down, up) = possible_counts(reading, r);
            let (seen_up, seen_down) = counts(reading, seen);
            let within = |low: i64, high: i64| low + down <= *sum && *sum <= high + up;
            !within(seen_up, seen_down) || monotonic && earlier.filter_map(showed).any(|before| !within(before, before))
        }
    }
}

/// A member that must be there is not, or one that must not be is.
fn breaks_set(reading: &Reading, hb: &[u32], r: usize, seen: u32, members: &[i64]) -> bool {
    let nodes = &reading.nodes;
    let of = |effect: Effect| mask(nodes.len(), |n| nodes[n].key == nodes[r].key && nodes[n].effect == Some(effect));
    let late = reading.too_late[r];
    let happened_before = |a: usize, b: usize| hb[b] >> a & 1 == 1;
    let mut elements: Vec<i64> = members.to_vec();
    elements.extend(bits(seen).filter_map(|n| match nodes[n].effect {
        Some(Effect::Add(e) | Effect::Remove(e)) => Some(e),
        _ => None,
    }));
    elements.into_iter().any(|e| {
        let (adds, removes) = (of(Effect::Add(e)), of(Effect::Remove(e)));
        match members.contains(&e) {
            false => bits(adds & seen).any(|a| bits(removes).all(|m| happened_before(m, a) || late >> m & 1 == 1)),
            true => bits(removes & seen).any(|m| bits(adds & !late).all(|a| happened_before(a, m))),
        }
    })
}

/// The sums of all counting down and of all counting up that the read may have seen.
fn possible_counts(reading: &Reading, r: usize) -> (i64, i64) {
    let possible = mask(reading.nodes.len(), |n| reading.nodes[n].key == reading.nodes[r].key) & !reading.too_late[r];
    let (up, down) = counts(reading, possible);
    (down, up)
}

/// The sums of the counting up and of the counting down among these.
fn counts(reading: &Reading, among: u32) -> (i64, i64) {
    bits(among).fold((0, 0), |(up, down), n| match reading.nodes[n].effect {
        Some(Effect::Count(by)) if by > 0 => (up + by, down),
        Some(Effect::Count(by)) => (up, down + by),
        _ => (up, down),
    })
}

/// (so ∪ wr)⁺: per node, everything that happened before it; itself, where there is a cycle.
pub fn happened_before(reading: &Reading) -> Vec<u32> {
    let from = reading.nodes.iter().map(|n| n.from);
    transitive(so_before(reading).into_iter().zip(from).map(|(so, wr)| so | wr).collect())
}

/// Per node, what precedes it in its session.
pub fn so_before(reading: &Reading) -> Vec<u32> {
    let n = reading.nodes.len();
    (0..n).map(|b| mask(n, |a| reading.so[a] >> b & 1 == 1)).collect()
}

/// Closes a matrix of predecessors.
pub fn transitive(mut before: Vec<u32>) -> Vec<u32> {
    for middle in 0..before.len() {
        for b in 0..before.len() {
            if before[b] >> middle & 1 == 1 {
                before[b] |= before[middle];
            }
        }
    }
    before
}
