//! Which chains are followed: those whose walks have cost much.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::relation::budget::OutOfBudget;
use crate::relation::chains::Nodes;
use crate::relation::events::NONE;

use super::seen::Seen;
use super::{Along, Asked, FIRST, Found, MORE, find};

pub(super) struct Following<'w, N> {
    along: Along<'w, N>,
    /// By chain: how many nodes its long walks have looked at.
    steps: Vec<usize>,
    followed: FxHashMap<usize, Followed>,
    /// How many there is room for.
    most: usize,
}

struct Followed {
    seen: Seen,
    found_for: Vec<u32>,
    /// What it asks in the stretch at hand.
    asked: Vec<Asked>,
}

impl<'w, N: Nodes> Following<'w, N> {
    pub(super) fn new(along: Along<'w, N>) -> Self {
        let (nodes, chains, keys) = (along.nodes.len(), along.nodes.chains(), along.placed.keys());
        // They take two numbers a node together.
        Following { along, steps: vec![0; chains], followed: FxHashMap::default(), most: 2 * nodes / (2 * chains + keys) }
    }

    /// Takes out what chains ask that are followed.
    pub(super) fn take(&mut self, asked: &mut Vec<Asked>) {
        if self.followed.is_empty() {
            return;
        }
        asked.retain(|asked| match self.followed.get_mut(&self.along.nodes.chain(asked.node)) {
            Some(followed) => {
                followed.asked.push(*asked);
                false
            }
            None => true,
        });
    }

    /// Answers what was taken, and asks of each chain apart.
    pub(super) fn answer(&mut self) -> impl ParallelIterator<Item = Result<Found, OutOfBudget>> {
        let along = self.along;
        self.followed.par_iter_mut().map(move |(_, followed)| followed.answer(along))
    }

    /// A node of the stretch that was just answered had long walks, which looked at so many nodes.
    pub(super) fn count(&mut self, node: u32, steps: usize) {
        let Along { nodes, place, .. } = self.along;
        let chain = nodes.chain(node);
        self.steps[chain] += steps;
        if self.steps[chain] <= nodes.len() / 4 {
            return;
        }
        self.steps[chain] = 0;
        if self.followed.len() >= self.most {
            // Those that have ended make room.
            self.followed.retain(|&chain, _| place[nodes.end(chain) as usize - 1] > place[node as usize]);
        }
        if self.followed.len() < self.most {
            let new = || Followed { seen: Seen::new(nodes), found_for: vec![NONE; nodes.chains()], asked: Vec::new() };
            self.followed.entry(chain).or_insert_with(new);
        }
    }
}

impl Followed {
    fn answer<N: Nodes>(&mut self, along: Along<'_, N>) -> Result<Found, OutOfBudget> {
        let Along { nodes, place, budget, .. } = along;
        let mut found = Found::default();
        for asked in self.asked.drain(..) {
            let Asked { node, read, .. } = asked;
            self.seen.advance(nodes, place, node, budget)?;
            if !self.seen.wrote_since(read.key, along.behind(read)) {
                continue;
            }
            let between = along.between(&asked);
            let (mut first, mut latest) = (between.len(), FIRST);
            while first > 0 {
                first = between.len().saturating_sub(latest);
                latest *= MORE;
                let saw = |x| self.seen.saw(nodes, x);
                if find(nodes, read, &between[first..], saw, &mut self.found_for, &mut found.unexplained) {
                    break;
                }
            }
            if first > 0 && read.source != NONE {
                found.partly.push((node, read));
            }
        }
        Ok(found)
    }
}
