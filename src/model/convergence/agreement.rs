//! Do the quiescent reads of a key agree, and if not: can one indeterminate write have landed between every two that differ?
//!
//! It can, if its landing leads from what one read shows to what the other shows, and the recording does not say that the other read, or
//! its landing's own invocation, came in the wrong order. Pairs of different contents are compared, and of their reads only those that
//! end first and begin last. Cost: O(reads + contents² · indeterminate writes); the first pair that nothing explains ends it.

use rustc_hash::FxHashMap;

use crate::history::{History, KeyId, OpId, Status, TxnId};
use crate::relation::budget::OutOfBudget;
use crate::relation::facts::Facts;

use super::content::Content;
use super::happened::{in_time, so};

/// How the quiescent reads of a key compare.
pub(super) enum Agreement {
    /// All show the same.
    Agreed,
    /// They differ, but every difference may be an indeterminate write that landed between.
    Explained,
    /// These two differ, and nothing explains it; in file order.
    Divergent(OpId, OpId),
}

/// The reads that show each content, contents in the order of their first reads.
pub(super) type Shown = Vec<(Content, Vec<OpId>)>;

pub(super) fn agreement(facts: &Facts<'_>, key: KeyId, shown: &Shown, writes: &[OpId]) -> Result<Agreement, OutOfBudget> {
    if shown.len() <= 1 {
        return Ok(Agreement::Agreed);
    }
    let history = facts.history;
    let mut late: Vec<TxnId> =
        writes.iter().filter(|&&op| history.status(op) == Status::Info).map(|&op| history.txn(op)).collect();
    late.dedup();
    for (i, one) in shown.iter().enumerate() {
        for other in &shown[i + 1..] {
            facts.budget.check()?;
            let pair = Pair { facts, key, late: &late, one, other };
            if let Some((a, b)) = pair.unexplained() {
                return Ok(Agreement::Divergent(a.min(b), a.max(b)));
            }
        }
    }
    Ok(Agreement::Explained)
}

/// Two different contents.
struct Pair<'a> {
    facts: &'a Facts<'a>,
    key: KeyId,
    late: &'a [TxnId],
    one: &'a (Content, Vec<OpId>),
    other: &'a (Content, Vec<OpId>),
}

impl Pair<'_> {
    /// Two reads, of one content each, that no landing explains.
    fn unexplained(&self) -> Option<(OpId, OpId)> {
        let (forth, back) = (self.beyond(self.one, self.other), self.beyond(self.other, self.one));
        // A read that is beyond the reach of every landing differs from the reads on the other side that are too, and from those
        // before it; others differ from none that they do not precede.
        match (forth.first(), back.first()) {
            (Some(&b), Some(&a)) => Some((a, b)),
            (Some(_), None) => any_precedes(self.facts, &self.one.1, &forth),
            (None, Some(_)) => any_precedes(self.facts, &self.other.1, &back),
            (None, None) => None,
        }
    }

    /// The reads of `to` that no landing can have led to from `from`.
    fn beyond(&self, from: &(Content, Vec<OpId>), to: &(Content, Vec<OpId>)) -> Vec<OpId> {
        let history = self.facts.history;
        let leads = |&txn: &TxnId| from.0.becomes(history, self.key, txn, &to.0);
        let landings: Vec<OpId> = self.late.iter().copied().filter(leads).flat_map(|txn| history.txn_ops(txn).next()).collect();
        to.1.iter().copied().filter(|&read| landings.iter().all(|&write| precedes(self.facts, read, write))).collect()
    }
}

/// The recording says that the operation a was over before b began.
fn precedes(facts: &Facts<'_>, a: OpId, b: OpId) -> bool {
    in_time(facts.history, a, b) || so(facts, a, b)
}

/// An operation of the first that precedes one of the second.
fn any_precedes(facts: &Facts<'_>, first: &[OpId], second: &[OpId]) -> Option<(OpId, OpId)> {
    let history = facts.history;
    let done = first.iter().copied().filter_map(|op| Some((history.completed(history.txn(op))?, op))).min();
    let begun = second.iter().copied().filter_map(|op| Some((history.invoked(history.txn(op))?, op))).max();
    if let (Some((_, a)), Some((_, b))) = (done, begun)
        && in_time(history, a, b)
    {
        return Some((a, b));
    }
    let mut ends: FxHashMap<u32, OpId> = FxHashMap::default();
    for &op in first {
        let end = |op: OpId| (facts.so.ends_at(history, history.txn(op)), op);
        let slot = ends.entry(session(history, op)).or_insert(op);
        if end(op) < end(*slot) {
            *slot = op;
        }
    }
    second.iter().find_map(|&b| ends.get(&session(history, b)).filter(|&&a| so(facts, a, b)).map(|&a| (a, b)))
}

fn session(history: &History, op: OpId) -> u32 {
    history.session(op).index() as u32
}
