//! How many reads are stale under a set of guarantees (models.md 4, Counting).
//!
//! A read r of k from w is stale when some w' visible to r that writes k has w before w' by rules 2, 5, 6 and the recorded order alone,
//! with no edge derived from reads; a read of the initial value when any write of k is visible to it. Both questions are paths: w' to
//! r in the visibility graph, w to w' in the graph of the base constraints; they are [asked](crate::relation::overwritten) along an order
//! that extends both. A read of a list, set or counter is stale when it breaks a rule by itself.
//!
//! Where hb is chains and no order of writes is recorded, both graphs are parts of hb: only what is stale under `causal` can be stale under
//! fewer guarantees.

use crate::model::Guarantees;
use crate::relation::budget::OutOfBudget;
use crate::relation::events::NONE;
use crate::relation::facts::Facts;
use crate::relation::graph::Graph;
use crate::relation::layout::lay_out;
use crate::relation::overwritten::{Asked, Ordered, Told};

use super::breach::{Breach, breaches};
use super::causal::{self, InPast};
use super::guarantees::WritesInOrder;
use super::per_key;

/// The stale reads, ascending; `None` where the base constraints contradict one another, so that no order extends them.
pub(crate) fn stale_reads(facts: &Facts<'_>, g: Guarantees) -> Result<Option<Vec<u32>>, OutOfBudget> {
    // What is stale under `causal` takes a sweep, if there was none.
    let under_causal = || match facts.chains().filter(|_| facts.recorded().is_empty()) {
        Some(chains) => causal::in_past(facts, &chains),
        None => Ok(None),
    };
    let mut in_past = if facts.known_swept().is_some() { under_causal()? } else { None };
    if per_key::applies(facts, g) {
        let suspects = in_past.as_ref().map(InPast::reads);
        if let Some(stale) = per_key::stale_reads(facts, g, suspects.as_deref())? {
            return Ok(Some(stale));
        }
    }
    if in_past.is_none() {
        in_past = under_causal()?;
    }
    match in_past.as_ref().map(InPast::reads) {
        // MW and WFR order exactly what hb does.
        Some(stale) if g == Guarantees::ALL || stale.is_empty() => Ok(Some(stale)),
        suspects => among(facts, g, suspects),
    }
}

/// Those among some reads of registers, or all; and the reads of collections.
fn among(facts: &Facts<'_>, g: Guarantees, reads: Option<Vec<u32>>) -> Result<Option<Vec<u32>>, OutOfBudget> {
    let (events, visibility, extra) = (facts.events(), facts.visibility(g), facts.base(g)?);
    let base = Graph { extra: Some(extra), ..visibility };
    let Ok(layout) = lay_out(&base, facts.best_guess().iter().copied(), facts.budget)? else { return Ok(None) };
    let reads = reads.unwrap_or_else(|| {
        let writes = WritesInOrder::new(facts, &layout);
        let newer = |&read: &u32| !writes.between(facts, &layout, events.source[read as usize], read).is_empty();
        events.register_reads().filter(newer).collect()
    });
    let asked: Vec<Asked> = reads.into_iter().map(|read| Asked::event(events, read)).collect();
    let (order, place, writes) = (&layout.order[..], &layout.place[..], |node| events.written(node));
    let told = Ordered { graph: &visibility, extra: Some(extra), order, place, keys: facts.history.keys(), writes }
        .tell(&asked, facts.budget)?;
    let is = |(asked, told): &(&Asked, Told)| if asked.source == NONE { told.newer } else { told.overwritten };
    let mut stale: Vec<u32> = asked.iter().zip(told).filter(is).map(|(asked, _)| asked.node).collect();
    stale.extend(breaches(facts, &visibility, &layout, events.collection_reads())?.iter().map(Breach::read));
    stale.sort_unstable();
    Ok(Some(stale))
}
