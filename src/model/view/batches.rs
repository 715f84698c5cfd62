//! Looks for an order that explains one session's reads, given one that explains every read of what it has seen (`causal`).
//!
//! Read by read, what its past has more than that of the reads before it, the read's *batch*, stands behind the earlier batches and
//! before the read; inside a batch the order for `causal` decides. That extends hb, so if each read of the session then returns the last
//! write of its key before it, nothing is left to prove. Where a write x stands behind what a later read returned, w, x must precede w:
//! x moves to w's batch with all of its past, and the reads between are looked at again. Other orders may do where this one does not: then
//! the general way has to tell.
//!
//! What the order for `causal` has before the first write that a read of the session returned although the order has another behind it
//! may stand as it does: only from there on it is parted into batches. Cost: O(events of the session's past from there to its end), along
//! the other sessions' chains, and what moves: little, where views lag little.

use std::ops::Range;

use crate::history::SessionId;
use crate::relation::budget::OutOfBudget;
use crate::relation::chains::{Chains, Nodes};
use crate::relation::events::{Events, NONE, WRITE};
use crate::relation::facts::Facts;

use super::Base;

/// What all sessions are looked at with.
pub(super) struct Batches<'a> {
    facts: &'a Facts<'a>,
    chains: Chains<'a>,
    /// The place of each event in the order for `causal`.
    place: Vec<u32>,
    did: Did,
}

/// What events write, each with its key, and what they follow in other chains, each with that chain: apart, and in the sequence in which
/// they are looked at, since nothing foretells which events are which.
struct Did {
    /// By event: how many of both those before it have; and at the end of all. (Side by side: both are asked for at once.)
    before: Vec<[u32; 2]>,
    writes: Vec<Pair>,
    follows: Vec<Pair>,
}

/// An event, with its key or its chain.
type Pair = (u32, u32);

impl Did {
    fn new(events: &Events, followed: impl Fn(u32) -> Option<Pair>) -> Self {
        let all = events.len();
        let mut did =
            Did { before: Vec::with_capacity(all + 1), writes: Vec::with_capacity(events.writes()), follows: Vec::new() };
        did.before.push([0, 0]);
        for e in 0..all as u32 {
            if events.is_write(e) {
                did.writes.push((e, events.key[e as usize]));
            }
            did.follows.extend(followed(e));
            did.before.push([did.writes.len() as u32, did.follows.len() as u32]);
        }
        did
    }

    /// What the events from the first to the last write and follow.
    #[inline]
    fn of(&self, first: u32, last: u32) -> (&[Pair], &[Pair]) {
        let ([writes, follows], [writes_end, follows_end]) = (self.before[first as usize], self.before[last as usize + 1]);
        (&self.writes[writes as usize..writes_end as usize], &self.follows[follows as usize..follows_end as usize])
    }
}

/// What a thread uses again for session after session.
pub(super) struct Filling {
    session: u32,
    /// What stands before this place stays as it is, and is in no batch.
    first: u32,
    /// By chain: the first event that is in no batch; 0 where it is still to be looked for. And the chains where it is not.
    next: Vec<u32>,
    chains: Vec<u32>,
    /// By event that is in some batch: which. A batch is named by the event of the session that it is for.
    batch_of: Vec<u32>,
    /// By key; and the keys of which anything is tried.
    keys: Vec<Tried>,
    tried_keys: Vec<u32>,
    /// Keys whose writes of the batch at hand are not in order.
    unsorted: Vec<u32>,
    /// The writes of each key that are in a batch, in the order that is tried, each key's from where its writes begin.
    tried: Vec<u32>,
    /// The session's reads, by key.
    reads: Vec<(u32, u32)>,
    wanted: Vec<(u32, u32)>,
    /// (batch, x): what has to move.
    moves: Vec<(u32, u32)>,
    moved: Vec<u32>,
    /// How much may yet be moved and looked at again: a history that needs more is left to the general way.
    patience: usize,
}

/// What is tried of a key.
#[derive(Clone, Copy)]
struct Tried {
    /// How many of its writes are in a batch.
    count: u32,
    /// The latest such batch.
    latest: u32,
    /// The latest batch that its writes did not come to in order.
    unsorted: u32,
}

const NOTHING: Tried = Tried { count: 0, latest: NONE, unsorted: NONE };

/// The order that was tried does not do.
struct Unexplained;

impl<'a> Batches<'a> {
    /// `None` where not even more than hb is chains. `place` is that of each event in an order that extends hb.
    pub(super) fn new(facts: &'a Facts<'a>, base: Base, place: Vec<u32>) -> Option<Self> {
        let events = facts.events();
        // An order that extends more than hb extends hb.
        let chains = Chains::along(facts.history, &facts.so, events, &place)?;
        // To `pram-classic` what others read is nothing.
        let followed = |e: u32| chains.followed(e).filter(|_| base == Base::Hb || events.is_write(e));
        let did = Did::new(events, |e| followed(e).map(|from| (from, chains.chain(from) as u32)));
        Some(Batches { facts, place, did, chains })
    }

    pub(super) fn filling(&self) -> Filling {
        Filling {
            session: 0,
            first: 0,
            next: vec![0; self.chains.chains()],
            chains: Vec::new(),
            batch_of: vec![NONE; self.place.len()],
            keys: vec![NOTHING; self.facts.history.keys()],
            tried_keys: Vec::new(),
            unsorted: Vec::new(),
            tried: vec![NONE; self.facts.events().writes()],
            reads: Vec::new(),
            wanted: Vec::new(),
            moves: Vec::new(),
            moved: Vec::new(),
            patience: 0,
        }
    }

    /// Is there such an order for the session? True is certain, false is not. Every read of it that is placed before `first`, and every
    /// one that returned what is, returned the last write of its key before it.
    pub(super) fn explain(&self, session: u32, first: u32, f: &mut Filling) -> Result<bool, OutOfBudget> {
        self.facts.budget.check()?;
        // (What runs at once with a cas of its own session may stand within it.)
        if self.facts.so.overlap(SessionId::new(session as usize)) {
            return Ok(false);
        }
        let events = self.chains.events;
        let own = events.starts[session as usize]..events.chain_ends[session as usize];
        let mut start = own.clone().find(|&e| self.place[e as usize] >= first).unwrap_or(own.end);
        let mut first = first;
        // A cas is one operation.
        if start > own.start && start < own.end && events.op[start as usize - 1] == events.op[start as usize] {
            start -= 1;
            first = self.place[start as usize];
        }
        self.begin(session, first, start..own.end, f);
        Ok(self.fill_all(start..own.end, f).is_ok())
    }

    fn begin(&self, session: u32, first: u32, own: Range<u32>, f: &mut Filling) {
        let events = self.chains.events;
        (f.session, f.first) = (session, first);
        // A session that was given up leaves these as they were.
        f.unsorted.clear();
        f.wanted.clear();
        f.moves.clear();
        f.moved.clear();
        f.chains.drain(..).for_each(|chain| f.next[chain as usize] = 0);
        f.tried_keys.drain(..).for_each(|key| f.keys[key as usize] = NOTHING);
        f.chains.push(session);
        f.next[session as usize] = own.start;
        f.patience = 2 * own.clone().last().map_or(0, |last| (self.place[last as usize] - first) as usize + 1);
        f.reads.clear();
        f.reads.extend(own.filter(|&e| !events.is_write(e)).map(|e| (events.key[e as usize], e)));
        f.reads.sort_unstable();
    }

    fn fill_all(&self, own: Range<u32>, f: &mut Filling) -> Result<(), Unexplained> {
        let events = self.chains.events;
        for e in own {
            let source = events.source[e as usize];
            if source < NONE {
                self.fill(source, e, f);
            }
            f.next[f.session as usize] = e + 1;
            f.batch_of[e as usize] = e;
            if source == WRITE {
                self.try_last(e, events.key[e as usize], e, f);
            } else {
                self.look_at(e, f)?;
                while let Some((batch, x)) = f.moves.pop() {
                    self.move_to(batch, x, e, f)?;
                }
            }
        }
        Ok(())
    }

    /// The first event of a chain that does not stay where it is, looked for from another back.
    #[cold]
    fn first(&self, chain: u32, event: u32, f: &mut Filling) -> u32 {
        remember(&mut f.chains, chain);
        let start = self.chains.start(chain as usize);
        start + partition_from_end(&self.place[start as usize..=event as usize], |&place| place < f.first) as u32
    }

    /// Puts an event and its past into a batch, as far as no batch has it. In which sequence is all the same.
    fn fill(&self, event: u32, batch: u32, f: &mut Filling) {
        f.wanted.push((event, self.chains.chain(event) as u32));
        while let Some((to, chain)) = f.wanted.pop() {
            let from = match f.next[chain as usize] {
                0 if self.place[to as usize] < f.first => continue,
                0 => self.first(chain, to, f),
                next => next,
            };
            if from > to {
                continue;
            }
            f.next[chain as usize] = to + 1;
            f.batch_of[from as usize..=to as usize].fill(batch);
            let (writes, follows) = self.did.of(from, to);
            for &(write, key) in writes {
                self.try_last(write, key, batch, f);
            }
            for &(followed, of) in follows {
                if f.next[of as usize] <= followed {
                    f.wanted.push((followed, of));
                }
            }
        }
        self.sort(batch, f);
    }

    /// A write of the latest batch takes its place among those of its key.
    #[inline(always)]
    fn try_last(&self, write: u32, key: u32, batch: u32, f: &mut Filling) {
        let tried = &mut f.keys[key as usize];
        if tried.count == 0 {
            remember(&mut f.tried_keys, key);
        }
        let at = self.chains.events.key_starts[key as usize] as usize + tried.count as usize;
        if tried.latest == batch && tried.unsorted != batch && self.place[f.tried[at - 1] as usize] > self.place[write as usize] {
            tried.unsorted = batch;
            f.unsorted.push(key);
        }
        f.tried[at] = write;
        tried.count += 1;
        tried.latest = batch;
    }

    /// Brings the writes of a batch into the order for `causal`, where more than one is of a key.
    fn sort(&self, batch: u32, f: &mut Filling) {
        while let Some(key) = f.unsorted.pop() {
            let end = self.chains.events.key_starts[key as usize] as usize + f.keys[key as usize].count as usize;
            let others = f.tried[..end].iter().rev().take(f.keys[key as usize].count as usize);
            let of_batch = others.take_while(|&&x| f.batch_of[x as usize] == batch).count();
            f.tried[end - of_batch..end].sort_unstable_by_key(|&x| self.place[x as usize]);
        }
    }

    /// Does a read of the session return the last write of its key before it? If another stands there, that has to move.
    fn look_at(&self, read: u32, f: &mut Filling) -> Result<(), Unexplained> {
        let events = self.chains.events;
        let source = events.source[read as usize];
        let Some(x) = self.last_before(read, f).filter(|&x| x != source) else { return Ok(()) };
        // The initial value, or one that stays where it is, with a write behind it that does not; or both in the same batch.
        if source == NONE || self.place[source as usize] < f.first || f.batch_of[x as usize] == f.batch_of[source as usize] {
            return Err(Unexplained);
        }
        let into = f.batch_of[source as usize];
        // A cas is one operation in a view: what precedes its write precedes its read.
        let second = into == source
            && into > events.starts[f.session as usize]
            && events.op[into as usize - 1] == events.op[into as usize];
        f.moves.push((into - u32::from(second), x));
        Ok(())
    }

    /// The last write of the read's key that is tried before the read.
    fn last_before(&self, read: u32, f: &Filling) -> Option<u32> {
        let key = self.chains.events.key[read as usize] as usize;
        let tried = self.tried_of(key, f);
        let all = tried.is_empty() || f.keys[key].latest <= read;
        let before = if all { tried.len() } else { partition_from_end(tried, |&x| f.batch_of[x as usize] <= read) };
        before.checked_sub(1).map(|last| tried[last])
    }

    fn tried_of<'f>(&self, key: usize, f: &'f Filling) -> &'f [u32] {
        let start = self.chains.events.key_starts[key] as usize;
        &f.tried[start..start + f.keys[key].count as usize]
    }

    /// Moves a write, and of its past what stands in later batches, to a batch; looks again at the session's reads from there to `now`.
    fn move_to(&self, batch: u32, x: u32, now: u32, f: &mut Filling) -> Result<(), Unexplained> {
        let events = self.chains.events;
        f.wanted.push((x, self.chains.chain(x) as u32));
        while let Some((to, chain)) = f.wanted.pop() {
            let start = self.chains.start(chain as usize);
            let mut e = to;
            // Whatever is earlier in the chain is in no later batch. (What stays where it is was in one of another session's.)
            while f.batch_of[e as usize] > batch && self.place[e as usize] >= f.first {
                f.patience = f.patience.checked_sub(1).ok_or(Unexplained)?;
                if chain == f.session {
                    return Err(Unexplained); // the session's own future
                }
                if events.is_write(e) {
                    let passed = self.take_earlier_place(e, batch, f);
                    f.patience = f.patience.checked_sub(passed / 32).ok_or(Unexplained)?;
                    f.moved.push(e);
                } else {
                    f.batch_of[e as usize] = batch;
                }
                f.wanted.extend(self.did.of(e, e).1);
                if e == start {
                    break;
                }
                e -= 1;
            }
        }
        while let Some(write) = f.moved.pop() {
            let key = events.key[write as usize];
            let first = f.reads.partition_point(|&read| read < (key, batch));
            for at in first..f.reads.len() {
                let (of, read) = f.reads[at];
                if of != key || read > now {
                    break;
                }
                f.patience = f.patience.checked_sub(1).ok_or(Unexplained)?;
                self.look_at(read, f)?;
            }
        }
        Ok(())
    }

    /// A write of a later batch goes among those of an earlier one; returns how many of its key it passes.
    fn take_earlier_place(&self, write: u32, batch: u32, f: &mut Filling) -> usize {
        let key = self.chains.events.key[write as usize] as usize;
        let start = self.chains.events.key_starts[key] as usize;
        let tried = self.tried_of(key, f);
        let place = |x: u32| (f.batch_of[x as usize], self.place[x as usize]);
        let from = partition_from_end(tried, |&x| place(x) < place(write));
        let to = partition_from_end(&tried[..from], |&x| place(x) < (batch, self.place[write as usize]));
        f.tried[start + to..=start + from].rotate_right(1);
        f.batch_of[write as usize] = batch;
        let last = f.tried[start + f.keys[key].count as usize - 1];
        f.keys[key].latest = f.batch_of[last as usize];
        from - to
    }
}

/// Apart from the inner loops, which seldom need it.
#[cold]
fn remember(list: &mut Vec<u32>, number: u32) {
    list.push(number);
}

/// As [`slice::partition_point`], where that is mostly near the end: in ever longer steps from there.
fn partition_from_end<T>(slice: &[T], mut before: impl FnMut(&T) -> bool) -> usize {
    let (mut end, mut step) = (slice.len(), 1);
    while end > 0 {
        let at = end.saturating_sub(step);
        if before(&slice[at]) {
            return at + 1 + slice[at + 1..end].partition_point(before);
        }
        (end, step) = (at, 2 * step);
    }
    0
}

#[cfg(test)]
mod tests {
    use super::partition_from_end;

    #[test]
    fn from_the_end_is_the_same_place() {
        let numbers: Vec<u32> = (0..40).collect();
        for length in 0..=numbers.len() {
            for bound in 0..=numbers.len() as u32 + 1 {
                let slice = &numbers[..length];
                let before = |&number: &u32| number < bound;
                assert_eq!(partition_from_end(slice, before), slice.partition_point(before), "{length} {bound}");
            }
        }
    }
}
