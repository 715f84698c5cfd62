//! The vis/ar models: does one arbitration explain every read, given the visibility that a set of guarantees asks for (models.md 4)?
//!
//! For subsets of {RYW, MR} every constraint is known after one pass, mostly [a key at a time](per_key). For the others,
//! order-guided checking: lay all events out in an order π that extends the constraints known so far. A read r of w is *contradicted*
//! by a write x of its key where π(w) < π(x) < π(r) and x is visible to r; then x → w is a constraint that every arbitration obeys. No
//! read contradicted: π restricted to the writes is an arbitration that explains every read (a visible x has π(x) < π(r), hence
//! π(x) ≤ π(w)). Else add the constraints, lay out anew, look again. A cycle is a violation, and its edges are the proof.
//!
//! Soundness never depends on the guess that π starts from: only true constraints are ever added. Cost: a round is O(n) and the
//! questions that π raises; a good guess raises few, and one or two rounds do.

use rustc_hash::FxHashSet;

use crate::history::SessionId;
use crate::model::Guarantees;
use crate::relation::budget::OutOfBudget;
use crate::relation::components::{components_through, cyclic_components};
use crate::relation::events::NONE;
use crate::relation::facts::Facts;
use crate::relation::graph::{Constraints, Extra, Graph, Reason};
use crate::relation::layout::{Layout, lay_out};
use crate::relation::overwritten::{Asked, Ordered};
use crate::relation::reach::{self, Question};
use crate::verdict::Witness;
use crate::witness::shrink::Shrink;

use super::breach::{Breach, breaches};
use super::{below_causal, causal, per_key, suggested};

/// What judging came to.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// With an order of the events that explains every read: the arbitration is its writes. (Reads and what constrains nothing may
    /// be absent.)
    Satisfied(Vec<u32>),
    /// With at least one witness, and how many separate contradictions there are.
    Violated(Vec<Witness>, u64),
    /// Neither: no contradiction is known, and no order that explains the reads of this overlapping session.
    Undecided(SessionId),
}

/// The sets whose constraints one pass over each session's runs yields.
pub(crate) const DIRECT: Guarantees = Guarantees::RYW.with(Guarantees::MR);

/// Does one pass over the runs yield every constraint of this set? Not with lists, sets and counters, whose reads show many writes.
fn direct(facts: &Facts<'_>, g: Guarantees) -> bool {
    DIRECT.contains(g) && !facts.events().any_collection()
}

/// So many questions at once: bounds memory, where reads that run against the order ask n² of them.
pub(super) const BATCH: usize = 4_000_000;

/// A verdict without its proof.
pub(crate) enum Decision {
    /// As in [`Outcome`].
    Satisfied(Vec<u32>),
    Violated(Evidence),
}

/// What was found on the way to a violation.
pub(crate) enum Evidence {
    /// Reads of what their own session wrote only later: rule 7 fails whatever the guarantees.
    OwnFuture,
    /// In keys by themselves.
    PerKey(per_key::Evidence),
    /// In one graph.
    Graph {
        /// The constraints known: cyclic where nothing else is wrong.
        extra: Extra,
        /// Do session order and write-read constrain the order too?
        linked: bool,
        /// Reads that no order explains.
        contradictions: Vec<Breach>,
    },
}

/// Is there an arbitration that explains every read?
pub(crate) fn decide(facts: &Facts<'_>, g: Guarantees) -> Result<Decision, OutOfBudget> {
    if DIRECT.contains(g) && !facts.certified && suggested::plainly_arbitrated(facts, g) {
        return Ok(Decision::Satisfied(Vec::new()));
    }
    if !facts.own_future_reads().is_empty() {
        return Ok(Decision::Violated(Evidence::OwnFuture));
    }
    if per_key::applies(facts, g) {
        return Ok(match per_key::decide(facts, g)? {
            Ok(order) => Decision::Satisfied(order),
            Err(evidence) => Decision::Violated(Evidence::PerKey(evidence)),
        });
    }
    if g == Guarantees::ALL
        && let Some((chains, edges)) = causal::by_chains(facts)
    {
        return causal::decide(facts, &chains, edges);
    }
    let mut extra = facts.base(g)?.clone();
    facts.add_list_order(&mut extra);
    if !direct(facts, g) {
        return saturate(facts, g, extra);
    }
    let mut sights = Vec::new();
    facts.each_key(|touches, key, graph| {
        touches.add_rule_1(key, g, graph, &mut sights)?;
        graph.add_to(&mut extra, &mut []);
        Ok(())
    })?;
    let contradictions: Vec<Breach> = sights.into_iter().map(|(write, read)| Breach::Initial { write, read }).collect();
    let constraints = Graph { links: None, extra: Some(&extra), ..facts.unlinked(g) };
    Ok(match lay_out(&constraints, facts.guess().iter().copied(), facts.budget)? {
        Ok(layout) if contradictions.is_empty() => Decision::Satisfied(layout.order),
        _ => Decision::Violated(Evidence::Graph { extra, linked: false, contradictions }),
    })
}

/// The same of a set that is known to be violated: no order is looked for first.
pub(crate) fn decide_violated(facts: &Facts<'_>, g: Guarantees) -> Result<Decision, OutOfBudget> {
    if facts.own_future_reads().is_empty()
        && per_key::applies(facts, g)
        && let Err(evidence) = per_key::key_by_key(facts, g)?
    {
        return Ok(Decision::Violated(Evidence::PerKey(evidence)));
    }
    decide(facts, g)
}

/// The witnesses of a violation.
pub(crate) fn prove(facts: &Facts<'_>, g: Guarantees, evidence: Evidence, max_witnesses: usize) -> Result<Outcome, OutOfBudget> {
    let shrink = Shrink { facts, guarantees: g };
    let shown = max_witnesses.max(1);
    let (extra, linked, contradictions) = match evidence {
        Evidence::OwnFuture => {
            let witnesses = facts.own_future_reads().iter().take(shown).map(|&(r, w)| shrink.own_future_read(r, w)).collect();
            return Ok(Outcome::Violated(witnesses, facts.own_future_reads().len() as u64));
        }
        Evidence::PerKey(evidence) => return per_key::prove(facts, g, &evidence, shown),
        Evidence::Graph { extra, linked, contradictions } => (extra, linked, contradictions),
    };
    let graph = Graph { extra: Some(&extra), ..if linked { facts.visibility(g) } else { facts.unlinked(g) } };
    let components = if linked && facts.known_swept().is_none() {
        cyclic_components(&graph, facts.budget)?
    } else {
        // Without the constraints found there is no cycle.
        components_through(&graph, extra.sources(), facts.budget)?
    };
    let violations = (contradictions.len() + components.len()) as u64;
    // A read that nothing explains shows more with less than a cycle does.
    let mut witnesses: Vec<Witness> = contradictions.iter().take(shown).map(|breach| shrink.breach(breach)).collect();
    for component in components.iter().take(shown - witnesses.len()) {
        if !witnesses.is_empty() && facts.budget.check().is_err() {
            break;
        }
        witnesses.push(shrink.cycle(&graph, component));
    }
    Ok(Outcome::Violated(witnesses, violations))
}

/// Adds constraints until an order explains every read, or until they are cyclic or some read has no explanation in any order.
fn saturate(facts: &Facts<'_>, g: Guarantees, mut extra: Extra) -> Result<Decision, OutOfBudget> {
    let visibility = facts.visibility(g);
    let relay = |extra: &Extra, guess: &[u32]| {
        let graph = Graph { extra: Some(extra), ..visibility };
        lay_out(&graph, guess.iter().copied(), facts.budget)
    };
    let cyclic = |extra| Ok(Decision::Violated(Evidence::Graph { extra, linked: true, contradictions: Vec::new() }));
    // An order in which `causal` failed extends all that is known at first.
    let (mut layout, mut reads) = match below_causal::suspects(facts, g) {
        Some((swept, reads)) => (Layout { order: swept.order.clone(), place: swept.place.clone() }, reads),
        None => match relay(&extra, facts.best_guess())? {
            Ok(layout) => (layout, facts.events().register_reads().collect()),
            Err(_) => return cyclic(extra),
        },
    };
    let mut first_round = true;
    // Reads that run against the order contradict n² pairs. What a round leaves out the next one finds.
    let most = facts.events().len() + 1_000_000;
    loop {
        let mut found: Vec<(u32, u32, u32)> = Vec::new();
        let mut contradictions: Vec<Breach> = Vec::new();
        contradicted(facts, &visibility, &layout, &reads, |x, read| {
            match facts.events().source[read as usize] {
                NONE if contradictions.last().is_some_and(|breach| breach.read() == read) => {}
                NONE => contradictions.push(Breach::Initial { write: x, read }),
                w if found.len() < most => found.push((w, x, read)),
                _ => {}
            }
            Ok(())
        })?;
        if first_round {
            // What these reads need does not depend on the order found.
            contradictions.extend(breaches(facts, &visibility, &layout, facts.events().collection_reads())?);
            first_round = false;
        }
        // Many reads may show the same edge: the first of them is its reason.
        found.sort_unstable();
        found.dedup_by_key(|edge| (edge.0, edge.1));
        for &(w, x, read) in &found {
            extra.add(x, w, Reason::Stale(read));
        }
        if extra.count() > 16 * most {
            return Err(OutOfBudget);
        }
        if !contradictions.is_empty() {
            return Ok(Decision::Violated(Evidence::Graph { extra, linked: true, contradictions }));
        }
        if found.is_empty() {
            return Ok(Decision::Satisfied(layout.order));
        }
        let complete = found.len() < most;
        let mut guess = layout.order.clone();
        guess.retain(|&node| (node as usize) < facts.events().len());
        let Ok(next) = relay(&extra, &guess)? else { return cyclic(extra) };
        reads = if complete { overtaken(facts, &layout, &next) } else { facts.events().register_reads().collect() };
        layout = next;
    }
}

/// The reads of registers of writes that have come to stand before something that an earlier layout has before them: whatever else may
/// contradict a read did so then.
fn overtaken(facts: &Facts<'_>, before: &Layout, now: &Layout) -> Vec<u32> {
    let events = facts.events();
    let mut ahead = vec![false; events.len()];
    let alike = before.order.iter().zip(&now.order).take_while(|(before, now)| before == now).count();
    let mut first = u32::MAX;
    for &node in now.order[alike..].iter().rev() {
        let was = before.place[node as usize];
        if was > first && (node as usize) < events.len() {
            ahead[node as usize] = true;
        }
        first = was.min(first);
    }
    let source_ahead = |&read: &u32| ahead.get(events.source[read as usize] as usize).is_some_and(|&ahead| ahead);
    events.register_reads().filter(source_ahead).collect()
}

/// Calls back with every (x, r), r one of these reads of registers, where the layout puts the write x of r's key between what r returned
/// and r, and x is visible to r; reads ascending.
pub(crate) fn contradicted(
    facts: &Facts<'_>,
    visibility: &Graph<'_>,
    layout: &Layout,
    reads: &[u32],
    mut each: impl FnMut(u32, u32) -> Result<(), OutOfBudget>,
) -> Result<(), OutOfBudget> {
    let events = facts.events();
    let writes = WritesInOrder::of(facts, layout, reads);
    let mut questions: Vec<Question> = Vec::new();
    let mut answer = |questions: &mut Vec<Question>| -> Result<(), OutOfBudget> {
        let answers = reach::answer(visibility, Some(&layout.place), &layout.order, questions, facts.budget)?;
        for (&(x, read), _) in questions.iter().zip(answers).filter(|&(_, yes)| yes) {
            each(x, read)?;
        }
        questions.clear();
        Ok(())
    };
    let between = |read: u32| writes.between(facts, layout, events.source[read as usize], read);
    let (order, place, keys) = (&layout.order[..], &layout.place[..], facts.history.keys());
    let ordered = Ordered { graph: visibility, extra: None, order, place, keys, writes: |node| events.written(node) };
    let asked = reads.iter().map(|&read| (Asked::event(events, read), between(read).len()));
    let explained = ordered.explained(asked, facts.budget)?;
    let mut explained = explained.into_iter().peekable();
    for (i, &read) in reads.iter().enumerate() {
        if explained.next_if_eq(&i).is_some() {
            continue;
        }
        questions.extend(between(read).iter().map(|&x| (x, read)));
        if questions.len() >= BATCH {
            answer(&mut questions)?;
        }
    }
    answer(&mut questions)
}

/// The writes of each key in the order of a layout, and where in it they are: searched in by place, so places stand side by side.
pub(super) struct WritesInOrder {
    writes: Vec<u32>,
    places: Vec<u32>,
}

impl WritesInOrder {
    /// Those of the keys of these reads.
    fn of(facts: &Facts<'_>, layout: &Layout, reads: &[u32]) -> Self {
        let events = facts.events();
        let of_key = |key: u32| events.key_starts[key as usize] as usize..events.key_starts[key as usize + 1] as usize;
        // Sorting them costs as much as a few looks at each.
        let (mut keys, mut all) = (FxHashSet::default(), 0);
        for &read in reads {
            let key = events.key[read as usize];
            if keys.insert(key) {
                all += of_key(key).len();
            }
            if all > events.len() / 16 {
                return Self::new(facts, layout);
            }
        }
        let mut in_order = WritesInOrder { writes: vec![0; events.writes()], places: vec![0; events.writes()] };
        for key in keys {
            let writes = &mut in_order.writes[of_key(key)];
            writes.iter_mut().zip(facts.touches().writes(key)).for_each(|(slot, write)| *slot = write);
            writes.sort_unstable_by_key(|&e| layout.place[e as usize]);
            in_order.places[of_key(key)].iter_mut().zip(&*writes).for_each(|(at, &write)| *at = layout.place[write as usize]);
        }
        in_order
    }

    /// Those of all keys.
    pub(super) fn new(facts: &Facts<'_>, layout: &Layout) -> Self {
        let events = facts.events();
        let mut next = events.key_starts.clone();
        let mut in_order = WritesInOrder { writes: vec![0; events.writes()], places: vec![0; events.writes()] };
        for (place, &e) in layout.order.iter().enumerate() {
            if (e as usize) < events.len() && events.is_write(e) {
                let slot = &mut next[events.key[e as usize] as usize];
                in_order.writes[*slot as usize] = e;
                in_order.places[*slot as usize] = place as u32;
                *slot += 1;
            }
        }
        in_order
    }

    /// The writes of the read's key after its source and before itself.
    pub(super) fn between(&self, facts: &Facts<'_>, layout: &Layout, source: u32, read: u32) -> &[u32] {
        let events = facts.events();
        let key = events.key[read as usize] as usize;
        let (start, end) = (events.key_starts[key] as usize, events.key_starts[key + 1] as usize);
        let places = &self.places[start..end];
        let last = layout.place[read as usize];
        let first = if source == NONE { 0 } else { places.partition_point(|&p| p <= layout.place[source as usize]) };
        let count = places[first..].partition_point(|&p| p < last);
        &self.writes[start + first..start + first + count]
    }
}
