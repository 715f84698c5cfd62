//! Joins invocations with completions, by process, and records each operation where it completed, else where it was invoked.
//!
//! The order is that of `:index` where every map has one, else that of the file. A completion replaces what its invocation said; where
//! it says nothing of what was written, the invocation's word stands. Cost: O(maps), and a sort where indices are out of order. Where the
//! maps come in order, piece by piece, those of a piece are forgotten when all its invocations are completed.

use super::entry::{Entry, Field, Function, Micro, NAMES, Reading, Said, Type};
use crate::{
    format::{Fault, ReadOptions, builder, form::What, intern::intern},
    history::{Absorbed, Event, HistoryBuilder, Kind, NO_TIME, Names, OpInput, Status, TxnInput, ValueId, Values},
};

/// One map, checked and interned. There are two an operation, so it is small.
struct Record {
    at: usize,
    /// [`NO_TIME`] where there is none.
    time: i64,
    rare: Option<Box<Rare>>,
    said: Said,
    key: Option<ValueId>,
    node: Option<ValueId>,
    process: ValueId,
    line: u32,
    half: Type,
    function: Option<Function>,
    is_final: bool,
}

/// What few maps say.
struct Rare {
    version: Option<i128>,
    error: Option<String>,
}

impl Record {
    fn time(&self) -> Option<i64> {
        Some(self.time).filter(|&time| time != NO_TIME)
    }

    fn version(&self) -> Option<i128> {
        self.rare.as_ref()?.version
    }

    fn error(&self) -> Option<&String> {
        self.rare.as_ref()?.error.as_ref()
    }
}

/// The maps of a piece of the file.
#[derive(Default)]
struct Share {
    records: Vec<Record>,
    /// The index of each record, as long as all have one.
    indices: Vec<i64>,
    /// The operations of all transactions, one after another.
    arena: Vec<Micro>,
    /// How many lines there are before those that its records count.
    lines: u32,
    /// How many of its invocations wait for their completion.
    open: usize,
}

impl Share {
    fn is_indexed(&self) -> bool {
        self.indices.len() == self.records.len()
    }

    fn half(&self, record: u32) -> Half<'_> {
        Half { record: &self.records[record as usize], share: self }
    }
}

/// Half an operation, or all there is of it.
#[derive(Clone, Copy)]
struct Half<'a> {
    record: &'a Record,
    share: &'a Share,
}

impl<'a> Half<'a> {
    fn line(self) -> u32 {
        self.record.line.saturating_add(self.share.lines)
    }

    fn operations(self, start: u32, length: u32) -> &'a [Micro] {
        &self.share.arena[start as usize..(start + length) as usize]
    }
}

/// An invocation that waits for its completion.
#[derive(Clone, Copy)]
struct Invocation {
    share: u32,
    record: u32,
    /// How many maps came before it, and how many transactions were recorded.
    maps: u64,
    behind: u32,
}

/// Takes maps in the order of the file, and makes the history of them.
pub(super) struct Recorder {
    builder: HistoryBuilder,
    independent: bool,
    /// One after another as they stand in the file; maps are added to the last.
    shares: Vec<Share>,
    /// Are shares joined as they are appended, and how far are they indexed in order?
    joins: Option<Indexed>,
    processes: Names,
    /// By process.
    open: Vec<Option<Invocation>>,
    /// How many maps were joined.
    maps: u64,
}

/// How the maps so far are indexed.
enum Indexed {
    /// In order, up to this index.
    UpTo(i64),
    /// Not all are: the order is that of the file.
    Not,
}

/// Why a part is not appended.
pub(super) enum Stop {
    Wrong,
    /// Its maps come in another order than that of the file.
    Unsorted,
}

impl Recorder {
    pub fn new(options: &ReadOptions) -> Self {
        let mut builder = builder(options);
        builder.add_may_count();
        Recorder {
            builder,
            independent: options.independent,
            shares: vec![Share::default()],
            joins: None,
            processes: Names::default(),
            open: Vec::new(),
            maps: 0,
        }
    }

    /// One that joins the maps of each part when it is appended.
    pub fn joining(options: &ReadOptions) -> Self {
        Recorder { joins: Some(Indexed::UpTo(i64::MIN)), ..Recorder::new(options) }
    }

    /// Takes the next map.
    pub fn entry(&mut self, entry: &Entry<'_, '_>) -> Result<(), Fault> {
        let time = time(entry)?;
        let Some(process) = entry.process()? else {
            self.builder.event(Event { line: entry.line, time_ns: time, text: entry.text.to_owned() });
            return Ok(());
        };
        let half = entry.half()?;
        let function = entry.function()?;
        let share = self.shares.last_mut().expect("there is one");
        let mut reading = Reading { values: &mut self.builder.values, arena: &mut share.arena, independent: self.independent };
        let (key, said) = entry.said(function, &mut reading)?;
        let node = match entry.field(Field::Node) {
            Some(index) => Some(intern(entry.tape, index, &mut self.builder.values)?),
            None => None,
        };
        let is_final = is_true(entry, Field::Final)? | is_true(entry, Field::FinalRead)?;
        let index = index(entry)?;
        let version = integer(entry, Field::Version)?.filter(|&version| version != i128::MIN);
        let error = entry.error.clone();
        let rare = (version.is_some() || error.is_some()).then(|| Box::new(Rare { version, error }));
        match index {
            Some(index) if share.is_indexed() => share.indices.push(index),
            _ => share.indices = Vec::new(),
        }
        let process = self.builder.values.int(process);
        let (at, line, time) = (entry.at, entry.line, time.unwrap_or(NO_TIME));
        share.records.push(Record { at, time, rare, said, key, node, process, line, half, function, is_final });
        Ok(())
    }

    /// Can it be appended? Not where sets are sorted by numbers that their members get anew.
    pub fn may_be_part(&self) -> bool {
        !self.builder.values.has_sets_of_texts()
    }

    /// Takes the maps of the content that follows; lines before it are added to theirs.
    pub fn append(&mut self, mut part: Recorder, lines: u32) -> Result<(), Stop> {
        let values = self.builder.values.absorb(std::mem::take(&mut part.builder.values));
        self.builder.append(part.builder, lines, |_| false);
        for mut share in part.shares {
            share.lines = share.lines.saturating_add(lines);
            if !values.is_identity() {
                share.renumber(&values);
            }
            let sorted = self.joins.as_mut().map(|indexed| indexed.comes_next(&share));
            self.shares.push(share);
            match sorted {
                None => {}
                Some(true) => self.join(self.shares.len() - 1).map_err(|_| Stop::Wrong)?,
                Some(false) => return Err(Stop::Unsorted),
            }
        }
        Ok(())
    }

    /// The history of all maps.
    pub fn finish(mut self) -> Result<HistoryBuilder, Fault> {
        if self.joins.is_none() {
            match by_index(&self.shares) {
                Some(order) => order.into_iter().try_for_each(|(share, record)| self.take(share, record))?,
                None => (0..self.shares.len()).try_for_each(|share| self.join(share))?,
            }
        }
        let mut abandoned: Vec<Invocation> = self.open.iter().flatten().copied().collect();
        abandoned.sort_unstable_by_key(|invocation| invocation.maps);
        for invocation in &abandoned {
            let half = self.shares[invocation.share as usize].half(invocation.record);
            record(&mut self.builder, Some(half), None)?;
        }
        self.builder.weave(&abandoned.iter().map(|invocation| invocation.behind).collect::<Vec<_>>());
        Ok(self.builder)
    }

    /// Joins the maps of a share with those before.
    fn join(&mut self, share: usize) -> Result<(), Fault> {
        (0..self.shares[share].records.len()).try_for_each(|record| self.take(share as u32, record as u32))?;
        self.forget(share);
        Ok(())
    }

    /// Takes the next map: an invocation waits, a completion is recorded.
    fn take(&mut self, share: u32, of_share: u32) -> Result<(), Fault> {
        let half = self.shares[share as usize].half(of_share);
        let process = self.processes.number(half.record.process) as usize;
        if process >= self.open.len() {
            self.open.resize(process + 1, None);
        }
        let open = &mut self.open[process];
        self.maps += 1;
        if half.record.half != Type::Invoke {
            let invocation = open.take();
            let invoked = invocation.map(|waiting| self.shares[waiting.share as usize].half(waiting.record));
            record(&mut self.builder, invoked, Some(half))?;
            if let Some(waiting) = invocation {
                self.shares[waiting.share as usize].open -= 1;
                if waiting.share != share {
                    self.forget(waiting.share as usize);
                }
            }
            return Ok(());
        }
        if let Some(other) = open {
            let message = format!(
                "process {} invokes an operation before its last one (line {}) completed",
                self.builder.values.display(half.record.process),
                self.shares[other.share as usize].half(other.record).line()
            );
            return Err(Fault::new(half.record.at, message));
        }
        *open = Some(Invocation { share, record: of_share, maps: self.maps, behind: self.builder.transactions() as u32 });
        self.shares[share as usize].open += 1;
        Ok(())
    }

    /// Forgets a share that was joined and of which nothing waits; where all are joined at the end, none.
    fn forget(&mut self, share: usize) {
        if self.joins.is_some() && self.shares[share].open == 0 {
            self.shares[share] = Share::default();
        }
    }
}

impl Indexed {
    /// Do the maps of a share come next in the order of all?
    fn comes_next(&mut self, share: &Share) -> bool {
        match self {
            Indexed::Not => true,
            _ if !share.is_indexed() => {
                *self = Indexed::Not;
                true
            }
            Indexed::UpTo(last) => {
                let sorted = share.indices.first().is_none_or(|first| *first >= *last) && share.indices.is_sorted();
                *last = share.indices.last().copied().unwrap_or(*last);
                sorted
            }
        }
    }
}

/// Records an operation by its halves.
fn record(builder: &mut HistoryBuilder, invocation: Option<Half<'_>>, completion: Option<Half<'_>>) -> Result<(), Fault> {
    let half = completion.or(invocation).expect("half a pair at least");
    let last = half.record;
    let function = function(invocation, completion, half, &builder.values)?;
    let (invoking_half, completing_half) = (invocation, completion);
    let (invocation, completion) = (invocation.map(|half| half.record), completion.map(|half| half.record));
    let status = match last.half {
        Type::Ok => Status::Ok,
        Type::Fail => Status::Fail,
        Type::Invoke | Type::Info => Status::Info,
    };
    let said = |record: Option<&Record>| record.map_or(Said::Nothing, |record| record.said);
    let (own, invoked) = (said(completion), said(invocation));
    let key = completion.and_then(|record| record.key).or(invocation.and_then(|record| record.key)).unwrap_or(ValueId::NULL);
    let one = |kind, value, to| [Micro { kind, key, value, to }];
    let single;
    let operations: &[Micro] = match (function, own, invoked) {
        // An acknowledged read that says nothing found nothing.
        (Function::One(Kind::Read), Said::Nothing, _) if status == Status::Ok => {
            single = one(Kind::Read, ValueId::NULL, ValueId::NULL);
            &single
        }
        (Function::One(kind), Said::One(value, to), _) | (Function::One(kind), Said::Nothing, Said::One(value, to)) => {
            single = one(kind, value, to);
            &single
        }
        (Function::One(kind @ (Kind::Read | Kind::Write)), ..) => {
            single = one(kind, ValueId::NULL, ValueId::NULL);
            &single
        }
        (Function::One(kind @ (Kind::Increment | Kind::Decrement)), ..) => {
            single = one(kind, builder.values.int(1), ValueId::NULL);
            &single
        }
        (Function::One(kind), ..) => return Err(Fault::new(last.at, format!("a :{} without a :value", kind.name()))),
        (Function::Txn, Said::Txn(start, length), _) => completing_half.expect("it said so").operations(start, length),
        (Function::Txn, _, Said::Txn(start, length)) => {
            let operations = invoking_half.expect("it said so").operations(start, length);
            if status == Status::Ok && operations.iter().any(|operation| operation.kind == Kind::Read) {
                return Err(Fault::new(last.at, "an :ok :txn without its :value: what did it read?"));
            }
            operations
        }
        (Function::Txn, ..) => return Err(Fault::new(last.at, "a :txn without a :value")),
    };
    let either = |what: fn(&Record) -> Option<i128>| completion.and_then(what).or(invocation.and_then(what));
    let version = either(Record::version);
    if version.is_some() && operations.len() != 1 {
        return Err(Fault::new(last.at, ":version on a :txn of several operations: whose is it?"));
    }
    let is_final = completion.is_some_and(|record| record.is_final) || invocation.is_some_and(|record| record.is_final);
    let node = completion.and_then(|record| record.node).or(invocation.and_then(|record| record.node));
    builder.begin(TxnInput {
        session: last.process,
        status,
        invoke_ns: invocation.and_then(Record::time),
        complete_ns: completion.and_then(Record::time),
        node,
    });
    for &Micro { kind, key, value, to } in operations {
        if builder.operations() >= u32::MAX as usize - 2 {
            return Err(Fault::new(last.at, "more than 2^32 operations"));
        }
        let is_final = is_final && kind == Kind::Read;
        builder.op(OpInput { kind, key, value, to, version, is_final, line: half.line() });
    }
    if let Some(error) = completion.and_then(Record::error).or(invocation.and_then(Record::error)) {
        builder.error(error.clone());
    }
    Ok(())
}

impl Share {
    /// Gives values the numbers that they have elsewhere.
    fn renumber(&mut self, values: &Absorbed) {
        for micro in &mut self.arena {
            *micro = Micro { key: values.of(micro.key), value: values.of(micro.value), to: values.of(micro.to), ..*micro };
        }
        for record in &mut self.records {
            record.process = values.of(record.process);
            record.key = record.key.map(|key| values.of(key));
            record.node = record.node.map(|node| values.of(node));
            if let Said::One(value, to) = record.said {
                record.said = Said::One(values.of(value), values.of(to));
            }
        }
    }
}

/// All maps by index, as share and record, where every one has an index and they are not in order as it is.
fn by_index(shares: &[Share]) -> Option<Vec<(u32, u32)>> {
    let indices = || shares.iter().flat_map(|share| &share.indices);
    if !shares.iter().all(Share::is_indexed) || indices().is_sorted() {
        return None;
    }
    let places = (0u32..).zip(shares).flat_map(|(s, share)| (0u32..).zip(&share.indices).map(move |(i, &index)| (index, (s, i))));
    let mut places: Vec<(i64, (u32, u32))> = places.collect();
    places.sort_unstable();
    Some(places.into_iter().map(|(_, place)| place).collect())
}

fn integer(entry: &Entry<'_, '_>, field: Field) -> Result<Option<i128>, Fault> {
    match entry.field(field) {
        None => Ok(None),
        Some(index) => match entry.tape.what(index) {
            What::Int(value) => Ok(Some(*value)),
            _ => Err(Fault::new(entry.tape.at(index), format!(":{} must be an integer", NAMES[field as usize]))),
        },
    }
}

fn index(entry: &Entry<'_, '_>) -> Result<Option<i64>, Fault> {
    let index = integer(entry, Field::Index)?.map(i64::try_from);
    index.transpose().map_err(|_| Fault::new(entry.at, ":index does not fit 64 bits"))
}

fn time(entry: &Entry<'_, '_>) -> Result<Option<i64>, Fault> {
    match integer(entry, Field::Time)?.map(i64::try_from) {
        None => Ok(None),
        Some(Ok(time)) if time != NO_TIME => Ok(Some(time)),
        Some(_) => Err(Fault::new(entry.at, ":time does not fit 64 bits of nanoseconds")),
    }
}

fn is_true(entry: &Entry<'_, '_>, field: Field) -> Result<bool, Fault> {
    match entry.field(field) {
        None => Ok(false),
        Some(index) => match entry.tape.what(index) {
            What::Bool(value) => Ok(*value),
            _ => Err(Fault::new(entry.tape.at(index), format!(":{} must be true or false", NAMES[field as usize]))),
        },
    }
}

/// What a pair does. The halves agree, or one of them says it alone.
fn function(
    invocation: Option<Half<'_>>,
    completion: Option<Half<'_>>,
    last: Half<'_>,
    values: &Values,
) -> Result<Function, Fault> {
    let of = |half: Option<Half<'_>>| half.and_then(|half| half.record.function);
    let (invoked, last) = (invocation, last.record);
    let invocation = invocation.map(|half| half.record);
    match (of(invoked), of(completion)) {
        (Some(a), Some(b)) if a == b => Ok(a),
        // A read or write of several keys whose other half has no value to show it.
        (Some(Function::Txn), Some(Function::One(_))) if matches!(last.said, Said::Nothing) => Ok(Function::Txn),
        (Some(Function::One(_)), Some(Function::Txn)) if invocation.is_some_and(|i| matches!(i.said, Said::Nothing)) => {
            Ok(Function::Txn)
        }
        (Some(a), Some(b)) => Err(Fault::new(
            last.at,
            format!(
                "process {} completes a :{} but invoked a :{} (line {})",
                values.display(last.process),
                b.name(),
                a.name(),
                invoked.map_or(0, Half::line)
            ),
        )),
        (Some(function), None) | (None, Some(function)) => Ok(function),
        (None, None) => Err(Fault::new(last.at, "no :f: every operation says what it did")),
    }
}
