//! Certificates: do the reads of lists, sets and counters show what is visible to them, and nothing that has to be gone (models.md 5)?
//!
//! A read is looked into only where something came before it in the order of the walk that it may not ignore, and then by a search back
//! from it that never goes below the first such operation. Whether a remove happened before an add is asked once of each pair. Cost:
//! for each read the operations on its key, and the searches, each as long as a view is old.

use rustc_hash::{FxHashMap, FxHashSet};

use super::elements::Bounds;
use super::facts::{Facts, Origin, written};
use super::past::{Extra, Node, Past, Rules, Seen};
use super::refusal::{Refusal, require};
use crate::history::{DataType, Kind, OpId, ValueId};
use crate::model::Guarantees;

/// What visibility asks of reads of lists, sets and counters.
pub(super) struct Showing<'a, 'h> {
    facts: &'a Facts<'h>,
    past: &'a Past<'a, 'h>,
    rules: Rules,
    /// Do sums take in what their session saw before?
    monotonic: bool,
    /// By node: its place in an order that keeps visibility; empty where none is known.
    rank: &'a [u32],
    /// What is visible beyond the past.
    extra: &'a Extra,
    seen: Seen,
    /// By remove and add: did the one happen before the other?
    undone: FxHashMap<(OpId, OpId), bool>,
    /// By session and key: the sums read.
    sums: FxHashMap<(usize, usize), Vec<OpId>>,
}

impl<'a, 'h> Showing<'a, 'h> {
    pub(super) fn new(
        facts: &'a Facts<'h>,
        past: &'a Past<'a, 'h>,
        rules: Rules,
        rank: &'a [u32],
        extra: &'a Extra,
        reads: impl Iterator<Item = OpId>,
    ) -> Self {
        let h = facts.history;
        let mut sums: FxHashMap<(usize, usize), Vec<OpId>> = FxHashMap::default();
        for op in reads.filter(|&op| facts.key_type(op) == DataType::Counter && facts.reads(op)) {
            sums.entry((h.session(op).index(), h.key(op).index())).or_default().push(op);
        }
        let monotonic = rules.guarantees.contains(Guarantees::MR);
        Showing { facts, past, rules, monotonic, rank, extra, seen: Seen::default(), undone: FxHashMap::default(), sums }
    }

    /// Does the read show what it must?
    pub(super) fn check(&mut self, op: OpId) -> Result<(), Refusal> {
        let Some(read) = self.past.read(op).filter(|_| self.facts.origin(op) == Origin::Shown) else { return Ok(()) };
        match self.facts.key_type(op) {
            DataType::Register => Ok(()),
            DataType::List | DataType::Set => self.elements(op, read),
            DataType::Counter => self.sum(op, read),
        }
    }

    /// No element that has to be visible is missing, and no member is there that has to be gone.
    fn elements(&mut self, op: OpId, read: Node) -> Result<(), Refusal> {
        let (h, facts) = (self.facts.history, self.facts);
        let shown: FxHashSet<ValueId> = facts.elements(op).iter().copied().collect();
        // What contradicts the read if it is visible to it.
        let mut wrong: Vec<Node> = Vec::new();
        for group in facts.updates(h.key(op)).chunk_by(|&a, &b| written(h, a) == written(h, b)) {
            let is_there = h.written_value(group[0]).is_some_and(|element| shown.contains(&element));
            let removes = || group.iter().copied().filter(|&update| h.kind(update) == Kind::Remove);
            let adds = || group.iter().copied().filter(|&update| h.kind(update) != Kind::Remove);
            for (update, node) in group.iter().filter_map(|&update| Some((update, self.past.write(update)?))) {
                let contradicts = (h.kind(update) == Kind::Remove) == is_there && self.may_precede(node, read);
                let excused = |this: &mut Self| match is_there {
                    true => adds().any(|add| facts.possible(add, op) && !this.happened_before(add, update)),
                    false => removes().any(|remove| !facts.comes_later(remove, op) && !this.happened_before(remove, update)),
                };
                if contradicts && !excused(self) {
                    wrong.push(node);
                }
            }
        }
        let found = self.visible(read, &wrong);
        require(!found, || Refusal::about(h, op, "lacks an element that is visible to it, or has one whose removal is"))
    }

    /// The sum is one that what is visible and what is possible make.
    fn sum(&mut self, op: OpId, read: Node) -> Result<(), Refusal> {
        let (h, facts) = (self.facts.history, self.facts);
        let (updates, initial) = (facts.updates(h.key(op)), facts.integer(h.initial(h.key(op))));
        let (possible, sum) = (facts.bounds(op), facts.sum(op));
        let node = |&update: &OpId| Some((self.past.write(update)?, facts.amount(update)));
        let nodes: FxHashMap<usize, i128> =
            updates.iter().filter_map(node).map(|(node, amount)| (node.index(), amount)).collect();
        let fits = |visible: Bounds| {
            let least = initial.saturating_add(possible.negative).saturating_add(visible.positive);
            let greatest = initial.saturating_add(possible.positive).saturating_add(visible.negative);
            least <= sum && sum <= greatest
        };
        let earlier = updates.iter().filter_map(node).filter(|&(node, _)| self.may_precede(node, read));
        // If even all that may be visible fits, no search is needed.
        if !fits(earlier.fold(Bounds::default(), |bounds, (_, amount)| bounds.with(amount))) {
            let mut visible = Bounds::default();
            self.past.search(self.rules, self.extra, read, &mut self.seen, |node| {
                visible = nodes.get(&node.index()).map_or(visible, |&amount| visible.with(amount));
                true
            });
            require(fits(visible), || Refusal::about(h, op, "returned a sum that no operations it may have seen add up to"))?;
        }
        let before = self.sums.get(&(h.session(op).index(), h.key(op).index())).map_or(&[][..], Vec::as_slice);
        let continues = |&earlier: &OpId| {
            let before = facts.sum(earlier);
            !facts.so.before(earlier, op)
                || before.saturating_add(possible.negative) <= sum && sum <= before.saturating_add(possible.positive)
        };
        let monotonic = !self.monotonic || before.iter().all(continues);
        require(monotonic, || Refusal::about(h, op, "returned a sum that does not follow from what its session read before"))
    }

    /// May a node be before another, by the order known?
    fn may_precede(&self, node: Node, read: Node) -> bool {
        self.rank.is_empty() || self.rank[node.index()] < self.rank[read.index()]
    }

    /// Is one of these before the read?
    fn visible(&mut self, read: Node, wanted: &[Node]) -> bool {
        let rank = |node: Node| self.rank.get(node.index()).copied().unwrap_or(0);
        let Some(lowest) = wanted.iter().map(|&node| rank(node)).min() else { return false };
        let mut found = false;
        self.past.search(self.rules, self.extra, read, &mut self.seen, |node| {
            found |= wanted.contains(&node);
            !found && rank(node) >= lowest
        });
        found
    }

    fn happened_before(&mut self, write: OpId, later: OpId) -> bool {
        *self.undone.entry((write, later)).or_insert_with(|| self.past.happened_before(write, later, &mut self.seen))
    }
}
