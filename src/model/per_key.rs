//! {RYW}, {MR} and both: every constraint is between writes of one key, so each key is judged by itself, keys side by side.
//!
//! An order that something [suggests](super::suggested) is mostly an arbitration of all; else one pass over each (key, session) run yields every
//! constraint ([`Touches`](crate::relation::touches::Touches)); the key's arbitration is an order of them, and the keys' arbitrations one
//! after another are one of all writes. Cost: O(n). Not where lists, sets or counters are read, whose reads show many writes; and not where
//! real time orders the writes of different keys.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use crate::model::Guarantees;
use crate::relation::budget::OutOfBudget;
use crate::relation::chains::explain::Swept;
use crate::relation::components::cyclic_components;
use crate::relation::events::{NONE, WRITE};
use crate::relation::facts::Facts;
use crate::relation::graph::{Extra, Graph};
use crate::relation::layout::{Layout, lay_out};
use crate::relation::one_key::{OneKey, Ranks};
use crate::relation::touches::{Sight, Touches};
use crate::witness::shrink::Shrink;

use super::breach::Breach;
use super::guarantees::{DIRECT, Outcome};
use super::suggested;

/// Are the constraints of this set all between writes of one key, and known after one pass?
pub(crate) fn applies(facts: &Facts<'_>, g: Guarantees) -> bool {
    DIRECT.contains(g) && !facts.events().any_collection() && facts.recorded().within_keys()
}

/// What contradicts itself.
#[derive(Default)]
pub(crate) struct Evidence {
    /// Reads of the initial value with a visible write of their key.
    initial: Vec<Sight>,
    cycles: Vec<Cycle>,
}

impl Evidence {
    fn is_empty(&self) -> bool {
        self.initial.is_empty() && self.cycles.is_empty()
    }
}

/// A cyclic component of one key's graph.
struct Cycle {
    key: u32,
    /// Its first write, by which components are in order.
    first: u32,
    /// Its nodes in the key's graph.
    nodes: Vec<u32>,
}

/// An arbitration, or all that there is against any.
pub(super) fn decide(facts: &Facts<'_>, g: Guarantees) -> Result<Result<Vec<u32>, Evidence>, OutOfBudget> {
    match suggested::arbitration(facts, g) {
        Some(order) => Ok(Ok(order)),
        None => key_by_key(facts, g),
    }
}

/// The same where no suggested order is one.
pub(super) fn key_by_key(facts: &Facts<'_>, g: Guarantees) -> Result<Result<Vec<u32>, Evidence>, OutOfBudget> {
    let mut all = Evidence::default();
    let keys = Keys::new(facts, g);
    let mut order = Vec::new();
    for (share, evidence) in judge_keys(facts, g, &keys, &|_| true)? {
        order.extend(share);
        all.initial.extend(evidence.initial);
        all.cycles.extend(evidence.cycles);
    }
    all.cycles.sort_by_key(|cycle| cycle.first);
    if !all.is_empty() {
        return Ok(Err(all));
    }
    order.extend(keys.unsuspected(facts));
    Ok(Ok(order))
}

/// An arbitration, if there is any.
pub(super) fn satisfied(facts: &Facts<'_>, g: Guarantees) -> Result<Option<Vec<u32>>, OutOfBudget> {
    if let Some(order) = suggested::arbitration(facts, g) {
        return Ok(Some(order));
    }
    let contradicted = AtomicBool::new(false);
    let go_on = |evidence: &Evidence| {
        contradicted.fetch_or(!evidence.is_empty(), Ordering::Relaxed);
        !contradicted.load(Ordering::Relaxed)
    };
    let keys = Keys::new(facts, g);
    let shares = judge_keys(facts, g, &keys, &go_on)?;
    Ok((!contradicted.load(Ordering::Relaxed)).then(|| {
        let mut order = keys.unsuspected(facts);
        shares.into_iter().for_each(|(share, _)| order.extend(share));
        order
    }))
}

/// The keys that are to be judged. An order in which `causal` failed extends hb, and whatever it explains it explains under fewer
/// guarantees, too: of a key none of whose reads sees what that order has behind what it returned, it is an arbitration.
struct Keys<'f> {
    /// Where there is such an order: by key, may it leave a read unexplained?
    suspected: Option<(&'f [u32], Vec<bool>)>,
}

impl<'f> Keys<'f> {
    fn new(facts: &'f Facts<'_>, g: Guarantees) -> Self {
        let events = facts.events();
        let swept = facts.known_swept().filter(|_| facts.recorded().is_empty());
        let suspected = swept.map(|Swept { order, unexplained, place }| {
            let mut suspected = vec![false; facts.history.keys()];
            // Long sessions are not gone through again and again.
            let mut steps = 2 * events.len();
            for read in unexplained.reads() {
                let (key, session) = (events.key[read as usize], events.session[read as usize]);
                // How far along the order that is which a read returned or a write made; from 1.
                let reached = |e: u32| match events.source[e as usize] {
                    WRITE => place[e as usize] + 1,
                    NONE => 0,
                    source => place[source as usize] + 1,
                };
                let shown = |e: u32| g.contains(if events.is_write(e) { Guarantees::RYW } else { Guarantees::MR });
                let before = events.starts[session as usize]..read;
                if !suspected[key as usize] {
                    let left = steps.checked_sub(before.len());
                    steps = left.unwrap_or(steps);
                    suspected[key as usize] = left.is_none()
                        || before.into_iter().any(|e| events.key[e as usize] == key && shown(e) && reached(e) > reached(read));
                }
            }
            (&order[..], suspected)
        });
        Keys { suspected }
    }

    fn has(&self, key: u32) -> bool {
        self.suspected.as_ref().is_none_or(|(_, suspected)| suspected[key as usize])
    }

    /// The writes of the other keys, in order.
    fn unsuspected(&self, facts: &Facts<'_>) -> Vec<u32> {
        let events = facts.events();
        let order = self.suspected.as_ref().map_or(&[][..], |(order, _)| order);
        order.iter().copied().filter(|&e| events.is_write(e) && !self.has(events.key[e as usize])).collect()
    }
}

/// By share of keys: their writes in order where there is one, and what there is against it elsewhere. A share is judged as long as it is
/// told to `go_on`, by what was found in it.
fn judge_keys(
    facts: &Facts<'_>,
    g: Guarantees,
    among: &Keys<'_>,
    go_on: &(impl Fn(&Evidence) -> bool + Sync),
) -> Result<Vec<(Vec<u32>, Evidence)>, OutOfBudget> {
    let touches = facts.touches();
    share_keys(facts, |graph, keys| {
        let mut keys = keys.filter(|&key| among.has(key));
        let (mut order, mut evidence) = (Vec::<u32>::new(), Evidence::default());
        while let Some(key) = keys.next().filter(|_| go_on(&evidence)) {
            graph.begin(touches.of(key));
            constrain(&touches, key, graph)?;
            touches.add_rule_1(key, g, graph, &mut evidence.initial)?;
            graph.finish();
            match lay_out(graph, graph.all(), facts.budget)? {
                Ok(Layout { order: laid, .. }) => order.extend(laid.iter().filter_map(|&node| graph.writes.get(node as usize))),
                Err(_) => evidence.cycles.extend(cyclic_components(graph, facts.budget)?.into_iter().map(|nodes| {
                    // Nodes between writes of equal versions, which come behind, are on no cycle by themselves.
                    Cycle { key, first: graph.writes[nodes[0] as usize], nodes }
                })),
            }
        }
        go_on(&evidence);
        Ok((order, evidence))
    })
}

/// The witnesses of a violation.
pub(super) fn prove(facts: &Facts<'_>, g: Guarantees, evidence: &Evidence, shown: usize) -> Result<Outcome, OutOfBudget> {
    let shrink = Shrink { facts, guarantees: g };
    let Evidence { initial, cycles } = evidence;
    let touches = facts.touches();
    // A read that nothing explains shows more with less than a cycle does.
    let mut witnesses: Vec<_> =
        initial.iter().take(shown).map(|&(write, read)| shrink.breach(&Breach::Initial { write, read })).collect();
    let ranks = Ranks::new(facts.events());
    let mut graph = OneKey::new(facts.events(), &ranks);
    let mut extra = Extra::new(facts.events().nodes());
    for cycle in cycles.iter().take(shown - witnesses.len()) {
        if !witnesses.is_empty() && facts.budget.check().is_err() {
            break;
        }
        graph.begin(touches.of(cycle.key));
        constrain(&touches, cycle.key, &mut graph)?;
        touches.add_rule_1(cycle.key, g, &mut graph, &mut Vec::new())?;
        let mut component = cycle.nodes.clone();
        let targets = graph.add_to(&mut extra, &mut component);
        witnesses.push(shrink.cycle(&Graph { extra: Some(&extra), ..facts.unlinked(g) }, &component));
        extra.clear(targets.into_iter());
    }
    Ok(Outcome::Violated(witnesses, (initial.len() + cycles.len()) as u64))
}

/// The stale reads of such a set, ascending, among the suspects where there are any; `None` where the constraints that come from no read's
/// result contradict one another, or where it takes long walks to tell.
pub(super) fn stale_reads(facts: &Facts<'_>, g: Guarantees, suspects: Option<&[u32]>) -> Result<Option<Vec<u32>>, OutOfBudget> {
    let touches = facts.touches();
    let suspected = |read: u32| suspects.is_none_or(|suspects| suspects.binary_search(&read).is_ok());
    let keys = suspects.map(|suspects| {
        let mut keys = vec![false; facts.history.keys()];
        suspects.iter().for_each(|&read| keys[facts.events().key[read as usize] as usize] = true);
        keys
    });
    let found = share_keys(facts, |graph, among| {
        let mut stale = Vec::new();
        let mut walk = Walk { seen: Vec::new(), stack: Vec::new(), walks: 0, left: 2 * facts.events().len() };
        for key in among.filter(|&key| keys.as_ref().is_none_or(|keys| keys[key as usize])) {
            graph.begin(touches.of(key));
            constrain(&touches, key, graph)?;
            graph.finish();
            let Ok(layout) = lay_out(graph, graph.all(), facts.budget)? else { return Ok(None) };
            let by_version = facts.recorded().by_version(key);
            let place = |write| layout.place[graph.rank(write) as usize];
            touches.newer(key, g, place, |read, newer| {
                if !suspected(read) {
                    return Ok(());
                }
                let overwrites = |w: u32, x: u32| match (facts.recorded().version(w), facts.recorded().version(x)) {
                    (Some(a), Some(b)) if a != b => a < b,
                    // Rule 2: mostly a session overwrites its own writes.
                    _ => !by_version && facts.events().so(facts.history, &facts.so, w, x),
                };
                let is = match facts.events().source[read as usize] {
                    NONE => true,
                    w => newer.iter().any(|&x| overwrites(w, x)) || walk.leads(graph, &layout, w, newer),
                };
                if is {
                    stale.push(read);
                }
                facts.budget.check()
            })?;
            if walk.left == 0 {
                return Ok(None);
            }
        }
        Ok(Some(stale))
    })?;
    Ok(found.into_iter().collect::<Option<Vec<_>>>().map(|stale| {
        let mut stale = stale.concat();
        stale.sort_unstable();
        stale
    }))
}

/// The constraints of a key that come from no read's result: rule 2, or what is recorded.
fn constrain(touches: &Touches<'_>, key: u32, graph: &mut OneKey<'_>) -> Result<(), OutOfBudget> {
    touches.recorded.add_versions(key, touches.writes(key), graph);
    touches.add_rule_2(key, graph)
}

/// Does the same for each of several shares of neighbouring keys, side by side; what came of it, in the order of the keys.
fn share_keys<T: Send>(
    facts: &Facts<'_>,
    each: impl Fn(&mut OneKey<'_>, Range<u32>) -> Result<T, OutOfBudget> + Sync,
) -> Result<Vec<T>, OutOfBudget> {
    let ranks = Ranks::new(facts.events());
    let keys = facts.history.keys() as u32;
    // So many shares that threads end together.
    let share = keys.div_ceil(rayon::current_num_threads() as u32 * 8).max(1);
    let shares = (0..keys.div_ceil(share)).into_par_iter();
    shares.map(|s| each(&mut OneKey::new(facts.events(), &ranks), s * share..((s + 1) * share).min(keys))).collect()
}

/// Walks against the edges of a key's graph.
struct Walk {
    seen: Vec<u32>,
    stack: Vec<u32>,
    walks: u32,
    /// How many nodes may still be looked at; where there are none left, answers are wrong.
    left: usize,
}

impl Walk {
    /// Does a path lead from one write to any of the others? Walks back no further than the layout has the first.
    fn leads(&mut self, graph: &OneKey<'_>, layout: &Layout, from: u32, to: &[u32]) -> bool {
        self.walks += 1;
        self.seen.resize(self.seen.len().max(layout.place.len()), 0);
        self.stack.clear();
        self.stack.extend(to.iter().map(|&write| graph.rank(write)));
        self.left = self.left.saturating_sub(to.len());
        let from = graph.rank(from);
        let lowest = layout.place[from as usize];
        while let Some(node) = self.stack.pop().filter(|_| self.left > 0) {
            self.left -= 1;
            if node == from {
                return true;
            }
            for &source in graph.into(node) {
                if layout.place[source as usize] >= lowest && self.seen[source as usize] != self.walks {
                    self.seen[source as usize] = self.walks;
                    self.stack.push(source);
                }
            }
        }
        false
    }
}
