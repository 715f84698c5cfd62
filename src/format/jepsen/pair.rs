//! Joins invocations with completions, by process, and records each operation where it completed, else where it was invoked.
//!
//! The order is that of `:index` where every map has one, else that of the file. A completion replaces what its invocation said; where
//! it says nothing of what was written, the invocation's word stands. Cost: O(maps), and a sort where indices are out of order.

use rustc_hash::FxHashMap;

use super::entry::{Entry, Field, Function, Micro, NAMES, Reading, Said, Type};
use crate::{
    format::{Fault, ReadOptions, builder, form::What, intern::intern},
    history::{Event, HistoryBuilder, Kind, OpInput, Status, TxnInput, ValueId},
};

/// One map, checked and interned.
struct Record {
    at: usize,
    line: u32,
    index: Option<i128>,
    process: i128,
    half: Type,
    function: Option<Function>,
    key: Option<ValueId>,
    said: Said,
    time: Option<i64>,
    node: Option<ValueId>,
    version: Option<i128>,
    is_final: bool,
    error: Option<String>,
}

/// Takes maps in the order of the file, and makes the history of them.
pub(super) struct Recorder {
    builder: HistoryBuilder,
    independent: bool,
    records: Vec<Record>,
    arena: Vec<Micro>,
}

impl Recorder {
    pub fn new(options: &ReadOptions) -> Self {
        let mut builder = builder(options);
        builder.add_may_count();
        Recorder { builder, independent: options.independent, records: Vec::new(), arena: Vec::new() }
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
        self.records.push(Record {
            at: entry.at,
            line: entry.line,
            index: self.integer(entry, Field::Index)?,
            process,
            half,
            function,
            key,
            said,
            time,
            node,
            version: self.integer(entry, Field::Version)?.filter(|&version| version != i128::MIN),
            is_final,
            error: entry.error.clone(),
        });
        Ok(())
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
        if self.records.iter().all(|record| record.index.is_some()) {
            self.records.sort_by_key(|record| record.index);
        }
        let pairs = pair(&self.records)?;
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
        let function = function(invocation, completion, last)?;
        let said = |record: Option<&Record>| record.map_or(Said::Nothing, |record| record.said.clone());
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
            (Function::Txn, Said::Txn(range), _) => &self.arena[range],
            (Function::Txn, _, Said::Txn(range)) => {
                let operations = &self.arena[range];
                if status == Status::Ok && operations.iter().any(|operation| operation.kind == Kind::Read) {
                    return Err(Fault::new(last.at, "an :ok :txn without its :value: what did it read?"));
                }
                operations
            }
            (Function::Txn, ..) => return Err(Fault::new(last.at, "a :txn without a :value")),
        };
        let either = |what: fn(&Record) -> Option<i128>| completion.and_then(what).or(invocation.and_then(what));
        let version = either(|record| record.version);
        if version.is_some() && operations.len() != 1 {
            return Err(Fault::new(last.at, ":version on a :txn of several operations: whose is it?"));
        }
        let is_final = completion.is_some_and(|record| record.is_final) || invocation.is_some_and(|record| record.is_final);
        let node = completion.and_then(|record| record.node).or(invocation.and_then(|record| record.node));
        let session = self.builder.values.int(last.process);
        self.builder.begin(TxnInput {
            session,
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
        if let Some(error) =
            completion.and_then(|record| record.error.as_ref()).or(invocation.and_then(|record| record.error.as_ref()))
        {
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
fn function(invocation: Option<&Record>, completion: Option<&Record>, last: &Record) -> Result<Function, Fault> {
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
                last.process,
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
fn pair(records: &[Record]) -> Result<Vec<Pair>, Fault> {
    let mut open: FxHashMap<i128, usize> = FxHashMap::default();
    let mut pairs = Vec::with_capacity(records.len() / 2 + 1);
    for (i, record) in records.iter().enumerate() {
        match record.half {
            Type::Invoke => {
                if let Some(other) = open.insert(record.process, i) {
                    let message = format!(
                        "process {} invokes an operation before its last one (line {}) completed",
                        record.process, records[other].line
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
