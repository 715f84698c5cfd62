//! The recorded write order, where it is asked for (models.md 4, "Extra knowledge about the write order"): versions a key, or real time.

use rustc_hash::FxHashMap;

use crate::check::WriteOrder;
use crate::history::{DataType, History, Status};

use super::events::{Events, NONE, WRITE};
use super::graph::{Constraints, Extra, Reason};

/// What the recording says of the order of writes.
pub(crate) struct Recorded {
    mode: WriteOrder,
    /// By event, under `version`: the version of a write of a key that is judged by versions.
    version: Vec<Option<i128>>,
    /// By key, under `version`: is it judged by versions?
    by_version: Vec<bool>,
    /// Keys with writes that are not, for want of versions.
    pub(crate) fallback_keys: usize,
}

impl Recorded {
    /// Asks for the events only where the recording tells anything of them.
    pub(crate) fn new<'e>(history: &History, mode: WriteOrder, events: impl FnOnce() -> &'e Events) -> Self {
        let mut recorded = Recorded { mode, version: Vec::new(), by_version: Vec::new(), fallback_keys: 0 };
        if mode == WriteOrder::Version {
            recorded.read_versions(history, events());
        }
        recorded
    }

    fn read_versions(&mut self, history: &History, events: &Events) {
        // Reads that tell different versions of one write tell nothing of it.
        let mut of_info: FxHashMap<u32, Option<i128>> = FxHashMap::default();
        for r in events.register_reads() {
            let w = events.source[r as usize];
            if w < NONE
                && events.is_info(w)
                && let Some(version) = history.read_version(events.op(r))
            {
                let known = of_info.entry(w).or_insert(Some(version));
                *known = known.filter(|&known| known == version);
            }
        }
        self.version = vec![None; events.len()];
        self.by_version = vec![false; history.keys()];
        for key in 0..history.keys() as u32 {
            let writes = events.writes_of(key);
            if events.types[key as usize] != DataType::Register {
                continue; // a list tells its own order, sets and counters need none
            }
            let complete = writes.iter().all(|&w| events.is_info(w) || history.version(events.op(w)).is_some());
            self.by_version[key as usize] = complete;
            self.fallback_keys += usize::from(!complete);
            for &w in writes.iter().filter(|_| complete) {
                self.version[w as usize] =
                    if events.is_info(w) { of_info.get(&w).copied().flatten() } else { history.version(events.op(w)) };
            }
        }
    }

    /// Is the order of the key's writes given by versions, so that rule 2 gives way?
    pub(crate) fn by_version(&self, key: u32) -> bool {
        self.by_version.get(key as usize).copied().unwrap_or(false)
    }

    /// The version of a write of a key that is judged by versions.
    pub(crate) fn version(&self, write: u32) -> Option<i128> {
        self.version.get(write as usize).copied().flatten()
    }

    /// Does the recording order any writes?
    pub(crate) fn is_empty(&self) -> bool {
        self.mode == WriteOrder::Session
    }

    /// Does it order only writes of one key among themselves, if any?
    pub(crate) fn within_keys(&self) -> bool {
        self.mode != WriteOrder::RealTime
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
        let mut versions: Vec<(i128, u32)> = writes.filter_map(|w| Some((self.version(w)?, w))).collect();
        versions.sort_unstable();
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
