//! The first line of an explanation about a list, a set or a counter.

use crate::history::{Kind, OpId, ValueId};
use crate::verdict::{Because, Relation, Step, Witness};

use super::headline::{Promise, listed};
use super::names::Names;

/// An element that should be there and is not.
pub(super) fn missing_element(names: &Names, step: &Step) -> String {
    let (reader, key, element) = (names.session(step.to), names.key(step.to), names.written(step.from));
    match Promise::of(names, step.from, step.to, &step.via) {
        Promise::Answer { to, direct } => {
            let answers = if direct { "answers" } else { "builds on" };
            format!("{reader} sees {}'s {} but not {element} in {key}, which it {answers}", names.session(to), names.deed(to))
        }
        Promise::Sequel(later) => {
            let (author, later) = (names.session(later), names.deed(later));
            format!("{reader} sees {author}'s {later} but not its earlier {}", names.deed(step.from))
        }
        Promise::Own => format!("{reader} does not see its own {}", names.deed(step.from)),
        Promise::Half(_) | Promise::Again => format!("{reader} goes back in time on {key}: {element} is missing"),
    }
}

/// A member that should be gone and is not.
pub(super) fn phantom_member(names: &Names, step: &Step) -> String {
    let (reader, key, element) = (names.session(step.to), names.key(step.to), names.written(step.from));
    match Promise::of(names, step.from, step.to, &step.via) {
        Promise::Own => format!("{reader} still sees {element} in {key} after removing it"),
        _ => format!("{reader} sees {element} in {key} although {} had removed it", names.session(step.from)),
    }
}

/// A sum that nothing adds up to.
pub(super) fn impossible_sum(names: &Names, witness: &Witness) -> String {
    let read = witness.steps.first().map_or(witness.operations[0], |step| step.to);
    let (reader, key, sum) = (names.session(read), names.key(read), names.returned(read));
    match witness.steps.as_slice() {
        [] => format!("{reader} reads {sum} of {key}, which no operations add up to"),
        [step] if step.because == Because::MonotonicReads => {
            format!("{reader} sees {key} go from {} to {sum}, which no operations account for", names.returned(step.from))
        }
        steps => {
            let own = steps.iter().all(|step| matches!(Promise::of(names, step.from, step.to, &step.via), Promise::Own));
            match (own, steps) {
                (true, [step]) => format!("{reader} does not see its own {}", names.deed(step.from)),
                (true, _) => format!("{reader} reads {sum} of {key}, which leaves out some of what it did to it itself"),
                (false, _) => format!("{reader} reads {sum} of {key}, which leaves out some of what it must have seen"),
            }
        }
    }
}

/// A list with an element too often.
pub(super) fn repeated_element(names: &Names, read: OpId) -> String {
    let (reader, key) = (names.session(read), names.key(read));
    let mut elements: Vec<ValueId> = names.elements(read).to_vec();
    elements.sort_unstable();
    let mut often: Vec<ValueId> = elements.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    often.dedup();
    match often.as_slice() {
        [element] => format!("{reader} sees {} in {key} more often than it was appended", names.value(*element)),
        _ => format!("{reader} sees elements of {key} more often than they were appended"),
    }
}

/// Lists that no order of the elements explains.
pub(super) fn incompatible_order(names: &Names, witness: &Witness) -> String {
    let lists: Vec<&Step> = witness.steps.iter().filter(|step| step.because == Because::ListOrder).collect();
    if let ([one, other], [list]) = (witness.steps.as_slice(), lists.as_slice())
        && let Some(read) = list.read
    {
        let (reader, key) = (names.session(read), names.key(read));
        let (first, second) = (names.written(list.from), names.written(list.to));
        let before = if one.because == Because::ListOrder { other } else { one };
        let by_one_session = names.history.session(list.from) == names.history.session(list.to);
        return match by_one_session || before.relation == Relation::Hb {
            true => format!("{reader} sees {first} before {second} in {key}, which were appended the other way round"),
            false => format!("{reader} sees {first} before {second} in {key}, though who appended {first} had seen {second}"),
        };
    }
    if let ([_, _], [a, b]) = (witness.steps.as_slice(), lists.as_slice())
        && let (Some(a), Some(b)) = (a.read, b.read)
    {
        return match (names.session(a), names.session(b), names.key(a)) {
            (one, other, key) if one == other => format!("{one} sees the elements of {key} in two opposite orders"),
            (one, other, key) => format!("{one} and {other} see the elements of {key} in opposite orders"),
        };
    }
    let keys = lists.iter().filter_map(|step| step.read).map(|read| names.key(read));
    format!("no one order of the writes explains the lists that were read of {}", listed(keys))
}

/// Is it a list's, a set's or a counter's?
pub(super) fn is_update(kind: Kind) -> bool {
    !matches!(kind, Kind::Read | Kind::Write | Kind::Cas)
}
