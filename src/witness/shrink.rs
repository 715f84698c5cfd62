//! From a contradiction somewhere in a graph to the fewest recorded operations that show it.
//!
//! In the offending component a search finds a shortest cycle: session order costs nothing, since however many operations it runs
//! through, its two ends are what is shown; every other edge costs the same. Then each edge explains itself: rule and read from the
//! edge's reason, visibility by a shortest path, through reads that are shown anyway where there is a choice. The component may be large
//! and have many cycles, so the search starts from a bounded number of its edges, those that close a cycle of two first. Cost:
//! O(component log component) a start.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::history::{History, OpId, SessionId};
use crate::model::Guarantees;
use crate::model::breach::Breach;
use crate::model::{causal, per_key};
use crate::relation::chains::key_order::places;
use crate::relation::facts::Facts;
use crate::relation::graph::{Edge, Graph, Reason};
use crate::verdict::{Anomaly, Assumption, Because, Relation, Step, Witness};

use super::search::{Hop, Search, back, joined, raw_back};

/// Makes witnesses for one set of guarantees (for hb and views: all four).
pub(crate) struct Shrink<'a, 'f> {
    pub(crate) facts: &'a Facts<'f>,
    pub(crate) guarantees: Guarantees,
}

/// How many edges of a component a search for a shortest cycle starts from,
pub(super) const STARTS: usize = 32;
/// and how many nodes all these searches may come by (one search they may in any case): proofs must not eat up what time there is for
/// verdicts.
pub(super) const NODES: usize = 2_000_000;

impl Shrink<'_, '_> {
    /// A read of its own session's later write.
    pub(crate) fn own_future_read(&self, read: u32, write: u32) -> Witness {
        let path = [Hop { from: write, to: read, edge: Edge::Wr }];
        self.cyclic_hb(&path)
    }

    /// A read that no order explains.
    pub(crate) fn breach(&self, breach: &Breach) -> Witness {
        self.breach_by(breach, None, |write, read, because| {
            let path = self.visible(write, read, &[]);
            Step { via: self.path_steps(&path), ..self.step(write, read, Relation::Vis, because) }
        })
    }

    /// The same in one session's view.
    pub(crate) fn breach_in_view(&self, graph: &Graph<'_>, session: SessionId, breach: &Breach) -> Witness {
        let search = Search { graph, shown: &[] };
        let mut paths: Vec<Hop> = Vec::new();
        let witness = self.breach_by(breach, Some(session), |write, read, because| {
            let path = back(&search, read, |node| node == write, |_, _| true).expect("the write is in the read's past");
            let hops = self.shorten(&path);
            paths.extend(&hops);
            Step { via: self.view_steps(&hops), ..self.step(write, read, Relation::View, because) }
        });
        let derived = self.derive(graph, &paths);
        if derived.is_empty() { witness } else { self.finish(witness.anomaly, witness.steps, derived, Some(session)) }
    }

    fn breach_by(&self, breach: &Breach, view: Option<SessionId>, mut visible: impl FnMut(u32, u32, Because) -> Step) -> Witness {
        let (anomaly, steps) = match breach {
            &Breach::Initial { write, read } => (Anomaly::InitialRead, vec![visible(write, read, Because::InitialRead)]),
            &Breach::Missing { write, read } => (Anomaly::MissingElement, vec![visible(write, read, Because::Visible)]),
            Breach::Phantom { remove, read, adds } => {
                let mut adds = adds.clone();
                adds.sort_unstable_by_key(|&add| self.facts.events().op(add));
                let mut steps = vec![visible(*remove, *read, Because::Visible)];
                steps.extend(adds.iter().map(|&add| self.happened_before(add, *remove)));
                (Anomaly::PhantomMember, steps)
            }
            Breach::Sum { read, visible: seen } => {
                (Anomaly::ImpossibleSum, seen.iter().map(|&w| visible(w, *read, Because::Visible)).collect())
            }
            &Breach::SumSince { read, earlier } => {
                (Anomaly::ImpossibleSum, vec![self.step(earlier, read, Relation::So, Because::MonotonicReads)])
            }
        };
        let nothing_shown = steps.is_empty();
        let mut witness = self.finish(anomaly, steps, Vec::new(), view);
        if nothing_shown {
            witness.operations = vec![self.facts.events().op(breach.read())];
            witness.sessions = vec![self.facts.events().session(breach.read())];
        }
        witness
    }

    /// A list read with `first` before `second` although `second` precedes it in hb.
    pub(crate) fn reversed_list(&self, read: u32, first: u32, second: u32) -> Witness {
        let shows =
            Step { read: Some(self.facts.events().op(read)), ..self.step(first, second, Relation::Ar, Because::ListOrder) };
        let steps = vec![self.happened_before(second, first), shows];
        let mut witness = self.finish(Anomaly::IncompatibleOrder, steps, Vec::new(), None);
        // The list contradicts causality by itself, whatever order the others see.
        witness.assumes.clear();
        witness
    }

    fn happened_before(&self, from: u32, to: u32) -> Step {
        let all = Shrink { facts: self.facts, guarantees: Guarantees::ALL };
        let path = all.visible(from, to, &[]);
        Step { via: all.path_steps(&path), ..self.step(from, to, Relation::Hb, Because::HappenedBefore) }
    }

    /// A read of w with x between them in hb.
    pub(crate) fn write_co_read(&self, w: u32, x: u32, read: u32) -> Witness {
        let returned = self.step(w, read, Relation::Wr, Because::ReadsFrom);
        let steps = vec![self.happened_before(w, x), self.happened_before(x, read), returned];
        self.finish(Anomaly::WriteCoRead, steps, Vec::new(), None)
    }

    /// A shortest cycle of a component of the constraint graph.
    pub(crate) fn cycle(&self, graph: &Graph<'_>, component: &[u32]) -> Witness {
        let witnesses = self.cycles(graph, component).map(|cycle| self.cycle_witness(&cycle));
        smallest(witnesses)
    }

    /// A contradiction in one session's view.
    pub(crate) fn view_cycle(&self, graph: &Graph<'_>, session: SessionId, component: &[u32]) -> Witness {
        smallest(self.cycles(graph, component).map(|cycle| {
            let hops = self.shorten(&cycle);
            let steps = self.view_steps(&hops);
            self.finish(Anomaly::ViewCycle, steps, self.derive(graph, &hops), Some(session))
        }))
    }

    /// Short cycles of a component, as hops that close up; found one by one.
    fn cycles<'s>(&'s self, graph: &'s Graph<'_>, component: &'s [u32]) -> impl Iterator<Item = Vec<Hop>> + 's {
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
        let place = places(self.facts.best_guess());
        let place = |node: u32| place.get(node as usize).copied().unwrap_or(0);
        let stretch = |&(from, to, edge): &(u32, u32, Edge)| match edge {
            Edge::Extra(_, Reason::Stale(read)) => place(read).abs_diff(place(to)),
            _ => place(from).abs_diff(place(to)),
        };
        let by_itself = self.stale_by_itself();
        let alone = |&(_, _, edge): &(u32, u32, Edge)| matches!(edge, Edge::Extra(_, Reason::Stale(r)) if by_itself.contains(&r));
        starts.sort_by_cached_key(|start| (!of_two(start), !alone(start), stretch(start)));
        starts.truncate(STARTS.min(NODES / component.len()).max(1));
        starts.into_iter().filter_map(move |(from, to, edge)| {
            let way = || raw_back(&Search { graph, shown: &[] }, from, |node| node == to, |node, _| inside(node));
            let mut path = if from == to { Vec::new() } else { way()? };
            path.push((from, to, edge));
            Some(self.without_auxiliary(graph, path))
        })
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

    fn cycle_witness(&self, cycle: &[Hop]) -> Witness {
        let events = self.facts.events();
        let constraint = |hop: &Hop| matches!(hop.edge, Edge::Extra(..));
        let Some(first) = cycle.iter().position(constraint) else {
            // Only so and wr: it closes where a read precedes a write of its session.
            let last = cycle
                .iter()
                .position(|hop| hop.edge == Edge::So && !events.is_write(hop.from) && events.is_write(hop.to))
                .expect("visibility alone never runs in a circle");
            let mut path: Vec<Hop> = cycle.to_vec();
            path.rotate_left(last + 1);
            path.pop();
            return self.cyclic_hb(&path);
        };
        let mut cycle: Vec<Hop> = cycle.to_vec();
        cycle.rotate_left(first);
        let cycle = self.join_lists(&cycle);
        let reads = cycle.iter().filter_map(|hop| match hop.edge {
            Edge::Extra(_, Reason::Stale(read) | Reason::ReadThenWrite(read)) => Some(read),
            _ => None,
        });
        let shown: Vec<u32> = reads.collect();
        let mut steps = Vec::new();
        let mut at = 0;
        while at < cycle.len() {
            let hop = cycle[at];
            match hop.edge {
                Edge::Extra(_, reason) => {
                    steps.push(self.constraint_step(hop, reason, &shown));
                    at += 1;
                }
                _ => {
                    let end = cycle[at..].iter().position(constraint).map_or(cycle.len(), |i| at + i);
                    steps.extend(self.arbitration_steps(&self.shorten(&cycle[at..end])));
                    at = end;
                }
            }
        }
        let stale = steps.iter().position(|step| step.because == Because::StaleRead);
        // What merges must not be parted by where the cycle happens to begin.
        steps.rotate_left(stale.map_or(0, |at| at + 1));
        let steps = merged(steps, |op| self.facts.history.session(op));
        let listed = steps.iter().any(|step| step.because == Because::ListOrder);
        let anomaly = match stale {
            Some(_) => Anomaly::StaleRead,
            None if listed => Anomaly::IncompatibleOrder,
            None => Anomaly::WriteOrderCycle,
        };
        self.finish(anomaly, steps, Vec::new(), None)
    }

    /// `path` leads from a write along visibility to a read that precedes the write in its session.
    fn cyclic_hb(&self, path: &[Hop]) -> Witness {
        let (write, read) = (path[0].from, path[path.len() - 1].to);
        let mut steps = self.path_steps(&self.shorten(path));
        steps.push(self.step(read, write, Relation::So, Because::SessionOrder));
        self.finish(Anomaly::CyclicHb, steps, Vec::new(), None)
    }

    fn constraint_step(&self, hop: Hop, reason: Reason, shown: &[u32]) -> Step {
        let events = self.facts.events();
        let ar = |because| self.step(hop.from, hop.to, Relation::Ar, because);
        match reason {
            Reason::SessionWrites => ar(Because::SessionOrder),
            Reason::ReadThenWrite(read) => Step { read: Some(events.op(read)), ..ar(Because::ReadThenWrite) },
            Reason::Stale(read) => Step {
                read: Some(events.op(read)),
                via: self.path_steps(&self.visible(hop.from, read, shown)),
                ..ar(Because::StaleRead)
            },
            Reason::ListOrder(read) => Step { read: Some(events.op(read)), ..ar(Because::ListOrder) },
            Reason::Version => ar(Because::Version),
            Reason::RealTime => ar(Because::RealTime),
            Reason::Onward => unreachable!("a way through auxiliary nodes begins with its reason"),
        }
    }

    /// A path of so and wr from write to write, as the steps of MW and WFR that it consists of.
    fn arbitration_steps(&self, path: &[Hop]) -> Vec<Step> {
        let events = self.facts.events();
        let mut steps = Vec::new();
        let mut start = 0;
        for (i, hop) in path.iter().enumerate() {
            if hop.edge == Edge::So && !events.is_write(hop.from) && events.is_write(hop.to) {
                let mut step = self.step(path[start].from, hop.to, Relation::Ar, Because::WritesFollowReads);
                step.read = Some(events.op(hop.from));
                step.via = self.path_steps(&path[start..i]);
                steps.push(step);
                start = i + 1;
            }
        }
        // What is left leads from write to write along their session.
        steps.extend(path[start..].iter().map(|hop| self.step(hop.from, hop.to, Relation::Ar, Because::MonotonicWrites)));
        steps
    }

    /// A shortest visibility path, best through reads that are shown anyway.
    fn visible(&self, write: u32, read: u32, shown: &[u32]) -> Vec<Hop> {
        if per_key::applies(self.facts, self.guarantees) {
            return self.visible_in_key(write, read, shown);
        }
        let search = Search { graph: &self.facts.visibility(self.guarantees), shown };
        let path = back(&search, read, |node| node == write, |_, _| true).expect("the write is visible to the read");
        self.shorten(&path)
    }

    /// The same under {RYW}, {MR} and both: an own write, or what an earlier read of the session returned.
    fn visible_in_key(&self, write: u32, read: u32, shown: &[u32]) -> Vec<Hop> {
        let events = self.facts.events();
        let precedes = |e: u32| events.so(self.facts.history, &self.facts.so, e, read);
        if self.guarantees.contains(Guarantees::RYW) && precedes(write) {
            return vec![Hop { from: write, to: read, edge: Edge::So }];
        }
        let returned = |e: &u32| events.source[*e as usize] == write && precedes(*e);
        let earlier = self.facts.touches().of(events.key[read as usize]).iter().copied().filter(returned);
        let seen = earlier.max_by_key(|e| (shown.contains(e), *e)).expect("the write is visible to the read");
        vec![Hop { from: write, to: seen, edge: Edge::Wr }, Hop { from: seen, to: read, edge: Edge::So }]
    }

    /// Runs of neighbours in lists as one hop where one list shows both ends.
    fn join_lists(&self, path: &[Hop]) -> Vec<Hop> {
        let events = self.facts.events();
        let mut joined: Vec<Hop> = Vec::new();
        for &hop in path {
            if let (Edge::Extra(_, Reason::ListOrder(read)), Some(last)) = (hop.edge, joined.last_mut())
                && matches!(last.edge, Edge::Extra(_, Reason::ListOrder(_)))
                && last.from != hop.to
                && events.shown(read).skip_while(|&w| w != hop.to).any(|w| w == last.from)
            {
                *last = Hop { from: last.from, to: hop.to, edge: hop.edge };
            } else {
                joined.push(hop);
            }
        }
        joined
    }

    /// Runs of session order in as few hops as the guarantees allow.
    fn shorten(&self, path: &[Hop]) -> Vec<Hop> {
        let mut short: Vec<Hop> = Vec::new();
        let mut at = 0;
        while at < path.len() {
            if path[at].edge != Edge::So {
                short.push(path[at]);
                at += 1;
                continue;
            }
            let run = path[at..].iter().take_while(|hop| hop.edge == Edge::So).count();
            let furthest =
                (at..at + run).rev().find(|&i| self.passes(path[at].from, path[i].to)).expect("a hop passes by itself");
            short.push(Hop { from: path[at].from, to: path[furthest].to, edge: Edge::So });
            at = furthest + 1;
        }
        short
    }

    fn passes(&self, from: u32, to: u32) -> bool {
        self.guarantees.contains(match (self.facts.events().is_write(from), self.facts.events().is_write(to)) {
            (true, false) => Guarantees::RYW,
            (false, false) => Guarantees::MR,
            (true, true) => Guarantees::MW,
            (false, true) => Guarantees::WFR,
        })
    }

    /// A visibility path as steps, each so labelled with the guarantee that it uses.
    fn path_steps(&self, path: &[Hop]) -> Vec<Step> {
        let events = self.facts.events();
        path.iter()
            .map(|hop| match hop.edge {
                Edge::Wr | Edge::Collected => self.step(hop.from, hop.to, Relation::Wr, Because::ReadsFrom),
                _ => {
                    let because = match (events.is_write(hop.from), events.is_write(hop.to)) {
                        (true, false) => Because::ReadYourWrites,
                        (false, false) => Because::MonotonicReads,
                        (true, true) => Because::MonotonicWrites,
                        (false, true) => Because::WritesFollowReads,
                    };
                    self.step(hop.from, hop.to, Relation::So, because)
                }
            })
            .collect()
    }

    /// A path in a view as steps.
    fn view_steps(&self, path: &[Hop]) -> Vec<Step> {
        // A cas is one operation in a view; from its read to its write is no step.
        let apart = |hop: &&Hop| self.facts.events().op(hop.from) != self.facts.events().op(hop.to);
        path.iter()
            .filter(apart)
            .map(|hop| match hop.edge {
                Edge::Wr | Edge::Collected => self.step(hop.from, hop.to, Relation::Wr, Because::ReadsFrom),
                Edge::So => self.step(hop.from, hop.to, Relation::So, Because::SessionOrder),
                // What it rests on stands where it was derived.
                Edge::Extra(_, Reason::ListOrder(_)) => self.step(hop.from, hop.to, Relation::View, Because::ListOrder),
                Edge::Extra(..) => self.step(hop.from, hop.to, Relation::View, Because::StaleRead),
            })
            .collect()
    }

    /// The derived edges that a path in a view builds on, each with its own path over edges found before it; in the order found.
    fn derive(&self, graph: &Graph<'_>, path: &[Hop]) -> Vec<Step> {
        let mut wanted: Vec<Hop> = path.to_vec();
        let mut derived: FxHashMap<u32, Step> = FxHashMap::default();
        while let Some(hop) = wanted.pop() {
            let Edge::Extra(number, reason) = hop.edge else { continue };
            if derived.contains_key(&number) {
                continue;
            }
            let read = match reason {
                Reason::Stale(read) => read,
                Reason::ListOrder(read) => {
                    let step = self.step(hop.from, hop.to, Relation::View, Because::ListOrder);
                    derived.insert(number, Step { read: Some(self.facts.events().op(read)), ..step });
                    continue;
                }
                _ => continue,
            };
            let earlier = |_, edge| !matches!(edge, Edge::Extra(n, _) if n >= number);
            let search = Search { graph, shown: &[] };
            let via = back(&search, read, |node| node == hop.from, earlier).expect("an edge was found by what came before it");
            let via = self.shorten(&via);
            let step = Step {
                read: Some(self.facts.events().op(read)),
                via: self.view_steps(&via),
                ..self.step(hop.from, hop.to, Relation::View, Because::StaleRead)
            };
            derived.insert(number, step);
            wanted.extend(via);
        }
        let mut derived: Vec<(u32, Step)> = derived.into_iter().collect();
        derived.sort_by_key(|&(number, _)| number);
        derived.into_iter().map(|(_, step)| step).collect()
    }

    fn step(&self, from: u32, to: u32, relation: Relation, because: Because) -> Step {
        Step::new(self.facts.events().op(from), self.facts.events().op(to), relation, because)
    }

    fn finish(&self, anomaly: Anomaly, steps: Vec<Step>, derived: Vec<Step>, view: Option<SessionId>) -> Witness {
        let mut assumes = Vec::new();
        if matches!(anomaly, Anomaly::StaleRead | Anomaly::WriteOrderCycle | Anomaly::IncompatibleOrder) {
            let per_key = crate::model::guarantees::DIRECT.contains(self.guarantees);
            assumes.push(if per_key { Assumption::OneOrderPerKey } else { Assumption::OneOrder });
            if steps.iter().any(|step| step.because == Because::Version) {
                assumes.push(Assumption::RecordedVersions);
            }
            if steps.iter().any(|step| step.because == Because::RealTime) {
                assumes.push(Assumption::RealTimeOrder);
            }
        }
        let mut witness =
            Witness { anomaly, sessions: Vec::new(), assumes, operations: Vec::new(), transactions: false, view, derived, steps };
        witness.operations = used_operations(&witness);
        witness.sessions = evidence(self.facts.history, &witness);
        witness
    }
}

/// The sessions whose own order or reads the steps rest on.
pub(super) fn evidence(history: &History, witness: &Witness) -> Vec<SessionId> {
    let session = |op: OpId| history.session(op);
    let mut sessions: Vec<SessionId> = Vec::new();
    for step in witness.all_steps() {
        match step.because {
            Because::Version | Because::RealTime | Because::HappenedBefore => {}
            Because::InitialRead | Because::ReadsFrom => sessions.push(session(step.to)),
            _ => sessions.push(session(step.read.unwrap_or(step.to))),
        }
    }
    if sessions.is_empty() {
        sessions.extend(witness.operations.iter().map(|&op| session(op)));
    }
    sessions.sort();
    sessions.dedup();
    sessions
}

/// The one with the fewest operations, sessions and steps. None has fewer than three operations but the rarest, so three end the search.
pub(super) fn smallest(witnesses: impl Iterator<Item = Witness>) -> Witness {
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

/// Joins neighbouring steps of one kind where the relation behind them is transitive by itself.
fn merged(steps: Vec<Step>, session: impl Fn(OpId) -> SessionId) -> Vec<Step> {
    let mut merged: Vec<Step> = Vec::new();
    for step in steps {
        if let Some(last) = merged.last_mut()
            && last.because == step.because
            && last.from != step.to
            && match step.because {
                Because::Version | Because::RealTime => true,
                Because::SessionOrder | Because::MonotonicWrites => session(last.from) == session(step.to),
                _ => false,
            }
        {
            last.to = step.to;
        } else {
            merged.push(step);
        }
    }
    merged
}

/// Every operation that a witness's steps name, ascending.
pub(crate) fn used_operations(witness: &Witness) -> Vec<OpId> {
    let mut operations: Vec<OpId> =
        witness.all_steps().flat_map(|step| [Some(step.from), Some(step.to), step.read]).flatten().collect();
    operations.sort();
    operations.dedup();
    operations
}
