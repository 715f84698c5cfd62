//! `well-formed`: no read that nothing can explain (models.md 3). [`Matching`](crate::relation::matching::Matching) finds such reads on
//! its way; here they become witnesses. Sources: Adya (1999), G1a and G1b; Biswas & Enea (OOPSLA'19).

use crate::history::{History, OpId};
use crate::relation::matching::Malformed;
use crate::verdict::{Anomaly, Because, Relation, Step, Witness};
use crate::witness::shrink::used_operations;

/// The witness of a malformed read.
pub(crate) fn witness(history: &History, malformed: &Malformed) -> Witness {
    let read = malformed.read;
    let wr = |write| Step::new(write, read, Relation::Wr, Because::ReadsFrom);
    let steps = match (malformed.anomaly, malformed.write) {
        (Anomaly::AbortedRead, Some(write)) => vec![wr(write)],
        (Anomaly::IntermediateRead, Some(write)) => {
            let next = overwriting(history, write);
            vec![wr(write), Step::new(write, next, Relation::Po, Because::ProgramOrder)]
        }
        (Anomaly::Internal, Some(write)) => vec![Step::new(write, read, Relation::Po, Because::ProgramOrder)],
        (Anomaly::FutureRead, Some(write)) if history.txn(write) == history.txn(read) => {
            vec![wr(write), Step::new(read, write, Relation::Po, Because::ProgramOrder)]
        }
        (Anomaly::FutureRead, Some(write)) => vec![wr(write), Step::new(read, write, Relation::Rt, Because::RealTime)],
        _ => Vec::new(),
    };
    let mut witness = Witness {
        anomaly: malformed.anomaly,
        sessions: vec![history.session(read)],
        assumes: Vec::new(),
        operations: vec![read],
        view: None,
        transactions: false,
        derived: Vec::new(),
        steps,
    };
    if !witness.steps.is_empty() {
        witness.operations = used_operations(&witness);
    }
    witness
}

/// The write of the same transaction and key that comes next.
fn overwriting(history: &History, write: OpId) -> OpId {
    history
        .txn_ops(history.txn(write))
        .find(|&op| op > write && history.kind(op).writes() && history.key(op) == history.key(write))
        .expect("an intermediate write is overwritten in its transaction")
}
