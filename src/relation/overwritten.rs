//! Which of these reads saw that what they returned was overwritten? First each by itself, where little lies between; the rest for 64
//! sources at once.
//!
//! One pass along an order that extends the graph carries three words a node, a bit a source w: is the node after w; did it see a write of
//! the key that the order puts after w; did it see one that is itself after w. What is after w may be told by more edges than what is seen.
//! A bit is one source's from where that stands to its last reader, and then [another's](lanes): a pass may tell of any number of sources,
//! if no more than 64 have readers to come at a time. Cost: O(nodes and edges) for each 64 of the most that do, whatever the number of
//! sessions; passes run in parallel, 24 bytes each for a node from the first of its sources to the last of their readers.

mod lanes;
mod near;

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::budget::{Budget, OutOfBudget};
use super::digraph::Digraph;
use super::events::{Events, NONE};
use super::graph::Extra;
use lanes::Lane;
use near::Near;

/// A read to be told about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Asked {
    /// The node that read,
    pub(crate) node: u32,
    /// what,
    pub(crate) key: u32,
    /// and the node whose write it returned; [`NONE`] for the initial value.
    pub(crate) source: u32,
}

impl Asked {
    /// A read of a register that is a node of its own.
    pub(crate) fn event(events: &Events, read: u32) -> Self {
        Asked { node: read, key: events.key[read as usize], source: events.source[read as usize] }
    }
}

/// What a read saw.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Told {
    /// A write of its key that the order puts after the source.
    pub(crate) newer: bool,
    /// One that the graph, with the extra edges, has after the source.
    pub(crate) overwritten: bool,
}

/// An order of all nodes that extends a graph, and what the nodes write.
pub(crate) struct Ordered<'a, G, W> {
    pub(crate) graph: &'a G,
    /// Edges that the order extends too, along which nothing is seen.
    pub(crate) extra: Option<&'a Extra>,
    pub(crate) order: &'a [u32],
    pub(crate) place: &'a [u32],
    pub(crate) keys: usize,
    /// The keys that a node writes.
    pub(crate) writes: W,
}

/// So many sources in one pass.
const WIDTH: usize = if cfg!(test) { 3 } else { u64::BITS as usize };

/// The bits of one node.
#[derive(Clone, Copy, Default)]
struct Bits {
    after: u64,
    newer: u64,
    overwritten: u64,
}

/// Who has the bits of a pass.
struct Turns {
    /// By bit: the key of the source that has it, or had it last.
    keys: [u32; u64::BITS as usize],
    /// The bits of sources that are there by now.
    started: u64,
    /// Where bits last went from one to another: what stands before does not have them.
    taken: Vec<(u32, u64)>,
}

impl Turns {
    /// A source has its bit from now on.
    fn take(&mut self, lane: &Lane, mask: &mut [u64]) {
        let bit = lane.bit();
        let before = std::mem::replace(&mut self.keys[bit.trailing_zeros() as usize], lane.key);
        if before != NONE {
            mask[before as usize] &= !bit;
            self.taken.retain(|taken| taken.1 != bit);
            self.taken.push((lane.first, bit));
        }
        mask[lane.key as usize] |= bit;
        self.started |= bit;
    }

    /// The bits that mean the same now as they did at a place.
    #[inline]
    fn kept(&self, place: u32) -> u64 {
        self.taken.iter().rev().take_while(|taken| taken.0 > place).fold(!0, |kept, taken| kept & !taken.1)
    }
}

impl<G, W> Ordered<'_, G, W> {
    /// Where the extra edges into a node come from.
    fn extra(&self, node: u32) -> impl Iterator<Item = u32> {
        self.extra.into_iter().flat_map(move |extra| extra.into(node).map(|(_, from, _)| from))
    }
}

impl<G: Digraph + Sync, W: Fn(u32) -> I + Sync, I: Iterator<Item = u32>> Ordered<'_, G, W> {
    /// What each of the reads saw.
    pub(crate) fn tell(&self, asked: &[Asked], budget: &Budget) -> Result<Vec<Told>, OutOfBudget> {
        let told = self.tell_until(asked, &|_, _| false, budget)?;
        Ok(told.into_iter().map(|told| told.expect("one or the other tells")).collect())
    }

    /// What each of them saw, or only of some if one saw what is enough.
    pub(crate) fn tell_until(
        &self,
        asked: &[Asked],
        enough: &(impl Fn(&Asked, Told) -> bool + Sync),
        budget: &Budget,
    ) -> Result<Vec<Option<Told>>, OutOfBudget> {
        let done = AtomicBool::new(false);
        let look = |asked: &Asked, told: Told| {
            if enough(asked, told) {
                done.store(true, Ordering::Relaxed);
            }
        };
        let near: Result<Vec<Option<Told>>, OutOfBudget> = asked
            .par_iter()
            .map_init(Near::default, |near, asked| {
                let told = if done.load(Ordering::Relaxed) { None } else { near.tell(self, asked, budget)? };
                told.into_iter().for_each(|told| look(asked, told));
                Ok(told)
            })
            .collect();
        let mut told = near?;
        if done.load(Ordering::Relaxed) {
            return Ok(told);
        }
        let mut by_source: Vec<usize> = (0..asked.len()).filter(|&i| told[i].is_none()).collect();
        by_source.sort_unstable_by_key(|&i| (asked[i].source, asked[i].key, asked[i].node));
        let passes = lanes::passes(asked, &by_source, self.place, self.order.len(), rayon::current_num_threads());
        let found: Result<Vec<Vec<(usize, Told)>>, OutOfBudget> = passes
            .par_iter()
            .with_max_len(1)
            .map_init(Vec::new, |mask, lanes| {
                mask.resize(self.keys, 0);
                let mut told = Vec::new();
                self.pass(lanes, asked, &by_source, mask, budget, |i, answer| {
                    told.push((i, answer));
                    look(&asked[i], answer);
                    done.load(Ordering::Relaxed)
                })?;
                Ok(told)
            })
            .collect();
        found?.into_iter().flatten().for_each(|(i, answer)| told[i] = Some(answer));
        Ok(told)
    }

    /// Which reads see none of the writes that the order puts between what they returned and themselves? Each comes with how many those
    /// are; told, by number and ascending, of some that have many. Only where they are so many in all, as where a session goes on reading
    /// one old value, that passes tell sooner than questions about each.
    pub(crate) fn explained(
        &self,
        reads: impl Iterator<Item = (Asked, usize)>,
        budget: &Budget,
    ) -> Result<Vec<usize>, OutOfBudget> {
        const MANY: usize = 64;
        let (mut numbers, mut asked, mut questions) = (Vec::new(), Vec::new(), 0);
        for (number, (read, between)) in reads.enumerate().filter(|&(_, (_, between))| between > MANY) {
            numbers.push(number);
            asked.push(read);
            questions += between;
        }
        let mut sources: Vec<(u32, u32)> = asked.iter().map(|asked| (asked.source, asked.key)).collect();
        sources.sort_unstable();
        sources.dedup();
        if questions / 4 < sources.len().div_ceil(WIDTH) * self.order.len() {
            return Ok(Vec::new());
        }
        let told = self.tell(&asked, budget)?;
        Ok(numbers.into_iter().zip(told).filter(|(_, told)| !told.newer).map(|(number, _)| number).collect())
    }

    /// One pass; it says what each of those who ask saw, and ends when it hears that this was enough. `mask` has no bit set, before and
    /// after.
    fn pass(
        &self,
        lanes: &[Lane],
        asked: &[Asked],
        by_source: &[usize],
        mask: &mut [u64],
        budget: &Budget,
        mut enough: impl FnMut(usize, Told) -> bool,
    ) -> Result<(), OutOfBudget> {
        let first = lanes.iter().map(|lane| lane.first).min().unwrap_or(0);
        let last = lanes.iter().map(|lane| lane.last).max().unwrap_or(0);
        let mut asking: Vec<(u32, u64, usize)> = lanes
            .iter()
            .flat_map(|lane| {
                by_source[lane.asked.clone()].iter().map(move |&i| (self.place[asked[i].node as usize], lane.bit(), i))
            })
            .collect();
        asking.sort_unstable();
        let mut asking = asking.into_iter().peekable();
        let mut turns = Turns { keys: [NONE; u64::BITS as usize], started: 0, taken: Vec::new() };
        // Initial values are there before the first node.
        lanes.iter().filter(|lane| lane.source == NONE).for_each(|lane| turns.take(lane, mask));
        let mut starting = lanes.iter().filter(|lane| lane.source != NONE).peekable();
        let mut passed: Vec<Bits> = Vec::with_capacity((last - first) as usize + 1);
        'pass: for (place, &node) in (first..=last).zip(&self.order[first as usize..]) {
            if place % 4096 == 0 {
                budget.check()?;
            }
            let mut bits = Bits::default();
            // What stands before the first source is after none.
            let of = |from: u32| {
                let from = self.place[from as usize];
                let Bits { after, newer, overwritten } =
                    from.checked_sub(first).map_or(Bits::default(), |at| passed[at as usize]);
                let kept = turns.kept(from);
                Bits { after: after & kept, newer: newer & kept, overwritten: overwritten & kept }
            };
            self.graph.sources(node, |from| {
                let from = of(from);
                bits.after |= from.after;
                bits.newer |= from.newer;
                bits.overwritten |= from.overwritten;
            });
            bits.after |= self.extra(node).fold(0, |all, from| all | of(from).after);
            while let Some((_, bit, i)) = asking.next_if(|asking| asking.0 == place) {
                if enough(i, Told { newer: bits.newer & bit != 0, overwritten: bits.overwritten & bit != 0 }) {
                    break 'pass;
                }
            }
            for key in (self.writes)(node) {
                bits.overwritten |= bits.after & mask[key as usize];
                bits.newer |= turns.started & mask[key as usize];
            }
            while let Some(lane) = starting.next_if(|lane| lane.first == place) {
                turns.take(lane, mask);
                bits.after |= lane.bit();
                bits.newer &= !lane.bit();
                bits.overwritten &= !lane.bit();
            }
            passed.push(bits);
        }
        lanes.iter().for_each(|lane| mask[lane.key as usize] = 0);
        Ok(())
    }
}
