//! Contradictions about single reads: ill-formed ones (models.md 3), and those that a cycle, an initial value or an overwritten value in
//! their past convicts (models.md 4).

use super::Proof;
use super::facts::Origin;
use super::paths::Role;
use super::refusal::{Refusal, require};
use crate::history::{DataType, OpId, Status};
use crate::model::Guarantees;
use crate::verdict::{Because, Relation, Step};

const READS_FROM: (Relation, Because) = (Relation::Wr, Because::ReadsFrom);
const PROGRAM_ORDER: (Relation, Because) = (Relation::Po, Because::ProgramOrder);
const REAL_TIME: (Relation, Because) = (Relation::Rt, Because::RealTime);

impl Proof<'_, '_> {
    /// A value that nothing wrote.
    pub(super) fn thin_air_read(&self) -> Result<(), Refusal> {
        let h = self.history();
        require(self.witness.steps.is_empty(), || Refusal::new("a value from nowhere has no steps"))?;
        require(!self.facts.ignores_unmatched(), || Refusal::new("reads of unknown values are to be left out"))?;
        let &[read] = self.witness.operations.as_slice() else { return Err(Refusal::new("one read is the whole witness")) };
        let value = h.read_value(read).filter(|&value| value != h.initial(h.key(read)));
        let unwritten = || value.is_some_and(|value| self.facts.writers(h.key(read), value).is_empty());
        let nowhere = match self.facts.origin(read) {
            Origin::ThinAir => true,
            Origin::Internal => self.facts.key_type(read) == DataType::Register && unwritten(),
            _ => false,
        };
        require(nowhere, || Refusal::about(h, read, "did not return a value from nowhere"))
    }

    /// A list with an element more often than it was appended.
    pub(super) fn repeated_element(&self) -> Result<(), Refusal> {
        require(self.witness.steps.is_empty(), || Refusal::new("a list by itself has no steps"))?;
        let &[read] = self.witness.operations.as_slice() else { return Err(Refusal::new("one read is the whole witness")) };
        let repeated = self.facts.origin(read) == Origin::Repeated;
        require(repeated, || Refusal::about(self.history(), read, "did not return an element more often than it was appended"))
    }

    /// G1a: a value that only failed writes (and such as came too late) wrote.
    pub(super) fn aborted_read(&self) -> Result<(), Refusal> {
        let step = self.only_step(READS_FROM)?;
        self.bare(step)?;
        let aborted = self.could_not_be(step)? && self.history().status(step.from) == Status::Fail;
        require(aborted, || self.refuse(step, "that is not how the value failed to exist"))
    }

    /// G1b: a value that its transaction overwrote.
    pub(super) fn intermediate_read(&self) -> Result<(), Refusal> {
        let (h, [wr, po]) = (self.history(), self.two_steps()?);
        self.shaped(wr, READS_FROM)?;
        self.shaped(po, PROGRAM_ORDER)?;
        require(self.facts.origin(wr.to) == Origin::Intermediate(wr.from), || {
            self.refuse(wr, "the read is not known to have returned that write")
        })?;
        let overwritten = po.from == wr.from
            && po.from < po.to
            && h.txn(po.from) == h.txn(po.to)
            && h.kind(po.to).writes()
            && self.same_key(po.from, po.to);
        require(overwritten, || self.refuse(po, "the later one is no write of the same transaction to the same key"))
    }

    /// A transaction does not read its own last write.
    pub(super) fn internal(&self) -> Result<(), Refusal> {
        let step = self.only_step(PROGRAM_ORDER)?;
        self.bare(step)?;
        require(self.facts.origin(step.to) == Origin::Internal, || {
            self.refuse(step, "the read got its own last write, or had none")
        })?;
        let mut own = self.facts.own_writes(step.to);
        let last = match self.facts.key_type(step.to) {
            DataType::Set => own.any(|op| op == step.from) && self.facts.unseen_member(step.to, step.from),
            _ => own.last() == Some(step.from),
        };
        require(last, || self.refuse(step, "it is not from the transaction's last write of the key before the read"))
    }

    /// A value that only later writes (and failed ones) wrote.
    pub(super) fn future_read(&self) -> Result<(), Refusal> {
        let [wr, back] = self.two_steps()?;
        self.shaped(wr, READS_FROM)?;
        self.bare(back)?;
        let lasts = self.could_not_be(wr)? && self.history().status(wr.from) != Status::Fail;
        require(lasts && (back.from, back.to) == (wr.to, wr.from), || {
            self.refuse(back, "that is not how the value came too late")
        })?;
        let later = match (back.relation, back.because) {
            PROGRAM_ORDER => self.facts.later_in_txn(back.from, back.to),
            REAL_TIME => self.facts.real_time(back.from, back.to),
            _ => false,
        };
        require(later, || self.refuse(back, "the write is not known to come after the read"))
    }

    /// Rule 7: a write is visible to a read that precedes it in its session.
    pub(super) fn cyclic_hb(&self, allowed: Guarantees) -> Result<(), Refusal> {
        let Some((back, path)) = self.witness.steps.split_last() else { return Err(Refusal::new("there are no steps")) };
        self.shaped(back, (Relation::So, Because::SessionOrder))?;
        let own_write = back.from == back.to;
        require(own_write || self.facts.so.before(back.from, back.to), || self.refuse(back, "they are not in session order"))?;
        self.visibility(path, back.to, back.from, Role::Read, allowed)
    }

    /// A read of the initial value with a write visible to it.
    pub(super) fn initial_read(&self, allowed: Guarantees) -> Result<(), Refusal> {
        let step = self.only_step((Relation::Vis, Because::InitialRead))?;
        self.without_read(step)?;
        let contradicts = self.facts.origin(step.to) == Origin::Initial && self.same_key(step.from, step.to);
        require(contradicts, || self.refuse(step, "they are not a write and a read of the initial value of one key"))?;
        self.visibility(&step.via, step.from, step.to, Role::Read, allowed)
    }

    /// w hb x hb r, r reads w, and x writes the same key.
    pub(super) fn write_co_read(&self) -> Result<(), Refusal> {
        let [first, second, wr] = self.witness.steps.as_slice() else { return Err(Refusal::new("there are not three steps")) };
        self.shaped(wr, READS_FROM)?;
        self.reads_from(wr)?;
        for hb in [first, second] {
            self.without_read(hb)?;
            require((hb.relation, hb.because) == (Relation::Hb, Because::HappenedBefore), || self.refuse(hb, "it should be hb"))?;
        }
        require(self.facts.key_type(wr.to) == DataType::Register, || self.refuse(wr, "only registers are overwritten"))?;
        let (written, other, read) = (wr.from, first.to, wr.to);
        let joined = first.from == written && second.from == other && second.to == read;
        require(joined && written != other && self.same_key(written, other), || {
            self.refuse(first, "the steps do not meet as they should")
        })?;
        self.visibility(&first.via, written, other, Role::Write, Guarantees::ALL)?;
        self.visibility(&second.via, other, read, Role::Read, Guarantees::ALL)
    }

    /// The step's read returned what its write wrote; is there no writer of it that could have been read?
    fn could_not_be(&self, step: &Step) -> Result<bool, Refusal> {
        let origin = self.facts.origin_of_part(step.to, step.from);
        let origin = origin.ok_or_else(|| self.refuse(step, "one did not write what the other read"))?;
        Ok(origin == Origin::Impossible && self.facts.origin(step.to) == Origin::Impossible)
    }

    fn two_steps(&self) -> Result<[&Step; 2], Refusal> {
        self.witness.steps.iter().collect::<Vec<_>>().try_into().map_err(|_| Refusal::new("there are not two steps"))
    }

    /// The only step of the witness, of a given kind.
    pub(super) fn only_step(&self, kind: (Relation, Because)) -> Result<&Step, Refusal> {
        let [step] = self.witness.steps.as_slice() else { return Err(Refusal::new("there is not one step")) };
        require((step.relation, step.because) == kind, || self.refuse(step, "it is not of the kind that the anomaly has"))?;
        Ok(step)
    }

    fn shaped(&self, step: &Step, kind: (Relation, Because)) -> Result<(), Refusal> {
        self.bare(step)?;
        require((step.relation, step.because) == kind, || self.refuse(step, "it is not of the kind that the anomaly has"))
    }

    /// Does each step begin where the one before it ended, the first where the last did?
    pub(super) fn closes(&self, steps: &[Step]) -> Result<(), Refusal> {
        let Some(last) = steps.last() else { return Err(Refusal::new("there are no steps")) };
        let mut at: OpId = last.to;
        for step in steps {
            require(step.from == at, || self.refuse(step, "it does not begin where the one before it ended"))?;
            at = step.to;
        }
        Ok(())
    }
}
