//! Cheapest paths in a graph, walked against its edges: what makes a witness short.
//!
//! Session order and recorded orders cost nothing, since however far they lead they show as one step; other edges cost the same, those
//! into reads that are shown anyway less. Cost: O(edges walked, log) a search.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::relation::graph::{Edge, Graph, Reason};

/// One edge of a path between events; auxiliary nodes and junctions are gone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hop {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) edge: Edge,
}

/// A cheapest path from a goal to `start`, without auxiliary nodes.
pub(super) fn back(
    search: &Search<'_>,
    start: u32,
    goal: impl Fn(u32) -> bool,
    pass: impl Fn(u32, Edge) -> bool,
) -> Option<Vec<Hop>> {
    let n = search.graph.events.len() as u32;
    raw_back(search, start, goal, pass).map(|path| joined(n, path.into_iter()))
}

/// Joins the edges through nodes that are no events to one hop each; the path begins with an event.
pub(super) fn joined(n: u32, path: impl Iterator<Item = (u32, u32, Edge)>) -> Vec<Hop> {
    let mut hops: Vec<Hop> = Vec::new();
    for (from, to, edge) in path {
        match hops.last_mut() {
            Some(last) if last.to >= n => last.to = to,
            _ => hops.push(Hop { from, to, edge }),
        }
    }
    hops
}

/// Where to search, and which reads a witness shows anyway, so that a way through them is cheaper.
pub(super) struct Search<'a> {
    pub(super) graph: &'a Graph<'a>,
    pub(super) shown: &'a [u32],
}

/// A cheapest path to `start`, walking against the edges until a goal (Dijkstra). Session order and recorded orders are free, since
/// however far they lead they show as one step; among free ways the nearest wins.
pub(super) fn raw_back(
    search: &Search<'_>,
    start: u32,
    goal: impl Fn(u32) -> bool,
    pass: impl Fn(u32, Edge) -> bool,
) -> Option<Vec<(u32, u32, Edge)>> {
    cheapest(start, goal, |node, each| {
        search.graph.into(node, |from, edge| {
            if !pass(from, edge) {
                return;
            }
            let cost = match edge {
                Edge::So | Edge::Collected => 0,
                Edge::Extra(_, Reason::ListOrder(_)) => 1,
                Edge::Wr if search.shown.contains(&node) => 2,
                Edge::Extra(_, Reason::Onward | Reason::Version | Reason::RealTime | Reason::SessionWrites) => 0,
                Edge::Wr | Edge::Extra(..) => 3,
            };
            each(from, edge, cost);
        });
    })
}

/// A cheapest path from a goal to `start`, walking against the edges, each given as its source, kind and cost (Dijkstra).
pub(super) fn cheapest<E: Copy>(
    start: u32,
    goal: impl Fn(u32) -> bool,
    into: impl Fn(u32, &mut dyn FnMut(u32, E, u32)),
) -> Option<Vec<(u32, u32, E)>> {
    let mut best: FxHashMap<u32, (u32, u32, E)> = FxHashMap::default();
    let mut done: FxHashSet<u32> = FxHashSet::default();
    // Cheapest first, then first found: the walk is the same every time.
    let mut queue = BinaryHeap::from([Reverse((0u32, 0u32, start))]);
    let mut found = 0u32;
    while let Some(Reverse((cost, _, node))) = queue.pop() {
        if !done.insert(node) {
            continue;
        }
        if node != start && goal(node) {
            let mut path = Vec::new();
            let mut at = node;
            while at != start {
                let (_, next, edge) = best[&at];
                path.push((at, next, edge));
                at = next;
            }
            return Some(path);
        }
        into(node, &mut |from, edge, step| {
            if from == start || done.contains(&from) {
                return;
            }
            let total = cost + step;
            if best.get(&from).is_none_or(|&(known, _, _)| total < known) {
                best.insert(from, (total, node, edge));
                found += 1;
                queue.push(Reverse((total, found, from)));
            }
        });
    }
    None
}
