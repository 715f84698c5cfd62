//! Writing Plume's format, which has a place for little: whole numbers, reads and writes, acknowledged transactions, and failed
//! ones of one operation.
//!
//! Its initial value is 0. Where the history's own is another one (`null`), reads of it are written as reads of 0, which changes no
//! verdict as long as nothing else is 0. With `lossy`, names and values that are no such numbers are numbered in the order in which
//! they appear.

use std::io::{self, Write};

use rustc_hash::FxHashMap;

use crate::{
    format::WriteError,
    history::{History, Kind, OpId, Status, TxnId, Value, ValueId},
};

pub(super) fn write(history: &History, lossy: bool, out: &mut dyn io::Write) -> Result<(), WriteError> {
    if !lossy {
        refuse_what_has_no_place(history)?;
    }
    let writer = Writer { history };
    let mut out = io::BufWriter::with_capacity(1 << 16, out);
    let mut keys = Numbers::new(history.keys.iter().copied(), history, 0);
    let mut sessions = Numbers::new(history.sessions.iter().copied(), history, 0);
    let mut values = Numbers::new(history.ops().filter_map(|op| writer.value(op)), history, 1);
    for (number, txn) in history.txns().enumerate() {
        let txn_number = match history.txn_status(txn) {
            Status::Ok => number as i64,
            Status::Fail => -1,
            Status::Info => continue,
        };
        for op in history.txn_ops(txn) {
            let letter = match history.kind(op) {
                Kind::Read => 'r',
                Kind::Write => 'w',
                _ => continue,
            };
            let key = keys.of(history.key_name(history.key(op)));
            let value = match writer.value(op) {
                Some(value) => values.of(value),
                None => 0,
            };
            let session = sessions.of(history.session_name(history.session(op)));
            writeln!(out, "{letter}({key},{value},{session},{txn_number})")?;
        }
    }
    out.flush()?;
    Ok(())
}

struct Writer<'h> {
    history: &'h History,
}

impl Writer<'_> {
    /// The value read or written; `None` where it is the initial one.
    fn value(&self, op: OpId) -> Option<ValueId> {
        let history = self.history;
        let value = history.read_value(op).or(history.written_value(op)).expect("an operation reads or writes");
        (value != history.initial(history.key(op))).then_some(value)
    }
}

/// Whole numbers for values: their own where all have one, else dense ones.
struct Numbers {
    /// `None` where every value is its own number.
    given: Option<FxHashMap<ValueId, u32>>,
    first: u32,
}

impl Numbers {
    fn new(values: impl Iterator<Item = ValueId>, history: &History, first: u32) -> Self {
        let mut values = values;
        let own = values.all(|value| own_number(history, value).is_some_and(|number| number >= first));
        Numbers { given: (!own).then(FxHashMap::default), first }
    }

    fn of(&mut self, value: ValueId) -> u32 {
        match &mut self.given {
            // A small integer is its own id.
            None => value.0,
            Some(given) => {
                let next = given.len() as u32 + self.first;
                *given.entry(value).or_insert(next)
            }
        }
    }
}

fn own_number(history: &History, value: ValueId) -> Option<u32> {
    match history.values().get(value) {
        Value::Int(number) => Some(number),
        _ => None,
    }
}

fn refuse_what_has_no_place(history: &History) -> Result<(), WriteError> {
    let refuse = |line: Option<u32>, field: String| Err(WriteError::Field { format: "plume", field, line });
    if let Some(event) = history.events().first() {
        return refuse(Some(event.line), "events that are no operations (nemesis)".into());
    }
    if history.about().is_some() {
        return refuse(None, "`about`".into());
    }
    for txn in history.txns() {
        let line = history.txn_ops(txn).next().map(|op| history.line(op));
        if let Some(field) = unheld_of_txn(history, txn) {
            return refuse(line, field);
        }
        for op in history.txn_ops(txn) {
            if let Some(field) = unheld_of_op(history, op) {
                return refuse(Some(history.line(op)), field);
            }
        }
    }
    Ok(())
}

fn unheld_of_txn(history: &History, txn: TxnId) -> Option<String> {
    let ops = history.txn_ops(txn).len();
    let session = history.session_name(history.txn_session(txn));
    let field = match history.txn_status(txn) {
        Status::Info => "`status` \"info\"",
        Status::Fail if ops > 1 => "a failed transaction of several operations",
        _ if ops == 0 => "a transaction without operations",
        _ if history.invoked(txn).is_some() => "`invoke_ns`",
        _ if history.completed(txn).is_some() => "`complete_ns`",
        _ if history.node(txn).is_some() => "`node`",
        _ if history.error(txn).is_some() => "`error`",
        _ if own_number(history, session).is_none() => {
            return Some(format!("`session` {}: only whole numbers below 2^31", history.value_text(session)));
        }
        _ => return None,
    };
    Some(field.to_owned())
}

fn unheld_of_op(history: &History, op: OpId) -> Option<String> {
    let kind = history.kind(op);
    if !matches!(kind, Kind::Read | Kind::Write) {
        return Some(format!("`op` \"{}\"", kind.name()));
    }
    if history.version(op).is_some() {
        return Some("`version`".to_owned());
    }
    if history.is_final(op) {
        return Some("`final`".to_owned());
    }
    let key = history.key_name(history.key(op));
    if own_number(history, key).is_none() {
        return Some(format!("`key` {}: only whole numbers below 2^31", history.value_text(key)));
    }
    let value = history.read_value(op).or(history.written_value(op)).expect("an operation reads or writes");
    let initial = history.initial(history.key(op));
    match own_number(history, value) {
        _ if value == initial => None,
        Some(0) => Some("`value` 0 where it is not the initial value".to_owned()),
        Some(_) => None,
        None => Some(format!("`value` {}: only whole numbers below 2^31", history.value_text(value))),
    }
}
