//! After a few new constraints: moves what they concern, and looks only at the reads that this may matter to.
//!
//! A constraint "x before w" that an order breaks concerns only what stands from w to x; everything else may stay (Pearce & Kelly, *A
//! dynamic topological sort algorithm for directed acyclic graphs*, JEA 2006). A write comes to stand between a read and the write that
//! it returned only where two of the three changed sides, so only such pairs are asked about, by walks: they are few and near. Cost: the
//! stretches laid out anew, a look at the reads in them and at the readers of writes that changed sides, and a glance at every read, which
//! tells who those are.

use rayon::prelude::*;
use rustc_hash::FxHashSet;

use crate::relation::budget::{Budget, OutOfBudget};
use crate::relation::events::NONE;

use super::key_order::{KeyOrder, places};
use super::order::{Edges, LayOut};
use super::walk::Walker;
use super::{Nodes, Read};

/// An order that is mended again and again.
pub(crate) struct Mending<'a, N> {
    nodes: &'a N,
    budget: &'a Budget,
    pub(crate) order: Vec<u32>,
    pub(crate) place: Vec<u32>,
    keys: KeyOrder<'a>,
    /// The reads of which a sweep did not find everything.
    partly: FxHashSet<u32>,
}

/// What came of mending.
pub(crate) enum Mended {
    /// The constraints are cyclic. The order is as it was.
    Cyclic,
    /// The order extends all edges. So much has moved that all reads had better be looked at anew; the rest is as it was.
    TooMuch,
    /// The order extends all edges. These (w, x, read) are unexplained now, and were not before.
    Unexplained(Vec<(u32, u32, u32)>),
}

impl<'a, N: Nodes> Mending<'a, N> {
    /// Of an order, with the writes of each key in it, and the reads that were only partly looked at.
    pub(crate) fn new(
        nodes: &'a N,
        budget: &'a Budget,
        order: Vec<u32>,
        keys: KeyOrder<'a>,
        partly: impl Iterator<Item = u32>,
    ) -> Self {
        Mending { nodes, budget, place: places(&order), order, keys, partly: partly.collect() }
    }

    /// Makes the order extend the edges, of which it breaks only the (w, x, read) of `fresh`.
    pub(crate) fn mend(&mut self, edges: &Edges, fresh: &[(u32, u32, u32)]) -> Result<Mended, OutOfBudget> {
        let parts = self.parts(fresh);
        let moving: usize = parts.iter().map(|&(first, last)| (last - first) as usize + 1).sum();
        let Some(laid) = self.lay_out(&parts, moving, edges)? else { return Ok(Mended::Cyclic) };
        let mut laid = laid.iter().flatten();
        for &(first, last) in &parts {
            self.order[first as usize..=last as usize].iter_mut().zip(&mut laid).for_each(|(e, &laid)| *e = laid);
        }
        if moving > self.order.len() / 4 {
            return Ok(Mended::TooMuch);
        }
        let before = self.place.clone();
        for &(first, last) in &parts {
            (first..=last).for_each(|place| self.place[self.order[place as usize] as usize] = place);
        }
        let changed = self.reorder_keys(&parts, &before);
        self.look(&parts, &before, &changed).map(Mended::Unexplained)
    }

    /// The nodes of the stretches, one after another, as the edges want them; `None` where they are cyclic.
    fn lay_out(&self, parts: &[(u32, u32)], moving: usize, edges: &Edges) -> Result<Option<Vec<Vec<u32>>>, OutOfBudget> {
        /// A share has so many nodes at least.
        const LEAST: usize = 1 << 13;
        let shares = (moving / LEAST).clamp(1, 8 * rayon::current_num_threads());
        let shares = parts.par_chunks(parts.len().div_ceil(shares).max(1));
        let laid = shares.map(|parts| {
            let mut lay_out = LayOut::new(self.nodes, edges, self.budget);
            let mut laid = Vec::new();
            for &(first, last) in parts {
                let part = &self.order[first as usize..=last as usize];
                if !lay_out.run_part(part, |e| self.place[e as usize] < first, &mut laid)? {
                    return Ok(None);
                }
            }
            Ok(Some(laid))
        });
        laid.collect()
    }

    /// The stretches that the edges concern, joined where they overlap.
    fn parts(&self, fresh: &[(u32, u32, u32)]) -> Vec<(u32, u32)> {
        let mut parts: Vec<(u32, u32)> =
            fresh.iter().map(|&(w, x, _)| (self.place[w as usize], self.place[x as usize])).collect();
        parts.sort_unstable();
        let mut joined: Vec<(u32, u32)> = Vec::new();
        for (first, last) in parts {
            match joined.last_mut() {
                Some(before) if first <= before.1 => before.1 = before.1.max(last),
                _ => joined.push((first, last)),
            }
        }
        joined
    }

    /// Brings the writes of each key into the new order. By node: a write of it may have changed sides with another of its key.
    fn reorder_keys(&mut self, parts: &[(u32, u32)], before: &[u32]) -> Vec<bool> {
        let mut changed = vec![false; self.order.len()];
        // By key: where the next write of the part goes. A part holds a run of the key's writes, before and after.
        let mut next: Vec<u32> = vec![NONE; self.nodes.key_starts().len() - 1];
        let mut run: Vec<(usize, u32)> = Vec::new();
        for &(first, last) in parts {
            let part = &self.order[first as usize..=last as usize];
            for (write, key) in part.iter().flat_map(|&e| self.nodes.writes(e).map(move |key| (e, key as usize))) {
                let writes = self.keys.of_mut(key);
                if next[key] == NONE {
                    next[key] = writes.partition_point(|&x| before[x as usize] < first) as u32;
                    run.push((key, next[key]));
                }
                let slot = &mut writes[next[key] as usize];
                // What is overwritten is met again further on in the part.
                if *slot != write {
                    changed[write as usize] = true;
                    *slot = write;
                }
                next[key] += 1;
            }
            for (key, start) in run.drain(..) {
                // One that kept its slot may yet have others that went past it.
                let moved = &self.keys.of(key)[start as usize..next[key] as usize];
                if moved.iter().any(|&x| changed[x as usize]) {
                    moved.iter().for_each(|&x| changed[x as usize] = true);
                }
                next[key] = NONE;
            }
        }
        changed
    }

    /// The reads that have come to be unexplained.
    fn look(&self, parts: &[(u32, u32)], before: &[u32], changed: &[bool]) -> Result<Vec<(u32, u32, u32)>, OutOfBudget> {
        let mut walker = Walker::new(self.nodes, self.budget);
        let mut found = Vec::new();
        // Of the node at hand: the (x, read) to ask about.
        let mut asking: Vec<(u32, Read)> = Vec::new();
        for (reader, moved) in self.readers(parts, changed) {
            for read in self.nodes.reads(reader).filter(|read| read.source < NONE && (moved || changed[read.source as usize])) {
                asking.extend(self.between(reader, read, before).map(|x| (x, read)));
            }
            if let Some(lowest) = asking.iter().map(|&(x, _)| self.place[x as usize]).min() {
                walker.walk(&self.place, reader, lowest)?;
                let met = asking.drain(..).filter(|&(x, _)| walker.met(x));
                found.extend(met.map(|(x, read)| (read.source, x, read.event)));
            }
        }
        Ok(found)
    }

    /// The nodes that stand in a part, and those that read from a write that may have changed sides; does it stand in a part?
    fn readers(&self, parts: &[(u32, u32)], changed: &[bool]) -> Vec<(u32, bool)> {
        let moved = |e: u32| {
            let place = self.place[e as usize];
            parts[..parts.partition_point(|&(first, _)| first <= place)].last().is_some_and(|&(_, last)| place <= last)
        };
        let concerned = |e: &u32| self.nodes.reads(*e).any(|read| read.source < NONE && changed[read.source as usize]);
        let all = (0..self.order.len() as u32).into_par_iter().with_min_len(1 << 14);
        let mut readers: Vec<(u32, bool)> = all.filter(concerned).filter(|&e| !moved(e)).map(|e| (e, false)).collect();
        let inside = parts.iter().flat_map(|&(first, last)| &self.order[first as usize..=last as usize]);
        readers.extend(inside.map(|&e| (e, true)));
        readers
    }

    /// The writes that stand between what a read returned and the read, and did not before (or were not all asked about).
    fn between(&self, reader: u32, read: Read, before: &[u32]) -> impl Iterator<Item = u32> {
        let place = |e: u32| self.place[e as usize];
        let (from, to) = (place(read.source), place(reader));
        let all = self.partly.contains(&read.event);
        let was_between = move |x: u32| {
            !all && before[read.source as usize] < before[x as usize] && before[x as usize] < before[reader as usize]
        };
        let writes = self.keys.of(read.key as usize);
        let after = writes.partition_point(|&x| place(x) <= from);
        writes[after..].iter().copied().take_while(move |&x| place(x) < to).filter(move |&x| !was_between(x))
    }
}
