//! Models.md 4, rules 1-7, by enumeration of the total orders of the writes.
//!
//! Orders are laid out write by write; two beginnings of the same writes continue alike, so each set of writes is looked at once:
//! 2ʷ sets instead of w! orders. Which `vis` to try: a smaller one leaves a read fewer writes to compare with and rules 5 and 6 fewer to
//! order, so the least one that the rules allow is enough; [`exists_by_brute_force`] tries them all and tests show that it agrees.

use testimony::check::WriteOrder;
use testimony::history::DataType;
use testimony::model::Guarantees;

use crate::reading::{Node, Reading, Shown, Source};
use crate::toy::Toy;
use crate::types;

/// The order of writes that the recording itself gives.
pub struct Recorded {
    /// `before[w]`: the writes that the versions or the clock put before w.
    pub before: Vec<u32>,
    /// Keys whose order is given by versions, so that rule 2 gives way.
    pub given: Vec<u8>,
}

impl Recorded {
    /// Reads it off.
    pub fn new(toy: &Toy, reading: &Reading, order: WriteOrder) -> Recorded {
        let nodes = &reading.nodes;
        let writes_of = |key| nodes.iter().filter(move |n: &&Node| n.writes && n.key == key);
        let mut given: Vec<u8> = vec![];
        if order == WriteOrder::Version {
            let registers = |n: &Node| n.data_type == DataType::Register;
            given = (0..=u8::MAX).filter(|&key| writes_of(key).all(|n| registers(n) && (!n.ok || n.version.is_some()))).collect();
        }
        let precedes = |a: &Node, b: &Node| match order {
            WriteOrder::Session => false,
            WriteOrder::RealTime => {
                let (first, second) = (&toy.txns[a.txn], &toy.txns[b.txn]);
                a.ok && matches!((first.complete, second.invoke), (Some(complete), Some(invoke)) if complete < invoke)
            }
            WriteOrder::Version => {
                a.key == b.key
                    && given.contains(&a.key)
                    && matches!((a.version, b.version), (Some(first), Some(second)) if first < second)
            }
        };
        let before = (0..nodes.len())
            .map(|b| mask(nodes.len(), |a| nodes[a].writes && nodes[b].writes && a != b && precedes(&nodes[a], &nodes[b])))
            .collect();
        Recorded { before, given }
    }
}

/// The indices below `n` that `has` holds of, as bits.
pub fn mask(n: usize, has: impl Fn(usize) -> bool) -> u32 {
    (0..n).filter(|&i| has(i)).fold(0, |mask, i| mask | 1 << i)
}

/// The indices of the bits.
pub fn bits(mask: u32) -> impl Iterator<Item = usize> {
    (0..32).filter(move |i| mask >> i & 1 == 1)
}

/// A history seen under a set of guarantees.
pub struct Under<'r> {
    reading: &'r Reading,
    recorded: &'r Recorded,
    g: Guarantees,
    /// Which nodes write, which read anything, which read a register.
    writes: u32,
    reads: u32,
    register_reads: u32,
    /// (so ∪ wr)⁺, as predecessors.
    hb: Vec<u32>,
}

impl<'r> Under<'r> {
    /// Sees it.
    pub fn new(reading: &'r Reading, recorded: &'r Recorded, g: Guarantees) -> Self {
        let nodes = &reading.nodes;
        let writes = mask(nodes.len(), |n| nodes[n].writes);
        let reads = mask(nodes.len(), |n| nodes[n].reads());
        let register_reads = mask(nodes.len(), |n| nodes[n].source.is_some());
        Under { reading, recorded, g, writes, reads, register_reads, hb: types::happened_before(reading) }
    }

    fn so(&self, a: usize, b: usize) -> bool {
        self.reading.so[a] >> b & 1 == 1
    }

    /// Does the read precede the write in its session? A cas reads before it writes.
    fn read_before_write(&self, r: usize, w: usize) -> bool {
        self.so(r, w) || r == w
    }

    fn same_key(&self, a: usize, b: usize) -> bool {
        self.reading.nodes[a].key == self.reading.nodes[b].key
    }

    fn source(&self, r: usize) -> Source {
        self.reading.nodes[r].source.expect("a read")
    }

    /// Rules 3-6 as far as they ask for visibility: what a read that sees `seen` must see besides.
    fn asked_for(&self, r: usize, vis: &[u32]) -> u32 {
        let mut seen = vis[r];
        if self.g.contains(Guarantees::RYW) {
            seen |= bits(self.writes).filter(|&w| self.so(w, r)).fold(0, |m, w| m | 1 << w);
        }
        if self.g.contains(Guarantees::MR) {
            seen |= bits(self.reads).filter(|&r1| self.so(r1, r)).fold(0, |m, r1| m | vis[r1]);
        }
        for w2 in bits(vis[r]) {
            if self.g.contains(Guarantees::MW) {
                seen |= bits(self.writes).filter(|&w1| self.so(w1, w2)).fold(0, |m, w1| m | 1 << w1);
            }
            if self.g.contains(Guarantees::WFR) {
                seen |= bits(self.reads).filter(|&r1| self.read_before_write(r1, w2)).fold(0, |m, r1| m | vis[r1]);
            }
        }
        seen
    }

    /// The least visibility: per read, the writes visible to it.
    pub fn least_vis(&self) -> Vec<u32> {
        let mut vis: Vec<u32> = vec![0; self.reading.nodes.len()];
        for r in bits(self.reads) {
            vis[r] = self.reading.nodes[r].from;
        }
        loop {
            let mut changed = false;
            for r in bits(self.reads) {
                let seen = self.asked_for(r, &vis);
                changed |= seen != vis[r];
                vis[r] = seen;
            }
            if !changed {
                return vis;
            }
        }
    }

    /// Rules 2, 5 and 6 as far as they order writes, and the recorded order: `before[b]` are the writes that must precede b.
    pub fn before(&self, vis: &[u32]) -> Vec<u32> {
        let mut before = self.recorded.before.clone();
        for b in bits(self.writes) {
            let rule_2 = self.rule_2(b);
            for a in bits(self.writes).filter(|&a| self.so(a, b)) {
                if self.g.contains(Guarantees::MW) || rule_2 && self.same_key(a, b) {
                    before[b] |= 1 << a;
                }
            }
            for r in bits(self.reads).filter(|&r| self.read_before_write(r, b)) {
                if self.g.contains(Guarantees::WFR) {
                    before[b] |= vis[r];
                }
                if rule_2 && self.same_key(r, b) {
                    before[b] |= self.reading.nodes[r].from & !(1 << b);
                }
            }
        }
        before
    }

    /// Does rule 2 order this write? Not where versions do; and a set's or counter's operations have no order of their own.
    fn rule_2(&self, w: usize) -> bool {
        let node = &self.reading.nodes[w];
        matches!(node.data_type, DataType::Register | DataType::List) && !self.recorded.given.contains(&node.key)
    }

    /// The order that lists show: of each append, those that some list has before it.
    fn list_order(&self) -> Vec<u32> {
        let mut before = vec![0; self.reading.nodes.len()];
        for node in &self.reading.nodes {
            if let Some(Shown::List(elements)) = &node.shown {
                for (at, &e) in elements.iter().enumerate() {
                    before[e] |= elements[..at].iter().fold(0, |m, &earlier| m | 1 << earlier);
                }
            }
        }
        before
    }

    /// Does a read of a list, a set or a counter not show what it must of what it sees?
    fn breaks_rule(&self, r: usize, vis: &[u32]) -> bool {
        types::breaks_rule(self.reading, &self.hb, r, vis[r], self.g.contains(Guarantees::MR))
    }

    /// The visible writes of the read's own key.
    fn visible(&self, r: usize, vis: &[u32]) -> u32 {
        bits(vis[r]).filter(|&w| self.same_key(w, r)).fold(0, |m, w| m | 1 << w)
    }

    /// Rule 7.
    fn sees_the_future(&self, vis: &[u32]) -> bool {
        bits(self.reads).any(|r| bits(vis[r]).any(|w| self.read_before_write(r, w)))
    }

    /// Are there a visibility and an order that satisfy rules 1-7?
    pub fn exists(&self) -> bool {
        let vis = self.least_vis();
        if self.sees_the_future(&vis) {
            return false;
        }
        let reads_initial_late = |r: usize| matches!(self.source(r), Source::Initial) && self.visible(r, &vis) != 0;
        if bits(self.register_reads).any(reads_initial_late) || bits(self.reads).any(|r| self.breaks_rule(r, &vis)) {
            return false;
        }
        let before: Vec<u32> = self.before(&vis).iter().zip(self.list_order()).map(|(a, b)| a | b).collect();
        // A write may come next when all that must precede it are placed and no read that sees it returned a write that is placed.
        let may_come_next = |x: usize, placed: u32| {
            before[x] & !placed == 0
                && bits(self.register_reads).all(|r| match self.source(r) {
                    Source::Write(w) => self.visible(r, &vis) >> x & 1 == 0 || w == x || placed >> w & 1 == 0,
                    Source::Initial => true,
                })
        };
        let mut reached = vec![0u32];
        let mut known = rustc_hash::FxHashSet::default();
        while let Some(placed) = reached.pop() {
            if placed == self.writes {
                return true;
            }
            for x in bits(self.writes & !placed).filter(|&x| may_come_next(x, placed)) {
                if known.insert(placed | 1 << x) {
                    reached.push(placed | 1 << x);
                }
            }
        }
        false
    }

    /// How many reads are stale (models.md 4, Counting), and in how many sessions.
    pub fn stale(&self) -> (u64, u64) {
        let vis = self.least_vis();
        let mut before = self.before(&vis);
        for middle in bits(self.writes) {
            for b in bits(self.writes) {
                if before[b] >> middle & 1 == 1 {
                    before[b] |= before[middle];
                }
            }
        }
        let is_stale = |&r: &usize| {
            bits(self.visible(r, &vis)).any(|newer| match self.reading.nodes[r].source {
                None => false,
                Some(Source::Initial) => true,
                Some(Source::Write(w)) => newer != w && before[newer] >> w & 1 == 1,
            }) || self.breaks_rule(r, &vis)
        };
        let stale: Vec<usize> = bits(self.reads).filter(is_stale).collect();
        let mut sessions: Vec<u8> = stale.iter().map(|&r| self.reading.nodes[r].session).collect();
        sessions.sort_unstable();
        sessions.dedup();
        (stale.len() as u64, sessions.len() as u64)
    }

    /// [`Under::exists`] with every relation tried as `vis` and every permutation as `ar`, and each rule asked word for word.
    pub fn exists_by_brute_force(&self) -> bool {
        let (writes, reads): (Vec<usize>, Vec<usize>) = (bits(self.writes).collect(), bits(self.reads).collect());
        let orders = permutations(&writes);
        (0u32..1 << (writes.len() * reads.len())).any(|relation| {
            let mut vis = vec![0; self.reading.nodes.len()];
            for (i, &r) in reads.iter().enumerate() {
                for (j, &w) in writes.iter().enumerate() {
                    vis[r] |= (relation >> (i * writes.len() + j) & 1) << w;
                }
            }
            orders.iter().any(|order| self.satisfies(&vis, order))
        })
    }

    /// Do `vis` and `ar` satisfy rules 1-7?
    fn satisfies(&self, vis: &[u32], ar: &[usize]) -> bool {
        let visible = |w: usize, r: usize| vis[r] >> w & 1 == 1;
        let at = |w: usize| ar.iter().position(|&x| x == w).expect("ar is total");
        let has = |g| self.g.contains(g);
        let (writes, reads) = (|| bits(self.writes), || bits(self.reads));
        let rule_1 = reads().all(|r| {
            let node = &self.reading.nodes[r];
            let shows: Vec<usize> = ar.iter().copied().filter(|&w| self.same_key(w, r) && visible(w, r)).collect();
            match (&node.source, &node.shown) {
                (Some(source), _) => *source == shows.last().map_or(Source::Initial, |&w| Source::Write(w)),
                (_, Some(Shown::List(elements))) => *elements == shows,
                _ => bits(node.from).all(|w| visible(w, r)) && !self.breaks_rule(r, vis),
            }
        });
        let rule_2 = writes().filter(|&t2| self.rule_2(t2)).all(|t2| {
            writes().all(|t1| !(self.so(t1, t2) && self.same_key(t1, t2)) || at(t1) < at(t2))
                && reads()
                    .filter(|&t1| self.read_before_write(t1, t2) && self.same_key(t1, t2))
                    .all(|t1| bits(self.reading.nodes[t1].from).all(|w| w == t2 || at(w) < at(t2)))
        });
        let rule_3 = !has(Guarantees::RYW) || reads().all(|r| writes().all(|w| !self.so(w, r) || visible(w, r)));
        let rule_4 = !has(Guarantees::MR)
            || reads().all(|r1| reads().all(|r2| !self.so(r1, r2) || writes().all(|w| !visible(w, r1) || visible(w, r2))));
        let carried = |w1: usize, w2: usize| at(w1) < at(w2) && reads().all(|r| !visible(w2, r) || visible(w1, r));
        let rule_5 = !has(Guarantees::MW) || writes().all(|w1| writes().all(|w2| !self.so(w1, w2) || carried(w1, w2)));
        let rule_6 = !has(Guarantees::WFR)
            || reads().all(|r1| writes().all(|w2| !self.read_before_write(r1, w2) || bits(vis[r1]).all(|w1| carried(w1, w2))));
        let recorded = writes().all(|b| bits(self.recorded.before[b]).all(|a| at(a) < at(b)));
        rule_1 && rule_2 && rule_3 && rule_4 && rule_5 && rule_6 && !self.sees_the_future(vis) && recorded
    }
}

/// Every order of the items.
pub fn permutations(items: &[usize]) -> Vec<Vec<usize>> {
    let mut all = vec![vec![]];
    for &item in items {
        all = all
            .iter()
            .flat_map(|order: &Vec<usize>| {
                (0..=order.len()).map(move |place| {
                    let mut longer = order.clone();
                    longer.insert(place, item);
                    longer
                })
            })
            .collect();
    }
    all
}
