//! The sixteen sets of guarantees, judged by what is known of one another.
//!
//! `causal`, all four, comes first: if it holds, so does every set, by the same order. Else those asked for are judged from small to
//! large, for a small proof, and where no proof will be seen from large to small; a set above a violated one is violated with the same
//! proof, a set below a satisfied one is satisfied by the same order. So nothing is judged twice; and nothing is proved that nobody will
//! read.

use std::sync::Arc;

use crate::check::{Options, WriteOrder};
use crate::relation::budget::OutOfBudget;
use crate::relation::facts::Facts;
use crate::relation::side_by_side::side_by_side;

use super::Guarantees;
use super::below_causal::{self, Tells};
use super::guarantees::{self, DIRECT, Decision, Evidence, Outcome};
use super::per_key;

/// What is known of every set.
pub(super) struct Sets<'a> {
    facts: &'a Facts<'a>,
    options: &'a Options,
    /// Those whose violations will be shown.
    shown: Vec<Guarantees>,
    found: [Option<Result<Found, OutOfBudget>>; 16],
    evidence: [Option<Evidence>; 16],
    proofs: [Option<Result<Arc<Outcome>, OutOfBudget>>; 16],
}

/// What is known of one set.
#[derive(Clone)]
enum Found {
    Satisfied(Arc<Outcome>),
    /// As this set, it or one below it, is.
    Violated(Guarantees),
}

impl Found {
    fn satisfied(order: Vec<u32>) -> Self {
        Found::Satisfied(Arc::new(Outcome::Satisfied(order)))
    }
}

impl<'a> Sets<'a> {
    /// Nothing is known yet. The witnesses of these sets will be asked for.
    pub(super) fn new(facts: &'a Facts<'a>, options: &'a Options, shown: Vec<Guarantees>) -> Self {
        Sets { facts, options, shown, found: Default::default(), evidence: Default::default(), proofs: Default::default() }
    }

    /// Judges these sets, and `causal` if it tells anything of them or if it is to be known in any case.
    pub(super) fn judge(&mut self, sets: &[Guarantees], causal: bool) {
        if causal || sets.iter().any(|&g| !DIRECT.contains(g)) {
            self.judge_causal(sets);
        }
        let mut sets = sets.to_vec();
        if !sets.iter().any(|&g| self.found[g.0 as usize].is_none() && self.will_be_proved(g)) {
            // A small set has the small proof; where none will be seen, a large one that holds spares the small ones. (Those of
            // single keys cost little in any case.)
            sets.sort_by_key(|&g| if DIRECT.contains(g) { 0 } else { 16 - g.0 });
        }
        // By itself `causal` is proved while the others are judged: either takes long where sessions are many.
        let (facts, options, all) = (self.facts, self.options, Guarantees::ALL.0 as usize);
        let by_itself = matches!(self.found[all], Some(Ok(Found::Violated(Guarantees::ALL))));
        match self.evidence[all].take_if(|_| by_itself && self.shown.contains(&Guarantees::ALL)) {
            None => sets.into_iter().for_each(|g| self.judge_one(g)),
            Some(evidence) => {
                let (proof, ()) = side_by_side(
                    || guarantees::prove(facts, Guarantees::ALL, evidence, options.max_witnesses),
                    || sets.into_iter().for_each(|g| self.judge_one(g)),
                );
                self.proofs[all] = Some(proof.map(Arc::new));
            }
        }
    }

    fn judge_causal(&mut self, sets: &[Guarantees]) {
        match guarantees::decide(self.facts, Guarantees::ALL) {
            Ok(Decision::Satisfied(order)) => {
                self.know(Guarantees::ALL, Ok(Found::satisfied(order)));
                return;
            }
            Ok(Decision::Violated(evidence)) if !sets.is_empty() => self.evidence[15] = Some(evidence),
            Ok(Decision::Violated(_)) => return,
            Err(error) => {
                self.know(Guarantees::ALL, Err(error));
                return;
            }
        }
        // What fewer guarantees contradict has the smaller witness.
        self.judge_one(DIRECT);
        match self.found[DIRECT.0 as usize].clone() {
            Some(Ok(by @ Found::Violated(_))) => self.know(Guarantees::ALL, Ok(by)),
            // Its own proof comes later.
            _ => self.found[Guarantees::ALL.0 as usize] = Some(Ok(Found::Violated(Guarantees::ALL))),
        }
        let apart = Guarantees::MW.with(Guarantees::WFR);
        if sets.iter().any(|&g| apart.contains(g))
            && self.options.write_order == WriteOrder::Session
            && !self.facts.events().any_collection()
            && matches!(self.facts.hb_layout(), Ok(Some(_)))
        {
            self.judge_one(Guarantees::NONE);
            // Without RYW or MR a read of one key shows only what its one source saw, which hb has before it (models.md 4).
            if let Some(none) = self.found[0].clone() {
                [Guarantees::MW, Guarantees::WFR, apart].into_iter().for_each(|g| self.know(g, none.clone()));
            }
        }
    }

    fn judge_one(&mut self, g: Guarantees) {
        if self.found[g.0 as usize].is_some() {
            return;
        }
        let known = |of: &dyn Fn(Guarantees) -> bool, violated: bool| {
            Guarantees::subsets().filter(|&other| of(other)).find_map(|other| match &self.found[other.0 as usize] {
                Some(Ok(found)) if matches!(found, Found::Violated(_)) == violated => Some(found.clone()),
                _ => None,
            })
        };
        let below = known(&|other| g.contains(other), true);
        let above = known(&|other| other.contains(g), false);
        let found = match below.or(above) {
            Some(found) => Ok(found),
            None if !self.will_be_proved(g) && self.facts.own_future_reads().is_empty() => self.look_for_any(g),
            None => self.decide(g),
        };
        self.know(g, found);
    }

    /// The verdict on a set that nobody asked for: one contradiction is enough.
    fn look_for_any(&mut self, g: Guarantees) -> Result<Found, OutOfBudget> {
        if per_key::applies(self.facts, g) {
            return Ok(per_key::satisfied(self.facts, g)?.map_or(Found::Violated(g), Found::satisfied));
        }
        match below_causal::told(self.facts, g)? {
            Tells::Satisfied(order) => Ok(Found::satisfied(order)),
            Tells::Violated => Ok(Found::Violated(g)),
            Tells::Nothing => self.decide(g),
        }
    }

    /// The verdict, with what proves a violation.
    fn decide(&mut self, g: Guarantees) -> Result<Found, OutOfBudget> {
        Ok(match guarantees::decide(self.facts, g)? {
            Decision::Satisfied(order) => Found::satisfied(order),
            Decision::Violated(evidence) => {
                self.evidence[g.0 as usize] = Some(evidence);
                Found::Violated(g)
            }
        })
    }

    /// Keeps what was found, with the proof if it will be asked for: later there may be no time left for it.
    fn know(&mut self, g: Guarantees, found: Result<Found, OutOfBudget>) {
        self.found[g.0 as usize] = Some(found);
        if self.will_be_proved(g) {
            self.outcome(g);
        }
    }

    fn will_be_proved(&self, g: Guarantees) -> bool {
        let short_of_time = matches!(self.found[15], Some(Err(_)));
        short_of_time || self.shown.contains(&g)
    }

    /// The verdict on a judged set, with its proof.
    pub(super) fn outcome(&mut self, g: Guarantees) -> Option<Result<Arc<Outcome>, OutOfBudget>> {
        let by = match self.found[g.0 as usize].as_ref()? {
            Ok(Found::Violated(by)) => by.0 as usize,
            Ok(Found::Satisfied(outcome)) => return Some(Ok(outcome.clone())),
            Err(error) => return Some(Err(*error)),
        };
        if self.proofs[by].is_none() {
            let outcome = self.prove(Guarantees(by as u8));
            self.proofs[by] = Some(outcome.map(Arc::new));
        }
        self.proofs[by].clone()
    }

    fn prove(&mut self, g: Guarantees) -> Result<Outcome, OutOfBudget> {
        let evidence = match self.evidence[g.0 as usize].take() {
            Some(evidence) => evidence,
            None => match guarantees::decide_violated(self.facts, g)? {
                Decision::Violated(evidence) => evidence,
                Decision::Satisfied(order) => return Ok(Outcome::Satisfied(order)),
            },
        };
        guarantees::prove(self.facts, g, evidence, self.options.max_witnesses)
    }

    /// Is it violated? `None` where it was not judged or the time ran out.
    pub(super) fn violated(&self, g: Guarantees) -> Option<bool> {
        let found = self.found[g.0 as usize].as_ref()?.as_ref().ok()?;
        Some(matches!(found, Found::Violated(_)))
    }

    /// The order that explains `causal`, if one was found.
    pub(super) fn causal_order(&self) -> Option<Arc<Outcome>> {
        match self.found[15].as_ref()? {
            Ok(Found::Satisfied(outcome)) => Some(outcome.clone()),
            _ => None,
        }
    }

    /// The minimal violated sets, if all sets were judged.
    pub(super) fn minimal_violated(&self) -> Option<Vec<Guarantees>> {
        let mut minimal: Vec<Guarantees> = Vec::new();
        for g in Guarantees::subsets() {
            if self.violated(g)? && !minimal.iter().any(|&smaller| g.contains(smaller)) {
                minimal.push(g);
            }
        }
        Some(minimal)
    }
}
