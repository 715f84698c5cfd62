//! What is hb-before a read, by walking back from it along an order, no further than asked.

use crate::relation::budget::{Budget, OutOfBudget};
use crate::relation::events::NONE;

use super::Chains;

/// Walks back from reads, one after another.
pub(crate) struct Walker<'a> {
    chains: &'a Chains<'a>,
    budget: &'a Budget,
    read: u32,
    /// By chain: the read that walked there last, and the latest event of the chain that it met.
    reached: Vec<(u32, u32)>,
    stack: Vec<u32>,
    steps: u32,
}

impl<'a> Walker<'a> {
    pub(crate) fn new(chains: &'a Chains<'a>, budget: &'a Budget) -> Self {
        Walker { chains, budget, read: NONE, reached: vec![(NONE, 0); chains.len()], stack: Vec::new(), steps: 0 }
    }

    /// Did the last walk meet this event? Asked only of events that were in its bounds.
    #[inline]
    pub(crate) fn met(&self, event: u32) -> bool {
        let (by, latest) = self.reached[self.chains.chain[event as usize] as usize];
        by == self.read && latest >= event
    }

    /// Meets everything hb-before the read that is placed at `lowest` or later.
    pub(crate) fn walk(&mut self, place: &[u32], read: u32, lowest: u32) -> Result<(), OutOfBudget> {
        let (chain, cross, starts) = (&*self.chains.chain, &*self.chains.cross, &*self.chains.starts);
        self.read = read;
        self.stack.clear();
        self.stack.push(read);
        while let Some(to) = self.stack.pop() {
            let c = chain[to as usize] as usize;
            let (by, latest) = self.reached[c];
            let known = if by == read { latest } else { NONE };
            if known != NONE && known >= to {
                continue;
            }
            self.reached[c] = (read, to);
            // Down the chain, to what was met before or lies below.
            let mut e = to;
            while place[e as usize] >= lowest && e != known {
                self.steps = self.steps.wrapping_add(1);
                if self.steps.is_multiple_of(4096) {
                    self.budget.check()?;
                }
                let from = cross[e as usize];
                if from < NONE && place[from as usize] >= lowest {
                    self.stack.push(from);
                }
                if e == starts[c] {
                    break;
                }
                e -= 1;
            }
        }
        Ok(())
    }
}
