//! `causal-weak` (CC): hb is acyclic, and no read returns the initial value, or a write w, while a write x of its key is in its causal
//! past (for w: after w in it). Bouajjani et al. (POPL'17), CC: the bad patterns `cyclic-co`, `write-co-init-read`, `write-co-read`.
//!
//! Of lists, sets and counters no read may be out of its causal past's bounds, and no list may have two elements against hb.
//!
//! One round of order-guided checking: in any order that extends hb, such an x stands between w and r. Cost: O(n) and the questions
//! that the order raises.

use crate::history::DataType;
use crate::model::Guarantees;
use crate::relation::budget::OutOfBudget;
use crate::relation::components::cyclic_components;
use crate::relation::events::{Collected, NONE};
use crate::relation::facts::Facts;
use crate::relation::graph::Graph;
use crate::relation::layout::Layout;
use crate::relation::reach::{self, Question};
use crate::relation::touches::Sight;
use crate::witness::shrink::Shrink;

use super::breach::{Breach, breaches};
use super::causal::{self, InPast};
use super::guarantees::{BATCH, Outcome, contradicted};

/// Judges a history, and shows so many contradictions. The order of a satisfied outcome is empty: being acyclic is the proof.
pub(crate) fn judge(facts: &Facts<'_>, shown: usize) -> Result<Outcome, OutOfBudget> {
    let shrink = Shrink { facts, guarantees: Guarantees::ALL };
    let hb = facts.visibility(Guarantees::ALL);
    let cyclic = || {
        let components = cyclic_components(&hb, facts.budget)?;
        let witnesses = components.iter().take(shown).map(|component| shrink.cycle(&hb, component)).collect();
        Ok(Outcome::Violated(witnesses, components.len() as u64))
    };
    let (in_past, unexplained, reversed) = match facts.chains() {
        Some(chains) => match causal::in_past(facts, &chains)? {
            Some(in_past) => (in_past, Vec::new(), Vec::new()),
            None => return cyclic(),
        },
        None => match facts.hb_layout()? {
            Some(layout) => (
                in_past(facts, &hb, layout)?,
                breaches(facts, &hb, layout, facts.events().collection_reads())?,
                reversed_lists(facts, layout)?,
            ),
            None => return cyclic(),
        },
    };
    let InPast { initial, overwritten } = in_past;
    let unexplained: Vec<Breach> =
        initial.into_iter().map(|(write, read)| Breach::Initial { write, read }).chain(unexplained).collect();
    let violations = (overwritten.len() + unexplained.len() + reversed.len()) as u64;
    if violations == 0 {
        return Ok(Outcome::Satisfied(Vec::new()));
    }
    let mut witnesses = Vec::new();
    for &(read, w, x) in overwritten.iter().take(shown) {
        match if x == NONE { causal::overwriting(facts, w, read) } else { Ok(x) } {
            Ok(x) => witnesses.push(shrink.write_co_read(w, x, read)),
            Err(error) if witnesses.is_empty() => return Err(error),
            // What there was time for is shown.
            Err(_) => break,
        }
    }
    witnesses.extend(unexplained.iter().take(shown - witnesses.len()).map(|breach| shrink.breach(breach)));
    let left = shown - witnesses.len();
    witnesses.extend(reversed.iter().take(left).map(|&(read, first, second)| shrink.reversed_list(read, first, second)));
    Ok(Outcome::Violated(witnesses, violations))
}

/// The reads of registers that a write in their past contradicts, where hb is more than chains.
fn in_past(facts: &Facts<'_>, hb: &Graph<'_>, layout: &Layout) -> Result<InPast, OutOfBudget> {
    let mut initial: Vec<Sight> = Vec::new();
    let mut overwritten: Vec<(u32, u32, u32)> = Vec::new();
    let mut asked: Vec<(u32, u32, u32)> = Vec::new();
    let reads: Vec<u32> = facts.events().register_reads().collect();
    contradicted(facts, hb, layout, &reads, |x, read| {
        match facts.events().source[read as usize] {
            NONE if initial.last().is_some_and(|sight| sight.1 == read) => {}
            NONE => initial.push((x, read)),
            _ if overwritten.last().is_some_and(|found| found.0 == read) => {}
            // Mostly a session overwrites its own writes, and nothing needs to be asked.
            w if facts.events().so(facts.history, &facts.so, w, x) => overwritten.push((read, w, x)),
            w => asked.push((w, x, read)),
        }
        if asked.len() >= BATCH { between(facts, layout, &mut asked, &mut overwritten) } else { Ok(()) }
    })?;
    between(facts, layout, &mut asked, &mut overwritten)?;
    overwritten.sort_unstable();
    overwritten.dedup_by_key(|found| found.0);
    Ok(InPast { initial, overwritten })
}

/// List reads with an element before another that precedes it in hb: (read, that element, the other), one for each shortest such list.
fn reversed_lists(facts: &Facts<'_>, layout: &Layout) -> Result<Vec<(u32, u32, u32)>, OutOfBudget> {
    let events = facts.events();
    let place = |e: u32| layout.place[e as usize];
    // By node of a list, the latest place among its elements: most lists are in the layout's order, and ask nothing.
    let mut latest: Vec<u32> = Vec::with_capacity(events.collected.len());
    let mut asked: Vec<(u32, u32, u32)> = Vec::new();
    for (i, &Collected { before, write, read }) in events.collected.iter().enumerate() {
        let so_far = before.checked_sub(events.len() as u32).and_then(|b| latest.get(b as usize)).copied().unwrap_or(0);
        latest.push(so_far.max(place(write)));
        if events.key_type(write) != DataType::List || so_far < place(write) {
            continue;
        }
        if i % 1024 == 0 {
            facts.budget.check()?;
        }
        let mut node = before;
        while let Some(earlier) = events.collection(node) {
            if place(earlier.write) > place(write) {
                asked.push((earlier.write, write, read));
            }
            node = earlier.before;
        }
    }
    asked.sort_unstable();
    let questions: Vec<Question> = asked.iter().map(|&(first, second, _)| (second, first)).collect();
    let hb = facts.visibility(Guarantees::ALL);
    let answers = reach::answer(&hb, Some(&layout.place), &layout.order, &questions, facts.budget)?;
    let mut reversed: Vec<(u32, u32, u32)> =
        asked.into_iter().zip(answers).filter(|&(_, yes)| yes).map(|((first, second, read), _)| (read, first, second)).collect();
    reversed.sort_unstable();
    reversed.dedup_by_key(|&mut (read, _, _)| read);
    Ok(reversed)
}

/// Moves, for each read of the (w, x, read), one with w hb x to what is found, as (read, w, x); takes the others out.
fn between(
    facts: &Facts<'_>,
    layout: &Layout,
    asked: &mut Vec<(u32, u32, u32)>,
    found: &mut Vec<(u32, u32, u32)>,
) -> Result<(), OutOfBudget> {
    asked.sort_unstable_by_key(|&(_, x, read)| (read, x));
    let hb = facts.visibility(Guarantees::ALL);
    let reached = reach::first_reached(&hb, &layout.place, &layout.order, asked, facts.budget)?;
    let groups = asked.chunk_by(|a, b| a.2 == b.2);
    found.extend(groups.zip(reached).filter_map(|(group, x)| Some((group[0].2, group[0].0, x?))));
    asked.clear();
    Ok(())
}
