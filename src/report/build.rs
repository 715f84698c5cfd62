//! Builds a report: histories, judgements and names in, plain data out.

use crate::check::Judged;
use crate::history::{History, OpId, SessionId, ValueId};
use crate::verdict::{Convergence, Judgement, SetConvergence, Step, Verdict, Witness};
use crate::witness::explain::Explainer;

use super::{
    ConvergenceMs, ConvergenceReport, ElapsedMs, HistoryReport, InputError, OperationReport, Report, SetReport, Settings,
    StaleElement, StepReport, VerdictReport, WitnessReport,
};

impl Report {
    /// A report of histories judged and inputs that could not be read.
    pub fn new(histories: Vec<HistoryReport>, errors: Vec<InputError>) -> Self {
        let verdict = overall(&histories);
        Report { testimony: env!("CARGO_PKG_VERSION").to_owned(), verdict, errors, histories }
    }

    /// Is the verdict on top what the verdicts below say?
    pub fn agrees_with_itself(&self) -> bool {
        self.verdict == overall(&self.histories)
    }
}

/// The worst verdict of all. Nothing judged is nothing known.
fn overall(histories: &[HistoryReport]) -> Verdict {
    if histories.is_empty() { Verdict::Unknown } else { worst(histories.iter().map(HistoryReport::verdict)) }
}

fn worst(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    verdicts.fold(Verdict::Satisfied, |worst, verdict| match (worst, verdict) {
        (Verdict::Violated, _) | (_, Verdict::Violated) => Verdict::Violated,
        (Verdict::Unknown, _) | (_, Verdict::Unknown) => Verdict::Unknown,
        _ => Verdict::Satisfied,
    })
}

/// What is known of a judged history beside the history itself.
#[derive(Clone, Debug, Default)]
pub struct Judging {
    /// The path as given.
    pub path: String,
    /// The file's digest; may be empty where no one will verify.
    pub sha256: String,
    /// The format it was read as.
    pub format: String,
    /// How it was read and judged.
    pub settings: Settings,
    /// How long that took.
    pub elapsed: ElapsedMs,
}

impl HistoryReport {
    /// The report of one history.
    pub fn new(judging: Judging, history: &History, judged: &Judged) -> Self {
        let explainer = Explainer::new(history);
        HistoryReport {
            path: judging.path,
            sha256: judging.sha256,
            format: judging.format,
            options: judging.settings,
            sessions: history.sessions() as u64,
            transactions: history.transactions() as u64,
            operations: history.operations() as u64,
            keys: history.keys() as u64,
            reads: history.ops().filter(|&op| history.kind(op).reads()).count() as u64,
            writes: history.ops().filter(|&op| history.kind(op).writes()).count() as u64,
            skipped: judged.skipped,
            warnings: history.warnings().iter().chain(&judged.warnings).cloned().collect(),
            verdicts: judged.judgements.iter().map(|judgement| verdict(history, &explainer, judgement)).collect(),
            minimal_violated: judged
                .minimal_violated
                .as_ref()
                .map(|sets| sets.iter().map(|set| set.names().into_iter().map(str::to_owned).collect()).collect()),
            elapsed_ms: judging.elapsed,
        }
    }

    /// The worst verdict of its models.
    pub fn verdict(&self) -> Verdict {
        worst(self.verdicts.iter().map(|v| v.verdict))
    }
}

fn verdict(history: &History, explainer: &Explainer, judgement: &Judgement) -> VerdictReport {
    VerdictReport {
        model: judgement.model.to_owned(),
        verdict: judgement.verdict,
        implied_by: judgement.implied_by.iter().map(|&name| name.to_owned()).collect(),
        reason: judgement.reason.clone(),
        stale_reads: judgement.stale_reads,
        reads: judgement.reads,
        violations: judgement.violations,
        witnesses: judgement.witnesses.iter().map(|w| witness(history, explainer, w)).collect(),
        convergence: judgement.convergence.as_ref().map(|found| convergence(history, found)),
        stale_sessions: judgement.stale_sessions,
    }
}

fn convergence(history: &History, found: &Convergence) -> ConvergenceReport {
    let ms = |ns: i64| ns as f64 / 1e6;
    let all = |values: &[ValueId]| values.iter().map(|&value| history.values().json(value)).collect();
    let stale = |&(element, ns): &(ValueId, i64)| StaleElement { element: history.values().json(element), ms: ms(ns) };
    let set = |set: &SetConvergence| SetReport {
        key: history.values().json(history.key_name(set.key)),
        elements: set.elements,
        stable: set.stable,
        removed: set.removed,
        lost: all(&set.lost),
        never_read: all(&set.never_read),
        unsettled: all(&set.unsettled),
        stale: set.stale.iter().map(stale).collect(),
    };
    ConvergenceReport {
        keys: found.keys,
        violated_keys: found.violated_keys,
        divergent_keys: found.divergent_keys,
        unknown_keys: found.unknown_keys,
        convergence_ms: found.times.map(|times| ConvergenceMs { p50: ms(times.p50), p99: ms(times.p99), max: ms(times.max) }),
        sets: found.sets.iter().map(set).collect(),
    }
}

fn witness(history: &History, explainer: &Explainer, witness: &Witness) -> WitnessReport {
    let name = |session: SessionId| history.values().json(history.session_name(session));
    WitnessReport {
        anomaly: witness.anomaly,
        sessions: witness.sessions.iter().map(|&s| name(s)).collect(),
        assumes: witness.assumes.clone(),
        operations: witness.operations.iter().map(|&op| operation(history, op)).collect(),
        transactions: witness.transactions,
        view: witness.view.map(name),
        derived: witness.derived.iter().map(step).collect(),
        steps: witness.steps.iter().map(step).collect(),
        explanation: explainer.explain(witness),
    }
}

/// A step; paths hold steps without paths of their own.
fn step(step: &Step) -> StepReport {
    let flat = |step: &Step| StepReport {
        from: step.from.index() as u32,
        to: step.to.index() as u32,
        relation: step.relation,
        because: step.because,
        read: step.read.map(|op| op.index() as u32),
        via: Vec::new(),
    };
    StepReport { via: step.via.iter().map(flat).collect(), ..flat(step) }
}

/// An operation as reports show it; `testimony verify` compares it field by field with the history's.
pub fn operation(history: &History, op: OpId) -> OperationReport {
    let txn = history.txn(op);
    let json = |value| history.values().json(value);
    let (read, written) = (history.read_value(op), history.written_value(op));
    let is_cas = read.is_some() && written.is_some();
    OperationReport {
        id: op.index() as u32,
        line: history.line(op),
        session: json(history.session_name(history.session(op))),
        node: history.node(txn).map(|node| json(history.node_name(node))),
        op: history.kind(op).name().to_owned(),
        key: json(history.key_name(history.key(op))),
        value: if is_cas { None } else { read.or(written).map(json) },
        from: read.filter(|_| is_cas).map(json),
        to: written.filter(|_| is_cas).map(json),
        status: history.status(op).name().to_owned(),
        invoke_ns: history.invoked(txn),
        complete_ns: history.completed(txn),
        version: history.version(op).map(|version| match i64::try_from(version) {
            Ok(small) => small.into(),
            Err(_) => version.to_string().into(),
        }),
        txn: (history.txn_ops(txn).len() > 1).then(|| txn.index() as u32),
        is_final: history.is_final(op),
    }
}
