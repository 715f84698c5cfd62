//! Sets of guarantees below a violated `causal`: verdicts without proof, for what a violation implies.
//!
//! The order in which `causal` failed extends hb, so under fewer guarantees it explains whatever it explained under all, and only the
//! reads that it left unexplained need be looked at: if none of them sees a write of its key behind its source, the order explains them
//! too; if one sees such a write that is itself after the source, nothing does. Between the two this tells nothing.

use crate::relation::budget::OutOfBudget;
use crate::relation::chains::explain::Swept;
use crate::relation::events::NONE;
use crate::relation::facts::Facts;
use crate::relation::overwritten::{Asked, Ordered, Told};

use super::Guarantees;

/// What that order tells of a set.
pub(super) enum Tells {
    /// It explains every read.
    Satisfied(Vec<u32>),
    Violated,
    Nothing,
}

/// That order, which extends every constraint of the set that comes from no read's result, and the reads that it may not explain; `None`
/// where there is none.
pub(super) fn suspects<'f>(facts: &'f Facts<'_>, g: Guarantees) -> Option<(&'f Swept, Vec<u32>)> {
    let swept = facts.known_swept()?;
    // What is recorded orders writes that hb does not; junctions stand in no order of events.
    if !facts.recorded().is_empty() || facts.visibility(g).nodes() > facts.events().len() {
        return None;
    }
    Some((swept, swept.unexplained.reads()))
}

/// Of a set of guarantees, if `causal` was swept.
pub(super) fn told(facts: &Facts<'_>, g: Guarantees) -> Result<Tells, OutOfBudget> {
    let Some((Swept { order, place, .. }, reads)) = suspects(facts, g) else { return Ok(Tells::Nothing) };
    let (events, visibility) = (facts.events(), facts.visibility(g));
    let asked: Vec<Asked> = reads.iter().map(|&read| Asked::event(events, read)).collect();
    let (keys, writes) = (facts.history.keys(), |node: u32| events.written(node));
    let ordered = Ordered { graph: &visibility, extra: None, order, place, keys, writes };
    let contradicted = |asked: &Asked, told: Told| told.overwritten || (told.newer && asked.source == NONE);
    let told = ordered.tell_until(&asked, &contradicted, facts.budget)?;
    Ok(if asked.iter().zip(&told).any(|(asked, told)| told.is_some_and(|told| contradicted(asked, told))) {
        Tells::Violated
    } else if told.iter().flatten().any(|told| told.newer) {
        Tells::Nothing
    } else {
        Tells::Satisfied(order.clone())
    })
}
