//! Strongly connected components (Tarjan 1972, with one number a node as in Nuutila & Soisalon-Soininen 1994), iterative: histories hold
//! chains of millions, which no call stack does.

use super::budget::{Budget, OutOfBudget};
use super::digraph::Digraph;

/// The components of two nodes or more, and single nodes that lead to themselves; each ascending, in the order of their first nodes.
pub(crate) fn cyclic_components(graph: &impl Digraph, budget: &Budget) -> Result<Vec<Vec<u32>>, OutOfBudget> {
    components_through(graph, 0..graph.nodes() as u32, budget)
}

/// The same where every cycle is known to pass through one of some nodes.
pub(crate) fn components_through(
    graph: &impl Digraph,
    through: impl Iterator<Item = u32>,
    budget: &Budget,
) -> Result<Vec<Vec<u32>>, OutOfBudget> {
    let nodes = graph.nodes();
    let mut walk = Walk { low: vec![UNSEEN; nodes], seen: 0, calls: Vec::new(), waiting: Vec::new() };
    // Nodes whose component is not complete yet, each after all that it is known to be together with.
    let mut open: Vec<u32> = Vec::new();
    let mut found: Vec<Vec<u32>> = Vec::new();
    let mut steps = 0u32;
    for root in through {
        if walk.low[root as usize] != UNSEEN {
            continue;
        }
        walk.call(graph, root);
        while let Some(&Call { node, index, first }) = walk.calls.last() {
            steps = steps.wrapping_add(1);
            if steps % 4096 == 1 {
                budget.check()?;
            }
            if walk.waiting.len() > first {
                let from = walk.waiting.pop().expect("there are some");
                match walk.low[from as usize] {
                    UNSEEN => walk.call(graph, from),
                    // A complete one is no way back.
                    COMPLETE => {}
                    low => walk.lower(node, low),
                }
                continue;
            }
            walk.calls.pop();
            let low = walk.low[node as usize];
            if let Some(caller) = walk.calls.last().map(|call| call.node) {
                walk.lower(caller, low);
            }
            if low < index {
                open.push(node);
                continue;
            }
            // Whatever is open and was met after this node reaches back to it and no further.
            let members = open.iter().rev().take_while(|&&member| walk.low[member as usize] >= index).count();
            let mut component = open.split_off(open.len() - members);
            component.push(node);
            component.iter().for_each(|&member| walk.low[member as usize] = COMPLETE);
            let mut cyclic = members > 0;
            if !cyclic {
                graph.sources(node, |from| cyclic |= from == node);
            }
            if cyclic {
                component.sort_unstable();
                found.push(component);
            }
        }
    }
    found.sort_unstable_by_key(|component| component[0]);
    Ok(found)
}

/// In [`Walk::low`]: not met.
const UNSEEN: u32 = u32::MAX;
/// In [`Walk::low`]: its component is complete. Larger than any number.
const COMPLETE: u32 = u32::MAX - 1;

/// A walk against the edges, depth first.
struct Walk {
    /// By node: the least number of a node that it is known to lead back to; at first its own.
    low: Vec<u32>,
    /// How many nodes were met: the number of the next.
    seen: u32,
    /// What recursion would have on its stack.
    calls: Vec<Call>,
    /// The sources still to be looked at, those of each call behind those of its caller (edges can only be listed all at once).
    waiting: Vec<u32>,
}

/// A node that is being looked at.
struct Call {
    node: u32,
    /// When it was met.
    index: u32,
    /// Where its sources begin.
    first: usize,
}

impl Walk {
    fn call(&mut self, graph: &impl Digraph, node: u32) {
        self.low[node as usize] = self.seen;
        self.calls.push(Call { node, index: self.seen, first: self.waiting.len() });
        self.seen += 1;
        graph.sources(node, |from| self.waiting.push(from));
    }

    fn lower(&mut self, node: u32, low: u32) {
        self.low[node as usize] = self.low[node as usize].min(low);
    }
}
