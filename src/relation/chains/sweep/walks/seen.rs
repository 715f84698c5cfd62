//! What one chain has seen, kept while it goes on: each node is looked at once, however often the chain is asked. O(nodes + edges) for
//! all that one chain will ever ask; as many numbers as there are chains and keys.

use crate::relation::budget::{Budget, OutOfBudget};
use crate::relation::chains::Nodes;

/// What is hb-before the node that a chain has come to.
pub(super) struct Seen {
    /// By chain: one past the last node that was seen.
    until: Vec<u32>,
    /// By key: one past the place of the latest write that was seen; 0 where none was.
    latest: Vec<u32>,
    stack: Vec<u32>,
    steps: usize,
}

impl Seen {
    pub(super) fn new(nodes: &impl Nodes) -> Self {
        Seen {
            until: (0..nodes.chains()).map(|chain| nodes.start(chain)).collect(),
            latest: vec![0; nodes.key_starts().len() - 1],
            stack: Vec::new(),
            steps: 0,
        }
    }

    /// Goes on to a node, which is no earlier than the one before.
    pub(super) fn advance(&mut self, nodes: &impl Nodes, place: &[u32], node: u32, budget: &Budget) -> Result<(), OutOfBudget> {
        let Seen { until, latest, stack, steps } = self;
        stack.extend(nodes.cross(node));
        stack.extend((node > nodes.start(nodes.chain(node))).then(|| node - 1));
        while let Some(to) = stack.pop() {
            let until = &mut until[nodes.chain(to)];
            for seen in std::mem::replace(until, (*until).max(to + 1))..=to {
                *steps += 1;
                if steps.is_multiple_of(4096) {
                    budget.check()?;
                }
                stack.extend(nodes.cross(seen));
                for key in nodes.writes(seen) {
                    let latest = &mut latest[key as usize];
                    *latest = (*latest).max(place[seen as usize] + 1);
                }
            }
        }
        Ok(())
    }

    /// Is a node among it?
    #[inline]
    pub(super) fn saw(&self, nodes: &impl Nodes, node: u32) -> bool {
        node < self.until[nodes.chain(node)]
    }

    /// Is a write of a key among it that is placed at `lowest` or later?
    #[inline]
    pub(super) fn wrote_since(&self, key: u32, lowest: u32) -> bool {
        self.latest[key as usize] > lowest
    }
}
