//! `causal` where hb is chains of events ([`Chains`]): order-guided checking ([`explain`](crate::relation::chains::explain)) with
//! operations for nodes.

use crate::relation::budget::OutOfBudget;
use crate::relation::chains::Chains;
use crate::relation::chains::explain::{Explained, Swept, explain, first_order, overwritten_in_past};
use crate::relation::chains::sweep::unexplained;
use crate::relation::facts::Facts;
use crate::relation::graph::{Constraints, Extra, Reason};
use crate::relation::touches::Sight;

use super::breach::Breach;
use super::guarantees::{Decision, Evidence};

/// Is there an arbitration that explains every read?
pub(super) fn decide(facts: &Facts<'_>, chains: &Chains<'_>) -> Result<Decision, OutOfBudget> {
    // What cheaper models can still tell must not wait for this one in vain.
    Ok(match explain(chains, hb_order(facts, chains)?, &facts.budget.most())? {
        Explained::By(order) => Decision::Satisfied(order),
        Explained::Not { edges, swept } => {
            let mut extra = Extra::new(facts.events().nodes());
            edges.iter().for_each(|&(w, x, read)| extra.add(x, w, Reason::Stale(read)));
            // For whoever asks next.
            let swept = facts.swept(|| Ok(swept))?;
            let initial = swept.map_or(&[][..], |swept| &swept.unexplained.initial);
            let contradictions = initial.iter().map(|&(write, read)| Breach::Initial { write, read }).collect();
            Decision::Violated(Evidence::Graph { extra, linked: true, contradictions })
        }
    })
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
    let sweep = || {
        let Some(order) = hb_order(facts, chains)? else { return Ok(None) };
        let (unexplained, _) = unexplained(chains, &order, facts.budget)?;
        Ok(Some(Swept { order, unexplained }))
    };
    let Some(Swept { order, unexplained }) = facts.swept(sweep)? else { return Ok(None) };
    let overwritten = overwritten_in_past(chains, order, &unexplained.overwritten, facts.budget)?;
    Ok(Some(InPast { initial: unexplained.initial.clone(), overwritten }))
}

fn hb_order(facts: &Facts<'_>, chains: &Chains<'_>) -> Result<Option<Vec<u32>>, OutOfBudget> {
    first_order(chains, facts.recorded_guess(), || facts.guess().to_vec(), facts.budget)
}
