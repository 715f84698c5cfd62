//! Lays the nodes of a graph out in one order that extends its edges and stays near a guess.
//!
//! A depth-first walk against the edges: the nodes in the order of the guess, each after what leads to it and is not yet placed. O(nodes
//! + edges), iterative; where the guess extends the graph already it is kept as it is.

use super::budget::{Budget, OutOfBudget};
use super::digraph::Digraph;

/// An order of nodes.
pub(crate) struct Layout {
    /// The nodes, first to last. Those that no guess named and nothing placed led to are absent.
    pub(crate) order: Vec<u32>,
    /// The place of each node in `order`; `u32::MAX` for absent ones.
    pub(crate) place: Vec<u32>,
}

/// The graph has a cycle.
pub(crate) struct Cyclic;

/// In [`Layout::place`], while laying out: looked at, and waiting for what leads to it.
const OPEN: u32 = u32::MAX - 1;
/// In [`Layout::place`]: not placed.
const UNSEEN: u32 = u32::MAX;

/// Lays out all that is in `guess` and all that leads to it.
pub(crate) fn lay_out(
    graph: &impl Digraph,
    guess: impl Iterator<Item = u32>,
    budget: &Budget,
) -> Result<Result<Layout, Cyclic>, OutOfBudget> {
    let mut layout = Layout { order: Vec::with_capacity(graph.nodes()), place: vec![UNSEEN; graph.nodes()] };
    Ok(layout.lay_out(graph, guess, budget)?.map(|()| layout))
}

impl Layout {
    /// For laying out again and again: nothing placed yet.
    pub(crate) fn empty(nodes: usize) -> Self {
        Layout { order: Vec::new(), place: vec![UNSEEN; nodes] }
    }

    /// Takes everything out again; costs what was placed, not what there is.
    pub(crate) fn clear(&mut self) {
        for node in self.order.drain(..) {
            self.place[node as usize] = UNSEEN;
        }
    }

    /// Lays out behind what is placed already. After a cycle the layout is of no more use than an empty one, and is one.
    pub(crate) fn lay_out(
        &mut self,
        graph: &impl Digraph,
        guess: impl Iterator<Item = u32>,
        budget: &Budget,
    ) -> Result<Result<(), Cyclic>, OutOfBudget> {
        // Nodes to place; a node is opened when it is looked at first and placed when it is looked at again.
        let mut stack: Vec<u32> = Vec::new();
        let (place, order) = (&mut self.place, &mut self.order);
        for (count, first) in guess.enumerate() {
            if count % 1024 == 0 {
                budget.check()?;
            }
            stack.push(first);
            while let Some(&node) = stack.last() {
                let state = place[node as usize];
                if state != UNSEEN {
                    stack.pop();
                    if state == OPEN {
                        place[node as usize] = order.len() as u32;
                        order.push(node);
                    }
                    continue;
                }
                place[node as usize] = OPEN;
                let mut cyclic = false;
                graph.sources(node, |from| match place[from as usize] {
                    UNSEEN => stack.push(from),
                    // Opened and not yet placed: it waits for this one. (What is unseen may be pushed twice; the second is dropped.)
                    OPEN => cyclic = true,
                    _ => {}
                });
                if cyclic {
                    place.fill(UNSEEN);
                    order.clear();
                    return Ok(Err(Cyclic));
                }
            }
        }
        Ok(Ok(()))
    }
}
