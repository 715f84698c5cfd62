//! The weak transactional models, judged by what is known of one another.
//!
//! The strongest asked for comes first: if it holds so do the others, by the same order. One above a violated model is violated with the
//! same witness, as `transactional-causal` is where `causal` is.

use std::sync::{Arc, OnceLock};

use crate::check::Options;
use crate::relation::budget::{Budget, OutOfBudget};
use crate::relation::facts::Facts;
use crate::relation::transactions::Transactions;

use super::Isolation;
use super::guarantees::Outcome;
use super::suggested;
use super::transactions::{Decision, Evidence, Judge};

type Found = Result<Arc<Outcome>, OutOfBudget>;

/// What is known of each level.
pub(super) struct Levels<'a> {
    facts: &'a Facts<'a>,
    options: &'a Options,
    transactions: OnceLock<Transactions<'a>>,
    strongest: Isolation,
    found: [Option<Found>; 3],
    /// What is violated and not proved yet.
    evidence: [Option<Evidence>; 3],
}

impl<'a> Levels<'a> {
    /// Of the levels up to this one; nothing is known yet.
    pub(super) fn new(facts: &'a Facts<'a>, options: &'a Options, strongest: Isolation) -> Self {
        Levels {
            facts,
            options,
            transactions: OnceLock::new(),
            strongest,
            found: Default::default(),
            evidence: Default::default(),
        }
    }

    /// Does the strongest hold, as far as can be told without taking all the time?
    pub(super) fn strongest_holds(&mut self) -> bool {
        self.decide(self.strongest, &self.facts.budget.most());
        let found = &self.found[self.strongest as usize];
        found.as_ref().is_some_and(|found| matches!(found.as_deref(), Ok(Outcome::Satisfied(_))))
    }

    /// Judges all. What is known of `causal`, where it is violated, is known of `transactional-causal`.
    pub(super) fn judge(&mut self, causal: Option<Found>) {
        if self.strongest == Isolation::TransactionalCausal && causal.is_some() {
            self.found[self.strongest as usize] = causal;
            self.evidence[self.strongest as usize] = None;
        }
        for level in Isolation::ALL.into_iter().take(self.strongest as usize + 1).rev() {
            self.decide(level, self.facts.budget);
        }
        let mut below = None;
        for level in Isolation::ALL {
            if let Some(evidence) = self.evidence[level as usize].take() {
                let proof = || self.judging(level, self.facts.budget).prove(&evidence, self.options.max_witnesses).map(Arc::new);
                let outcome = below.unwrap_or_else(proof);
                below = Some(outcome.clone()).filter(|outcome| matches!(outcome.as_deref(), Ok(Outcome::Violated(..))));
                self.found[level as usize] = Some(outcome);
            }
        }
    }

    fn decide(&mut self, level: Isolation, budget: &Budget) {
        if self.found[level as usize].is_some() || self.evidence[level as usize].is_some() {
            return;
        }
        let decision = match !self.facts.certified && suggested::plainly_committed(self.facts, level) {
            true => Ok(Decision::Satisfied(Vec::new())),
            false => self.judging(level, budget).decide(),
        };
        match decision {
            Ok(Decision::Satisfied(order)) => {
                let outcome = Arc::new(Outcome::Satisfied(order));
                self.found[..=level as usize].fill(Some(Ok(outcome)));
            }
            Ok(Decision::Violated(evidence)) => self.evidence[level as usize] = Some(evidence),
            Err(error) => self.found[level as usize] = Some(Err(error)),
        }
    }

    fn judging<'j>(&'j self, level: Isolation, budget: &'j Budget) -> Judge<'j> {
        let facts = self.facts;
        let transactions =
            self.transactions.get_or_init(|| Transactions::new(facts.history, &facts.so, &facts.matching, facts.plain()));
        Judge { facts, transactions, isolation: level, budget }
    }

    /// The verdict on a judged level, with its proof.
    pub(super) fn outcome(&self, level: Isolation) -> Option<Found> {
        self.found[level as usize].clone()
    }
}
