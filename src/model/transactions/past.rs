//! What each transaction of `transactional-causal` saw: everything hb-before it. Only what an order contradicts is looked for.
//!
//! One pass along the order keeps the writers of each key placed so far; those behind the one whose value a read returned are candidates, in
//! a good order mostly none. Which of them are hb-before the reader is told by one walk back from it that does not go below the earliest.

use std::ops::Range;

use crate::relation::budget::{Budget, OutOfBudget};
use crate::relation::events::NONE;
use crate::relation::facts::Facts;
use crate::relation::graph::Extra;
use crate::relation::layout::Layout;
use crate::relation::overwritten::{Asked, Ordered};
use crate::relation::transactions::{Order, Read, Transactions};

use super::Sight;

/// Calls back with the sights that the order contradicts; of each session that does not overlap only the last, which the others precede.
pub(super) fn contradicted(
    facts: &Facts<'_>,
    transactions: &Transactions<'_>,
    layout: &Layout,
    mut each: impl FnMut(Sight),
) -> Result<(), OutOfBudget> {
    let none = Extra::new(0);
    let mut walk = Walk::new(Order { transactions, constraints: &none }, &layout.place, facts.budget);
    let explained = explained(facts, transactions, layout)?;
    let (mut explained, mut number) = (explained.into_iter().peekable(), 0..);
    let mut placed = Placed::new(transactions);
    // The reads of a transaction with candidates, and which these are.
    let mut reads: Vec<(Read, Range<usize>)> = Vec::new();
    // What reads that run against the order contradict is quadratic; what is left out here the next order shows.
    let mut left = transactions.len() + 1_000_000;
    // By session: the last read that one of its transactions was found for.
    let mut found_for = vec![NONE; transactions.sessions()];
    for &node in layout.order.iter().filter(|&&node| (node as usize) < transactions.len()) {
        let candidates = |read: Read| {
            let explained = explained.next_if_eq(&number.next().expect("numbers go on")).is_some();
            Some((read, placed.since(read, &layout.place))).filter(|(_, range)| !explained && !range.is_empty())
        };
        reads.clear();
        reads.extend(transactions.reads_of(node).filter_map(candidates));
        if let Some(lowest) = reads.iter().map(|(_, range)| layout.place[placed.writers[range.start] as usize]).min() {
            walk.back(node, lowest)?;
            for (read, range) in &reads {
                walk.count(range.len())?;
                for &seen in placed.writers[range.clone()].iter().rev().filter(|&&seen| walk.met(seen)) {
                    let session = transactions.session(seen) as usize;
                    if found_for[session] == read.op || left == 0 {
                        continue;
                    }
                    if transactions.in_chain(seen) {
                        found_for[session] = read.op;
                    }
                    left -= 1;
                    each(Sight { read: read.op, source: read.source, seen });
                }
            }
        }
        for (_, key) in transactions.writes_of(node) {
            placed.add(key, node);
        }
    }
    Ok(())
}

/// The numbers of some reads, as the order has them, that no candidate is hb-before ([`Ordered::explained`]).
fn explained(facts: &Facts<'_>, transactions: &Transactions<'_>, layout: &Layout) -> Result<Vec<usize>, OutOfBudget> {
    let (count, mut placed) = (transactions.len() as u32, Placed::new(transactions));
    let mut reads = Vec::new();
    for &node in layout.order.iter().filter(|&&node| node < count) {
        reads.extend(transactions.reads_of(node).map(|read| {
            let asked = Asked { node, key: read.key, source: read.source };
            (asked, placed.since(read, &layout.place).len())
        }));
        transactions.writes_of(node).for_each(|(_, key)| placed.add(key, node));
    }
    let hb = Order { transactions, constraints: &Extra::new(0) };
    let writes = |node: u32| (node < count).then(|| transactions.writes_of(node)).into_iter().flatten().map(|(_, key)| key);
    let (order, place, keys) = (&layout.order[..], &layout.place[..], facts.history.keys());
    Ordered { graph: &hb, extra: None, order, place, keys, writes }.explained(reads.into_iter(), facts.budget)
}

/// The writers of each key placed so far.
struct Placed {
    starts: Vec<u32>,
    counts: Vec<u32>,
    writers: Vec<u32>,
}

impl Placed {
    fn new(transactions: &Transactions<'_>) -> Self {
        let keys = transactions.history.keys();
        let mut starts = vec![0u32; keys + 1];
        for (_, key) in (0..transactions.len() as u32).flat_map(|node| transactions.writes_of(node)) {
            starts[key as usize + 1] += 1;
        }
        for key in 0..keys {
            starts[key + 1] += starts[key];
        }
        Placed { counts: vec![0; keys], writers: vec![0; starts[keys] as usize], starts }
    }

    fn add(&mut self, key: u32, writer: u32) {
        let count = &mut self.counts[key as usize];
        self.writers[(self.starts[key as usize] + *count) as usize] = writer;
        *count += 1;
    }

    /// Where in `writers` those of the read's key are that stand behind the one whose value it returned.
    #[inline]
    fn since(&self, read: Read, place: &[u32]) -> Range<usize> {
        let start = self.starts[read.key as usize] as usize;
        let end = start + self.counts[read.key as usize] as usize;
        let writers = &self.writers[start..end];
        let before = match (writers.last(), place.get(read.source as usize)) {
            (Some(&last), _) if last == read.source => writers.len(),
            (_, Some(&source)) => writers.partition_point(|&writer| place[writer as usize] <= source),
            (_, None) => 0,
        };
        start + before..end
    }
}

/// Walks back from one transaction after another.
struct Walk<'a> {
    hb: Order<'a>,
    place: &'a [u32],
    budget: &'a Budget,
    /// By node or junction: the last one whose walk met it.
    met: Vec<u32>,
    from: u32,
    stack: Vec<u32>,
    steps: usize,
}

impl<'a> Walk<'a> {
    fn new(hb: Order<'a>, place: &'a [u32], budget: &'a Budget) -> Self {
        Walk { hb, place, budget, met: vec![NONE; place.len()], from: NONE, stack: Vec::new(), steps: 0 }
    }

    /// Meets what is hb-before the node and not placed below.
    fn back(&mut self, node: u32, lowest: u32) -> Result<(), OutOfBudget> {
        self.from = node;
        self.stack.push(node);
        while let Some(to) = self.stack.pop() {
            self.count(1)?;
            let (met, place, stack) = (&mut self.met, self.place, &mut self.stack);
            self.hb.edges_into(to, |from, _| {
                if place[from as usize] >= lowest && std::mem::replace(&mut met[from as usize], node) != node {
                    stack.push(from);
                }
            });
        }
        Ok(())
    }

    /// Looks at the clock after so many steps.
    fn count(&mut self, steps: usize) -> Result<(), OutOfBudget> {
        self.steps += steps;
        if self.steps >= 4096 {
            self.steps = 0;
            self.budget.check()?;
        }
        Ok(())
    }

    fn met(&self, node: u32) -> bool {
        self.met[node as usize] == self.from
    }
}
