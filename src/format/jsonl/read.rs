//! Reading the native format. One pass, O(bytes).

use std::str;

use serde::de::DeserializeSeed;
use serde_json::error::Category;

use super::field::{Field, Fields, NAMES, Operations};
use crate::{
    format::{
        Fault, ReadError, ReadOptions, builder, finish,
        form::Tape,
        json::{Raw, without_place},
        object::Named,
        suggest::did_you_mean,
    },
    history::{History, HistoryBuilder, Kind, OpInput, Status, TxnInput, ValueId},
};

pub(super) fn read(bytes: &[u8], options: &ReadOptions) -> Result<History, ReadError> {
    let content = match str::from_utf8(bytes) {
        Ok(content) => content,
        // A recorder killed in the middle of a character: the rest is a torn last line.
        Err(error) if error.error_len().is_none() => str::from_utf8(&bytes[..error.valid_up_to()]).expect("valid up to there"),
        Err(error) => return Err(Fault::new(error.valid_up_to(), "invalid UTF-8").place(bytes)),
    };
    let mut reader = Reader { content, builder: builder(options), operations: Vec::new(), tape: Tape::default() };
    let cut_inside_character = content.len() < bytes.len();
    let torn = reader.lines(cut_inside_character).map_err(|fault| fault.place(bytes))?;
    if cut_inside_character && !torn {
        return Err(Fault::new(content.len(), "invalid UTF-8").place(bytes));
    }
    finish(reader.builder, bytes)
}

/// Takes a header that stands apart from any lines.
#[cfg(feature = "parquet")]
pub(in crate::format) fn header(text: &str, builder: &mut HistoryBuilder) -> Result<(), Fault> {
    let object = parse(text).map_err(|error| Fault::new(error.column().saturating_sub(1), explain(&error)))?;
    let mut reader = Reader { content: text, builder: std::mem::take(builder), operations: Vec::new(), tape: Tape::default() };
    let version = object.field(Field::Testimony, text).ok_or_else(|| Fault::new(0, "no `testimony`"))?;
    let taken = reader.header(&object, version);
    *builder = reader.builder;
    taken
}

/// The history so far.
pub(super) struct Reader<'a> {
    pub content: &'a str,
    pub builder: HistoryBuilder,
    /// The operations of the transaction at hand; kept for its memory.
    operations: Vec<Fields<'a>>,
    /// A composite value at hand; kept for its memory.
    pub tape: Tape<'a>,
}

impl<'a> Reader<'a> {
    /// Takes every line; true where the last one was cut off.
    fn lines(&mut self, cut_inside_character: bool) -> Result<bool, Fault> {
        let content = self.content;
        let mut start = 0;
        let mut number = 0u32;
        let mut first = true;
        while start < content.len() {
            number = number.saturating_add(1);
            let newline = memchr::memchr(b'\n', &content.as_bytes()[start..]).map(|length| start + length);
            let end = newline.unwrap_or(content.len());
            let line = &content[start..end];
            if !line.trim_ascii().is_empty() {
                match parse(line) {
                    Ok(object) => self.line(&object, start, number, first)?,
                    // (A first line that is also the last and cut off leaves nothing: that is an error.)
                    Err(error) if !first && newline.is_none() && (error.classify() == Category::Eof || cut_inside_character) => {
                        self.builder.warn(format!("line {number}, the last one, is cut off and was left out"));
                        return Ok(true);
                    }
                    Err(error) => return Err(Fault::new(start + error.column().saturating_sub(1), explain(&error))),
                }
                first = false;
            }
            start = end + 1;
        }
        Ok(false)
    }

    fn line(&mut self, object: &Fields<'a>, at: usize, line: u32, first: bool) -> Result<(), Fault> {
        if let Some(version) = object.field(Field::Testimony, self.content) {
            if !first {
                return Err(version.fault("a header (`testimony`) must be the first line"));
            }
            return self.header(object, version);
        }
        let session = self.session(object, at)?;
        let status = self.status(object)?;
        let txn = TxnInput {
            session,
            status,
            invoke_ns: self.time(object, Field::Invoke)?,
            complete_ns: self.time(object, Field::Complete)?,
            node: self.node(object)?,
        };
        match (object.field(Field::Op, self.content), object.field(Field::Txn, self.content)) {
            (Some(_), Some(txn)) => return Err(txn.fault("both `op` and `txn`: a line is one operation or one transaction")),
            (None, None) => return Err(Fault::new(at, "neither `op` nor `txn`: a line is one operation or one transaction")),
            (Some(_), None) => {
                let op = self.operation(object, at, line, None)?;
                self.builder.begin(txn);
                self.push(op, at)?;
            }
            (None, Some(operations)) => {
                self.builder.begin(txn);
                self.transaction(object, operations, line)?;
            }
        }
        if let Some(error) = object.field(Field::Error, self.content).filter(|error| !error.is_null()) {
            self.builder.error(error.text.to_owned());
        }
        Ok(())
    }

    fn transaction(&mut self, object: &Fields<'a>, operations: Raw<'a>, line: u32) -> Result<(), Fault> {
        let of_operation = [Field::Key, Field::Value, Field::From, Field::To, Field::Version];
        if let Some((field, raw)) = object.first_of(&of_operation, self.content) {
            return Err(raw.fault(format!("`{}` beside `txn`: it belongs to an operation of the transaction", field.name())));
        }
        if !operations.text.starts_with('[') {
            return Err(operations.expected("`txn` must be an array of operations"));
        }
        let mut parsed = std::mem::take(&mut self.operations);
        parsed.clear();
        let mut deserializer = serde_json::Deserializer::from_str(operations.text);
        Operations(&mut parsed)
            .deserialize(&mut deserializer)
            .map_err(|error| Fault::new(operations.at + error.column().saturating_sub(1), explain(&error)))?;
        let is_final = self.is_final(object)?;
        let mut reads = false;
        for op in &parsed {
            let of_line = [Field::Session, Field::Status, Field::Invoke, Field::Complete, Field::Node, Field::Error, Field::Txn];
            if let Some((field, raw)) = op.first_of(&of_line, self.content) {
                let name = field.name();
                return Err(raw.fault(format!("`{name}` on an operation of a transaction: it belongs to the whole transaction")));
            }
            let op = self.operation(op, operations.at, line, is_final)?;
            reads |= op.kind == Kind::Read;
            self.push(op, operations.at)?;
        }
        if is_final == Some(true) && !reads {
            let raw = object.field(Field::Final, self.content).expect("it is there");
            return Err(raw.fault("`final` on a transaction that reads nothing: only a read is made after quiescence"));
        }
        self.operations = parsed;
        Ok(())
    }

    fn push(&mut self, op: OpInput, at: usize) -> Result<(), Fault> {
        if self.builder.operations() >= u32::MAX as usize - 2 {
            return Err(Fault::new(at, "more than 2^32 operations"));
        }
        self.builder.op(op);
        Ok(())
    }

    /// An operation; `all_final` is the `final` of its transaction, which counts for its reads.
    fn operation(&mut self, object: &Fields<'a>, at: usize, line: u32, all_final: Option<bool>) -> Result<OpInput, Fault> {
        let content = self.content;
        let Some(op) = object.field(Field::Op, content) else { return Err(Fault::new(at, "an operation without `op`")) };
        let kind = kind(op)?;
        let Some(key) = object.field(Field::Key, content) else {
            return Err(op.fault(format!("a {} without `key` (null in a history without keys)", kind.name())));
        };
        let key = self.name(key, "`key` must be a string, an integer or null", true)?;
        let mut input = OpInput { line, ..OpInput::new(kind, key, ValueId::NULL) };
        if kind == Kind::Cas {
            if let Some(value) = object.field(Field::Value, content) {
                return Err(value.fault("a cas has `from` and `to` in place of `value`"));
            }
            let (Some(from), Some(to)) = (object.field(Field::From, content), object.field(Field::To, content)) else {
                return Err(op.fault("a cas needs both `from` and `to`"));
            };
            input.value = from.intern(&mut self.builder.values, &mut self.tape)?;
            input.to = to.intern(&mut self.builder.values, &mut self.tape)?;
        } else {
            if let Some((field, raw)) = object.first_of(&[Field::From, Field::To], content) {
                return Err(raw.fault(format!("`{}` on a {}: only a cas has it", field.name(), kind.name())));
            }
            let Some(value) = object.field(Field::Value, content) else {
                let hint = if kind == Kind::Read { " (null where it found nothing)" } else { "" };
                return Err(op.fault(format!("a {} without `value`{hint}", kind.name())));
            };
            if matches!(kind, Kind::Increment | Kind::Decrement) && value.integer()?.is_none() {
                return Err(value.expected("a counter counts by integers"));
            }
            input.value = value.intern(&mut self.builder.values, &mut self.tape)?;
        }
        input.version = self.version(object)?;
        input.is_final = match self.is_final(object)? {
            Some(true) if kind != Kind::Read => {
                let raw = object.field(Field::Final, content).expect("it is there");
                return Err(raw.fault(format!("`final` on a {}: only a read is made after quiescence", kind.name())));
            }
            Some(is_final) => is_final,
            None => kind == Kind::Read && all_final == Some(true),
        };
        Ok(input)
    }

    fn session(&mut self, object: &Fields<'a>, at: usize) -> Result<ValueId, Fault> {
        match object.field(Field::Session, self.content) {
            Some(session) => self.name(session, "`session` must be a string or an integer", false),
            None => Err(Fault::new(at, "no `session`: every line says who issued it")),
        }
    }

    /// A string or an integer, or `null` where that is a name too.
    pub(super) fn name(&mut self, raw: Raw<'a>, expected: &str, null: bool) -> Result<ValueId, Fault> {
        let values = &mut self.builder.values;
        if let Some(text) = raw.string()? {
            return Ok(values.string(&text));
        }
        if null && raw.is_null() {
            return Ok(ValueId::NULL);
        }
        match raw.integer()? {
            Some(integer) => Ok(values.int(integer)),
            None => Err(raw.expected(expected)),
        }
    }

    fn status(&self, object: &Fields<'a>) -> Result<Status, Fault> {
        let Some(raw) = object.field(Field::Status, self.content) else { return Ok(Status::Ok) };
        match raw.string()?.as_deref() {
            Some("ok") => Ok(Status::Ok),
            Some("fail") => Ok(Status::Fail),
            Some("info") => Ok(Status::Info),
            Some(other) => {
                let names = ["ok", "fail", "info"];
                Err(raw.fault(format!(
                    "unknown status {}; expected ok, fail or info{}",
                    raw.shown(),
                    did_you_mean(other, &names)
                )))
            }
            None => Err(raw.expected("`status` must be \"ok\", \"fail\" or \"info\"")),
        }
    }

    fn time(&self, object: &Fields<'a>, field: Field) -> Result<Option<i64>, Fault> {
        let Some(raw) = object.field(field, self.content).filter(|raw| !raw.is_null()) else { return Ok(None) };
        match raw.integer()? {
            // The least is the builder's mark of "no time"; no clock shows it.
            Some(time) => match i64::try_from(time) {
                Ok(time) if time != i64::MIN => Ok(Some(time)),
                _ => Err(raw.fault(format!("`{}` does not fit 64 bits", field.name()))),
            },
            None => Err(raw.expected(&format!("`{}` must be a whole number of nanoseconds", field.name()))),
        }
    }

    fn node(&mut self, object: &Fields<'a>) -> Result<Option<ValueId>, Fault> {
        let Some(raw) = object.field(Field::Node, self.content).filter(|raw| !raw.is_null()) else { return Ok(None) };
        match raw.string()? {
            Some(text) => Ok(Some(self.builder.values.string(&text))),
            None => Err(raw.expected("`node` must be a string")),
        }
    }

    fn version(&self, object: &Fields<'a>) -> Result<Option<i128>, Fault> {
        let Some(raw) = object.field(Field::Version, self.content).filter(|raw| !raw.is_null()) else { return Ok(None) };
        let version = match raw.string()? {
            Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse::<i128>().map_err(|_| raw.fault("an integer beyond 128 bits"))?)
            }
            Some(_) => None,
            None => raw.integer()?,
        };
        match version {
            // The least is the builder's mark of "no version".
            Some(i128::MIN) => Err(raw.fault("an integer beyond 128 bits")),
            Some(version) => Ok(Some(version)),
            None => Err(raw.expected("`version` must be an integer or a string of digits")),
        }
    }

    fn is_final(&self, object: &Fields<'a>) -> Result<Option<bool>, Fault> {
        match object.field(Field::Final, self.content) {
            None => Ok(None),
            Some(raw) => match raw.text {
                "true" => Ok(Some(true)),
                "false" => Ok(Some(false)),
                _ => Err(raw.expected("`final` must be true or false")),
            },
        }
    }
}

fn parse(line: &str) -> Result<Fields<'_>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(line);
    let object = Named(&NAMES).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(object)
}

/// serde_json's message, in the words of lines.
fn explain(error: &serde_json::Error) -> String {
    let text = without_place(error);
    if let Some(what) = text.strip_prefix("EOF while parsing ") {
        return format!("the line ends inside {what}");
    }
    match text.as_str() {
        "trailing characters" => "something follows the object on its line".into(),
        _ => text,
    }
}

fn kind(op: Raw<'_>) -> Result<Kind, Fault> {
    let Some(name) = op.string()? else { return Err(op.expected("`op` must be a string")) };
    Kind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
        let names = Kind::ALL.map(Kind::name);
        op.fault(format!("unknown op {}; expected {}{}", op.shown(), names.join(", "), did_you_mean(&name, &names)))
    })
}
