//! Contradictions about reads of lists, sets and counters: what has to be in them is not, what has to be gone is there, or the sum is
//! beyond what the operations allow (models.md 5); and a list in an order against hb, for models without one order of the writes.

use super::Proof;
use super::facts::Origin;
use super::past::{Past, Seen};
use super::paths::Role;
use super::refusal::{Refusal, require};
use super::views::View;
use crate::history::{DataType, Kind, OpId, ValueId};
use crate::model::Guarantees;
use crate::verdict::{Anomaly, Because, Relation, Step};

/// What makes an operation visible to a read.
pub(super) enum Sight<'v> {
    /// These guarantees.
    Of(Guarantees),
    /// The order that a session's reads force.
    In(&'v mut View),
}

impl Proof<'_, '_> {
    pub(super) fn collection(&self, sight: Sight) -> Result<(), Refusal> {
        match self.witness.anomaly {
            Anomaly::MissingElement => self.missing_element(sight),
            Anomaly::PhantomMember => self.phantom_member(sight),
            _ => self.impossible_sum(sight),
        }
    }

    /// An element whose append or add is visible is not there, and nothing can have removed it since.
    fn missing_element(&self, mut sight: Sight) -> Result<(), Refusal> {
        let h = self.history();
        let [step] = self.witness.steps.as_slice() else { return Err(Refusal::new("there is not one step")) };
        self.visible(&mut sight, step)?;
        let (added, read) = (step.from, step.to);
        require(matches!(h.kind(added), Kind::Append | Kind::Add), || {
            self.refuse(step, "it does not begin with an append or add")
        })?;
        let element = self.element(step)?;
        // A list may show the element of another append that wrote the same.
        let another = h.kind(added) == Kind::Append && !self.facts.possible(added, read);
        require(another || !self.facts.elements(read).contains(&element), || self.refuse(step, "the element is there"))?;
        let removes = self.facts.updates_of(h.key(read), element).iter().copied().filter(|&op| h.kind(op) == Kind::Remove);
        let removes: Vec<OpId> = removes.filter(|&remove| !self.facts.comes_later(remove, read)).collect();
        if removes.is_empty() {
            return Ok(());
        }
        let past = Past::new(self.facts)?;
        let mut seen = Seen::default();
        let removed = removes.into_iter().find(|&remove| !past.happened_before(remove, added, &mut seen));
        require(removed.is_none(), || self.refuse(step, "a remove that may come after the add explains it"))
    }

    /// A member whose removal is visible is there, although every add that the read may have seen happened before the removal.
    fn phantom_member(&self, mut sight: Sight) -> Result<(), Refusal> {
        let h = self.history();
        let Some((step, undone)) = self.witness.steps.split_first() else { return Err(Refusal::new("there are no steps")) };
        self.visible(&mut sight, step)?;
        let (removed, read) = (step.from, step.to);
        require(h.kind(removed) == Kind::Remove, || self.refuse(step, "it does not begin with a remove"))?;
        let element = self.element(step)?;
        require(self.facts.elements(read).contains(&element), || self.refuse(step, "the member is not there"))?;
        let adds = self.facts.updates_of(h.key(read), element).iter().copied();
        let adds = adds.filter(|&add| h.kind(add) == Kind::Add && self.facts.possible(add, read));
        require(adds.eq(undone.iter().map(|step| step.from)), || {
            self.refuse(step, "the adds that follow are not all there are")
        })?;
        for add in undone {
            require(add.to == removed, || self.refuse(add, "it does not end with the remove"))?;
            self.happened_before(add)?;
        }
        Ok(())
    }

    /// A sum below what the visible increments and all decrements make, or above what the visible decrements and all increments make.
    fn impossible_sum(&self, mut sight: Sight) -> Result<(), Refusal> {
        let steps = self.witness.steps.as_slice();
        let read = steps.first().map_or(self.witness.operations[0], |step| step.to);
        if let [step] = steps
            && step.because == Because::MonotonicReads
        {
            return self.sum_after_sum(sight, step);
        }
        require(self.is_sum(read), || Refusal::about(self.history(), read, "is no read of a counter"))?;
        for step in steps {
            self.visible(&mut sight, step)?;
            require(step.to == read, || self.refuse(step, "it does not lead to the same read"))?;
        }
        require(steps.is_sorted_by(|a, b| a.from < b.from), || {
            Refusal::new("the operations visible are not in order, once each")
        })?;
        let in_view = |view: &View| self.history().session(read) == view.session;
        require(!matches!(&sight, Sight::In(view) if !in_view(view)), || Refusal::new("the read is not of the session"))?;
        let amounts: Vec<i128> = steps.iter().map(|step| self.facts.amount(step.from)).collect();
        let initial = self.facts.integer(self.history().initial(self.history().key(read)));
        let base = amounts.iter().fold(initial, |sum, &amount| sum.saturating_add(amount));
        let bounds = self.facts.bounds(read);
        let (sum, least, greatest) =
            (self.facts.sum(read), base.saturating_add(bounds.negative), base.saturating_add(bounds.positive));
        let below = sum < least && amounts.iter().all(|&amount| amount > 0 && sum >= least.saturating_sub(amount));
        let above = sum > greatest && amounts.iter().all(|&amount| amount < 0 && sum <= greatest.saturating_sub(amount));
        require(below || above, || {
            Refusal::about(self.history(), read, "returned a sum that is possible, or impossible without all of the steps")
        })
    }

    /// A session that sees all that it saw before finds a sum that this does not allow.
    fn sum_after_sum(&self, sight: Sight, step: &Step) -> Result<(), Refusal> {
        self.bare(step)?;
        let granted = match sight {
            Sight::Of(guarantees) => guarantees.contains(Guarantees::MR),
            Sight::In(view) => self.history().session(step.to) == view.session,
        };
        require(granted, || self.refuse(step, "the model does not give that guarantee"))?;
        let sums = self.is_sum(step.from) && self.is_sum(step.to) && self.same_key(step.from, step.to);
        let in_order = step.relation == Relation::So && self.facts.so.before(step.from, step.to);
        require(sums && in_order, || self.refuse(step, "they are not two reads of one counter in session order"))?;
        let (before, after, bounds) = (self.facts.sum(step.from), self.facts.sum(step.to), self.facts.bounds(step.to));
        let possible = before.saturating_add(bounds.negative) <= after && after <= before.saturating_add(bounds.positive);
        require(!possible, || self.refuse(step, "the later sum is possible"))
    }

    /// A list in an order against hb.
    pub(super) fn list_against_hb(&self) -> Result<(), Refusal> {
        let [before, listed] = self.witness.steps.as_slice() else { return Err(Refusal::new("there are not two steps")) };
        self.happened_before(before)?;
        require((listed.relation, listed.because) == (Relation::Ar, Because::ListOrder), || {
            self.refuse(listed, "it should be the order of a list")
        })?;
        self.list_order(listed)?;
        self.closes(&self.witness.steps)
    }

    /// One operation on a key is visible to a read of it.
    fn visible(&self, sight: &mut Sight, step: &Step) -> Result<(), Refusal> {
        self.without_read(step)?;
        let relation = if matches!(sight, Sight::Of(_)) { Relation::Vis } else { Relation::View };
        require((step.relation, step.because) == (relation, Because::Visible), || {
            self.refuse(step, "it is no step of visibility")
        })?;
        let collection = self.facts.origin(step.to) == Origin::Shown && self.same_key(step.from, step.to);
        require(collection, || self.refuse(step, "it does not lead to a read of a list, set or counter that it changes"))?;
        match sight {
            Sight::Of(guarantees) => self.visibility(&step.via, step.from, step.to, Role::Read, *guarantees),
            Sight::In(view) => {
                let changes = self.facts.writes(step.from) && self.history().session(step.to) == view.session;
                require(changes, || self.refuse(step, "it does not lead to a read of the session"))?;
                self.view_path(view, &step.via, step.from, step.to)
            }
        }
    }

    /// hb between two writes, along a path.
    fn happened_before(&self, step: &Step) -> Result<(), Refusal> {
        self.without_read(step)?;
        require((step.relation, step.because) == (Relation::Hb, Because::HappenedBefore), || {
            self.refuse(step, "it should be hb")
        })?;
        self.visibility(&step.via, step.from, step.to, Role::Write, Guarantees::ALL)
    }

    fn element(&self, step: &Step) -> Result<ValueId, Refusal> {
        self.history().written_value(step.from).ok_or_else(|| self.refuse(step, "it does not begin with an element"))
    }

    fn is_sum(&self, op: OpId) -> bool {
        self.facts.origin(op) == Origin::Shown && self.facts.key_type(op) == DataType::Counter
    }
}
