//! Contradictions about how keys ended (models.md 6): what the steps say of two operations is checked, and against all quiescent reads of
//! the key that nothing else explains it.
//!
//! Cost: what the writes and quiescent reads of the key hold; a path of hb over lists and sets, for each hop the writes of its key.

use super::Proof;
use super::ends::{End, change, elements, number};
use super::facts::Origin;
use super::refusal::{Refusal, require};
use crate::check::WriteOrder;
use crate::history::{DataType, Kind, OpId, Status, TxnId, ValueId};
use crate::verdict::{Anomaly, Because, Relation, Step};

/// On which side of what its operations allow a counter ended, and why that is.
#[derive(PartialEq, Eq, Clone, Copy)]
enum Sum {
    Within,
    /// Lost or failed operations explain it: those that count up (true) or down.
    Lost(bool),
    Failed(bool),
    Unexplained,
}

impl Proof<'_, '_> {
    pub(super) fn convergence(&self) -> Result<(), Refusal> {
        match self.witness.anomaly {
            Anomaly::Divergent => self.divergent(),
            Anomaly::StaleForever => self.stale_forever(),
            Anomaly::LostWrite => self.lost_write(),
            Anomaly::Resurrected => self.resurrected(),
            Anomaly::DuplicateElement => self.duplicate_element(),
            Anomaly::OutOfBounds => self.out_of_bounds(),
            anomaly => Err(Refusal::new(format!("{anomaly:?} is no violation of the model"))),
        }
    }

    fn divergent(&self) -> Result<(), Refusal> {
        let (h, step) = (self.history(), self.only_step((Relation::End, Because::Differs))?);
        self.bare(step)?;
        let end = self.quiescent(step, step.to)?;
        let both = end.reads.contains(&step.from) && step.from < step.to;
        require(both, || self.refuse(step, "they are not two quiescent reads of one key, the earlier in the file first"))?;
        let (a, b) = (self.content(step.from), self.content(step.to));
        require(a != b, || self.refuse(step, "they show the same"))?;
        let mut late: Vec<TxnId> = end.writes.iter().filter(|&&w| h.status(w) == Status::Info).map(|&w| h.txn(w)).collect();
        late.dedup();
        let between = |txn: TxnId, without: OpId, with: OpId| {
            let first = h.txn_ops(txn).next().expect("it wrote the key");
            self.lands(txn, without, with) && !self.over_before(with, without) && !self.over_before(with, first)
        };
        let explained = late.iter().any(|&txn| between(txn, step.from, step.to) || between(txn, step.to, step.from));
        require(!explained, || self.refuse(step, "one indeterminate write may have landed between them"))
    }

    fn stale_forever(&self) -> Result<(), Refusal> {
        let h = self.history();
        let [order, wr] = self.witness.steps.as_slice() else {
            return Err(Refusal::new("there are not two steps"));
        };
        self.bare(wr)?;
        require((wr.relation, wr.because) == (Relation::Wr, Because::ReadsFrom), || self.refuse(wr, "it should be wr"))?;
        self.reads_from(wr)?;
        let end = self.quiescent(wr, wr.to)?;
        let agreed = end.reads.iter().all(|&read| h.read_value(read) == h.read_value(wr.to));
        require(agreed, || self.refuse(wr, "the quiescent reads of the key do not agree on it"))?;
        let newer = order.from == wr.from
            && order.from != order.to
            && self.same_key(order.from, order.to)
            && self.facts.writes(order.to)
            && h.status(order.to) == Status::Ok;
        require(newer, || self.refuse(order, "it does not lead from what was read to an acknowledged write of the key"))?;
        self.precedes(order, Some(wr))
    }

    fn lost_write(&self) -> Result<(), Refusal> {
        let (h, (before, last)) = (self.history(), self.ending(Because::Missing)?);
        let (write, read) = (last.from, last.to);
        let end = self.quiescent(last, read)?;
        require(h.status(write) == Status::Ok && h.kind(write) != Kind::Remove, || {
            self.refuse(last, "the write was not acknowledged")
        })?;
        let value = h.written_value(write).expect("it writes");
        let key_type = h.key_type(h.key(write));
        require(before.is_empty() || key_type == DataType::Set, || self.refuse(last, "only elements of sets are removed"))?;
        let missing = match key_type {
            DataType::Register => {
                let agreed = end.reads.iter().all(|&other| h.read_value(other) == h.read_value(read));
                agreed && self.facts.writes(write) && self.facts.origin(read) == Origin::Initial
            }
            DataType::List => {
                let acknowledged = end.writes.iter().filter(|&&w| h.status(w) == Status::Ok && h.written_value(w) == Some(value));
                let least = acknowledged.count() + self.initially(write, value);
                end.reads.iter().all(|&read| self.occurrences(read, value) < least)
            }
            DataType::Set => {
                let absent = end.reads.iter().all(|&read| self.occurrences(read, value) == 0);
                let removes = self.of_element(end, Kind::Remove, value);
                absent && removes == before.iter().map(|step| step.from).collect::<Vec<_>>()
            }
            DataType::Counter => {
                let up = change(h, write).is_some_and(|by| by > 0);
                change(h, write) != Some(0) && self.sum(end, read) == Sum::Lost(up)
            }
        };
        require(missing, || self.refuse(last, "the quiescent reads do not say that it is lost"))?;
        for step in before {
            require(step.to == write, || self.refuse(step, "it does not lead to the lost write"))?;
            self.precedes(step, None)?;
        }
        Ok(())
    }

    fn resurrected(&self) -> Result<(), Refusal> {
        let (h, (before, last)) = (self.history(), self.ending(Because::Present)?);
        let (write, read) = (last.from, last.to);
        let end = self.quiescent(last, read)?;
        let value = h.written_value(write).expect("it writes");
        let failed = h.status(write) == Status::Fail;
        let (most, there) = (self.most(end, write, value), self.occurrences(read, value));
        if failed {
            let wrong = match h.key_type(h.key(write)) {
                DataType::Register => h.read_value(read) == Some(value) && most == 0 && h.initial(h.key(write)) != value,
                DataType::List => there > most,
                DataType::Set => h.kind(write) == Kind::Add && there > 0 && most == 0,
                DataType::Counter => {
                    let up = change(h, write).is_some_and(|by| by > 0);
                    change(h, write) != Some(0) && self.sum(end, read) == Sum::Failed(up)
                }
            };
            return require(wrong && before.is_empty(), || self.refuse(last, "the failed write is not what the read shows"));
        }
        let removes: Vec<OpId> =
            self.of_element(end, Kind::Remove, value).into_iter().filter(|&op| h.status(op) == Status::Ok).collect();
        let adds = self.of_element(end, Kind::Add, value);
        require(removes.contains(&write) && there > 0, || self.refuse(last, "the read shows nothing that was removed"))?;
        require(adds == before.iter().map(|step| step.from).collect::<Vec<_>>(), || {
            self.refuse(last, "not every add of the element is shown to come before a remove")
        })?;
        let pinned = before.last().map_or(removes.last() == Some(&write) && most > 0, |step| step.to == write);
        require(pinned, || self.refuse(last, "it is not from the last remove shown"))?;
        for step in before {
            require(removes.contains(&step.to), || self.refuse(step, "it does not lead to a remove of the element"))?;
            self.precedes(step, None)?;
        }
        Ok(())
    }

    fn duplicate_element(&self) -> Result<(), Refusal> {
        let (h, step) = (self.history(), self.only_step((Relation::End, Because::Repeated))?);
        self.bare(step)?;
        let end = self.quiescent(step, step.to)?;
        let writes = h.kind(step.from).writes() && h.status(step.from) != Status::Fail;
        let value = h.written_value(step.from).unwrap_or(ValueId::NULL);
        let failed = end.writes.iter().any(|&w| h.status(w) == Status::Fail && h.written_value(w) == Some(value));
        let there = self.occurrences(step.to, value);
        let repeated = match h.kind(step.from) {
            Kind::Append => there > self.most(end, step.from, value) && !failed,
            Kind::Add => there > 1,
            _ => false,
        };
        require(writes && repeated, || self.refuse(step, "the read does not show it too often"))
    }

    fn out_of_bounds(&self) -> Result<(), Refusal> {
        let h = self.history();
        let &[read] = self.witness.operations.as_slice() else { return Err(Refusal::new("one read is the whole witness")) };
        require(self.witness.steps.is_empty(), || Refusal::new("a sum beyond all bounds has no steps"))?;
        let end = self.ends().of(h.key(read));
        let beyond =
            end.reads.contains(&read) && h.key_type(h.key(read)) == DataType::Counter && self.sum(end, read) == Sum::Unexplained;
        require(beyond, || Refusal::about(h, read, "is no quiescent read of a sum beyond all bounds"))
    }

    /// The last step, which is of the kind given, and those before it.
    fn ending(&self, because: Because) -> Result<(&[Step], &Step), Refusal> {
        let Some((last, before)) = self.witness.steps.split_last() else { return Err(Refusal::new("there are no steps")) };
        self.bare(last)?;
        require((last.relation, last.because) == (Relation::End, because), || {
            self.refuse(last, "it is not of the kind that the anomaly has")
        })?;
        require(self.history().kind(last.from).writes(), || self.refuse(last, "it is not from a write"))?;
        Ok((before, last))
    }

    /// The end of the step's key, of which `read` is a quiescent read.
    fn quiescent(&self, step: &Step, read: OpId) -> Result<&End, Refusal> {
        let end = self.ends().of(self.history().key(read));
        require(self.same_key(step.from, step.to) && end.reads.contains(&read), || {
            self.refuse(step, "it does not lead to a quiescent read of the key")
        })?;
        Ok(end)
    }

    /// Does the step prove that one write precedes another? `returned` says which read may know the version of an indeterminate one.
    fn precedes(&self, step: &Step, returned: Option<&Step>) -> Result<(), Refusal> {
        let h = self.history();
        self.without_read(step)?;
        let proved = match (step.relation, step.because, self.options.write_order) {
            (Relation::Hb, Because::HappenedBefore, _) => return self.path(step),
            (Relation::Ar, Because::RealTime, WriteOrder::RealTime) => self.facts.real_time(step.from, step.to),
            (Relation::Ar, Because::Version, WriteOrder::Version) => {
                let counts =
                    |w: OpId| h.status(w) == Status::Ok && (h.key_type(h.key(w)) != DataType::Register || self.facts.writes(w));
                let writes = &self.ends().of(h.key(step.from)).writes;
                let complete = writes.iter().all(|&w| !counts(w) || h.version(w).is_some());
                let version = |w: OpId| match h.status(w) {
                    Status::Ok => h.version(w),
                    _ => returned.filter(|wr| wr.from == w).and_then(|wr| h.version(wr.to)),
                };
                complete && version(step.from).zip(version(step.to)).is_some_and(|(older, newer)| older < newer)
            }
            _ => false,
        };
        require(proved && step.via.is_empty(), || self.refuse(step, "the first is not known to precede the second"))
    }

    /// A path of so and wr, over every data type.
    fn path(&self, whole: &Step) -> Result<(), Refusal> {
        let mut at = whole.from;
        for step in &whole.via {
            self.bare(step)?;
            let holds = match (step.relation, step.because) {
                (Relation::So, Because::SessionOrder) => self.facts.so.before(step.from, step.to),
                (Relation::Wr, Because::ReadsFrom) => self.returned(step.from, step.to),
                _ => false,
            };
            require(holds && step.from == at, || self.refuse(step, "it is no step of the path"))?;
            at = step.to;
        }
        require(!whole.via.is_empty() && at == whole.to, || self.refuse(whole, "its path does not lead there"))
    }

    /// Did the read return the write, or an element that only it can have put there?
    fn returned(&self, write: OpId, read: OpId) -> bool {
        let h = self.history();
        let Some(value) = h.written_value(write) else { return false };
        if !self.same_key(write, read) || h.status(read) != Status::Ok || h.status(write) == Status::Fail {
            return false;
        }
        if h.key_type(h.key(read)) == DataType::Register {
            return self.facts.origin(read) == Origin::From(write);
        }
        let later = |w: OpId| self.facts.real_time(read, w) || self.facts.so.before(read, w) || self.facts.later_in_txn(read, w);
        let possible = |&w: &OpId| {
            matches!(h.kind(w), Kind::Add | Kind::Append)
                && h.status(w) != Status::Fail
                && h.written_value(w) == Some(value)
                && !later(w)
        };
        let mut candidates = self.ends().of(h.key(read)).writes.iter().copied().filter(possible);
        self.occurrences(read, value) > 0
            && self.initially(read, value) == 0
            && candidates.next() == Some(write)
            && candidates.next().is_none()
    }

    /// The recording says that a was over before b began.
    fn over_before(&self, a: OpId, b: OpId) -> bool {
        self.facts.real_time(a, b) || self.facts.so.before(a, b)
    }

    /// What a read shows, in a form in which equal contents are equal.
    fn content(&self, read: OpId) -> Vec<ValueId> {
        let h = self.history();
        let value = h.read_value(read).expect("a quiescent read reads");
        match h.key_type(h.key(read)) {
            DataType::Register | DataType::Counter => vec![if self.is_zero(read) { ValueId(0) } else { value }],
            DataType::List => elements(h, value),
            DataType::Set => {
                let mut members = elements(h, value);
                members.sort_unstable();
                members.dedup();
                members
            }
        }
    }

    fn is_zero(&self, read: OpId) -> bool {
        let h = self.history();
        h.key_type(h.key(read)) == DataType::Counter && h.read_value(read).and_then(|value| number(h, value)) == Some(0)
    }

    /// Does the transaction's landing lead from what one read shows to what the other does?
    fn lands(&self, txn: TxnId, without: OpId, with: OpId) -> bool {
        let h = self.history();
        let key = h.key(without);
        let writes: Vec<OpId> = h.txn_ops(txn).filter(|&op| h.key(op) == key && h.kind(op).writes()).collect();
        let values: Vec<ValueId> = writes.iter().filter_map(|&op| h.written_value(op)).collect();
        let (from, to) = (self.content(without), self.content(with));
        match h.key_type(key) {
            DataType::Register => h.read_value(with) == values.last().copied(),
            DataType::Counter => {
                let sum = |read| h.read_value(read).and_then(|value| number(h, value));
                let landed = writes.iter().try_fold(sum(without), |sum, &op| Some(sum?.checked_add(change(h, op)?)));
                landed.flatten() == sum(with)
            }
            DataType::List => {
                // Each landed element is taken out at its last occurrence; what remains must be what was there.
                let mut rest = to;
                values.iter().all(|value| rest.iter().rposition(|e| e == value).map(|at| rest.remove(at)).is_some())
                    && rest == from
            }
            DataType::Set => {
                let mut members: std::collections::BTreeSet<ValueId> = from.into_iter().collect();
                for (&op, &value) in writes.iter().zip(&values) {
                    if h.kind(op) == Kind::Add {
                        members.insert(value)
                    } else {
                        members.remove(&value)
                    };
                }
                members.into_iter().eq(to)
            }
        }
    }

    fn occurrences(&self, read: OpId, value: ValueId) -> usize {
        let h = self.history();
        h.read_value(read).map_or(0, |shown| elements(h, shown).iter().filter(|&&e| e == value).count())
    }

    /// How often the value is in the initial value of the operation's key.
    fn initially(&self, op: OpId, value: ValueId) -> usize {
        let h = self.history();
        elements(h, h.initial(h.key(op))).iter().filter(|&&e| e == value).count()
    }

    /// How many writes that did not fail, and the initial value, put the value there.
    fn most(&self, end: &End, write: OpId, value: ValueId) -> usize {
        let h = self.history();
        let puts = |w: OpId| h.status(w) != Status::Fail && h.kind(w) != Kind::Remove && h.written_value(w) == Some(value);
        end.writes.iter().filter(|&&w| puts(w)).count() + self.initially(write, value)
    }

    /// The operations of a kind on an element that did not fail.
    fn of_element(&self, end: &End, kind: Kind, value: ValueId) -> Vec<OpId> {
        let h = self.history();
        let wanted = |&w: &OpId| h.kind(w) == kind && h.status(w) != Status::Fail && h.written_value(w) == Some(value);
        end.writes.iter().copied().filter(wanted).collect()
    }

    /// What the sums of all quiescent reads say of a counter, if `read` shows the one nearest to the bounds.
    fn sum(&self, end: &End, read: OpId) -> Sum {
        self.checked_sum(end, read).unwrap_or(Sum::Within)
    }

    /// `None` where something is no integer, or beyond 128 bits.
    fn checked_sum(&self, end: &End, read: OpId) -> Option<Sum> {
        let h = self.history();
        let start = number(h, h.initial(h.key(read)))?;
        // By status: how much counts up, how much down.
        let (mut ok, mut info, mut fail) = ((0i128, 0i128), (0i128, 0i128), (0i128, 0i128));
        for &write in &end.writes {
            let by = change(h, write)?;
            let of = match h.status(write) {
                Status::Ok => &mut ok,
                Status::Info => &mut info,
                Status::Fail => &mut fail,
            };
            let part = if by > 0 { &mut of.0 } else { &mut of.1 };
            *part = part.checked_add(by.checked_abs()?)?;
        }
        let settled = start.checked_add(ok.0.checked_sub(ok.1)?)?;
        let (least, most) = (settled.checked_sub(info.1)?, settled.checked_add(info.0)?);
        let sums: Vec<i128> = end.reads.iter().map(|&read| number(h, h.read_value(read)?)).collect::<Option<_>>()?;
        let shown = number(h, h.read_value(read)?)?;
        let (highest, lowest) = (*sums.iter().max()?, *sums.iter().min()?);
        let (amount, up, lost, failed) = if highest < least && shown == highest {
            (least.checked_sub(shown)?, true, ok.0, fail.1)
        } else if lowest > most && shown == lowest {
            (shown.checked_sub(most)?, false, ok.1, fail.0)
        } else {
            return Some(Sum::Within);
        };
        Some(match amount {
            _ if amount <= lost => Sum::Lost(up),
            _ if amount <= failed => Sum::Failed(!up),
            _ => Sum::Unexplained,
        })
    }
}
