//! Lays nodes out in one order that extends hb and the edges found so far, and stays near a guess.
//!
//! Nodes are placed in the order of the guess, each after what it follows and is not yet placed. Of each chain a prefix is placed, so
//! one number a chain says what is; a chain that waits for another is *open*, and whoever comes to wait for an open chain has closed a
//! cycle. O(nodes + edges), iterative.

use rayon::prelude::*;

use crate::relation::budget::{Budget, OutOfBudget};
use crate::relation::csr;
use crate::relation::events::NONE;
use crate::relation::zeroed::zeroed;

use super::Nodes;
use super::key_order::places;

/// Constraints on the order of nodes beside hb.
pub(crate) trait Precedence: Sync {
    /// The nodes that come before one.
    fn before(&self, node: u32) -> impl Iterator<Item = u32> + '_;
}

/// Constraints on the order of writes: few are shown, as they are found.
pub(crate) struct Edges {
    /// What reads have shown: (later write, earlier write, read), sorted.
    pub(crate) list: Vec<(u32, u32, u32)>,
    /// By node: the write that is recorded to come right before it, or [`NONE`]. Empty where none is.
    recorded: Vec<u32>,
    /// A bit a node: does any edge lead to it?
    marked: Vec<u64>,
}

impl Edges {
    pub(crate) fn new(nodes: usize) -> Self {
        Edges { list: Vec::new(), recorded: Vec::new(), marked: vec![0; nodes.div_ceil(64)] }
    }

    /// What is recorded of the order of writes.
    pub(crate) fn recorded(before: Vec<u32>) -> Self {
        Edges { marked: vec![0; before.len().div_ceil(64)], list: Vec::new(), recorded: before }
    }

    /// Is any order of writes recorded?
    pub(crate) fn any_recorded(&self) -> bool {
        !self.recorded.is_empty()
    }

    /// Adds edges, one for each pair of writes.
    pub(crate) fn add(&mut self, found: &[(u32, u32, u32)]) {
        for &(later, _, _) in found {
            self.marked[later as usize / 64] |= 1 << (later % 64);
        }
        self.list.extend(found);
        self.list.sort_unstable();
        self.list.dedup_by_key(|edge| (edge.0, edge.1));
    }

    #[inline]
    fn shown(&self, write: u32) -> &[(u32, u32, u32)] {
        if self.marked[write as usize / 64] >> (write % 64) & 1 == 0 {
            return &[];
        }
        let first = self.list.partition_point(|edge| edge.0 < write);
        let count = self.list[first..].partition_point(|edge| edge.0 == write);
        &self.list[first..first + count]
    }
}

impl Precedence for Edges {
    #[inline]
    fn before(&self, node: u32) -> impl Iterator<Item = u32> + '_ {
        let recorded = self.recorded.get(node as usize).copied().filter(|&write| write != NONE);
        self.shown(node).iter().map(|edge| edge.1).chain(recorded)
    }
}

/// All nodes, in an order that extends hb and the edges; `None` where they are cyclic. The guess must name every node.
pub(crate) fn lay_out<N: Nodes>(
    nodes: &N,
    guess: impl Iterator<Item = u32>,
    edges: &impl Precedence,
    budget: &Budget,
) -> Result<Option<Vec<u32>>, OutOfBudget> {
    let mut order = Vec::with_capacity(nodes.len());
    let placed = LayOut::new(nodes, edges, budget).run(guess, |_| false, &mut order)?;
    Ok(placed.then_some(order))
}

/// Does an order of all nodes extend hb and the edges?
pub(crate) fn extends<N: Nodes>(nodes: &N, order: &[u32], edges: &Edges) -> bool {
    let place = places(order);
    (0..place.len() as u32).into_par_iter().with_min_len(1 << 14).all(|e| {
        let at = place[e as usize];
        let earlier = |from: u32| place[from as usize] < at;
        (e == nodes.start(nodes.chain(e)) || earlier(e - 1)) && nodes.cross(e).all(earlier) && edges.before(e).all(earlier)
    })
}

/// What laying out needs, for one part of an order after another.
pub(crate) struct LayOut<'a, N, P> {
    nodes: &'a N,
    edges: &'a P,
    budget: &'a Budget,
    /// By chain: the first node not placed yet, and whether it waits.
    next: Vec<u32>,
    open: Vec<bool>,
    wanted: Vec<u32>,
}

impl<'a, N: Nodes, P: Precedence> LayOut<'a, N, P> {
    pub(crate) fn new(nodes: &'a N, edges: &'a P, budget: &'a Budget) -> Self {
        let next = (0..nodes.chains()).map(|chain| nodes.start(chain)).collect();
        LayOut { nodes, edges, budget, next, open: vec![false; nodes.chains()], wanted: Vec::new() }
    }

    /// Lays out anew a part of an order, whose nodes are these; what is `earlier` stands before the part. False where cyclic.
    pub(crate) fn run_part(
        &mut self,
        part: &[u32],
        earlier: impl Fn(u32) -> bool,
        order: &mut Vec<u32>,
    ) -> Result<bool, OutOfBudget> {
        for &e in part.iter().rev() {
            self.next[self.nodes.chain(e)] = e;
        }
        self.run(part.iter().copied(), earlier, order)
    }

    #[inline]
    fn run(
        &mut self,
        guess: impl Iterator<Item = u32>,
        earlier: impl Fn(u32) -> bool,
        order: &mut Vec<u32>,
    ) -> Result<bool, OutOfBudget> {
        let nodes = self.nodes;
        let (next, open, wanted) = (&mut self.next, &mut self.open, &mut self.wanted);
        for (count, e) in guess.enumerate() {
            if count % 4096 == 0 {
                self.budget.check()?;
            }
            if e < next[nodes.chain(e)] {
                continue;
            }
            wanted.push(e);
            while let Some(&target) = wanted.last() {
                let c = nodes.chain(target);
                let first = next[c];
                if first > target {
                    wanted.pop();
                    continue;
                }
                let below = wanted.len();
                let mut cyclic = false;
                let mut need = |from: u32| {
                    let of = nodes.chain(from);
                    if from >= next[of] && !earlier(from) {
                        cyclic |= open[of] || of == c;
                        wanted.push(from);
                    }
                };
                nodes.cross(first).for_each(&mut need);
                self.edges.before(first).for_each(&mut need);
                if cyclic {
                    return Ok(false);
                }
                open[c] = wanted.len() > below;
                if !open[c] {
                    order.push(first);
                    next[c] = first + 1;
                }
            }
        }
        Ok(true)
    }
}

/// All nodes by how far along the longest ways through them they stand: halfway between the earliest and the latest level that hb leaves
/// them. It extends hb; a guess where nothing recorded suggests one, in which sessions that read one another stay abreast. `order` is any
/// order that extends hb.
pub(crate) fn by_level<N: Nodes>(nodes: &N, order: &[u32]) -> Vec<u32> {
    let (before, after) = rayon::join(|| longest_ways_to(nodes, order), || longest_ways_from(nodes, order));
    let highest = before.par_iter().copied().max().unwrap_or(0);
    // From the earliest level to the latest, which is as far from the highest as the way from it is long; what is left between is halved.
    csr::sorted(2 * highest as usize + 1, before.len(), |node| before[node] + highest - after[node])
}

/// By node, how many others the longest way to it has. `order` extends hb.
fn longest_ways_to<N: Nodes>(nodes: &N, order: &[u32]) -> Vec<u32> {
    let mut ways = vec![0u32; order.len()];
    // By chain, that to its next node.
    let mut next = vec![0u32; nodes.chains()];
    for &e in order {
        let next = &mut next[nodes.chain(e)];
        let own = nodes.cross(e).fold(*next, |own, from| own.max(ways[from as usize] + 1));
        ways[e as usize] = own;
        *next = own + 1;
    }
    ways
}

/// By node, how many others the longest way from it has.
fn longest_ways_from<N: Nodes>(nodes: &N, order: &[u32]) -> Vec<u32> {
    let mut ways = zeroed::<u32>(order.len());
    let mut next = vec![0u32; nodes.chains()];
    for &e in order.iter().rev() {
        let next = &mut next[nodes.chain(e)];
        let own = ways[e as usize].max(*next);
        ways[e as usize] = own;
        *next = own + 1;
        nodes.cross(e).for_each(|from| ways[from as usize] = ways[from as usize].max(own + 1));
    }
    ways
}
