//! Answers by walks back from each read, no further than the earliest write that is asked about. No read's answer depends on another's,
//! so those of a stretch of the order are answered side by side, while what the next one asks is found out.

use rayon::prelude::*;

use crate::relation::budget::{Budget, OutOfBudget};
use crate::relation::chains::key_order::{KeyOrder, places};
use crate::relation::chains::walk::Walker;
use crate::relation::chains::{Did, Nodes, Read};
use crate::relation::events::NONE;

/// So many writes of a key are asked about at first, and so many times more each time that none of them is before the read.
const FIRST: usize = if cfg!(test) { 2 } else { 4 };
const MORE: usize = 8;

/// So many nodes make a stretch.
const NODES: usize = if cfg!(test) { 4 } else { 1 << 15 };

/// Calls back with each (x, r) as [`with_clocks`](super::with_clocks) does; where a read has many x, only with the latest of them, and it
/// is added to `partly`.
pub(in crate::relation::chains) fn with_walks<'a, N: Nodes>(
    nodes: &'a N,
    order: &[u32],
    budget: &Budget,
    partly: &mut Vec<(u32, Read)>,
    mut each: impl FnMut(u32, Read),
) -> Result<KeyOrder<'a>, OutOfBudget> {
    let (place, placed) = rayon::join(|| places(order), || KeyOrder::of_all(nodes, order));
    let threads = rayon::current_num_threads();
    let mut walks: Vec<Walks<'_, N>> = (0..threads).map(|_| Walks::new(nodes, &place, &placed, budget)).collect();
    // By key: how many of its writes came so far.
    let mut counts = vec![0; placed.keys()];
    let (mut asked, mut next): (Vec<Asked>, Vec<Asked>) = Default::default();
    for stretch in order.chunks(NODES).chain([&[][..]]) {
        std::mem::swap(&mut asked, &mut next);
        let (found, ()) = rayon::join(
            || {
                let shares = shares(&asked, threads).into_par_iter().zip(&mut walks);
                shares.map(|(share, walks)| walks.answer(share)).collect::<Result<Vec<Found>, OutOfBudget>>()
            },
            || ask(nodes, stretch, &placed, &mut counts, &mut next),
        );
        for found in found? {
            found.unexplained.into_iter().for_each(|(x, read)| each(x, read));
            partly.extend(found.partly);
        }
    }
    Ok(placed)
}

/// A read of a node, and how many of the writes of its key come before it, the last of which it did not return.
#[derive(Clone, Copy)]
struct Asked {
    node: u32,
    read: Read,
    until: u32,
}

/// What the nodes of a stretch ask.
fn ask<N: Nodes>(nodes: &N, stretch: &[u32], placed: &KeyOrder<'_>, counts: &mut [u32], asked: &mut Vec<Asked>) {
    asked.clear();
    for &node in stretch {
        nodes.did(node, |did| match did {
            Did::Read(read) => {
                let until = counts[read.key as usize];
                let last = until.checked_sub(1).map(|last| placed.of(read.key as usize)[last as usize]);
                if last.is_some_and(|last| last != read.source) {
                    asked.push(Asked { node, read, until });
                }
            }
            Did::Write(key) => counts[key as usize] += 1,
        });
    }
}

/// In so many shares at most, those of one node together.
fn shares(asked: &[Asked], number: usize) -> Vec<&[Asked]> {
    let length = asked.len().div_ceil(number);
    let mut rest = asked;
    let mut shares = Vec::new();
    while !rest.is_empty() {
        let mut end = length.min(rest.len());
        while rest.get(end).is_some_and(|next| next.node == rest[end - 1].node) {
            end += 1;
        }
        let (share, others) = rest.split_at(end);
        shares.push(share);
        rest = others;
    }
    shares
}

/// What a share leaves unexplained.
#[derive(Default)]
struct Found {
    unexplained: Vec<(u32, Read)>,
    partly: Vec<(u32, Read)>,
}

/// What one thread walks with.
struct Walks<'w, N> {
    nodes: &'w N,
    place: &'w [u32],
    placed: &'w KeyOrder<'w>,
    budget: &'w Budget,
    walker: Walker<'w, N>,
    /// By chain: the last read that a write of it was found for.
    found_for: Vec<u32>,
    /// The reads of the node at hand, each with the writes of its key between what it returned and itself.
    asking: Vec<(Read, &'w [u32])>,
}

impl<'w, N: Nodes> Walks<'w, N> {
    fn new(nodes: &'w N, place: &'w [u32], placed: &'w KeyOrder<'w>, budget: &'w Budget) -> Self {
        let walker = Walker::new(nodes, budget);
        Walks { nodes, place, placed, budget, walker, found_for: vec![NONE; nodes.chains()], asking: Vec::new() }
    }

    fn answer(&mut self, asked: &[Asked]) -> Result<Found, OutOfBudget> {
        self.budget.check()?;
        let mut found = Found::default();
        for of_node in asked.chunk_by(|a, b| a.node == b.node) {
            for &Asked { read, until, .. } in of_node {
                let writes = &self.placed.of(read.key as usize)[..until as usize];
                let behind = writes.iter().rposition(|&x| x == read.source).map_or(0, |at| at + 1);
                self.asking.push((read, &writes[behind..]));
            }
            let mut latest = FIRST;
            while !self.asking.is_empty() {
                self.look(of_node[0].node, latest, &mut found)?;
                latest *= MORE;
            }
        }
        Ok(found)
    }

    /// Asks about the latest writes; reads of which none of these is found stay, as long as they have more.
    fn look(&mut self, e: u32, latest: usize, found: &mut Found) -> Result<(), OutOfBudget> {
        let Walks { nodes, place, walker, found_for, asking, .. } = self;
        let first = |between: &[u32]| between.len().saturating_sub(latest);
        let earliest = asking.iter().map(|(_, between)| place[between[first(between)] as usize]).min().expect("there are some");
        walker.walk(place, e, earliest)?;
        asking.retain(|&(read, between)| {
            let first = first(between);
            let mut any = false;
            for &x in between[first..].iter().rev() {
                let of = nodes.chain(x);
                if walker.met(x) && found_for[of] != read.event {
                    any = true;
                    found_for[of] = read.event;
                    found.unexplained.push((x, read));
                    if read.source == NONE {
                        break;
                    }
                }
            }
            if any && first > 0 && read.source != NONE {
                found.partly.push((e, read));
            }
            !any && first > 0
        });
        Ok(())
    }
}
