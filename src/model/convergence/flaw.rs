//! What is wrong with the final state of a key, and the witness that says so.

use crate::history::{History, OpId};
use crate::verdict::{Anomaly, Assumption, Because, Relation, Step, Witness};
use crate::witness::shrink::used_operations;

use super::order::{Order, Versions};

/// One anomaly of one key.
pub(super) enum Flaw {
    /// Two quiescent reads differ.
    Divergent(OpId, OpId),
    /// The register ended as `write` left it, although `newer` overwrote that.
    Stale { write: OpId, newer: OpId, read: OpId, versions: Versions },
    /// An `ok` write is in no quiescent read, although it came after every remove of its element.
    Lost { write: OpId, removes: Vec<OpId>, read: OpId, versions: Versions },
    /// The failed `write` is there; or the element that the remove `write` removed, although each add of it came before a remove.
    Returned { write: OpId, removed: Vec<(OpId, OpId)>, read: OpId, versions: Versions },
    /// An element is there more often than it was written.
    Repeated { write: OpId, read: OpId },
    /// A counter's sum is beyond what its operations allow, and no lost or failed ones explain it.
    OutOfBounds(OpId),
}

impl Flaw {
    pub(super) fn anomaly(&self) -> Anomaly {
        match self {
            Flaw::Divergent(..) => Anomaly::Divergent,
            Flaw::Stale { .. } => Anomaly::StaleForever,
            Flaw::Lost { .. } => Anomaly::LostWrite,
            Flaw::Returned { .. } => Anomaly::Resurrected,
            Flaw::Repeated { .. } => Anomaly::DuplicateElement,
            Flaw::OutOfBounds(_) => Anomaly::OutOfBounds,
        }
    }

    pub(super) fn witness(&self, history: &History, order: &Order<'_>) -> Witness {
        let ends = |from: OpId, read: OpId, because| Step::new(from, read, Relation::End, because);
        let steps = match self {
            &Flaw::Divergent(a, b) => vec![ends(a, b, Because::Differs)],
            &Flaw::Stale { write, newer, read, versions } => {
                vec![order.step(write, newer, versions), Step::new(write, read, Relation::Wr, Because::ReadsFrom)]
            }
            Flaw::Lost { write, removes, read, versions } => {
                let removed_before = removes.iter().map(|&remove| order.step(remove, *write, *versions));
                removed_before.chain([ends(*write, *read, Because::Missing)]).collect()
            }
            Flaw::Returned { write, removed, read, versions } => {
                let added_before = removed.iter().map(|&(add, remove)| order.step(add, remove, *versions));
                added_before.chain([ends(*write, *read, Because::Present)]).collect()
            }
            &Flaw::Repeated { write, read } => vec![ends(write, read, Because::Repeated)],
            Flaw::OutOfBounds(_) => Vec::new(),
        };
        let uses = |because| steps.iter().any(|step: &Step| step.because == because);
        let mut assumes = Vec::new();
        if uses(Because::Version) {
            assumes.push(Assumption::RecordedVersions);
        }
        if uses(Because::RealTime) {
            assumes.push(Assumption::RealTimeOrder);
        }
        let mut witness = Witness {
            anomaly: self.anomaly(),
            sessions: Vec::new(),
            assumes,
            operations: Vec::new(),
            view: None,
            transactions: false,
            derived: Vec::new(),
            steps,
        };
        witness.operations = match self {
            &Flaw::OutOfBounds(read) => vec![read],
            _ => used_operations(&witness),
        };
        witness.sessions = witness.operations.iter().map(|&op| history.session(op)).collect();
        witness.sessions.sort();
        witness.sessions.dedup();
        witness
    }
}

/// Why a key is not decided.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Cause {
    NoQuiescentRead,
    NoTimes,
    Indeterminate,
    Ambiguous,
    WrongType,
    Budget,
}

impl Cause {
    /// `no quiescent read of x`; the keys are named in a row.
    pub(super) fn of(self, keys: &str) -> String {
        match self {
            Cause::NoQuiescentRead => format!("no quiescent read of {keys}"),
            Cause::NoTimes => format!("no times recorded to tell the quiescent reads of {keys}"),
            Cause::Indeterminate => {
                format!("the final reads of {keys} differ by one indeterminate write that may have landed between")
            }
            Cause::Ambiguous => {
                format!("ambiguous values: several writes, or none, may have left what {keys} ended as or what was read before")
            }
            Cause::WrongType => format!("wrong data type: what was read of {keys} is no value of its type"),
            Cause::Budget => format!("budget exhausted before {keys}"),
        }
    }
}

/// What was found of one key.
#[derive(Default)]
pub(super) struct Found {
    pub(super) flaws: Vec<Flaw>,
    pub(super) unknown: Option<Cause>,
}
