//! The recorded write order, where it is asked for (models.md 4, "Extra knowledge about the write order"): versions a key, or real time.

use std::sync::atomic::Ordering;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::check::WriteOrder;
use crate::history::{DataType, History, Status};

use super::csr;
use super::events::{Events, NONE, WRITE};
use super::graph::{Constraints, Extra, Reason};

/// What the recording says of the order of writes.
pub(crate) struct Recorded {
    mode: WriteOrder,
    /// By event, under `version`: which one of its key's versions a write has, from 1; 0 where none is known.
    ranks: Vec<u32>,
    /// By key, under `version`: is it judged by versions?
    by_version: Vec<bool>,
    /// Keys with writes that are not, for want of versions.
    pub(crate) fallback_keys: usize,
}

impl Recorded {
    /// Asks for the events only where the recording tells anything of them.
    pub(crate) fn new<'e>(history: &History, mode: WriteOrder, events: impl FnOnce() -> &'e Events) -> Self {
        let mut recorded = Recorded { mode, ranks: Vec::new(), by_version: Vec::new(), fallback_keys: 0 };
        if mode == WriteOrder::Version {
            recorded.read_versions(history, events());
        }
        recorded
    }

    fn read_versions(&mut self, history: &History, events: &Events) {
        // Reads that tell different versions of one write tell nothing of it.
        let mut of_info: FxHashMap<u32, Option<i128>> = FxHashMap::default();
        let reads = events.any_info().then(|| events.register_reads());
        for r in reads.into_iter().flatten() {
            let w = events.source[r as usize];
            if w < NONE
                && events.is_info(w)
                && let Some(version) = history.read_version(events.op(r))
            {
                let known = of_info.entry(w).or_insert(Some(version));
                *known = known.filter(|&known| known == version);
            }
        }
        let ranks = csr::zeros(events.len());
        // A list tells its own order, sets and counters need none.
        let register = |&key: &u32| events.types[key as usize] == DataType::Register;
        let by_version = (0..history.keys() as u32).into_par_iter().map_init(Vec::new, |versions, key| {
            versions.clear();
            for &w in events.writes_of(key) {
                let info = events.is_info(w);
                match if info { of_info.get(&w).copied().flatten() } else { history.version(events.op(w)) } {
                    Some(version) => versions.push((version, w)),
                    None if info => {}
                    None => return false,
                }
            }
            if register(&key) {
                rank(versions, |w, rank| ranks[w as usize].store(rank, Ordering::Relaxed));
            }
            register(&key)
        });
        self.by_version = by_version.collect();
        self.ranks = csr::plain(ranks);
        self.fallback_keys = (0..history.keys() as u32).filter(|key| register(key) && !self.by_version(*key)).count();
    }

    /// Is the order of the key's writes given by versions, so that rule 2 gives way?
    pub(crate) fn by_version(&self, key: u32) -> bool {
        self.by_version.get(key as usize).copied().unwrap_or(false)
    }

    /// Which one of its key's versions a write of a key that is judged by versions has, if that is known.
    #[inline]
    pub(crate) fn version(&self, write: u32) -> Option<u32> {
        self.ranks.get(write as usize).copied().filter(|&rank| rank > 0)
    }

    /// Does the recording order any writes?
    pub(crate) fn is_empty(&self) -> bool {
        self.mode == WriteOrder::Session
    }

    /// Does it order only writes of one key among themselves, if any?
    pub(crate) fn within_keys(&self) -> bool {
        self.mode != WriteOrder::RealTime
    }

    /// By event: the write whose version comes right before; [`NONE`] where there is none. `None` where there is more to the order: real
    /// time, or writes of one key with the same version.
    pub(crate) fn before(&self, history: &History, events: &Events) -> Option<Vec<u32>> {
        if self.mode != WriteOrder::Version {
            return None;
        }
        let before = csr::numbers(events.len(), NONE);
        let ordered = (0..history.keys() as u32).into_par_iter().all(|key| {
            let versions = self.in_order(events.writes_of(key).iter().copied());
            let distinct = versions.windows(2).all(|pair| pair[0].0 < pair[1].0);
            versions.windows(2).for_each(|pair| before[pair[1].1 as usize].store(pair[0].1, Ordering::Relaxed));
            distinct
        });
        ordered.then(|| csr::plain(before))
    }

    /// Those of these writes that have versions, by version.
    fn in_order(&self, writes: impl Iterator<Item = u32>) -> Vec<(u32, u32)> {
        let mut versions: Vec<(u32, u32)> = writes.filter_map(|w| Some((self.version(w)?, w))).collect();
        versions.sort_unstable();
        versions
    }

    /// Adds the recorded order to a graph.
    pub(crate) fn add_edges(&self, history: &History, events: &Events, extra: &mut Extra) {
        match self.mode {
            WriteOrder::Session => {}
            WriteOrder::Version => {
                (0..history.keys() as u32).for_each(|key| self.add_versions(key, events.writes_of(key).iter().copied(), extra))
            }
            WriteOrder::RealTime => add_real_time(history, events, extra),
        }
    }

    /// Adds the recorded order of the writes of a key, where versions tell it.
    pub(crate) fn add_versions(&self, key: u32, writes: impl Iterator<Item = u32>, constraints: &mut impl Constraints) {
        if !self.by_version(key) {
            return;
        }
        let versions = self.in_order(writes);
        let mut groups = versions.chunk_by(|a, b| a.0 == b.0);
        let Some(mut before) = groups.next() else { return };
        for group in groups {
            // Equal versions are unordered: between such groups a node of its own stands for the boundary.
            if let ([(_, a)], [(_, b)]) = (before, group) {
                constraints.add(*a, *b, Reason::Version);
            } else {
                let boundary = constraints.node();
                before.iter().for_each(|&(_, a)| constraints.add(a, boundary, Reason::Version));
                group.iter().for_each(|&(_, b)| constraints.add(boundary, b, Reason::Onward));
            }
            before = group;
        }
    }
}

/// Tells of each write which one of these versions it has, from 1.
fn rank(versions: &mut [(i128, u32)], tell: impl Fn(u32, u32)) {
    let (Some(&(first, _)), Some(&(last, _))) = (versions.iter().min(), versions.iter().max()) else { return };
    // Mostly they are counted up a key.
    let span = last.saturating_sub(first);
    if span < 4 * versions.len() as i128 {
        let at = |version: i128| (version - first) as usize;
        let mut ranks = vec![0; span as usize + 1];
        versions.iter().for_each(|&(version, _)| ranks[at(version)] = 1);
        let mut distinct = 0;
        for rank in &mut ranks {
            distinct += *rank;
            *rank = distinct;
        }
        versions.iter().for_each(|&(version, w)| tell(w, ranks[at(version)]));
        return;
    }
    versions.sort_unstable();
    for (rank, same) in (1..).zip(versions.chunk_by(|a, b| a.0 == b.0)) {
        same.iter().for_each(|&(_, w)| tell(w, rank));
    }
}

/// A chain of nodes in time: a write joins it when it has completed, and comes after all that had when it was invoked. 2 n edges.
fn add_real_time(history: &History, events: &Events, extra: &mut Extra) {
    // What changes sets and counters has no place in the order of writes.
    let arranged = |e: u32| matches!(events.key_type(e), DataType::Register | DataType::List);
    let writes = || (0..events.len() as u32).filter(|&e| events.source[e as usize] == WRITE && arranged(e));
    let mut completions: Vec<(i64, u32)> = writes()
        .filter(|&w| history.status(events.op(w)) == Status::Ok)
        .filter_map(|w| Some((history.completed(history.txn(events.op(w)))?, w)))
        .collect();
    completions.sort_unstable();
    let mut invocations: Vec<(i64, u32)> =
        writes().filter_map(|w| Some((history.invoked(history.txn(events.op(w)))?, w))).collect();
    invocations.sort_unstable();
    let (mut moment, mut done) = (None, 0);
    for (invoked, w) in invocations {
        let from = done;
        while done < completions.len() && completions[done].0 < invoked {
            done += 1;
        }
        if done > from {
            let next = extra.node();
            if let Some(before) = moment {
                extra.add(before, next, Reason::Onward);
            }
            completions[from..done].iter().for_each(|&(_, earlier)| extra.add(earlier, next, Reason::RealTime));
            moment = Some(next);
        }
        if let Some(moment) = moment {
            extra.add(moment, w, Reason::Onward);
        }
    }
}
