//! Answers by walks back from each read, no further than the earliest write that is asked about. No read's answer depends on another's,
//! so those of a stretch of the order are answered side by side, while what the next one asks is found out.
//!
//! A chain that goes on reading what is long overwritten would walk back ever further. Once its walks have cost about what it takes to
//! look at everything, it is followed instead: what it has [seen] is kept. So no chain costs much more than that.

mod following;
mod seen;

use rayon::prelude::*;

use crate::relation::budget::{Budget, OutOfBudget};
use crate::relation::chains::key_order::{KeyOrder, places};
use crate::relation::chains::walk::Walker;
use crate::relation::chains::{Did, Nodes, Read};
use crate::relation::events::NONE;

use following::Following;

/// So many writes of a key are asked about at first, and so many times more each time that none of them is before the read.
const FIRST: usize = if cfg!(test) { 2 } else { 4 };
const MORE: usize = 8;

/// So many nodes make a stretch.
const NODES: usize = if cfg!(test) { 4 } else { 1 << 15 };

/// A node whose walks look at no more nodes than this is not counted among those that cost its chain much.
const SHORT: usize = if cfg!(test) { 1 } else { 64 };

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
    let along = Along { nodes, place: &place, placed: &placed, budget };
    let threads = rayon::current_num_threads();
    let mut walks: Vec<Walks<'_, N>> = (0..threads).map(|_| Walks::new(along)).collect();
    let mut following = Following::new(along);
    // By key: how many of its writes came so far.
    let mut counts = vec![0; placed.keys()];
    let (mut asked, mut next): (Vec<Asked>, Vec<Asked>) = Default::default();
    for stretch in order.chunks(NODES).chain([&[][..]]) {
        std::mem::swap(&mut asked, &mut next);
        following.take(&mut asked);
        let (found, ()) = rayon::join(
            || {
                let shares = shares(&asked, threads).into_par_iter().zip(&mut walks).map(|(share, walks)| walks.answer(share));
                shares.chain(following.answer()).collect::<Result<Vec<Found>, OutOfBudget>>()
            },
            || ask(nodes, stretch, &placed, &mut counts, &mut next),
        );
        for found in found? {
            found.unexplained.into_iter().for_each(|(x, read)| each(x, read));
            partly.extend(found.partly);
            found.long.into_iter().for_each(|(node, steps)| following.count(node, steps));
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

/// An order, and what is known of it.
struct Along<'w, N> {
    nodes: &'w N,
    place: &'w [u32],
    placed: &'w KeyOrder<'w>,
    budget: &'w Budget,
}

impl<N> Clone for Along<'_, N> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<N> Copy for Along<'_, N> {}

impl<'w, N: Nodes> Along<'w, N> {
    /// The first place behind what a read returned.
    fn behind(self, read: Read) -> u32 {
        if read.source == NONE { 0 } else { self.place[read.source as usize] + 1 }
    }

    /// The writes of its key between what a read returned and itself.
    fn between(self, asked: &Asked) -> &'w [u32] {
        let behind = self.behind(asked.read);
        let writes = &self.placed.of(asked.read.key as usize)[..asked.until as usize];
        // Mostly they are few.
        let mut many = 1;
        while many < writes.len() && self.place[writes[writes.len() - many] as usize] >= behind {
            many *= 2;
        }
        let latest = &writes[writes.len().saturating_sub(many)..];
        &latest[latest.partition_point(|&x| self.place[x as usize] < behind)..]
    }
}

/// What is left unexplained, and what that took.
#[derive(Default)]
struct Found {
    unexplained: Vec<(u32, Read)>,
    partly: Vec<(u32, Read)>,
    /// Nodes with long walks, each with how many nodes these looked at.
    long: Vec<(u32, usize)>,
}

/// Finds those of some writes that are before a read, of each chain the last; for a read of the initial value no more than one. Were
/// there any? `found_for` has by chain the last read that a write of it was found for.
#[inline]
fn find(
    nodes: &impl Nodes,
    read: Read,
    writes: &[u32],
    before: impl Fn(u32) -> bool,
    found_for: &mut [u32],
    found: &mut Vec<(u32, Read)>,
) -> bool {
    let mut any = false;
    for &x in writes.iter().rev() {
        let of = nodes.chain(x);
        if before(x) && found_for[of] != read.event {
            any = true;
            found_for[of] = read.event;
            found.push((x, read));
            if read.source == NONE {
                break;
            }
        }
    }
    any
}

/// What one thread walks with.
struct Walks<'w, N> {
    along: Along<'w, N>,
    walker: Walker<'w, N>,
    found_for: Vec<u32>,
    /// The reads of the node at hand, each with the writes of its key between what it returned and itself.
    asking: Vec<(Read, &'w [u32])>,
}

impl<'w, N: Nodes> Walks<'w, N> {
    fn new(along: Along<'w, N>) -> Self {
        let walker = Walker::new(along.nodes, along.budget);
        Walks { along, walker, found_for: vec![NONE; along.nodes.chains()], asking: Vec::new() }
    }

    fn answer(&mut self, asked: &[Asked]) -> Result<Found, OutOfBudget> {
        self.along.budget.check()?;
        let mut found = Found::default();
        for of_node in asked.chunk_by(|a, b| a.node == b.node) {
            let (node, mut steps) = (of_node[0].node, 0);
            self.asking.extend(of_node.iter().map(|asked| (asked.read, self.along.between(asked))));
            let mut latest = FIRST;
            while !self.asking.is_empty() {
                self.look(node, latest, &mut found)?;
                steps += self.walker.seen.len();
                latest *= MORE;
            }
            if steps > SHORT {
                found.long.push((node, steps));
            }
        }
        Ok(found)
    }

    /// Asks about the latest writes; reads of which none of these is found stay, as long as they have more.
    fn look(&mut self, e: u32, latest: usize, found: &mut Found) -> Result<(), OutOfBudget> {
        let Walks { along: Along { nodes, place, .. }, walker, found_for, asking } = self;
        let first = |between: &[u32]| between.len().saturating_sub(latest);
        let earliest = asking.iter().map(|(_, between)| place[between[first(between)] as usize]).min().expect("there are some");
        walker.walk(place, e, earliest)?;
        asking.retain(|&(read, between)| {
            let first = first(between);
            let writes = &between[first..];
            let any = if writes.len() <= walker.seen.len() {
                find(*nodes, read, writes, |x| walker.met(x), found_for, &mut found.unexplained)
            } else {
                // What is before the node is less than that.
                let before = walker.seen[1..].iter().copied();
                let behind = |x: &u32| place[*x as usize] >= place[writes[0] as usize];
                let mut before: Vec<u32> =
                    before.filter(behind).filter(|&x| nodes.writes(x).any(|key| key == read.key)).collect();
                before.sort_unstable_by_key(|&x| place[x as usize]);
                find(*nodes, read, &before, |_| true, found_for, &mut found.unexplained)
            };
            if any && first > 0 && read.source != NONE {
                found.partly.push((e, read));
            }
            !any && first > 0
        });
        Ok(())
    }
}
