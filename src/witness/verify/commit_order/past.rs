//! `transactional-causal`: nothing in a transaction's past of hb that writes what it read is behind what it returned.
//!
//! A read is looked into only where another transaction writes its key between the one it read from and its own, and then its past back to
//! the first such place, the latest first: the order extends hb, so nothing earlier leads to anything later. What a session's transactions
//! have in their past those behind them have too, and it is gone through once a session, as far back as any of its reads is looked into;
//! where the session's transactions overlap, once a transaction. Cost: O(log n) for each transaction gone through and each read, and what
//! those write. A session goes back as far as its views are old, over its whole past at worst.

use std::collections::BinaryHeap;

use super::super::certificate::next_write;
use super::super::refusal::Refusal;
use super::gates::Gates;
use super::{CommitOrder, Newest};

pub(super) fn transactional_causal(order: &CommitOrder, gates: &Gates) -> Result<(), Refusal> {
    let (h, so) = (order.facts.history, &order.facts.so);
    let places = 1..=order.len() as u32;
    let mut writes: Vec<(usize, u32)> =
        places.flat_map(|place| order.written(place).iter().map(move |key| (key.index(), place))).collect();
    writes.sort_unstable();
    let mut past = Past {
        order,
        gates,
        walk: 0,
        entered: vec![0; order.len() + gates.len()],
        open: BinaryHeap::new(),
        newest: Newest::new(h.keys()),
    };
    for session in 0..h.sessions() {
        let overlaps = so.places(session).skip(1).any(|at| !so.reaches(at - 1, at));
        past.begin();
        for place in so.places(session).map(|at| order.place(so.at(at))).filter(|&place| place != 0) {
            if overlaps {
                past.begin();
            }
            past.enter_what_precedes(place);
            for read in order.reads(place) {
                let next = next_write(&writes, h.key(read).index(), order.returned(read));
                if let Some(next) = next.filter(|&next| next < place) {
                    past.go_back_to(next);
                    order.is_last(read, past.newest.of(h.key(read)))?;
                }
            }
        }
    }
    Ok(())
}

/// The past of the transactions looked at, as far as it was gone through. Nodes are transactions by place less one, then gates.
struct Past<'a, 'h> {
    order: &'a CommitOrder<'a, 'h>,
    gates: &'a Gates,
    /// The number of this walk; and by node the last walk that entered it.
    walk: u32,
    entered: Vec<u32>,
    /// What was entered and not gone through, by the last place of it.
    open: BinaryHeap<(u32, u32)>,
    /// Of what was gone through.
    newest: Newest,
}

impl Past<'_, '_> {
    fn begin(&mut self) {
        self.walk += 1;
        self.open.clear();
        self.newest.clear();
    }

    fn enter(&mut self, node: u32, last: u32) {
        if std::mem::replace(&mut self.entered[node as usize], self.walk) != self.walk {
            self.open.push((last, node));
        }
    }

    fn enter_transaction(&mut self, place: u32) {
        self.enter(place - 1, place);
    }

    fn enter_gate(&mut self, gate: u32) {
        self.enter(self.order.len() as u32 + gate, self.gates.last(gate));
    }

    /// Enters what a transaction follows in its session and what it read from.
    fn enter_what_precedes(&mut self, place: u32) {
        let order = self.order;
        self.gates.before(place).for_each(|gate| self.enter_gate(gate));
        order
            .reads(place)
            .map(|read| order.returned(read))
            .filter(|&from| from != 0)
            .for_each(|from| self.enter_transaction(from));
    }

    /// Goes through all of the past from this place on.
    fn go_back_to(&mut self, bound: u32) {
        while let Some(&(last, node)) = self.open.peek().filter(|&&(last, _)| last >= bound) {
            self.open.pop();
            match node.checked_sub(self.order.len() as u32) {
                None => {
                    self.order.written(last).iter().for_each(|&key| self.newest.raise(key, last));
                    self.enter_what_precedes(last);
                }
                Some(gate) => {
                    self.enter_transaction(self.gates.through(gate));
                    if let Some(gate) = self.gates.previous(gate) {
                        self.enter_gate(gate);
                    }
                }
            }
        }
    }
}
