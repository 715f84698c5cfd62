//! The final state of one key against the writes of it, by data type: lost, stale, back again, there twice (models.md 6).
//!
//! What must be judged of two writes' order is asked of [`Order`]. Where reads of unknown writers leave hb open, whatever would be an
//! anomaly if only one more pair were ordered is undecided instead of fine.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::history::{DataType, History, KeyId, Kind, OpId, Status, ValueId};
use crate::relation::budget::OutOfBudget;
use crate::relation::facts::Facts;
use crate::relation::matching::{INITIAL, NO_WRITER};

use super::agreement::Shown;
use super::content::{Content, amount, elements};
use super::flaw::{Cause, Flaw, Found};
use super::happened::{in_time, so};
use super::order::{Order, Versions};

/// One key: its writes in file order, and what its quiescent reads showed.
pub(super) struct State<'a> {
    pub(super) facts: &'a Facts<'a>,
    pub(super) key: KeyId,
    pub(super) writes: &'a [OpId],
    pub(super) shown: &'a Shown,
}

impl State<'_> {
    pub(super) fn judge(&self, order: &mut Order<'_>) -> Result<Found, OutOfBudget> {
        match self.history().key_type(self.key) {
            DataType::Register => self.register(order),
            DataType::List => Ok(self.list()),
            DataType::Set => self.set(order),
            DataType::Counter => Ok(self.counter()),
        }
    }

    fn history(&self) -> &History {
        self.facts.history
    }

    fn with_status(&self, status: Status) -> impl DoubleEndedIterator<Item = OpId> + '_ {
        self.writes.iter().copied().filter(move |&op| self.history().status(op) == status)
    }

    fn versions(&self) -> Versions {
        let complete = self
            .with_status(Status::Ok)
            .filter(|&op| self.facts.matching.last_writes.is(op.index()))
            .all(|op| self.history().version(op).is_some());
        Versions { complete, observed: None }
    }

    fn register(&self, order: &mut Order<'_>) -> Result<Found, OutOfBudget> {
        let (history, versions) = (self.history(), self.versions());
        let mut found = Found::default();
        for (content, reads) in self.shown {
            let &Content::Register(value) = content else { continue };
            let mut writers = self.writes.iter().copied().filter(|&op| history.written_value(op) == Some(value)).peekable();
            let failed = writers.peek().copied();
            if let Some(write) = failed
                && value != history.initial(self.key)
                && writers.all(|op| history.status(op) == Status::Fail)
            {
                found.flaws.push(Flaw::Returned { write, removed: Vec::new(), read: reads[0], versions });
            }
        }
        let [(_, reads)] = self.shown.as_slice() else { return Ok(found) };
        let ok: Vec<OpId> = self.with_status(Status::Ok).filter(|&op| self.facts.matching.last_writes.is(op.index())).collect();
        let (Some(&last), true) = (ok.last(), found.flaws.is_empty()) else { return Ok(found) };
        let mut sources: FxHashSet<(u32, Option<i128>)> = FxHashSet::default();
        for &read in reads {
            let writer = self.facts.matching.writer[read.index()];
            if !sources.insert((writer, history.version(read))) {
                continue;
            }
            match writer {
                INITIAL => found.flaws.push(Flaw::Lost { write: last, removes: Vec::new(), read, versions }),
                NO_WRITER => {
                    if found.unknown.is_none() && self.may_be_overwritten(read, &ok, order)? {
                        found.unknown = Some(Cause::Ambiguous);
                    }
                }
                writer => {
                    let write = OpId::new(writer as usize);
                    let observed = history.version(read).map(|version| (write, version));
                    let versions = Versions { observed, ..versions };
                    match order.after(write, &ok, versions)? {
                        Some(newer) => found.flaws.push(Flaw::Stale { write, newer, read, versions }),
                        None if self.possibly_after(write, &ok, versions, order)? => found.unknown = Some(Cause::Ambiguous),
                        None => {}
                    }
                }
            }
            if !found.flaws.is_empty() {
                break;
            }
        }
        Ok(found)
    }

    /// Could one of the writes that an ambiguous final read may have returned have been overwritten?
    fn may_be_overwritten(&self, read: OpId, ok: &[OpId], order: &mut Order<'_>) -> Result<bool, OutOfBudget> {
        let (history, value) = (self.history(), self.history().read_value(read));
        let excluded = |op: OpId| {
            let versions_differ = matches!((history.version(op), history.version(read)), (Some(w), Some(r)) if w != r);
            versions_differ || history.status(op) == Status::Fail || in_time(history, read, op) || so(self.facts, read, op)
        };
        let writers = self.writes.iter().copied().filter(|&op| history.written_value(op) == value);
        let candidates: Vec<OpId> = writers.filter(|&op| !excluded(op)).collect();
        let open = candidates.is_empty() || value == Some(history.initial(self.key));
        if open || candidates.iter().any(|op| !self.facts.matching.last_writes.is(op.index())) {
            return Ok(true);
        }
        for write in candidates {
            let versions = Versions { observed: history.version(read).map(|version| (write, version)), ..self.versions() };
            if order.after(write, ok, versions)?.is_some() || self.possibly_after(write, ok, versions, order)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Where hb is open: is there another write that is not known to come before?
    fn possibly_after(
        &self,
        write: OpId,
        others: &[OpId],
        versions: Versions,
        order: &mut Order<'_>,
    ) -> Result<bool, OutOfBudget> {
        if !order.open()? {
            return Ok(false);
        }
        let before = order.before(others, write, versions)?;
        Ok(others.iter().zip(before).any(|(&op, before)| op != write && !before))
    }

    fn list(&self) -> Found {
        let history = self.history();
        let mut found = Found::default();
        let mut appends: FxHashMap<ValueId, Vec<OpId>> = FxHashMap::default();
        for &op in self.writes {
            appends.entry(history.written_value(op).expect("a write has a value")).or_default().push(op);
        }
        let given = elements(history, history.initial(self.key)).unwrap_or_default();
        let counted: Vec<FxHashMap<ValueId, usize>> = self.shown.iter().map(|(content, _)| count(content)).collect();
        let mut judged: Vec<(OpId, Flaw)> = Vec::new();
        for (&element, appends) in &appends {
            let last = |status| appends.iter().rev().copied().find(|&op| history.status(op) == status);
            let number = |status| appends.iter().filter(|&&op| history.status(op) == status).count();
            let initially = given.iter().filter(|&&e| e == element).count();
            let there = |counts: &FxHashMap<ValueId, usize>| counts.get(&element).copied().unwrap_or(0);
            let (least, most) = (number(Status::Ok) + initially, number(Status::Ok) + number(Status::Info) + initially);
            let read = |i: usize| self.shown[i].1[0];
            if let Some(write) = last(Status::Ok)
                && counted.iter().all(|counts| there(counts) < least)
            {
                judged.push((write, Flaw::Lost { write, removes: Vec::new(), read: read(0), versions: self.versions() }));
            }
            let Some(i) = counted.iter().position(|counts| there(counts) > most) else { continue };
            if let Some(write) = last(Status::Fail) {
                let versions = self.versions();
                judged.push((write, Flaw::Returned { write, removed: Vec::new(), read: read(i), versions }));
            } else if let Some(write) = last(Status::Ok).or(last(Status::Info)) {
                judged.push((write, Flaw::Repeated { write, read: read(i) }));
            }
        }
        judged.sort_by_key(|&(write, _)| write);
        found.flaws.extend(judged.into_iter().map(|(_, flaw)| flaw));
        found
    }

    fn set(&self, order: &mut Order<'_>) -> Result<Found, OutOfBudget> {
        let history = self.history();
        let mut found = Found::default();
        let mut members: Vec<ValueId> = Vec::new();
        for (content, _) in self.shown {
            if let Content::Set(shown) = content {
                members.extend(shown);
            }
        }
        members.sort_unstable();
        members.dedup();
        let mut by_element: Vec<(ValueId, OpId)> =
            self.writes.iter().map(|&op| (history.written_value(op).expect("a write has a value"), op)).collect();
        by_element.sort_unstable();
        for group in by_element.chunk_by(|a, b| a.0 == b.0) {
            self.facts.budget.check()?;
            let element = Element::new(history, self.key, group);
            if members.binary_search(&element.value).is_ok() {
                self.present(&element, order, &mut found)?;
            } else {
                self.absent(&element, order, &mut found)?;
            }
        }
        self.repeated_members(&by_element, &mut found);
        Ok(found)
    }

    /// No loss as long as a remove may come after each acknowledged add.
    fn absent(&self, element: &Element, order: &mut Order<'_>, found: &mut Found) -> Result<(), OutOfBudget> {
        let (history, versions, read) = (self.history(), self.versions(), self.shown[0].1[0]);
        let mut undecided = false;
        for &write in element.adds.iter().rev().filter(|&&op| history.status(op) == Status::Ok) {
            let before = order.before(&element.removes, write, versions)?;
            if before.iter().all(|&before| before) {
                found.flaws.push(Flaw::Lost { write, removes: element.removes.clone(), read, versions });
                return Ok(());
            }
            if !undecided && order.open()? {
                undecided = true;
                for (&remove, before) in element.removes.iter().zip(before) {
                    // Nothing comes after an indeterminate remove.
                    let may = history.status(remove) == Status::Ok && !order.before(&[write], remove, versions)?[0];
                    undecided &= before || may;
                }
            }
        }
        if undecided {
            found.unknown = Some(Cause::Ambiguous);
        }
        Ok(())
    }

    /// Rightly there as long as some add is not known to come before a remove.
    fn present(&self, element: &Element, order: &mut Order<'_>, found: &mut Found) -> Result<(), OutOfBudget> {
        let (history, versions) = (self.history(), self.versions());
        let shows = |(content, _): &&(Content, Vec<OpId>)| matches!(content, Content::Set(members) if members.binary_search(&element.value).is_ok());
        let read = self.shown.iter().find(shows).expect("it is a member").1[0];
        if element.adds.is_empty() && !element.given {
            if let Some(&write) = element.failed.first() {
                found.flaws.push(Flaw::Returned { write, removed: Vec::new(), read, versions });
            }
            return Ok(());
        }
        let removes: Vec<OpId> = element.removes.iter().copied().filter(|&op| history.status(op) == Status::Ok).collect();
        let Some(&last) = removes.last() else { return Ok(()) };
        let mut removed = Vec::new();
        let mut undecided = false;
        for &add in &element.adds {
            match order.after(add, &removes, versions)? {
                Some(remove) => removed.push((add, remove)),
                None if self.possibly_after(add, &removes, versions, order)? => undecided = true,
                None => return Ok(()),
            }
        }
        if undecided {
            found.unknown = Some(Cause::Ambiguous);
        } else {
            let write = removed.last().map_or(last, |&(_, remove)| remove);
            found.flaws.push(Flaw::Returned { write, removed, read, versions });
        }
        Ok(())
    }

    /// A read of a set that shows a member twice.
    fn repeated_members(&self, by_element: &[(ValueId, OpId)], found: &mut Found) {
        let history = self.history();
        let mut told: FxHashSet<ValueId> = FxHashSet::default();
        for &read in self.shown.iter().flat_map(|(_, reads)| reads) {
            let shown = history.read_value(read).and_then(|value| elements(history, value)).unwrap_or_default();
            let mut members = shown.to_vec();
            members.sort_unstable();
            for pair in members.windows(2).filter(|pair| pair[0] == pair[1]) {
                let first = by_element.partition_point(|&(value, _)| value < pair[0]);
                let of_member = by_element[first..].iter().take_while(|&&(value, _)| value == pair[0]).map(|&(_, op)| op);
                let add = of_member.filter(|&op| history.kind(op) == Kind::Add && history.status(op) != Status::Fail).last();
                if let Some(write) = add.filter(|_| told.insert(pair[0])) {
                    found.flaws.push(Flaw::Repeated { write, read });
                }
            }
        }
    }

    fn counter(&self) -> Found {
        let wrong = Found { flaws: Vec::new(), unknown: Some(Cause::WrongType) };
        let Some(bounds) = self.bounds() else { return wrong };
        let sums = || {
            self.shown.iter().filter_map(|(content, reads)| match content {
                &Content::Counter(sum) => Some((sum, reads[0])),
                _ => None,
            })
        };
        let history = self.history();
        let last = |status, positive: bool| {
            let counts = |&op: &OpId| amount(history, op).is_some_and(|by| if positive { by > 0 } else { by < 0 });
            self.with_status(status).rev().find(counts)
        };
        // The sum nearest to the bounds speaks for all, if all are on one side of them.
        let below = sums().max().filter(|&(sum, _)| sum < bounds.least);
        let above = sums().min().filter(|&(sum, _)| sum > bounds.most);
        let (missing, failed, read, below) = match (below, above) {
            (Some((sum, read)), _) => (bounds.least.checked_sub(sum), bounds.failed_down, read, true),
            (_, Some((sum, read))) => (sum.checked_sub(bounds.most), bounds.failed_up, read, false),
            _ => return Found::default(),
        };
        let Some(missing) = missing else { return wrong };
        // Of the acknowledged ones, best one that would make up the difference alone.
        let alone = if below { missing } else { -missing };
        let exact = self.with_status(Status::Ok).rev().find(|&op| amount(history, op) == Some(alone));
        let lost = exact.or(last(Status::Ok, below)).filter(|_| missing <= if below { bounds.ok_up } else { bounds.ok_down });
        let flaw = match (lost, last(Status::Fail, !below).filter(|_| missing <= failed)) {
            (Some(write), _) => Flaw::Lost { write, removes: Vec::new(), read, versions: self.versions() },
            (None, Some(write)) => Flaw::Returned { write, removed: Vec::new(), read, versions: self.versions() },
            (None, None) => Flaw::OutOfBounds(read),
        };
        Found { flaws: vec![flaw], unknown: None }
    }

    /// `None` where an amount is no integer, or a sum is beyond 128 bits.
    fn bounds(&self) -> Option<Bounds> {
        let history = self.history();
        let Content::Counter(given) = Content::new(history, self.key, history.initial(self.key))? else { return None };
        let mut bounds = Bounds { least: given, most: given, ok_up: 0, ok_down: 0, failed_up: 0, failed_down: 0 };
        for &op in self.writes {
            let by = amount(history, op)?;
            let (up, down) = (by.max(0), by.min(0).checked_neg()?);
            match history.status(op) {
                Status::Ok => {
                    bounds.least = bounds.least.checked_add(by)?;
                    bounds.most = bounds.most.checked_add(by)?;
                    bounds.ok_up = bounds.ok_up.checked_add(up)?;
                    bounds.ok_down = bounds.ok_down.checked_add(down)?;
                }
                Status::Info => {
                    bounds.least = bounds.least.checked_sub(down)?;
                    bounds.most = bounds.most.checked_add(up)?;
                }
                Status::Fail => {
                    bounds.failed_up = bounds.failed_up.checked_add(up)?;
                    bounds.failed_down = bounds.failed_down.checked_add(down)?;
                }
            }
        }
        Some(bounds)
    }
}

/// What a counter may end as, and how much of it is due to what.
struct Bounds {
    least: i128,
    most: i128,
    ok_up: i128,
    ok_down: i128,
    failed_up: i128,
    failed_down: i128,
}

/// The operations on one element of a set, in file order.
struct Element {
    value: ValueId,
    /// `ok` and `info` ones.
    adds: Vec<OpId>,
    removes: Vec<OpId>,
    /// Failed adds.
    failed: Vec<OpId>,
    /// Is it in the initial value?
    given: bool,
}

impl Element {
    fn new(history: &History, key: KeyId, group: &[(ValueId, OpId)]) -> Self {
        let value = group[0].0;
        let of = |kind, failed: bool| {
            let wanted =
                move |&&(_, op): &&(ValueId, OpId)| history.kind(op) == kind && (history.status(op) == Status::Fail) == failed;
            group.iter().filter(wanted).map(|&(_, op)| op).collect()
        };
        let given = elements(history, history.initial(key)).unwrap_or_default().contains(&value);
        Element { value, adds: of(Kind::Add, false), removes: of(Kind::Remove, false), failed: of(Kind::Add, true), given }
    }
}

fn count(content: &Content) -> FxHashMap<ValueId, usize> {
    let mut counts = FxHashMap::default();
    if let Content::List(elements) = content {
        for &element in elements {
            *counts.entry(element).or_default() += 1;
        }
    }
    counts
}
