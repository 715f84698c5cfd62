//! The maps of a `history.edn`. Fields that mean nothing here (`:exception` and its stack trace) are skipped, not built.

use std::str;

use super::{
    entry::{Entry, Field, NAMES},
    pair::{Recorder, Stop},
};
use crate::{
    format::{
        Fault, ReadError, ReadOptions,
        edn::{PlainKey, Reader, Shape, Token},
        finish,
        form::Tape,
        intern::{intern, json_string},
        pieces,
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
    let recorder = in_pieces(content, Recorder::joining(options), options).or_else(|stop| match stop {
        Stop::Unsorted => in_pieces(content, Recorder::new(options), options),
        Stop::Wrong => Err(stop),
    });
    let recorder = match recorder {
        Ok(recorder) => recorder,
        Err(_) => at_once(content, options).map_err(|fault| fault.place(bytes))?,
    };
    let builder = recorder.finish().map_err(|fault| fault.place(bytes))?;
    finish(builder, bytes)
}

fn at_once(content: &str, options: &ReadOptions) -> Result<Recorder, Fault> {
    let mut recorder = Recorder::new(options);
    match Maps::new(content, 0).until(content.len(), None, &mut recorder)? {
        Some((shape, at)) => Err(Fault::new(at, format!("`{}` is never closed", shape.opening()))),
        None => Ok(recorder),
    }
}

/// A bracket around the maps, and its offset.
type Around = Option<(Shape, usize)>;

/// Reads pieces side by side. A line need not begin between two maps: that a piece does is known once the one before it ended there.
/// It stops where one did not, or where anything is wrong, which whoever reads from the beginning will say.
fn in_pieces(content: &str, mut whole: Recorder, options: &ReadOptions) -> Result<Recorder, Stop> {
    let around = match Reader::new(content).token() {
        Ok(Some((Token::Open(shape @ (Shape::Vector | Shape::List)), at))) => Some((shape, at)),
        _ => None,
    };
    let mut lines = 0;
    let read = pieces::read(
        content.as_bytes(),
        |piece| {
            let mut maps = Maps::new(content, piece.at);
            let mut recorder = Recorder::new(options);
            let end = piece.at + piece.bytes.len();
            let before = if piece.at == 0 { None } else { around };
            let after = if end == content.len() { None } else { around };
            match maps.until(end, before, &mut recorder) {
                Ok(found) if found == after && maps.ended <= end && recorder.may_be_part() => {
                    maps.count_lines(end);
                    Ok((recorder, maps.line - 1))
                }
                _ => Err(Stop::Wrong),
            }
        },
        |(part, its_lines), _| {
            whole.append(part, lines)?;
            lines = lines.saturating_add(its_lines);
            Ok(())
        },
    );
    read.map(|()| whole)
}

struct Maps<'a> {
    content: &'a str,
    reader: Reader<'a>,
    tape: Tape<'a>,
    /// Lines are counted up to this offset.
    counted: usize,
    line: u32,
    /// Where the last token ended, with what belongs to it.
    ended: usize,
}

impl<'a> Maps<'a> {
    /// Reads on from an offset, which is on line 1.
    fn new(content: &'a str, at: usize) -> Self {
        Maps { content, reader: Reader::starting_at(content, at), tape: Tape::default(), counted: at, line: 1, ended: at }
    }

    /// Takes the maps that begin before an offset; returns the bracket that is open then.
    fn until(&mut self, end: usize, mut around: Around, recorder: &mut Recorder) -> Result<Around, Fault> {
        while self.reader.begins_before(end) {
            let at = self.reader.at();
            if self.reader.plain_map() {
                self.map(at, recorder)?;
                self.ended = self.reader.at();
                continue;
            }
            let token = self.reader.token()?;
            self.ended = self.reader.at();
            let Some((token, at)) = token else { break };
            match token {
                Token::Open(Shape::Map) => {
                    self.map(at, recorder)?;
                    self.ended = self.reader.at();
                }
                Token::Open(shape @ (Shape::Vector | Shape::List)) if around.is_none() => around = Some((shape, at)),
                Token::Close(bracket) => match around.take() {
                    Some((shape, _)) if shape.closing() == bracket => {}
                    _ => return Err(Fault::new(at, format!("`{bracket}` closes nothing"))),
                },
                // #jepsen.history.Op{…}: the map says it all.
                Token::Tag(_) => {}
                _ => return Err(Fault::new(at, "expected an operation, a map such as {:process 0, :type :invoke, :f :read}")),
            }
        }
        Ok(around)
    }

    /// Counts the lines up to an offset.
    fn count_lines(&mut self, at: usize) {
        self.line += memchr::memchr_iter(b'\n', &self.content.as_bytes()[self.counted..at]).count() as u32;
        self.counted = at;
    }

    /// The map whose bracket was just read.
    fn map(&mut self, at: usize, recorder: &mut Recorder) -> Result<(), Fault> {
        self.tape.clear();
        self.count_lines(at);
        let mut fields = [None; NAMES.len()];
        let mut error = None;
        loop {
            let before = self.reader.clone();
            let token = match self.reader.plain_key() {
                Some((PlainKey::Keyword(name), at)) => Some((Token::Keyword(name), at)),
                Some((PlainKey::End, at)) => Some((Token::Close('}'), at)),
                None => self.reader.token()?,
            };
            let key_at = match token {
                None => return Err(Fault::new(at, "`{` is never closed")),
                Some((Token::Close('}'), _)) => break,
                Some((Token::Close(bracket), at)) => {
                    return Err(Fault::new(at, format!("`{bracket}` closes nothing: `{{` is open")));
                }
                Some((Token::Keyword(name), key_at)) => match Field::named(name) {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Maps, each on its line; what else may stand between them now and then.
    fn text(odd: &str) -> String {
        let mut text = String::from("[");
        for i in 0..20_000 {
            let (process, value) = (i % 7, i * i % 100);
            text += &format!("{{:type :invoke, :f :write, :value \"v{value}\", :process {process}, :time {i}}}\n");
            text += &format!(" {{:type :ok :f :write :process {process} {{:a 1}} [2] :key :k{} :node \"n{process}\"}}\n", i % 3);
            if i % 1000 == 999 {
                text += odd;
                // One that nothing completes.
                text += &format!("{{:type :invoke, :f :write, :value {i}, :process {i}}}\n");
            }
        }
        text + "]\n"
    }

    fn pieces_of(text: &str) -> Result<Recorder, Stop> {
        in_pieces(text, Recorder::joining(&ReadOptions::default()), &ReadOptions::default())
    }

    fn told(recorder: Recorder) -> String {
        let history = recorder.finish().unwrap().finish().unwrap();
        let ids = history.ops().map(|op| (history.line(op), history.key(op), history.session(op), history.written_value(op)));
        format!("{:?} {:?}", ids.collect::<Vec<_>>(), history.events())
    }

    #[test]
    fn where_the_content_is_cut_means_nothing() {
        let options = ReadOptions::default();
        for odd in
            ["", ";; [ {\n", "#_ {:x\n\n [\"\n{\"]}\n", "{:type :info :f :start :process :nemesis :value {:a 1}}\n", "\n\n , \n"]
        {
            let text = text(odd);
            assert!(text.len() > 3 << 19, "several pieces");
            let cut = in_pieces(&text, Recorder::joining(&options), &options).ok().unwrap();
            assert!(told(cut) == told(at_once(&text, &options).unwrap()), "{odd}");
        }
        let (text, mut index) = (text(""), 1_000_000);
        let indexed = |line: &str| {
            index -= 1;
            line.replacen("{:type", &format!("{{:index {index} :type"), 1) + "\n"
        };
        let backwards: String = text.lines().map(indexed).collect();
        assert!(matches!(in_pieces(&backwards, Recorder::joining(&options), &options), Err(Stop::Unsorted)));
        let cut = told(in_pieces(&backwards, Recorder::new(&options), &options).ok().unwrap());
        assert!(cut == told(at_once(&backwards, &options).unwrap()), "by index");
        assert!(cut != told(at_once(&text, &options).unwrap()));
    }

    #[test]
    fn a_piece_that_begins_inside_a_form_does_not_count() {
        let long = "\n{:type :ok, :f :read, :value 1, :process 1}".repeat(30_000);
        for text in [
            format!("{{:type :ok, :f :read, :value 1, :process 1, :x \"{long}\"}}"),
            format!("{{:type :ok, :f :read, :value 1, :process 1}} #_[{long}]"),
            format!("{{:type :ok, :f :read, :value 1, :process 1, :x [{long}]}}{long}"),
        ] {
            assert!(pieces_of(&text).is_err());
            assert!(at_once(&text, &ReadOptions::default()).is_ok());
        }
        let sets = "{:type :ok, :f :read, :value #{:b :a}, :process 1}";
        assert!(pieces_of(sets).is_err(), "the order of texts depends on the cuts");
        let numbers = "{:type :ok, :f :read, :value #{2 1}, :process 1}";
        assert!(pieces_of(numbers).is_ok());
    }
}
