//! Plain forms, which recordings are nearly all made of, read without the general reader: small integers, keywords, `nil` and
//! booleans, strings without escapes, and vectors of them a few deep, in ASCII.
//!
//! Whatever else stands there, wrong forms above all, is left for the general reader, which reads plain forms just the same.

use std::borrow::Cow;

use super::token::{Tokens, ends_word};
use crate::format::form::{Tape, What};

/// How deep plain forms nest; recursion is bounded by it.
const DEPTH: usize = 4;

/// What stands next in a map.
pub(in crate::format) enum PlainKey<'a> {
    Keyword(&'a str),
    /// The closing bracket.
    End,
}

impl<'a> Tokens<'a> {
    /// Takes the opening bracket of a map, where it is the next byte.
    pub fn plain_map(&mut self) -> bool {
        let is = self.text().as_bytes().get(self.at()) == Some(&b'{');
        self.go_to(self.at() + usize::from(is));
        is
    }

    /// Takes a keyword, or the end of a map; takes nothing where it is neither for sure.
    pub fn plain_key(&mut self) -> Option<(PlainKey<'a>, usize)> {
        let (at, first) = self.plain_start(self.at())?;
        match first {
            b'}' => {
                self.go_to(at + 1);
                Some((PlainKey::End, at))
            }
            b':' => {
                let name = self.plain_word(at + 1)?;
                self.go_to(at + 1 + name.len());
                Some((PlainKey::Keyword(name), at))
            }
            _ => None,
        }
    }

    /// Appends the next form; takes and appends nothing where it is not plain.
    pub fn plain_form(&mut self, tape: &mut Tape<'a>) -> bool {
        let length = tape.len();
        match self.form_from(self.at(), tape, DEPTH) {
            Some(end) => self.go_to(end),
            None => tape.truncate(length),
        }
        tape.len() > length
    }

    /// Appends the form that begins at an offset, or after blanks; returns where it ends.
    fn form_from(&self, from: usize, tape: &mut Tape<'a>, depth: usize) -> Option<usize> {
        let (at, first) = self.plain_start(from)?;
        let (what, length) = match first {
            b'0'..=b'9' | b'-' => self.plain_integer(at)?,
            b':' => {
                let name = self.plain_word(at + 1)?;
                (What::Keyword(name), 1 + name.len())
            }
            b'"' => {
                let rest = &self.text().as_bytes()[at + 1..];
                let length = rest.iter().position(|&byte| byte == b'"' || byte == b'\\')?;
                if rest[length] == b'\\' {
                    return None;
                }
                (What::String(Cow::Borrowed(&self.text()[at + 1..at + 1 + length])), length + 2)
            }
            b'n' | b't' | b'f' => match self.plain_word(at)? {
                "nil" => (What::Nil, 3),
                "true" => (What::Bool(true), 4),
                "false" => (What::Bool(false), 5),
                _ => return None,
            },
            b'[' if depth > 0 => {
                let vector = tape.push(What::Vector, at);
                let mut end = at + 1;
                loop {
                    let (next, byte) = self.plain_start(end)?;
                    if byte == b']' {
                        tape.close(vector);
                        return Some(next + 1);
                    }
                    end = self.form_from(next, tape, depth - 1)?;
                }
            }
            _ => return None,
        };
        tape.push(what, at);
        Some(at + length)
    }

    /// The first byte that is no blank.
    #[inline]
    fn plain_start(&self, from: usize) -> Option<(usize, u8)> {
        let bytes = self.text().as_bytes();
        let mut at = from;
        while let b' ' | b',' | b'\n' | b'\r' = *bytes.get(at)? {
            at += 1;
        }
        Some((at, bytes[at]))
    }

    /// An ASCII word that is not empty.
    #[inline]
    fn plain_word(&self, start: usize) -> Option<&'a str> {
        let rest = &self.text().as_bytes()[start..];
        let length = rest.iter().position(|&byte| ends_word(byte) || byte >= 0x80)?;
        (length > 0 && rest[length] < 0x80).then(|| &self.text()[start..start + length])
    }

    /// An integer of at most 18 digits and its length.
    #[inline]
    fn plain_integer(&self, at: usize) -> Option<(What<'a>, usize)> {
        let bytes = &self.text().as_bytes()[at..];
        let sign = usize::from(bytes[0] == b'-');
        let mut value = 0i64;
        let mut length = sign;
        while let digit @ 0..10 = bytes.get(length)?.wrapping_sub(b'0') {
            value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
            length += 1;
        }
        let digits = length - sign;
        let decimal = digits == 1 || (2..=18).contains(&digits) && bytes[sign] != b'0';
        let value = i128::from(if sign == 1 { value.wrapping_neg() } else { value });
        (decimal && ends_word(bytes[length])).then_some((What::Int(value), length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::edn::Reader;

    /// What the general reader makes of the first form, and where it stops.
    fn generally(text: &str) -> Option<(String, usize)> {
        let (mut reader, mut tape) = (Reader::new(text), Tape::default());
        reader.general_form(&mut tape).ok()?.map(|_| (format!("{tape:?}"), reader.at()))
    }

    #[test]
    fn plain_forms_are_what_the_general_reader_reads() {
        let pieces = [
            ":a",
            ":read",
            "nil",
            "nill",
            "true",
            "false",
            "0",
            "-0",
            "7",
            "-12",
            "+3",
            "007",
            "1.5",
            "12N",
            "0x1f",
            "\"x y\"",
            "\"é\"",
            "\"a\\nb\"",
            "\"",
            "[",
            "]",
            "[",
            "]",
            "{",
            "}",
            "(",
            ")",
            "#{",
            "#_",
            ";",
            "x",
            "-",
            ":",
            "é",
            ":é",
            "\u{a0}",
            "123456789012345678",
            "1234567890123456789",
            "^m",
            "\\a",
            "/",
        ];
        let blanks = ["", " ", " ", " ", ", ", "\n", "\t"];
        let mut seed = 1u64;
        let mut below = |n: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % n
        };
        let mut plain = 0;
        for _ in 0..200_000 {
            let mut text = String::new();
            for _ in 0..1 + below(8) {
                text.push_str(pieces[below(pieces.len())]);
                text.push_str(blanks[below(blanks.len())]);
            }
            let (mut tokens, mut tape) = (Tokens::new(&text), Tape::default());
            if tokens.plain_form(&mut tape) {
                plain += 1;
                assert_eq!(generally(&text), Some((format!("{tape:?}"), tokens.at())), "{text}");
            } else {
                assert_eq!((tape.len(), tokens.at()), (0, 0), "{text}");
            }
        }
        assert!(plain > 20_000, "{plain}");
    }
}
