//! What one read saw, by a walk back from it to where its source stands, if that comes by few nodes: so it is where sessions are short, and
//! where a set of guarantees shows little.

use rustc_hash::FxHashSet;

use crate::relation::budget::{Budget, OutOfBudget};
use crate::relation::digraph::Digraph;
use crate::relation::events::NONE;

use super::{Asked, Ordered, Told};

/// More nodes are too many.
const MOST: usize = if cfg!(test) { 6 } else { 1 << 8 };

/// Walks from one read after another.
#[derive(Default)]
pub(super) struct Near {
    stack: Vec<u32>,
    seen: FxHashSet<u32>,
    /// The writes of the key among what the read saw.
    newer: Vec<u32>,
    /// All nodes seen as the order has them, and those after the source, with it.
    in_order: Vec<u32>,
    after: FxHashSet<u32>,
}

impl Near {
    /// `None` where too much lies between.
    pub(super) fn tell<G, W, I>(
        &mut self,
        ordered: &Ordered<'_, G, W>,
        asked: &Asked,
        budget: &Budget,
    ) -> Result<Option<Told>, OutOfBudget>
    where
        G: Digraph,
        W: Fn(u32) -> I,
        I: Iterator<Item = u32>,
    {
        budget.check()?;
        let &Asked { node, key, source } = asked;
        let place = |node: u32| ordered.place[node as usize];
        let lowest = if source == NONE { 0 } else { place(source) };
        self.seen.clear();
        self.stack.clear();
        self.stack.push(node);
        while let Some(to) = self.stack.pop() {
            ordered.graph.sources(to, |from| {
                if place(from) >= lowest && self.seen.insert(from) {
                    self.stack.push(from);
                }
            });
            if self.seen.len() > MOST {
                return Ok(None);
            }
        }
        let writes = |node: u32| node != source && (ordered.writes)(node).any(|of| of == key);
        self.newer.clear();
        self.newer.extend(self.seen.iter().copied().filter(|&node| writes(node)));
        let newer = !self.newer.is_empty();
        let mut overwritten = false;
        if newer && source != NONE {
            if ordered.extra.is_some() {
                // What is after the source may be so by ways that the read does not see.
                self.stack.extend(&self.seen);
                while let Some(to) = self.stack.pop() {
                    let (seen, stack) = (&mut self.seen, &mut self.stack);
                    let mut each = |from| {
                        if place(from) >= lowest && seen.insert(from) {
                            stack.push(from);
                        }
                    };
                    ordered.graph.sources(to, &mut each);
                    ordered.extra(to).for_each(each);
                    if seen.len() > MOST {
                        return Ok(None);
                    }
                }
            }
            overwritten = self.any_after(ordered, source);
        }
        Ok(Some(Told { newer, overwritten }))
    }

    /// Is one of the newer writes after the source?
    fn any_after<G: Digraph, W>(&mut self, ordered: &Ordered<'_, G, W>, source: u32) -> bool {
        self.in_order.clear();
        self.in_order.extend(&self.seen);
        self.in_order.sort_unstable_by_key(|&node| ordered.place[node as usize]);
        self.after.clear();
        self.after.insert(source);
        for &node in &self.in_order {
            let mut after = false;
            ordered.graph.sources(node, |from| after |= self.after.contains(&from));
            if after || ordered.extra(node).any(|from| self.after.contains(&from)) {
                self.after.insert(node);
            }
        }
        self.newer.iter().any(|write| self.after.contains(write))
    }
}
