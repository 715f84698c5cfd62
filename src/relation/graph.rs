//! The constraint graph of a set of guarantees, never stored: its edges are read off the events' links.
//!
//! Nodes are the events, the collections that reads showed, the junctions of the [`Links`], and auxiliary nodes of [`Extra`]. For G ⊆ {RYW, MR, MW, WFR} a write w is
//! visible to a read r (models.md 4, rules 3-6, least `vis`) iff a path leads from w to r over these edges:
//!
//! | edge | when |
//! |---|---|
//! | write → the read that returned it | always (`wr`) |
//! | write → later read of its session | RYW |
//! | read → later read | MR |
//! | write → later write | MW |
//! | read → later write | WFR |
//!
//! and the paths from write to write are the arbitration that MW and WFR ask for. With all four that is hb. So one implicit graph with
//! four switches serves every set, and a walk costs three look-ups a node.

use super::digraph::Digraph;
use super::events::{Events, NONE, WRITE};
use super::links::Links;
use crate::model::Guarantees;

/// Why an edge of [`Extra`] is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reason {
    /// Rule 2: both write the key in one session.
    SessionWrites,
    /// Rule 2: the read event returned the source, then its session wrote the target.
    ReadThenWrite(u32),
    /// The read event returned the target although the source was visible to it.
    Stale(u32),
    /// The read event showed a list with the source before the target.
    ListOrder(u32),
    /// The recorded versions.
    Version,
    /// Recorded times.
    RealTime,
    /// The rest of a way through auxiliary nodes, whose reason stands on its first edge.
    Onward,
}

/// Where constraints on the order of writes are gathered.
pub(crate) trait Constraints {
    /// Adds a node that is no event.
    fn node(&mut self) -> u32;

    /// Adds an edge.
    fn add(&mut self, from: u32, to: u32, reason: Reason);

    /// How many edges.
    fn count(&self) -> usize;
}

/// Edges beside those of the links, by target; and the auxiliary nodes that they run through.
///
/// Linked lists in one arena: edges are only added, and walked against their direction.
#[derive(Clone)]
pub(crate) struct Extra {
    /// By node: its latest edge, or [`NONE`].
    heads: Vec<u32>,
    edges: Vec<ExtraEdge>,
}

#[derive(Clone, Copy)]
struct ExtraEdge {
    from: u32,
    next: u32,
    reason: Reason,
}

impl Extra {
    /// No edges, over so many nodes.
    pub(crate) fn new(nodes: usize) -> Self {
        Extra { heads: vec![NONE; nodes], edges: Vec::new() }
    }

    /// Removes every edge, where these are all their targets; the nodes stay.
    pub(crate) fn clear(&mut self, targets: impl Iterator<Item = u32>) {
        for to in targets {
            self.heads[to as usize] = NONE;
        }
        self.edges.clear();
    }

    /// Where each edge comes from.
    pub(crate) fn sources(&self) -> impl Iterator<Item = u32> + '_ {
        self.edges.iter().map(|edge| edge.from)
    }

    /// The edges into a node, the latest first: (number, source, reason).
    pub(crate) fn into(&self, node: u32) -> impl Iterator<Item = (u32, u32, Reason)> + '_ {
        let mut at = self.heads.get(node as usize).copied().unwrap_or(NONE);
        std::iter::from_fn(move || {
            let edge = self.edges.get(at as usize)?;
            let number = at;
            at = edge.next;
            Some((number, edge.from, edge.reason))
        })
    }
}

impl Constraints for Extra {
    fn node(&mut self) -> u32 {
        self.heads.push(NONE);
        self.heads.len() as u32 - 1
    }

    fn add(&mut self, from: u32, to: u32, reason: Reason) {
        self.edges.push(ExtraEdge { from, next: self.heads[to as usize], reason });
        self.heads[to as usize] = self.edges.len() as u32 - 1;
    }

    /// An edge's number is the count before it was added.
    fn count(&self) -> usize {
        self.edges.len()
    }
}

/// How one node leads to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Edge {
    /// Session order.
    So,
    /// Write-read.
    Wr,
    /// From a write, or a shorter collection, to a collection with its element; a read that shows it follows by `Wr`.
    Collected,
    /// A numbered edge of [`Extra`].
    Extra(u32, Reason),
}

/// One constraint graph.
#[derive(Clone, Copy)]
pub(crate) struct Graph<'a> {
    pub(crate) events: &'a Events,
    /// Session order and write-read take part, as the guarantees say; without it only `extra` does.
    pub(crate) links: Option<&'a Links>,
    pub(crate) guarantees: Guarantees,
    /// In a view of `pram-classic`: only this session reads, the others' reads and what they returned play no part.
    pub(crate) only_reader: Option<u32>,
    pub(crate) extra: Option<&'a Extra>,
}

impl Graph<'_> {
    /// How many nodes, auxiliary ones included.
    pub(crate) fn nodes(&self) -> usize {
        let linked = self.events.nodes() + self.links.map_or(0, |links| links.junctions.len());
        self.extra.map_or(linked, |extra| linked.max(extra.heads.len()))
    }

    /// The edges into a node, each as its source and kind. The order is fixed.
    #[inline]
    pub(crate) fn into(&self, node: u32, mut each: impl FnMut(u32, Edge)) {
        let n = self.events.len() as u32;
        if let Some(links) = self.links {
            if node < n {
                let e = node as usize;
                let source = self.events.source[e];
                let (reads, writes) = if source == WRITE {
                    (self.guarantees.contains(Guarantees::WFR), self.guarantees.contains(Guarantees::MW))
                } else {
                    if source != NONE && self.only_reader.is_none_or(|s| self.events.session[e] == s) {
                        each(source, Edge::Wr);
                    }
                    (self.guarantees.contains(Guarantees::MR), self.guarantees.contains(Guarantees::RYW))
                };
                if reads && links.read[e] != NONE {
                    each(links.read[e], Edge::So);
                }
                if writes && links.write[e] != NONE {
                    each(links.write[e], Edge::So);
                }
            } else if let Some(collected) = self.events.collection(node) {
                for from in [collected.before, collected.write] {
                    if from != NONE {
                        each(from, Edge::Collected);
                    }
                }
            } else if let Some(back) = links.junctions.get(node as usize - self.events.nodes()) {
                for &from in back {
                    each(from, Edge::So);
                }
            }
        }
        if let Some(extra) = self.extra {
            for (number, from, reason) in extra.into(node) {
                each(from, Edge::Extra(number, reason));
            }
        }
    }
}

impl Digraph for Graph<'_> {
    fn nodes(&self) -> usize {
        Graph::nodes(self)
    }

    #[inline]
    fn sources(&self, node: u32, mut each: impl FnMut(u32)) {
        self.into(node, |from, _| each(from));
    }
}
