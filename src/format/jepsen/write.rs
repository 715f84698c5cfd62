//! Writing Jepsen's histories: an invocation and a completion for each transaction, a line each.
//!
//! To Jepsen's tools the order of the file is the order of events, so where all times are recorded the lines are sorted by them; else
//! each completion follows its invocation. Reads, writes and appends on a key become `:txn`s of micro-operations, which Elle reads;
//! what Jepsen's maps have no field for goes into `:node`, `:key` and `:version`, which its tools ignore and reading here gives back.

use std::io::{self, Write};

use super::{
    edn, json,
    order::{Half, Line, Unsorted, by_time, in_pairs},
    unheld::{has_place, unheld},
};
use crate::{
    format::{
        WriteError,
        edn::{json_as_edn, value_text},
        intern::json_string,
        json::as_json,
    },
    history::{History, Kind, OpId, SessionId, Tag, TxnId, Value, ValueId, Values},
};

/// The text of the maps.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Notation {
    Edn,
    Json,
}

impl Notation {
    fn format(self) -> &'static str {
        match self {
            Notation::Edn => "jepsen-edn",
            Notation::Json => "jepsen-json",
        }
    }

    pub(super) fn holds_event(self, text: &str) -> bool {
        match self {
            Notation::Edn => edn::detect(text.as_bytes()),
            Notation::Json => json::detect(text.as_bytes()),
        }
    }
}

pub(super) fn write(history: &History, notation: Notation, lossy: bool, out: &mut dyn io::Write) -> Result<(), WriteError> {
    let refuse = |line, field| Err(WriteError::Field { format: notation.format(), field, line });
    if !lossy && let Some((line, field)) = unheld(history, notation) {
        return refuse(line, field);
    }
    let lines = match by_time(history) {
        Ok(lines) => lines,
        Err(Unsorted::Untimed) => in_pairs(history),
        Err(Unsorted::Overlapping(session)) if !lossy => {
            let field = format!("operations of one session that overlap (session {})", history.session_text(session));
            return refuse(None, field);
        }
        Err(Unsorted::Overlapping(_)) => in_pairs(history),
    };
    let numbered = (0..history.sessions()).any(|i| process(history, SessionId::new(i)).is_none());
    let mut out = io::BufWriter::with_capacity(1 << 16, out);
    let writer = Writer { history, notation, numbered };
    let mut index = 0u64;
    for line in lines {
        match line {
            Line::Event(event) if notation.holds_event(&history.events()[event].text) => {
                writeln!(out, "{}", history.events()[event].text)?;
            }
            Line::Event(_) => {}
            // All that it did was left out.
            Line::Half(txn, _) if history.txn_ops(txn).len() > 0 && !history.txn_ops(txn).any(|op| has_place(history, op)) => {}
            Line::Half(txn, half) => {
                writer.map(txn, half, index, &mut out)?;
                index += 1;
            }
        }
    }
    out.flush()?;
    Ok(())
}

/// The number of a session that is an integer.
pub(super) fn process(history: &History, session: SessionId) -> Option<i128> {
    match history.values().get(history.session_name(session)) {
        Value::Int(number) => Some(number.into()),
        Value::Text(Tag::Json, text) => text.parse().ok(),
        _ => None,
    }
}

struct Writer<'h> {
    history: &'h History,
    notation: Notation,
    /// Sessions that are no integers are numbered.
    numbered: bool,
}

impl Writer<'_> {
    fn map(&self, txn: TxnId, half: Half, index: u64, out: &mut impl Write) -> io::Result<()> {
        let history = self.history;
        let session = history.txn_session(txn);
        let process = process(history, session).filter(|_| !self.numbered).unwrap_or(session.index() as i128);
        let ops: Vec<OpId> = history.txn_ops(txn).filter(|&op| has_place(history, op)).collect();
        let invocation = half == Half::Invocation;
        let mut map = Map { notation: self.notation, out, first: true };
        map.open()?;
        map.field("index", index)?;
        map.field("type", self.name(if invocation { "invoke" } else { history.txn_status(txn).name() }))?;
        map.field("process", process)?;
        let bare = match ops[..] {
            [op] if is_bare(history, op) => Some(op),
            _ => None,
        };
        match bare {
            Some(op) => {
                map.field("f", self.name(history.kind(op).name()))?;
                let key = history.key_name(history.key(op));
                if key != ValueId::NULL {
                    map.field("key", self.value(key))?;
                }
                map.field("value", self.operand(op, invocation))?;
            }
            None => {
                map.field("f", self.name("txn"))?;
                let operations: Vec<String> = ops.iter().map(|&op| self.micro_operation(op, invocation)).collect();
                map.field("value", self.vector(&operations))?;
            }
        }
        if let Some(time) = if invocation { history.invoked(txn) } else { history.completed(txn) } {
            map.field("time", time)?;
        }
        if !invocation {
            if let Some(node) = history.node(txn) {
                map.field("node", self.value(history.node_name(node)))?;
            }
            if let [op] = ops[..]
                && let Some(version) = history.version(op)
            {
                map.field("version", version)?;
            }
            let mut reads = ops.iter().filter(|&&op| history.kind(op) == Kind::Read).peekable();
            if reads.peek().is_some() && reads.all(|&op| history.is_final(op)) {
                map.field("final?", true)?;
            }
            if let Some(error) = history.error(txn) {
                map.field("error", self.error(error))?;
            }
        }
        map.close()
    }

    /// `[:w k v]`.
    fn micro_operation(&self, op: OpId, invocation: bool) -> String {
        let history = self.history;
        let name = match history.kind(op) {
            Kind::Read => "r",
            Kind::Write => "w",
            kind => kind.name(),
        };
        self.vector(&[self.name(name), self.value(history.key_name(history.key(op))), self.operand(op, invocation)])
    }

    /// The value of an operation; an invocation does not know yet what it reads.
    fn operand(&self, op: OpId, invocation: bool) -> String {
        match (self.history.read_value(op), self.history.written_value(op)) {
            (Some(from), Some(to)) => self.vector(&[self.value(from), self.value(to)]),
            (Some(_), None) if invocation => self.value(ValueId::NULL),
            (Some(value), None) | (None, Some(value)) => self.value(value),
            (None, None) => unreachable!("an operation reads or writes"),
        }
    }

    fn name(&self, name: &str) -> String {
        match self.notation {
            Notation::Edn => format!(":{name}"),
            Notation::Json => format!("\"{name}\""),
        }
    }

    fn vector(&self, parts: &[String]) -> String {
        format!("[{}]", parts.join(if self.notation == Notation::Edn { " " } else { "," }))
    }

    fn value(&self, value: ValueId) -> String {
        match self.notation {
            Notation::Json => self.history.values().display(value),
            Notation::Edn => value_text(self.history.values(), value),
        }
    }

    fn error(&self, text: &str) -> String {
        match self.notation {
            Notation::Json => as_json(text).into_owned(),
            Notation::Edn => json_as_edn(&as_json(text)),
        }
    }
}

struct Map<'o, W> {
    notation: Notation,
    out: &'o mut W,
    first: bool,
}

impl<W: Write> Map<'_, W> {
    fn open(&mut self) -> io::Result<()> {
        write!(self.out, "{{")
    }

    fn field(&mut self, name: &str, value: impl std::fmt::Display) -> io::Result<()> {
        let first = std::mem::replace(&mut self.first, false);
        match self.notation {
            Notation::Edn => write!(self.out, "{}:{name} {value}", if first { "" } else { ", " }),
            Notation::Json => write!(self.out, "{}{}:{value}", if first { "" } else { "," }, json_string(name)),
        }
    }

    fn close(self) -> io::Result<()> {
        writeln!(self.out, "}}")
    }
}

/// Is an operation written by its own name? What Elle has micro-operations for is, only where there is no key; and a
/// collection could then be taken for micro-operations.
fn is_bare(history: &History, op: OpId) -> bool {
    match history.kind(op) {
        kind @ (Kind::Read | Kind::Write | Kind::Append) => {
            let value = if kind == Kind::Read { history.read_value(op) } else { history.written_value(op) };
            let key = history.key_name(history.key(op));
            key == ValueId::NULL && !value.is_some_and(Values::is_collection)
        }
        _ => true,
    }
}
