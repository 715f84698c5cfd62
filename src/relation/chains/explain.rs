//! Order-guided checking along chains: is there an order of all nodes that extends hb and explains every read?
//!
//! A first order near a guess, one [`sweep`](super::sweep) along it, and for each round of new constraints what they
//! [move](super::mend); soundness never depends on the guess. Nothing is stored but the order and the constraints found. Cost: O(n) for a
//! recorded order, which is mostly right at once.

use std::cmp::Reverse;

use rustc_hash::FxHashSet;

use crate::relation::budget::{Budget, OutOfBudget};

use super::Nodes;
use super::key_order::places;
use super::mend::{Mended, Mending};
use super::order::{self, Edges};
use super::sweep::{self, Unexplained};
use super::walk::{Search, Walker};

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
    /// What this or another such order does not explain.
    pub(crate) unexplained: Unexplained,
}

/// Looks for an order that extends the edges, too. `first` extends hb and them, or is `None` where they are cyclic.
pub(crate) fn explain<N: Nodes>(
    nodes: &N,
    first: Option<Vec<u32>>,
    mut edges: Edges,
    budget: &Budget,
) -> Result<Explained, OutOfBudget> {
    let mut swept: Option<Swept> = None;
    let mut laid_out = first;
    while let Some(order) = laid_out {
        let (unexplained, keys) = sweep::unexplained(nodes, &order, budget)?;
        let mut found = unexplained.overwritten.clone();
        let partly: Vec<u32> = unexplained.partly.iter().map(|(_, read)| read.event).collect();
        edges.add(&found);
        // Which reads of the initial value have a write before them is the same in every order.
        let hopeless = !unexplained.initial.is_empty();
        let unexplained = swept.take().map_or(unexplained, |before| before.unexplained);
        if hopeless {
            swept = Some(Swept { order, unexplained });
            break;
        }
        let mut mending = Mending::new(nodes, budget, order, keys, partly.into_iter());
        laid_out = loop {
            if found.is_empty() {
                return Ok(Explained::By(mending.order));
            }
            match mending.mend(&edges, &found)? {
                Mended::Unexplained(now) => found = now,
                Mended::TooMuch => break order::lay_out(nodes, mending.order.iter().copied(), &edges, budget)?,
                Mended::Cyclic => break None,
            }
            edges.add(&found);
        };
        swept = Some(Swept { order: mending.order, unexplained });
    }
    Ok(Explained::Not { edges: edges.list, swept })
}

/// An order that extends hb and the edges and stays near the guess that is recorded, if any is; `None` where they are cyclic.
pub(crate) fn first_order<N: Nodes>(
    nodes: &N,
    recorded: Option<Vec<u32>>,
    spread: impl FnOnce() -> Vec<u32>,
    edges: &Edges,
    budget: &Budget,
) -> Result<Option<Vec<u32>>, OutOfBudget> {
    // Where sessions are many and short, most of their events come at no level that tells when.
    const MOST_FOR_LEVELS: usize = 256;
    if let Some(guess) = recorded {
        order::lay_out(nodes, guess.into_iter(), edges, budget)
    } else if nodes.chains() <= MOST_FOR_LEVELS {
        let order = order::lay_out(nodes, 0..nodes.len() as u32, &Edges::new(nodes.len()), budget)?;
        match order.map(|order| order::by_level(nodes, &order)) {
            Some(order) if edges.any_recorded() => order::lay_out(nodes, order.into_iter(), edges, budget),
            order => Ok(order),
        }
    } else {
        order::lay_out(nodes, spread().into_iter(), edges, budget)
    }
}

/// Reads of w with w hb x hb read for a write x of their key, as (read, w, x), one a read, ascending, of what an order that extends hb
/// leaves unexplained.
pub(crate) fn overwritten_in_past<N: Nodes>(
    nodes: &N,
    order: &[u32],
    unexplained: &Unexplained,
    budget: &Budget,
) -> Result<Vec<(u32, u32, u32)>, OutOfBudget> {
    let mut overwritten = unexplained.overwritten.clone();
    if overwritten.is_empty() {
        return Ok(Vec::new());
    }
    let place = places(order);
    // What is latest has the most before it.
    overwritten.sort_unstable_by_key(|&(_, x, read)| (read, Reverse(place[x as usize])));
    let mut search = Search::new(nodes, &place, nodes.len());
    let (mut found, mut rest) = (Vec::new(), Vec::new());
    for group in overwritten.chunk_by(|a, b| a.2 == b.2) {
        budget.check()?;
        for (i, &(w, x, read)) in group.iter().enumerate() {
            match search.leads(w, x) {
                Some(true) => found.push((read, w, x)),
                Some(false) => continue,
                None => rest.extend(&group[i..]),
            }
            break;
        }
    }
    // Where such searches do not get far, passes answer all that is left.
    ask(nodes, order, rest, &mut found, budget)?;
    let known: FxHashSet<u32> = found.iter().map(|found| found.0).collect();
    let mut walker = Walker::new(nodes, budget);
    let mut rest = Vec::new();
    for &(node, read) in unexplained.partly.iter().filter(|(_, read)| !known.contains(&read.event)) {
        let window = place[read.source as usize] + 1..place[node as usize];
        walker.walk(&place, node, window.start)?;
        let window = order[window.start as usize..window.end as usize].iter().copied();
        let earlier = window.filter(|&x| walker.met(x) && nodes.writes(x).any(|key| key == read.key));
        rest.extend(earlier.map(|x| (read.source, x, read.event)));
    }
    ask(nodes, order, rest, &mut found, budget)?;
    found.sort_unstable();
    found.dedup_by_key(|found| found.0);
    Ok(found)
}

/// Adds the (read, w, x) of these (w, x, read) with w hb x.
fn ask<N: Nodes>(
    nodes: &N,
    order: &[u32],
    mut asked: Vec<(u32, u32, u32)>,
    found: &mut Vec<(u32, u32, u32)>,
    budget: &Budget,
) -> Result<(), OutOfBudget> {
    if asked.is_empty() {
        return Ok(());
    }
    asked.sort_unstable_by_key(|&(w, x, read)| (x, w, read));
    let mut questions: Vec<(u32, u32)> = asked.iter().map(|&(w, x, _)| (w, x)).collect();
    questions.dedup();
    let answers = sweep::answer(nodes, order, &questions, budget)?;
    let mut answered = questions.iter().zip(answers).peekable();
    for (w, x, read) in asked {
        while answered.next_if(|&(&question, _)| question != (w, x)).is_some() {}
        if answered.peek().is_some_and(|&(_, before)| before) {
            found.push((read, w, x));
        }
    }
    Ok(())
}
