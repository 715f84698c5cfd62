//! The weak transactional models (models.md, Transactions): is there a total order co ⊇ so ∪ wr of the transactions such that whenever t3
//! reads x from t1 and saw t2, which writes x, t2 is before t1? What counts as seen is the model's [`Isolation`].
//!
//! For `read-committed` and `read-atomic` these constraints can be listed ([`seen`]): a recorded order that agrees with all of them is co; else they
//! are kept, and what so ∪ wr and they have together is co or a cycle. For `transactional-causal` order-guided checking along chains of
//! transactions ([`explain`]); where sessions overlap there are none, and it is done as in [`guarantees`](super::guarantees): lay the transactions out in an order π that extends so ∪ wr and the constraints known, look for those that π
//! contradicts ([`past`]), add them, again. A cycle, or a read of the initial value of something seen, is the proof of a violation.
//!
//! Cost: O(n) as a rule and O(n^1.5) at worst; for `transactional-causal` a round is O(n) and what π's windows ask.

mod guess;
mod past;
mod seen;

use rayon::prelude::*;

use crate::relation::budget::{Budget, OutOfBudget};
use crate::relation::chains::Nodes as _;
use crate::relation::chains::explain::{Explained, explain, first_order};
use crate::relation::chains::order::{self, Edges, Precedence};
use crate::relation::components::cyclic_components;
use crate::relation::csr;
use crate::relation::digraph::Digraph;
use crate::relation::events::NONE;
use crate::relation::facts::Facts;
use crate::relation::graph::{Constraints, Extra, Reason};
use crate::relation::guess::Moments;
use crate::relation::layout::lay_out;
use crate::relation::transactions::chains::TransactionChains;
use crate::relation::transactions::{Order, Transactions};
use crate::witness::transactions::Prover;

use super::Isolation;
use super::guarantees::Outcome;

/// What a transaction saw and yet did not read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Sight {
    /// The transaction whose value of x was read, or [`NONE`],
    pub(crate) source: u32,
    /// another one that was seen and writes x,
    pub(crate) seen: u32,
    /// and the operation that read.
    pub(crate) read: u32,
}

/// A verdict without its proof.
pub(crate) enum Decision {
    /// With co, each transaction by its first operation; empty where no certificate is asked for.
    Satisfied(Vec<u32>),
    Violated(Evidence),
}

/// What was found on the way to a violation.
pub(crate) struct Evidence {
    /// Cyclic with so ∪ wr where nothing else is wrong.
    constraints: Extra,
    /// Reads of an initial value, one sight each.
    initial: Vec<Sight>,
}

impl Evidence {
    fn add(&mut self, sight: Sight) {
        if sight.source != NONE {
            self.constraints.add(sight.seen, sight.source, Reason::Stale(sight.read));
        } else if self.initial.last().is_none_or(|last| last.read != sight.read) {
            self.initial.push(sight);
        }
    }

    fn violated(mut self) -> Decision {
        self.initial.sort_unstable_by_key(|sight| (sight.read, sight.seen));
        self.initial.dedup_by_key(|sight| sight.read);
        Decision::Violated(self)
    }
}

/// Sights of what others wrote, by the transaction that was read from: whoever was seen comes before it.
struct BySource<'a> {
    sights: &'a [Sight],
    /// Those of node n are `by_source[starts[n]..starts[n + 1]]`.
    starts: Vec<u32>,
    by_source: Vec<u32>,
}

impl<'a> BySource<'a> {
    fn new(transactions: &Transactions<'_>, sights: &'a [Sight]) -> Self {
        let (starts, by_source) = csr::group(transactions.len(), sights.len(), |i| sights[i].source);
        BySource { sights, starts, by_source }
    }
}

impl Precedence for BySource<'_> {
    #[inline]
    fn before(&self, node: u32) -> impl Iterator<Item = u32> + '_ {
        let of_node = self.starts[node as usize] as usize..self.starts[node as usize + 1] as usize;
        self.by_source[of_node].iter().map(|&i| self.sights[i as usize].seen)
    }
}

/// Judges a history by one model.
pub(crate) struct Judge<'a> {
    pub(crate) facts: &'a Facts<'a>,
    pub(crate) transactions: &'a Transactions<'a>,
    pub(crate) isolation: Isolation,
    pub(crate) budget: &'a Budget,
}

impl Judge<'_> {
    /// Is there a commit order that explains every read?
    pub(crate) fn decide(&self) -> Result<Decision, OutOfBudget> {
        match self.isolation {
            Isolation::TransactionalCausal => self.order_guided(),
            _ => self.all_at_once(),
        }
    }

    /// Where all constraints can be listed. An order that is recorded mostly agrees with each of them, and then none need be kept.
    fn all_at_once(&self) -> Result<Decision, OutOfBudget> {
        let transactions = self.transactions;
        if let Some(moments) = guess::moments(transactions)
            && (moments.extend_hb || extends_hb(transactions, &moments))
        {
            debug_assert!(self.facts.so.overlapping_sessions() > 0 || extends_hb(transactions, &moments));
            let explained = |sight: &Sight| sight.source != NONE && moments.precedes(sight.seen, sight.source);
            if seen::sights(transactions, self.isolation, self.budget, |sight| !explained(sight))?.is_empty() {
                return Ok(self.satisfied(|| moments.order()));
            }
        }
        let sights = seen::sights(transactions, self.isolation, self.budget, |_| true)?;
        let explained = sights.iter().all(|sight| sight.source != NONE);
        if explained && let Some(chains) = TransactionChains::new(transactions) {
            let sights = BySource::new(transactions, &sights);
            if let Some(order) = order::lay_out(&chains, 0..chains.len() as u32, &sights, self.budget)? {
                return Ok(self.satisfied(|| order));
            }
        }
        let mut evidence = Evidence { constraints: Extra::new(transactions.len()), initial: Vec::new() };
        sights.into_iter().for_each(|sight| evidence.add(sight));
        let order = Order { transactions, constraints: &evidence.constraints };
        match lay_out(&order, 0..transactions.len() as u32, self.budget)? {
            Ok(layout) if explained => Ok(self.satisfied(|| layout.order)),
            _ => Ok(evidence.violated()),
        }
    }

    /// Where they are asked for as an order contradicts them.
    fn order_guided(&self) -> Result<Decision, OutOfBudget> {
        match TransactionChains::new(self.transactions) {
            Some(chains) => self.along_chains(&chains),
            None => self.across_junctions(),
        }
    }

    fn along_chains(&self, chains: &TransactionChains<'_>) -> Result<Decision, OutOfBudget> {
        let (transactions, budget) = (self.transactions, self.budget);
        let none = Edges::new(transactions.len());
        let first = first_order(chains, guess::recorded(transactions), || guess::spread(transactions), &none, budget)?;
        let (edges, swept) = match explain(chains, first, none, budget)? {
            Explained::By(order) => return Ok(self.satisfied(|| order)),
            Explained::Not { edges, swept } => (edges, swept),
        };
        let initial = swept.map_or(Vec::new(), |swept| swept.unexplained.initial);
        let mut evidence = Evidence { constraints: Extra::new(transactions.len()), initial: Vec::new() };
        edges.into_iter().for_each(|(source, seen, read)| evidence.add(Sight { source, seen, read }));
        initial.into_iter().for_each(|(seen, read)| evidence.add(Sight { source: NONE, seen, read }));
        Ok(evidence.violated())
    }

    /// The same where sessions overlap.
    fn across_junctions(&self) -> Result<Decision, OutOfBudget> {
        let transactions = self.transactions;
        let mut evidence = Evidence { constraints: Extra::new(transactions.len()), initial: Vec::new() };
        let mut guess = guess::guess(transactions, self.budget)?;
        while let Some(known) = guess {
            let order = Order { transactions, constraints: &evidence.constraints };
            let Ok(mut layout) = lay_out(&order, known.into_iter(), self.budget)? else { break };
            let mut found: Vec<Sight> = Vec::new();
            past::contradicted(self.facts, transactions, &layout, |sight| found.push(sight))?;
            layout.order.retain(|&node| (node as usize) < transactions.len());
            if found.is_empty() {
                return Ok(self.satisfied(|| layout.order));
            }
            // Many reads may show the same: the first of them is the reason.
            found.sort_unstable();
            found.dedup_by_key(|sight| (sight.source, sight.seen));
            found.into_iter().for_each(|sight| evidence.add(sight));
            if !evidence.initial.is_empty() {
                break;
            }
            guess = Some(layout.order);
        }
        Ok(evidence.violated())
    }

    fn satisfied(&self, order: impl FnOnce() -> Vec<u32>) -> Decision {
        if !self.facts.certified {
            return Decision::Satisfied(Vec::new());
        }
        let nodes = order().into_iter().filter(|&node| (node as usize) < self.transactions.len());
        Decision::Satisfied(nodes.map(|node| self.transactions.first_op(node)).collect())
    }

    /// The witnesses of a violation.
    pub(crate) fn prove(&self, evidence: &Evidence, max_witnesses: usize) -> Result<Outcome, OutOfBudget> {
        let shown = max_witnesses.max(1);
        let order = Order { transactions: self.transactions, constraints: &evidence.constraints };
        let prover = Prover { order, isolation: self.isolation };
        let components = cyclic_components(&order, self.budget)?;
        let mut witnesses: Vec<_> = evidence.initial.iter().take(shown).map(|sight| prover.initial(sight)).collect();
        for component in components.iter().take(shown - witnesses.len()) {
            if !witnesses.is_empty() && self.budget.check().is_err() {
                break;
            }
            witnesses.push(prover.cycle(component));
        }
        Ok(Outcome::Violated(witnesses, (evidence.initial.len() + components.len()) as u64))
    }
}

/// Do moments extend so ∪ wr?
fn extends_hb(transactions: &Transactions<'_>, moments: &Moments<'_>) -> bool {
    let none = Extra::new(0);
    let hb = Order { transactions, constraints: &none };
    (0..transactions.len() as u32).into_par_iter().with_min_len(1 << 12).all(|node| {
        let mut follows = true;
        // (A junction stands nowhere.)
        hb.sources(node, |from| follows &= moments.precedes(from, node));
        follows
    })
}
