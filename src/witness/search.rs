//! Cheapest paths in a graph, walked against its edges: what makes a witness short.
//!
//! Session order and recorded orders cost nothing, since however far they lead they show as one step; other edges cost the same, those
//! into reads that are shown anyway less. Cost: O(edges walked) a search.

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
    cheapest(search.graph.nodes(), start, goal, |node, each| {
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

/// What a step along an edge may cost at most.
const DEAREST: usize = 3;

/// A node that a search has come by.
#[derive(Clone, Copy)]
struct Met<E> {
    node: u32,
    cost: usize,
    done: bool,
    /// The edge by which it was met, and the number of the node that this leads to.
    next: u32,
    edge: Option<E>,
}

/// A cheapest path from a goal to `start`, walking against the edges, each given as its source, kind and cost, up to [`DEAREST`]
/// (Dijkstra, with a list for each of the few costs that are open at a time: Dial 1969). The graph has so many nodes.
pub(super) fn cheapest<E: Copy>(
    nodes: usize,
    start: u32,
    goal: impl Fn(u32) -> bool,
    into: impl Fn(u32, &mut dyn FnMut(u32, E, usize)),
) -> Option<Vec<(u32, u32, E)>> {
    // By node: its number among those met, from 1.
    let mut number = Numbers::new(nodes);
    let mut met = vec![Met { node: start, cost: 0, done: false, next: 0, edge: None }];
    *number.of(start) = 1;
    // By cost, modulo how many can be open: what was met at it, first found first, so that the walk is the same every time.
    let mut open: [Vec<u32>; DEAREST + 1] = [vec![0], Vec::new(), Vec::new(), Vec::new()];
    let mut cost = 0;
    while open.iter().any(|list| !list.is_empty()) {
        let mut next = 0;
        while let Some(&at) = open[cost % open.len()].get(next) {
            next += 1;
            let here = &mut met[at as usize];
            if here.done {
                continue;
            }
            here.done = true;
            let node = here.node;
            if node != start && goal(node) {
                return Some(path(&met, at));
            }
            into(node, &mut |from, edge, step| {
                let found = Met { node: from, cost: cost + step, done: false, next: at, edge: Some(edge) };
                let known = number.of(from);
                if *known == 0 {
                    met.push(found);
                    *known = met.len() as u32;
                } else if found.cost < met[*known as usize - 1].cost {
                    met[*known as usize - 1] = found;
                } else {
                    return;
                }
                open[found.cost % open.len()].push(*known - 1);
            });
        }
        open[cost % open.len()].clear();
        cost += 1;
    }
    None
}

/// A number for each node, at first 0, in pages that are made when they are first looked at: most searches see little of the graph.
struct Numbers(Vec<Vec<u32>>);

impl Numbers {
    const PAGE: usize = 1 << 10;

    fn new(nodes: usize) -> Self {
        Numbers(vec![Vec::new(); nodes.div_ceil(Self::PAGE)])
    }

    #[inline]
    fn of(&mut self, node: u32) -> &mut u32 {
        let page = &mut self.0[node as usize / Self::PAGE];
        if page.is_empty() {
            page.resize(Self::PAGE, 0);
        }
        &mut page[node as usize % Self::PAGE]
    }
}

/// The way from a met node to the start.
fn path<E: Copy>(met: &[Met<E>], mut at: u32) -> Vec<(u32, u32, E)> {
    let mut path = Vec::new();
    while let Met { node, next, edge: Some(edge), .. } = met[at as usize] {
        path.push((node, met[next as usize].node, edge));
        at = next;
    }
    path
}
