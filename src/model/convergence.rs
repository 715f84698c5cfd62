//! `convergence`: did the replicas end up the same, with every acknowledged write in, and when (models.md 6)?
//!
//! Per key, over its quiescent reads: do they agree; does what they show hold every acknowledged write and nothing that failed or was
//! removed; was it overwritten? A key with an anomaly is violated, one that cannot be told is unknown, and so is the history unless some
//! key is violated. Where it is not asked for by name it is judged only if there are quiescent reads. Sources: Vogels, *Eventually
//! Consistent* (CACM 2009); Burckhardt, *Principles of Eventual Consistency* (2014), section 5.
//!
//! Cost: O(n) to group, and what the quiescent reads hold; order of writes is asked only where the reads leave a doubt.

mod agreement;
mod content;
mod flaw;
mod happened;
mod order;
mod quiescent;
mod state;
mod timing;

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::check::{Options, WriteOrder};
use crate::history::{History, KeyId, OpId};
use crate::relation::budget::OutOfBudget;
use crate::relation::csr;
use crate::relation::facts::Facts;
use crate::verdict::{Anomaly, Convergence, Judgement, SetConvergence, Verdict, Witness};

use agreement::{Agreement, Shown, agreement};
use content::Content;
use flaw::{Cause, Flaw, Found};
use order::Order;
use quiescent::Quiescent;
use state::State;

/// The judgement, made from one that is still blank, and what a user should know. No judgement where the model does not apply.
pub(super) fn judge(facts: &Facts<'_>, options: &Options, blank: Judgement) -> (Option<Judgement>, Vec<String>) {
    let history = facts.history;
    let quiescent = Quiescent::new(history, options.settle);
    let asked_for = !options.models.is_empty();
    if quiescent.is_empty() && !asked_for {
        let unused = "no read comes so long after the last write of its key as --settle asks for: convergence is not judged";
        return (None, options.settle.map(|_| unused.to_owned()).into_iter().collect());
    }
    let mut judging = Judging {
        facts,
        quiescent: &quiescent,
        order: Order::new(facts, options),
        convergence: Convergence { keys: history.keys() as u64, ..Convergence::default() },
        flaws: Vec::new(),
        undecided: BTreeMap::new(),
        times: Vec::new(),
    };
    judging.all_keys();
    let Judging { mut convergence, flaws, undecided, times, order, .. } = judging;
    convergence.times = timing::ranks(times);
    let (verdict, reason) = if !flaws.is_empty() {
        (Verdict::Violated, None)
    } else if quiescent.is_empty() && options.settle.is_none() {
        (Verdict::Unknown, Some("no quiescent reads: no read is marked final, and no --settle is given".to_owned()))
    } else if !undecided.is_empty() {
        let reasons: Vec<String> = undecided.iter().map(|(cause, keys)| cause.of(&listed(history, keys))).collect();
        (Verdict::Unknown, Some(reasons.join("; ")))
    } else if options.write_order == WriteOrder::RealTime && !timed(history) {
        (Verdict::Unknown, Some("no times recorded".to_owned()))
    } else {
        (Verdict::Satisfied, None)
    };
    let judgement = Judgement {
        verdict,
        reason,
        violations: flaws.len() as u64,
        witnesses: witnesses(history, &flaws, &order, options.max_witnesses),
        convergence: Some(convergence),
        ..blank
    };
    (Some(judgement), missing_nodes(history, &quiescent))
}

/// The judging of all keys, one after another.
struct Judging<'a> {
    facts: &'a Facts<'a>,
    quiescent: &'a Quiescent,
    order: Order<'a>,
    convergence: Convergence,
    flaws: Vec<Flaw>,
    /// The keys that are not decided, by why.
    undecided: BTreeMap<Cause, Vec<KeyId>>,
    /// How long keys took, in ns.
    times: Vec<i64>,
}

impl Judging<'_> {
    fn all_keys(&mut self) {
        let history = self.facts.history;
        let (starts, ops) = csr::group(history.keys(), history.operations(), |op| history.op_key[op]);
        for key in (0..history.keys()).map(KeyId::new) {
            let of_key = &ops[starts[key.index()] as usize..starts[key.index() + 1] as usize];
            let of_key: Vec<OpId> = of_key.iter().map(|&op| OpId::new(op as usize)).collect();
            let found = self.key(key, &of_key).unwrap_or(undecided(Cause::Budget));
            if !found.flaws.is_empty() {
                self.convergence.violated_keys += 1;
                self.flaws.extend(found.flaws);
            } else if let Some(cause) = found.unknown {
                self.convergence.unknown_keys += 1;
                self.undecided.entry(cause).or_default().push(key);
            }
        }
    }

    fn key(&mut self, key: KeyId, ops: &[OpId]) -> Result<Found, OutOfBudget> {
        let history = self.facts.history;
        if self.quiescent.of(key).len() == 0 {
            return Ok(undecided(if self.quiescent.untimed(key) { Cause::NoTimes } else { Cause::NoQuiescentRead }));
        }
        self.facts.budget.check()?;
        let Some(shown) = self.shown(key) else { return Ok(undecided(Cause::WrongType)) };
        let writes: Vec<OpId> = ops.iter().copied().filter(|&op| history.kind(op).writes()).collect();
        let agreement = agreement(self.facts, key, &shown, &writes)?;
        let mut found = State { facts: self.facts, key, writes: &writes, shown: &shown }.judge(&mut self.order)?;
        match agreement {
            Agreement::Agreed => self.times.extend(timing::convergence_time(history, key, ops, &shown[0].0)),
            Agreement::Explained => found.unknown = Some(Cause::Indeterminate),
            Agreement::Divergent(a, b) => {
                self.convergence.divergent_keys += 1;
                found.flaws.insert(0, Flaw::Divergent(a, b));
            }
        }
        let lost = found.flaws.iter().filter_map(|flaw| match flaw {
            Flaw::Lost { write, .. } => history.written_value(*write),
            _ => None,
        });
        let set: Option<SetConvergence> = timing::set(history, key, ops, &shown, lost.collect());
        self.convergence.sets.extend(set);
        Ok(found)
    }

    /// What the quiescent reads show; `None` where one shows no value of the key's type.
    fn shown(&self, key: KeyId) -> Option<Shown> {
        let history = self.facts.history;
        let mut shown: Shown = Vec::new();
        let mut by_value = FxHashMap::default();
        let mut by_content = FxHashMap::default();
        for read in self.quiescent.of(key) {
            let value = history.read_value(read)?;
            let place = match by_value.get(&value) {
                Some(&place) => place,
                None => {
                    let content = Content::new(history, key, value)?;
                    let place = *by_content.entry(content.clone()).or_insert(shown.len());
                    if place == shown.len() {
                        shown.push((content, Vec::new()));
                    }
                    by_value.insert(value, place);
                    place
                }
            };
            shown[place].1.push(read);
        }
        Some(shown)
    }
}

fn undecided(cause: Cause) -> Found {
    Found { flaws: Vec::new(), unknown: Some(cause) }
}

/// The first witness of each anomaly, then the second of each, and so on.
fn witnesses(history: &History, flaws: &[Flaw], order: &Order<'_>, most: usize) -> Vec<Witness> {
    let mut met: FxHashMap<Anomaly, usize> = FxHashMap::default();
    let mut ranked: Vec<(usize, &Flaw)> = Vec::with_capacity(flaws.len());
    for flaw in flaws {
        let rank = met.entry(flaw.anomaly()).or_default();
        ranked.push((*rank, flaw));
        *rank += 1;
    }
    ranked.sort_by_key(|&(rank, _)| rank);
    ranked.iter().take(most.max(1)).map(|(_, flaw)| flaw.witness(history, order)).collect()
}

/// What is not looked at is not proved: no violation, but worth knowing.
fn missing_nodes(history: &History, quiescent: &Quiescent) -> Vec<String> {
    if quiescent.is_empty() {
        return Vec::new();
    }
    let missing = quiescent.missing_nodes(history);
    let name = |node| history.value_text(history.node_name(node));
    let warn =
        |node| format!("missing-node: {} took operations and has no quiescent read, so how it ended is not known", name(node));
    missing.into_iter().map(warn).collect()
}

fn timed(history: &History) -> bool {
    history.txns().any(|txn| history.invoked(txn).is_some() && history.completed(txn).is_some())
}

/// `x`, `x and y`, `x, y, z and 12 more`.
fn listed(history: &History, keys: &[KeyId]) -> String {
    const MOST: usize = 5;
    let names: Vec<String> = keys.iter().take(MOST).map(|&key| history.key_text(key)).collect();
    match (names.as_slice(), keys.len().saturating_sub(MOST)) {
        ([one], 0) => one.clone(),
        ([most @ .., last], 0) => format!("{} and {last}", most.join(", ")),
        (names, rest) => format!("{} and {rest} more", names.join(", ")),
    }
}
