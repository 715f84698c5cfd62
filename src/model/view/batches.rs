//! Looks for an order that explains one session's reads, given one that explains every read of what it has seen (`causal`).
//!
//! Read by read, what its past has more than that of the reads before it, the read's *batch*, stands behind the earlier batches and
//! before the read; inside a batch the order for `causal` decides. That extends hb, so if each read of the session then returns the last
//! write of its key before it, nothing is left to prove. Where a write x stands behind what a later read returned, w, x must precede w,
//! so w's batch gets x with all of its past, and all is looked at again. Other orders may do where this one does not: then the general
//! way has to tell. Cost: O(events in the session's past) a round; mostly two or three.

use crate::relation::budget::OutOfBudget;
use crate::relation::chains::Chains;
use crate::relation::chains::key_order::places;
use crate::relation::events::{NONE, WRITE};
use crate::relation::facts::Facts;

use super::Base;

/// More rounds than this are left to the general way.
const MOST_ROUNDS: usize = 32;

/// What all sessions are looked at with.
pub(super) struct Batches<'a> {
    facts: &'a Facts<'a>,
    chains: Chains<'a>,
    /// The place of each event in the order for `causal`.
    place: Vec<u32>,
    base: Base,
}

/// What a thread uses again for session after session.
pub(super) struct Filling {
    /// By chain: the first event that no batch has.
    next: Vec<u32>,
    /// By key: the last write so far and its batch.
    last: Vec<(u32, u32)>,
    /// By write that is in some batch: which. A batch is named by the event of the session that it is for.
    batch_of: Vec<u32>,
    /// (batch, x): what more goes into it.
    added: Vec<(u32, u32)>,
    wanted: Vec<u32>,
}

impl<'a> Batches<'a> {
    /// `None` where sessions overlap. `order` names every event, and maybe nodes that are none.
    pub(super) fn new(facts: &'a Facts<'a>, base: Base, order: &[u32]) -> Option<Self> {
        let chains = facts.chains()?;
        let order: Vec<u32> = order.iter().copied().filter(|&node| (node as usize) < facts.events.len()).collect();
        Some(Batches { facts, chains, place: places(&order), base })
    }

    pub(super) fn filling(&self) -> Filling {
        Filling {
            next: Vec::new(),
            last: Vec::new(),
            batch_of: vec![NONE; self.place.len()],
            added: Vec::new(),
            wanted: Vec::new(),
        }
    }

    /// Is there such an order for the session? True is certain, false is not.
    pub(super) fn explain(&self, session: u32, filling: &mut Filling) -> Result<bool, OutOfBudget> {
        filling.added.clear();
        for _ in 0..MOST_ROUNDS {
            self.facts.budget.check()?;
            let known = filling.added.len();
            if !self.round(session, filling) {
                return Ok(false);
            }
            if filling.added.len() == known {
                return Ok(true);
            }
            filling.added.sort_unstable();
            filling.added.dedup();
        }
        Ok(false)
    }

    /// Fills all batches, and notes what has to be added. False where that would not help.
    fn round(&self, session: u32, filling: &mut Filling) -> bool {
        let events = self.chains.events;
        filling.next.clone_from(&self.chains.starts);
        filling.last.clear();
        filling.last.resize(self.facts.history.keys(), (NONE, NONE));
        let mut added = 0;
        let known = filling.added.len();
        for e in events.starts[session as usize]..events.chain_ends[session as usize] {
            while added < known && filling.added[added].0 == e {
                self.fill(filling.added[added].1, e, filling);
                added += 1;
            }
            let (key, source) = (events.key[e as usize] as usize, events.source[e as usize]);
            if source < NONE {
                self.fill(source, e, filling);
            }
            self.put(e, e, filling);
            filling.next[session as usize] = e + 1;
            let (x, batch) = filling.last[key];
            if source == WRITE || x == source {
                continue;
            }
            // The initial value with a write before it, or a write of the same batch behind what the read returned.
            if source == NONE || batch == filling.batch_of[source as usize] {
                return false;
            }
            let into = filling.batch_of[source as usize];
            // A cas is one operation in a view: what precedes its write precedes its read.
            let second = into == source
                && into > events.starts[session as usize]
                && events.op[into as usize - 1] == events.op[into as usize];
            filling.added.push((into - u32::from(second), x));
        }
        true
    }

    /// Puts an event and what it follows into a batch, as far as no batch has it.
    fn fill(&self, event: u32, batch: u32, filling: &mut Filling) {
        let (chain, cross, source) = (&*self.chains.chain, &*self.chains.cross, &self.chains.events.source);
        filling.wanted.push(event);
        while let Some(&target) = filling.wanted.last() {
            let c = chain[target as usize] as usize;
            let first = filling.next[c];
            if first > target {
                filling.wanted.pop();
                continue;
            }
            let from = cross[first as usize];
            // To `pram-classic` what others read is nothing.
            let follows = from < NONE && (self.base == Base::Hb || source[first as usize] == WRITE);
            if follows && from >= filling.next[chain[from as usize] as usize] {
                filling.wanted.push(from);
                continue;
            }
            self.put(first, batch, filling);
            filling.next[c] = first + 1;
        }
    }

    #[inline]
    fn put(&self, event: u32, batch: u32, filling: &mut Filling) {
        let events = self.chains.events;
        if events.source[event as usize] == WRITE {
            filling.batch_of[event as usize] = batch;
            let last = &mut filling.last[events.key[event as usize] as usize];
            if last.1 != batch || self.place[event as usize] > self.place[last.0 as usize] {
                *last = (event, batch);
            }
        }
    }
}
