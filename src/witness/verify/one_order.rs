//! Certificates of the guarantee models: one order of all writes that explains every read (models.md 4 and 5). What changed sets and
//! counters is in it, but nothing depends on where.
//!
//! Rule 2, and for {RYW, MR} rule 1 too, look at what one session did to one key: a pass over those groups. Otherwise one walk in the
//! order of visibility gives each node the last write visible to it; a write must come behind all those (rules 5 and 6), and a read is
//! looked into only where a write of its key lies between its writer and the last one visible, by a search back from it that never goes
//! below the first such write. O(n log n) and the searches, each as long as a view is old.

use super::certificate::{Groups, OWN_SESSION, next_write};
use super::facts::Facts;
use super::past::{Extra, Past, Rules, Seen, Walk};
use super::refusal::{Refusal, require};
use super::rules::Showing;
use crate::check::{Options, WriteOrder};
use crate::history::{DataType, OpId, Status};
use crate::model::Guarantees;

/// The order under proof.
struct Order<'a, 'h> {
    facts: &'a Facts<'h>,
    /// By operation: a write's place from 1, 0 for what is no write of a register or list.
    place: Vec<u32>,
}

/// The last places in the order of what a session wrote and of what it read, so far.
#[derive(Clone, Copy, Default)]
struct Before {
    wrote: u32,
    saw: u32,
}

impl Before {
    fn add(&mut self, other: Before) {
        self.wrote = self.wrote.max(other.wrote);
        self.saw = self.saw.max(other.saw);
    }
}

pub(super) fn check(facts: &Facts, options: &Options, g: Guarantees, groups: &Groups, order: &[OpId]) -> Result<(), Refusal> {
    let h = facts.history;
    let mut place = vec![0; h.operations()];
    for (i, &write) in order.iter().enumerate() {
        let counts = write.index() < place.len() && facts.took_effect(write) && place[write.index()] == 0;
        require(counts, || Refusal::about(h, write, "is in the order twice, or does not belong there"))?;
        place[write.index()] = i as u32 + 1;
    }
    if let Some(missing) = h.ops().find(|&op| facts.took_effect(op) && place[op.index()] == 0) {
        return Err(Refusal::about(h, missing, "is missing from the order"));
    }
    for &write in order.iter().filter(|&&write| !facts.arranged(write)) {
        place[write.index()] = 0;
    }
    recorded(facts, options, order)?;
    let this = Order { facts, place };
    for read in h.ops() {
        let too_early = facts.shown(read).iter().any(|&writer| facts.so.before(read, writer));
        require(!too_early, || Refusal::about(h, read, "returned what its session wrote only later"))?;
        this.list(read)?;
    }
    groups.iter(h).try_for_each(|group| this.own_session(g, group))?;
    let registers = h.ops().all(|op| facts.key_type(op) == DataType::Register);
    if OWN_SESSION.contains(g) && registers { Ok(()) } else { this.explains(g) }
}

/// The order keeps what is recorded of it.
fn recorded(facts: &Facts, options: &Options, order: &[OpId]) -> Result<(), Refusal> {
    let h = facts.history;
    let mut newest = vec![i128::MIN; h.keys()];
    let mut begun = i64::MIN;
    for &write in order.iter().filter(|&&write| facts.arranged(write)) {
        match options.write_order {
            WriteOrder::Session => {}
            WriteOrder::Version => {
                let newest = &mut newest[h.key(write).index()];
                if let Some(version) = facts.version(write).filter(|_| facts.versioned(write)) {
                    require(version >= *newest, || Refusal::about(h, write, "comes behind a write with a greater version"))?;
                    *newest = version;
                }
            }
            WriteOrder::RealTime => {
                let late = facts.completed(write).is_some_and(|completed| completed < begun);
                require(!late, || Refusal::about(h, write, "comes behind a write that was invoked after it had completed"))?;
                begun = begun.max(facts.invoked(write).unwrap_or(i64::MIN));
            }
        }
    }
    Ok(())
}

impl Order<'_, '_> {
    /// The last place of what a read returned; 0 for the initial value and for what is no read.
    fn returned(&self, read: OpId) -> u32 {
        self.facts.shown(read).iter().map(|writer| self.place[writer.index()]).max().unwrap_or(0)
    }

    /// A list shows its elements in their order.
    fn list(&self, read: OpId) -> Result<(), Refusal> {
        let list = self.facts.key_type(read) == DataType::List;
        let in_order = !list || self.facts.shown(read).is_sorted_by_key(|writer| self.place[writer.index()]);
        require(in_order, || Refusal::about(self.facts.history, read, "returned a list in another order"))
    }

    /// One session's operations on one key, in the order of their places. What all that is still to come follows is kept as one pair of
    /// maxima; of the transactions that may overlap it each keeps its own.
    fn own_session(&self, g: Guarantees, group: &[OpId]) -> Result<(), Refusal> {
        let (h, so) = (self.facts.history, &self.facts.so);
        let mut settled = Before::default();
        let mut recent: Vec<(usize, Before)> = Vec::new();
        for &op in group {
            if h.status(op) == Status::Info {
                // Beside its session's chain: what went before all that follows need not have gone before it.
                let mut before = Before::default();
                group.iter().filter(|&&b| so.before(b, op)).for_each(|&b| before.add(self.done(b)));
                self.own_write(op, before)?;
                continue;
            }
            let place = so.place(op);
            recent.retain(|&(at, done)| {
                let over = so.settled(at, place);
                if over {
                    settled.add(done);
                }
                !over
            });
            let mut before = settled;
            recent.iter().filter(|&&(at, _)| at == place || so.reaches(at, place)).for_each(|&(_, done)| before.add(done));
            self.own_read(g, op, before)?;
            // A cas has read before it writes.
            before.saw = before.saw.max(self.returned(op));
            self.own_write(op, before)?;
            match recent.last_mut() {
                Some((at, done)) if *at == place => done.add(self.done(op)),
                _ => recent.push((place, self.done(op))),
            }
        }
        Ok(())
    }

    fn done(&self, op: OpId) -> Before {
        Before { wrote: self.place[op.index()], saw: self.returned(op) }
    }

    /// Rule 1, where only its own session's operations on the key matter to a read.
    fn own_read(&self, g: Guarantees, read: OpId, before: Before) -> Result<(), Refusal> {
        let wrote = if g.contains(Guarantees::RYW) { before.wrote } else { 0 };
        let saw = if g.contains(Guarantees::MR) { before.saw } else { 0 };
        let register = self.facts.reads(read) && self.facts.key_type(read) == DataType::Register;
        let stale = OWN_SESSION.contains(g) && register && wrote.max(saw) > self.returned(read);
        require(!stale, || Refusal::about(self.facts.history, read, "returned a value that the order has overwritten before"))
    }

    /// Rule 2.
    fn own_write(&self, write: OpId, before: Before) -> Result<(), Refusal> {
        let place = self.place[write.index()];
        let against = place != 0 && !self.facts.versioned(write) && before.wrote.max(before.saw) > place;
        require(!against, || {
            Refusal::about(self.facts.history, write, "comes before what its session had written or read of the key")
        })
    }

    /// Rules 1, 5, 6 and 7 by visibility.
    fn explains(&self, g: Guarantees) -> Result<(), Refusal> {
        let h = self.facts.history;
        let past = Past::new(self.facts)?;
        let rules = Rules { guarantees: g, only_reads_of: None };
        let mut walk = Walk::default();
        past.order(rules, past.all(), &mut walk)?;
        let mut last = vec![0u32; past.nodes()];
        let mut writes: Vec<(usize, u32)> = Vec::new();
        for &node in &walk.order {
            let visible = past.before(rules, node).map(|before| last[before.index()]).max().unwrap_or(0);
            last[node.index()] = visible;
            if let Some(write) = past.as_write(node).filter(|&write| self.facts.arranged(write)) {
                let place = self.place[write.index()];
                require(visible < place, || Refusal::about(h, write, "comes before a write that it follows"))?;
                last[node.index()] = place;
                writes.push((h.key(write).index(), place));
            }
        }
        writes.sort_unstable();
        let (mut seen, none) = (Seen::default(), Extra::default());
        for op in h.ops().filter(|&op| self.facts.key_type(op) == DataType::Register) {
            let (Some(read), key, returned) = (past.read(op), h.key(op), self.returned(op)) else { continue };
            let Some(next) = next_write(&writes, key.index(), returned).filter(|&next| next <= last[read.index()]) else {
                continue;
            };
            let mut stale = false;
            past.search(rules, &none, read, &mut seen, |node| {
                let newer = |write: OpId| h.key(write) == key && self.place[write.index()] > returned;
                stale |= past.as_write(node).is_some_and(newer);
                !stale && last[node.index()] >= next
            });
            require(!stale, || Refusal::about(h, op, "returned a value although a later write of the key was visible to it"))?;
        }
        let mut rank = vec![0; past.nodes()];
        walk.order.iter().zip(1..).for_each(|(node, i)| rank[node.index()] = i);
        let mut showing = Showing::new(self.facts, &past, rules, &rank, &none, h.ops());
        h.ops().try_for_each(|op| showing.check(op))
    }
}
