//! From a contradiction among transactions to the fewest recorded operations that show it.
//!
//! In the offending component a search finds a cheapest cycle of transactions, session order for nothing, as in [`shrink`](super::shrink). Its edges name
//! operations: a read and the write that it returned, the last writes of a key; session order takes whichever of its two transactions'
//! operations are shown anyway.

use rustc_hash::FxHashSet;

use crate::history::OpId;
use crate::model::{Isolation, transactions::Sight};
use crate::relation::digraph::Digraph as _;
use crate::relation::transactions::{Order, Way};
use crate::verdict::{Anomaly, Assumption, Because, Relation, Step, Witness};

use super::search::cheapest;
use super::shrink::{NODES, STARTS, evidence, smallest, used_operations};

/// Makes the witnesses of one model.
pub(crate) struct Prover<'a> {
    pub(crate) order: Order<'a>,
    pub(crate) isolation: Isolation,
}

/// An edge between transactions.
type Hop = (u32, u32, Way);

impl Prover<'_> {
    /// A read of the initial value with a writer of its key seen.
    pub(crate) fn initial(&self, sight: &Sight) -> Witness {
        let write = self.last_write(sight.seen, sight.read);
        let step = Step {
            via: self.saw(sight.seen, write, sight.read),
            ..Step::new(write, op(sight.read), Relation::Vis, Because::InitialRead)
        };
        self.finish(Anomaly::InitialRead, vec![step])
    }

    /// A shortest cycle of a component.
    pub(crate) fn cycle(&self, component: &[u32]) -> Witness {
        let inside = |node: u32| component.binary_search(&node).is_ok();
        // Edges that close a cycle: what stale reads say by preference.
        let (mut stale, mut read): (Vec<Hop>, Vec<Hop>) = Default::default();
        for &node in component {
            self.order.edges_into(node, |from, way| match way {
                Way::Co(_) if inside(from) => stale.push((from, node, way)),
                Way::Wr(_) if inside(from) => read.push((from, node, way)),
                _ => {}
            });
        }
        let mut starts = if stale.is_empty() { read } else { stale };
        let pairs: FxHashSet<(u32, u32)> = starts.iter().map(|&(from, to, _)| (from, to)).collect();
        let transactions = self.order.transactions;
        let of_two = |&(from, to, _): &Hop| pairs.contains(&(to, from)) || transactions.session(from) == transactions.session(to);
        starts.sort_by_key(|start| !of_two(start));
        starts.truncate(STARTS.min(NODES / component.len()).max(1));
        smallest(starts.into_iter().filter_map(|(from, to, way)| {
            let mut cycle = self.path(from, to, inside, true)?;
            cycle.push((from, to, way));
            Some(self.cycle_witness(&cycle))
        }))
    }

    /// The cycle ends with a hop that is no session order.
    fn cycle_witness(&self, cycle: &[Hop]) -> Witness {
        let steps = self.steps(cycle, None);
        let stale = steps.iter().any(|step| step.because == Because::StaleRead);
        self.finish(if stale { Anomaly::StaleRead } else { Anomaly::CyclicHb }, steps)
    }

    /// A cheapest path from `goal` to `start`, its runs of session order one hop each.
    fn path(&self, start: u32, goal: u32, pass: impl Fn(u32) -> bool, constraints: bool) -> Option<Vec<Hop>> {
        let raw = cheapest(
            self.order.nodes(),
            start,
            |node| node == goal,
            |node, each| {
                self.order.edges_into(node, |from, way| match way {
                    _ if !pass(from) => {}
                    Way::So => each(from, way, 0),
                    Way::Wr(_) => each(from, way, 2),
                    Way::Co(_) if constraints => each(from, way, 3),
                    Way::Co(_) => {}
                });
            },
        )?;
        let mut hops: Vec<Hop> = Vec::new();
        for (from, to, way) in raw {
            match hops.last_mut() {
                Some(last) if last.2 == Way::So && way == Way::So => last.1 = to,
                _ => hops.push((from, to, way)),
            }
        }
        Some(hops)
    }

    /// Hops as steps. What begins or ends with session order does so at `ends`; in a cycle there are neighbours instead.
    fn steps(&self, hops: &[Hop], ends: Option<(OpId, OpId)>) -> Vec<Step> {
        let alone: Vec<Option<Step>> = hops.iter().map(|&hop| self.step(hop)).collect();
        let neighbour = |i: usize| alone[i % hops.len()].as_ref().expect("two hops of session order never meet");
        let step = |i: usize| {
            alone[i].clone().unwrap_or_else(|| {
                let from = ends.filter(|_| i == 0).map_or_else(|| neighbour(i + hops.len() - 1).to, |ends| ends.0);
                let to = ends.filter(|_| i + 1 == hops.len()).map_or_else(|| neighbour(i + 1).from, |ends| ends.1);
                Step::new(from, to, Relation::So, Because::SessionOrder)
            })
        };
        (0..hops.len()).map(step).collect()
    }

    /// What a hop says by itself; session order needs its neighbours.
    fn step(&self, (from, _, way): Hop) -> Option<Step> {
        let writer = |read| op(self.order.transactions.writer(read));
        match way {
            Way::So => None,
            Way::Wr(read) => Some(Step::new(writer(read), op(read), Relation::Wr, Because::ReadsFrom)),
            Way::Co(read) => {
                let write = self.last_write(from, read);
                let via = self.saw(from, write, read);
                Some(Step { read: Some(op(read)), via, ..Step::new(write, writer(read), Relation::Co, Because::StaleRead) })
            }
        }
    }

    /// How the reader saw the transaction of the write, by the model's rule.
    fn saw(&self, seen: u32, write: OpId, read: u32) -> Vec<Step> {
        let transactions = self.order.transactions;
        let reader = transactions.node(read);
        // By preference what was read is the write itself.
        let read_it = |before: u32| {
            let from_it = |other: &u32| transactions.writer(*other) == write.index() as u32;
            let reads = || transactions.reads_of(reader).filter(|r| r.source == seen && r.op < before).map(|r| r.op);
            reads().find(from_it).or_else(|| reads().next())
        };
        let hops = match self.isolation {
            Isolation::ReadCommitted => vec![(seen, reader, Way::Wr(read_it(read).expect("it read from it earlier")))],
            Isolation::ReadAtomic
                if transactions.session(seen) == transactions.session(reader) && transactions.so(seen, reader) =>
            {
                vec![(seen, reader, Way::So)]
            }
            Isolation::ReadAtomic => vec![(seen, reader, Way::Wr(read_it(u32::MAX).expect("it read from it")))],
            Isolation::TransactionalCausal => self.path(reader, seen, |_| true, false).expect("it is in its past"),
        };
        self.steps(&hops, Some((write, op(read))))
    }

    /// The last write of a transaction to the key of a read.
    fn last_write(&self, node: u32, read: u32) -> OpId {
        let (transactions, key) = (self.order.transactions, self.order.transactions.history.op_key[read as usize]);
        let write = transactions.writes_of(node).find(|&(_, of)| of == key);
        op(write.expect("it writes the key").0)
    }

    fn finish(&self, anomaly: Anomaly, steps: Vec<Step>) -> Witness {
        let assumes = if anomaly == Anomaly::StaleRead { vec![Assumption::OneOrder] } else { Vec::new() };
        let mut witness = Witness {
            anomaly,
            sessions: Vec::new(),
            assumes,
            operations: Vec::new(),
            transactions: true,
            view: None,
            derived: Vec::new(),
            steps,
        };
        witness.operations = used_operations(&witness);
        witness.sessions = evidence(self.order.transactions.history, &witness);
        witness
    }
}

fn op(index: u32) -> OpId {
    OpId::new(index as usize)
}
