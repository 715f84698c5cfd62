//! Order-guided checking along chains: is there an order of all nodes that extends hb and explains every read?
//!
//! A first order near a guess, one [`sweep`](super::sweep) along it, and for each round of new constraints what they
//! [move](super::mend); soundness never depends on the guess. Nothing is stored but the order and the constraints found. Cost: O(n) for a
//! recorded order, which is mostly right at once.

use std::cmp::Reverse;

use rustc_hash::FxHashSet;

use crate::relation::budget::{Budget, OutOfBudget};

use crate::relation::events::NONE;
use crate::relation::guess::Guess;
use crate::relation::overwritten::{Asked, Ordered};

use super::key_order::places;
use super::mend::{Mended, Mending};
use super::order::{self, Edges};
use super::sweep::{Sweeper, Unexplained};
use super::walk::{Search, Walker};
use super::{Hb, Nodes, Read};

/// What came of looking for an order.
pub(crate) enum Explained {
    /// By this one.
    By(Vec<u32>),
    /// By none.
    Not {
        /// The constraints found, (later, earlier, read); cyclic together with hb where nothing else is wrong.
        edges: Vec<(u32, u32, u32)>,
        /// `None` where there was no first order.
        swept: Option<Swept>,
    },
}

/// What one sweep came to.
pub(crate) struct Swept {
    /// An order that extends hb.
    pub(crate) order: Vec<u32>,
    /// Whatever it does not explain.
    pub(crate) unexplained: Unexplained,
    /// The place of each node in the order.
    pub(crate) place: Vec<u32>,
}

impl Swept {
    pub(crate) fn new(order: Vec<u32>, unexplained: Unexplained) -> Self {
        Swept { place: places(&order), order, unexplained }
    }
}

/// Looks for an order that extends the edges, too. `first` extends hb and them, or is `None` where they are cyclic.
pub(crate) fn explain<N: Nodes>(
    nodes: &N,
    first: Option<Vec<u32>>,
    mut edges: Edges,
    budget: &Budget,
) -> Result<Explained, OutOfBudget> {
    let Some(mut order) = first else { return Ok(Explained::Not { edges: edges.list, swept: None }) };
    let sweeper = Sweeper::new(nodes);
    let swept = 'anew: loop {
        let (mut unexplained, keys) = sweeper.unexplained(&order, budget)?;
        let mut found = unexplained.overwritten.clone();
        let partly: Vec<u32> = unexplained.partly.iter().map(|(_, read)| read.event).collect();
        edges.add(&found);
        // Which reads of the initial value have a write before them is the same in every order.
        if !unexplained.initial.is_empty() {
            break Swept::new(order, unexplained);
        }
        let mut mending = Mending::new(nodes, budget, order, keys, partly.into_iter());
        while !found.is_empty() {
            found = match mending.mend(&edges, &found)? {
                Mended::Unexplained(found) => found,
                Mended::TooMuch => {
                    order = mending.order;
                    continue 'anew;
                }
                Mended::Cyclic => break 'anew Swept { order: mending.order, unexplained, place: mending.place },
            };
            unexplained.overwritten.extend(&found);
            edges.add(&found);
        }
        return Ok(Explained::By(mending.order));
    };
    Ok(Explained::Not { edges: edges.list, swept: Some(swept) })
}

/// An order that extends hb and the edges and stays near the guess that is recorded, if any is; `None` where they are cyclic.
pub(crate) fn first_order<N: Nodes>(
    nodes: &N,
    recorded: Option<Guess>,
    spread: impl FnOnce() -> Vec<u32>,
    edges: &Edges,
    budget: &Budget,
) -> Result<Option<Vec<u32>>, OutOfBudget> {
    // Where sessions are many and short, most of their events come at no level that tells when.
    const MOST_FOR_LEVELS: usize = 256;
    if let Some(guess) = recorded {
        debug_assert!(!guess.extends_hb || order::extends(nodes, &guess.order, &Edges::new(nodes.len())));
        let extends = guess.extends_hb && !edges.any_recorded() || order::extends(nodes, &guess.order, edges);
        return if extends { Ok(Some(guess.order)) } else { order::lay_out(nodes, guess.order.into_iter(), edges, budget) };
    }
    let none = Edges::new(nodes.len());
    let Some(listed) = order::lay_out(nodes, 0..nodes.len() as u32, &none, budget)? else { return Ok(None) };
    let first = if nodes.chains() <= MOST_FOR_LEVELS {
        order::by_level(nodes, &listed)
    } else {
        // Sessions that come and go are mostly listed as they came; those that last are at any time about as far along as one another.
        let spread = order::lay_out(nodes, spread().into_iter(), &none, budget)?.expect("hb is acyclic");
        if reach_back(nodes, &listed) < reach_back(nodes, &spread) { listed } else { spread }
    };
    match edges.any_recorded() {
        true => order::lay_out(nodes, first.into_iter(), edges, budget),
        false => Ok(Some(first)),
    }
}

/// How far nodes reach back in an order for what they follow, all together: the less the better the order.
fn reach_back<N: Nodes>(nodes: &N, order: &[u32]) -> u64 {
    let place = places(order);
    let back = |e: u32| nodes.cross(e).map(|from| u64::from(place[e as usize] - place[from as usize])).sum::<u64>();
    order.iter().map(|&e| back(e)).sum()
}

/// (read, w, x): the read returned w, and the write x of its key stands between them in hb; [`NONE`] for an x that was not looked for.
pub(crate) type Overwritten = (u32, u32, u32);

/// Reads of w with w hb x hb read for a write x of their key, one a read, ascending, of what an order that extends hb
/// leaves unexplained. Of nodes that are events.
pub(crate) fn overwritten_in_past<N: Nodes>(nodes: &N, swept: &Swept, budget: &Budget) -> Result<Vec<Overwritten>, OutOfBudget> {
    let Swept { order, unexplained, place } = swept;
    let mut overwritten = unexplained.overwritten.clone();
    if overwritten.is_empty() {
        return Ok(Vec::new());
    }
    // What is latest has the most before it.
    overwritten.sort_unstable_by_key(|&(_, x, read)| (read, Reverse(place[x as usize])));
    let partly: FxHashSet<u32> = unexplained.partly.iter().map(|(_, read)| read.event).collect();
    // Where a few have come by many nodes in vain, so would the others.
    let (mut left, mut in_vain) = (nodes.len(), 0);
    let mut search = Search::new(nodes, place, 0);
    let (mut found, mut rest) = (Vec::new(), Vec::new());
    for group in overwritten.chunk_by(|a, b| a.2 == b.2) {
        budget.check()?;
        let steps = if in_vain < 4 { left.min(nodes.len() / 16) } else { 0 };
        search.steps = steps;
        let mut leads = group.iter().map(|&(w, x, read)| ((read, w, x), search.leads(w, x)));
        let led = leads.find(|(_, leads)| *leads != Some(false));
        left -= steps - search.steps;
        in_vain += usize::from(matches!(led, Some((_, None))));
        match led {
            Some((overwritten, Some(_))) => found.push(overwritten),
            None if !partly.contains(&group[0].2) => {}
            _ => rest.push(asked(nodes, group[0].2)),
        }
    }
    // Where such searches do not get far, passes tell of all that is left.
    let (keys, writes) = (nodes.key_starts().len() - 1, |node| nodes.writes(node));
    let ordered = Ordered { graph: &Hb(nodes), extra: None, order, place, keys, writes };
    let told = ordered.tell(&rest, budget)?;
    found.extend(rest.iter().zip(told).filter(|(_, told)| told.overwritten).map(|(read, _)| (read.node, read.source, NONE)));
    found.sort_unstable();
    Ok(found)
}

/// The latest such x in the order, for a read of w of which it is known that there is one.
pub(crate) fn overwriting<N: Nodes>(nodes: &N, swept: &Swept, w: u32, read: u32, budget: &Budget) -> Result<u32, OutOfBudget> {
    let Swept { order, place, .. } = swept;
    let (lowest, key) = (place[w as usize], asked(nodes, read).key);
    let (mut past, mut walker) = (Walker::new(nodes, budget), Walker::new(nodes, budget));
    past.walk(place, read, lowest)?;
    let between = order[lowest as usize + 1..place[read as usize] as usize].iter().rev().copied();
    for x in between.filter(|&x| nodes.writes(x).any(|of| of == key)) {
        if past.met(x) {
            walker.walk(place, x, lowest)?;
            if walker.met(w) {
                return Ok(x);
            }
        }
    }
    unreachable!("one is known to be there")
}

/// The read that a node is.
fn asked<N: Nodes>(nodes: &N, node: u32) -> Asked {
    let Read { key, source, .. } = nodes.reads(node).next().expect("it reads");
    Asked { node, key, source }
}
