//! The contradiction step by step, each with its reason: what `witness::verify` re-checks, for people.

use crate::history::{Kind, OpId, Status};
use crate::verdict::{Anomaly, Because, Relation, Step, Witness};

use super::ProofStep;
use super::names::Names;

/// A line a step; first the derived steps of a view.
pub(super) fn proof(names: &Names, witness: &Witness) -> Vec<ProofStep> {
    if witness.steps.is_empty() {
        return witness
            .operations
            .iter()
            .map(|&op| match witness.anomaly {
                Anomaly::OutOfBounds => out_of_bounds(names, op),
                anomaly => by_itself(names, anomaly, op),
            })
            .collect();
    }
    let last = witness.derived.len() + witness.steps.len() - 1;
    let steps = witness.derived.iter().chain(&witness.steps);
    steps
        .enumerate()
        .map(|(i, step)| {
            let to = match step.relation {
                Relation::Vis | Relation::Wr => names.read_label(step.to),
                _ => names.label(step.to),
            };
            let mut text = format!("{} {} {to} ({})", names.label(step.from), arrow(step), reason(names, step));
            if i == last {
                text.push_str(closing(witness.anomaly));
            }
            ProofStep { text, path: step.via.iter().map(|hop| self::hop(names, hop)).collect() }
        })
        .collect()
}

/// A read that is wrong whatever else was done.
fn by_itself(names: &Names, anomaly: Anomaly, read: OpId) -> ProofStep {
    let (place, returned, key) = (names.place(read), names.returned(read), names.key(read));
    let text = match anomaly {
        Anomaly::RepeatedElement => format!("{place} returned {returned}; {key} had not so many appends of an element in it"),
        Anomaly::ImpossibleSum => {
            format!("{place} returned {returned}; the operations on {key} that it may have seen do not add up to that")
        }
        _ if names.elements(read).is_empty() => format!("{place} returned {returned}; no operation writes that to {key}"),
        _ => format!("{place} returned {returned}; no operation puts all of that into {key}"),
    };
    ProofStep { text, path: Vec::new() }
}

fn out_of_bounds(names: &Names, read: OpId) -> ProofStep {
    let text = format!(
        "{} returned {}; no choice of the indeterminate operations on {} adds up to that, nor do lost or failed ones explain it",
        names.place(read),
        names.returned(read),
        names.key(read)
    );
    ProofStep { text, path: Vec::new() }
}

fn arrow(step: &Step) -> &'static str {
    match step.relation {
        _ if step.because == Because::Visible => "is visible to",
        Relation::Vis => "is visible to",
        Relation::Wr => "is returned by",
        Relation::End => match step.because {
            Because::Differs => "differs from",
            Because::Missing => "is missing from",
            Because::Repeated => "is repeated in",
            _ => "is in",
        },
        _ => "→",
    }
}

fn closing(anomaly: Anomaly) -> &'static str {
    match anomaly {
        Anomaly::AbortedRead => ": a failed write must never be seen",
        Anomaly::IntermediateRead => ": only a transaction's last write may be seen",
        Anomaly::Internal => ": a transaction sees its own writes",
        Anomaly::FutureRead => ": no read returns what is written only later",
        Anomaly::InitialRead => ": a read of the initial value sees no write",
        Anomaly::Divergent => ": the replicas did not converge",
        Anomaly::StaleForever => ": what was overwritten must not last",
        Anomaly::LostWrite => ": an acknowledged write must last",
        Anomaly::Resurrected => ": what failed or was removed must not be there",
        Anomaly::DuplicateElement => ": each write counts once",
        Anomaly::MissingElement => ": what is visible must be there",
        Anomaly::PhantomMember => ": what was removed since it was added must be gone",
        Anomaly::ImpossibleSum => ": no operations add up to that",
        _ => ": a contradiction",
    }
}

fn reason(names: &Names, step: &Step) -> String {
    let (from, to) = (step.from, step.to);
    match step.because {
        Because::ReadsFrom => format!("{} reads it", names.place(to)),
        Because::SessionOrder => names.before(from, to),
        Because::ReadThenWrite => match step.read {
            Some(read) => format!("{} read it at {} before writing at {}", names.session(to), names.place(read), names.place(to)),
            None => format!("{} read it before writing at {}", names.session(to), names.place(to)),
        },
        Because::ReadYourWrites => format!("{}: read your writes", names.before(from, to)),
        Because::MonotonicReads => format!("{}: monotonic reads", names.before(from, to)),
        Because::MonotonicWrites => format!("{}: monotonic writes", names.before(from, to)),
        Because::WritesFollowReads => match step.read {
            Some(read) if step.relation == Relation::Ar => {
                format!(
                    "visible to {} at {}, before it wrote at {}: writes follow reads",
                    names.session(to),
                    names.place(read),
                    names.place(to)
                )
            }
            _ => format!("{}: writes follow reads", names.before(from, to)),
        },
        Because::StaleRead if step.relation == Relation::Co => match step.read {
            Some(read) => {
                format!("{} reads {} having seen the transaction of {}", names.place(read), names.found(read), names.label(from))
            }
            None => "shown above".into(),
        },
        Because::StaleRead => match step.read {
            Some(read) => format!("{} reads {} with {} visible", names.place(read), names.found(read), names.label(from)),
            None => "shown above".into(),
        },
        Because::ListOrder => match step.read {
            Some(read) => format!("{} has {} before {}", names.place(read), names.label(from), names.label(to)),
            None => "shown above".into(),
        },
        Because::Visible if names.found(to) == "nothing" => format!("yet {} finds nothing", names.place(to)),
        Because::Visible => match names.history.kind(from) {
            Kind::Remove => format!("yet {} finds {}, with {} in it", names.place(to), names.found(to), names.written(from)),
            Kind::Append | Kind::Add => {
                format!("yet {} finds {}, without {} in it", names.place(to), names.found(to), names.written(from))
            }
            _ => format!("{} finds {}", names.place(to), names.found(to)),
        },
        Because::InitialRead => format!("yet {} finds {}, the initial value", names.place(to), names.found(to)),
        Because::HappenedBefore => format!("{} happened before {}", names.place(from), names.place(to)),
        Because::Version => match (names.history.version(from), names.history.version(to)) {
            (Some(older), Some(newer)) => format!("recorded version {older} before {newer}"),
            _ => "recorded versions".into(),
        },
        Because::RealTime => "completed before it was invoked".into(),
        Because::ProgramOrder => format!("same transaction, {}", names.place(from)),
        Because::Differs => format!("{} and {}", names.returned(from), names.returned(to)),
        Because::Missing if matches!(names.history.kind(from), Kind::Increment | Kind::Decrement) => {
            format!(
                "{} or others like it were acknowledged, and {} is not what they add up to",
                names.place(from),
                names.returned(to)
            )
        }
        Because::Missing => format!("{} was acknowledged, and no final read shows it", names.place(from)),
        Because::Present => match names.history.status(from) {
            Status::Fail => format!("{} failed", names.place(from)),
            _ => format!("{} removed it after every add of it", names.place(from)),
        },
        Because::Repeated => format!("{} shows it more often than it was written", names.place(to)),
    }
}

/// `line 212 → line 214 (read your writes)`
fn hop(names: &Names, step: &Step) -> String {
    let why = match step.because {
        Because::ReadsFrom => "reads it",
        Because::SessionOrder => "same session",
        Because::ReadYourWrites => "same session: read your writes",
        Because::MonotonicReads => "same session: monotonic reads",
        Because::MonotonicWrites => "same session: monotonic writes",
        Because::WritesFollowReads => "same session: writes follow reads",
        _ => "in this view",
    };
    format!("{} → {} ({why})", names.place(step.from), names.place(step.to))
}
