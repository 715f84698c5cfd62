//! The constraints on the writes of one key, as a graph by itself: small, and mostly within the first cache.
//!
//! Its nodes are the key's writes, numbered as they are among its events, and behind them whatever nodes the constraints add. Made for one
//! key after another; what it holds its memory in is used again.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

use super::digraph::Digraph;
use super::events::{Events, NONE, WRITE};
use super::graph::{Constraints, Extra, Reason};

/// By event: the number of a write among those of its key. Each is written by whoever looks at its key.
pub(crate) struct Ranks(Vec<AtomicU32>);

impl Ranks {
    pub(crate) fn new(events: &Events) -> Self {
        let mut ranks = Vec::new();
        ranks.resize_with(events.len(), AtomicU32::default);
        Ranks(ranks)
    }
}

/// What an event does to the key.
#[derive(Clone, Copy)]
pub(crate) struct Touch {
    pub(crate) event: u32,
    pub(crate) session: u32,
    pub(crate) is_write: bool,
    /// The node of the write that it is, or that it returned; [`NONE`] for a read of nothing written.
    pub(crate) node: u32,
}

/// The graph of one key.
pub(crate) struct OneKey<'a> {
    events: &'a Events,
    ranks: &'a Ranks,
    /// What is done to the key, by session and in sequence.
    pub(crate) touches: Vec<Touch>,
    /// The key's writes, ascending.
    pub(crate) writes: Vec<u32>,
    nodes: u32,
    /// (from, to), as nodes.
    edges: Vec<(u32, u32, Reason)>,
    /// The sources of the edges into node i are `sources[starts[i]..starts[i + 1]]`.
    starts: Vec<u32>,
    sources: Vec<u32>,
}

impl<'a> OneKey<'a> {
    pub(crate) fn new(events: &'a Events, ranks: &'a Ranks) -> Self {
        OneKey {
            events,
            ranks,
            touches: Vec::new(),
            writes: Vec::new(),
            nodes: 0,
            edges: Vec::new(),
            starts: Vec::new(),
            sources: Vec::new(),
        }
    }

    /// Begins with the next key, whose events are these.
    pub(crate) fn begin(&mut self, events: &[u32]) {
        self.edges.clear();
        self.writes.clear();
        self.touches.clear();
        for &event in events {
            let source = self.events.source[event as usize];
            let is_write = source == WRITE;
            let mut node = source;
            if is_write {
                node = self.writes.len() as u32;
                self.writes.push(event);
                self.ranks.0[event as usize].store(node, Ordering::Relaxed);
            }
            self.touches.push(Touch { event, session: self.events.session[event as usize], is_write, node });
        }
        for touch in self.touches.iter_mut().filter(|touch| !touch.is_write) {
            // (Where it showed a collection, no write is what it returned.)
            touch.node = self.ranks.0.get(touch.node as usize).map_or(NONE, |rank| rank.load(Ordering::Relaxed));
        }
        self.nodes = self.writes.len() as u32;
    }

    /// The node of a write of the key.
    #[inline]
    pub(crate) fn rank(&self, write: u32) -> u32 {
        self.ranks.0[write as usize].load(Ordering::Relaxed)
    }

    /// The touches of one session, from the first of them on.
    pub(crate) fn run(&self, first: usize) -> Option<Range<usize>> {
        let session = self.touches.get(first)?.session;
        let others = self.touches[first..].iter().position(|touch| touch.session != session);
        Some(first..others.map_or(self.touches.len(), |others| first + others))
    }

    /// Adds an edge from node to node.
    #[inline]
    pub(crate) fn add_edge(&mut self, from: u32, to: u32, reason: Reason) {
        self.edges.push((from, to, reason));
    }

    /// Every node.
    pub(crate) fn all(&self) -> Range<u32> {
        0..self.nodes
    }

    /// Sorts the edges by their targets. All constraints are known.
    pub(crate) fn finish(&mut self) {
        self.starts.clear();
        self.starts.resize(self.nodes as usize + 2, 0);
        for &(_, to, _) in &self.edges {
            self.starts[to as usize + 2] += 1;
        }
        for node in 2..self.starts.len() {
            self.starts[node] += self.starts[node - 1];
        }
        // Filling row i moves its start, which stands at i + 1, to where row i + 1 starts.
        self.sources.clear();
        self.sources.resize(self.edges.len(), NONE);
        for &(from, to, _) in &self.edges {
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

    /// Adds every edge to a graph of all events, with new nodes there for those that are no writes. Nodes of a component become nodes of
    /// that graph. Returns every node there that edges may lead to.
    pub(crate) fn add_to(&self, extra: &mut Extra, component: &mut [u32]) -> Vec<u32> {
        let mut nodes = self.writes.clone();
        nodes.extend((self.writes.len() as u32..self.nodes).map(|_| extra.node()));
        let node = |node: u32| nodes[node as usize];
        self.edges.iter().for_each(|&(from, to, reason)| extra.add(node(from), node(to), reason));
        component.iter_mut().for_each(|member| *member = node(*member));
        nodes
    }
}

impl Constraints for OneKey<'_> {
    fn node(&mut self) -> u32 {
        self.nodes += 1;
        self.events.nodes() as u32 + self.nodes - self.writes.len() as u32 - 1
    }

    fn add(&mut self, from: u32, to: u32, reason: Reason) {
        let added = self.events.nodes() as u32;
        let node = |node: u32| match node.checked_sub(added) {
            Some(behind) => self.writes.len() as u32 + behind,
            None => self.rank(node),
        };
        self.add_edge(node(from), node(to), reason);
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
