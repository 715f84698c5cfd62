//! Which reads does an order not explain? For each read r of w, the writes x of its key that stand between w and r in the order and
//! are hb-before r.
//!
//! One pass along the order keeps the writes of each key placed so far, so the writes between are the last ones of its key: mostly none.
//! Where chains are few, whether x is hb-before r is told by [vector clocks](clocks), while another thread goes [ahead](asking). Where
//! chains are many, a walk back from r that does not go below the earliest x answers for r; where an order is good, those are short. A
//! read of something long overwritten has many x; of these the latest are asked about first, and once one is hb-before r the earlier
//! ones are left for later: then the read is *partly* looked at.

mod asking;
mod clocks;
mod walks;

use crate::relation::budget::{Budget, OutOfBudget};
use crate::relation::events::NONE;
use crate::relation::pipeline::pipeline;

use super::key_order::KeyOrder;
use super::{Nodes, Read};
use asking::{Asking, Stretch};
use clocks::Answering;
pub(super) use clocks::joiners;
pub(super) use walks::with_walks;

/// With more chains than this, walks cost less than clocks.
const MOST_CLOCKS: usize = 256;

/// The reads with a write of their key hb-before them that an order puts after what they returned. Whatever the order, as long as it
/// extends hb: every read with a write hb-between is among them.
#[derive(Default)]
pub(crate) struct Unexplained {
    /// (x, read) of reads of the initial value, one a read, ascending by read.
    pub(crate) initial: Vec<(u32, u32)>,
    /// (w, x, read) of the others.
    pub(crate) overwritten: Vec<(u32, u32, u32)>,
    /// Reads of which only the latest x were looked for, each with its node.
    pub(crate) partly: Vec<(u32, Read)>,
}

impl Unexplained {
    /// All those reads, ascending.
    pub(crate) fn reads(&self) -> Vec<u32> {
        let overwritten = self.overwritten.iter().map(|&(_, _, read)| read);
        let mut reads: Vec<u32> = overwritten.chain(self.initial.iter().map(|&(_, read)| read)).collect();
        reads.sort_unstable();
        reads.dedup();
        reads
    }
}

/// Sweeps along one order after another.
pub(crate) struct Sweeper<'a, N> {
    nodes: &'a N,
    /// Where chains have clocks: by node how many will join its own.
    joiners: Option<Vec<u8>>,
}

impl<'a, N: Nodes> Sweeper<'a, N> {
    pub(crate) fn new(nodes: &'a N) -> Self {
        Sweeper { nodes, joiners: (nodes.chains() <= MOST_CLOCKS).then(|| joiners(nodes)) }
    }

    /// What an order that extends hb does not explain; and the writes of each key in it.
    pub(crate) fn unexplained(&self, order: &[u32], budget: &Budget) -> Result<(Unexplained, KeyOrder<'a>), OutOfBudget> {
        let mut found = Unexplained::default();
        let each = |x: u32, read: Read| match read.source {
            NONE => found.initial.push((x, read.event)),
            w => found.overwritten.push((w, x, read.event)),
        };
        let keys = match &self.joiners {
            Some(joiners) => with_clocks(self.nodes, order, joiners, budget, each)?,
            None => {
                let mut partly = Vec::new();
                let keys = with_walks(self.nodes, order, budget, &mut partly, each)?;
                found.partly = partly;
                keys
            }
        };
        found.initial.sort_unstable_by_key(|&(_, read)| read);
        Ok((found, keys))
    }
}

/// Calls back with each (x, r). For each r of one chain's writes only the last, since the others precede it; for a read of the initial
/// value only one of all, which is enough. Returns the writes of each key in the order.
pub(super) fn with_clocks<'a, N: Nodes>(
    nodes: &'a N,
    order: &[u32],
    joiners: &[u8],
    budget: &Budget,
    mut each: impl FnMut(u32, Read) + Send,
) -> Result<KeyOrder<'a>, OutOfBudget> {
    let mut asking = Asking::new(nodes, order);
    let mut answering = Answering::new(nodes, order, joiners);
    let mut out_of_budget = Ok(());
    // What is to be asked of a stretch is found out while the stretch before is answered.
    let ask = |stretch: &mut Stretch| {
        out_of_budget = budget.check();
        asking.fill(stretch);
        out_of_budget.is_ok() && !stretch.is_empty()
    };
    pipeline(ask, |stretch| answering.answer(stretch, &mut each));
    out_of_budget?;
    Ok(asking.placed)
}
