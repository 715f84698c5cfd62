//! The first line of an explanation: what a user of the system saw.

use crate::history::{DataType, History, Kind, OpId, ValueId};
use crate::verdict::{Anomaly, Assumption, Because, Step, Witness};

use super::names::Names;
use super::{collections, forced_by_reads, transactions};

/// What a user of the system saw.
pub(super) fn headline(names: &Names, witness: &Witness) -> String {
    let on_first_step = |say: &dyn Fn(&Step) -> String| witness.steps.first().map(say);
    let said = match witness.anomaly {
        Anomaly::ThinAirRead => witness.operations.first().map(|&read| thin_air(names, read)),
        Anomaly::AbortedRead => on_first_step(&|step| {
            let deed = names.deed(step.from);
            let article = if deed.starts_with('a') { "an" } else { "a" };
            format!("{} sees {article} {deed} that failed", names.session(step.to))
        }),
        Anomaly::IntermediateRead => on_first_step(&|step| {
            format!(
                "{} sees {} of {} from the middle of a transaction of {}",
                names.session(step.to),
                names.written(step.from),
                names.key(step.to),
                names.session(step.from)
            )
        }),
        Anomaly::Internal => on_first_step(&|step| {
            format!("a transaction of {} does not see its own {}", names.session(step.to), names.deed(step.from))
        }),
        Anomaly::FutureRead => on_first_step(&|step| {
            let (reader, value, key) = (names.session(step.to), names.written(step.from), names.key(step.to));
            match names.key_type(step.to) {
                DataType::Register => format!("{reader} reads {value} of {key} before it is written"),
                DataType::List => format!("{reader} sees {value} in {key} before it is appended"),
                _ => format!("{reader} sees {value} in {key} before it is added"),
            }
        }),
        Anomaly::CyclicHb if witness.transactions => Some(transactions::circle(names, witness)),
        Anomaly::CyclicHb => witness.steps.last().map(|back| {
            let (reader, deed) = (names.session(back.to), names.deed(back.to));
            match witness.steps.len() {
                0..=2 => format!("{reader} reads its own {deed} before making it"),
                _ => format!("{reader} sees effects of its own {deed} before making it"),
            }
        }),
        Anomaly::InitialRead => on_first_step(&|step| missed(names, step.from, step.to, &witness.way(step))),
        Anomaly::StaleRead => stale_read(names, witness),
        Anomaly::WriteOrderCycle => Some(write_order_cycle(names, witness)),
        Anomaly::MissingElement => on_first_step(&|step| collections::missing_element(names, step)),
        Anomaly::PhantomMember => on_first_step(&|step| collections::phantom_member(names, step)),
        Anomaly::ImpossibleSum => Some(collections::impossible_sum(names, witness)),
        Anomaly::RepeatedElement => witness.operations.first().map(|&read| collections::repeated_element(names, read)),
        Anomaly::IncompatibleOrder => Some(collections::incompatible_order(names, witness)),
        Anomaly::WriteCoRead => match witness.steps.as_slice() {
            [_, seen, returned] => Some(missed(names, seen.from, returned.to, &seen.via)),
            _ => None,
        },
        Anomaly::ViewCycle => {
            witness.view.map(|view| format!("no order of the writes explains everything that {} read", names.session_of(view)))
        }
        Anomaly::Divergent => on_first_step(&|step| match (names.answered_by(step.from), names.answered_by(step.to)) {
            (Some(a), Some(b)) if a != b => format!("{a} and {b} do not agree on {}", names.key(step.to)),
            _ => format!("final reads of {} do not agree", names.key(step.to)),
        }),
        Anomaly::StaleForever => on_first_step(&|step| {
            format!("{} ended as {}, which was overwritten", names.key(step.from), names.written(step.from))
        }),
        Anomaly::LostWrite => witness.steps.last().map(|step| match names.history.kind(step.from) {
            Kind::Increment | Kind::Decrement => {
                format!("{} ended as {}, which lacks acknowledged operations", names.key(step.to), names.returned(step.to))
            }
            _ => format!("{} is lost", names.whose_deed(step.from)),
        }),
        Anomaly::Resurrected => witness.steps.last().map(|step| match names.history.kind(step.from) {
            Kind::Remove => format!("{} is back in {} after it was removed", names.written(step.from), names.key(step.from)),
            _ => format!("{} failed, yet it is there at the end", names.whose_deed(step.from)),
        }),
        Anomaly::DuplicateElement => on_first_step(&|step| {
            format!("{} is in {} more often than it was put there", names.written(step.from), names.key(step.from))
        }),
        Anomaly::OutOfBounds => witness
            .operations
            .first()
            .map(|&read| format!("{} ended as {}, which its operations cannot add up to", names.key(read), names.returned(read))),
    };
    said.unwrap_or_else(|| "the history contradicts itself".into())
}

fn stale_read(names: &Names, witness: &Witness) -> Option<String> {
    let forced = forced_by_reads(witness);
    match forced.as_slice() {
        [] => None,
        [step] => Some(missed(names, step.from, step.read?, &witness.way(step))),
        [a, b] if witness.steps.len() == 2 => {
            let (a, b) = (a.read?, b.read?);
            Some(match (names.session(a), names.session(b), names.key(a)) {
                (one, other, key) if one == other => format!("{one} sees the writes of {key} in two opposite orders"),
                (one, other, key) => format!("{one} and {other} see the writes of {key} in opposite orders"),
            })
        }
        steps => {
            let reads = || steps.iter().filter_map(|step| step.read);
            let who = listed(reads().map(|read| names.session(read)));
            let what = listed(reads().map(|read| names.key(read)));
            Some(format!("no one order of the writes explains what {who} read of {what}"))
        }
    }
}

fn write_order_cycle(names: &Names, witness: &Witness) -> String {
    let keys = listed(witness.steps.iter().map(|step| names.key(step.from)));
    if witness.assumes.contains(&Assumption::RecordedVersions) {
        let reordered = witness.steps.iter().find(|step| !matches!(step.because, Because::Version | Because::RealTime));
        if let Some(step) = reordered {
            return format!("the store ordered the writes of {keys} against the order of {}", names.session(step.to));
        }
    }
    format!("the sessions' own orders of the writes of {keys} contradict each other")
}

/// A read of a value that nobody wrote; of a list or set its first such element.
fn thin_air(names: &Names, read: OpId) -> String {
    let (history, reader, key) = (names.history, names.session(read), names.key(read));
    let nobody_wrote = |&element: &ValueId| {
        let wrote = |op| history.key(op) == history.key(read) && history.written_value(op) == Some(element);
        !history.ops().any(wrote)
    };
    let done = if names.key_type(read) == DataType::List { "appended" } else { "added" };
    match names.elements(read).iter().copied().find(nobody_wrote) {
        Some(element) if names.key_type(read) != DataType::Register => {
            format!("{reader} sees {} in {key}, which nobody {done}", names.value(element))
        }
        _ => format!("{reader} reads {} of {key}, which nobody wrote", names.returned(read)),
    }
}

/// A read that does not see a write visible to it. The path from the write to the read says which promise that breaks for a person.
fn missed(names: &Names, write: OpId, read: OpId, path: &[Step]) -> String {
    let (reader, key) = (names.session(read), names.key(read));
    match Promise::of(names, write, read, path) {
        Promise::Answer { to, direct } => {
            let (author, answer) = (names.session(to), names.key(to));
            let answers = if direct { "it answers" } else { "it builds on" };
            format!("{reader} sees {author}'s {answer} but not the {key} {answers}")
        }
        Promise::Half(other) => {
            let (author, other) = (names.session(other), names.key(other));
            format!("{reader} sees {author}'s write of {other} but not its write of {key} in the same transaction")
        }
        Promise::Sequel(later) => {
            let (author, later) = (names.session(later), names.key(later));
            format!("{reader} sees {author}'s write of {later} but not its earlier write of {key}")
        }
        Promise::Own => format!("{reader} does not see its own write of {key}"),
        Promise::Again => format!("{reader} goes back in time on {key}"),
    }
}

/// What a person would say that a path promises: that whatever is at its head is seen by the read at its end.
pub(super) enum Promise {
    /// Who sees an answer sees its question: the answer, and whether that is all there is to it.
    Answer { to: OpId, direct: bool },
    /// Who sees this sees what its session did before.
    Sequel(OpId),
    /// Who sees this sees what else its transaction did.
    Half(OpId),
    /// A session sees what it did itself.
    Own,
    /// What was seen is seen again.
    Again,
}

impl Promise {
    pub(super) fn of(names: &Names, write: OpId, read: OpId, path: &[Step]) -> Self {
        let others = |step: &&Step| names.history.session(step.to) != names.history.session(read);
        let through = |bond: Bond| path.iter().rev().filter(others).find(|step| Bond::of(names.history, step) == Some(bond));
        if let Some(step) = through(Bond::WritesFollowReads) {
            let answers = path.iter().filter(|step| Bond::of(names.history, step) == Some(Bond::WritesFollowReads));
            return Promise::Answer { to: step.to, direct: answers.count() == 1 };
        }
        if let Some(step) = through(Bond::MonotonicWrites) {
            return Promise::Sequel(step.to);
        }
        if let Some(step) = through(Bond::SameTransaction) {
            return Promise::Half(step.to);
        }
        let made_it = path.first().is_some_and(|step| step.because != Because::ReadsFrom);
        let own = made_it && names.history.session(write) == names.history.session(read);
        if own { Promise::Own } else { Promise::Again }
    }
}

/// The kind of a step inside a session, whatever reason it is given (`hb` paths only say `session-order`).
#[derive(PartialEq, Eq, Clone, Copy)]
enum Bond {
    MonotonicWrites,
    WritesFollowReads,
    SameTransaction,
    Other,
}

impl Bond {
    fn of(history: &History, step: &Step) -> Option<Self> {
        match step.because {
            Because::MonotonicWrites => Some(Bond::MonotonicWrites),
            Because::WritesFollowReads => Some(Bond::WritesFollowReads),
            Because::SessionOrder if history.kind(step.to).writes() => {
                Some(if history.kind(step.from).reads() { Bond::WritesFollowReads } else { Bond::MonotonicWrites })
            }
            Because::ProgramOrder if history.kind(step.to).writes() => {
                Some(if history.kind(step.from).reads() { Bond::WritesFollowReads } else { Bond::SameTransaction })
            }
            Because::SessionOrder | Because::ReadYourWrites | Because::MonotonicReads => Some(Bond::Other),
            _ => None,
        }
    }
}

/// `x`, `x and y`, `x, y and 3 others`; each name once.
pub(super) fn listed(names: impl Iterator<Item = String>) -> String {
    let mut unique: Vec<String> = Vec::new();
    for name in names {
        if !unique.contains(&name) {
            unique.push(name);
        }
    }
    match unique.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [one, two, three] => format!("{one}, {two} and {three}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} others", rest.len()),
    }
}
