//! Joins invocations with completions, by process, and records each operation where it completed, else where it was invoked.
//!
//! The order is that of `:index` where every map has one, else that of the file. A completion replaces what its invocation said; where
//! it says nothing of what was written, the invocation's word stands. Cost: O(maps), and a sort where indices are out of order.

use rustc_hash::FxHashMap;

use super::entry::{Entry, Field, Function, Micro, NAMES, Reading, Said, Type};
use crate::{
    format::{Fault, ReadOptions, builder, form::What, intern::intern},
    history::{Event, HistoryBuilder, Kind, OpInput, Status, TxnInput, ValueId, Values},
};

/// One map, checked and interned.
struct Record {
    at: usize,
    line: u32,
    process: ValueId,
    half: Type,
    function: Option<Function>,
    is_final: bool,
    key: Option<ValueId>,
    said: Said,
    time: Option<i64>,
    node: Option<ValueId>,
    rare: Option<Box<Rare>>,
}

/// What few maps say.
struct Rare {
    version: Option<i128>,
    error: Option<String>,
}

impl Record {
    fn version(&self) -> Option<i128> {
        self.rare.as_ref()?.version
    }

    fn error(&self) -> Option<&String> {
        self.rare.as_ref()?.error.as_ref()
    }
}

/// Takes maps in the order of the file, and makes the history of them.
pub(super) struct Recorder {
    builder: HistoryBuilder,
    independent: bool,
    records: Vec<Record>,
    /// The index of each record, as long as all have one.
    indices: Vec<i128>,
    arena: Vec<Micro>,
}

impl Recorder {
    pub fn new(options: &ReadOptions) -> Self {
        let mut builder = builder(options);
        builder.add_may_count();
        Recorder { builder, independent: options.independent, records: Vec::new(), indices: Vec::new(), arena: Vec::new() }
    }

    /// Takes the next map.
    pub fn entry(&mut self, entry: &Entry<'_, '_>) -> Result<(), Fault> {
        let time = self.time(entry)?;
        let Some(process) = entry.process()? else {
            self.builder.event(Event { line: entry.line, time_ns: time, text: entry.text.to_owned() });
            return Ok(());
        };
        let half = entry.half()?;
        let function = entry.function()?;
        let mut reading = Reading { values: &mut self.builder.values, arena: &mut self.arena, independent: self.independent };
        let (key, said) = entry.said(function, &mut reading)?;
        let node = match entry.field(Field::Node) {
            Some(index) => Some(intern(entry.tape, index, &mut self.builder.values)?),
            None => None,
        };
        let is_final = is_true(entry, Field::Final)? | is_true(entry, Field::FinalRead)?;
        let index = self.integer(entry, Field::Index)?;
        let version = self.integer(entry, Field::Version)?.filter(|&version| version != i128::MIN);
        let error = entry.error.clone();
        let rare = (version.is_some() || error.is_some()).then(|| Box::new(Rare { version, error }));
        match index {
            Some(index) if self.indices.len() == self.records.len() => self.indices.push(index),
            _ => self.indices = Vec::new(),
        }
        let process = self.builder.values.int(process);
        let (at, line) = (entry.at, entry.line);
        self.records.push(Record { at, line, process, half, function, is_final, key, said, time, node, rare });
        Ok(())
    }

    /// Can it be appended? Not where sets are sorted by numbers that their members get anew.
    pub fn may_be_part(&self) -> bool {
        !self.builder.values.has_sets_of_texts()
    }

    /// Takes the maps of the content that follows; lines before it are added to theirs.
    pub fn append(&mut self, mut part: Recorder, lines: u32) {
        let values = self.builder.values.absorb(std::mem::take(&mut part.builder.values));
        self.builder.append(part.builder, lines, |_| false);
        let start = self.arena.len();
        let micro =
            |micro: Micro| Micro { key: values.of(micro.key), value: values.of(micro.value), to: values.of(micro.to), ..micro };
        self.arena.extend(part.arena.into_iter().map(micro));
        match self.indices.len() == self.records.len() && part.indices.len() == part.records.len() {
            true => self.indices.extend(part.indices),
            false => self.indices = Vec::new(),
        }
        self.records.extend(part.records.into_iter().map(|record| Record {
            line: record.line.saturating_add(lines),
            process: values.of(record.process),
            key: record.key.map(|key| values.of(key)),
            said: match record.said {
                Said::Nothing => Said::Nothing,
                Said::One(value, to) => Said::One(values.of(value), values.of(to)),
                Said::Txn(first, length) => Said::Txn(start + first, length),
            },
            node: record.node.map(|node| values.of(node)),
            ..record
        }));
    }

    fn integer(&self, entry: &Entry<'_, '_>, field: Field) -> Result<Option<i128>, Fault> {
        match entry.field(field) {
            None => Ok(None),
            Some(index) => match entry.tape.what(index) {
                What::Int(value) => Ok(Some(*value)),
                _ => Err(Fault::new(entry.tape.at(index), format!(":{} must be an integer", NAMES[field as usize]))),
            },
        }
    }

    fn time(&self, entry: &Entry<'_, '_>) -> Result<Option<i64>, Fault> {
        match self.integer(entry, Field::Time)? {
            None => Ok(None),
            // The least is the builder's mark of "no time"; no clock shows it.
            Some(time) => match i64::try_from(time) {
                Ok(time) if time != i64::MIN => Ok(Some(time)),
                _ => Err(Fault::new(entry.at, ":time does not fit 64 bits of nanoseconds")),
            },
        }
    }

    /// The history of all maps.
    pub fn finish(mut self) -> Result<HistoryBuilder, Fault> {
        let indices = std::mem::take(&mut self.indices);
        if indices.len() == self.records.len() && !indices.is_sorted() {
            let mut indexed: Vec<(i128, Record)> = indices.into_iter().zip(self.records).collect();
            indexed.sort_by_key(|&(index, _)| index);
            self.records = indexed.into_iter().map(|(_, record)| record).collect();
        }
        let pairs = pair(&self.records, &self.builder.values)?;
        for pair in &pairs {
            self.record(pair)?;
        }
        Ok(self.builder)
    }

    fn record(&mut self, pair: &Pair) -> Result<(), Fault> {
        let invocation = pair.invocation.map(|i| &self.records[i]);
        let completion = pair.completion.map(|i| &self.records[i]);
        let last = completion.or(invocation).expect("half a pair at least");
        let status = match last.half {
            Type::Ok => Status::Ok,
            Type::Fail => Status::Fail,
            Type::Invoke | Type::Info => Status::Info,
        };
        let function = function(invocation, completion, last, &self.builder.values)?;
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
                single = one(kind, self.builder.values.int(1), ValueId::NULL);
                &single
            }
            (Function::One(kind), ..) => return Err(Fault::new(last.at, format!("a :{} without a :value", kind.name()))),
            (Function::Txn, Said::Txn(start, length), _) => &self.arena[start..start + length as usize],
            (Function::Txn, _, Said::Txn(start, length)) => {
                let operations = &self.arena[start..start + length as usize];
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
        self.builder.begin(TxnInput {
            session: last.process,
            status,
            invoke_ns: invocation.and_then(|record| record.time),
            complete_ns: completion.and_then(|record| record.time),
            node,
        });
        for &Micro { kind, key, value, to } in operations {
            if self.builder.operations() >= u32::MAX as usize - 2 {
                return Err(Fault::new(last.at, "more than 2^32 operations"));
            }
            let is_final = is_final && kind == Kind::Read;
            self.builder.op(OpInput { kind, key, value, to, version, is_final, line: last.line });
        }
        if let Some(error) = completion.and_then(Record::error).or(invocation.and_then(Record::error)) {
            self.builder.error(error.clone());
        }
        Ok(())
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
fn function(invocation: Option<&Record>, completion: Option<&Record>, last: &Record, values: &Values) -> Result<Function, Fault> {
    let of = |record: Option<&Record>| record.and_then(|record| record.function);
    match (of(invocation), of(completion)) {
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
                invocation.map_or(0, |record| record.line)
            ),
        )),
        (Some(function), None) | (None, Some(function)) => Ok(function),
        (None, None) => Err(Fault::new(last.at, "no :f: every operation says what it did")),
    }
}

/// The halves of an operation, as indices of records.
struct Pair {
    invocation: Option<usize>,
    completion: Option<usize>,
}

/// The pairs, in the order of their completions, else of their invocations.
fn pair(records: &[Record], values: &Values) -> Result<Vec<Pair>, Fault> {
    let mut open: FxHashMap<ValueId, usize> = FxHashMap::default();
    let mut pairs = Vec::with_capacity(records.len() / 2 + 1);
    for (i, record) in records.iter().enumerate() {
        match record.half {
            Type::Invoke => {
                if let Some(other) = open.insert(record.process, i) {
                    let message = format!(
                        "process {} invokes an operation before its last one (line {}) completed",
                        values.display(record.process),
                        records[other].line
                    );
                    return Err(Fault::new(record.at, message));
                }
            }
            _ => pairs.push(Pair { invocation: open.remove(&record.process), completion: Some(i) }),
        }
    }
    pairs.extend(open.into_values().map(|i| Pair { invocation: Some(i), completion: None }));
    pairs.sort_unstable_by_key(|pair| pair.completion.or(pair.invocation));
    Ok(pairs)
}
