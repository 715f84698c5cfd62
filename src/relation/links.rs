//! Where session order comes in at each event: the latest earlier read and the latest earlier write of its session.
//!
//! Whether a guarantee follows such a link depends on the kinds at its two ends ([`Graph`](super::graph::Graph)). In a chain of
//! events the link is the event itself, and what came before that one is reached through it, where the guarantees let it pass. Where
//! a session overlaps, or where a set of guarantees does not pass along its chains, links go to *junctions* instead: extra nodes that
//! each stand for all reads (or all writes) of the session up to a moment, and have two ways back, the junction before and the event
//! that joined. n events need O(n) junctions however much overlaps, where pairs would be n².

use std::ops::Range;

use crate::history::{History, SessionId, Status, TxnId};

use super::events::{Events, NONE};
use super::session_order::SessionOrder;

/// The links of all events, and the junctions that they need.
pub(crate) struct Links {
    /// By event: the event, or junction, that stands for the reads before it in its session; or [`NONE`].
    pub(crate) read: Vec<u32>,
    /// The same for writes.
    pub(crate) write: Vec<u32>,
    /// Junction j is node `events.nodes() + j`: the ways back from it.
    pub(crate) junctions: Vec<[u32; 2]>,
    /// Has every session a chain of events, without junctions?
    pub(crate) plain: bool,
}

/// Which sessions get junctions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Junctions {
    /// Those that overlap.
    WhereOverlapping,
    /// All of them.
    Everywhere,
}

impl Links {
    pub(crate) fn new(history: &History, so: &SessionOrder, events: &Events, junctions: Junctions) -> Self {
        let mut links =
            Links { read: vec![NONE; events.len()], write: vec![NONE; events.len()], junctions: Vec::new(), plain: true };
        for s in 0..history.sessions() {
            let session = SessionId::new(s);
            if junctions == Junctions::Everywhere || so.overlap(session) {
                links.plain = false;
                Joining { history, so, events, links: &mut links }.session(session);
            } else {
                links.chain(history, so, events, session);
            }
        }
        links
    }

    /// A session whose `ok` events follow one another.
    fn chain(&mut self, history: &History, so: &SessionOrder, events: &Events, session: SessionId) {
        let s = session.index();
        let (start, chain_end, end) = (events.starts[s], events.chain_ends[s], events.starts[s + 1]);
        let (mut read, mut write) = (NONE, NONE);
        for e in start..chain_end {
            self.read[e as usize] = read;
            self.write[e as usize] = write;
            if events.is_write(e) {
                write = e;
            } else {
                read = e;
            }
        }
        for info in chain_end..end {
            let before = start..events.preceding_info(history, so, session, info);
            self.read[info as usize] = before.clone().rev().find(|&e| !events.is_write(e)).unwrap_or(NONE);
            self.write[info as usize] = before.rev().find(|&e| events.is_write(e)).unwrap_or(NONE);
        }
    }
}

/// Gives one session its junctions.
struct Joining<'a> {
    history: &'a History,
    so: &'a SessionOrder,
    events: &'a Events,
    links: &'a mut Links,
}

impl Joining<'_> {
    fn session(mut self, session: SessionId) {
        let s = session.index();
        let (start, end) = (self.events.starts[s], self.events.starts[s + 1]);
        // The events of one transaction are consecutive; a transaction's `ok` events or its `info` ones.
        let mut groups: Vec<(TxnId, Range<u32>)> = Vec::new();
        for e in start..end {
            let txn = self.history.txn(self.events.op(e));
            match groups.last_mut() {
                Some((last, range)) if *last == txn => range.end = e + 1,
                _ => groups.push((txn, e..e + 1)),
            }
        }
        // `ok` ones by when they end, in the sense of so: whoever comes later in this order ends no earlier.
        let mut ending: Vec<usize> = (0..groups.len()).filter(|&g| self.history.txn_status(groups[g].0) == Status::Ok).collect();
        let order = |g: usize| self.so.ends_at(self.history, groups[g].0);
        ending.sort_by_key(|&g| order(g));
        // And all by when they begin; what has ended by then precedes.
        let mut beginning: Vec<usize> = (0..groups.len()).collect();
        beginning.sort_by_key(|&g| self.so.begins_at(self.history, groups[g].0));
        let (mut reads, mut writes, mut ended) = (NONE, NONE, 0);
        // What each transaction leaves behind: the junction (or event) that stands for its reads, and for its writes.
        let mut left = vec![(NONE, NONE); groups.len()];
        for g in beginning {
            let (txn, range) = groups[g].clone();
            while ended < ending.len() && order(ending[ended]) < self.so.begins_at(self.history, txn) {
                let (its_reads, its_writes) = left[ending[ended]];
                reads = self.join(reads, its_reads);
                writes = self.join(writes, its_writes);
                ended += 1;
            }
            let info = self.history.txn_status(txn) == Status::Info;
            let (mut own_reads, mut own_writes) = (NONE, NONE);
            for e in range {
                // Inside a transaction its own earlier events come in as well; the `info` ones stand alone.
                self.links.read[e as usize] = self.join(reads, own_reads);
                self.links.write[e as usize] = self.join(writes, own_writes);
                if info {
                    continue;
                }
                if self.events.is_write(e) {
                    own_writes = self.join(own_writes, e);
                } else {
                    own_reads = self.join(own_reads, e);
                }
            }
            left[g] = (own_reads, own_writes);
        }
        self.by_file(&groups, &left);
    }

    /// Gives transactions that follow the file what it has before them.
    fn by_file(&mut self, groups: &[(TxnId, Range<u32>)], left: &[(u32, u32)]) {
        if !groups.iter().any(|&(txn, _)| self.so.follows_file(txn)) {
            return;
        }
        let mut filed: Vec<usize> = (0..groups.len()).collect();
        filed.sort_by_key(|&g| groups[g].0);
        let (mut reads, mut writes) = (NONE, NONE);
        for g in filed {
            if self.so.follows_file(groups[g].0) {
                for e in groups[g].1.clone() {
                    self.links.read[e as usize] = self.join(self.links.read[e as usize], reads);
                    self.links.write[e as usize] = self.join(self.links.write[e as usize], writes);
                }
            } else {
                reads = self.join(reads, left[g].0);
                writes = self.join(writes, left[g].1);
            }
        }
    }

    /// A node that stands for both. A bare event stands for itself alone only behind a junction, never as one: under a set of
    /// guarantees that does not pass along events, what is before it must stay apart from it.
    fn join(&mut self, before: u32, joining: u32) -> u32 {
        match (before, joining) {
            (NONE, other) | (other, NONE) => other,
            _ => {
                self.links.junctions.push([before, joining]);
                (self.events.nodes() + self.links.junctions.len() - 1) as u32
            }
        }
    }
}
