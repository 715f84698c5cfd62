//! Which reads does an order not explain? For each read r of w, the writes x of its key that stand between w and r in the order and
//! are hb-before r.
//!
//! One pass along the order keeps the writes of each key placed so far, so the writes between are the last ones of its key: mostly none.
//! Whether x is hb-before r is told by vector clocks (Fidge 1988, Mattern 1989) where chains are few: each chain has one, which a read
//! raises to that of the write it returned. A write that another chain will read leaves a copy behind, shared by the writes up to the
//! chain's next read and freed after the last reader. Where chains are many, a walk back from r that does not go below the earliest x
//! answers for r; where an order is good, those are short. A read of something long overwritten has many x; of these the latest are
//! asked about first, and once one is hb-before r the earlier ones are left for later: then the read is *partly* looked at.

use crate::relation::budget::{Budget, OutOfBudget};
use crate::relation::events::NONE;

use super::key_order::{KeyOrder, places};
use super::walk::Walker;
use super::{Nodes, Read};

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

/// What an order that extends hb does not explain; and the writes of each key in it.
pub(crate) fn unexplained<'a, N: Nodes>(
    nodes: &'a N,
    order: &[u32],
    budget: &Budget,
) -> Result<(Unexplained, KeyOrder<'a>), OutOfBudget> {
    let mut found = Unexplained::default();
    let each = |x: u32, read: Read| match read.source {
        NONE => found.initial.push((x, read.event)),
        w => found.overwritten.push((w, x, read.event)),
    };
    let keys = match nodes.chains() <= MOST_CLOCKS {
        true => with_clocks(nodes, order, budget, each)?,
        false => {
            let mut partly = Vec::new();
            let keys = with_walks(nodes, order, budget, &mut partly, each)?;
            found.partly = partly;
            keys
        }
    };
    found.initial.sort_unstable_by_key(|&(_, read)| read);
    Ok((found, keys))
}

/// Calls back with each (x, r). For each r of one chain's writes only the last, since the others precede it; for a read of the initial
/// value only one of all, which is enough. Returns the writes of each key in the order.
pub(super) fn with_clocks<'a, N: Nodes>(
    nodes: &'a N,
    order: &[u32],
    budget: &Budget,
    mut each: impl FnMut(u32, Read),
) -> Result<KeyOrder<'a>, OutOfBudget> {
    let mut clocks = Clocks::new(nodes);
    let mut placed = KeyOrder::new(nodes);
    // By chain: the last read that it was found for.
    let mut found_for = vec![NONE; nodes.chains()];
    for (count, &e) in order.iter().enumerate() {
        if count % 4096 == 0 {
            budget.check()?;
        }
        let c = nodes.chain(e);
        clocks.follow(nodes, c, e);
        for read in nodes.reads(e) {
            for &x in placed.of(read.key as usize).iter().rev().take_while(|&&x| x != read.source) {
                let of = nodes.chain(x);
                if (of == c || clocks.saw(c, of, x)) && found_for[of] != read.event {
                    found_for[of] = read.event;
                    each(x, read);
                    if read.source == NONE {
                        break;
                    }
                }
            }
        }
        nodes.writes(e).for_each(|key| placed.place(key as usize, e));
        clocks.leave(c, e);
    }
    Ok(placed)
}

/// One clock a chain: how many nodes of each other chain it has seen.
struct Clocks {
    /// By chain: its first node.
    starts: Vec<u32>,
    width: usize,
    rows: Vec<i32>,
    /// By node: how many will still join its clock. One that reaches the largest count is kept for good: few can.
    left: Vec<u8>,
    /// By node that somebody will join: which copy is its clock.
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

impl Clocks {
    fn new<N: Nodes>(nodes: &N) -> Self {
        let width = nodes.chains().next_multiple_of(8);
        let mut left = vec![0u8; nodes.len()];
        for own in (0..nodes.chains()).map(|chain| nodes.start(chain)..nodes.end(chain)) {
            for from in own.clone().flat_map(|e| nodes.cross(e)).filter(|from| !own.contains(from)) {
                left[from as usize] = left[from as usize].saturating_add(1);
            }
        }
        Clocks {
            starts: (0..nodes.chains()).map(|chain| nodes.start(chain)).collect(),
            width,
            rows: vec![0; nodes.chains() * width],
            copy_of: vec![0; left.len()],
            left,
            copies: Vec::new(),
            joiners: Vec::new(),
            owner: Vec::new(),
            spare: Vec::new(),
            current: vec![NONE; nodes.chains()],
        }
    }

    /// Has chain c seen node x of another chain?
    #[inline]
    fn saw(&self, c: usize, of: usize, x: u32) -> bool {
        self.rows[c * self.width + of] > (x - self.starts[of]) as i32
    }

    /// Node e of chain c comes next.
    #[inline]
    fn follow<N: Nodes>(&mut self, nodes: &N, c: usize, e: u32) {
        for from in nodes.cross(e) {
            let of = nodes.chain(from);
            if of != c {
                self.join(c, of, from);
            }
        }
    }

    /// Chain c comes to follow a node of another chain.
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

    /// Node e is placed: its clock stays for those who will join it.
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

/// The same by walks. Where a read has many x, only the latest of them, and it is added to `partly`.
pub(super) fn with_walks<'a, N: Nodes>(
    nodes: &'a N,
    order: &[u32],
    budget: &Budget,
    partly: &mut Vec<(u32, Read)>,
    mut each: impl FnMut(u32, Read),
) -> Result<KeyOrder<'a>, OutOfBudget> {
    /// So many writes of a key are asked about at first, and so many times more each time that none of them is before the read.
    const FIRST: usize = if cfg!(test) { 2 } else { 4 };
    const MORE: usize = 8;
    let place = places(order);
    let mut placed = KeyOrder::new(nodes);
    let mut walker = Walker::new(nodes, budget);
    let mut found_for = vec![NONE; nodes.chains()];
    // Of the node at hand: its reads, each with how many of the writes of its key came before what it returned.
    let mut asking: Vec<(Read, usize)> = Vec::new();
    for (count, &e) in order.iter().enumerate() {
        if count % 4096 == 0 {
            budget.check()?;
        }
        for read in nodes.reads(e) {
            let writes = placed.of(read.key as usize);
            if writes.last().is_some_and(|&last| last != read.source) {
                let before = writes.iter().rposition(|&x| x == read.source).map_or(0, |at| at + 1);
                asking.push((read, before));
            }
        }
        let mut latest = FIRST;
        while !asking.is_empty() {
            let from = |&(read, before): &(Read, usize)| placed.of(read.key as usize).len().saturating_sub(latest).max(before);
            let earliest = |asked: &(Read, usize)| place[placed.of(asked.0.key as usize)[from(asked)] as usize];
            walker.walk(&place, e, asking.iter().map(earliest).min().expect("there are some"))?;
            asking.retain(|asked| {
                let (read, first) = (asked.0, from(asked));
                let mut any = false;
                for &x in placed.of(read.key as usize)[first..].iter().rev() {
                    let of = nodes.chain(x);
                    if walker.met(x) && found_for[of] != read.event {
                        any = true;
                        found_for[of] = read.event;
                        each(x, read);
                        if read.source == NONE {
                            break;
                        }
                    }
                }
                if any && first > asked.1 && read.source != NONE {
                    partly.push((e, read));
                }
                !any && first > asked.1
            });
            latest *= MORE;
        }
        nodes.writes(e).for_each(|key| placed.place(key as usize, e));
    }
    Ok(placed)
}
