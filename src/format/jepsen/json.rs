//! The same maps in JSON: one array, or one object after another.

use std::{fmt, str};

use serde::de::{self, DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{
    entry::{Entry, Field, NAMES},
    pair::Recorder,
};
use crate::{
    format::{
        Fault, ReadError, ReadOptions, finish,
        form::Tape,
        json::{Raw, keys_of_object, without_place},
        object::{Names, raw_in},
    },
    history::History,
};

static NAMED: Names<{ NAMES.len() }> = Names::new(NAMES);

/// Is the first object, alone or in an array, one with the fields of an operation?
pub(super) fn detect(head: &[u8]) -> bool {
    let head = head.trim_ascii_start();
    let object = head.strip_prefix(b"[").unwrap_or(head).trim_ascii_start();
    let mut has = [false; 3];
    for key in keys_of_object(object) {
        match key {
            b"type" => has[0] = true,
            b"process" => has[1] = true,
            b"f" => has[2] = true,
            _ => {}
        }
    }
    has.into_iter().filter(|&has| has).count() >= 2
}

pub(super) fn read(bytes: &[u8], options: &ReadOptions) -> Result<History, ReadError> {
    let content = str::from_utf8(bytes).map_err(|error| Fault::new(error.valid_up_to(), "invalid UTF-8").place(bytes))?;
    let mut recorder = Recorder::new(options);
    let mut objects = Objects { content, recorder: &mut recorder, tape: Tape::default(), counted: 0, line: 1, fault: None };
    objects.all().and_then(|()| recorder.finish()).map_err(|fault| fault.place(bytes)).and_then(|builder| finish(builder, bytes))
}

struct Objects<'r, 'a> {
    content: &'a str,
    recorder: &'r mut Recorder,
    tape: Tape<'a>,
    /// Lines are counted up to this offset.
    counted: usize,
    line: u32,
    /// Why an element of the array was refused; serde's errors have no room for the place.
    fault: Option<Fault>,
}

impl<'a> Objects<'_, 'a> {
    fn all(&mut self) -> Result<(), Fault> {
        let content = self.content;
        if content.trim_ascii_start().starts_with('[') {
            let mut deserializer = serde_json::Deserializer::from_str(content);
            let result = (&mut *self).deserialize(&mut deserializer).and_then(|()| deserializer.end());
            return match (self.fault.take(), result) {
                (Some(fault), _) => Err(fault),
                (None, result) => result.map_err(|error| fault_of(content, 0, &error)),
            };
        }
        for object in serde_json::Deserializer::from_str(content).into_iter::<&RawValue>() {
            self.object(raw_in(content, object.map_err(|error| fault_of(content, 0, &error))?))?;
        }
        Ok(())
    }

    fn object(&mut self, raw: Raw<'a>) -> Result<(), Fault> {
        if !raw.text.starts_with('{') {
            return Err(raw.expected("expected an operation, an object with \"process\", \"type\" and \"f\""));
        }
        let object = NAMED
            .deserialize(&mut serde_json::Deserializer::from_str(raw.text))
            .map_err(|error| fault_of(raw.text, raw.at, &error))?;
        self.tape.clear();
        self.line += memchr::memchr_iter(b'\n', &self.content.as_bytes()[self.counted..raw.at]).count() as u32;
        self.counted = raw.at;
        let mut fields = [None; NAMES.len()];
        for (i, field) in fields.iter_mut().enumerate() {
            *field = match object.get(i, self.content) {
                Some(value) if i != Field::Error as usize => Some(value.form(&mut self.tape)?),
                _ => None,
            };
        }
        let error = object.get(Field::Error as usize, self.content);
        // Line ends between its tokens would end the line where it is written as one.
        let error = error.filter(|error| !error.is_null()).map(|error| error.text.replace(['\n', '\r'], " "));
        self.recorder.entry(&Entry { tape: &self.tape, fields, error, at: raw.at, line: self.line, text: raw.text })
    }
}

impl<'de> DeserializeSeed<'de> for &mut Objects<'_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for &mut Objects<'_, 'de> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of operations")
    }
    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<(), S::Error> {
        while let Some(object) = seq.next_element::<&RawValue>()? {
            if let Err(fault) = self.object(raw_in(self.content, object)) {
                self.fault = Some(fault);
                return Err(de::Error::custom("refused"));
            }
        }
        Ok(())
    }
}

/// A fault of serde_json's in a text that begins at an offset.
fn fault_of(text: &str, at: usize, error: &serde_json::Error) -> Fault {
    let start = match error.line() {
        0 | 1 => 0,
        line => memchr::memchr_iter(b'\n', text.as_bytes()).nth(line - 2).map_or(0, |newline| newline + 1),
    };
    Fault::new(at + start + error.column().saturating_sub(1), without_place(error))
}
