//! What is to be asked along an order: for each read, the writes of its key that stand between what it returned and itself. That takes no
//! clocks, so it is found out ahead of those who answer.

use crate::relation::chains::key_order::KeyOrder;
use crate::relation::chains::{Did, Nodes, Read};
use crate::relation::events::NONE;

/// So many nodes, or writes to ask about, make a stretch.
const NODES: usize = 1 << 13;
const WRITES: usize = 1 << 16;

/// A stretch of the order. Its lists follow one another node by node.
#[derive(Default)]
pub(super) struct Stretch {
    pub(super) steps: Vec<Step>,
    /// Nodes of other chains that nodes of the stretch follow, each with its chain.
    pub(super) joins: Vec<(u32, u32)>,
    pub(super) reads: Vec<Asked>,
    /// The writes to ask about, latest first, each with its chain.
    pub(super) writes: Vec<(u32, u32)>,
}

/// A node, and where its part of the lists ends.
pub(super) struct Step {
    pub(super) node: u32,
    pub(super) chain: u32,
    pub(super) joins: u32,
    pub(super) reads: u32,
}

/// A read with writes to ask about.
pub(super) struct Asked {
    pub(super) read: Read,
    /// Where they end; or too many stand between to list them.
    pub(super) writes: Between,
}

pub(super) enum Between {
    End(u32),
    Many,
}

impl Stretch {
    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    fn clear(&mut self) {
        self.steps.clear();
        self.joins.clear();
        self.reads.clear();
        self.writes.clear();
    }
}

/// Goes along an order.
pub(super) struct Asking<'a, 'o, N> {
    nodes: &'a N,
    /// What of it is left.
    order: &'o [u32],
    /// More writes between than this are not listed: then to ask each chain for its last one takes less.
    most: usize,
    /// The writes of each key so far.
    pub(super) placed: KeyOrder<'a>,
}

impl<'a, 'o, N: Nodes> Asking<'a, 'o, N> {
    pub(super) fn new(nodes: &'a N, order: &'o [u32]) -> Self {
        let most = if cfg!(test) { 2 } else { 64.max(16 * nodes.chains()) };
        Asking { nodes, order, most, placed: KeyOrder::new(nodes) }
    }

    /// Fills in the next stretch; none at the end.
    pub(super) fn fill(&mut self, stretch: &mut Stretch) {
        let nodes = self.nodes;
        stretch.clear();
        while stretch.steps.len() < NODES && stretch.writes.len() < WRITES {
            let Some((&node, rest)) = self.order.split_first() else { return };
            self.order = rest;
            let chain = nodes.chain(node) as u32;
            nodes.follows(node).into_iter().for_each(|from| self.join(chain, from, stretch));
            nodes.did(node, |did| match did {
                Did::Read(read) => {
                    if read.source != NONE {
                        self.join(chain, read.source, stretch);
                    }
                    self.ask(read, stretch);
                }
                Did::Write(key) => self.placed.place(key as usize, node),
            });
            stretch.steps.push(Step { node, chain, joins: stretch.joins.len() as u32, reads: stretch.reads.len() as u32 });
        }
    }

    #[inline]
    fn join(&self, chain: u32, from: u32, stretch: &mut Stretch) {
        let of = self.nodes.chain(from) as u32;
        if of != chain {
            stretch.joins.push((from, of));
        }
    }

    #[inline]
    fn ask(&self, read: Read, stretch: &mut Stretch) {
        let placed = self.placed.of(read.key as usize);
        if placed.last().is_none_or(|&last| last == read.source) {
            return;
        }
        let first = stretch.writes.len();
        let latest = placed.iter().rev().take_while(|&&x| x != read.source).take(self.most + 1);
        stretch.writes.extend(latest.map(|&x| (x, self.nodes.chain(x) as u32)));
        let writes = match stretch.writes.len() - first > self.most {
            true => {
                stretch.writes.truncate(first);
                Between::Many
            }
            false => Between::End(stretch.writes.len() as u32),
        };
        stretch.reads.push(Asked { read, writes });
    }
}
