//! Which of two writes of a key came first: by hb, or by the recorded write order where that was asked for (models.md 4 and 6).

use crate::check::{Options, WriteOrder};
use crate::history::{History, OpId, Status};
use crate::relation::budget::OutOfBudget;
use crate::relation::facts::Facts;
use crate::verdict::{Because, Relation, Step};

use super::happened::{Happened, in_time};

/// Orders writes; hb is built when it is first asked for.
pub(super) struct Order<'a> {
    facts: &'a Facts<'a>,
    mode: WriteOrder,
    happened: Option<Happened<'a>>,
}

impl<'a> Order<'a> {
    pub(super) fn new(facts: &'a Facts<'a>, options: &Options) -> Self {
        Order { facts, mode: options.write_order, happened: None }
    }

    /// Of `earlier`, which precede `later`?
    pub(super) fn before(&mut self, earlier: &[OpId], later: OpId, versions: Versions) -> Result<Vec<bool>, OutOfBudget> {
        let mut known: Vec<bool> = earlier.iter().map(|&op| self.recorded(op, later, versions).is_some()).collect();
        if known.iter().all(|&known| known) {
            return Ok(known);
        }
        let happened = self.happened()?;
        let asked: Vec<OpId> = earlier
            .iter()
            .zip(&known)
            .filter(|&(&op, &known)| !known && op != later && happened.may_precede(op, later))
            .map(|(&op, _)| op)
            .collect();
        if !asked.is_empty() {
            happened.walk(&[later], &asked)?;
            for (known, &op) in known.iter_mut().zip(earlier) {
                *known |= op != later && happened.met(op);
            }
        }
        Ok(known)
    }

    /// One of `later` that `earlier` precedes, if there is any: the last of them by preference.
    pub(super) fn after(&mut self, earlier: OpId, later: &[OpId], versions: Versions) -> Result<Option<OpId>, OutOfBudget> {
        let recorded = later.iter().rev().find(|&&op| self.recorded(earlier, op, versions).is_some());
        if let Some(&op) = recorded {
            return Ok(Some(op));
        }
        if later.iter().all(|&op| op == earlier) {
            return Ok(None);
        }
        let happened = self.happened()?;
        let asked: Vec<OpId> = later.iter().copied().filter(|&op| op != earlier && happened.may_precede(earlier, op)).collect();
        if asked.is_empty() {
            return Ok(None);
        }
        happened.walk(&asked, &[earlier])?;
        if !happened.met(earlier) {
            return Ok(None);
        }
        for &op in asked.iter().rev() {
            happened.walk(&[op], &[earlier])?;
            if happened.met(earlier) {
                return Ok(Some(op));
            }
        }
        Ok(None)
    }

    /// Could hb be larger than what is known of it, for reads whose writer is not known?
    pub(super) fn open(&mut self) -> Result<bool, OutOfBudget> {
        Ok(self.happened()?.open)
    }

    /// The step from a write to one that it precedes.
    pub(super) fn step(&self, earlier: OpId, later: OpId, versions: Versions) -> Step {
        match (self.recorded(earlier, later, versions), &self.happened) {
            (Some(because), _) => Step::new(earlier, later, Relation::Ar, because),
            (None, Some(happened)) => happened.step(earlier, later),
            (None, None) => unreachable!("what is not recorded was found by a walk"),
        }
    }

    fn recorded(&self, earlier: OpId, later: OpId, versions: Versions) -> Option<Because> {
        let history = self.facts.history;
        match self.mode {
            WriteOrder::Session => None,
            WriteOrder::RealTime => in_time(history, earlier, later).then_some(Because::RealTime),
            WriteOrder::Version => match (versions.of(history, earlier)?, versions.of(history, later)?) {
                (older, newer) if older < newer => Some(Because::Version),
                _ => None,
            },
        }
    }

    fn happened(&mut self) -> Result<&mut Happened<'a>, OutOfBudget> {
        match &mut self.happened {
            Some(known) => Ok(known),
            unknown => Ok(unknown.insert(Happened::new(self.facts)?)),
        }
    }
}

/// The versions of a key's writes.
#[derive(Clone, Copy)]
pub(super) struct Versions {
    /// Has every `ok` write of the key one?
    pub(super) complete: bool,
    /// That of an `info` write: what a read that returned it recorded.
    pub(super) observed: Option<(OpId, i128)>,
}

impl Versions {
    fn of(self, history: &History, write: OpId) -> Option<i128> {
        match history.status(write) {
            Status::Ok => history.version(write).filter(|_| self.complete),
            _ => self.observed.filter(|&(op, _)| op == write && self.complete).map(|(_, version)| version),
        }
    }
}
