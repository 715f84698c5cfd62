//! Answers by vector clocks (Fidge 1988, Mattern 1989): each chain has one, which a read raises to that of the write it returned. A write
//! that another chain will read leaves a copy behind, shared by the writes up to the chain's next read and freed after the last reader.
//! Where very many writes stand between a read and what it returned, each chain is asked for its last one instead: O(chains log n).

use std::cell::OnceCell;

use rayon::prelude::*;

use crate::relation::chains::{Nodes, Read};
use crate::relation::events::NONE;
use crate::relation::zeroed::zeroed;

use super::asking::{Asked, Between, Stretch};

/// By node: how many nodes of other chains follow it. One that reaches the largest count is kept for good: few can.
pub(in crate::relation::chains) fn joiners<N: Nodes>(nodes: &N) -> Vec<u8> {
    // Each share has counts of its own, a byte a node.
    let shares = rayon::current_num_threads().min(4);
    let length = nodes.len().div_ceil(shares) as u32;
    let count = |share: u32| {
        let mut counts = zeroed::<u8>(nodes.len());
        for e in share * length..((share + 1) * length).min(nodes.len() as u32) {
            // (Its own chain is a range: nothing need be looked up of another one.)
            let chain = nodes.chain(e);
            let own = nodes.start(chain)..nodes.end(chain);
            for from in nodes.cross(e).filter(|from| !own.contains(from)) {
                counts[from as usize] = counts[from as usize].saturating_add(1);
            }
        }
        counts
    };
    let add = |mut a: Vec<u8>, b: Vec<u8>| {
        a.par_iter_mut().zip(b).with_min_len(1 << 16).for_each(|(a, b)| *a = a.saturating_add(b));
        a
    };
    (0..shares as u32).into_par_iter().map(count).reduce_with(add).expect("there is a share")
}

const KEPT: u8 = u8::MAX;

/// Goes along an order, behind those who ask.
pub(super) struct Answering<'a, N> {
    nodes: &'a N,
    order: &'a [u32],
    clocks: Clocks<'a>,
    /// By chain: the last read that a write of it was found for.
    found_for: Vec<u32>,
    /// The place of each node, once somebody asks about many writes.
    place: OnceCell<Vec<u32>>,
}

impl<'a, N: Nodes> Answering<'a, N> {
    pub(super) fn new(nodes: &'a N, order: &'a [u32], joiners_of: &'a [u8]) -> Self {
        let clocks = Clocks::new(nodes, joiners_of);
        Answering { nodes, order, clocks, found_for: vec![NONE; nodes.chains()], place: OnceCell::new() }
    }

    /// Calls back with each (x, r).
    pub(super) fn answer(&mut self, stretch: &Stretch, each: &mut impl FnMut(u32, Read)) {
        let (mut joins, mut reads, mut writes) = (0, 0, 0);
        for step in &stretch.steps {
            let c = step.chain as usize;
            for &(from, of) in &stretch.joins[joins..step.joins as usize] {
                self.clocks.join(c, of as usize, from);
            }
            for &Asked { read, writes: ref between } in &stretch.reads[reads..step.reads as usize] {
                match *between {
                    Between::End(end) => {
                        self.listed(c, read, &stretch.writes[writes..end as usize], each);
                        writes = end as usize;
                    }
                    Between::Many => self.of_each_chain(c, step.node, read, each),
                }
            }
            self.clocks.leave(c, step.node);
            (joins, reads) = (step.joins as usize, step.reads as usize);
        }
    }

    #[inline]
    fn listed(&mut self, c: usize, read: Read, writes: &[(u32, u32)], each: &mut impl FnMut(u32, Read)) {
        for &(x, of) in writes {
            let of = of as usize;
            if (of == c || self.clocks.saw(c, of, x)) && self.found_for[of] != read.event {
                self.found_for[of] = read.event;
                each(x, read);
                if read.source == NONE {
                    break;
                }
            }
        }
    }

    /// Of each chain the last write of the key that node e has seen, if it stands behind what was read.
    fn of_each_chain(&self, c: usize, e: u32, read: Read, each: &mut impl FnMut(u32, Read)) {
        let (nodes, order) = (self.nodes, self.order);
        // (By this thread alone: others may wait for what it answers.)
        let place = self.place.get_or_init(|| {
            let mut place = vec![0; order.len()];
            (0..).zip(order).for_each(|(at, &e)| place[e as usize] = at);
            place
        });
        let mut writes = nodes.writes_of(read.key);
        let mut latest: Option<u32> = None;
        while let Some(&first) = writes.first() {
            let of = nodes.chain(first);
            let (own, others) = writes.split_at(writes.partition_point(|&x| x < nodes.end(of)));
            writes = others;
            let unseen = if of == c { e } else { self.clocks.unseen(c, of) };
            match own[..own.partition_point(|&x| x < unseen)].last() {
                Some(&x) if read.source == NONE => {
                    latest = Some(x).into_iter().chain(latest).max_by_key(|&x| place[x as usize]);
                }
                Some(&x) if place[x as usize] > place[read.source as usize] => each(x, read),
                _ => {}
            }
        }
        if let Some(x) = latest {
            each(x, read);
        }
    }
}

/// One clock a chain: how many nodes of each other chain it has seen.
struct Clocks<'j> {
    /// By chain: its first node.
    starts: Vec<u32>,
    width: usize,
    rows: Vec<i32>,
    /// By node: how many will join its clock ([`joiners`]).
    joiners_of: &'j [u8],
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

impl<'j> Clocks<'j> {
    fn new<N: Nodes>(nodes: &N, joiners_of: &'j [u8]) -> Self {
        let width = nodes.chains().next_multiple_of(8);
        Clocks {
            starts: (0..nodes.chains()).map(|chain| nodes.start(chain)).collect(),
            width,
            rows: vec![0; nodes.chains() * width],
            joiners_of,
            copy_of: vec![0; nodes.len()],
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

    /// Of another chain: the first node that chain c has not seen.
    #[inline]
    fn unseen(&self, c: usize, of: usize) -> u32 {
        self.starts[of] + self.rows[c * self.width + of] as u32
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
        if self.joiners_of[from as usize] != KEPT {
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
        let left = self.joiners_of[e as usize];
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
