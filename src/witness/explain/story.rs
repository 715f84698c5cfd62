//! How a contradiction came about, in the past tense: from the write along the path to the read that missed it, and why the value it
//! found was the older one.

use crate::history::{DataType, OpId, Status};
use crate::verdict::{Anomaly, Because, Relation, Step, Witness};

use super::collections::is_update;
use super::names::Names;
use super::transactions::unfolded;

/// A sentence for each step that needs one.
pub(super) fn story(names: &Names, witness: &Witness) -> Vec<String> {
    let mut sentences: Vec<String> = Vec::new();
    if witness.anomaly == Anomaly::CyclicHb {
        let told = if witness.transactions { circle_of_transactions(names, witness) } else { circle(names, witness) };
        return told.into_iter().collect();
    }
    for step in witness.derived.iter().chain(&witness.steps) {
        let step = &Step { via: witness.way(step), ..step.clone() };
        if let Some(sentence) = sentence(names, step).filter(|sentence| !sentences.contains(sentence)) {
            sentences.push(sentence);
        }
    }
    sentences
}

fn sentence(names: &Names, step: &Step) -> Option<String> {
    let (from, to) = (step.from, step.to);
    match (step.because, step.relation) {
        // In a view a step may only name a derived one again, without the path that was told there.
        (Because::StaleRead, _) if step.via.is_empty() => None,
        (Because::StaleRead, _) => step.read.map(|read| trace(names, from, &step.via, Some(read))),
        (Because::InitialRead | Because::Visible, _) => Some(trace(names, from, &step.via, Some(to))),
        (Because::ListOrder, _) => step.read.map(|read| {
            format!(
                "{} found {} in {} ({}), with {} before {}",
                names.session(read),
                names.found(read),
                names.key(read),
                names.place(read),
                names.written(from),
                names.written(to)
            )
        }),
        // Between two reads of a counter; within paths nobody asks.
        (Because::MonotonicReads, Relation::So) => Some(format!(
            "{} read {} ({}) and found {}, then again ({}) and found {}",
            names.session(from),
            names.key(from),
            names.place(from),
            names.found(from),
            names.place(to),
            names.found(to)
        )),
        (Because::SessionOrder, Relation::Ar) if is_update(names.history.kind(to)) => Some(format!(
            "{} {} ({}) before it {} ({})",
            names.session(from),
            names.did(from),
            names.place(from),
            names.did(to),
            names.place(to)
        )),
        (Because::ReadThenWrite, _) if is_update(names.history.kind(to)) => step.read.map(|read| {
            format!(
                "{} had seen {} ({}) before it {} ({})",
                names.session(to),
                names.written(from),
                names.place(read),
                names.did(to),
                names.place(to)
            )
        }),
        (Because::HappenedBefore, _) => Some(trace(names, from, &step.via, (!names.history.kind(to).writes()).then_some(to))),
        (Because::SessionOrder, Relation::Ar) => Some(format!(
            "{} wrote {} ({}) before it wrote {}: {} was overwritten",
            names.session(from),
            names.written(from),
            names.place(from),
            names.written(to),
            names.written(from)
        )),
        (Because::ReadThenWrite, _) => step.read.map(|read| {
            format!(
                "{} had read {} ({}) before it wrote {} ({}): {} was overwritten",
                names.session(to),
                names.written(from),
                names.place(read),
                names.written(to),
                names.place(to),
                names.written(from)
            )
        }),
        (Because::MonotonicWrites, Relation::Ar) => Some(format!(
            "{} {} ({}) before it {} ({})",
            names.session(from),
            names.did(from),
            names.place(from),
            names.did(to),
            names.place(to)
        )),
        (Because::WritesFollowReads, Relation::Ar) => Some(format!(
            "{} knew of {} ({}) when it {} ({})",
            names.session(to),
            names.label(from),
            names.place(from),
            names.did(to),
            names.place(to)
        )),
        (Because::Version, _) => versions(names, from, to),
        (Because::RealTime, Relation::Ar) => Some(format!(
            "{} ({}) was complete before {} ({}) was invoked",
            names.label(from),
            names.place(from),
            names.label(to),
            names.place(to)
        )),
        (_, Relation::End) => Some(at_the_end(names, step)),
        _ => None,
    }
}

/// How the key ended, against what it should have ended as.
fn at_the_end(names: &Names, step: &Step) -> String {
    let (from, to) = (step.from, step.to);
    let shows = |read: OpId| {
        let who = names.answered_by(read).unwrap_or_else(|| format!("the final read of {}", names.session(read)));
        format!("{who} shows {} = {} ({})", names.key(read), names.returned(read), names.place(read))
    };
    let done = format!("{} {} ({})", names.session(from), names.did(from), names.place(from));
    match step.because {
        Because::Differs => format!("at the end {}, and {}", shows(from), shows(to)),
        Because::Missing => format!("{done}, which was acknowledged; at the end {}", shows(to)),
        Because::Present if names.history.status(from) == Status::Fail => {
            format!("{done}, which failed; at the end {}", shows(to))
        }
        _ => format!("{done}; at the end {}", shows(to)),
    }
}

fn versions(names: &Names, from: OpId, to: OpId) -> Option<String> {
    let (older, newer) = (names.history.version(from)?, names.history.version(to)?);
    Some(format!(
        "the store has {} ({}) as version {newer}, after {} ({}) as version {older}",
        names.written(to),
        names.place(to),
        names.written(from),
        names.place(from)
    ))
}

/// `alice wrote post = "p" (line 1), bob read it (line 2), then wrote comment = "c" (line 3), carol read it (line 4), then read post
/// (line 5) and found nothing`. Long ones lose their middle.
fn trace(names: &Names, write: OpId, path: &[Step], read: Option<OpId>) -> String {
    let mut clauses = vec![format!("{} {} ({})", names.session(write), names.did(write), names.place(write))];
    let mut actor = names.history.session(write);
    for step in path {
        let (op, place) = (step.to, names.place(step.to));
        if step.relation == Relation::View {
            clauses.push(format!("which so precedes {} ({place})", names.in_full(op)));
            actor = names.history.session(op);
            continue;
        }
        let reads_it = step.because == Because::ReadsFrom;
        let then = if step.relation == Relation::Po { "and in the same transaction" } else { "then" };
        let did = match (reads_it, names.history.kind(op).writes()) {
            (true, _) if names.key_type(op) == DataType::Register => format!("read it ({place})"),
            (true, _) => format!("saw it in {} ({place})", names.found(op)),
            (false, true) if Some(op) == read => format!("did a cas of {} ({place})", names.key(op)),
            (false, true) => format!("{} ({place})", names.did(op)),
            (false, false) if Some(op) == read => format!("read {} ({place})", names.key(op)),
            (false, false) => format!("read {} = {} ({place})", names.key(op), names.found(op)),
        };
        let session = names.history.session(op);
        clauses.push(if session == actor { format!("{then} {did}") } else { format!("{} {did}", names.session(op)) });
        actor = session;
    }
    if clauses.len() > 8 {
        let left_out = clauses.len() - 7;
        clauses.splice(4..clauses.len() - 3, [format!("… {left_out} more steps …")]);
    }
    let end = read.map_or_else(String::new, |read| format!(" and found {}", names.found(read)));
    format!("{}{end}", clauses.join(", "))
}

/// A `cyclic-hb`: along the path from the write to the read, which is in the same session and earlier.
fn circle(names: &Names, witness: &Witness) -> Option<String> {
    let (back, path) = witness.steps.split_last()?;
    let told = trace(names, back.to, path, None);
    Some(format!("{told}, before it had {} ({})", names.done(back.to), names.place(back.to)))
}

/// The same of transactions: from one along all steps to the same one.
fn circle_of_transactions(names: &Names, witness: &Witness) -> Option<String> {
    let first = witness.steps.first()?;
    let told = trace(names, first.from, &unfolded(first.from, &witness.steps, None), None);
    Some(format!("{told}, in the transaction that this began with"))
}
