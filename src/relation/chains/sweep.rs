//! Which reads does an order not explain? For each read r of w, the writes x of its key that stand between w and r in the order and
//! are hb-before r.
//!
//! One pass along the order keeps the writes of each key placed so far, so the writes between are the last ones of its key: mostly none.
//! Whether x is hb-before r is told by vector clocks (Fidge 1988, Mattern 1989) where chains are few: each chain has one, which a read
//! raises to that of the write it returned. A write that another chain will read leaves a copy behind, shared by the writes up to the
//! chain's next read and freed after the last reader. Where chains are many, a walk back from r that does not go below the earliest x
//! answers for r; where an order is good, those are short.

use crate::relation::budget::{Budget, OutOfBudget};
use crate::relation::events::{NONE, WRITE};

use super::Chains;
use super::key_order::{KeyOrder, places};
use super::walk::Walker;

/// With more chains than this, walks cost less than clocks.
const MOST_CLOCKS: usize = 256;

/// Calls back with each (x, r). For each r of one chain's writes only the last: the others precede it. Returns the writes of each key in
/// the order.
pub(crate) fn sweep<'a>(
    chains: &Chains<'a>,
    order: &[u32],
    budget: &Budget,
    each: impl FnMut(u32, u32),
) -> Result<KeyOrder<'a>, OutOfBudget> {
    if chains.len() <= MOST_CLOCKS { with_clocks(chains, order, budget, each) } else { with_walks(chains, order, budget, each) }
}

/// Is the first hb-before the second? For pairs of events that the order has in this order, ascending by the second.
pub(crate) fn answer(
    chains: &Chains<'_>,
    order: &[u32],
    questions: &[(u32, u32)],
    budget: &Budget,
) -> Result<Vec<bool>, OutOfBudget> {
    let mut answers = vec![false; questions.len()];
    let (chain, cross) = (&*chains.chain, &*chains.cross);
    if chains.len() > MOST_CLOCKS {
        let place = places(order);
        let mut walker = Walker::new(chains, budget);
        let mut last = NONE;
        for (i, &(from, to)) in questions.iter().enumerate() {
            if to != last {
                let group = questions[i..].iter().take_while(|q| q.1 == to);
                let lowest = group.map(|q| place[q.0 as usize]).min().expect("there is one");
                walker.walk(&place, to, lowest)?;
                last = to;
            }
            answers[i] = walker.met(from);
        }
        return Ok(answers);
    }
    let mut clocks = Clocks::new(chains);
    let mut asked = vec![false; order.len()];
    questions.iter().for_each(|q| asked[q.1 as usize] = true);
    for (count, &e) in order.iter().enumerate() {
        if count % 4096 == 0 {
            budget.check()?;
        }
        let c = chain[e as usize] as usize;
        let from = cross[e as usize];
        if from < NONE && chain[from as usize] as usize != c {
            clocks.join(c, chain[from as usize] as usize, from);
        }
        if asked[e as usize] {
            let first = questions.partition_point(|q| q.1 < e);
            for (i, q) in questions.iter().enumerate().skip(first).take_while(|(_, q)| q.1 == e) {
                let of = chain[q.0 as usize] as usize;
                answers[i] = of == c || clocks.saw(c, of, q.0);
            }
        }
        clocks.leave(c, e);
    }
    Ok(answers)
}

fn with_clocks<'a>(
    chains: &Chains<'a>,
    order: &[u32],
    budget: &Budget,
    mut each: impl FnMut(u32, u32),
) -> Result<KeyOrder<'a>, OutOfBudget> {
    let (events, chain, cross) = (chains.events, &*chains.chain, &*chains.cross);
    let mut clocks = Clocks::new(chains);
    let mut placed = KeyOrder::new(chains);
    // By chain: the last read that it was found for.
    let mut found_for = vec![NONE; chains.len()];
    for (count, &e) in order.iter().enumerate() {
        if count % 4096 == 0 {
            budget.check()?;
        }
        let c = chain[e as usize] as usize;
        let from = cross[e as usize];
        if from < NONE && chain[from as usize] as usize != c {
            clocks.join(c, chain[from as usize] as usize, from);
        }
        let (key, source) = (events.key[e as usize] as usize, events.source[e as usize]);
        if source == WRITE {
            placed.place(key, e);
        } else {
            for &x in placed.of(key).iter().rev().take_while(|&&x| x != source) {
                let of = chain[x as usize] as usize;
                if (of == c || clocks.saw(c, of, x)) && found_for[of] != e {
                    found_for[of] = e;
                    each(x, e);
                }
            }
        }
        clocks.leave(c, e);
    }
    Ok(placed)
}

/// One clock a chain: how many events of each other chain it has seen.
struct Clocks<'a> {
    starts: &'a [u32],
    width: usize,
    rows: Vec<i32>,
    /// By event: how many will still join its clock. One that reaches the largest count is kept for good: few can.
    left: Vec<u8>,
    /// By event that somebody will join: which copy is its clock.
    copy_of: Vec<u32>,
    copies: Vec<i32>,
    /// By copy: how many will still join it, and the chain whose clock it is.
    joiners: Vec<u32>,
    owner: Vec<u32>,
    spare: Vec<u32>,
    /// By chain: the copy of its clock as it is, if there is one.
    current: Vec<u32>,
}

const KEPT: u8 = u8::MAX;

impl<'a> Clocks<'a> {
    fn new(chains: &'a Chains<'_>) -> Self {
        let width = chains.len().next_multiple_of(8);
        let mut left = vec![0u8; chains.chain.len()];
        for (e, &from) in chains.cross.iter().enumerate() {
            if from < NONE && chains.chain[from as usize] != chains.chain[e] {
                left[from as usize] = left[from as usize].saturating_add(1);
            }
        }
        Clocks {
            starts: &chains.starts,
            width,
            rows: vec![0; chains.len() * width],
            copy_of: vec![0; left.len()],
            left,
            copies: Vec::new(),
            joiners: Vec::new(),
            owner: Vec::new(),
            spare: Vec::new(),
            current: vec![NONE; chains.len()],
        }
    }

    /// Has chain c seen event x of another chain?
    #[inline]
    fn saw(&self, c: usize, of: usize, x: u32) -> bool {
        self.rows[c * self.width + of] > (x - self.starts[of]) as i32
    }

    /// Chain c comes to follow an event of another chain.
    #[inline]
    fn join(&mut self, c: usize, of: usize, from: u32) {
        let copy = self.copy_of[from as usize];
        if !self.saw(c, of, from) {
            let row = &mut self.rows[c * self.width..(c + 1) * self.width];
            let theirs = &self.copies[copy as usize * self.width..(copy as usize + 1) * self.width];
            for (mine, &theirs) in row.iter_mut().zip(theirs) {
                *mine = (*mine).max(theirs);
            }
            row[of] = row[of].max((from - self.starts[of]) as i32 + 1);
            self.current[c] = NONE;
        }
        if self.left[from as usize] != KEPT {
            self.joiners[copy as usize] -= 1;
            if self.joiners[copy as usize] == 0 {
                self.spare.push(copy);
                let owner = self.owner[copy as usize] as usize;
                if self.current[owner] == copy {
                    self.current[owner] = NONE;
                }
            }
        }
    }

    /// Event e is placed: its clock stays for those who will join it.
    #[inline]
    fn leave(&mut self, c: usize, e: u32) {
        let left = self.left[e as usize];
        if left == 0 {
            return;
        }
        let mut copy = self.current[c];
        if copy == NONE {
            copy = self.spare.pop().unwrap_or_else(|| {
                self.joiners.push(0);
                self.owner.push(0);
                self.copies.resize(self.copies.len() + self.width, 0);
                self.joiners.len() as u32 - 1
            });
            let row = c * self.width..(c + 1) * self.width;
            self.copies[copy as usize * self.width..(copy as usize + 1) * self.width].copy_from_slice(&self.rows[row]);
            self.owner[copy as usize] = c as u32;
            self.current[c] = copy;
        }
        self.copy_of[e as usize] = copy;
        self.joiners[copy as usize] += u32::from(left);
    }
}

fn with_walks<'a>(
    chains: &Chains<'a>,
    order: &[u32],
    budget: &Budget,
    mut each: impl FnMut(u32, u32),
) -> Result<KeyOrder<'a>, OutOfBudget> {
    let (events, chain) = (chains.events, &*chains.chain);
    let place = places(order);
    let mut placed = KeyOrder::new(chains);
    let mut walker = Walker::new(chains, budget);
    let mut found_for = vec![NONE; chains.len()];
    for (count, &e) in order.iter().enumerate() {
        if count % 4096 == 0 {
            budget.check()?;
        }
        let c = chain[e as usize];
        let (key, source) = (events.key[e as usize] as usize, events.source[e as usize]);
        if source == WRITE {
            placed.place(key, e);
            continue;
        }
        let writes = placed.of(key);
        let between = match writes.last() {
            Some(&last) if last != source => match writes.iter().rposition(|&x| x == source) {
                Some(at) => &writes[at + 1..],
                None => writes,
            },
            _ => continue,
        };
        walker.walk(&place, e, place[between[0] as usize])?;
        for &x in between.iter().rev() {
            let of = chain[x as usize];
            if (of == c || walker.met(x)) && found_for[of as usize] != e {
                found_for[of as usize] = e;
                each(x, e);
            }
        }
    }
    Ok(placed)
}
