//! Steps of arbitration: why one write comes before another in the one order of writes (models.md 4, rules 1, 2, 5, 6 and what is recorded).

use super::Proof;
use super::paths::Role;
use super::refusal::{Refusal, require};
use crate::check::WriteOrder;
use crate::history::{DataType, OpId};
use crate::model::Guarantees;
use crate::verdict::{Anomaly, Assumption, Because, Relation, Step};

impl Proof<'_, '_> {
    /// A cycle of `ar` steps.
    pub(super) fn arbitration_cycle(&self, allowed: Guarantees) -> Result<(), Refusal> {
        let steps = &self.witness.steps;
        self.closes(steps)?;
        for step in steps {
            require(step.relation == Relation::Ar, || self.refuse(step, "it is no arbitration"))?;
            let arranged = |op| self.facts.writes(op) && self.facts.arranged(op);
            let writes = step.from != step.to && arranged(step.from) && arranged(step.to);
            require(writes, || self.refuse(step, "they are not two writes that count"))?;
            self.arbitration_step(step, allowed)?;
        }
        let uses = |because| steps.iter().any(|step| step.because == because);
        let named = match self.witness.anomaly {
            Anomaly::StaleRead => uses(Because::StaleRead),
            Anomaly::IncompatibleOrder => uses(Because::ListOrder) && !uses(Because::StaleRead),
            _ => !uses(Because::ListOrder) && !uses(Because::StaleRead),
        };
        require(named, || {
            Refusal::new("the cycle is not of the kind that the witness says: by stale reads, by lists or by neither")
        })?;
        let across = |step: &Step| !self.same_key(step.from, step.to) && step.because != Because::RealTime;
        let one_order = self.witness.assumes.contains(&Assumption::OneOrder);
        let one_order_per_key = self.witness.assumes.contains(&Assumption::OneOrderPerKey) && !steps.iter().any(across);
        require(one_order || one_order_per_key, || {
            Refusal::new("the witness does not say that it assumes one order of the writes")
        })
    }

    fn arbitration_step(&self, step: &Step, allowed: Guarantees) -> Result<(), Refusal> {
        let in_session =
            || require(self.facts.so.before(step.from, step.to), || self.refuse(step, "they are not in session order"));
        let needs =
            |guarantee| require(allowed.contains(guarantee), || self.refuse(step, "the model does not give that guarantee"));
        match step.because {
            Because::SessionOrder => {
                self.bare(step)?;
                self.rule_two(step)?;
                in_session()
            }
            Because::ReadThenWrite => {
                self.rule_two(step)?;
                let read = self.read_of(step, step.from)?;
                require(step.via.is_empty(), || self.refuse(step, "it carries a path that it has no use for"))?;
                self.precedes_write(step, read)
            }
            Because::MonotonicWrites => {
                self.bare(step)?;
                needs(Guarantees::MW)?;
                in_session()
            }
            Because::WritesFollowReads => {
                needs(Guarantees::WFR)?;
                let read = step.read.ok_or_else(|| self.refuse(step, "it names no read"))?;
                self.visibility(&step.via, step.from, read, Role::Read, allowed)?;
                self.precedes_write(step, read)
            }
            Because::StaleRead => {
                let read = self.overwrites(step)?;
                self.visibility(&step.via, step.from, read, Role::Read, allowed)
            }
            Because::ListOrder => self.list_order(step),
            Because::Version => {
                self.bare(step)?;
                let (from, to) = (self.facts.version(step.from), self.facts.version(step.to));
                let ordered = self.same_key(step.from, step.to) && from.zip(to).is_some_and(|(from, to)| from < to);
                require(ordered && self.facts.versioned(step.from), || self.refuse(step, "recorded versions do not order them"))
            }
            Because::RealTime => {
                self.bare(step)?;
                let known = self.options.write_order == WriteOrder::RealTime;
                require(known && self.facts.real_time(step.from, step.to), || {
                    self.refuse(step, "recorded times do not order them")
                })
            }
            _ => Err(self.refuse(step, "that is no reason for an arbitration")),
        }
    }

    /// Rule 2 is about one key, and gives way where its versions are recorded.
    fn rule_two(&self, step: &Step) -> Result<(), Refusal> {
        require(self.same_key(step.from, step.to), || self.refuse(step, "they write different keys"))?;
        require(!self.facts.versioned(step.from), || self.refuse(step, "the recorded versions of the key take its place"))
    }

    /// A list shows the one before the other.
    pub(super) fn list_order(&self, step: &Step) -> Result<(), Refusal> {
        require(step.via.is_empty(), || self.refuse(step, "it carries a path that it has no use for"))?;
        let read = self.read_of(step, step.from)?;
        let mut behind = self.facts.shown(read).iter().skip_while(|&&write| write != step.from);
        let list = self.facts.key_type(read) == DataType::List && self.facts.reads(read);
        require(list && behind.any(|&write| write == step.to), || {
            self.refuse(step, "its read is no list with them in that order")
        })
    }

    /// The read that a step names, which returned the value of the register written last, `to`.
    pub(super) fn overwrites(&self, step: &Step) -> Result<OpId, Refusal> {
        let registers = self.same_key(step.from, step.to) && self.facts.key_type(step.from) == DataType::Register;
        require(registers, || self.refuse(step, "they are not two writes of one register"))?;
        self.read_of(step, step.to)
    }

    /// The read that a step names, which must have returned `write`, alone or among other elements.
    pub(super) fn read_of(&self, step: &Step, write: OpId) -> Result<OpId, Refusal> {
        let read = step.read.ok_or_else(|| self.refuse(step, "it names no read"))?;
        require(self.facts.shows(read, write), || self.refuse(step, "its read did not return that write"))?;
        Ok(read)
    }

    /// The read comes before the write `to` in its session; a cas reads before it writes.
    fn precedes_write(&self, step: &Step, read: OpId) -> Result<(), Refusal> {
        let precedes = read == step.to || self.facts.so.before(read, step.to);
        require(precedes, || self.refuse(step, "its read does not precede the later write in its session"))
    }

    pub(super) fn same_key(&self, a: OpId, b: OpId) -> bool {
        self.history().key(a) == self.history().key(b)
    }
}
