//! Operations, keys and values as people read them: short, and without anything that a terminal would obey.

use crate::history::{DataType, History, Kind, NodeId, OpId, SessionId, Value, ValueId};
use crate::verdict::Witness;

/// Longer texts are cut: a line of a report should stay one.
const LONGEST: usize = 40;

/// Names the parts of one witness.
pub(super) struct Names<'h> {
    pub history: &'h History,
    /// Every operation is on the same key, which then goes without saying.
    one_key: bool,
}

impl<'h> Names<'h> {
    pub fn new(history: &'h History, witness: &Witness) -> Self {
        let mut keys = witness.operations.iter().map(|&op| history.key(op));
        let first = keys.next();
        Names { history, one_key: keys.all(|key| Some(key) == first) }
    }

    /// Who did it, in a sentence.
    pub fn session(&self, op: OpId) -> String {
        self.session_of(self.history.session(op))
    }

    /// In a sentence, where a bare number would not say that it is a session.
    pub fn session_of(&self, session: SessionId) -> String {
        noun("session", self.session_cell(session))
    }

    /// In a column.
    pub fn session_cell(&self, session: SessionId) -> String {
        short(&self.history.session_text(session))
    }

    pub fn node(&self, node: NodeId) -> String {
        let name = self.history.node_name(node);
        let text = self.history.value_text(name);
        short(text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(&text))
    }

    /// The key, in a sentence.
    pub fn key(&self, op: OpId) -> String {
        noun("key", self.key_cell(op))
    }

    fn key_cell(&self, op: OpId) -> String {
        short(&self.history.key_text(self.history.key(op)))
    }

    /// `photo = "v2"`.
    pub fn assignment(&self, op: OpId) -> String {
        format!("{} = {}", self.key_cell(op), self.written(op))
    }

    /// A write with its key, as a noun: `photo = "v2"`, `the append of 3 to todo`.
    pub fn in_full(&self, op: OpId) -> String {
        match self.history.kind(op) {
            Kind::Read | Kind::Write | Kind::Cas => self.assignment(op),
            _ => format!("the {}", self.deed(op)),
        }
    }

    pub fn value(&self, value: ValueId) -> String {
        short(&self.history.value_text(value))
    }

    /// The value that an operation wrote.
    pub fn written(&self, op: OpId) -> String {
        self.history.written_value(op).map_or_else(|| "?".into(), |value| self.value(value))
    }

    /// The value that an operation returned.
    pub fn returned(&self, op: OpId) -> String {
        self.history.read_value(op).map_or_else(|| "?".into(), |value| self.value(value))
    }

    /// The value returned, in a sentence.
    pub fn found(&self, op: OpId) -> String {
        match self.history.read_value(op) {
            Some(ValueId::NULL) => "nothing".into(),
            Some(value) if self.history.values().get(value) == Value::Collection(&[]) => "nothing".into(),
            _ => self.returned(op),
        }
    }

    /// What a write is, in a sentence: `write of photo`, `append of 3 to todo`.
    pub fn deed(&self, op: OpId) -> String {
        let (key, value) = (self.key(op), self.written(op));
        match self.history.kind(op) {
            Kind::Read => format!("read of {key}"),
            Kind::Write | Kind::Cas => format!("write of {key}"),
            Kind::Append => format!("append of {value} to {key}"),
            Kind::Add => format!("add of {value} to {key}"),
            Kind::Remove => format!("remove of {value} from {key}"),
            Kind::Increment => format!("increment of {key} by {value}"),
            Kind::Decrement => format!("decrement of {key} by {value}"),
        }
    }

    /// What was done, in a sentence: `wrote photo = "v2"`, `appended 3 to todo`.
    pub fn did(&self, op: OpId) -> String {
        match self.history.kind(op) {
            Kind::Write | Kind::Cas => format!("wrote {}", self.assignment(op)),
            _ => self.done(op),
        }
    }

    /// The same after `had`.
    pub fn done(&self, op: OpId) -> String {
        let (key, value) = (self.key(op), self.written(op));
        match self.history.kind(op) {
            Kind::Read => format!("read {key}"),
            Kind::Write | Kind::Cas => format!("written {}", self.assignment(op)),
            Kind::Append => format!("appended {value} to {key}"),
            Kind::Add => format!("added {value} to {key}"),
            Kind::Remove => format!("removed {value} from {key}"),
            Kind::Increment => format!("incremented {key} by {value}"),
            Kind::Decrement => format!("decremented {key} by {value}"),
        }
    }

    /// The type of an operation's key.
    pub fn key_type(&self, op: OpId) -> DataType {
        self.history.key_type(self.history.key(op))
    }

    /// The elements of a list or set that a read returned.
    pub fn elements(&self, read: OpId) -> &'h [ValueId] {
        match self.history.read_value(read).map(|value| self.history.values().get(value)) {
            Some(Value::Collection(elements)) => elements,
            _ => &[],
        }
    }

    /// Where to look: `line 12`; `operation 11` where lines are not known.
    pub fn place(&self, op: OpId) -> String {
        match self.history.line(op) {
            0 => format!("operation {}", op.index()),
            line => format!("line {line}"),
        }
    }

    /// The node that answered an operation.
    pub fn answered_by(&self, op: OpId) -> Option<String> {
        self.history.node(self.history.txn(op)).map(|node| self.node(node))
    }

    /// Whose write it was, as a subject: `alice's add of 3 to cart`.
    pub fn whose_deed(&self, op: OpId) -> String {
        match self.history.kind(op) {
            Kind::Write | Kind::Cas => format!("{}'s write of {}", self.session(op), self.assignment(op)),
            _ => format!("{}'s {}", self.session(op), self.deed(op)),
        }
    }

    /// A write by its value, with the key where the witness has several; what is no write of a value in full; a read by its place.
    pub fn label(&self, op: OpId) -> String {
        match self.history.kind(op) {
            Kind::Read => self.read_label(op),
            Kind::Write | Kind::Cas | Kind::Append if self.one_key => self.written(op),
            _ => self.in_full(op),
        }
    }

    /// An operation in its part as a read: a cas has both.
    pub fn read_label(&self, op: OpId) -> String {
        format!("the read at {}", self.place(op))
    }

    /// `photo = "v2"`, `photo → "v1"`, `photo: "v1" → "v2"`.
    pub fn effect(&self, op: OpId) -> String {
        let key = self.key_cell(op);
        match self.history.kind(op) {
            Kind::Read => format!("{key} → {}", self.returned(op)),
            Kind::Write => self.assignment(op),
            Kind::Cas => format!("{key}: {} → {}", self.returned(op), self.written(op)),
            Kind::Append | Kind::Add | Kind::Increment => format!("{key} + {}", self.written(op)),
            Kind::Remove | Kind::Decrement => format!("{key} - {}", self.written(op)),
        }
    }

    /// `line 3 before 5`, or that both are in one transaction.
    pub fn before(&self, from: OpId, to: OpId) -> String {
        if self.history.txn(from) == self.history.txn(to) {
            return format!("same transaction, {}", self.place(from));
        }
        format!("same session, {} before {}", self.place(from), self.place(to).trim_start_matches("line "))
    }
}

fn noun(noun: &str, name: String) -> String {
    if name.parse::<f64>().is_ok() { format!("{noun} {name}") } else { name }
}

/// At most [`LONGEST`] characters, control and direction-changing characters escaped.
fn short(text: &str) -> String {
    let mut shown = String::new();
    for (i, c) in text.chars().enumerate() {
        if i == LONGEST - 1 && text.chars().nth(LONGEST).is_some() {
            shown.push('…');
            break;
        }
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || turns {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_hostile_texts_are_tamed() {
        assert_eq!(short("photo"), "photo");
        assert_eq!(short(&"x".repeat(40)), "x".repeat(40));
        assert_eq!(short(&"x".repeat(41)), format!("{}…", "x".repeat(39)));
        assert_eq!(short("a\u{1b}[31mb\u{202e}"), "a\\u{1b}[31mb\\u{202e}");
    }
}
