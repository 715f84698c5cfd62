//! EDN tokens over bytes, one after another, each with its offset.
//!
//! The bytes are UTF-8, and everything that structures EDN is ASCII, so that tokens are found byte by byte and strings and comments by
//! memchr. Cost: O(bytes), no allocation but for strings with escapes.

use std::borrow::Cow;

use super::number::number;
use crate::format::Fault;

/// The brackets of a collection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::format) enum Shape {
    List,
    Vector,
    Map,
    Set,
}

impl Shape {
    pub fn opening(self) -> &'static str {
        match self {
            Shape::List => "(",
            Shape::Vector => "[",
            Shape::Map => "{",
            Shape::Set => "#{",
        }
    }

    pub fn closing(self) -> char {
        match self {
            Shape::List => ')',
            Shape::Vector => ']',
            Shape::Map | Shape::Set => '}',
        }
    }
}

/// A token.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::format) enum Token<'a> {
    Nil,
    Bool(bool),
    Int(i128),
    Float(f64),
    String(Cow<'a, str>),
    /// Without its colon.
    Keyword(&'a str),
    Symbol(&'a str),
    /// A character, ratio, decimal or symbolic value, in canonical text.
    Scalar(Cow<'a, str>),
    Open(Shape),
    /// `)`, `]` or `}`.
    Close(char),
    /// `#tag`: belongs to the next form.
    Tag(&'a str),
    /// `#:namespace`: belongs to the map that follows.
    Namespace(&'a str),
    /// `#_`: the next form is not there.
    Discard,
    /// `^`: the next form describes the one after it, and is not there.
    Meta,
}

/// Cuts tokens from the front of a text.
#[derive(Clone)]
pub(in crate::format) struct Tokens<'a> {
    text: &'a str,
    /// The offset of the next byte.
    at: usize,
}

/// Does this byte end a number, symbol, keyword or tag?
#[inline]
pub(super) fn ends_word(byte: u8) -> bool {
    ENDS_WORD[byte as usize]
}

const ENDS_WORD: [bool; 256] = {
    let mut ends = [false; 256];
    let mut byte = 0u8;
    while byte < 0x80 {
        ends[byte as usize] = matches!(byte, 0..=b' ' | b',' | b';' | b'"' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | 0x7f);
        byte += 1;
    }
    ends
};

impl<'a> Tokens<'a> {
    pub fn new(text: &'a str) -> Self {
        Tokens { text, at: 0 }
    }

    /// The offset of the next byte.
    pub fn at(&self) -> usize {
        self.at
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    pub(super) fn go_to(&mut self, at: usize) {
        self.at = at;
    }

    /// The next token and its offset; `None` at the end.
    pub fn next(&mut self) -> Result<Option<(Token<'a>, usize)>, Fault> {
        self.skip_blanks();
        let start = self.at;
        let Some(&first) = self.text.as_bytes().get(start) else { return Ok(None) };
        let token = match first {
            b'(' => self.one(Token::Open(Shape::List)),
            b'[' => self.one(Token::Open(Shape::Vector)),
            b'{' => self.one(Token::Open(Shape::Map)),
            b')' | b']' | b'}' => self.one(Token::Close(first as char)),
            b'^' => self.one(Token::Meta),
            b'"' => self.string(),
            b'#' => self.dispatch(),
            b'\\' => self.character(),
            b':' => self.keyword(),
            b'0'..=b'9' => self.number(),
            b'+' | b'-' if self.text.as_bytes().get(start + 1).is_some_and(u8::is_ascii_digit) => self.number(),
            _ => self.symbol(),
        }?;
        Ok(Some((token, start)))
    }

    /// A token of one byte.
    fn one(&mut self, token: Token<'a>) -> Result<Token<'a>, Fault> {
        self.at += 1;
        Ok(token)
    }

    /// Whitespace, commas and comments.
    pub(super) fn skip_blanks(&mut self) {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            match byte {
                b' ' | b',' | b'\t'..=b'\r' | 0x1c..=0x1f => self.at += 1,
                b';' => self.at = memchr::memchr2(b'\n', b'\r', &bytes[self.at..]).map_or(bytes.len(), |length| self.at + length),
                0..0x80 => return,
                // Unicode's spaces are rare enough to be slow.
                _ => match self.text[self.at..].chars().next() {
                    Some(c) if c.is_whitespace() => self.at += c.len_utf8(),
                    _ => return,
                },
            }
        }
    }

    /// The word that begins here, which may be empty.
    fn word(&mut self) -> &'a str {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let length = bytes[start..].iter().position(|&byte| ends_word(byte)).unwrap_or(bytes.len() - start);
        // Only ASCII ends a word, so it ends between characters; a Unicode space inside is looked for where there is any.
        let mut word = &self.text[start..start + length];
        if !word.is_ascii() {
            word = &word[..word.find(char::is_whitespace).unwrap_or(word.len())];
        }
        self.at += word.len();
        word
    }

    fn string(&mut self) -> Result<Token<'a>, Fault> {
        let bytes = self.text.as_bytes();
        let quote = self.at;
        let start = quote + 1;
        let mut owned = String::new();
        let mut plain = start;
        loop {
            let from = plain;
            let Some(length) = memchr::memchr2(b'"', b'\\', &bytes[from..]) else {
                return Err(Fault::new(quote, "a string that never ends"));
            };
            let end = from + length;
            if bytes[end] == b'"' {
                self.at = end + 1;
                let rest = &self.text[from..end];
                return Ok(Token::String(if from == start { Cow::Borrowed(rest) } else { Cow::Owned(owned + rest) }));
            }
            owned.push_str(&self.text[from..end]);
            if end + 1 == bytes.len() {
                return Err(Fault::new(quote, "a string that never ends"));
            }
            let (c, length) = escape(&self.text[end..]).ok_or_else(|| {
                let shown: String = self.text[end..].chars().take(2).collect();
                Fault::new(
                    end,
                    format!("unknown escape `{}` in a string", shown.escape_debug().to_string().replace("\\\\", "\\")),
                )
            })?;
            owned.push(c);
            plain = end + length;
        }
    }

    fn character(&mut self) -> Result<Token<'a>, Fault> {
        let start = self.at;
        self.at += 1;
        let Some(first) = self.text[self.at..].chars().next() else {
            return Err(Fault::new(start, "`\\` at the end: expected a character"));
        };
        let mut name = &self.text[self.at..self.at + first.len_utf8()];
        self.at += name.len();
        if !(first.is_whitespace() || first.is_ascii() && ends_word(first as u8)) {
            let rest = self.word();
            name = &self.text[start + 1..start + 1 + name.len() + rest.len()];
        }
        let c = match name {
            "newline" => Some('\n'),
            "return" => Some('\r'),
            "tab" => Some('\t'),
            "space" => Some(' '),
            "backspace" => Some('\u{8}'),
            "formfeed" => Some('\u{c}'),
            _ if name.chars().nth(1).is_none() => Some(first),
            _ if first == 'u' => hex(&name[1..], 4),
            _ if first == 'o' => octal(&name[1..]),
            _ => None,
        };
        match c {
            Some(c) => Ok(Token::Scalar(Cow::Owned(character_text(c)))),
            None => Err(Fault::new(start, format!("unknown character `\\{}`", cut(name)))),
        }
    }

    fn keyword(&mut self) -> Result<Token<'a>, Fault> {
        let start = self.at;
        let word = self.word();
        match &word[1..] {
            "" => Err(Fault::new(start, "`:` without a name: expected a keyword")),
            name => Ok(Token::Keyword(name)),
        }
    }

    fn number(&mut self) -> Result<Token<'a>, Fault> {
        let start = self.at;
        let word = self.word();
        number(word).map_err(|message| Fault::new(start, message))
    }

    fn symbol(&mut self) -> Result<Token<'a>, Fault> {
        let start = self.at;
        match self.word() {
            "nil" => Ok(Token::Nil),
            "true" => Ok(Token::Bool(true)),
            "false" => Ok(Token::Bool(false)),
            "" => {
                let c = self.text[start..].chars().next().expect("not at the end");
                Err(Fault::new(start, format!("unexpected character `{}`", c.escape_debug())))
            }
            word => Ok(Token::Symbol(word)),
        }
    }

    /// What begins with `#`.
    fn dispatch(&mut self) -> Result<Token<'a>, Fault> {
        let start = self.at;
        self.at += 1;
        match self.text.as_bytes().get(self.at) {
            Some(b'{') => {
                self.at += 1;
                Ok(Token::Open(Shape::Set))
            }
            Some(b'_') => {
                self.at += 1;
                Ok(Token::Discard)
            }
            Some(b'^') => {
                self.at += 1;
                Ok(Token::Meta)
            }
            Some(b'#') => {
                self.at += 1;
                match self.word() {
                    name @ ("Inf" | "-Inf" | "NaN") => {
                        Ok(Token::Scalar(Cow::Borrowed(&self.text[start..start + 2 + name.len()])))
                    }
                    other => Err(Fault::new(
                        start,
                        format!("unknown symbolic value `##{}`; expected ##Inf, ##-Inf or ##NaN", cut(other)),
                    )),
                }
            }
            Some(b':') => match &self.word()[1..] {
                "" => Err(Fault::new(start, "`#:` without a namespace")),
                namespace => Ok(Token::Namespace(namespace)),
            },
            _ => match self.word() {
                "" => Err(Fault::new(start, "`#` without a tag")),
                tag => Ok(Token::Tag(tag)),
            },
        }
    }
}

/// The character that an escape stands for, and the length of the escape.
fn escape(text: &str) -> Option<(char, usize)> {
    let mut chars = text.chars().skip(1);
    Some(match chars.next()? {
        'n' => ('\n', 2),
        't' => ('\t', 2),
        'r' => ('\r', 2),
        'b' => ('\u{8}', 2),
        'f' => ('\u{c}', 2),
        '\\' => ('\\', 2),
        '"' => ('"', 2),
        'u' => match (text.get(2..6).and_then(unit)?, text.get(6..8), text.get(8..12).and_then(unit)) {
            // Java writes characters beyond 16 bits as two escapes.
            (high @ 0xd800..0xdc00, Some("\\u"), Some(low @ 0xdc00..0xe000)) => {
                (char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))?, 12)
            }
            (unit, _, _) => (char::from_u32(unit)?, 6),
        },
        '0'..='7' => {
            let digits = text[1..].bytes().take(3).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
            (octal(&text[1..1 + digits])?, 1 + digits)
        }
        _ => return None,
    })
}

/// Four hexadecimal digits.
fn unit(digits: &str) -> Option<u32> {
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
}

fn hex(digits: &str, length: usize) -> Option<char> {
    (digits.len() == length).then(|| unit(digits)).flatten().and_then(char::from_u32)
}

fn octal(digits: &str) -> Option<char> {
    let all = (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    let code = all.then(|| u32::from_str_radix(digits, 8).ok()).flatten()?;
    (code <= 0o377).then(|| char::from_u32(code)).flatten()
}

/// How a character is written.
fn character_text(c: char) -> String {
    match c {
        '\n' => "\\newline".into(),
        '\r' => "\\return".into(),
        '\t' => "\\tab".into(),
        ' ' => "\\space".into(),
        '\u{8}' => "\\backspace".into(),
        '\u{c}' => "\\formfeed".into(),
        c => format!("\\{c}"),
    }
}

/// A word, cut to a length for messages.
pub(super) fn cut(word: &str) -> String {
    match word.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &word[..end]),
        None => word.to_owned(),
    }
}
