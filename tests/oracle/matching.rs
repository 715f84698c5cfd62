//! Which write a read returned, by exclusion (models.md 1), and what becomes of a read of a list or a set, element by element.

use testimony::check::UnmatchedReads;
use testimony::history::{DataType, Status};

use crate::reading::{Outcome, Placed, invoked_after};
use crate::toy::{Act, Op, Toy};

/// Does an internal read of a list end with the own appends so far; has one of a set what was added and not what was removed last?
pub fn shows_own(own: &[&Act], members: &[i64]) -> bool {
    let appended: Vec<i64> = own.iter().filter_map(|act| if let Act::Append(e) = act { Some(*e) } else { None }).collect();
    let last = |e: i64| own.iter().rev().find(|act| matches!(act, Act::Add(x) | Act::Remove(x) if *x == e));
    members.ends_with(&appended)
        && own.iter().all(|act| match act {
            Act::Add(e) | Act::Remove(e) => members.contains(e) == (last(*e) == Some(&&Act::Add(*e))),
            _ => true,
        })
}

/// Is the element in the list more often than it was appended, or than it can have been before the read?
pub fn too_often(toy: &Toy, placed: &[Placed], read: &Op, element: i64, fate: &Outcome) -> bool {
    let times = |list: &[i64]| list.iter().filter(|&&e| e == element).count();
    let initially = times(toy.initial_members(read.key));
    let appends = placed.iter().filter(|w| w.op.key == read.key && w.op.puts() == Some(element));
    let not_failed = appends.filter(|w| toy.txns[w.txn].status != Status::Fail).count();
    let possible = match fate {
        Outcome::Matched(None) => initially,
        Outcome::Matched(Some(_)) => 1,
        Outcome::LeftOut { candidates, .. } if !candidates.is_empty() => {
            candidates.iter().map(|w| if w.is_some() { 1 } else { initially }).sum()
        }
        _ => usize::MAX,
    };
    let shown = times(read.members().expect("a list"));
    not_failed + initially > 0 && shown > possible.min(not_failed + initially)
}

/// What becomes of a read, from what becomes of its elements: with an unknown one that is to be ignored nothing else counts. A member of
/// a set may be of any of several adds.
pub fn together(fates: Vec<Outcome>, data_type: DataType) -> Outcome {
    if fates.iter().any(|fate| matches!(fate, Outcome::Ignored)) {
        return Outcome::Ignored;
    }
    let (mut from, mut ambiguous, mut malformed) = (vec![], false, false);
    for fate in fates {
        match fate {
            Outcome::Matched(writer) => from.extend(writer),
            Outcome::LeftOut { candidates, .. } if data_type == DataType::Set && !candidates.is_empty() => {}
            Outcome::LeftOut { maybe_malformed, .. } => {
                ambiguous = true;
                malformed |= maybe_malformed;
            }
            anomaly => return anomaly,
        }
    }
    match ambiguous {
        true => Outcome::LeftOut { candidates: vec![], maybe_malformed: malformed, orders: data_type == DataType::List },
        false => Outcome::MatchedAll(from),
    }
}

/// Looks for the write that an external read returned.
pub struct Search<'a> {
    /// The history.
    pub toy: &'a Toy,
    /// Its operations.
    pub placed: &'a [Placed<'a>],
    /// The session order of its transactions.
    pub so_txns: &'a [Vec<bool>],
    /// The read.
    pub r: &'a Placed<'a>,
    /// What a read of an unknown value means.
    pub unmatched: UnmatchedReads,
    /// Does the transaction of the write go on to make it one that nobody may see?
    pub overwritten: &'a dyn Fn(usize) -> bool,
    /// Is the write of another version than the read?
    pub other_version: &'a dyn Fn(usize) -> bool,
}

impl Search<'_> {
    /// The write, of those that `wrote`; `initial`: or the initial value.
    pub fn writer(&self, wrote: impl Fn(&usize) -> bool, initial: bool) -> Outcome {
        let Search { toy, placed, so_txns, r, unmatched, overwritten, other_version } = *self;
        let txn = &toy.txns[r.txn];
        let writers: Vec<usize> = (0..placed.len()).filter(|&w| placed[w].op.key == r.op.key).filter(wrote).collect();
        let status = |w: usize| toy.txns[placed[w].txn].status;
        if writers.is_empty() && !initial {
            return if unmatched == UnmatchedReads::Ignore { Outcome::Ignored } else { Outcome::Anomaly("thin-air-read") };
        }
        if !initial && writers.iter().all(|&w| status(w) == Status::Fail) {
            return Outcome::Anomaly("aborted-read");
        }
        let from_the_future = |w: usize| placed[w].txn == r.txn || invoked_after(&toy.txns[placed[w].txn], txn);
        let written_by = |w: Option<usize>| match w {
            Some(w) if from_the_future(w) => Outcome::Anomaly("future-read"),
            Some(w) if overwritten(w) => Outcome::Anomaly("intermediate-read"),
            _ => Outcome::Matched(w),
        };
        let mut all: Vec<Option<usize>> = writers.iter().map(|&w| Some(w)).collect();
        all.extend(initial.then_some(None));
        if let [only] = all[..] {
            return written_by(only);
        }
        let excluded = |w: usize| {
            status(w) == Status::Fail
                || invoked_after(&toy.txns[placed[w].txn], txn)
                || placed[w].txn == r.txn
                || so_txns[r.txn][placed[w].txn]
                || other_version(w)
        };
        let candidates: Vec<Option<usize>> = all.iter().copied().filter(|w| w.is_none_or(|w| !excluded(w))).collect();
        match candidates[..] {
            [only] => written_by(only),
            [] if writers.iter().all(|&w| status(w) == Status::Fail || from_the_future(w)) => Outcome::Anomaly("future-read"),
            _ => {
                let maybe_malformed = candidates.is_empty() || candidates.iter().flatten().any(|&w| overwritten(w));
                Outcome::LeftOut { candidates, maybe_malformed, orders: false }
            }
        }
    }
}
