//! The maps of a `history.edn`. Fields that mean nothing here (`:exception` and its stack trace) are skipped, not built.

use std::str;

use super::{
    entry::{Entry, Field, NAMES},
    pair::Recorder,
};
use crate::{
    format::{
        Fault, ReadError, ReadOptions,
        edn::{Reader, Shape, Token},
        finish,
        form::Tape,
        intern::{intern, json_string},
    },
    history::History,
};

/// Is there a map near the beginning whose keys are those of an operation?
pub(super) fn detect(head: &[u8]) -> bool {
    let valid = str::from_utf8(head).map_or_else(|error| error.valid_up_to(), str::len);
    let mut reader = Reader::new(str::from_utf8(&head[..valid]).expect("valid up to there"));
    // At most a tag and a bracket or two stand before the first map.
    for _ in 0..4 {
        match reader.token() {
            Ok(Some((Token::Open(Shape::Map), _))) => {
                while let Ok(Some((token, _))) = reader.token() {
                    match token {
                        Token::Keyword("type" | "process" | "f") => return true,
                        Token::Keyword(_) if matches!(reader.skip(), Ok(true)) => {}
                        _ => return false,
                    }
                }
                return false;
            }
            Ok(Some((Token::Open(Shape::Vector | Shape::List) | Token::Tag(_), _))) => {}
            // Nothing but brackets: an empty history, which reading will say.
            Ok(Some((Token::Close(']' | ')'), _))) => return matches!(reader.token(), Ok(None)),
            _ => return false,
        }
    }
    false
}

pub(super) fn read(bytes: &[u8], options: &ReadOptions) -> Result<History, ReadError> {
    let content = str::from_utf8(bytes).map_err(|error| Fault::new(error.valid_up_to(), "invalid UTF-8").place(bytes))?;
    let mut maps = Maps { content, reader: Reader::new(content), tape: Tape::default(), counted: 0, line: 1 };
    let mut recorder = Recorder::new(options);
    let builder = maps.all(&mut recorder).and_then(|()| recorder.finish()).map_err(|fault| fault.place(bytes))?;
    finish(builder, bytes)
}

struct Maps<'a> {
    content: &'a str,
    reader: Reader<'a>,
    tape: Tape<'a>,
    /// Lines are counted up to this offset.
    counted: usize,
    line: u32,
}

impl<'a> Maps<'a> {
    fn all(&mut self, recorder: &mut Recorder) -> Result<(), Fault> {
        let mut open: Option<(Shape, usize)> = None;
        while let Some((token, at)) = self.reader.token()? {
            match token {
                Token::Open(Shape::Map) => self.map(at, recorder)?,
                Token::Open(shape @ (Shape::Vector | Shape::List)) if open.is_none() => open = Some((shape, at)),
                Token::Close(bracket) => match open.take() {
                    Some((shape, _)) if shape.closing() == bracket => {}
                    _ => return Err(Fault::new(at, format!("`{bracket}` closes nothing"))),
                },
                // #jepsen.history.Op{…}: the map says it all.
                Token::Tag(_) => {}
                _ => return Err(Fault::new(at, "expected an operation, a map such as {:process 0, :type :invoke, :f :read}")),
            }
        }
        match open {
            Some((shape, at)) => Err(Fault::new(at, format!("`{}` is never closed", shape.opening()))),
            None => Ok(()),
        }
    }

    /// The map whose bracket was just read.
    fn map(&mut self, at: usize, recorder: &mut Recorder) -> Result<(), Fault> {
        self.tape.clear();
        self.line += memchr::memchr_iter(b'\n', &self.content.as_bytes()[self.counted..at]).count() as u32;
        self.counted = at;
        let mut fields = [None; NAMES.len()];
        let mut error = None;
        loop {
            let before = self.reader.clone();
            let key_at = match self.reader.token()? {
                None => return Err(Fault::new(at, "`{` is never closed")),
                Some((Token::Close('}'), _)) => break,
                Some((Token::Close(bracket), at)) => {
                    return Err(Fault::new(at, format!("`{bracket}` closes nothing: `{{` is open")));
                }
                Some((Token::Keyword(name), key_at)) => match NAMES.iter().position(|&known| known == name) {
                    Some(i) => {
                        if fields[i].is_some() || (i == Field::Error as usize && error.is_some()) {
                            return Err(Fault::new(key_at, format!(":{name} is there twice")));
                        }
                        let found = if i == Field::Error as usize {
                            error = Some(self.error(key_at)?);
                            true
                        } else {
                            fields[i] = self.reader.form(&mut self.tape)?;
                            fields[i].is_some()
                        };
                        if !found {
                            return Err(Fault::new(key_at, format!(":{name} has no value")));
                        }
                        continue;
                    }
                    None => key_at,
                },
                Some((_, key_at)) => {
                    self.reader = before;
                    self.reader.skip()?;
                    key_at
                }
            };
            if !self.reader.skip()? {
                return Err(Fault::new(key_at, "a key that has no value"));
            }
        }
        let text = &self.content[at..self.reader.at()];
        let error = error.flatten();
        recorder.entry(&Entry { tape: &self.tape, fields, error, at, line: self.line, text })
    }

    /// An error as JSON text, whatever it is: what JSON and the tape cannot hold stays EDN, in a string. `nil` is none.
    fn error(&mut self, key_at: usize) -> Result<Option<String>, Fault> {
        let before = self.reader.clone();
        let length = self.tape.len();
        let built = self.reader.form(&mut self.tape);
        if matches!(built, Ok(None)) {
            return Err(Fault::new(key_at, ":error has no value"));
        }
        let mut values = crate::history::Values::new();
        let id = built.and_then(|index| intern(&self.tape, index.unwrap_or(length), &mut values));
        self.tape.truncate(length);
        match id {
            Ok(id) if id == crate::history::ValueId::NULL => Ok(None),
            Ok(id) => Ok(Some(values.display(id))),
            Err(_) => {
                self.reader = before;
                let start = self.reader.at();
                self.reader.skip()?;
                Ok(Some(json_string(self.content[start..self.reader.at()].trim())))
            }
        }
    }
}
