//! A guess at the order of the transactions: recorded times, else the file's order where it interleaves the sessions, else that of the
//! values written where they count, else by the length of the longest way to each, so that sessions that read one another stay abreast.

use rayon::prelude::*;

use crate::history::OpId;
use crate::relation::budget::{Budget, OutOfBudget};
use crate::relation::chains::key_order::places;
use crate::relation::csr;
use crate::relation::digraph::Digraph;
use crate::relation::events::NONE;
use crate::relation::graph::Extra;
use crate::relation::guess::by_value::{self, Written};
use crate::relation::guess::{self, Guess, Moments};
use crate::relation::layout::lay_out;
use crate::relation::transactions::{Order, Transactions};

/// All nodes; `None` where so ∪ wr is cyclic, if that shows.
pub(super) fn guess(transactions: &Transactions<'_>, budget: &Budget) -> Result<Option<Vec<u32>>, OutOfBudget> {
    if let Some(guess) = recorded(transactions) {
        return Ok(Some(guess.order));
    }
    let none = Extra::new(0);
    let order = Order { transactions, constraints: &none };
    let laid_out = lay_out(&order, 0..transactions.len() as u32, budget)?;
    Ok(laid_out.ok().map(|layout| by_level(&order, &layout.order)))
}

/// All nodes, each session's spread evenly.
pub(super) fn spread(transactions: &Transactions<'_>) -> Vec<u32> {
    guess::spread(transactions.starts(), |node| transactions.session(node))
}

/// All nodes in the order that times, the file or values suggest, if they do.
pub(super) fn recorded(transactions: &Transactions<'_>) -> Option<Guess> {
    let as_filed = || {
        let guess = || Guess { order: transactions.as_filed().collect(), extends_hb: transactions.file_moments().extend_hb };
        guess::interleaved(transactions.history).then(guess)
    };
    by_time(transactions)
        .map(Guess::from)
        .or_else(as_filed)
        .or_else(|| values(transactions)?.taking_turns(transactions.sessions(), |node| transactions.session(node)))
}

/// When each node took effect, as the same suggest.
pub(super) fn moments<'a>(transactions: &'a Transactions<'_>) -> Option<Moments<'a>> {
    if let Some(order) = by_time(transactions) {
        return Some(Moments { by_node: places(&order).into(), extend_hb: false });
    }
    if guess::interleaved(transactions.history) {
        return Some(transactions.file_moments());
    }
    values(transactions)
}

fn values(transactions: &Transactions<'_>) -> Option<Moments<'static>> {
    let (starts, chain_ends) = (transactions.starts(), transactions.chain_ends());
    // Where they tell nothing, the first session mostly says so.
    let first = starts[0]..*chain_ends.first()?;
    by_value::rising(first, |node| highest(transactions, node))?;
    let nodes = (0..transactions.len() as u32).into_par_iter().with_min_len(1 << 12);
    let all: Vec<Written> = nodes.map(|node| highest(transactions, node)).collect();
    let (written, read) = (|node| all[node as usize], |node| read(transactions, &all, node));
    by_value::moments(transactions.history.operations(), starts, chain_ends, written, read)
}

/// The highest number that a transaction wrote, as which it counts.
fn highest(transactions: &Transactions<'_>, node: u32) -> Written {
    let history = transactions.history;
    let value = |(op, _)| match history.cas_to.is_empty() {
        true => history.op_value[op as usize],
        false => history.written_value(OpId::new(op as usize)).expect("it writes"),
    };
    let values = transactions.writes_of(node).map(|write| Written::of(history.values(), value(write)));
    values.fold(Written::NOTHING, Written::highest)
}

/// The highest number of those that a transaction read from.
fn read(transactions: &Transactions<'_>, highest: &[Written], node: u32) -> Written {
    let sources = transactions.reads_of(node).map(|read| read.source).filter(|&source| source != NONE);
    sources.map(|source| highest[source as usize]).fold(Written::NOTHING, Ord::max)
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
    csr::sorted(highest as usize + 1, order.transactions.len(), |node| level[node])
}
