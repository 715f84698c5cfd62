//! JSON text that a parser has found well-formed: values exactly as written.
//!
//! serde_json finds the extent of each value ([`RawValue`](serde_json::value::RawValue)); the value itself is read here, because a
//! number has to stay what it is: serde_json would make a float of an integer beyond 64 bits.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{
    Fault,
    form::{DEPTH, Tape, What},
    intern::{intern, json_string},
};
use crate::history::{ValueId, Values};

/// A value cut out of the content.
#[derive(Clone, Copy)]
pub(super) struct Raw<'a> {
    pub text: &'a str,
    /// Its offset in the content.
    pub at: usize,
}

impl<'a> Raw<'a> {
    /// An error at this value.
    pub fn fault(self, message: impl Into<String>) -> Fault {
        Fault::new(self.at, message)
    }

    /// The error of a value that is not what was expected.
    pub fn expected(self, what: &str) -> Fault {
        self.fault(format!("{what}, found {}", self.shown()))
    }

    /// The value, cut to a length for messages.
    pub fn shown(self) -> String {
        match self.text.char_indices().nth(40) {
            Some((end, _)) => format!("`{}…`", &self.text[..end]),
            None => format!("`{}`", self.text),
        }
    }

    pub fn is_null(self) -> bool {
        self.text == "null"
    }

    pub fn is_string(self) -> bool {
        self.text.starts_with('"')
    }

    /// The content of a string; `None` where the value is none.
    pub fn string(self) -> Result<Option<Cow<'a, str>>, Fault> {
        if !self.is_string() {
            return Ok(None);
        }
        let inner = &self.text[1..self.text.len() - 1];
        if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
            return Ok(Some(Cow::Borrowed(inner)));
        }
        match serde_json::from_str(self.text) {
            Ok(text) => Ok(Some(Cow::Owned(text))),
            Err(error) => Err(self.fault(without_place(&error))),
        }
    }

    /// An integer; `None` where the value is none.
    pub fn integer(self) -> Result<Option<i128>, Fault> {
        let digits = self.text.strip_prefix('-').unwrap_or(self.text);
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(None);
        }
        match digits.len() {
            // Below 2⁶⁴: the common case, without checks for overflow.
            0..=19 => {
                let value = i128::from(digits.bytes().fold(0u64, |value, digit| value * 10 + u64::from(digit - b'0')));
                Ok(Some(if digits.len() < self.text.len() { -value } else { value }))
            }
            _ => self.text.parse().map(Some).map_err(|_| self.fault("an integer beyond 128 bits")),
        }
    }

    /// A small integer, which most names and values are. (A number that JSON has begins with no zero but zero itself.)
    #[inline]
    pub fn small(self) -> Option<ValueId> {
        let digits = self.text.as_bytes();
        let digit = |number: Option<u32>, byte: &u8| Some(number? * 10 + u32::from(byte.is_ascii_digit().then(|| byte - b'0')?));
        (digits.len() <= 9).then(|| digits.iter().fold(Some(0), digit)).flatten().map(ValueId)
    }

    /// The id of any value; the tape is for composite ones.
    #[inline]
    pub fn intern(self, values: &mut Values, tape: &mut Tape<'a>) -> Result<ValueId, Fault> {
        match self.small() {
            Some(small) => Ok(small),
            None => self.intern_any(values, tape),
        }
    }

    fn intern_any(self, values: &mut Values, tape: &mut Tape<'a>) -> Result<ValueId, Fault> {
        match self.text.as_bytes()[0] {
            b'"' => Ok(values.string(&self.string()?.expect("it is a string"))),
            b'[' | b'{' => {
                tape.clear();
                self.form(tape)?;
                intern(tape, 0, values)
            }
            _ => match self.scalar()? {
                What::Int(value) => Ok(values.int(value)),
                What::Float(value) => Ok(values.float(value)),
                What::Bool(value) => Ok(values.bool(value)),
                _ => Ok(ValueId::NULL),
            },
        }
    }

    fn scalar(self) -> Result<What<'a>, Fault> {
        Ok(match self.text.as_bytes()[0] {
            b'"' => What::String(self.string()?.expect("it is a string")),
            b'n' => What::Nil,
            b't' => What::Bool(true),
            b'f' => What::Bool(false),
            _ => match self.integer()? {
                Some(value) => What::Int(value),
                None => match self.text.parse::<f64>() {
                    Ok(value) if value.is_finite() => What::Float(value),
                    _ => return Err(self.fault("a number out of the range of 64-bit floats")),
                },
            },
        })
    }

    /// Appends the value to a tape; returns its index.
    pub fn form(self, tape: &mut Tape<'a>) -> Result<usize, Fault> {
        let bytes = self.text.as_bytes();
        let root = tape.len();
        let mut open: Vec<usize> = Vec::new();
        let mut i = 0;
        while i < bytes.len() {
            let at = self.at + i;
            match bytes[i] {
                b'[' | b'{' => {
                    if open.len() == DEPTH {
                        return Err(Fault::new(at, format!("nested more than {DEPTH} deep")));
                    }
                    open.push(tape.push(if bytes[i] == b'[' { What::Vector } else { What::Map }, at));
                    i += 1;
                }
                b']' | b'}' => {
                    tape.close(open.pop().expect("well-formed"));
                    i += 1;
                }
                b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' => i += 1,
                first => {
                    let length = if first == b'"' { string_length(&bytes[i..]) } else { word_length(&bytes[i..]) };
                    let what = Raw { text: &self.text[i..i + length], at }.scalar()?;
                    tape.push(what, at);
                    i += length;
                }
            }
        }
        Ok(root)
    }
}

/// The length of the string that begins here, with its quotes.
fn string_length(bytes: &[u8]) -> usize {
    let mut i = 1;
    loop {
        i += memchr::memchr2(b'"', b'\\', &bytes[i..]).expect("well-formed");
        if bytes[i] == b'"' {
            return i + 1;
        }
        i += 2;
    }
}

/// The length of the number or literal that begins here.
fn word_length(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| matches!(byte, b',' | b']' | b'}' | b':' | b' ' | b'\n' | b'\r' | b'\t')).unwrap_or(bytes.len())
}

/// Text that is to be JSON and may come from anywhere: as it is where it is JSON, else as a string.
pub(super) fn as_json(text: &str) -> Cow<'_, str> {
    match serde_json::from_str::<&RawValue>(text) {
        Ok(_) if !text.contains(['\n', '\r']) => Cow::Borrowed(text),
        _ => Cow::Owned(json_string(text)),
    }
}

/// The keys of the object that bytes begin with, as they are written; ends early where the bytes do or are no JSON.
pub(super) fn keys_of_object(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut i = usize::from(bytes.first() == Some(&b'{'));
    let mut depth = i;
    std::iter::from_fn(move || {
        let mut found = None;
        while depth > 0 && i < bytes.len() && found.is_none() {
            match bytes[i] {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                b'"' => {
                    let start = i + 1;
                    i = start;
                    while i < bytes.len() && bytes[i] != b'"' {
                        i += if bytes[i] == b'\\' { 2 } else { 1 };
                    }
                    let end = i.min(bytes.len());
                    let colon = bytes[end..].iter().skip(1).find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
                    found = (depth == 1 && colon).then_some(&bytes[start..end]);
                }
                _ => {}
            }
            i += 1;
        }
        found
    })
}

/// serde_json's message without its own line and column.
pub(super) fn without_place(error: &serde_json::Error) -> String {
    let mut text = error.to_string();
    if let Some(end) = text.rfind(" at line ") {
        text.truncate(end);
    }
    match text.as_str() {
        "lone leading surrogate in hex escape" | "unexpected end of hex escape" => {
            "half a surrogate pair in a `\\u` escape".into()
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Value;

    fn shown(text: &str) -> Result<String, String> {
        let mut values = Values::new();
        let id = Raw { text, at: 7 }
            .intern(&mut values, &mut Tape::default())
            .map_err(|fault| format!("{}: {}", fault.at, fault.message))?;
        Ok(values.display(id))
    }

    #[test]
    fn values_keep_what_they_are() {
        for (text, expected) in [
            ("null", "null"),
            ("true", "true"),
            ("0", "0"),
            ("-0", "0"),
            ("-17", "-17"),
            ("1.50", "1.5"),
            ("1e2", "100.0"),
            ("170141183460469231731687303715884105727", "170141183460469231731687303715884105727"),
            ("-170141183460469231731687303715884105728", "-170141183460469231731687303715884105728"),
            (r#""a\"é\n""#, r#""a\"é\n""#),
            ("[1, [\"x\"] ,null]", r#"[1,["x"],null]"#),
            (r#"{"b" : [1, {}], "a":1.0}"#, r#"{"a":1.0,"b":[1,{}]}"#),
            ("[{\"k\":\"]}\\\"\"}]", r#"[{"k":"]}\""}]"#),
        ] {
            assert_eq!(shown(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn small_integers_are_not_interned() {
        let mut values = Values::new();
        let id = Raw { text: "41", at: 0 }.intern(&mut values, &mut Tape::default()).unwrap();
        assert_eq!(values.get(id), Value::Int(41));
    }

    #[test]
    fn the_keys_of_a_beginning_are_found() {
        let keys = |text: &'static str| -> Vec<&str> {
            keys_of_object(text.as_bytes()).map(|key| std::str::from_utf8(key).unwrap()).collect()
        };
        assert_eq!(keys(r#"{"a":{"b":"c"}, "d\"" : ["e"], "f"#), ["a", r#"d\""#]);
        assert_eq!(keys(r#"{"a":1}{"b":2}"#), ["a"]);
        assert!(keys("[{\"a\":1}]").is_empty() && keys("").is_empty() && keys("{\"\\").is_empty());
    }

    #[test]
    fn what_cannot_be_held_is_refused() {
        for (text, message) in [
            ("170141183460469231731687303715884105728", "7: an integer beyond 128 bits"),
            ("1e999", "7: a number out of the range of 64-bit floats"),
            (r#"{"a":1,"a":2}"#, "7: \"a\" is there twice"),
            (r#""\ud800""#, "7: half a surrogate pair in a `\\u` escape"),
            (r#"[1,"\udc00x"]"#, "10: half a surrogate pair in a `\\u` escape"),
        ] {
            assert_eq!(shown(text), Err(message.to_owned()), "{text}");
        }
        let deep = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert!(shown(&deep(DEPTH)).is_ok());
        assert_eq!(shown(&deep(DEPTH + 1)), Err(format!("{}: nested more than 128 deep", 7 + DEPTH)));
    }
}
