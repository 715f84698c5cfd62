//! How many reads are stale under a set of guarantees (models.md 4, Counting).
//!
//! A read r of k from w is stale when some w' visible to r that writes k has w before w' by rules 2, 5, 6 and the recorded order alone,
//! with no edge derived from reads; a read of the initial value when any write of k is visible to it. Both questions are paths: w' to
//! r in the visibility graph, w to w' in the graph of the base constraints. A read of a list, set or counter is stale when it breaks a
//! rule by itself. Only writes that an order extending the base puts after w
//! can be such a w', so few are asked about.

use rustc_hash::FxHashSet;

use crate::model::Guarantees;
use crate::relation::budget::OutOfBudget;
use crate::relation::chains::Chains;
use crate::relation::events::NONE;
use crate::relation::facts::Facts;
use crate::relation::graph::Graph;
use crate::relation::layout::{Layout, lay_out};
use crate::relation::reach;

use super::breach::{Breach, breaches};
use super::causal::{self, InPast};
use super::guarantees::{BATCH, contradicted, direct};
use super::per_key;

/// Derives what [`stale_reads`] of several sets have in common.
pub(crate) fn derive(facts: &Facts<'_>, g: Guarantees) -> Result<(), OutOfBudget> {
    if along_chains(facts, g).is_some() {
        return Ok(());
    }
    facts.touches();
    if !per_key::applies(facts, g) {
        facts.best_guess();
        facts.links_for(g);
        facts.base(g)?;
    }
    Ok(())
}

/// The chains, where they alone tell.
fn along_chains<'f>(facts: &'f Facts<'_>, g: Guarantees) -> Option<Chains<'f>> {
    facts.chains().filter(|_| g == Guarantees::ALL && facts.recorded().is_empty())
}

/// The stale reads, ascending; `None` where the base constraints contradict one another, so that no order extends them.
pub(crate) fn stale_reads(facts: &Facts<'_>, g: Guarantees) -> Result<Option<Vec<u32>>, OutOfBudget> {
    if let Some(chains) = along_chains(facts, g) {
        // MW and WFR order exactly what hb does.
        let Some(InPast { initial, overwritten }) = causal::in_past(facts, &chains)? else { return Ok(None) };
        let mut stale: Vec<u32> = initial.iter().map(|sight| sight.1).chain(overwritten.iter().map(|found| found.0)).collect();
        stale.sort_unstable();
        return Ok(Some(stale));
    }
    if per_key::applies(facts, g) {
        return per_key::stale_reads(facts, g);
    }
    let direct = direct(facts, g);
    let visibility = facts.visibility(g);
    let base = Graph { links: visibility.links.filter(|_| !direct), extra: Some(facts.base(g)?), ..visibility };
    let Ok(layout) = lay_out(&base, facts.best_guess().iter().copied(), facts.budget)? else { return Ok(None) };
    let mut stale: Vec<u32> = Vec::new();
    // (w, x, r): r is stale if w precedes x.
    let mut asked: Vec<(u32, u32, u32)> = Vec::new();
    let so = |w, x| facts.events().so(facts.history, &facts.so, w, x);
    let mut each = |x: u32, read: u32| {
        match facts.events().source[read as usize] {
            _ if stale.last() == Some(&read) => {}
            NONE => stale.push(read),
            w => match (facts.recorded().version(w), facts.recorded().version(x)) {
                (Some(a), Some(b)) if a < b => stale.push(read),
                (Some(a), Some(b)) if a > b => {}
                // Rule 2: mostly a session overwrites its own writes, and nothing needs to be asked.
                _ if !facts.recorded().by_version(facts.events().key[read as usize]) && so(w, x) => stale.push(read),
                _ => asked.push((w, x, read)),
            },
        }
        if asked.len() >= BATCH { overwritten(facts, &base, &layout, &mut asked, &mut stale) } else { Ok(()) }
    };
    if direct {
        for key in 0..facts.history.keys() as u32 {
            facts.budget.check()?;
            facts.touches().newer(key, g, |write| layout.place[write as usize], &mut each)?;
        }
    } else {
        contradicted(facts, &visibility, &layout, facts.events().register_reads(), &mut each)?;
    }
    overwritten(facts, &base, &layout, &mut asked, &mut stale)?;
    stale.extend(breaches(facts, &visibility, &layout, facts.events().collection_reads())?.iter().map(Breach::read));
    stale.sort_unstable();
    stale.dedup();
    Ok(Some(stale))
}

/// Moves the reads of those (w, x, r) with w before x in the base order to the stale ones; takes the others out.
fn overwritten(
    facts: &Facts<'_>,
    base: &Graph<'_>,
    layout: &Layout,
    asked: &mut Vec<(u32, u32, u32)>,
    stale: &mut Vec<u32>,
) -> Result<(), OutOfBudget> {
    let known: FxHashSet<u32> = stale.iter().copied().collect();
    asked.retain(|&(_, _, read)| !known.contains(&read));
    asked.sort_unstable_by_key(|&(_, x, read)| (read, x));
    let reached = reach::first_reached(base, &layout.place, &layout.order, asked, facts.budget)?;
    let groups = asked.chunk_by(|a, b| a.2 == b.2);
    stale.extend(groups.zip(reached).filter(|(_, reached)| reached.is_some()).map(|(group, _)| group[0].2));
    asked.clear();
    stale.sort_unstable();
    stale.dedup();
    Ok(())
}
