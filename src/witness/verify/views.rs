//! What one session's reads force on its own order of the writes (`causal-memory`, `pram-classic`; models.md 4).
//!
//! A view step x → w needs a read of the session that returned w while x is before that read. Whether x is in the session's view need not
//! be asked: the path that justifies the step leads from x to a read of the session, and each view step on it is itself justified by
//! such a path, so by induction over `derived` its stretch before the first view step ends in the session's past, or it has none and x is
//! itself there; w was read by the session. What lies on a cycle between two view steps is hb-before the second and so in the past too.
//! A cycle without a view step is one of the base order, which every view of it contains.
//! (`pram-classic` has all writes in each view, so there is nothing to ask.)
//! An operation is a single node here: a cas reads and writes at one point of a session's order.

use rustc_hash::FxHashMap;

use super::Proof;
use super::facts::Origin;
use super::refusal::{Refusal, require};
use crate::history::{OpId, SessionId};
use crate::verdict::{Because, Relation, Step};

/// One session's view under one model.
pub(super) struct View {
    session: SessionId,
    /// `pram-classic`: only what the session itself read is known to it.
    own_reads_only: bool,
    /// The derived steps so far, by their ends.
    derived: FxHashMap<(OpId, OpId), usize>,
    /// By derived step: does a later one or the contradiction build on it?
    used: Vec<bool>,
}

impl Proof<'_, '_> {
    /// Checks the derived steps in turn, then what `conclude` makes of them.
    pub(super) fn view(
        &self,
        own_reads_only: bool,
        conclude: impl FnOnce(&mut View) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let session = self.witness.view.ok_or_else(|| Refusal::new("the witness does not say whose view it is"))?;
        let derived = &self.witness.derived;
        let mut view = View { session, own_reads_only, derived: FxHashMap::default(), used: vec![false; derived.len()] };
        for (i, step) in derived.iter().enumerate() {
            self.derived_step(&mut view, step)?;
            view.derived.insert((step.from, step.to), i);
        }
        conclude(&mut view)?;
        match view.used.iter().position(|used| !used) {
            Some(unused) => Err(self.refuse(&derived[unused], "nothing builds on it")),
            None => Ok(()),
        }
    }

    fn derived_step(&self, view: &mut View, step: &Step) -> Result<(), Refusal> {
        let forced = (step.relation, step.because) == (Relation::View, Because::StaleRead) && step.from != step.to;
        require(forced, || self.refuse(step, "it is not forced by a read"))?;
        let writes = self.facts.writes(step.from) && self.same_key(step.from, step.to);
        require(writes, || self.refuse(step, "they are not two writes of one key"))?;
        let read = self.read_of(step, step.to)?;
        require(self.history().session(read) == view.session, || self.refuse(step, "its read is not of the session"))?;
        self.view_path(view, &step.via, step.from, read)
    }

    /// A view in which a write comes before a read of the session that returned the initial value.
    pub(super) fn initial_read_in_view(&self, view: &mut View) -> Result<(), Refusal> {
        let step = self.only_step((Relation::View, Because::InitialRead))?;
        self.without_read(step)?;
        require(self.history().session(step.to) == view.session, || self.refuse(step, "the read is not of the session"))?;
        let contradicts =
            self.facts.writes(step.from) && self.facts.origin(step.to) == Origin::Initial && self.same_key(step.from, step.to);
        require(contradicts, || self.refuse(step, "they are not a write and a read of the initial value of one key"))?;
        self.view_path(view, &step.via, step.from, step.to)
    }

    /// A view whose order has a cycle.
    pub(super) fn view_cycle(&self, view: &mut View) -> Result<(), Refusal> {
        self.closes(&self.witness.steps)?;
        self.witness.steps.iter().try_for_each(|step| self.view_step(view, step))
    }

    fn view_path(&self, view: &mut View, path: &[Step], from: OpId, to: OpId) -> Result<(), Refusal> {
        let mut at = from;
        for step in path {
            require(step.from == at, || self.refuse(step, "it does not begin where the one before it ended"))?;
            self.view_step(view, step)?;
            at = step.to;
        }
        require(at == to && !path.is_empty(), || Refusal::about(self.history(), to, "is not where the path to it ends"))
    }

    fn view_step(&self, view: &mut View, step: &Step) -> Result<(), Refusal> {
        self.bare(step)?;
        match (step.relation, step.because) {
            (Relation::So, Because::SessionOrder) => {
                let takes_part = |op| self.facts.reads(op) || self.facts.writes(op);
                let holds = takes_part(step.from) && takes_part(step.to) && self.facts.so.before(step.from, step.to);
                require(holds, || self.refuse(step, "they are not in session order"))
            }
            (Relation::Wr, Because::ReadsFrom) => {
                self.reads_from(step)?;
                let known = !view.own_reads_only || self.history().session(step.to) == view.session;
                require(known, || self.refuse(step, "the model lets a session know only of what it read itself"))
            }
            (Relation::View, Because::StaleRead) => {
                let earlier = view.derived.get(&(step.from, step.to));
                view.used[*earlier.ok_or_else(|| self.refuse(step, "nothing before it derives it"))?] = true;
                Ok(())
            }
            _ => Err(self.refuse(step, "it is no step of a view")),
        }
    }
}
