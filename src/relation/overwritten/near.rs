//! What one read saw, by a walk back from it to where its source stands, if that comes by few nodes: so it is where sessions are short, and
//! where a set of guarantees shows little.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::relation::budget::{Budget, OutOfBudget};
use crate::relation::digraph::Digraph;
use crate::relation::events::NONE;

use super::{Asked, Ordered, Told};

/// More nodes are too many.
const MOST: usize = if cfg!(test) { 6 } else { 1 << 10 };

/// Walks from one read after another.
#[derive(Default)]
pub(super) struct Near {
    stack: Vec<u32>,
    seen: FxHashSet<u32>,
    /// Those nodes as the order has them, and which of them are after the source.
    in_order: Vec<u32>,
    after: FxHashMap<u32, bool>,
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
        let newer = self.seen.iter().any(|&node| writes(node));
        let overwritten = newer && source != NONE && self.any_after(ordered, source, writes);
        Ok(Some(Told { newer, overwritten }))
    }

    /// Is one of the nodes seen that is after the source such a one?
    fn any_after<G: Digraph, W>(&mut self, ordered: &Ordered<'_, G, W>, source: u32, is: impl Fn(u32) -> bool) -> bool {
        self.in_order.clear();
        self.in_order.extend(&self.seen);
        self.in_order.sort_unstable_by_key(|&node| ordered.place[node as usize]);
        self.after.clear();
        for &node in &self.in_order {
            let mut after = node == source;
            ordered.graph.sources(node, |from| after |= self.after.get(&from).is_some_and(|&after| after));
            if after && is(node) {
                return true;
            }
            self.after.insert(node, after);
        }
        false
    }
}
