//! Why a proof does not stand.

use crate::history::{History, OpId};
use crate::verdict::Step;

/// What does not stand in a witness or a certificate, in a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(String);

impl Refusal {
    pub(super) fn new(sentence: impl Into<String>) -> Self {
        Refusal(sentence.into())
    }

    /// A step that does not hold.
    pub(super) fn step(history: &History, step: &Step, why: &str) -> Self {
        let (from, to) = (operation(history, step.from), operation(history, step.to));
        Refusal(format!("the step {:?} ({:?}) from {from} to {to} does not hold: {why}", step.relation, step.because))
    }

    /// Something about one operation.
    pub(super) fn about(history: &History, op: OpId, what: &str) -> Self {
        Refusal(format!("{} {what}", operation(history, op)))
    }
}

/// Refuses unless something holds.
pub(super) fn require(holds: bool, refusal: impl FnOnce() -> Refusal) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(refusal()) }
}

/// An operation for people. Ids in a witness read from a report may be beyond the history.
fn operation(history: &History, op: OpId) -> String {
    if op.index() >= history.operations() {
        return format!("operation {} (the history has none such)", op.index());
    }
    format!(
        "operation {} (line {}, {} of {})",
        op.index(),
        history.line(op),
        history.kind(op).name(),
        history.key_text(history.key(op))
    )
}
