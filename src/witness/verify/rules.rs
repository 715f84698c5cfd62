//! Certificates: do the reads of lists, sets and counters show what is visible to them, and nothing that has to be gone (models.md 5)?
//!
//! A read is looked into only where something came before it in the order of the walk that it may not ignore, and then by a search back
//! from it that never goes below the first such operation. Whether a remove happened before an add is asked once of each pair. Cost:
//! for each read of a list or set the operations on its key, and the searches, each as long as a view is old; a sum that is not what all
//! before it in that order make is searched for all that it saw.

use rustc_hash::{FxHashMap, FxHashSet};

use super::facts::{Facts, Origin, written};
use super::past::{Extra, Node, Past, Rules, Seen};
use super::refusal::{Refusal, require};
use super::tally::Bounds;
use crate::history::{DataType, Kind, OpId, ValueId};
use crate::model::Guarantees;

/// What visibility asks of reads of lists, sets and counters.
pub(super) struct Showing<'a, 'h> {
    facts: &'a Facts<'h>,
    past: &'a Past<'a, 'h>,
    rules: Rules,
    /// By node: its place in an order that keeps visibility. Those that no order has are visible to nothing.
    rank: &'a [u32],
    /// What is visible beyond the past.
    extra: &'a Extra,
    seen: Seen,
    /// By remove and add: did the one happen before the other?
    undone: FxHashMap<(OpId, OpId), bool>,
    /// By counter: its operations by rank, each with what they make up to it.
    made: FxHashMap<usize, Vec<(u32, Bounds)>>,
    /// By read of a counter: the least and greatest sum that its session read before, where it sees what it saw.
    before: FxHashMap<OpId, Span>,
}

/// The least and the greatest of some sums.
#[derive(Clone, Copy)]
struct Span {
    least: i128,
    greatest: i128,
}

impl Span {
    fn join(span: Option<Span>, other: Option<Span>) -> Option<Span> {
        let (Some(a), Some(b)) = (span, other) else { return span.or(other) };
        Some(Span { least: a.least.min(b.least), greatest: a.greatest.max(b.greatest) })
    }
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
        let monotonic = rules.guarantees.contains(Guarantees::MR);
        let sums = reads.filter(|&op| monotonic && facts.key_type(op) == DataType::Counter && facts.reads(op));
        Showing {
            facts,
            past,
            rules,
            rank,
            extra,
            seen: Seen::default(),
            undone: FxHashMap::default(),
            made: FxHashMap::default(),
            before: sums_before(facts, sums.collect()),
        }
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
        let (initial, possible, sum) = (facts.integer(h.initial(h.key(op))), facts.bounds(op), facts.sum(op));
        let fits = |visible: Bounds| {
            let least = initial.saturating_add(possible.negative).saturating_add(visible.positive);
            let greatest = initial.saturating_add(possible.positive).saturating_add(visible.negative);
            least <= sum && sum <= greatest
        };
        // If even all that may be visible fits, no search is needed.
        if !fits(self.made_before(op, read)) {
            let changes = |node: Node| self.past.as_write(node).filter(|&write| h.key(write) == h.key(op));
            let mut visible = Bounds::default();
            self.past.search(self.rules, self.extra, read, &mut self.seen, |node| {
                visible = changes(node).map_or(visible, |write| visible.with(facts.amount(write)));
                true
            });
            require(fits(visible), || Refusal::about(h, op, "returned a sum that no operations it may have seen add up to"))?;
        }
        let follows = self.before.get(&op).is_none_or(|before| {
            let least = before.greatest.saturating_add(possible.negative);
            let greatest = before.least.saturating_add(possible.positive);
            least <= sum && sum <= greatest
        });
        require(follows, || Refusal::about(h, op, "returned a sum that does not follow from what its session read before"))
    }

    /// What all of a counter's operations before a read in the order known make.
    fn made_before(&mut self, op: OpId, read: Node) -> Bounds {
        let key = self.facts.history.key(op);
        let made = self.made.entry(key.index()).or_insert_with(|| {
            let updates = self.facts.updates(key).iter();
            let ranked =
                updates.filter_map(|&update| Some((self.rank[self.past.write(update)?.index()], self.facts.amount(update))));
            let mut ranked: Vec<(u32, i128)> = ranked.collect();
            ranked.sort_unstable();
            let sum = |sum: &mut Bounds, (rank, amount)| {
                *sum = sum.with(amount);
                Some((rank, *sum))
            };
            ranked.into_iter().scan(Bounds::default(), sum).collect()
        });
        let before = made.partition_point(|&(rank, _)| rank < self.rank[read.index()]);
        before.checked_sub(1).map_or(Bounds::default(), |last| made[last].1)
    }

    /// May a node be before another, by the order known?
    fn may_precede(&self, node: Node, read: Node) -> bool {
        self.rank[node.index()] < self.rank[read.index()]
    }

    /// Is one of these before the read?
    fn visible(&mut self, read: Node, wanted: &[Node]) -> bool {
        let rank = |node: Node| self.rank[node.index()];
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

/// By read of a counter: what its session read of it before. Session after session in the order of places, as in one order's checks: what
/// all that is still to come follows is kept together, the rest one by one.
fn sums_before(facts: &Facts, mut sums: Vec<OpId>) -> FxHashMap<OpId, Span> {
    let (h, so) = (facts.history, &facts.so);
    let group = |op: OpId| (h.session(op), h.key(op));
    sums.sort_unstable_by_key(|&op| (group(op), so.place(op), op));
    let mut before = FxHashMap::default();
    for sums in sums.chunk_by(|&a, &b| group(a) == group(b)) {
        let mut settled: Option<Span> = None;
        let mut recent: Vec<OpId> = Vec::new();
        let span = |op: OpId| Some(Span { least: facts.sum(op), greatest: facts.sum(op) });
        for &op in sums {
            recent.retain(|&earlier| {
                let over = so.settled(so.place(earlier), so.place(op));
                if over {
                    settled = Span::join(settled, span(earlier));
                }
                !over
            });
            let overlapping = recent.iter().filter(|&&earlier| so.before(earlier, op));
            let known = overlapping.fold(settled, |known, &earlier| Span::join(known, span(earlier)));
            before.extend(known.map(|known| (op, known)));
            recent.push(op);
        }
    }
    before
}
