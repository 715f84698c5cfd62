//! `causal` where hb is chains of events ([`Chains`]): order-guided checking ([`explain`]) with
//! operations for nodes.

use crate::relation::budget::OutOfBudget;
use crate::relation::chains::Chains;
use crate::relation::chains::explain::{self, Explained, Overwritten, Swept, first_order};
use crate::relation::chains::order::Edges;
use crate::relation::chains::sweep::Sweeper;
use crate::relation::facts::Facts;
use crate::relation::graph::{Constraints, Reason};
use crate::relation::touches::Sight;

use super::Guarantees;
use super::breach::Breach;
use super::guarantees::{Decision, Evidence};

/// Can it be judged along chains? Where the order of writes is recorded, only if versions are, and of one key no two the same.
pub(super) fn by_chains<'f>(facts: &'f Facts<'_>) -> Option<(Chains<'f>, Edges)> {
    let chains = facts.chains()?;
    let edges = match facts.recorded().is_empty() {
        true => Edges::new(facts.events().len()),
        false => Edges::recorded(facts.recorded().before(facts.history, facts.events())?),
    };
    Some((chains, edges))
}

/// Is there an arbitration that explains every read?
pub(super) fn decide(facts: &Facts<'_>, chains: &Chains<'_>, edges: Edges) -> Result<Decision, OutOfBudget> {
    let recorded = edges.any_recorded();
    let first = first_order(chains, facts.recorded_guess_once(), || facts.spread().to_vec(), &edges, facts.budget)?;
    // What cheaper models can still tell must not wait for this one in vain.
    Ok(match explain::explain(chains, first, edges, &facts.budget.most())? {
        Explained::By(order) => Decision::Satisfied(order),
        Explained::Not { edges, swept } => {
            let mut extra = facts.base(Guarantees::ALL)?.clone();
            edges.iter().for_each(|&(w, x, read)| extra.add(x, w, Reason::Stale(read)));
            let initial = swept.as_ref().map_or(&[][..], |swept| &swept.unexplained.initial);
            let contradictions = initial.iter().map(|&(write, read)| Breach::Initial { write, read }).collect();
            // For whoever asks next. (Where there was no first order, it may be what is recorded that is cyclic with hb, not hb.)
            if swept.is_some() || !recorded {
                facts.swept(|| Ok(swept))?;
            }
            Decision::Violated(Evidence::Graph { extra, linked: true, contradictions })
        }
    })
}

/// What `causal-weak` forbids, and what makes a read stale under `causal`.
pub(crate) struct InPast {
    /// (x, read) of reads of the initial value with a write x of their key hb-before them, one a read, ascending by read.
    pub(crate) initial: Vec<Sight>,
    /// Reads of what was overwritten in their past, one a read, ascending.
    pub(crate) overwritten: Vec<Overwritten>,
}

impl InPast {
    /// All those reads, ascending.
    pub(crate) fn reads(&self) -> Vec<u32> {
        let initial = self.initial.iter().map(|&(_, read)| read);
        let mut reads: Vec<u32> = initial.chain(self.overwritten.iter().map(|&(read, _, _)| read)).collect();
        reads.sort_unstable();
        reads
    }
}

/// `None` where hb is cyclic.
pub(crate) fn in_past(facts: &Facts<'_>, chains: &Chains<'_>) -> Result<Option<InPast>, OutOfBudget> {
    let sweep = || {
        let none = Edges::new(facts.events().len());
        let order = first_order(chains, facts.recorded_guess_once(), || facts.spread().to_vec(), &none, facts.budget)?;
        let Some(order) = order else { return Ok(None) };
        let (unexplained, _) = Sweeper::new(chains).unexplained(&order, facts.budget)?;
        Ok(Some(Swept::new(order, unexplained)))
    };
    let Some(swept) = facts.swept(sweep)? else { return Ok(None) };
    let overwritten = facts.overwritten_in_past(chains, swept)?.to_vec();
    Ok(Some(InPast { initial: swept.unexplained.initial.clone(), overwritten }))
}

/// The x that was not looked for.
pub(super) fn overwriting(facts: &Facts<'_>, w: u32, read: u32) -> Result<u32, OutOfBudget> {
    let (chains, swept) = (facts.chains().expect("hb is chains"), facts.known_swept().expect("it was found by a sweep"));
    explain::overwriting(&chains, swept, w, read, facts.budget)
}
