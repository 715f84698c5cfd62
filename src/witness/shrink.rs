//! From a contradiction somewhere in a graph to the fewest recorded operations that show it.
//!
//! In the offending component a search finds [a shortest cycle](cycles): session order costs nothing, since however many operations it
//! runs through, its two ends are what is shown; every other edge costs the same. Then each edge [explains itself](steps): rule and read
//! from the edge's reason, visibility by a shortest path, through reads that are shown anyway where there is a choice.

mod cycles;
mod steps;

use rustc_hash::FxHashMap;

use crate::history::{History, OpId, SessionId};
use crate::model::Guarantees;
use crate::model::breach::Breach;
use crate::model::per_key;
use crate::relation::facts::Facts;
use crate::relation::graph::{Edge, Graph, Reason};
use crate::verdict::{Anomaly, Assumption, Because, Relation, Step, Witness};

use super::search::{Hop, Search, back};
pub(super) use cycles::{NODES, STARTS, smallest};

/// Makes witnesses for one set of guarantees (for hb and views: all four).
pub(crate) struct Shrink<'a, 'f> {
    pub(crate) facts: &'a Facts<'f>,
    pub(crate) guarantees: Guarantees,
}

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

    /// A shortest visibility path, best through reads that are shown anyway.
    fn visible(&self, write: u32, read: u32, shown: &[u32]) -> Vec<Hop> {
        if per_key::applies(self.facts, self.guarantees) {
            return self.visible_in_key(write, read, shown);
        }
        let search = Search { graph: &self.facts.visibility(self.guarantees), shown };
        // Whatever is on the way an order that extends hb has behind the write.
        let place = self.facts.known_swept().map(|swept| &swept.place);
        let behind = |node: u32| place.is_none_or(|place| place.get(node as usize).is_none_or(|&at| at >= place[write as usize]));
        let path = back(&search, read, |node| node == write, |node, _| behind(node)).expect("the write is visible to the read");
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
