//! A second checker, of the other kind: bad patterns over closed matrices (models.md 4; POPL'17), reading the library's [`History`]
//! instead of the toy. It shares nothing with the oracle's enumerations, so that each holds the other to the page.
//!
//! And it can be broken on purpose, by any one [`Fault`]. Cost: O(n³) a model with 32 nodes at most.

mod transactions;

use testimony::check::{UnmatchedReads, WriteOrder};
use testimony::history::{History, Kind, OpId, Status, TxnId};
use testimony::model::{Checker, Guarantees, Isolation, MODELS};
use testimony::verdict::Verdict;

use crate::broken::Fault;
use crate::decorate::Settings;
use crate::guarantee::{bits, mask};

/// The verdicts in the order of [`MODELS`], and the minimal violated sets.
pub fn check(history: &History, settings: Settings, fault: Option<Fault>) -> (Vec<Verdict>, Vec<Guarantees>) {
    let plain = Plain::new(history, settings, fault);
    let violated: Vec<bool> = (0..16).map(|g| plain.guarantees_violated(Guarantees(g))).collect();
    let verdicts = MODELS.iter().map(|model| {
        let bad = match model.checker {
            Checker::WellFormed => false,
            Checker::Guarantees(g) => violated[g.0 as usize],
            Checker::CausalWeak => plain.causal_weak_violated(),
            Checker::CausalMemory if plain.has(Fault::ViewsNotSaturated) => plain.causal_weak_violated(),
            Checker::CausalMemory => plain.causal_memory_violated(),
            Checker::PramClassic => plain.pram_classic_violated(),
            Checker::Transactions(isolation) => {
                let implied = isolation == Isolation::TransactionalCausal && violated[Guarantees::ALL.0 as usize];
                implied || plain.isolation_violated(isolation)
            }
            Checker::Convergence => return Verdict::Unknown,
        };
        if bad || plain.malformed {
            Verdict::Violated
        } else if !plain.has(Fault::AmbiguousForgotten) && plain.ambiguous.iter().any(|&a| plain.matters(a, model.checker)) {
            Verdict::Unknown
        } else {
            Verdict::Satisfied
        }
    });
    let minimal = |g: u8| violated[g as usize] && (0..4).all(|bit| g >> bit & 1 == 0 || !violated[(g ^ 1 << bit) as usize]);
    (verdicts.collect(), (0..16).filter(|&g| minimal(g)).map(Guarantees).collect())
}

/// The writer of a read's value.
type From = Option<OpId>;

struct Plain<'h> {
    history: &'h History,
    write_order: WriteOrder,
    fault: Option<Fault>,
    malformed: bool,
    /// Ambiguous reads, and whether they may be malformed.
    ambiguous: Vec<(OpId, bool)>,
    /// What takes part: operations, what they read, whether they write.
    nodes: Vec<OpId>,
    from: Vec<Option<From>>,
    writes: u32,
    reads: u32,
    /// Per transaction, those after it in its session.
    later: Vec<u32>,
    /// `earlier[b]`: what precedes b in its session.
    earlier: Vec<u32>,
}

impl<'h> Plain<'h> {
    fn new(history: &'h History, settings: Settings, fault: Option<Fault>) -> Self {
        let mut plain = Plain {
            history,
            write_order: settings.write_order,
            fault,
            malformed: false,
            ambiguous: vec![],
            nodes: vec![],
            from: vec![],
            writes: 0,
            reads: 0,
            later: vec![],
            earlier: vec![],
        };
        plain.later = history.txns().map(|txn| plain.later(txn)).collect();
        let matched: Vec<Option<From>> = history.ops().map(|op| plain.match_read(op, settings.unmatched)).collect();
        for op in history.ops() {
            let seen = || matched.iter().flatten().any(|&from| from == Some(op));
            let takes_part = plain.writes(op)
                && (plain.is_last(op) || plain.has(Fault::OverwrittenWritesVisible))
                && match plain.status(op) {
                    Status::Ok => true,
                    Status::Info => seen(),
                    Status::Fail => false,
                };
            let reads = matched[op.index()].is_some();
            if takes_part || reads {
                plain.writes |= u32::from(takes_part) << plain.nodes.len();
                plain.reads |= u32::from(reads) << plain.nodes.len();
                plain.nodes.push(op);
                plain.from.push(matched[op.index()]);
            }
        }
        let n = plain.nodes.len();
        plain.earlier = (0..n).map(|b| mask(n, |a| plain.follows(plain.nodes[a], plain.nodes[b]))).collect();
        plain
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn status(&self, op: OpId) -> Status {
        match self.history.status(op) {
            Status::Fail if self.has(Fault::FailCountsAsOk) => Status::Ok,
            status => status,
        }
    }

    fn writes(&self, op: OpId) -> bool {
        self.history.kind(op) != Kind::Read
    }

    fn is_last(&self, op: OpId) -> bool {
        let later = self.history.txn_ops(self.history.txn(op)).filter(|&o| o > op);
        !later.into_iter().any(|o| self.writes(o) && self.history.key(o) == self.history.key(op))
    }

    fn begins_after(&self, a: OpId, b: OpId) -> bool {
        let (a, b) = (self.history.txn(a), self.history.txn(b));
        self.history.invoked(a).zip(self.history.completed(b)).is_some_and(|(invoked, completed)| completed < invoked)
    }

    /// What the read returned, `None` if it takes no part.
    fn match_read(&mut self, r: OpId, unmatched: UnmatchedReads) -> Option<From> {
        let h = self.history;
        let only_writes = self.has(Fault::CasOnlyWrites) && h.kind(r) == Kind::Cas;
        if self.status(r) != Status::Ok || only_writes {
            return None;
        }
        let value = h.read_value(r)?;
        let same_key = |o: &OpId| h.key(*o) == h.key(r);
        if let Some(own) = h.txn_ops(h.txn(r)).filter(|&o| o < r && self.writes(o)).filter(same_key).last() {
            self.malformed |= h.written_value(own) != Some(value);
            return None;
        }
        let all: Vec<OpId> = h.ops().filter(same_key).filter(|&w| h.written_value(w) == Some(value)).collect();
        let initial = h.initial(h.key(r)) == value;
        if all.is_empty() && !initial {
            self.malformed |= unmatched == UnmatchedReads::Violation;
            return None;
        }
        let alive: Vec<OpId> = all.iter().copied().filter(|&w| self.status(w) != Status::Fail).collect();
        let future = |w: OpId| h.txn(w) == h.txn(r) || self.begins_after(w, r);
        let alone = all.len() + usize::from(initial) == 1;
        let possible = |w: OpId| {
            let versions = h.version(w).zip(h.read_version(r));
            alone || !(future(w) || self.follows(r, w) || versions.is_some_and(|(a, b)| a != b))
        };
        let mut left: Vec<From> = alive.iter().copied().filter(|&w| possible(w)).map(Some).collect();
        if initial && (left.is_empty() || !self.has(Fault::InitialNeverAmbiguous)) {
            left.push(None);
        }
        if self.has(Fault::AmbiguousPickedSilently) {
            left.truncate(1);
        }
        let overwritten = left.iter().flatten().any(|&w| !self.is_last(w));
        let nothing_but_future = !initial && alive.iter().all(|&w| future(w));
        if nothing_but_future || left.len() == 1 && overwritten {
            self.malformed = true;
            return None;
        }
        if left.len() != 1 {
            self.ambiguous.push((r, left.is_empty() || overwritten));
            return None;
        }
        Some(left[0])
    }

    /// a so b.
    fn follows(&self, a: OpId, b: OpId) -> bool {
        let (first, second) = (self.history.txn(a), self.history.txn(b));
        if first == second { self.goes_on(first) && a < b } else { self.later[first.index()] >> second.index() & 1 == 1 }
    }

    /// Does its session go on from here?
    fn goes_on(&self, txn: TxnId) -> bool {
        match self.history.txn_status(txn) {
            Status::Ok => true,
            Status::Info => self.has(Fault::InfoOrderedInSession),
            Status::Fail => self.has(Fault::FailCountsAsOk),
        }
    }

    /// The transactions after one in its session, found step by step.
    fn later(&self, from: TxnId) -> u32 {
        let h = self.history;
        let failed = |t: TxnId| h.txn_status(t) == Status::Fail && !self.has(Fault::FailCountsAsOk);
        let others = || h.txns().filter(move |&t| h.txn_session(t) == h.txn_session(from) && !failed(t));
        if self.has(Fault::OverlapIgnored) {
            return if self.goes_on(from) { others().filter(|&t| t > from).fold(0, |m, t| m | 1 << t.index()) } else { 0 };
        }
        let (mut reached, mut open) = (0u32, vec![from]);
        while let Some(at) = open.pop().filter(|&at| self.goes_on(at)) {
            for to in others().filter(|&to| to != at && self.steps(at, to)) {
                if reached >> to.index() & 1 == 0 {
                    reached |= 1 << to.index();
                    open.push(to);
                }
            }
            while open.last().is_some_and(|&at| !self.goes_on(at)) {
                open.pop();
            }
        }
        reached
    }

    fn steps(&self, a: TxnId, b: TxnId) -> bool {
        let h = self.history;
        let completed = |t: TxnId| h.completed(t).filter(|_| h.txn_status(t) != Status::Info);
        let unknown = |t: TxnId| h.txn_status(t) == Status::Ok && h.invoked(t).zip(h.completed(t)).is_none();
        let (first, last) = (a.min(b), a.max(b));
        if h.txns().any(|t| h.txn_session(t) == h.txn_session(a) && first <= t && t <= last && unknown(t)) {
            return a < b;
        }
        let forward = completed(a).zip(h.invoked(b)).map(|(completed, invoked)| completed <= invoked);
        let backward = completed(b).zip(h.invoked(a)).is_some_and(|(completed, invoked)| completed <= invoked);
        forward.unwrap_or(a < b && !backward) && !(backward && b < a)
    }

    /// Could an ambiguous read have made this model violated?
    fn matters(&self, (r, maybe_malformed): (OpId, bool), checker: Checker) -> bool {
        let h = self.history;
        let mut beside = h.ops().filter(|&o| h.session(o) == h.session(r) && h.key(o) == h.key(r));
        match checker {
            _ if maybe_malformed => true,
            Checker::WellFormed => false,
            Checker::Guarantees(Guarantees::RYW) => beside.any(|o| self.writes(o) && self.status(o) != Status::Fail),
            Checker::Guarantees(Guarantees::MR) => beside.any(|o| match self.status(o) {
                Status::Ok => o != r || self.writes(o),
                Status::Info => self.writes(o),
                Status::Fail => false,
            }),
            _ => true,
        }
    }

    fn same_key(&self, a: usize, b: usize) -> bool {
        self.history.key(self.nodes[a]) == self.history.key(self.nodes[b])
    }

    /// The node that a read node read from.
    fn writer(&self, r: usize) -> Option<usize> {
        let op = self.from[r].expect("a read")?;
        self.nodes.iter().position(|&n| n == op)
    }

    /// Writes of a key before which a cas or the reads of its session come.
    fn reads_before(&self, w: usize) -> u32 {
        (self.earlier[w] | 1 << w) & self.reads
    }

    fn visible(&self, g: Guarantees) -> Vec<u32> {
        let on = |guarantee, fault| g.contains(guarantee) && !self.has(fault);
        let mut vis = vec![0u32; self.nodes.len()];
        for r in bits(self.reads) {
            vis[r] |= self.writer(r).map_or(0, |w| 1 << w);
            if g.contains(Guarantees::RYW) {
                vis[r] |= self.earlier[r] & self.writes;
            }
        }
        loop {
            let old = vis.clone();
            for r in bits(self.reads) {
                if on(Guarantees::MR, Fault::NoMonotonicReadClosure) {
                    vis[r] |= bits(self.earlier[r] & self.reads).fold(0, |m, r1| m | old[r1]);
                }
                for w in bits(old[r]) {
                    if on(Guarantees::MW, Fault::MonotonicWritesIgnored) {
                        vis[r] |= self.earlier[w] & self.writes;
                    }
                    if on(Guarantees::WFR, Fault::WritesFollowReadsIgnored) {
                        vis[r] |= bits(self.reads_before(w)).fold(0, |m, r1| m | old[r1]);
                    }
                }
            }
            if vis == old || self.has(Fault::VisibilityNotClosed) {
                return vis;
            }
        }
    }

    fn guarantees_violated(&self, g: Guarantees) -> bool {
        let vis = self.visible(g);
        // ar[b]: what must precede b.
        let mut ar = self.recorded();
        for w in bits(self.writes) {
            let own_order = !self.by_version(w) && !self.has(Fault::Rule2Dropped);
            for a in bits(self.earlier[w] & self.writes) {
                if own_order && self.same_key(a, w) || g.contains(Guarantees::MW) && !self.has(Fault::MonotonicWritesIgnored) {
                    ar[w] |= 1 << a;
                }
            }
            for r in bits(self.reads_before(w)) {
                if own_order && self.same_key(r, w) {
                    ar[w] |= self.writer(r).filter(|&from| from != w).map_or(0, |from| 1 << from);
                }
                if g.contains(Guarantees::WFR) && !self.has(Fault::WritesFollowReadsIgnored) {
                    ar[w] |= vis[r];
                }
            }
        }
        for r in bits(self.reads) {
            for other in bits(vis[r]) {
                let future = other == r || self.earlier[other] >> r & 1 == 1;
                if future && !self.has(Fault::Rule7Dropped) {
                    return true;
                }
                if !self.same_key(other, r) {
                    continue;
                }
                match self.writer(r) {
                    None if !self.has(Fault::InitialUnordered) => return true,
                    Some(w) if w != other && self.has(Fault::StaleEdgeSwapped) => ar[other] |= 1 << w,
                    Some(w) if w != other => ar[w] |= 1 << other,
                    _ => {}
                }
            }
        }
        close(&mut ar)
    }

    fn by_version(&self, w: usize) -> bool {
        let ok = |&o: &usize| self.same_key(o, w) && self.status(self.nodes[o]) == Status::Ok;
        self.write_order == WriteOrder::Version
            && !self.has(Fault::VersionsIgnored)
            && bits(self.writes).filter(ok).all(|o| self.version(o).is_some())
    }

    fn version(&self, w: usize) -> Option<i128> {
        if self.status(self.nodes[w]) == Status::Ok {
            return self.history.version(self.nodes[w]);
        }
        let mut told =
            bits(self.reads).filter(|&r| self.writer(r) == Some(w)).filter_map(|r| self.history.read_version(self.nodes[r]));
        let first = told.next()?;
        told.all(|version| version == first).then_some(first)
    }

    fn recorded(&self) -> Vec<u32> {
        let n = self.nodes.len();
        let before = |a: usize, b: usize| match self.write_order {
            WriteOrder::Session => false,
            WriteOrder::RealTime if self.has(Fault::RealTimeIgnored) => false,
            WriteOrder::RealTime => {
                let done = self.status(self.nodes[a]) == Status::Ok || self.has(Fault::InfoCompletes);
                done && self.begins_after(self.nodes[b], self.nodes[a])
            }
            WriteOrder::Version => {
                let versions = self.version(a).zip(self.version(b));
                self.same_key(a, b) && self.by_version(a) && versions.is_some_and(|(first, second)| first < second)
            }
        };
        (0..n).map(|b| mask(n, |a| (self.writes >> a & self.writes >> b) & 1 == 1 && before(a, b))).collect()
    }

    fn hb(&self) -> Vec<u32> {
        let mut hb = self.earlier.clone();
        for r in bits(self.reads) {
            hb[r] |= self.writer(r).map_or(0, |w| 1 << w);
        }
        hb
    }

    fn causal_weak_violated(&self) -> bool {
        let mut hb = self.hb();
        close(&mut hb)
            || bits(self.reads).any(|r| {
                let past = bits(hb[r] & self.writes).filter(|&x| self.same_key(x, r));
                let source = self.writer(r);
                past.into_iter().any(|x| source.is_none_or(|w| hb[x] >> w & 1 == 1))
            })
    }

    fn causal_memory_violated(&self) -> bool {
        let mut hb = self.hb();
        let cyclic = close(&mut hb);
        cyclic
            || self.sessions().into_iter().any(|own| {
                let past = bits(own).fold(own, |past, n| past | hb[n]);
                self.view_violated(hb.iter().map(|before| before & past).collect(), own & self.reads, past & self.writes)
            })
    }

    fn pram_classic_violated(&self) -> bool {
        self.sessions().into_iter().any(|own| {
            let mut base = self.earlier.clone();
            for r in bits(own & self.reads) {
                base[r] |= self.writer(r).map_or(0, |w| 1 << w);
            }
            self.view_violated(base, own & self.reads, self.writes)
        })
    }

    /// The nodes of each session.
    fn sessions(&self) -> Vec<u32> {
        let n = self.nodes.len();
        (0..self.history.sessions()).map(|s| mask(n, |o| self.history.session(self.nodes[o]).index() == s)).collect()
    }

    /// Saturates a view: what precedes a read precedes what it read. In a session that overlaps itself this is not all: where neither "x
    /// before w" nor "r before x" is known, both are tried.
    fn view_violated(&self, base: Vec<u32>, reads: u32, writes: u32) -> bool {
        let mut open = vec![base];
        while let Some(mut order) = open.pop() {
            let rival = |r: usize| bits(writes).filter(move |&x| x != r && self.same_key(x, r) && self.writer(r) != Some(x));
            let mut dead;
            loop {
                dead = close(&mut order);
                let before = order.clone();
                for r in bits(reads) {
                    for x in rival(r).filter(|&x| before[r] >> x & 1 == 1) {
                        match self.writer(r) {
                            None => dead = true,
                            Some(w) => order[w] |= 1 << x,
                        }
                    }
                }
                if dead || order == before {
                    break;
                }
            }
            if dead {
                continue;
            }
            let undecided = bits(reads).flat_map(|r| rival(r).map(move |x| (r, x))).find(|&(r, x)| {
                let overwritten = self.writer(r).is_some_and(|w| order[w] >> x & 1 == 1);
                !overwritten && order[x] >> r & 1 == 0
            });
            let Some((r, x)) = undecided else { return false };
            let mut later = order.clone();
            later[x] |= 1 << r;
            open.push(later);
            if let Some(w) = self.writer(r) {
                order[w] |= 1 << x;
                open.push(order);
            }
        }
        true
    }
}

/// Closes a matrix of predecessors transitively. Is there a cycle?
fn close(before: &mut [u32]) -> bool {
    for middle in 0..before.len() {
        for b in 0..before.len() {
            if before[b] >> middle & 1 == 1 {
                before[b] |= before[middle];
            }
        }
    }
    before.iter().enumerate().any(|(n, row)| row >> n & 1 == 1)
}
