//! `causal-weak` (CC): hb is acyclic, and no read returns the initial value, or a write w, while a write x of its key is in its causal
//! past (for w: after w in it). Bouajjani et al. (POPL'17), CC: the bad patterns `cyclic-co`, `write-co-init-read`, `write-co-read`.
//!
//! One round of order-guided checking: in any order that extends hb, such an x stands between w and r. Cost: O(n) and the questions
//! that the order raises.

use crate::model::Guarantees;
use crate::relation::budget::OutOfBudget;
use crate::relation::components::cyclic_components;
use crate::relation::events::NONE;
use crate::relation::facts::Facts;
use crate::relation::layout::{Layout, lay_out};
use crate::relation::reach::{self, Question};
use crate::relation::touches::Sight;
use crate::witness::shrink::Shrink;

use super::guarantees::{BATCH, Outcome, contradicted};

/// Judges a history. The order of a satisfied outcome is empty: being acyclic is the proof.
pub(crate) fn judge(facts: &Facts<'_>, max_witnesses: usize) -> Result<Outcome, OutOfBudget> {
    let shrink = Shrink { facts, guarantees: Guarantees::ALL };
    let hb = facts.visibility(Guarantees::ALL);
    let shown = max_witnesses.max(1);
    let Ok(layout) = lay_out(&hb, facts.guess().iter().copied(), facts.budget)? else {
        let components = cyclic_components(&hb, facts.budget)?;
        let witnesses = components.iter().take(shown).map(|component| shrink.cycle(&hb, component)).collect();
        return Ok(Outcome::Violated(witnesses, components.len() as u64));
    };
    let mut initial: Vec<Sight> = Vec::new();
    let mut overwritten: Vec<(u32, u32, u32)> = Vec::new();
    let mut asked: Vec<(u32, u32, u32)> = Vec::new();
    contradicted(facts, &hb, &layout, |x, read| {
        match facts.events.source[read as usize] {
            NONE if initial.last().is_some_and(|sight| sight.1 == read) => {}
            NONE => initial.push((x, read)),
            _ if overwritten.last().is_some_and(|found| found.0 == read) => {}
            // Mostly a session overwrites its own writes, and nothing needs to be asked.
            w if facts.events.so(facts.history, &facts.so, w, x) => overwritten.push((read, w, x)),
            w => asked.push((x, w, read)),
        }
        if asked.len() >= BATCH { between(facts, &layout, &mut asked, &mut overwritten) } else { Ok(()) }
    })?;
    between(facts, &layout, &mut asked, &mut overwritten)?;
    overwritten.sort_unstable();
    overwritten.dedup_by_key(|found| found.0);
    let violations = (overwritten.len() + initial.len()) as u64;
    if violations == 0 {
        return Ok(Outcome::Satisfied(Vec::new()));
    }
    let mut witnesses: Vec<_> = overwritten.iter().take(shown).map(|&(read, w, x)| shrink.write_co_read(w, x, read)).collect();
    witnesses.extend(initial.iter().take(shown - witnesses.len()).map(|&(x, read)| shrink.initial_read(x, read)));
    Ok(Outcome::Violated(witnesses, violations))
}

/// Moves those (x, w, read) with w hb x to what is found, as (read, w, x); takes the others out.
fn between(
    facts: &Facts<'_>,
    layout: &Layout,
    asked: &mut Vec<(u32, u32, u32)>,
    found: &mut Vec<(u32, u32, u32)>,
) -> Result<(), OutOfBudget> {
    asked.sort_unstable();
    let mut questions: Vec<Question> = asked.iter().map(|&(x, w, _)| (w, x)).collect();
    questions.dedup();
    let hb = facts.visibility(Guarantees::ALL);
    let answers = reach::answer(&hb, Some(&layout.place), &layout.order, &questions, facts.budget)?;
    let mut ordered: Vec<Question> = questions.into_iter().zip(answers).filter(|&(_, yes)| yes).map(|(q, _)| q).collect();
    ordered.sort_unstable();
    let yes = |&(x, w, _): &(u32, u32, u32)| ordered.binary_search(&(w, x)).is_ok();
    found.extend(asked.drain(..).filter(yes).map(|(x, w, read)| (read, w, x)));
    Ok(())
}
