//! What is hb-before a node, by walking back from it along an order, no further than asked.

use std::collections::VecDeque;

use crate::relation::budget::{Budget, OutOfBudget};
use crate::relation::events::NONE;

use super::Nodes;

/// Walks back from nodes, one after another.
pub(crate) struct Walker<'a, N> {
    nodes: &'a N,
    budget: &'a Budget,
    /// How many walks there were.
    walks: u32,
    /// By chain: the walk in which it was last met, and its latest node that was met then.
    reached: Vec<(u32, u32)>,
    stack: Vec<u32>,
    /// The nodes that the last walk met.
    pub(crate) seen: Vec<u32>,
    steps: u32,
}

impl<'a, N: Nodes> Walker<'a, N> {
    pub(crate) fn new(nodes: &'a N, budget: &'a Budget) -> Self {
        Walker { nodes, budget, walks: 0, reached: vec![(0, 0); nodes.chains()], stack: Vec::new(), seen: Vec::new(), steps: 0 }
    }

    /// Did the last walk meet this node? Asked only of nodes that were in its bounds.
    #[inline]
    pub(crate) fn met(&self, node: u32) -> bool {
        let (by, latest) = self.reached[self.nodes.chain(node)];
        by == self.walks && latest >= node
    }

    /// Meets this node, and everything hb-before it that is placed at `lowest` or later.
    pub(crate) fn walk(&mut self, place: &[u32], node: u32, lowest: u32) -> Result<(), OutOfBudget> {
        let nodes = self.nodes;
        self.walks += 1;
        self.seen.clear();
        self.stack.clear();
        self.stack.push(node);
        while let Some(to) = self.stack.pop() {
            let c = nodes.chain(to);
            let (by, latest) = self.reached[c];
            let known = if by == self.walks { latest } else { NONE };
            if known != NONE && known >= to {
                continue;
            }
            self.reached[c] = (self.walks, to);
            // Down the chain, to what was met before or lies below.
            let mut e = to;
            while place[e as usize] >= lowest && e != known {
                self.seen.push(e);
                self.steps = self.steps.wrapping_add(1);
                if self.steps.is_multiple_of(4096) {
                    self.budget.check()?;
                }
                self.stack.extend(nodes.cross(e).filter(|&from| place[from as usize] >= lowest));
                if e == nodes.start(c) {
                    break;
                }
                e -= 1;
            }
        }
        Ok(())
    }
}

/// Looks for one node from another, in ever wider circles: where sessions read one another much, what is far back is soon met.
pub(crate) struct Search<'a, N> {
    nodes: &'a N,
    place: &'a [u32],
    /// By chain: in which search it was last met, and its latest node then.
    reached: Vec<(u32, u32)>,
    searches: u32,
    /// Nodes to look at, each with the node of its chain down to which others look.
    queue: VecDeque<(u32, u32)>,
    /// How many nodes may still be looked at.
    pub(crate) steps: usize,
}

impl<'a, N: Nodes> Search<'a, N> {
    pub(crate) fn new(nodes: &'a N, place: &'a [u32], steps: usize) -> Self {
        Search { nodes, place, reached: vec![(0, 0); nodes.chains()], searches: 0, queue: VecDeque::new(), steps }
    }

    /// Is the first hb-before the second, which is another? `None` where there were not enough steps to tell.
    pub(crate) fn leads(&mut self, from: u32, to: u32) -> Option<bool> {
        let (nodes, lowest) = (self.nodes, self.place[from as usize]);
        let goal = nodes.chain(from);
        self.searches += 1;
        self.queue.clear();
        let start = nodes.chain(to);
        if start == goal {
            return Some(from < to);
        }
        self.reached[start] = (self.searches, to);
        self.queue.push_back((to, NONE));
        while let Some((node, known)) = self.queue.pop_front() {
            self.steps = self.steps.checked_sub(1)?;
            for source in nodes.cross(node).filter(|&source| self.place[source as usize] >= lowest) {
                let of = nodes.chain(source);
                if of == goal {
                    return Some(true);
                }
                let (by, latest) = self.reached[of];
                let known = if by == self.searches { latest } else { NONE };
                if known == NONE || known < source {
                    self.reached[of] = (self.searches, source);
                    self.queue.push_back((source, known));
                }
            }
            if node > nodes.start(nodes.chain(node)) && node - 1 != known && self.place[node as usize - 1] >= lowest {
                self.queue.push_back((node - 1, known));
            }
        }
        Some(false)
    }
}
