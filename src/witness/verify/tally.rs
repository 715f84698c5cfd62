//! What may have changed each counter, summed up so that the bounds of a read cost little (models.md 5).
//!
//! A read may have seen all but what was invoked after it had completed, and what is later in its own session. The first is a suffix by
//! invocation; of the second only what is not in the first is looked at, and where a session has no times that is a suffix as well.
//! Cost: O(n log n) to build, mostly O(log n) a read; sessions that overlap, or lack some times, look at their later operations one by one.

use rustc_hash::FxHashMap;

use super::facts::Facts;
use crate::history::{DataType, KeyId, OpId, Status};

/// The sum of the negative and that of the positive ones among some amounts. Beyond 127 bits they stay at the end.
#[derive(Clone, Copy, Default)]
pub(super) struct Bounds {
    pub(super) negative: i128,
    pub(super) positive: i128,
}

impl Bounds {
    pub(super) fn with(self, amount: i128) -> Self {
        self.and(Bounds { negative: amount.min(0), positive: amount.max(0) })
    }

    fn and(self, more: Bounds) -> Self {
        Bounds { negative: self.negative.saturating_add(more.negative), positive: self.positive.saturating_add(more.positive) }
    }

    fn without(self, less: Bounds) -> Self {
        Bounds { negative: self.negative.saturating_sub(less.negative), positive: self.positive.saturating_sub(less.positive) }
    }

    /// Is it too much to be exact?
    fn at_the_end(self) -> bool {
        self.negative == i128::MIN || self.positive == i128::MAX
    }
}

/// One counter.
pub(super) struct Tally {
    total: Bounds,
    /// When each operation was invoked, ascending, and the sum from it on.
    invoked: Vec<(i64, Bounds)>,
    /// By session.
    own: FxHashMap<usize, Own>,
}

/// What one session did to a counter.
#[derive(Default)]
struct Own {
    /// In session order, `info` ones before what they stand beside.
    updates: Vec<OpId>,
    /// By update: the sum from it on.
    rest: Vec<Bounds>,
    /// Are all invocations known, and in this order?
    timed: bool,
    /// Are all `ok`?
    certain: bool,
}

impl Tally {
    /// One a counter, by key.
    pub(super) fn all(facts: &Facts) -> FxHashMap<usize, Tally> {
        let keys = (0..facts.history.keys()).map(KeyId::new);
        let counters = keys.filter(|&key| facts.history.key_type(key) == DataType::Counter);
        counters.map(|key| (key.index(), Tally::new(facts, facts.updates(key)))).collect()
    }

    fn new(facts: &Facts, updates: &[OpId]) -> Self {
        let sum = |bounds: Bounds, op: OpId| bounds.with(facts.amount(op));
        let mut own: FxHashMap<usize, Own> = FxHashMap::default();
        let mut by_invocation: Vec<(i64, OpId)> = Vec::new();
        for &op in updates {
            own.entry(facts.history.session(op).index()).or_default().updates.push(op);
            by_invocation.extend(facts.invoked(op).map(|invoked| (invoked, op)));
        }
        by_invocation.sort_unstable();
        let rest = suffixes(by_invocation.iter().map(|&(_, op)| facts.amount(op)));
        for own in own.values_mut() {
            own.updates.sort_unstable_by_key(|&op| place(facts, op));
            own.rest = suffixes(own.updates.iter().map(|&op| facts.amount(op)));
            own.timed = own.updates.iter().all(|&op| facts.invoked(op).is_some())
                && own.updates.is_sorted_by_key(|&op| facts.invoked(op));
            own.certain = own.updates.iter().all(|&op| facts.history.status(op) == Status::Ok);
        }
        let invoked = by_invocation.into_iter().map(|(invoked, _)| invoked).zip(rest).collect();
        Tally { total: updates.iter().fold(Bounds::default(), |bounds, &op| sum(bounds, op)), invoked, own }
    }

    /// How much all that a read may have seen can take away and add.
    pub(super) fn bounds(&self, facts: &Facts, read: OpId) -> Bounds {
        if self.total.at_the_end() {
            let updates = facts.updates(facts.history.key(read)).iter().filter(|&&op| facts.possible(op, read));
            return updates.fold(Bounds::default(), |bounds, &op| bounds.with(facts.amount(op)));
        }
        let mut bounds = self.total;
        let completed = facts.completed(read);
        if let Some(completed) = completed {
            let after = self.invoked.partition_point(|&(invoked, _)| invoked <= completed);
            bounds = bounds.without(self.invoked.get(after).map_or(Bounds::default(), |&(_, rest)| rest));
        }
        let Some(own) = self.own.get(&facts.history.session(read).index()) else { return bounds };
        let from = own.updates.partition_point(|&op| place(facts, op) <= place(facts, read));
        for (&op, &rest) in own.updates[from..].iter().zip(&own.rest[from..]) {
            if facts.real_time(read, op) {
                if own.timed {
                    break;
                }
            } else if completed.is_none() && own.certain && facts.so.settled(facts.so.place(read), facts.so.place(op)) {
                bounds = bounds.without(rest);
                break;
            } else if facts.so.before(read, op) {
                bounds = bounds.without(Bounds::default().with(facts.amount(op)));
            }
        }
        bounds
    }
}

/// Where an operation stands in its session.
fn place(facts: &Facts, op: OpId) -> (usize, bool, Option<i64>, OpId) {
    (facts.so.place(op), facts.history.status(op) == Status::Ok, facts.invoked(op), op)
}

/// By amount: the sum from it on.
fn suffixes(amounts: impl DoubleEndedIterator<Item = i128>) -> Vec<Bounds> {
    let sum = |rest: &mut Bounds, amount| {
        *rest = rest.with(amount);
        Some(*rest)
    };
    let mut rest: Vec<Bounds> = amounts.rev().scan(Bounds::default(), sum).collect();
    rest.reverse();
    rest
}
