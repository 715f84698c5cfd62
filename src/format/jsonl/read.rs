//! Reading the native format. One pass, O(bytes), in pieces side by side.

use std::str;

use serde::de::DeserializeSeed;
use serde_json::error::Category;

use super::field::{Field, Fields, NAMED, Operations};
use crate::{
    format::{
        Fault, ReadError, ReadOptions, builder, finish,
        form::Tape,
        json::{Raw, without_place},
        pieces::{self, Piece},
        suggest::did_you_mean,
    },
    history::{History, HistoryBuilder, Kind, OpInput, Status, TxnInput, ValueId},
};

pub(super) fn read(bytes: &[u8], options: &ReadOptions) -> Result<History, ReadError> {
    let begin = bytes.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(bytes.len());
    let mut whole = builder(options);
    let mut lines = 0u32;
    let read = pieces::read(
        bytes,
        |piece| Part::read(piece, begin >= piece.at).map_err(|fault| Fault { at: fault.at + piece.at, ..fault }),
        |part, piece| {
            whole.append(part.builder, lines, |_| false);
            lines = lines.saturating_add(part.lines);
            if part.torn {
                whole.warn(format!("line {lines}, the last one, is cut off and was left out"));
            }
            match whole.operations() < u32::MAX as usize - 2 {
                true => Ok(()),
                false => Err(Fault::new(piece.at, "more than 2^32 operations")),
            }
        },
    );
    match read {
        Ok(()) => finish(whole, bytes),
        // Bytes that are no text anywhere are worse than a wrong line before them.
        Err(fault) => Err(match str::from_utf8(bytes) {
            Err(error) if error.error_len().is_some() => Fault::new(error.valid_up_to(), INVALID),
            _ => fault,
        }
        .place(bytes)),
    }
}

/// Takes a header that stands apart from any lines.
#[cfg(feature = "parquet")]
pub(in crate::format) fn header(text: &str, builder: &mut HistoryBuilder) -> Result<(), Fault> {
    let object = parse(text).map_err(|error| Fault::new(error.column().saturating_sub(1), explain(&error)))?;
    let mut reader =
        Reader { content: text, builder: std::mem::take(builder), number: 0, operations: Vec::new(), tape: Tape::default() };
    let version = object.field(Field::Testimony, text).ok_or_else(|| Fault::new(0, "no `testimony`"))?;
    let taken = reader.header(&object, version);
    *builder = reader.builder;
    taken
}

/// Few lines are shorter. (Room that stays empty costs nothing.)
const SHORT_LINE: usize = 48;

const INVALID: &str = "invalid UTF-8";

/// What a piece of the content says.
struct Part {
    builder: HistoryBuilder,
    lines: u32,
    /// Was its last line cut off?
    torn: bool,
}

impl Part {
    /// Reads a piece; is its first line the first one of all that says something?
    fn read(piece: Piece<'_>, first: bool) -> Result<Part, Fault> {
        let content = match str::from_utf8(piece.bytes) {
            Ok(content) => content,
            // A recorder killed in the middle of a character: the rest is a torn last line.
            Err(error) if error.error_len().is_none() => {
                str::from_utf8(&piece.bytes[..error.valid_up_to()]).expect("valid up to there")
            }
            Err(error) => return Err(Fault::new(error.valid_up_to(), INVALID)),
        };
        let mut reader =
            Reader { content, builder: HistoryBuilder::new(), number: 0, operations: Vec::new(), tape: Tape::default() };
        reader.builder.reserve(content.len() / SHORT_LINE);
        let cut_inside_character = content.len() < piece.bytes.len();
        let torn = reader.lines(first, cut_inside_character)?;
        if cut_inside_character && !torn {
            return Err(Fault::new(content.len(), INVALID));
        }
        Ok(Part { builder: reader.builder, lines: reader.number, torn })
    }
}

/// A piece of the history so far.
pub(super) struct Reader<'a> {
    pub content: &'a str,
    pub builder: HistoryBuilder,
    /// The number of the line at hand, from 1.
    number: u32,
    /// The operations of the transaction at hand; kept for its memory.
    operations: Vec<Fields<'a>>,
    /// A composite value at hand; kept for its memory.
    pub tape: Tape<'a>,
}

impl<'a> Reader<'a> {
    /// Takes every line; true where the last one was cut off.
    fn lines(&mut self, mut first: bool, cut_inside_character: bool) -> Result<bool, Fault> {
        let content = self.content;
        let mut start = 0;
        let mut object = Fields::default();
        while start < content.len() {
            self.number = self.number.saturating_add(1);
            let newline = memchr::memchr(b'\n', &content.as_bytes()[start..]).map(|length| start + length);
            let end = newline.unwrap_or(content.len());
            let line = &content[start..end];
            if NAMED.scan(line, &mut object).is_some() {
                self.line(&object, start, self.number, first)?;
                first = false;
            } else if !line.trim_ascii().is_empty() {
                match parse(line) {
                    Ok(object) => self.line(&object, start, self.number, first)?,
                    // (A first line that is also the last and cut off leaves nothing: that is an error.)
                    Err(error) if !first && newline.is_none() && (error.classify() == Category::Eof || cut_inside_character) => {
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
        let count = match NAMED.scan_array(operations.text, &mut parsed) {
            Some(count) => count,
            None => {
                parsed.clear();
                Operations(&mut parsed)
                    .deserialize(&mut serde_json::Deserializer::from_str(operations.text))
                    .map_err(|error| Fault::new(operations.at + error.column().saturating_sub(1), explain(&error)))?;
                parsed.len()
            }
        };
        let is_final = self.is_final(object)?;
        let mut reads = false;
        for op in &parsed[..count] {
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
        if let Some(small) = raw.small() {
            return Ok(small);
        }
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
    let object = NAMED.deserialize(&mut deserializer)?;
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
    match op.text {
        "\"read\"" => return Ok(Kind::Read),
        "\"write\"" => return Ok(Kind::Write),
        _ => {}
    }
    let Some(name) = op.string()? else { return Err(op.expected("`op` must be a string")) };
    Kind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
        let names = Kind::ALL.map(Kind::name);
        op.fault(format!("unknown op {}; expected {}{}", op.shown(), names.join(", "), did_you_mean(&name, &names)))
    })
}

#[cfg(test)]
mod tests {
    use super::{super::field::NAMES, *};

    /// Each field and where it stands.
    fn shown(object: &Fields<'_>, line: &str) -> String {
        NAMES
            .iter()
            .enumerate()
            .filter_map(|(i, name)| object.get(i, line).map(|raw| format!("{name} {} {}\n", raw.at, raw.text)))
            .collect()
    }

    #[test]
    fn scanned_lines_are_what_serde_json_reads() {
        let lines = [
            r#"{"session":"a","node":"n1","op":"write","key":"x","value":1,"invoke_ns":-10,"complete_ns":20,"status":"ok","version":7}"#,
            r#"{ "session" : 7, "op":"read","key":null,"value":[1,2.5,"b",[-0]] , "unknown":{"a":[{}]}, "final":true }"#,
            r#"{"session":1,"txn":[{"op":"read","key":"ü","value":null},{"op":"cas","key":1,"from":1e5,"to":0.5E-3}],"status":"info"}"#,
            r#"{"session":"é\"","op":"add","key":"\u0041","value":false,"error":"\\"}"#,
            r#"{"testimony":1,"initial":[["x",0]],"about":"a"}"#,
        ];
        let pieces = [
            "\"",
            "\\",
            ",",
            ":",
            "{",
            "}",
            "[",
            "]",
            "0",
            "1",
            "-",
            ".",
            "e",
            "E+",
            " ",
            "\t",
            "\u{1}",
            "null",
            "\"op\":1,",
            "é",
            "tru",
            "\r",
        ];
        let mut seed = 7u64;
        let mut below = |n: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % n
        };
        let (mut scanned, mut left) = (0, 0);
        for round in 0..200_000 {
            let mut line = lines[round % lines.len()].to_owned();
            for _ in 0..below(3) {
                let boundaries: Vec<usize> = line.char_indices().map(|(at, _)| at).collect();
                let (at, to) = (boundaries[below(boundaries.len())], boundaries[below(boundaries.len())]);
                match below(4) {
                    0 => line.insert_str(at, pieces[below(pieces.len())]),
                    1 => line = line[..at].to_owned() + &line[at + line[at..].chars().next().map_or(0, char::len_utf8)..],
                    2 if at < to && to - at < 30 => {
                        let piece = line[at..to].to_owned();
                        line.insert_str(to, &piece);
                    }
                    _ => line.truncate(at.max(1)),
                }
            }
            // One that was filled before, with other fields.
            let mut ours = Fields::default();
            NAMED.scan(lines[0], &mut ours).unwrap();
            match (NAMED.scan(&line, &mut ours), parse(&line)) {
                (Some(()), Ok(theirs)) => {
                    scanned += 1;
                    assert_eq!(shown(&ours, &line), shown(&theirs, &line), "{line}");
                }
                (Some(_), Err(error)) => panic!("{error}: {line}"),
                (None, _) => left += 1,
            }
            let mut operations = Vec::new();
            if let Some(count) = NAMED.scan_array(&line, &mut operations) {
                let mut theirs = Vec::new();
                let mut deserializer = serde_json::Deserializer::from_str(&line);
                Operations(&mut theirs).deserialize(&mut deserializer).expect("scanned");
                assert_eq!(count, theirs.len());
            }
        }
        assert!(scanned > 60_000 && left > 60_000, "{scanned} scanned, {left} left");
    }

    #[test]
    fn where_the_content_is_cut_means_nothing() {
        let line = |i: usize| match i % 5 {
            0 => format!(
                r#"{{"session":{},"txn":[{{"op":"append","key":"k{}","value":{i}}},{{"op":"read","key":"l","value":[{i},"v{i}"]}}]}}"#,
                i % 7,
                i % 3
            ),
            1 => String::new(),
            2 => format!(
                r#"{{"session":"s{}","op":"write","key":"r{}","value":"v{i}","invoke_ns":{i},"complete_ns":{i},"error":"{i}"}}"#,
                i % 5,
                i % 9
            ),
            3 => format!(
                r#"{{"session":{},"op":"cas","key":"r{}","from":"v{}","to":-{i},"version":{i},"node":"n{}"}}"#,
                i % 11,
                i % 9,
                i / 2,
                i % 3
            ),
            _ => format!(
                r#"{{"session":"s{}","op":"read","key":"r{}","value":"v{}","status":"ok","final":true}}"#,
                i % 5,
                i % 9,
                i / 3
            ),
        };
        let text: String = (0..30_000).map(|i| line(i) + "\n").collect();
        assert!(text.len() > 3 << 19, "several pieces");
        let cut = read(text.as_bytes(), &ReadOptions::default()).unwrap();
        let part = Part::read(Piece { bytes: text.as_bytes(), at: 0 }, true).unwrap();
        let whole = finish(part.builder, text.as_bytes()).unwrap();
        let told = |history: &History| {
            let mut told = Vec::new();
            crate::format::find("jsonl").unwrap().write(history, false, &mut told).unwrap();
            let ids = history.ops().map(|op| (history.line(op), history.key(op), history.session(op), history.txn(op)));
            (told, ids.collect::<Vec<_>>(), history.op_value.clone(), history.cas_to.clone())
        };
        assert!(told(&cut) == told(&whole));
    }
}
