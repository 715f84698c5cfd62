//! Paths in a graph as the steps of a witness.

use crate::model::Guarantees;
use crate::relation::graph::{Edge, Reason};
use crate::verdict::{Because, Relation, Step};
use crate::witness::search::Hop;

use super::Shrink;

impl Shrink<'_, '_> {
    pub(super) fn constraint_step(&self, hop: Hop, reason: Reason, shown: &[u32]) -> Step {
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
    pub(super) fn arbitration_steps(&self, path: &[Hop]) -> Vec<Step> {
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

    /// Runs of neighbours in lists as one hop where one list shows both ends.
    pub(super) fn join_lists(&self, path: &[Hop]) -> Vec<Hop> {
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
    pub(super) fn shorten(&self, path: &[Hop]) -> Vec<Hop> {
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
    pub(super) fn path_steps(&self, path: &[Hop]) -> Vec<Step> {
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
    pub(super) fn view_steps(&self, path: &[Hop]) -> Vec<Step> {
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
}
