//! What a session does to one key, in its order: rule 2 of models.md 4, and the whole of {RYW}, {MR} and {RYW, MR}.
//!
//! For these sets the only visible writes that matter to a read are those that its session last wrote or read of the same key, so one
//! pass over each (key, session) run yields every constraint, and no search is needed. Cost: O(n) for sessions in sequence; for
//! overlapping ones each operation looks at the ones that ended last before it began, as many as ran at once.

mod in_sequence;

use crate::history::{DataType, History};
use crate::model::Guarantees;

use super::budget::{Budget, OutOfBudget};
use super::csr;
use super::events::{Events, NONE, WRITE};
use super::graph::{Constraints, Reason};
use super::one_key::OneKey;
use super::recorded::Recorded;
use super::session_order::SessionOrder;

/// The events of each key, ascending: of key k `events[starts[k]..starts[k + 1]]`, its runs one after another.
pub(crate) struct ByKey {
    starts: Vec<u32>,
    events: Vec<u32>,
}

impl ByKey {
    pub(crate) fn new(keys: usize, events: &Events) -> Self {
        let (starts, events) = csr::group(keys, events.len(), |e| events.key[e]);
        ByKey { starts, events }
    }
}

/// The runs of a history: for each key and session the events on the key, in sequence.
#[derive(Clone, Copy)]
pub(crate) struct Touches<'a> {
    pub(crate) history: &'a History,
    pub(crate) so: &'a SessionOrder,
    pub(crate) events: &'a Events,
    pub(crate) recorded: &'a Recorded,
    pub(crate) budget: &'a Budget,
    pub(crate) by_key: &'a ByKey,
}

/// A read and a write of its key that is visible to it.
pub(crate) type Sight = (u32, u32);

impl<'a> Touches<'a> {
    /// The events of a key, ascending.
    pub(crate) fn of(&self, key: u32) -> &'a [u32] {
        &self.by_key.events[self.by_key.starts[key as usize] as usize..self.by_key.starts[key as usize + 1] as usize]
    }

    /// The writes of a key, ascending.
    pub(crate) fn writes(&self, key: u32) -> impl Iterator<Item = u32> + use<'a> {
        let source = &self.events.source;
        self.of(key).iter().copied().filter(|&e| source[e as usize] == WRITE)
    }

    /// The runs of a key.
    pub(crate) fn runs(&self, key: u32) -> impl Iterator<Item = &'a [u32]> {
        let session = &self.events.session;
        self.of(key).chunk_by(|&a, &b| session[a as usize] == session[b as usize])
    }

    /// Adds the edges of rule 2 between writes of a key that is not ordered by versions.
    pub(crate) fn add_rule_2(&self, key: u32, graph: &mut OneKey<'_>) -> Result<(), OutOfBudget> {
        let key_type = self.events.types[key as usize];
        if self.recorded.by_version(key) || matches!(key_type, DataType::Set | DataType::Counter) {
            return Ok(());
        }
        let mut next = 0;
        while let Some(range) = graph.run(next) {
            next = range.end;
            let run = &self.of(key)[range.clone()];
            if key_type == DataType::Register && self.in_sequence(run) {
                in_sequence::rule_2(graph, range);
            } else {
                self.preceding(
                    run,
                    |e| self.events.is_write(e),
                    |e| self.events.is_write(e),
                    |touch, write| {
                        // Of a list its last element is enough: the others precede that.
                        let source = match key_type {
                            DataType::List => self.events.shown(touch).next().unwrap_or(NONE),
                            _ => self.events.source[touch as usize],
                        };
                        if self.events.is_write(touch) {
                            graph.add(touch, write, Reason::SessionWrites);
                        } else if source != NONE && source != write {
                            graph.add(source, write, Reason::ReadThenWrite(touch));
                        }
                    },
                )?;
                self.bound(graph)?;
            }
        }
        Ok(())
    }

    /// For a subset G of {RYW, MR}: adds the edges of rule 1 between writes of a key, and the initial reads with a visible write.
    pub(crate) fn add_rule_1(
        &self,
        key: u32,
        g: Guarantees,
        graph: &mut OneKey<'_>,
        contradictions: &mut Vec<Sight>,
    ) -> Result<(), OutOfBudget> {
        let mut next = 0;
        while let Some(range) = graph.run(next) {
            next = range.end;
            let run = &self.of(key)[range.clone()];
            if !self.recorded.by_version(key) && self.in_sequence(run) {
                in_sequence::rule_1(graph, range, g, contradictions);
            } else {
                self.sights(key, run, g, |x, read| match self.events.source[read as usize] {
                    NONE if contradictions.last().is_some_and(|sight| sight.1 == read) => {}
                    NONE => contradictions.push((x, read)),
                    w if w != x => graph.add(x, w, Reason::Stale(read)),
                    _ => {}
                })?;
                self.bound(graph)?;
            }
        }
        Ok(())
    }

    /// Do the events of a run follow one another?
    fn in_sequence(&self, run: &[u32]) -> bool {
        let session = self.events.session(run[0]);
        !self.so.overlap(session) && run[run.len() - 1] < self.events.chain_ends[session.index()]
    }

    /// Sessions with very many operations at once could ask for n² edges; beyond so many they are not judged.
    fn bound(&self, graph: &OneKey<'_>) -> Result<(), OutOfBudget> {
        if graph.count() > 64 * self.events.len() + 1_000_000 { Err(OutOfBudget) } else { Ok(()) }
    }

    /// For a subset G of {RYW, MR}: calls back with each read of a key that has any, and the visible writes of the key that an order puts
    /// after what it returned.
    pub(crate) fn newer(
        &self,
        key: u32,
        g: Guarantees,
        place: impl Fn(u32) -> u32,
        mut each: impl FnMut(u32, &[u32]) -> Result<(), OutOfBudget>,
    ) -> Result<(), OutOfBudget> {
        let events = self.events;
        let (own, seen) = (g.contains(Guarantees::RYW), g.contains(Guarantees::MR));
        let visible = |touch: u32| match events.source[touch as usize] {
            _ if events.is_write(touch) => own.then_some(touch),
            NONE => None,
            w => seen.then_some(w),
        };
        let behind = |w: u32, x: u32| w == NONE || place(x) > place(w);
        let mut before: Vec<u32> = Vec::new();
        for run in self.runs(key) {
            before.clear();
            if self.so.overlap(events.session(run[0])) {
                for (i, &read) in run.iter().enumerate().filter(|&(_, &e)| !events.is_write(e)) {
                    if i % 64 == 0 {
                        self.budget.check()?;
                    }
                    let newer = |&touch: &u32| {
                        let x = visible(touch).filter(|&x| behind(events.source[read as usize], x))?;
                        events.so(self.history, self.so, touch, read).then_some(x)
                    };
                    before.clear();
                    before.extend(run.iter().filter_map(newer));
                    if !before.is_empty() {
                        each(read, &before)?;
                    }
                }
                continue;
            }
            // The visible writes so far, by place; an own write stands for all before it where rule 2 orders them so.
            for &e in run.iter().take_while(|&&e| !events.is_info(e)) {
                if !events.is_write(e) {
                    let newer = &before[before.partition_point(|&x| !behind(events.source[e as usize], x))..];
                    if !newer.is_empty() {
                        each(e, newer)?;
                    }
                } else if own && !self.recorded.by_version(key) {
                    before.clear();
                }
                if let Some(x) = visible(e) {
                    let at = before.partition_point(|&y| place(y) < place(x));
                    if before.get(at) != Some(&x) {
                        before.insert(at, x);
                    }
                }
            }
        }
        Ok(())
    }

    /// The visible writes of the key that each read of a run has to come to terms with; others are known to precede one of these.
    fn sights(&self, key: u32, run: &[u32], g: Guarantees, mut each: impl FnMut(u32, u32)) -> Result<(), OutOfBudget> {
        let (own, seen) = (g.contains(Guarantees::RYW), g.contains(Guarantees::MR));
        let by_version = self.recorded.by_version(key);
        let written = |touch: u32| if self.events.is_write(touch) { touch } else { self.events.source[touch as usize] };
        if self.so.overlap(self.events.session(run[0])) {
            let counts = |e: u32| if self.events.is_write(e) { own } else { seen && self.events.source[e as usize] != NONE };
            // What an own write supersedes it does by rule 2.
            let supersedes = |e: u32| counts(e) && (!self.events.is_write(e) || !by_version);
            let reads: Vec<u32> = run.iter().copied().filter(|&e| counts(e) || !self.events.is_write(e)).collect();
            return self.preceding_filtered(
                &reads,
                |e| !self.events.is_write(e),
                counts,
                supersedes,
                |touch, read| {
                    each(written(touch), read);
                },
            );
        }
        let mut frontier: Vec<u32> = Vec::new();
        for &e in run.iter().take_while(|&&e| !self.events.is_info(e)) {
            if self.events.is_write(e) {
                if own {
                    if by_version {
                        let older = |x: u32, y: u32| matches!((self.recorded.version(x), self.recorded.version(y)), (Some(x), Some(y)) if x < y);
                        frontier.retain(|&x| !older(x, e));
                        if !frontier.iter().any(|&x| older(e, x)) {
                            frontier.push(e);
                        }
                    } else {
                        frontier.clear();
                        frontier.push(e);
                    }
                }
            } else {
                frontier.iter().for_each(|&x| each(x, e));
                if seen && self.events.source[e as usize] != NONE {
                    frontier.clear();
                    frontier.push(self.events.source[e as usize]);
                }
            }
        }
        Ok(())
    }

    /// For each event of a run that `ask`s: the events that precede it in their session and are not superseded by a later one.
    fn preceding(
        &self,
        run: &[u32],
        ask: impl Fn(u32) -> bool,
        supersedes: impl Fn(u32) -> bool,
        each: impl FnMut(u32, u32),
    ) -> Result<(), OutOfBudget> {
        self.preceding_filtered(run, ask, |_| true, supersedes, each)
    }

    /// The same, of those events only that `counts`.
    fn preceding_filtered(
        &self,
        run: &[u32],
        ask: impl Fn(u32) -> bool,
        counts: impl Fn(u32) -> bool,
        supersedes: impl Fn(u32) -> bool,
        mut each: impl FnMut(u32, u32),
    ) -> Result<(), OutOfBudget> {
        // Of a run of writes alone, no read is left to be asked about.
        let Some(&first) = run.first() else { return Ok(()) };
        let chain = run.partition_point(|&e| !self.events.is_info(e));
        if !self.so.overlap(self.events.session(first)) {
            for (i, &e) in run.iter().enumerate().filter(|&(_, &e)| ask(e)) {
                // An `info` write is preceded by a prefix of the chain.
                let before = if i < chain {
                    i
                } else {
                    run[..chain].partition_point(|&earlier| self.events.so(self.history, self.so, earlier, e))
                };
                for &earlier in run[..before].iter().rev().filter(|&&earlier| counts(earlier)) {
                    each(earlier, e);
                    if supersedes(earlier) {
                        break;
                    }
                }
            }
            return Ok(());
        }
        let txn = |e: u32| self.history.txn(self.events.op(e));
        let ends = |e: u32| self.so.ends_at(self.history, txn(e));
        let begins = |e: u32| self.so.begins_at(self.history, txn(e));
        let mut ending: Vec<u32> = run[..chain].iter().copied().filter(|&e| counts(e)).collect();
        ending.sort_by_key(|&e| ends(e));
        // The latest beginning among those that end first: what ends before it is superseded.
        let mut latest = None;
        let latest_superseding: Vec<_> = ending
            .iter()
            .map(|&e| {
                if supersedes(e) {
                    latest = latest.max(Some(begins(e)));
                }
                latest
            })
            .collect();
        // Of what the file has before an `info` write that follows the file: what nothing of it supersedes.
        let any_by_file = run[chain..].iter().any(|&e| self.so.follows_file(txn(e)));
        let mut filed = if any_by_file { ending.clone() } else { Vec::new() };
        filed.sort_by_key(|&e| std::cmp::Reverse(txn(e)));
        let (mut open, mut latest_filed): (Vec<u32>, _) = (Vec::new(), None);
        for (i, &e) in run.iter().enumerate().filter(|&(_, &e)| ask(e)) {
            if i % 256 == 0 {
                self.budget.check()?;
            }
            let mut bound = None;
            // In its own transaction the order of its operations decides.
            let own = |&&x: &&u32| i < chain && txn(x) == txn(e);
            for &earlier in run[..i.min(chain)].iter().rev().take_while(own).filter(|&&x| counts(x)) {
                each(earlier, e);
                if supersedes(earlier) {
                    bound = Some(begins(earlier));
                    break;
                }
            }
            let before = ending.partition_point(|&x| ends(x) < begins(e));
            bound = bound.max(before.checked_sub(1).and_then(|last| latest_superseding[last]));
            let follows_file = self.so.follows_file(txn(e));
            if follows_file {
                while let Some(x) = filed.pop_if(|x| txn(*x) < txn(e)) {
                    if supersedes(x) {
                        latest_filed = latest_filed.max(Some(begins(x)));
                    }
                    open.push(x);
                }
                open.retain(|&x| latest_filed.is_none_or(|latest| ends(x) >= latest));
                bound = bound.max(latest_filed);
            }
            let unsuperseded = |&&earlier: &&u32| bound.is_none_or(|bound| ends(earlier) >= bound);
            ending[..before].iter().rev().take_while(unsuperseded).for_each(|&earlier| each(earlier, e));
            // Those that had ended were met just now.
            let at_once = open.iter().filter(|&&x| follows_file && ends(x) >= begins(e));
            at_once.filter(unsuperseded).for_each(|&earlier| each(earlier, e));
        }
        Ok(())
    }
}
