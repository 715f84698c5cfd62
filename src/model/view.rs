//! `causal-memory` (CM) and `pram-classic`: can each session explain its reads by an order of its own? Bouajjani et al. (POPL'17),
//! CM; Lipton & Sandberg (1988).
//!
//! For each session s, HB is the least transitive relation over its base order (hb; for `pram-classic` so and the wr edges into its own
//! reads) with: a write w' HB-before a read r of s, which returned another write w of the key, is HB-before w. It must be acyclic and
//! put no write before a read of s of its key's initial value.
//!
//! The view is laid out read by read: all of the read's past that is not yet placed, then the read. Any write of its key strictly
//! between what it returned and the read is then in its past, which gives an edge without a search; new edges, new layout. Nothing
//! between for any read: satisfied, and the layout is the proof. Sessions that the order found for `causal` leads to an order for
//! ([`batches`]) need no view. Cost: O(size of the view) a round and session.

mod batches;

use std::collections::BTreeMap;
use std::sync::Mutex;

use rayon::prelude::*;
use rustc_hash::FxHashSet;

use crate::history::{DataType, SessionId};
use crate::model::Guarantees;
use crate::relation::budget::OutOfBudget;
use crate::relation::chains::key_order::places;
use crate::relation::components::cyclic_components;
use crate::relation::events::NONE;
use crate::relation::facts::Facts;
use crate::relation::graph::{Constraints, Extra, Graph, Reason};
use crate::relation::layout::Layout;
use crate::relation::reach;
use crate::relation::touches::Sight;
use crate::verdict::Witness;
use crate::witness::shrink::Shrink;

use super::breach::{Breach, breaches};
use super::guarantees::Outcome;
use batches::Batches;

/// Which of the two.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Base {
    /// `causal-memory`: hb.
    Hb,
    /// `pram-classic`: so, and wr into the session's own reads.
    OwnReads,
}

/// Orders that prove it, one a session: its reads and the writes of its view, as events.
pub(crate) type Orders = Vec<Vec<u32>>;

/// Judges every session. `explained` is an order of all events that extends hb, if one is known. Orders are kept where asked for. In a
/// session that overlaps, an acyclic HB does not yet prove that some order explains all its reads: where a greedy choice finds none,
/// the outcome is undecided.
pub(crate) fn judge(
    facts: &Facts<'_>,
    base: Base,
    explained: Option<&[u32]>,
    keep_orders: bool,
    max_witnesses: usize,
) -> Result<(Outcome, Option<Orders>), OutOfBudget> {
    let sessions = facts.history.sessions() as u32;
    let needed: Vec<u32> = match explained {
        Some(order) if !keep_orders => unexplained(facts, base, order)?,
        _ => (0..sessions).collect(),
    };
    // Only so many are shown, but all that fail are counted; which ones are shown does not depend on who finishes first.
    let failures = Failures { most: max_witnesses.max(1), first: Mutex::default() };
    let workspace = || Workspace::new(facts);
    let judged: Result<Vec<Judged>, OutOfBudget> = needed
        .par_iter()
        .map_init(workspace, |w, &s| View { facts, base, session: s }.judge(w, keep_orders, &failures))
        .collect();
    let mut orders = keep_orders.then(|| vec![Vec::new(); sessions as usize]);
    let (mut violations, mut undecided) = (0, None);
    for (s, result) in needed.into_iter().zip(judged?) {
        match result {
            Ok(Some(order)) => {
                if let Some(orders) = &mut orders {
                    orders[s as usize] = order;
                }
            }
            Ok(None) => undecided = undecided.or(Some(SessionId::new(s as usize))),
            Err(Failed) => violations += 1,
        }
    }
    let mut witnesses = Vec::new();
    for (session, failure) in failures.first.into_inner().expect("no thread panicked") {
        witnesses.push(View { facts, base, session }.witness(failure)?);
    }
    let outcome = match undecided {
        _ if violations > 0 => Outcome::Violated(witnesses, violations),
        Some(session) => Outcome::Undecided(session),
        None => Outcome::Satisfied(Vec::new()),
    };
    Ok((outcome, orders))
}

/// The sessions that an order which explains all reads for `causal` does not lead to an order of their own for.
fn unexplained(facts: &Facts<'_>, base: Base, order: &[u32]) -> Result<Vec<u32>, OutOfBudget> {
    let order: Vec<u32> = order.iter().copied().filter(|&node| (node as usize) < facts.events().len()).collect();
    let place = places(&order);
    let against = against(facts, &order, &place);
    let Some(batches) = Batches::new(facts, base, place) else { return Ok(against.into_iter().map(|(s, _)| s).collect()) };
    let explained: Result<Vec<bool>, OutOfBudget> =
        against.par_iter().map_init(|| batches.filling(), |filling, &(s, first)| batches.explain(s, first, filling)).collect();
    Ok(against.into_iter().zip(explained?).filter(|&(_, explained)| !explained).map(|((s, _), _)| s).collect())
}

/// The sessions with a read that does not return the last write of its key before it in this order of the events; each with the first
/// place among the events that such reads returned.
fn against(facts: &Facts<'_>, order: &[u32], place: &[u32]) -> Vec<(u32, u32)> {
    let events = facts.events();
    let mut last = vec![NONE; facts.history.keys()];
    let mut first = vec![u32::MAX; facts.history.sessions()];
    events.collection_reads().for_each(|r| first[events.session[r as usize] as usize] = 0);
    for &e in order {
        let latest = &mut last[events.key[e as usize] as usize];
        if events.is_write(e) {
            *latest = e;
        } else if events.key_type(e) == DataType::Register && *latest != events.source[e as usize] {
            let first = &mut first[events.session[e as usize] as usize];
            *first = (*first).min(place.get(events.source[e as usize] as usize).copied().unwrap_or(0));
        }
    }
    (0..).zip(first).filter(|&(_, first)| first < u32::MAX).collect()
}

/// Why a session's view fails: the edges found, and a read that nothing explains if that is it (else they are cyclic).
struct Failure {
    extra: Extra,
    breach: Option<Breach>,
}

/// The first sessions that fail, with why. Only these: each failure is as large as the history, and all sessions may fail.
struct Failures {
    most: usize,
    first: Mutex<BTreeMap<u32, Failure>>,
}

impl Failures {
    fn keep(&self, session: u32, failure: impl FnOnce() -> Failure) {
        let mut first = self.first.lock().expect("no thread panicked");
        if first.len() < self.most || first.last_key_value().is_some_and(|(&last, _)| session < last) {
            first.insert(session, failure());
        }
        if first.len() > self.most {
            first.pop_last();
        }
    }
}

/// A session has no order that explains its reads.
struct Failed;

/// An order that explains the session's reads (if one was found where the session overlaps), or that there is none.
type Judged = Result<Option<Vec<u32>>, Failed>;

/// What a thread uses again for session after session.
struct Workspace {
    layout: Layout,
    extra: Extra,
    targets: Vec<u32>,
    /// By key: the write placed last. By write: the one of its key placed before it.
    last: Vec<u32>,
    previous: Vec<u32>,
}

impl Workspace {
    fn new(facts: &Facts<'_>) -> Self {
        let nodes = facts.visibility(Guarantees::ALL).nodes();
        Workspace {
            layout: Layout::empty(nodes),
            extra: Extra::new(nodes),
            targets: Vec::new(),
            last: vec![NONE; facts.history.keys()],
            previous: vec![NONE; facts.events().len()],
        }
    }
}

struct View<'a, 'f> {
    facts: &'a Facts<'f>,
    base: Base,
    session: u32,
}

impl View<'_, '_> {
    fn graph<'g>(&'g self, extra: &'g Extra) -> Graph<'g> {
        let only_reader = (self.base == Base::OwnReads).then_some(self.session);
        Graph { only_reader, extra: Some(extra), ..self.facts.visibility(Guarantees::ALL) }
    }

    /// The session's acknowledged events, in sequence; none where it never reads, since nothing then needs explaining.
    fn chain(&self) -> std::ops::Range<u32> {
        let events = self.facts.events();
        let s = self.session as usize;
        let chain = events.starts[s]..events.chain_ends[s];
        if chain.clone().all(|e| events.is_write(e)) { 0..0 } else { chain }
    }

    fn judge(&self, w: &mut Workspace, keep_order: bool, failures: &Failures) -> Result<Judged, OutOfBudget> {
        let result = match self.saturate(w)? {
            Some(breach) => {
                failures.keep(self.session, || Failure { extra: w.extra.clone(), breach });
                Err(Failed)
            }
            None if self.overlaps() && !self.choose(w)? => Ok(None),
            None if keep_order => Ok(Some(self.order(&w.layout))),
            None => Ok(Some(Vec::new())),
        };
        w.layout.clear();
        w.extra.clear(w.targets.drain(..));
        Ok(result)
    }

    /// Adds edges until the layout explains every read (`None`), or fails.
    fn saturate(&self, w: &mut Workspace) -> Result<Option<Option<Breach>>, OutOfBudget> {
        let limit = 16 * self.facts.events().len() + 1_000_000;
        self.add_list_order(w);
        loop {
            w.layout.clear();
            if w.layout.lay_out(&self.graph(&w.extra), self.chain(), self.facts.budget)?.is_err() {
                return Ok(Some(None));
            }
            let mut between = self.between(w);
            if self.overlaps() {
                // Reads that ran at once stand one after another in the layout without being so ordered.
                let some_left_out = between.len() >= self.most_pairs();
                between = self.in_past(w, between)?.0;
                if between.is_empty() && some_left_out {
                    return Err(OutOfBudget);
                }
            }
            let events = self.facts.events();
            let register = |read| events.key_type(read) == DataType::Register;
            let initial = |&&(_, read): &&Sight| register(read) && events.source[read as usize] == NONE;
            if let Some(&(write, read)) = between.iter().find(initial) {
                return Ok(Some(Some(Breach::Initial { write, read })));
            }
            if let Some(&(write, read)) = between.iter().find(|&&(_, read)| !register(read)) {
                return Ok(Some(Some(Breach::Missing { write, read })));
            }
            // Lists were looked at just now.
            let unordered = |&e: &u32| !events.is_write(e) && matches!(events.key_type(e), DataType::Set | DataType::Counter);
            let breaches = breaches(self.facts, &self.graph(&w.extra), &w.layout, self.chain().filter(unordered))?;
            if let Some(breach) = breaches.into_iter().next() {
                return Ok(Some(Some(breach)));
            }
            if between.is_empty() {
                return Ok(None);
            }
            let mut found: Vec<(u32, u32, u32)> =
                between.iter().map(|&(x, read)| (self.facts.events().source[read as usize], x, read)).collect();
            found.sort_unstable();
            found.dedup_by_key(|edge| (edge.0, edge.1));
            for (target, x, read) in found {
                self.add(w, x, target, Reason::Stale(read));
            }
            if w.extra.count() > limit {
                return Err(OutOfBudget);
            }
        }
    }

    /// Adds the order of the elements of the session's own list reads.
    fn add_list_order(&self, w: &mut Workspace) {
        let events = self.facts.events();
        let mut done: FxHashSet<u32> = FxHashSet::default();
        let lists = self.chain().filter(|&e| !events.is_write(e) && events.key_type(e) == DataType::List);
        for read in lists {
            let mut node = events.source[read as usize];
            while let Some(collected) = events.collection(node).filter(|_| done.insert(node)) {
                if let Some(before) = events.collection(collected.before) {
                    w.extra.add(before.write, collected.write, Reason::ListOrder(read));
                    w.targets.push(collected.write);
                }
                node = collected.before;
            }
        }
    }

    /// In a session that overlaps: chooses among the orders that HB allows one that explains every read, if a greedy choice finds it. A
    /// write that need not precede a read comes after it.
    fn choose(&self, w: &mut Workspace) -> Result<bool, OutOfBudget> {
        loop {
            let between = self.between(w);
            if between.is_empty() {
                return Ok(true);
            }
            let (before, after) = self.in_past(w, between)?;
            for (x, read) in before {
                let source = self.facts.events().source[read as usize];
                if source == NONE || self.facts.events().key_type(read) != DataType::Register {
                    return Ok(false);
                }
                self.add(w, x, source, Reason::Stale(read));
            }
            for (x, read) in after {
                self.add(w, read, x, Reason::Onward);
            }
            w.layout.clear();
            if w.layout.lay_out(&self.graph(&w.extra), self.chain(), self.facts.budget)?.is_err() {
                return Ok(false);
            }
        }
    }

    /// A cas is one operation in a view: what precedes its write precedes its read, and what follows its read follows its write, where
    /// that is the session's own.
    fn add(&self, w: &mut Workspace, from: u32, to: u32, reason: Reason) {
        let from = if self.cas(from + 1) { from + 1 } else { from };
        let to = if self.cas(to) { to - 1 } else { to };
        w.extra.add(from, to, reason);
        w.targets.push(to);
    }

    /// Is the event the write of a cas of the session, behind its read?
    fn cas(&self, e: u32) -> bool {
        let events = self.facts.events();
        let second = e > 0 && events.op.get(e as usize) == Some(&events.op[e as usize - 1]);
        second && events.session[e as usize] == self.session
    }

    fn overlaps(&self) -> bool {
        self.facts.so.overlap(SessionId::new(self.session as usize))
    }

    /// Parts the pairs (x, r) into those with x in r's past and the others.
    fn in_past(&self, w: &Workspace, pairs: Vec<Sight>) -> Result<(Vec<Sight>, Vec<Sight>), OutOfBudget> {
        let graph = self.graph(&w.extra);
        let answers = reach::answer(&graph, Some(&w.layout.place), &w.layout.order, &pairs, self.facts.budget)?;
        let (before, after): (Vec<_>, Vec<_>) = pairs.into_iter().zip(answers).partition(|&(_, yes)| yes);
        Ok((before.into_iter().map(|(pair, _)| pair).collect(), after.into_iter().map(|(pair, _)| pair).collect()))
    }

    /// The pairs (x, r): the layout has the write x of r's key between what r returned and r; for a list, before r though r does not show
    /// it. By r, in the layout's order. (Of very many the first: what they ask for comes first, and the others are found again.)
    fn between(&self, w: &mut Workspace) -> Vec<Sight> {
        let events = self.facts.events();
        let most = self.most_pairs();
        let mut found: Vec<Sight> = Vec::new();
        // Where others may run at once with it, a cas is where it writes.
        let overlaps = self.overlaps();
        for &e in w.layout.order.iter().filter(|&&e| (e as usize) < events.len()) {
            let key = events.key[e as usize] as usize;
            let read = if overlaps && self.cas(e) { e - 1 } else { e };
            let own = events.session[e as usize] == self.session && !(overlaps && self.cas(e + 1));
            if own && !events.is_write(read) && events.types[key] == DataType::List {
                let shown: FxHashSet<u32> = events.shown(e).collect();
                let mut x = w.last[key];
                while x != NONE {
                    if !shown.contains(&x) && found.len() < most {
                        found.push((x, e));
                    }
                    x = w.previous[x as usize];
                }
            } else if own && !events.is_write(read) && events.types[key] == DataType::Register {
                let mut x = w.last[key];
                while x != NONE && x != events.source[read as usize] && found.len() < most {
                    found.push((x, read));
                    x = w.previous[x as usize];
                }
            }
            if events.is_write(e) {
                w.previous[e as usize] = w.last[key];
                w.last[key] = e;
            }
        }
        for &e in w.layout.order.iter().filter(|&&e| (e as usize) < events.len()) {
            w.last[events.key[e as usize] as usize] = NONE;
        }
        found
    }

    /// How many pairs one round takes: reads that run against the layout have n² of them.
    fn most_pairs(&self) -> usize {
        self.facts.events().len() + 1_000_000
    }

    /// The layout as a proof: this session's reads and all writes of the view (a cas of its own as one, by its read, or by its write where
    /// the session overlaps); for `pram-classic` the writes outside it come last.
    fn order(&self, layout: &Layout) -> Vec<u32> {
        let events = self.facts.events();
        let overlaps = self.overlaps();
        let own = |e: u32| events.session[e as usize] == self.session;
        let told = |e: u32| if overlaps { self.cas(e + 1) } else { self.cas(e) };
        let counts = |&e: &u32| (e as usize) < events.len() && if own(e) { !told(e) } else { events.is_write(e) };
        let mut order: Vec<u32> = layout.order.iter().copied().filter(counts).collect();
        if self.base == Base::OwnReads && !order.is_empty() {
            let absent = |e: &u32| events.is_write(*e) && !self.cas(*e) && layout.place[*e as usize] == u32::MAX;
            order.extend((0..events.len() as u32).filter(absent));
        }
        order
    }

    fn witness(&self, failure: Failure) -> Result<Witness, OutOfBudget> {
        let graph = self.graph(&failure.extra);
        let shrink = Shrink { facts: self.facts, guarantees: Guarantees::ALL };
        let session = SessionId::new(self.session as usize);
        Ok(match failure.breach {
            Some(breach) => shrink.breach_in_view(&graph, session, &breach),
            None => {
                let components = cyclic_components(&graph, self.facts.budget)?;
                shrink.view_cycle(&graph, session, &components[0])
            }
        })
    }
}
