//! When keys converged, and how each element of a set fared (models.md 6, "Report also when").
//!
//! A key's time runs from the completion of its last acknowledged write to the invocation of the first read from which on every later read
//! agrees with the final one. Reads are looked at from the last back, so it costs what comes after the last that disagrees; for a set's
//! elements, what the reads after their adds hold.

use rustc_hash::FxHashSet;

use crate::history::{DataType, History, KeyId, Kind, OpId, Status, ValueId};
use crate::verdict::{ConvergenceTimes, SetConvergence};

use super::agreement::Shown;
use super::content::Content;
use super::quiescent::shows_its_key;

/// Nearest ranks.
pub(super) fn ranks(mut times: Vec<i64>) -> Option<ConvergenceTimes> {
    times.sort_unstable();
    let rank = |percent: usize| times[(times.len() * percent).div_ceil(100) - 1];
    times.last().map(|&max| ConvergenceTimes { p50: rank(50), p99: rank(99), max })
}

/// How long a key took to show its final content for good, in ns; `None` where a time is missing or nothing acknowledged wrote it.
pub(super) fn convergence_time(history: &History, key: KeyId, ops: &[OpId], last: &Content) -> Option<i64> {
    let completions = ops
        .iter()
        .filter(|&&op| history.kind(op).writes() && history.status(op) == Status::Ok)
        .map(|&op| history.completed(history.txn(op)));
    let written = completions.collect::<Option<Vec<i64>>>()?.into_iter().max()?;
    let reads = reads_in_time(history, ops)?;
    let mut same: Option<ValueId> = None;
    let agrees = |&&(_, read): &&(i64, OpId)| {
        let value = history.read_value(read);
        let agrees = value == same || value.and_then(|value| Content::new(history, key, value)).as_ref() == Some(last);
        same = if agrees { value } else { same };
        agrees
    };
    let (from, _) = reads.iter().rev().take_while(agrees).last()?;
    Some(from.saturating_sub(written).max(0))
}

/// The reads of a key with when they were invoked, in that order; `None` where one has no time.
fn reads_in_time(history: &History, ops: &[OpId]) -> Option<Vec<(i64, OpId)>> {
    let reads = ops.iter().copied().filter(|&op| shows_its_key(history, op));
    let mut timed = reads.map(|op| Some((history.invoked(history.txn(op))?, op))).collect::<Option<Vec<_>>>()?;
    timed.sort_unstable();
    Some(timed)
}

/// How the elements of a set ended; `None` for other types.
pub(super) fn set(history: &History, key: KeyId, ops: &[OpId], shown: &Shown, lost: Vec<ValueId>) -> Option<SetConvergence> {
    if history.key_type(key) != DataType::Set {
        return None;
    }
    let mut seen: FxHashSet<ValueId> = FxHashSet::default();
    let mut last = None;
    for &op in ops.iter().filter(|&&op| shows_its_key(history, op)) {
        // Most reads show what the one before them did.
        let value = history.read_value(op);
        if let Some(Content::Set(members)) = value.filter(|_| value != last).and_then(|value| Content::new(history, key, value)) {
            seen.extend(members);
        }
        last = value;
    }
    let mut by_element: Vec<(ValueId, OpId)> = ops
        .iter()
        .filter(|&&op| history.kind(op).writes() && history.status(op) != Status::Fail)
        .filter_map(|&op| Some((history.written_value(op)?, op)))
        .collect();
    by_element.sort_unstable();
    let lost_elements: FxHashSet<ValueId> = lost.iter().copied().collect();
    let mut set = SetConvergence {
        key,
        elements: 0,
        stable: 0,
        removed: 0,
        lost,
        never_read: Vec::new(),
        unsettled: Vec::new(),
        stale: Vec::new(),
    };
    // Stable elements that were never removed, with when their first acknowledged add had completed.
    let mut kept: Vec<(ValueId, i64)> = Vec::new();
    for group in by_element.chunk_by(|a, b| a.0 == b.0) {
        let element = group[0].0;
        let (adds, removes): (Vec<OpId>, Vec<OpId>) =
            group.iter().map(|&(_, op)| op).partition(|&op| history.kind(op) == Kind::Add);
        if adds.is_empty() {
            continue;
        }
        set.elements += 1;
        let shows = |(content, _): &&(Content, Vec<OpId>)| matches!(content, Content::Set(members) if members.binary_search(&element).is_ok());
        let acknowledged = || adds.iter().filter(|&&op| history.status(op) == Status::Ok);
        match shown.iter().filter(shows).count() {
            all if all == shown.len() => {
                set.stable += 1;
                let completed = acknowledged().map(|&op| history.completed(history.txn(op))).min().flatten();
                kept.extend(completed.filter(|_| removes.is_empty()).map(|completed| (element, completed)));
            }
            0 if lost_elements.contains(&element) => {}
            0 if !removes.is_empty() => set.removed += 1,
            0 if !seen.contains(&element) && acknowledged().next().is_none() => set.never_read.push(element),
            _ => set.unsettled.push(element),
        }
    }
    set.stale = staleness(history, key, ops, kept).unwrap_or_default();
    Some(set)
}

/// Of the elements, with when each was added: those that a later read missed, and how long it took until all had them.
fn staleness(history: &History, key: KeyId, ops: &[OpId], mut kept: Vec<(ValueId, i64)>) -> Option<Vec<(ValueId, i64)>> {
    let reads = reads_in_time(history, ops)?;
    let mut stale: Vec<(ValueId, i64)> = Vec::new();
    let mut following: Option<i64> = None;
    for &(invoked, read) in reads.iter().rev() {
        if kept.is_empty() {
            break;
        }
        let Some(Content::Set(members)) = history.read_value(read).and_then(|value| Content::new(history, key, value)) else {
            return None;
        };
        kept.retain(|&(element, added)| {
            // What no read missed once it was there is not stale.
            let there = members.binary_search(&element).is_ok();
            if let Some(following) = following.filter(|_| !there && added <= invoked) {
                stale.push((element, following - added));
            }
            there && added <= invoked
        });
        following = Some(invoked);
    }
    stale.sort_unstable_by_key(|&(element, ns)| (std::cmp::Reverse(ns), element));
    Some(stale)
}
