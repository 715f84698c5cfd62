//! `causal` where hb is chains of events ([`Chains`]): order-guided checking as in [`guarantees`](super::guarantees), with nothing
//! stored but the order and the constraints found.
//!
//! Cost: O(n) for an order near the best guess there is, one [`sweep`](sweep::sweep) along it, and for each round of new constraints what
//! they move; a recorded order is mostly right at once.

use crate::relation::budget::OutOfBudget;
use crate::relation::chains::Chains;
use crate::relation::chains::mend::{Mended, Mending};
use crate::relation::chains::order::{self, Edges};
use crate::relation::chains::sweep;
use crate::relation::events::NONE;
use crate::relation::facts::Facts;
use crate::relation::graph::{Extra, Reason};
use crate::relation::touches::Sight;

use super::breach::Breach;
use super::guarantees::{Decision, Evidence};

/// Is there an arbitration that explains every read?
pub(super) fn decide(facts: &Facts<'_>, chains: &Chains<'_>) -> Result<Decision, OutOfBudget> {
    let mut edges = Edges::new(facts.events.len());
    let mut last = None;
    let mut laid_out = first_order(facts, chains, &edges)?;
    let mut contradictions: Vec<Breach> = Vec::new();
    while let Some(order) = laid_out {
        let (unexplained, keys) = Unexplained::new(facts, chains, &order)?;
        let mut found = unexplained.overwritten;
        edges.add(&found);
        if !unexplained.initial.is_empty() {
            contradictions = unexplained.initial.into_iter().map(|(write, read)| Breach::Initial { write, read }).collect();
            last = Some(order);
            break;
        }
        let mut mending = Mending::new(chains, facts.budget, order, keys);
        laid_out = loop {
            if found.is_empty() {
                return Ok(Decision::Satisfied(mending.order));
            }
            match mending.mend(&edges, &found)? {
                Mended::Unexplained(now) => found = now,
                Mended::TooMuch => break order::lay_out(chains, mending.order.iter().copied(), &edges, facts.budget)?,
                Mended::Cyclic => break None,
            }
            edges.add(&found);
        };
        last = Some(mending.order);
    }
    let mut extra = Extra::new(facts.events.nodes());
    edges.list.iter().for_each(|&(w, x, read)| extra.add(x, w, Reason::Stale(read)));
    facts.keep_hb_order(last);
    Ok(Decision::Violated(Evidence { extra, linked: true, contradictions }))
}

/// The reads with a write of their key hb-before them that the order puts after what they returned. Whatever the order, as long as it
/// extends hb: every read with a write hb-between is among them.
struct Unexplained {
    /// (x, read) of reads of the initial value, one a read, ascending by read.
    initial: Vec<Sight>,
    /// (w, x, read) of the others.
    overwritten: Vec<(u32, u32, u32)>,
}

impl Unexplained {
    fn new<'a>(
        facts: &Facts<'_>,
        chains: &Chains<'a>,
        order: &[u32],
    ) -> Result<(Self, crate::relation::chains::key_order::KeyOrder<'a>), OutOfBudget> {
        let mut found = Unexplained { initial: Vec::new(), overwritten: Vec::new() };
        let keys = sweep::sweep(chains, order, facts.budget, |x, read| match facts.events.source[read as usize] {
            NONE if found.initial.last().is_some_and(|sight| sight.1 == read) => {}
            NONE => found.initial.push((x, read)),
            w => found.overwritten.push((w, x, read)),
        })?;
        found.initial.sort_unstable_by_key(|sight| sight.1);
        Ok((found, keys))
    }
}

/// What `causal-weak` forbids, and what makes a read stale under `causal`.
pub(super) struct InPast {
    /// (x, read) of reads of the initial value with a write x of their key hb-before them, one a read, ascending by read.
    pub(super) initial: Vec<Sight>,
    /// (read, w, x) of reads of w with w hb x hb read, one a read, ascending.
    pub(super) overwritten: Vec<(u32, u32, u32)>,
}

/// `None` where hb is cyclic.
pub(super) fn in_past(facts: &Facts<'_>, chains: &Chains<'_>) -> Result<Option<InPast>, OutOfBudget> {
    let known = facts.hb_order(|| first_order(facts, chains, &Edges::new(facts.events.len())))?;
    let Some(order) = known else { return Ok(None) };
    let (Unexplained { initial, overwritten: mut found }, _) = Unexplained::new(facts, chains, order)?;
    found.sort_unstable_by_key(|&(w, x, read)| (x, w, read));
    let mut questions: Vec<(u32, u32)> = found.iter().map(|&(w, x, _)| (w, x)).collect();
    questions.dedup();
    let answers = sweep::answer(chains, order, &questions, facts.budget)?;
    let mut asked = questions.iter().zip(answers).peekable();
    let mut overwritten = Vec::new();
    for (w, x, read) in found {
        while asked.next_if(|&(&question, _)| question != (w, x)).is_some() {}
        if asked.peek().is_some_and(|&(_, before)| before) {
            overwritten.push((read, w, x));
        }
    }
    overwritten.sort_unstable();
    overwritten.dedup_by_key(|found| found.0);
    Ok(Some(InPast { initial, overwritten }))
}

/// An order that extends hb, near the best guess there is; `None` where hb is cyclic.
fn first_order(facts: &Facts<'_>, chains: &Chains<'_>, none: &Edges) -> Result<Option<Vec<u32>>, OutOfBudget> {
    // Where sessions are many and short, most of their events come at no level that tells when.
    const MOST_FOR_LEVELS: usize = 256;
    let budget = facts.budget;
    if let Some(guess) = facts.recorded_guess() {
        order::lay_out(chains, guess.into_iter(), none, budget)
    } else if chains.len() <= MOST_FOR_LEVELS {
        let order = order::lay_out(chains, 0..facts.events.len() as u32, none, budget)?;
        Ok(order.map(|order| order::by_level(chains, &order)))
    } else {
        order::lay_out(chains, facts.guess().iter().copied(), none, budget)
    }
}
