//! Paths of `so` and `wr` steps along which a write becomes visible (models.md 4, rules 3-6).
//!
//! In a visibility path each `so` step is labelled with the guarantee that carries it, and the label says in which role the step leaves
//! and arrives: a cas is arrived at as the read that it is and left as the write that it is by a step from itself to itself.

use super::Proof;
use super::refusal::{Refusal, require};
use crate::history::OpId;
use crate::model::Guarantees;
use crate::verdict::{Because, Relation, Step};

/// As what a path arrives at an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    Read,
    Write,
}

impl Proof<'_, '_> {
    /// Checks that `path` leads from the write `from` to `to` in the role given, each step carried by a guarantee of `allowed`.
    pub(super) fn visibility(&self, path: &[Step], from: OpId, to: OpId, role: Role, allowed: Guarantees) -> Result<(), Refusal> {
        let mut at = (from, Role::Write);
        for step in path {
            self.bare(step)?;
            let (leaves, arrives) = self.visibility_step(step, allowed)?;
            require((step.from, leaves) == at, || self.refuse(step, "it does not begin where the one before it ended"))?;
            at = (step.to, arrives);
        }
        require(!path.is_empty() && self.facts.writes(from), || {
            Refusal::about(self.history(), from, "begins a path as no write")
        })?;
        require(at == (to, role), || Refusal::about(self.history(), to, "is not where the path to it ends"))
    }

    /// The roles in which a step leaves and arrives, if it holds.
    fn visibility_step(&self, step: &Step, allowed: Guarantees) -> Result<(Role, Role), Refusal> {
        use Role::{Read, Write};
        let (guarantee, leaves, arrives) = match (step.relation, step.because) {
            (Relation::Wr, Because::ReadsFrom) => {
                self.reads_from(step)?;
                return Ok((Write, Read));
            }
            (Relation::So, Because::ReadYourWrites) => (Guarantees::RYW, Write, Read),
            (Relation::So, Because::MonotonicReads) => (Guarantees::MR, Read, Read),
            (Relation::So, Because::MonotonicWrites) => (Guarantees::MW, Write, Write),
            (Relation::So, Because::WritesFollowReads) => (Guarantees::WFR, Read, Write),
            _ => return Err(self.refuse(step, "it is no step of a visibility path")),
        };
        require(allowed.contains(guarantee), || self.refuse(step, "the model does not give that guarantee"))?;
        let own_write = (leaves, arrives) == (Read, Write) && step.from == step.to;
        require(own_write || self.facts.so.before(step.from, step.to), || self.refuse(step, "they are not in session order"))?;
        require(self.plays(step.from, leaves) && self.plays(step.to, arrives), || {
            self.refuse(step, "one is not what the step takes it for")
        })?;
        Ok((leaves, arrives))
    }

    /// Does an operation take part in a role?
    pub(super) fn plays(&self, op: OpId, role: Role) -> bool {
        match role {
            Role::Read => self.facts.reads(op),
            Role::Write => self.facts.writes(op),
        }
    }

    /// `wr`: `to` returned what `from` wrote, alone or among other elements.
    pub(super) fn reads_from(&self, step: &Step) -> Result<(), Refusal> {
        require(self.facts.shows(step.to, step.from), || self.refuse(step, "the read is not known to have returned that write"))
    }

    /// A step that has neither read nor path.
    pub(super) fn bare(&self, step: &Step) -> Result<(), Refusal> {
        require(step.read.is_none() && step.via.is_empty(), || {
            self.refuse(step, "it carries a read or a path that it has no use for")
        })
    }

    /// A step that has a path but no read.
    pub(super) fn without_read(&self, step: &Step) -> Result<(), Refusal> {
        require(step.read.is_none(), || self.refuse(step, "it carries a read that it has no use for"))
    }
}
