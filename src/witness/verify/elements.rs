//! What reads of lists, sets and counters returned, and what may have made it so (models.md 5).
//!
//! Each element of a list needs one append that can be told; a member of a set may have had several adds, and then shows none of them.
//! Elements that were there initially need nothing.

use super::facts::{Facts, Origin};
use super::tally::Bounds;
use crate::history::{DataType, Kind, OpId, Status, Value, ValueId};

impl<'h> Facts<'h> {
    /// The elements of a list or set that a read returned; none for `null`.
    pub(super) fn elements(&self, read: OpId) -> &'h [ValueId] {
        self.history.read_value(read).map_or(&[], |value| self.elements_in(value))
    }

    fn elements_in(&self, value: ValueId) -> &'h [ValueId] {
        match self.history.values().get(value) {
            Value::Collection(elements) => elements,
            _ => &[],
        }
    }

    /// Where the part of a read's result that has the write's value came from; `None` where it has none such.
    pub(super) fn origin_of_part(&self, read: OpId, write: OpId) -> Option<Origin> {
        let (h, key) = (self.history, self.history.key(read));
        let value = h.written_value(write).filter(|&value| self.writers(key, value).contains(&write))?;
        match self.key_type(read) {
            DataType::Register => (h.read_value(read) == Some(value)).then(|| self.origin(read)),
            _ => self.elements(read).contains(&value).then(|| self.origin_of_element(read, value)),
        }
    }

    fn origin_of_element(&self, read: OpId, element: ValueId) -> Origin {
        let key = self.history.key(read);
        let initial = self.elements_in(self.history.initial(key)).contains(&element);
        self.find_origin(read, self.writers(key, element), initial)
    }

    /// Matches the elements of an external read with what wrote them, at the end of `shown`.
    pub(super) fn find_shown(&mut self, read: OpId) -> Origin {
        let is_list = match self.key_type(read) {
            DataType::Counter => return Origin::Shown,
            key_type => key_type == DataType::List,
        };
        // A value from nowhere outweighs whatever else is wrong with a read.
        if self.elements(read).iter().any(|&element| self.origin_of_element(read, element) == Origin::ThinAir) {
            return Origin::ThinAir;
        }
        let start = self.shown.len();
        let mut found = Origin::Shown;
        for &element in self.elements(read) {
            match self.origin_of_element(read, element) {
                Origin::From(writer) => self.shown.push(writer),
                Origin::Ambiguous if is_list => found = Origin::Ambiguous,
                Origin::Ambiguous | Origin::Initial => {}
                ill_formed => {
                    self.shown.truncate(start);
                    return ill_formed;
                }
            }
        }
        if is_list {
            found = self.ill_formed_list(read).unwrap_or(found);
        }
        if found != Origin::Shown {
            self.shown.truncate(start);
        }
        found
    }

    /// What is wrong with a list each of whose elements was appended.
    fn ill_formed_list(&self, read: OpId) -> Option<Origin> {
        let (h, key, elements) = (self.history, self.history.key(read), self.elements(read));
        let mut sorted = elements.to_vec();
        sorted.sort_unstable();
        let too_often = |same: &[ValueId]| {
            let initially = self.elements_in(h.initial(key)).iter().filter(|&&e| e == same[0]).count();
            let appended = self.updates_of(key, same[0]).iter().filter(|&&append| self.possible(append, read));
            same.len() > 1 && same.len() > initially + appended.count()
        };
        if sorted.chunk_by(|a, b| a == b).any(too_often) {
            return Some(Origin::Repeated);
        }
        let Origin::From(last) = self.origin_of_element(read, *elements.last()?) else { return None };
        let followed = h.txn_ops(h.txn(last)).any(|op| op > last && h.kind(op) == Kind::Append && h.key(op) == key);
        followed.then_some(Origin::Intermediate(last))
    }

    /// An own write that an internal read should show and does not; `last` is the transaction's last write of the key before the read.
    /// Of a set every element has its own last one: the first of those.
    pub(super) fn unseen_own(&self, read: OpId, last: OpId) -> Option<OpId> {
        let (h, elements) = (self.history, self.elements(read));
        match self.key_type(read) {
            DataType::Register => (h.written_value(last) != h.read_value(read)).then_some(last),
            DataType::List => {
                let mut own: Vec<ValueId> = self.own_writes(read).filter_map(|op| h.written_value(op)).collect();
                own.reverse();
                let mut end = elements.iter().rev();
                (!own.iter().all(|element| end.next() == Some(element))).then_some(last)
            }
            DataType::Set => self.own_writes(read).find(|&op| self.unseen_member(read, op)),
            DataType::Counter => None,
        }
    }

    /// Does an internal read of a set contradict this own add or remove, its transaction's last one of the element?
    pub(super) fn unseen_member(&self, read: OpId, own: OpId) -> bool {
        let h = self.history;
        let element = h.written_value(own);
        let last = self.own_writes(read).filter(|&op| h.written_value(op) == element).last();
        last == Some(own) && element.is_some_and(|e| self.elements(read).contains(&e)) != (h.kind(own) == Kind::Add)
    }

    /// What the read's transaction did to the key before it.
    pub(super) fn own_writes(&self, read: OpId) -> impl Iterator<Item = OpId> + use<'h> {
        let h = self.history;
        let before = h.txn_ops(h.txn(read)).take_while(move |&op| op < read);
        before.filter(move |&op| h.kind(op).writes() && h.key(op) == h.key(read))
    }

    /// Can the read have seen the operation, for reasons that no model is needed for? It did not fail, is not later in the read's session
    /// or transaction, and was not invoked only after the read had completed.
    pub(super) fn possible(&self, update: OpId, read: OpId) -> bool {
        self.history.status(update) != Status::Fail && !self.comes_later(update, read)
    }

    /// Is the operation later in the read's session or transaction, or was it invoked only after the read had completed?
    pub(super) fn comes_later(&self, update: OpId, read: OpId) -> bool {
        self.later_in_txn(read, update) || self.so.before(read, update) || self.real_time(read, update)
    }

    /// How much all that a read of a counter may have seen can take away and add.
    pub(super) fn bounds(&self, read: OpId) -> Bounds {
        let tally = self.tallies.get(&self.history.key(read).index());
        tally.map_or(Bounds::default(), |tally| tally.bounds(self, read))
    }

    /// By how much an operation changed its counter.
    pub(super) fn amount(&self, op: OpId) -> i128 {
        let amount = self.history.written_value(op).map_or(0, |value| self.integer(value));
        if self.history.kind(op) == Kind::Decrement { amount.saturating_neg() } else { amount }
    }

    /// The sum that a read of a counter returned.
    pub(super) fn sum(&self, read: OpId) -> i128 {
        self.history.read_value(read).map_or(0, |value| self.integer(value))
    }

    /// A counter's value: `null` is 0, and nothing but integers gets into a history.
    pub(super) fn integer(&self, value: ValueId) -> i128 {
        match self.history.values().get(value) {
            Value::Int(small) => small.into(),
            Value::Text(_, digits) => digits.parse().unwrap_or(0),
            Value::Null | Value::Collection(_) => 0,
        }
    }
}
