//! A guess at the order of the transactions: what explains their operations one by one, else recorded times, else the file's order where it interleaves the sessions, else by the length
//! of the longest way to each, so that sessions that read one another stay abreast.

use crate::relation::budget::OutOfBudget;
use crate::relation::csr;
use crate::relation::digraph::Digraph;
use crate::relation::facts::Facts;
use crate::relation::graph::Extra;
use crate::relation::guess;
use crate::relation::layout::lay_out;
use crate::relation::transactions::{Order, Transactions};

/// All nodes; `None` where so ∪ wr is cyclic, if that shows.
pub(super) fn guess(facts: &Facts<'_>, transactions: &Transactions<'_>) -> Result<Option<Vec<u32>>, OutOfBudget> {
    if let Some(order) = recorded(transactions) {
        return Ok(Some(order));
    }
    let none = Extra::new(0);
    let order = Order { transactions, constraints: &none };
    let laid_out = lay_out(&order, 0..transactions.len() as u32, facts.budget)?;
    Ok(laid_out.ok().map(|layout| by_level(&order, &layout.order)))
}

/// All nodes by the last of their events in an order of those. What explains every operation explains most transactions.
pub(super) fn by_events(facts: &Facts<'_>, transactions: &Transactions<'_>, order: &[u32]) -> Vec<u32> {
    let mut placed = vec![false; transactions.len()];
    let last_first = order.iter().rev().filter(|&&e| (e as usize) < facts.events.len());
    let nodes = last_first.map(|&e| transactions.node(facts.events.op[e as usize]));
    // Events of lists, sets and counters may be of transactions that are no nodes.
    let mut first_met = |node: u32| placed.get_mut(node as usize).is_some_and(|placed| !std::mem::replace(placed, true));
    let mut nodes: Vec<u32> = nodes.filter(|&node| first_met(node)).collect();
    nodes.reverse();
    // What constrains no read may be absent from the order, and stand anywhere.
    nodes.extend((0..transactions.len() as u32).filter(|&node| !placed[node as usize]));
    nodes
}

/// All nodes in the order that times or the file suggest, if they do.
pub(super) fn recorded(transactions: &Transactions<'_>) -> Option<Vec<u32>> {
    by_time(transactions).or_else(|| guess::interleaved(transactions.history).then(|| transactions.as_filed().collect()))
}

fn by_time(transactions: &Transactions<'_>) -> Option<Vec<u32>> {
    let time = |node| guess::ends(transactions.history, transactions.txn(node));
    let mut keyed = (0..transactions.len() as u32).map(|node| Some((time(node)?, node))).collect::<Option<Vec<(i64, u32)>>>()?;
    keyed.sort_unstable();
    Some(keyed.into_iter().map(|(_, node)| node).collect())
}

/// The nodes of an order by the length of the longest way to each.
fn by_level(order: &Order<'_>, laid_out: &[u32]) -> Vec<u32> {
    let mut level = vec![0u32; order.nodes()];
    let mut highest = 0;
    for &node in laid_out {
        let mut own = 0;
        order.sources(node, |from| own = own.max(level[from as usize] + 1));
        level[node as usize] = own;
        highest = highest.max(own);
    }
    csr::group(highest as usize + 1, order.transactions.len(), |node| level[node]).1
}
