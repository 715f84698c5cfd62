//! Writing Jepsen's histories: an invocation and a completion for each transaction, a line each.
//!
//! To Jepsen's tools the order of the file is the order of events, so where all times are recorded the lines are sorted by them; else
//! each completion follows its invocation. Reads, writes and appends on a key become `:txn`s of micro-operations, which Elle reads;
//! what Jepsen's maps have no field for goes into `:node`, `:key` and `:version`, which its tools ignore and reading here gives back.

use std::io::{self, Write};

use super::{edn, json};
use crate::{
    format::{
        WriteError,
        form::Tape,
        intern::{edn_string, edn_text, json_string},
        json::Raw,
        spelling,
    },
    history::{History, Kind, OpId, SessionId, Status, Tag, TxnId, Value, ValueId},
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

    fn holds_event(self, text: &str) -> bool {
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

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Half {
    Invocation,
    Completion,
}

enum Line {
    Half(TxnId, Half),
    /// An index into the events.
    Event(usize),
}

enum Unsorted {
    /// Some time is not recorded.
    Untimed,
    Overlapping(SessionId),
}

/// Each completion after its invocation, in the order of the file.
fn in_pairs(history: &History) -> Vec<Line> {
    let mut lines = Vec::with_capacity(2 * history.transactions() + history.events().len());
    let mut events = history.events().iter().enumerate().peekable();
    for txn in history.txns() {
        let first = history.txn_ops(txn).next().map_or(0, |op| history.line(op));
        while let Some((event, _)) = events.next_if(|(_, event)| event.line < first) {
            lines.push(Line::Event(event));
        }
        lines.extend([Line::Half(txn, Half::Invocation), Line::Half(txn, Half::Completion)]);
    }
    lines.extend(events.map(|(event, _)| Line::Event(event)));
    lines
}

/// Sorted by time. At one instant: first what completes, then what begins and completes, then what begins.
fn by_time(history: &History) -> Result<Vec<Line>, Unsorted> {
    let mut keyed = Vec::with_capacity(2 * history.transactions() + history.events().len());
    for txn in history.txns() {
        let invoked = history.invoked(txn).ok_or(Unsorted::Untimed)?;
        let place = txn.index();
        let completed = match history.completed(txn) {
            Some(completed) => completed,
            // Never known to have ended: Jepsen's :info may stand anywhere.
            None if history.txn_status(txn) == Status::Info => invoked,
            None => return Err(Unsorted::Untimed),
        };
        let (begins, ends) = if invoked == completed { (1, 1) } else { (2, 0) };
        keyed.push(((invoked, begins, place, Half::Invocation), Line::Half(txn, Half::Invocation)));
        keyed.push(((completed, ends, place, Half::Completion), Line::Half(txn, Half::Completion)));
    }
    let mut latest = i64::MIN;
    for (i, event) in history.events().iter().enumerate() {
        latest = event.time_ns.unwrap_or(latest);
        keyed.push(((latest, 0, i, Half::Completion), Line::Event(i)));
    }
    keyed.sort_by_key(|&(key, _)| key);
    let mut busy = vec![false; history.sessions()];
    for (_, line) in &keyed {
        if let &Line::Half(txn, half) = line {
            let session = history.txn_session(txn);
            let busy = &mut busy[session.index()];
            if half == Half::Invocation && *busy {
                return Err(Unsorted::Overlapping(session));
            }
            *busy = half == Half::Invocation;
        }
    }
    Ok(keyed.into_iter().map(|(_, line)| line).collect())
}

/// The number of a session that is an integer.
fn process(history: &History, session: SessionId) -> Option<i128> {
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

    /// A value; as deep as it nests, which reading bounds.
    fn value(&self, value: ValueId) -> String {
        let values = self.history.values();
        if self.notation == Notation::Json {
            return values.display(value);
        }
        match values.get(value) {
            Value::Null => "nil".to_owned(),
            Value::Int(number) => number.to_string(),
            Value::Text(Tag::String, text) => edn_string(text),
            Value::Text(Tag::Keyword, text) => format!(":{text}"),
            Value::Text(Tag::Symbol | Tag::Edn, text) => text.to_owned(),
            Value::Text(Tag::Json, text) => json_as_edn(text),
            Value::Collection(elements) => {
                let parts: Vec<String> = elements.iter().map(|&element| self.value(element)).collect();
                self.vector(&parts)
            }
        }
    }

    fn error(&self, text: &str) -> String {
        match self.notation {
            Notation::Json => text.to_owned(),
            Notation::Edn => json_as_edn(text),
        }
    }
}

/// JSON text in EDN; text that cannot be had there as it is stays JSON, in a string.
fn json_as_edn(text: &str) -> String {
    let mut tape = Tape::default();
    let built = Raw { text, at: 0 }.form(&mut tape).and_then(|index| edn_text(&tape, index));
    built.unwrap_or_else(|_| edn_string(text))
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
            key == ValueId::NULL && !value.is_some_and(crate::history::Values::is_collection)
        }
        _ => true,
    }
}

/// The first fact that Jepsen's maps have no place for, and its line.
fn unheld(history: &History, notation: Notation) -> Option<(Option<u32>, String)> {
    let whole = |field: &str| Some((None, field.to_owned()));
    if history.about().is_some() {
        return whole("`about`");
    }
    if history.initial_default != ValueId::NULL || !history.initial.is_empty() {
        return whole("`initial`");
    }
    if let Some(event) = history.events().iter().find(|event| !notation.holds_event(&event.text)) {
        return Some((Some(event.line), "events in the other notation".to_owned()));
    }
    if notation == Notation::Json
        && let Some(clash) = spelling::clash(history)
    {
        return Some((None, format!("both {clash}, which are spelled alike in JSON")));
    }
    if let Some(key) = ambiguous_adds(history) {
        let key = history.value_text(key);
        return Some((None, format!("the adds of key {key}, which would be read as increments: no read shows a set")));
    }
    history.txns().find_map(|txn| unheld_of_txn(history, txn))
}

fn unheld_of_txn(history: &History, txn: TxnId) -> Option<(Option<u32>, String)> {
    let ops: Vec<OpId> = history.txn_ops(txn).collect();
    let several = ops.len() > 1;
    let line = ops.first().map(|&op| history.line(op));
    let session = history.txn_session(txn);
    if process(history, session).is_none() {
        let name = history.value_text(history.session_name(session));
        return Some((line, format!("`session` {name}: a process is an integer")));
    }
    let reads: Vec<bool> = ops.iter().filter(|&&op| history.kind(op) == Kind::Read).map(|&op| history.is_final(op)).collect();
    if reads.contains(&true) && reads.contains(&false) {
        return Some((line, "`final` on some reads of a transaction".to_owned()));
    }
    ops.into_iter().find_map(|op| {
        let kind = history.kind(op);
        let field = match history.version(op) {
            Some(_) if several => "`version` in a transaction of several operations".to_owned(),
            _ if !has_place(history, op) => format!("`value` null of an {}", kind.name()),
            _ => return None,
        };
        Some((Some(history.line(op)), field))
    })
}

/// To Jepsen, an element or an amount that is nil is none.
fn has_place(history: &History, op: OpId) -> bool {
    matches!(history.kind(op), Kind::Read | Kind::Write | Kind::Cas) || history.written_value(op) != Some(ValueId::NULL)
}

/// A set whose `:add`s would be read as a counter's, as the builder decides: numbers are read, or a value is added twice and nothing
/// shows that it is a set.
fn ambiguous_adds(history: &History) -> Option<ValueId> {
    let keys = history.keys();
    let (mut set, mut counter) = (vec![false; keys], vec![false; keys]);
    let mut adds = Vec::new();
    for op in history.ops() {
        let key = history.key(op).index();
        match (history.kind(op), history.read_value(op), history.written_value(op)) {
            (Kind::Read, Some(value), _) if crate::history::Values::is_collection(value) => set[key] = true,
            (Kind::Read, Some(value), _) if value != ValueId::NULL => counter[key] = true,
            (Kind::Remove, ..) => set[key] = true,
            (Kind::Add, _, Some(value)) => adds.push((key, value)),
            _ => {}
        }
    }
    adds.sort_unstable();
    let repeated = adds.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].0);
    let read = adds.iter().map(|&(key, _)| key).filter(|&key| counter[key]);
    let key = repeated.chain(read).find(|&key| !set[key])?;
    Some(history.key_name(crate::history::KeyId::new(key)))
}
