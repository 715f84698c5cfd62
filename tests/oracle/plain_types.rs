//! A second checker for lists, sets and counters, of the other kind: reachability and bad patterns, where the oracle has fixpoints and
//! orders. It shares the oracle's facts ([`crate::reading`]), and it can be broken on purpose, by any one [`Fault`].
//!
//! A node is split into the read and the write that it may be: a write is visible to a read iff a path of granted edges leads from the
//! one to the other. Cost: O(n³) a set of guarantees, with 2 × 32 nodes at most.

use testimony::history::DataType;
use testimony::model::Guarantees;

use crate::guarantee::{Recorded, bits};
use crate::reading::{Effect, Node, Reading, Shown, Source};

/// A mistake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A list need not show what is visible.
    MissingIgnored,
    /// Only the last visible append need be in a list, as with a register.
    OnlyTheLastAppend,
    /// The order of a list's elements means nothing.
    ListOrderIgnored,
    /// Only the last element of a list is known to have been seen.
    OnlyTheLastElementSeen,
    /// An append after a read is not ordered after what the read showed.
    AppendAfterReadUnordered,
    /// Appends of a session have no order of their own.
    OwnAppendsUnordered,
    /// Lists and registers have an order each, not one together.
    OneOrderEachType,
    /// Nothing removes a member.
    RemoveIgnored,
    /// A removal that timed out did not happen.
    InfoRemoveImpossible,
    /// A removal that happened before an addition explains that it is not there.
    EarlierRemoveExplains,
    /// A visible removal wins against every addition.
    RemoveAlwaysWins,
    /// An addition that timed out did not happen.
    InfoAddImpossible,
    /// Counting that timed out did not happen.
    InfoCountImpossible,
    /// A decrement counts up.
    DecrementCountsUp,
    /// What a session saw of a counter it need not see again.
    CounterNotMonotonic,
    /// A session's own later counting may have been seen.
    LaterCountPossible,
    /// Counting that was visible may not have happened.
    VisibleCountIgnored,
}

impl Fault {
    /// Every one.
    pub const ALL: [Fault; 17] = [
        Fault::MissingIgnored,
        Fault::OnlyTheLastAppend,
        Fault::ListOrderIgnored,
        Fault::OnlyTheLastElementSeen,
        Fault::AppendAfterReadUnordered,
        Fault::OwnAppendsUnordered,
        Fault::OneOrderEachType,
        Fault::RemoveIgnored,
        Fault::InfoRemoveImpossible,
        Fault::EarlierRemoveExplains,
        Fault::RemoveAlwaysWins,
        Fault::InfoAddImpossible,
        Fault::InfoCountImpossible,
        Fault::DecrementCountsUp,
        Fault::CounterNotMonotonic,
        Fault::LaterCountPossible,
        Fault::VisibleCountIgnored,
    ];
}

/// Which of the 16 sets of guarantees are violated, and whether `causal-weak` is.
pub fn violated(reading: &Reading, recorded: &Recorded, fault: Option<Fault>) -> (Vec<bool>, bool) {
    let plain = Plain::new(reading, recorded, fault);
    ((0..16).map(|g| plain.violates(Guarantees(g))).collect(), plain.violates_causal_weak())
}

struct Plain<'r> {
    reading: &'r Reading,
    recorded: &'r Recorded,
    fault: Option<Fault>,
    nodes: &'r [Node],
    /// Who reached whom by so and wr: `hb[a]` has bit b.
    hb: Vec<u32>,
}

impl<'r> Plain<'r> {
    fn new(reading: &'r Reading, recorded: &'r Recorded, fault: Option<Fault>) -> Self {
        let mut plain = Plain { reading, recorded, fault, nodes: &reading.nodes, hb: vec![] };
        plain.hb = reading.so.clone();
        for r in 0..plain.nodes.len() {
            bits(plain.seen(r)).for_each(|w| plain.hb[w] |= 1 << r);
        }
        close(&mut plain.hb, |a, b| a >> b & 1 == 1, |a, b| *a |= b);
        plain
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn so(&self, a: usize, b: usize) -> bool {
        self.reading.so[a] >> b & 1 == 1
    }

    fn all(&self) -> std::ops::Range<usize> {
        0..self.nodes.len()
    }

    fn same_key(&self, a: usize, b: usize) -> bool {
        self.nodes[a].key == self.nodes[b].key
    }

    /// The writes that a read is known to have read.
    fn seen(&self, r: usize) -> u32 {
        match &self.nodes[r].shown {
            Some(Shown::List(elements)) if self.has(Fault::OnlyTheLastElementSeen) => elements.last().map_or(0, |&e| 1 << e),
            _ => self.nodes[r].from,
        }
    }

    /// `visible[r]`: the writes from which a path leads to the read.
    fn visible(&self, g: Guarantees) -> Vec<u32> {
        let n = self.nodes.len();
        let (read, write) = (|i: usize| i, |i: usize| n + i);
        let mut to = vec![0u64; 2 * n];
        for a in self.all() {
            for b in self.all().filter(|&b| self.so(a, b)) {
                let (reads_a, reads_b) = (self.nodes[a].reads(), self.nodes[b].reads());
                let (writes_a, writes_b) = (self.nodes[a].writes, self.nodes[b].writes);
                let granted = [
                    (Guarantees::RYW, writes_a && reads_b, write(a), read(b)),
                    (Guarantees::MR, reads_a && reads_b, read(a), read(b)),
                    (Guarantees::MW, writes_a && writes_b, write(a), write(b)),
                    (Guarantees::WFR, reads_a && writes_b, read(a), write(b)),
                ];
                for (_, _, from, into) in granted.into_iter().filter(|&(of, applies, ..)| applies && g.contains(of)) {
                    to[from] |= 1 << into;
                }
            }
            if g.contains(Guarantees::WFR) && self.nodes[a].reads() && self.nodes[a].writes {
                to[read(a)] |= 1 << write(a);
            }
            bits(self.seen(a)).for_each(|w| to[write(w)] |= 1 << read(a));
        }
        close(&mut to, |a, b| a >> b & 1 == 1, |a, b| *a |= b);
        let sees = |w: usize, r: usize| self.nodes[w].writes && to[write(w)] >> read(r) & 1 == 1;
        self.all().map(|r| self.all().filter(|&w| sees(w, r)).fold(0, |m, w| m | 1 << w)).collect()
    }

    fn violates(&self, g: Guarantees) -> bool {
        let visible = self.visible(g);
        let before_write = |r: usize, w: usize| self.so(r, w) || r == w;
        let mut ar = vec![0u32; self.nodes.len()];
        let ordered = |w: usize| {
            let node = &self.nodes[w];
            let own = match node.data_type {
                DataType::Register => true,
                DataType::List => !self.has(Fault::OwnAppendsUnordered),
                _ => false,
            };
            own && !self.recorded.given.contains(&node.key)
        };
        for b in self.all().filter(|&b| self.nodes[b].writes) {
            bits(self.recorded.before[b]).for_each(|a| ar[a] |= 1 << b);
            for a in self.all().filter(|&a| self.nodes[a].writes && self.so(a, b)) {
                if g.contains(Guarantees::MW) || ordered(b) && self.same_key(a, b) {
                    ar[a] |= 1 << b;
                }
            }
            for r in self.all().filter(|&r| self.nodes[r].reads() && before_write(r, b)) {
                let list = self.nodes[b].data_type == DataType::List && self.has(Fault::AppendAfterReadUnordered);
                let mut earlier = if ordered(b) && self.same_key(r, b) && !list { self.seen(r) & !(1 << b) } else { 0 };
                earlier |= if g.contains(Guarantees::WFR) { visible[r] } else { 0 };
                bits(earlier).for_each(|a| ar[a] |= 1 << b);
            }
        }
        for r in self.all().filter(|&r| self.nodes[r].reads()) {
            if bits(visible[r]).any(|w| before_write(r, w)) || self.shows_wrong(r, visible[r], g.contains(Guarantees::MR)) {
                return true;
            }
            let of_key = bits(visible[r]).filter(|&x| self.same_key(x, r));
            match (self.nodes[r].source, &self.nodes[r].shown) {
                (Some(Source::Initial), _) if bits(visible[r]).any(|x| self.same_key(x, r)) => return true,
                (Some(Source::Write(w)), _) => of_key.filter(|&x| x != w).for_each(|x| ar[x] |= 1 << w),
                (_, Some(Shown::List(elements))) if !self.has(Fault::ListOrderIgnored) => {
                    elements.windows(2).for_each(|pair| ar[pair[0]] |= 1 << pair[1]);
                }
                _ => {}
            }
        }
        if self.has(Fault::OneOrderEachType) {
            for a in self.all() {
                ar[a] = bits(ar[a]).filter(|&b| self.nodes[a].data_type == self.nodes[b].data_type).fold(0, |m, b| m | 1 << b);
            }
        }
        close(&mut ar, |a, b| a >> b & 1 == 1, |a, b| *a |= b);
        self.all().any(|w| ar[w] >> w & 1 == 1)
    }

    fn violates_causal_weak(&self) -> bool {
        let hb = |a: usize, b: usize| self.hb[a] >> b & 1 == 1;
        let past = |r: usize| self.all().filter(|&w| self.nodes[w].writes && hb(w, r)).fold(0, |m, w| m | 1 << w);
        self.all().any(|n| hb(n, n))
            || self.all().filter(|&r| self.nodes[r].reads()).any(|r| {
                let mut of_key = bits(past(r)).filter(|&x| self.same_key(x, r));
                self.shows_wrong(r, past(r), true)
                    || match (self.nodes[r].source, &self.nodes[r].shown) {
                        (Some(Source::Initial), _) => of_key.next().is_some(),
                        (Some(Source::Write(w)), _) => of_key.any(|x| hb(w, x)),
                        (_, Some(Shown::List(list))) if !self.has(Fault::ListOrderIgnored) => {
                            (0..list.len()).any(|at| list[..at].iter().any(|&earlier| hb(list[at], earlier)))
                        }
                        _ => false,
                    }
            })
    }

    /// Does a list, a set or a counter contradict what is visible?
    fn shows_wrong(&self, r: usize, visible: u32, monotonic: bool) -> bool {
        match &self.nodes[r].shown {
            Some(Shown::List(elements)) => {
                let mut of_key: Vec<usize> = bits(visible).filter(|&x| self.same_key(x, r)).collect();
                if self.has(Fault::OnlyTheLastAppend) {
                    of_key = of_key.pop().into_iter().collect();
                }
                !self.has(Fault::MissingIgnored) && !of_key.iter().all(|x| elements.contains(x))
            }
            Some(Shown::Set(members)) => self.wrong_members(r, visible, members),
            Some(Shown::Counter(sum)) => self.wrong_sum(r, visible, *sum, monotonic),
            None => false,
        }
    }

    fn wrong_members(&self, r: usize, visible: u32, members: &[i64]) -> bool {
        let hb = |a: usize, b: usize| self.hb[a] >> b & 1 == 1;
        let possible = |n: &usize| self.same_key(*n, r) && self.reading.too_late[r] >> n & 1 == 0;
        let visible = |n: &usize| self.same_key(*n, r) && visible >> n & 1 == 1;
        let adds = |e: i64| self.all().filter(move |&n| self.nodes[n].effect == Some(Effect::Add(e)));
        let removes = |e: i64| {
            let removes = self.all().filter(move |&n| self.nodes[n].effect == Some(Effect::Remove(e)));
            removes.filter(|_| !self.has(Fault::RemoveIgnored))
        };
        let explains = |a: usize, m: usize| !hb(m, a) || self.has(Fault::EarlierRemoveExplains);
        let happened = |n: &usize| self.nodes[*n].ok || !self.has(Fault::InfoRemoveImpossible);
        let missing = |e: i64| {
            let gone = |a: usize| removes(e).filter(possible).filter(happened).any(|m| explains(a, m));
            !members.contains(&e) && adds(e).filter(visible).any(|a| !gone(a))
        };
        let phantom = |e: i64| {
            let added = |n: &usize| self.nodes[*n].ok || !self.has(Fault::InfoAddImpossible);
            let survives =
                |m: usize| !self.has(Fault::RemoveAlwaysWins) && adds(e).filter(possible).filter(added).any(|a| !hb(a, m));
            members.contains(&e) && removes(e).filter(visible).any(|m| !survives(m))
        };
        let known = self.nodes.iter().filter_map(|n| match n.effect {
            Some(Effect::Add(e) | Effect::Remove(e)) => Some(e),
            _ => None,
        });
        known.into_iter().any(|e| missing(e) || phantom(e))
    }

    fn wrong_sum(&self, r: usize, visible: u32, sum: i64, monotonic: bool) -> bool {
        let by = |n: usize| match self.nodes[n].effect {
            Some(Effect::Count(by)) if self.has(Fault::DecrementCountsUp) => by.abs(),
            Some(Effect::Count(by)) => by,
            _ => 0,
        };
        let of_key = || self.all().filter(|&n| self.same_key(n, r));
        let late = |n: usize| self.reading.too_late[r] >> n & 1 == 1 && !self.has(Fault::LaterCountPossible);
        let possible = || of_key().filter(|&n| !late(n) && (self.nodes[n].ok || !self.has(Fault::InfoCountImpossible)));
        let sure = || of_key().filter(|&n| visible >> n & 1 == 1 && !self.has(Fault::VisibleCountIgnored));
        let (up, down) = (|n: &usize| by(*n) > 0, |n: &usize| by(*n) < 0);
        let (most, least) = (possible().filter(up).map(by).sum::<i64>(), possible().filter(down).map(by).sum::<i64>());
        let outside = |low: i64, high: i64| sum < low + least || sum > high + most;
        let went_back = || {
            self.all().filter(|&r1| self.so(r1, r) && self.same_key(r1, r)).any(|r1| match self.nodes[r1].shown {
                Some(Shown::Counter(before)) => outside(before, before),
                _ => false,
            })
        };
        let monotonic = monotonic && !self.has(Fault::CounterNotMonotonic);
        outside(sure().filter(up).map(by).sum(), sure().filter(down).map(by).sum()) || monotonic && went_back()
    }
}

/// Closes a relation transitively.
fn close<T: Copy>(to: &mut [T], has: impl Fn(T, usize) -> bool, join: impl Fn(&mut T, T)) {
    for middle in 0..to.len() {
        for a in 0..to.len() {
            if has(to[a], middle) {
                let further = to[middle];
                join(&mut to[a], further);
            }
        }
    }
}
