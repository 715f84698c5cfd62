//! Certificates of `causal-memory` and `pram-classic`: for each session with reads one order of the writes in its view and of its own
//! reads, which keeps the base order (hb; for `pram-classic` session order and what the session itself read) and in which each of its
//! reads returns the last write before it, a list what was appended before it (models.md 4 and 5). Sets and sums are held against what the
//! session's reads force, not against the order: it may say more.
//!
//! A session's view is the past of its `ok` operations: an `info` write of its own that none of them follows is nobody's business in it.
//! For each session a walk over that past gives each node the last place in the order of anything before it. Cost: O(n) a session for
//! `pram-classic`, whose orders are as long, O(its past) for `causal-memory`; where it reads sets or counters, as often again as rounds of
//! its register reads add to what is forced, for each of them.

use super::facts::{Facts, Origin};
use super::past::{Extra, Past, Rules, Seen, Walk};
use super::refusal::{Refusal, require};
use super::rules::Showing;
use crate::history::{DataType, OpId, SessionId};
use crate::model::Guarantees;

pub(super) fn check(facts: &Facts, own_reads_only: bool, orders: &[Vec<OpId>]) -> Result<(), Refusal> {
    let h = facts.history;
    require(orders.len() == h.sessions(), || Refusal::new("there is not one order a session"))?;
    let mut reads = vec![0usize; h.sessions()];
    for op in h.ops().filter(|&op| facts.reads(op)) {
        reads[h.session(op).index()] += 1;
    }
    let past = Past::new(facts)?;
    let mut sight = Sight {
        facts,
        past: &past,
        walk: Walk::default(),
        place: vec![0; h.operations()],
        last: vec![0; past.nodes()],
        newest: vec![None; h.keys()],
        appended: vec![0; h.keys()],
        seen: Seen::default(),
    };
    for (session, order) in orders.iter().enumerate() {
        if reads[session] == 0 {
            require(order.is_empty(), || Refusal::new("a session without reads has an order"))?;
        } else {
            sight.session(SessionId::new(session), own_reads_only, order)?;
        }
    }
    Ok(())
}

/// The memory of one session's check after another.
struct Sight<'a, 'h> {
    facts: &'a Facts<'h>,
    past: &'a Past<'a, 'h>,
    walk: Walk,
    /// By operation: its place in the order from 1.
    place: Vec<u32>,
    /// By node: the last place of anything before it or it.
    last: Vec<u32>,
    /// By key: the last write so far.
    newest: Vec<Option<OpId>>,
    /// By key: how many appends so far.
    appended: Vec<usize>,
    seen: Seen,
}

impl Sight<'_, '_> {
    fn session(&mut self, session: SessionId, own_reads_only: bool, order: &[OpId]) -> Result<(), Refusal> {
        let (h, facts, past) = (self.facts.history, self.facts, self.past);
        let rules = Rules { guarantees: Guarantees::ALL, only_reads_of: own_reads_only.then_some(session) };
        let own = facts.so.places(session.index()).flat_map(|place| h.txn_ops(facts.so.at(place)));
        let own = own.flat_map(|op| [past.read(op), past.write(op)]).flatten();
        let every = h.ops().filter(|_| own_reads_only).filter_map(|op| past.write(op));
        // A cycle of the base order has a read in it, and the session of that read sees it here.
        past.order(rules, own.chain(every), &mut self.walk)?;
        self.holds(session, order)?;
        self.keeps_base_order(rules)?;
        self.explains(session, order)?;
        self.shows(session, rules, order)?;
        for op in order {
            self.place[op.index()] = 0;
            self.newest[h.key(*op).index()] = None;
            self.appended[h.key(*op).index()] = 0;
        }
        Ok(())
    }

    /// The order holds exactly the writes of the view and the reads of the session.
    fn holds(&mut self, session: SessionId, order: &[OpId]) -> Result<(), Refusal> {
        let (h, facts) = (self.facts.history, self.facts);
        let wanted = |op: OpId| {
            let in_view = self.past.write(op).is_some_and(|write| self.walk.reached(write));
            in_view || facts.reads(op) && h.session(op) == session
        };
        for (i, &op) in order.iter().enumerate() {
            let belongs = op.index() < self.place.len() && self.place[op.index()] == 0 && wanted(op);
            require(belongs, || Refusal::about(h, op, "is in the session's order twice, or does not belong there"))?;
            self.place[op.index()] = i as u32 + 1;
        }
        let mut operations = self.walk.order.iter().filter_map(|&node| self.past.operation(node));
        match operations.find(|&op| wanted(op) && self.place[op.index()] == 0) {
            Some(missing) => Err(Refusal::about(h, missing, "is missing from a session's order")),
            None => Ok(()),
        }
    }

    fn keeps_base_order(&mut self, rules: Rules) -> Result<(), Refusal> {
        for &node in &self.walk.order {
            let op = self.past.operation(node);
            // A cas is one point of the order: its write does not come behind its own read.
            let before = self.past.before(rules, node).filter(|&b| op.is_none() || self.past.operation(b) != op);
            let last = before.map(|before| self.last[before.index()]).max().unwrap_or(0);
            let place = op.map_or(0, |op| self.place[op.index()]);
            if place != 0 && last >= place {
                let op = op.expect("it has a place");
                return Err(Refusal::about(self.facts.history, op, "comes before an operation that it follows"));
            }
            self.last[node.index()] = last.max(place);
        }
        Ok(())
    }

    /// Each read of the session returns the last write before it.
    fn explains(&mut self, session: SessionId, order: &[OpId]) -> Result<(), Refusal> {
        let h = self.facts.history;
        for &op in order {
            let newest = &mut self.newest[h.key(op).index()];
            if h.session(op) == session {
                let shown = self.facts.shown(op);
                let explained = match self.facts.origin(op) {
                    Origin::From(writer) => *newest == Some(writer),
                    Origin::Initial => newest.is_none(),
                    Origin::Shown if self.facts.key_type(op) == DataType::List => {
                        let places = shown.iter().map(|writer| self.place[writer.index()]);
                        let in_order = places.is_sorted_by(|a, b| a < b);
                        in_order && shown.len() == self.appended[h.key(op).index()]
                    }
                    _ => true,
                };
                require(explained, || Refusal::about(h, op, "did not return the last write before it in its session's order"))?;
            }
            if self.facts.took_effect(op) {
                *newest = Some(op);
                self.appended[h.key(op).index()] += 1;
            }
        }
        Ok(())
    }

    /// The session's sets and sums show what its reads force to be visible to them.
    fn shows(&mut self, session: SessionId, rules: Rules, order: &[OpId]) -> Result<(), Refusal> {
        let (h, facts) = (self.facts.history, self.facts);
        let own = |op: OpId| h.session(op) == session && facts.reads(op);
        let of_type = |op: OpId, wanted: DataType| own(op) && facts.key_type(op) == wanted;
        let judged = |op: OpId| of_type(op, DataType::Set) || of_type(op, DataType::Counter);
        if !order.iter().any(|&op| judged(op)) {
            return Ok(());
        }
        let mut forced = Extra::default();
        for &list in order.iter().filter(|&&op| of_type(op, DataType::List)) {
            for pair in facts.shown(list).windows(2) {
                forced.entry(pair[1]).or_default().push(pair[0]);
            }
        }
        let registers: Vec<OpId> = order.iter().copied().filter(|&op| of_type(op, DataType::Register)).collect();
        // Every read in every round, also behind one that forced something.
        while registers.iter().filter(|&&read| self.force(rules, read, &mut forced)).count() > 0 {}
        let mut showing = Showing::new(facts, self.past, rules, &self.last, &forced, order.iter().copied());
        order.iter().filter(|&&op| judged(op)).try_for_each(|&op| showing.check(op))
    }

    /// Every write of the register that is before the read is before the write that it returned. Was that news?
    fn force(&mut self, rules: Rules, op: OpId, forced: &mut Extra) -> bool {
        let (h, past) = (self.facts.history, self.past);
        let (Some(read), Origin::From(writer)) = (past.read(op), self.facts.origin(op)) else { return false };
        let mut overwritten: Vec<OpId> = Vec::new();
        past.search(rules, forced, read, &mut self.seen, |node| {
            overwritten.extend(past.as_write(node).filter(|&write| write != writer && h.key(write) == h.key(op)));
            true
        });
        let before = forced.entry(writer).or_default();
        let known = before.len();
        overwritten.retain(|write| !before.contains(write));
        before.extend(overwritten);
        before.len() > known
    }
}
