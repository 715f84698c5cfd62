//! What reads of lists and sets showed: each element's writer, and the reads that no well-formed history has (models.md 3 and 5).
//!
//! A list read shows all it saw, so it has a writer for each element; where an element may be one of several appends, the whole read is
//! ambiguous. A member of a set that was added more than once shows that some add was visible, not which. Cost: O(elements log m).

use rustc_hash::FxHashMap;

use crate::check::{Options, UnmatchedReads};
use crate::history::{DataType, History, Kind, OpId, Status, Value, ValueId};
use crate::verdict::Anomaly;

use super::matching::{Malformed, Matching, SHOWN, comes_too_late, invoked_after};
use super::session_order::SessionOrder;

/// By read, the writes whose elements it showed: of a list in its order, of a set by operation. Elements of the initial value, and
/// members with several possible adds, are left out.
#[derive(Default)]
pub(crate) struct Shown {
    /// (read, one past its last element), in the order of matching.
    reads: Vec<(u32, u32)>,
    writers: Vec<u32>,
}

impl Shown {
    /// The reads and what each showed.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (OpId, &[u32])> {
        let starts = std::iter::once(0).chain(self.reads.iter().map(|&(_, end)| end));
        self.reads
            .iter()
            .zip(starts)
            .map(|(&(op, end), start)| (OpId::new(op as usize), &self.writers[start as usize..end as usize]))
    }

    /// Every write that some read showed.
    pub(crate) fn writers(&self) -> &[u32] {
        &self.writers
    }
}

/// The elements of a list or set value; none for `null`.
pub(crate) fn elements(history: &History, value: ValueId) -> &[ValueId] {
    match history.values().get(value) {
        Value::Collection(elements) => elements,
        _ => &[],
    }
}

/// For an internal read: the own write that it should show and does not, `last` being the last one before it.
pub(super) fn unseen_own_write(history: &History, read: OpId, last: OpId) -> Option<OpId> {
    let value = history.read_value(read)?;
    let key = history.key(read);
    let own = || {
        history
            .txn_ops(history.txn(read))
            .take_while(|&op| op < read)
            .filter(|&op| op != read && history.key(op) == key && history.kind(op).writes())
    };
    match history.key_type(key) {
        DataType::Register => (history.written_value(last) != Some(value)).then_some(last),
        DataType::List => {
            let appended: Vec<Option<ValueId>> = own().map(|op| history.written_value(op)).collect();
            let ends_with =
                elements(history, value).iter().rev().map(|&e| Some(e)).take(appended.len()).eq(appended.iter().rev().copied());
            (!ends_with).then_some(last)
        }
        DataType::Set => {
            let members = elements(history, value);
            let latest: FxHashMap<ValueId, OpId> = own().map(|op| (history.op_value[op.index()], op)).collect();
            let wrong =
                |(member, &op): (&ValueId, &OpId)| (members.contains(member) != (history.kind(op) == Kind::Add)).then_some(op);
            latest.iter().filter_map(wrong).min()
        }
        DataType::Counter => None,
    }
}

/// The reads of one key.
pub(super) struct Reading<'a> {
    pub(super) history: &'a History,
    pub(super) so: &'a SessionOrder,
    pub(super) options: &'a Options,
    /// The appends or adds of the key, by value.
    pub(super) writes: &'a [(ValueId, u32)],
    pub(super) initial: ValueId,
    pub(super) matching: &'a mut Matching,
}

/// Where an element came from.
enum Origin {
    Initial,
    Write(u32),
    /// Of a set: one of several adds.
    SomeAdd,
    Ambiguous,
    /// What may have written it is all excluded, by no anomaly.
    Excluded,
    Unknown,
    Malformed(Anomaly, u32),
}

impl Reading<'_> {
    pub(super) fn read(&mut self, read: OpId, key_type: DataType) {
        if key_type == DataType::Counter {
            self.matching.writer[read.index()] = SHOWN;
            return;
        }
        let history = self.history;
        let shown = elements(history, history.op_value[read.index()]);
        if let Some(anomaly) = self.malformed(read, shown, key_type) {
            return self.leave_out(anomaly);
        }
        let start = self.matching.shown.writers.len();
        for &element in shown {
            match self.origin(read, element, key_type) {
                Origin::Write(w) => self.matching.shown.writers.push(w),
                Origin::Initial | Origin::SomeAdd => {}
                origin @ (Origin::Ambiguous | Origin::Excluded) => {
                    // What has no explanation left is not known to be well-formed.
                    self.matching.ambiguous_form |=
                        matches!(origin, Origin::Excluded) || self.may_be_intermediate(read, shown, key_type);
                    self.matching.shown.writers.truncate(start);
                    self.matching.ambiguous.push(read);
                    return;
                }
                Origin::Unknown | Origin::Malformed(..) => unreachable!("looked for before"),
            }
        }
        if key_type == DataType::Set {
            self.matching.shown.writers[start..].sort_unstable();
        }
        self.matching.writer[read.index()] = SHOWN;
        self.matching.shown.reads.push((read.index() as u32, self.matching.shown.writers.len() as u32));
    }

    /// `None` for a read of an unknown value that is left out on request.
    fn leave_out(&mut self, malformed: Option<Malformed>) {
        match malformed {
            Some(malformed) => self.matching.malformed.push(malformed),
            None => self.matching.ignored += 1,
        }
    }

    fn malformed(&mut self, read: OpId, shown: &[ValueId], key_type: DataType) -> Option<Option<Malformed>> {
        let history = self.history;
        let found =
            |anomaly, write: Option<u32>| Some(Some(Malformed { read, anomaly, write: write.map(|w| OpId::new(w as usize)) }));
        let origins = || shown.iter().map(|&element| self.origin(read, element, key_type));
        if origins().any(|origin| matches!(origin, Origin::Unknown)) {
            return match self.options.unmatched_reads {
                UnmatchedReads::Ignore => Some(None),
                UnmatchedReads::Violation => found(Anomaly::ThinAirRead, None),
            };
        }
        for origin in origins() {
            if let Origin::Malformed(anomaly, write) = origin {
                return found(anomaly, Some(write));
            }
        }
        if key_type == DataType::List {
            let mut sorted = shown.to_vec();
            sorted.sort_unstable();
            for same in sorted.chunk_by(|a, b| a == b).filter(|same| same.len() > 1) {
                let initially = elements(history, self.initial).iter().filter(|&&e| e == same[0]).count();
                let appended = self.candidates(same[0]).iter().filter(|&&(_, w)| self.possible(read, OpId::new(w as usize)));
                if same.len() > initially + appended.count() {
                    return found(Anomaly::RepeatedElement, None);
                }
            }
            if let Some(&last) = shown.last()
                && let Origin::Write(w) = self.origin(read, last, key_type)
                && !self.matching.last_writes.is(w as usize)
            {
                return found(Anomaly::IntermediateRead, Some(w));
            }
        }
        None
    }

    /// May a list end with an append that its transaction followed with another?
    fn may_be_intermediate(&self, read: OpId, shown: &[ValueId], key_type: DataType) -> bool {
        let followed =
            |&&(_, w): &&(ValueId, u32)| !self.matching.last_writes.is(w as usize) && self.possible(read, OpId::new(w as usize));
        key_type == DataType::List && shown.last().is_some_and(|&last| self.candidates(last).iter().any(|w| followed(&w)))
    }

    fn possible(&self, read: OpId, write: OpId) -> bool {
        self.history.status(write) != Status::Fail && !comes_too_late(self.history, self.so, read, write)
    }

    fn candidates(&self, element: ValueId) -> &[(ValueId, u32)] {
        let first = self.writes.partition_point(|&(v, _)| v < element);
        let count = self.writes[first..].iter().take_while(|&&(v, _)| v == element).count();
        &self.writes[first..first + count]
    }

    fn origin(&self, read: OpId, element: ValueId, key_type: DataType) -> Origin {
        let history = self.history;
        let initial = elements(history, self.initial).contains(&element);
        let candidates = self.candidates(element);
        let op = |w: u32| OpId::new(w as usize);
        let failed = |w: u32| history.status(op(w)) == Status::Fail;
        let from_the_future = |w: u32| history.txn(op(w)) == history.txn(read) || invoked_after(history, read, op(w));
        match candidates {
            [] if initial => return Origin::Initial,
            [] => return Origin::Unknown,
            &[(_, w)] if !initial => {
                return if history.txn(op(w)) == history.txn(read) {
                    Origin::Malformed(Anomaly::FutureRead, w)
                } else if failed(w) {
                    Origin::Malformed(Anomaly::AbortedRead, w)
                } else if from_the_future(w) {
                    Origin::Malformed(Anomaly::FutureRead, w)
                } else {
                    Origin::Write(w)
                };
            }
            _ => {}
        }
        if !initial && candidates.iter().all(|&(_, w)| failed(w)) {
            return Origin::Malformed(Anomaly::AbortedRead, candidates[0].1);
        }
        if !initial && candidates.iter().all(|&(_, w)| failed(w) || from_the_future(w)) {
            let later = candidates.iter().find(|&&(_, w)| !failed(w)).expect("not all failed");
            return Origin::Malformed(Anomaly::FutureRead, later.1);
        }
        let mut left = candidates.iter().map(|&(_, w)| w).filter(|&w| self.possible(read, op(w)));
        match (left.next(), left.next()) {
            (None, _) if initial => Origin::Initial,
            (Some(only), None) if !initial => Origin::Write(only),
            (Some(_), Some(_)) | (Some(_), None) if key_type == DataType::Set => Origin::SomeAdd,
            (Some(_), _) => Origin::Ambiguous,
            (None, _) => Origin::Excluded,
        }
    }
}
