//! After a few new constraints: moves what they concern, and looks only at the reads that this may matter to.
//!
//! A constraint "x before w" that an order breaks concerns only what stands from w to x; everything else may stay (Pearce & Kelly, *A
//! dynamic topological sort algorithm for directed acyclic graphs*, JEA 2006). A write comes to stand between a read and the write that
//! it returned only where two of the three changed sides, so only such pairs are asked about, by walks: they are few and near. Cost: the
//! stretches laid out anew, a look at the reads in them and at the readers of writes that changed sides.

use crate::relation::budget::{Budget, OutOfBudget};
use crate::relation::events::{NONE, WRITE};

use super::Chains;
use super::key_order::{KeyOrder, places};
use super::order::{Edges, LayOut};
use super::walk::Walker;

/// An order that is mended again and again.
pub(crate) struct Mending<'a> {
    chains: &'a Chains<'a>,
    budget: &'a Budget,
    pub(crate) order: Vec<u32>,
    place: Vec<u32>,
    keys: KeyOrder<'a>,
}

/// What came of mending.
pub(crate) enum Mended {
    /// The constraints are cyclic.
    Cyclic,
    /// So much would move that everything had better be laid out anew. Nothing has.
    TooMuch,
    /// The order extends all edges. These (w, x, read) are unexplained now, and were not before.
    Unexplained(Vec<(u32, u32, u32)>),
}

impl<'a> Mending<'a> {
    /// Of an order, with the writes of each key in it.
    pub(crate) fn new(chains: &'a Chains<'a>, budget: &'a Budget, order: Vec<u32>, keys: KeyOrder<'a>) -> Self {
        Mending { chains, budget, place: places(&order), order, keys }
    }

    /// Makes the order extend the edges, of which it breaks only the (w, x, read) of `fresh`.
    pub(crate) fn mend(&mut self, edges: &Edges, fresh: &[(u32, u32, u32)]) -> Result<Mended, OutOfBudget> {
        let parts = self.parts(fresh);
        let moving: usize = parts.iter().map(|&(first, last)| (last - first) as usize + 1).sum();
        if moving > self.order.len() / 4 {
            return Ok(Mended::TooMuch);
        }
        let before = self.place.clone();
        let mut lay_out = LayOut::new(self.chains, edges, self.budget);
        let mut laid = Vec::new();
        for &(first, last) in &parts {
            laid.clear();
            let part = &mut self.order[first as usize..=last as usize];
            if !lay_out.run_part(part, |e| before[e as usize] < first, &mut laid)? {
                return Ok(Mended::Cyclic);
            }
            part.copy_from_slice(&laid);
            for (place, &e) in (first..).zip(&laid) {
                self.place[e as usize] = place;
            }
        }
        let changed = self.reorder_keys(&parts, &before);
        self.look(&parts, &before, &changed).map(Mended::Unexplained)
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

    /// Brings the writes of each key into the new order. By event, a bit: the write may have changed sides with another of its key.
    fn reorder_keys(&mut self, parts: &[(u32, u32)], before: &[u32]) -> Vec<bool> {
        let events = self.chains.events;
        let mut changed = vec![false; self.order.len()];
        // By key: where the next write of the part goes. A part holds a run of the key's writes, before and after.
        let mut next: Vec<u32> = vec![NONE; events.key_starts.len() - 1];
        let mut run: Vec<(usize, u32)> = Vec::new();
        for &(first, last) in parts {
            let part = &self.order[first as usize..=last as usize];
            for &write in part.iter().filter(|&&e| events.source[e as usize] == WRITE) {
                let key = events.key[write as usize] as usize;
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
        let source = &self.chains.events.source;
        let mut walker = Walker::new(self.chains, self.budget);
        let mut found = Vec::new();
        let mut part = parts.iter().copied().peekable();
        for (place, &read) in (0u32..).zip(&self.order) {
            let w = source[read as usize];
            while part.next_if(|&(_, last)| last < place).is_some() {}
            if w < NONE && (changed[w as usize] || part.peek().is_some_and(|&(first, _)| first <= place)) {
                self.look_at(read, w, before, &mut walker, &mut found)?;
            }
        }
        Ok(found)
    }

    fn look_at(
        &self,
        read: u32,
        w: u32,
        before: &[u32],
        walker: &mut Walker<'_>,
        found: &mut Vec<(u32, u32, u32)>,
    ) -> Result<(), OutOfBudget> {
        let place = |e: u32| self.place[e as usize];
        let writes = self.keys.of(self.chains.events.key[read as usize] as usize);
        let after = writes.partition_point(|&x| place(x) <= place(w));
        let between = writes[after..].iter().copied().take_while(|&x| place(x) < place(read));
        let was_between = |x: u32| before[w as usize] < before[x as usize] && before[x as usize] < before[read as usize];
        let mut fresh = between.filter(|&x| !was_between(x)).peekable();
        let Some(&earliest) = fresh.peek() else { return Ok(()) };
        walker.walk(&self.place, read, place(earliest))?;
        found.extend(fresh.filter(|&x| walker.met(x)).map(|x| (w, x, read)));
        Ok(())
    }
}
