//! Witnesses of the weak transactional models (models.md 7): operations stand for their transactions, so steps meet at transactions.
//!
//! A `so` step may name any operation of its two transactions, whichever the reader finds telling; of all other steps each part is given.
//! A cycle, and a path, passes through no transaction twice. A step of a weaker model is one of a stronger one: what t3 saw under the weaker
//! it saw under the stronger. Cost: as long as the witness is.

use rustc_hash::FxHashSet;

use super::Proof;
use super::facts::Origin;
use super::refusal::{Refusal, require};
use crate::history::{DataType, OpId, TxnId};
use crate::model::Isolation;
use crate::verdict::{Anomaly, Assumption, Because, Relation, Step};

const SESSION_ORDER: (Relation, Because) = (Relation::So, Because::SessionOrder);
const READS_FROM: (Relation, Because) = (Relation::Wr, Because::ReadsFrom);
const COMMIT_ORDER: (Relation, Because) = (Relation::Co, Because::StaleRead);

impl Proof<'_, '_> {
    /// A contradiction of the commit order, or of its beginning.
    pub(super) fn of_transactions(&self, isolation: Isolation) -> Result<(), Refusal> {
        require(self.witness.view.is_none(), || Refusal::new("transactions have no views"))?;
        match self.witness.anomaly {
            Anomaly::CyclicHb | Anomaly::StaleRead => self.commit_cycle(isolation),
            Anomaly::InitialRead => self.commits_before_the_initial(isolation),
            anomaly => Err(Refusal::new(format!("{anomaly:?} is no contradiction between transactions"))),
        }
    }

    /// A cycle of `so`, `wr` and `co` steps.
    fn commit_cycle(&self, isolation: Isolation) -> Result<(), Refusal> {
        let steps = &self.witness.steps;
        let Some(last) = steps.last() else { return Err(Refusal::new("there are no steps")) };
        self.chain(steps, self.history().txn(last.to))?;
        for step in steps {
            match (step.relation, step.because) {
                COMMIT_ORDER => self.commits_before(step, isolation)?,
                _ => self.transactions_step(step)?,
            }
        }
        let assumed: &[Assumption] = match self.witness.anomaly {
            Anomaly::StaleRead => &[Assumption::OneOrder],
            _ => &[],
        };
        let named = steps.iter().any(|step| step.relation == Relation::Co) == (self.witness.anomaly == Anomaly::StaleRead);
        require(named && self.witness.assumes == assumed, || {
            Refusal::new("the cycle is not of the kind that the witness says, or does not assume what it must")
        })
    }

    /// A read of the initial value by a transaction that saw a write of the key: that would commit before the initial transaction.
    fn commits_before_the_initial(&self, isolation: Isolation) -> Result<(), Refusal> {
        let step = self.only_step((Relation::Vis, Because::InitialRead))?;
        self.without_read(step)?;
        let contradicts = self.facts.origin(step.to) == Origin::Initial && self.overwrites_register(step.from, step.to);
        require(contradicts, || self.refuse(step, "they are not a write and a read of the initial value of one key"))?;
        self.saw(step, step.to, isolation)
    }

    /// t2 co t1: t3, the transaction of the read, saw t2 and read from t1 what both write.
    fn commits_before(&self, step: &Step, isolation: Isolation) -> Result<(), Refusal> {
        let read = step.read.ok_or_else(|| self.refuse(step, "it names no read"))?;
        require(self.facts.shows(read, step.to), || self.refuse(step, "its read did not return that write"))?;
        require(self.overwrites_register(step.from, step.to), || {
            self.refuse(step, "they are not the last writes of one register by two transactions")
        })?;
        self.saw(step, read, isolation)
    }

    /// Is the first the last write of its transaction to the register of the other, which is of another transaction?
    fn overwrites_register(&self, write: OpId, other: OpId) -> bool {
        let registers = self.facts.key_type(write) == DataType::Register && self.same_key(write, other);
        registers && self.facts.writes(write) && self.history().txn(write) != self.history().txn(other)
    }

    /// The step's path shows that the transaction of `read` saw that of `step.from` before it made the read.
    fn saw(&self, step: &Step, read: OpId, isolation: Isolation) -> Result<(), Refusal> {
        let (h, path) = (self.history(), &step.via);
        let (Some(first), Some(last)) = (path.first(), path.last()) else { return Err(self.refuse(step, "it has no path")) };
        let ends = (h.txn(first.from), h.txn(last.to)) == (h.txn(step.from), h.txn(read));
        require(ends, || self.refuse(step, "its path is not from the transaction of the one to that of the read"))?;
        self.chain(path, h.txn(step.from))?;
        require(path.iter().all(|step| h.txn(step.from) != h.txn(read)), || {
            self.refuse(step, "its path passes through one transaction twice")
        })?;
        path.iter().try_for_each(|step| self.transactions_step(step))?;
        let enough = match isolation {
            Isolation::ReadCommitted => path.len() == 1 && last.relation == Relation::Wr && last.to < read,
            Isolation::ReadAtomic => path.len() == 1,
            Isolation::TransactionalCausal => true,
        };
        require(enough, || self.refuse(step, "the model does not let the transaction see along that path"))
    }

    /// Each step begins in the transaction where the one before it ended, the first in `at`; none begins where another began.
    fn chain(&self, steps: &[Step], mut at: TxnId) -> Result<(), Refusal> {
        let h = self.history();
        let mut begun = FxHashSet::default();
        for step in steps {
            require(h.txn(step.from) == at, || self.refuse(step, "it does not begin where the one before it ended"))?;
            require(begun.insert(at), || self.refuse(step, "it begins where another one began"))?;
            at = h.txn(step.to);
        }
        Ok(())
    }

    /// A step of session order, or from a write to a read of it in another transaction.
    fn transactions_step(&self, step: &Step) -> Result<(), Refusal> {
        self.bare(step)?;
        let h = self.history();
        require(h.txn(step.from) != h.txn(step.to), || self.refuse(step, "it stays in one transaction"))?;
        match (step.relation, step.because) {
            SESSION_ORDER => {
                require(self.facts.so.before(step.from, step.to), || self.refuse(step, "they are not in session order"))
            }
            READS_FROM => {
                let register = self.facts.key_type(step.to) == DataType::Register;
                require(register, || self.refuse(step, "these models are of registers"))?;
                self.reads_from(step)
            }
            _ => Err(self.refuse(step, "it is no step between transactions")),
        }
    }
}
