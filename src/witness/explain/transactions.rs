//! Transactions in sentences: a path between whole transactions told operation by operation, and circles of cause and effect.

use crate::history::OpId;
use crate::verdict::{Because, Relation, Step, Witness};

use super::headline::listed;
use super::names::Names;

/// A path from `write` to `read` of which each step begins where the one before it ended: where another operation of the same
/// transaction carries on, that is a step of its own.
pub(super) fn unfolded(write: OpId, path: &[Step], read: Option<OpId>) -> Vec<Step> {
    let mut unfolded: Vec<Step> = Vec::new();
    let mut at = write;
    let ends = path.iter().map(|step| (step.from, Some(step))).chain(read.map(|read| (read, None)));
    for (next, step) in ends {
        if at != next {
            unfolded.push(Step::new(at, next, Relation::Po, Because::ProgramOrder));
        }
        at = step.map_or(next, |step| step.to);
        unfolded.extend(step.cloned());
    }
    unfolded
}

/// The headline of a circle.
pub(super) fn circle(names: &Names, witness: &Witness) -> String {
    let mut sessions: Vec<String> = witness.steps.iter().map(|step| names.session(step.to)).collect();
    sessions.sort();
    sessions.dedup();
    match sessions.as_slice() {
        [one] => format!("{one} sees effects of its own transaction before making it"),
        _ => format!("{} saw effects of one another's transactions in a circle", listed(sessions.into_iter())),
    }
}
