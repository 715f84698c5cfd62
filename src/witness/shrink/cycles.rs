//! Short cycles of a component of constraints.
//!
//! The component may be large and have many cycles, so the search starts from a bounded number of its edges: those that close a cycle of
//! two first, then those of reads that hb contradicts with no other read's help, then those whose evidence lies near. In a large one a
//! search first looks only at what an order has between its edge's two ends; the whole component is searched where no such search finds
//! a cycle. Cost: O(nodes between) or O(component) a start.

use rustc_hash::FxHashSet;

use crate::model::{Guarantees, causal};
use crate::relation::graph::{Edge, Graph, Reason};
use crate::verdict::Witness;
use crate::witness::search::{Hop, Search, joined, raw_back};

use super::Shrink;

/// How many edges of a component a search for a shortest cycle starts from,
pub(in crate::witness) const STARTS: usize = 32;
/// and how many nodes all these searches may come by (one search they may in any case): proofs must not eat up what time there is for
/// verdicts.
pub(in crate::witness) const NODES: usize = 2_000_000;

/// In a component of more nodes searches first stay between where an order has their edge's two ends,
const LARGE: usize = 1 << 12;
/// and the shortest few of what they find are made witnesses, which takes more searches.
const SHORTEST: usize = 3;

impl Shrink<'_, '_> {
    /// Short cycles of a component, as hops that close up; found one by one.
    pub(super) fn cycles<'s>(&'s self, graph: &'s Graph<'_>, component: &'s [u32]) -> impl Iterator<Item = Vec<Hop>> + 's {
        let mut members = vec![0u64; graph.nodes().div_ceil(64)];
        component.iter().for_each(|&node| members[node as usize / 64] |= 1 << (node % 64));
        let inside = move |node: u32| members[node as usize / 64] >> (node % 64) & 1 == 1;
        // Edges that close a cycle: what reads say by preference, else other constraints, else wr.
        let mut starts: [Vec<(u32, u32, Edge)>; 3] = Default::default();
        for &node in component {
            graph.into(node, |from, edge| {
                let preference = match edge {
                    Edge::Extra(_, Reason::Stale(_)) => 0,
                    Edge::Extra(..) => 1,
                    Edge::Wr => 2,
                    Edge::So | Edge::Collected => return,
                };
                if inside(from) {
                    starts[preference].push((from, node, edge));
                }
            });
        }
        let mut starts = starts.into_iter().find(|starts| !starts.is_empty()).expect("session order alone has no cycle");
        let pairs: FxHashSet<(u32, u32)> = starts.iter().map(|&(from, to, _)| (from, to)).collect();
        let of_two = |&(from, to, _): &(u32, u32, Edge)| {
            pairs.contains(&(to, from))
                || self.facts.events().session.get(from as usize) == self.facts.events().session.get(to as usize)
        };
        // Where many edges close a short cycle any few of them will do, best those whose evidence lies near; the order is fixed.
        let places = self.facts.best_places();
        let place = move |node: u32| places.get(node as usize).copied().unwrap_or(0);
        let stretch = |&(from, to, edge): &(u32, u32, Edge)| match edge {
            Edge::Extra(_, Reason::Stale(read)) => place(read).abs_diff(place(to)),
            _ => place(from).abs_diff(place(to)),
        };
        let by_itself = self.stale_by_itself();
        let alone = |&(_, _, edge): &(u32, u32, Edge)| matches!(edge, Edge::Extra(_, Reason::Stale(r)) if by_itself.contains(&r));
        starts.sort_by_cached_key(|start| (!of_two(start), !alone(start), stretch(start)));
        starts.truncate(STARTS);
        let cycle = move |&(from, to, edge): &(u32, u32, Edge), pass: &dyn Fn(u32) -> bool| {
            let search = Search { graph, shown: &[] };
            let way = || raw_back(&search, from, |node| node == to, |node, _| inside(node) && pass(node));
            let mut path = if from == to { Vec::new() } else { way()? };
            path.push((from, to, edge));
            Some(self.without_auxiliary(graph, path))
        };
        // Mostly some lead back by nodes that the order has between.
        let mut found: Vec<Vec<Hop>> = Vec::new();
        if component.len() > LARGE {
            let mut nodes = 0;
            for start in &starts {
                let between = place(start.1)..place(start.0) + 1;
                nodes += between.len();
                if nodes <= NODES {
                    let near = |node: u32| node as usize >= self.facts.events().len() || between.contains(&place(node));
                    found.extend(cycle(start, &near));
                }
            }
        }
        found.sort_by_key(Vec::len);
        found.truncate(SHORTEST);
        starts.truncate(if found.is_empty() { (NODES / component.len()).max(1) } else { 0 });
        found.into_iter().chain(starts.into_iter().filter_map(move |start| cycle(&start, &|_| true)))
    }

    /// The reads that hb contradicts with no other read's help, where that is known.
    fn stale_by_itself(&self) -> FxHashSet<u32> {
        let past = match self.facts.chains().filter(|_| self.guarantees == Guarantees::ALL) {
            Some(chains) => causal::in_past(self.facts, &chains).ok().flatten(),
            None => None,
        };
        past.map(|past| past.overwritten.iter().map(|&(read, _, _)| read).collect()).unwrap_or_default()
    }

    /// Drops junctions and auxiliary nodes from a closed path: a way through them has the edge that it begins with.
    fn without_auxiliary(&self, graph: &Graph<'_>, mut path: Vec<(u32, u32, Edge)>) -> Vec<Hop> {
        let n = graph.events.len() as u32;
        // A cycle of constraints always passes through an event.
        let first = path.iter().position(|&(from, _, _)| from < n).expect("a cycle passes through an event");
        path.rotate_left(first);
        joined(n, path.into_iter())
    }
}

/// The one with the fewest operations, sessions and steps. None has fewer than three operations but the rarest, so three end the search.
pub(in crate::witness) fn smallest(witnesses: impl Iterator<Item = Witness>) -> Witness {
    let size = |w: &Witness| (w.operations.len(), w.sessions.len(), w.all_steps().count());
    let mut best: Option<Witness> = None;
    for witness in witnesses {
        let small = witness.operations.len() <= 3;
        if best.as_ref().is_none_or(|best| size(&witness) < size(best)) {
            best = Some(witness);
        }
        if small {
            break;
        }
    }
    best.expect("a component has a cycle")
}
