//! The constraints on the writes of one key, as a graph by itself: small, and mostly within the first cache.
//!
//! Its nodes are the key's writes, numbered as they are among its events, and behind them whatever nodes the constraints add. Made for one
//! key after another; what it holds its memory in is used again.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

use super::digraph::Digraph;
use super::events::{Events, NONE};
use super::graph::{Constraints, Reason};

/// By event: the number of a write among those of its key. Each is written by whoever looks at its key.
pub(crate) struct Ranks(Vec<AtomicU32>);

impl Ranks {
    pub(crate) fn new(events: &Events) -> Self {
        let mut ranks = Vec::new();
        ranks.resize_with(events.len(), AtomicU32::default);
        Ranks(ranks)
    }
}

/// The graph of one key.
pub(crate) struct OneKey<'a> {
    events: &'a Events,
    ranks: &'a Ranks,
    /// The key's writes, ascending.
    pub(crate) writes: Vec<u32>,
    nodes: u32,
    /// (from, to), as nodes.
    edges: Vec<(u32, u32)>,
    /// The sources of the edges into node i are `sources[starts[i]..starts[i + 1]]`.
    starts: Vec<u32>,
    sources: Vec<u32>,
}

impl<'a> OneKey<'a> {
    pub(crate) fn new(events: &'a Events, ranks: &'a Ranks) -> Self {
        let (writes, edges) = (Vec::new(), Vec::new());
        OneKey { events, ranks, writes, nodes: 0, edges, starts: Vec::new(), sources: Vec::new() }
    }

    /// Begins with the next key, whose events are these.
    pub(crate) fn begin(&mut self, events: &[u32]) {
        self.edges.clear();
        self.writes.clear();
        self.writes.extend(events.iter().copied().filter(|&e| self.events.is_write(e)));
        for (rank, &write) in (0..).zip(&self.writes) {
            self.ranks.0[write as usize].store(rank, Ordering::Relaxed);
        }
        self.nodes = self.writes.len() as u32;
    }

    /// The node of a write of the key.
    #[inline]
    pub(crate) fn rank(&self, write: u32) -> u32 {
        self.ranks.0[write as usize].load(Ordering::Relaxed)
    }

    /// Every node.
    pub(crate) fn all(&self) -> Range<u32> {
        0..self.nodes
    }

    /// Sorts the edges by their targets. All constraints are known.
    pub(crate) fn finish(&mut self) {
        self.starts.clear();
        self.starts.resize(self.nodes as usize + 2, 0);
        for &(_, to) in &self.edges {
            self.starts[to as usize + 2] += 1;
        }
        for node in 2..self.starts.len() {
            self.starts[node] += self.starts[node - 1];
        }
        // Filling row i moves its start, which stands at i + 1, to where row i + 1 starts.
        self.sources.clear();
        self.sources.resize(self.edges.len(), NONE);
        for &(from, to) in &self.edges {
            let slot = &mut self.starts[to as usize + 1];
            self.sources[*slot as usize] = from;
            *slot += 1;
        }
    }

    /// Where edges into a node come from.
    #[inline]
    pub(crate) fn into(&self, node: u32) -> &[u32] {
        &self.sources[self.starts[node as usize] as usize..self.starts[node as usize + 1] as usize]
    }
}

impl Constraints for OneKey<'_> {
    fn node(&mut self) -> u32 {
        self.nodes += 1;
        self.events.nodes() as u32 + self.nodes - self.writes.len() as u32 - 1
    }

    #[inline]
    fn add(&mut self, from: u32, to: u32, _: Reason) {
        let added = self.events.nodes() as u32;
        let behind = |node: u32| self.writes.len() as u32 + (node - added);
        let node = |node: u32| if node < added { self.rank(node) } else { behind(node) };
        self.edges.push((node(from), node(to)));
    }

    fn count(&self) -> usize {
        self.edges.len()
    }
}

impl Digraph for OneKey<'_> {
    fn nodes(&self) -> usize {
        self.nodes as usize
    }

    fn sources(&self, node: u32, each: impl FnMut(u32)) {
        self.into(node).iter().copied().for_each(each);
    }
}
