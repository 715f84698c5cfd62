//! Explains a witness in sentences, as data: a headline that says what a user saw, the operations in the order they happened, how the
//! contradiction came about, and the proof step by step. Reports lay it out.
//!
//! Everything is drawn from the witness's own steps; nothing here decides anything. Cost: O(steps), after one pass over the history's times.

mod collections;
mod headline;
mod names;
mod proof;
mod story;
mod transactions;

use crate::history::{History, OpId};
use crate::verdict::{Anomaly, Assumption, Because, Step, Witness};

use names::Names;

/// A witness in sentences.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Explanation {
    /// What a user of the system saw, in one line.
    pub headline: String,
    /// The operations, in the order they happened where times say so, else in file order.
    pub operations: Vec<Line>,
    /// How it came about, a sentence each.
    pub story: Vec<String>,
    /// The contradiction, a step each.
    pub proof: Vec<ProofStep>,
    /// What it takes for granted and where the evidence is from.
    pub notes: Vec<String>,
    /// The guarantees of sessions that its steps lean on.
    pub guarantees: crate::model::Guarantees,
}

/// An operation as a person reads it. Texts are shortened and free of control characters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// Its line in the file, from 1; 0 where it has none.
    pub line: u32,
    /// Its number in file order, from 0.
    pub id: u32,
    /// Who.
    pub session: String,
    /// What: `read`, `write` …
    pub kind: &'static str,
    /// On which key, and the value: `photo = "v2"`, `photo → "v1"`.
    pub effect: String,
    /// `ok`, `fail` or `info`.
    pub status: &'static str,
    /// The replica that answered.
    pub node: Option<String>,
    /// When it was invoked (else completed), in ns since the history's first moment.
    pub at_ns: Option<i64>,
}

/// One step of the proof.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProofStep {
    /// `"v1" → "v2" (same session, line 1 before 3)`
    pub text: String,
    /// The path that the step refers to, a hop each.
    pub path: Vec<String>,
}

/// Explains the witnesses of one history.
pub struct Explainer<'h> {
    history: &'h History,
    /// The history's first moment.
    first_ns: Option<i64>,
}

impl<'h> Explainer<'h> {
    /// Looks for the history's first moment.
    pub fn new(history: &'h History) -> Self {
        let first_ns = history.txns().filter_map(|txn| history.invoked(txn).or(history.completed(txn))).min();
        Explainer { history, first_ns }
    }

    /// The witness in sentences.
    pub fn explain(&self, witness: &Witness) -> Explanation {
        let names = Names::new(self.history, witness);
        Explanation {
            headline: headline::headline(&names, witness),
            operations: self.lines(&names, witness),
            story: story::story(&names, witness),
            proof: proof::proof(&names, witness),
            notes: notes(witness),
            guarantees: leans_on(witness),
        }
    }

    fn lines(&self, names: &Names, witness: &Witness) -> Vec<Line> {
        let mut lines: Vec<Line> = witness.operations.iter().map(|&op| self.line(names, op)).collect();
        if lines.iter().all(|line| line.at_ns.is_some()) {
            lines.sort_by_key(|line| (line.at_ns, line.id));
        }
        lines
    }

    fn line(&self, names: &Names, op: OpId) -> Line {
        let history = self.history;
        let txn = history.txn(op);
        let moment = history.invoked(txn).or(history.completed(txn));
        Line {
            line: history.line(op),
            id: op.index() as u32,
            session: names.session_cell(history.session(op)),
            kind: history.kind(op).name(),
            effect: names.effect(op),
            status: history.status(op).name(),
            node: history.node(txn).map(|node| names.node(node)),
            at_ns: moment.zip(self.first_ns).map(|(moment, first)| moment.saturating_sub(first)),
        }
    }
}

/// The guarantees that the steps name as their reason.
fn leans_on(witness: &Witness) -> crate::model::Guarantees {
    use crate::model::Guarantees as G;
    witness.all_steps().fold(G::NONE, |all, step| match step.because {
        Because::ReadYourWrites => all.with(G::RYW),
        Because::MonotonicReads => all.with(G::MR),
        Because::MonotonicWrites => all.with(G::MW),
        Because::WritesFollowReads => all.with(G::WFR),
        _ => all,
    })
}

fn notes(witness: &Witness) -> Vec<String> {
    let mut assumed: Vec<&str> = Vec::new();
    for assumption in &witness.assumes {
        assumed.push(match assumption {
            // A session that contradicts itself does so whatever one assumes of the others (models.md 4).
            Assumption::OneOrderPerKey | Assumption::OneOrder if witness.sessions.len() == 1 => continue,
            Assumption::OneOrderPerKey => "one write order per key",
            Assumption::OneOrder if witness.transactions => "one order of all transactions",
            Assumption::OneOrder => "one order of all writes",
            Assumption::RecordedVersions => "that the recorded versions are the store's order",
            Assumption::RealTimeOrder => "that a write which completed before another was invoked precedes it",
        });
    }
    let evidence = match witness.sessions.len() {
        0 => None,
        _ if well_formedness(witness.anomaly) || at_the_end(witness.anomaly) => None,
        1 => Some("one session contradicting itself".to_owned()),
        n => Some(format!("evidence from {n} sessions")),
    };
    let mut notes = match (evidence, assumed.is_empty()) {
        (Some(evidence), true) => vec![evidence],
        (Some(evidence), false) => vec![format!("{evidence}: assumes {}", assumed.join(" and "))],
        (None, false) => vec![format!("assumes {}", assumed.join(" and "))],
        (None, true) => Vec::new(),
    };
    if witness.transactions {
        notes.push("each operation stands for its whole transaction".to_owned());
    }
    notes
}

/// Does the anomaly speak of single reads (models.md 3)? Then there is no evidence to gather.
fn well_formedness(anomaly: Anomaly) -> bool {
    use Anomaly::{AbortedRead, FutureRead, IntermediateRead, Internal, RepeatedElement, ThinAirRead};
    matches!(anomaly, ThinAirRead | AbortedRead | IntermediateRead | Internal | FutureRead | RepeatedElement)
}

/// Does the anomaly speak of how a key ended (models.md 6)? Then what the nodes show is all the evidence.
fn at_the_end(anomaly: Anomaly) -> bool {
    use Anomaly::{Divergent, DuplicateElement, LostWrite, OutOfBounds, Resurrected, StaleForever};
    matches!(anomaly, Divergent | StaleForever | LostWrite | Resurrected | DuplicateElement | OutOfBounds)
}

impl Witness {
    /// The path that a step refers to, connected: in a witness of transactions their operations stand for them.
    fn way(&self, step: &Step) -> Vec<Step> {
        if !self.transactions || step.via.is_empty() {
            return step.via.clone();
        }
        transactions::unfolded(step.from, &step.via, step.read.or(Some(step.to)))
    }
}

/// The steps that a read forced: it did not return what was visible to it.
fn forced_by_reads(witness: &Witness) -> Vec<&Step> {
    witness.steps.iter().filter(|step| matches!(step.because, Because::StaleRead | Because::InitialRead)).collect()
}
