//! Forms from tokens, one at a time, on an explicit stack.

use super::{
    plain::PlainKey,
    token::{Shape, Token, Tokens},
};
use crate::format::{
    Fault,
    form::{DEPTH, Tape, What},
};

/// How deep a form may nest that is skipped, not built.
const SKIPPED_DEPTH: usize = 1024;

/// Reads forms from a text.
#[derive(Clone)]
pub(in crate::format) struct Reader<'a> {
    tokens: Tokens<'a>,
}

/// Something begun and not ended.
struct Frame {
    kind: FrameKind,
    at: usize,
    /// Its item on the tape, or the length to cut the tape to.
    index: usize,
    /// How many forms are in it.
    count: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum FrameKind {
    Collection(Shape),
    Tag,
    Namespace,
    /// One form is to be dropped.
    Drop,
}

impl<'a> Reader<'a> {
    pub fn new(text: &'a str) -> Self {
        Reader { tokens: Tokens::new(text) }
    }

    /// Reads on from an offset.
    pub fn starting_at(text: &'a str, at: usize) -> Self {
        let mut reader = Self::new(text);
        reader.tokens.go_to(at);
        reader
    }

    /// Is there a token before an offset? Skips blanks.
    pub fn begins_before(&mut self, end: usize) -> bool {
        self.tokens.skip_blanks();
        self.at() < end
    }

    /// Takes the opening bracket of a map, where it is the next byte.
    pub fn plain_map(&mut self) -> bool {
        self.tokens.plain_map()
    }

    /// The offset of the next byte.
    pub fn at(&self) -> usize {
        self.tokens.at()
    }

    /// The next token that counts: discarded forms and metadata are skipped with what belongs to them.
    pub fn token(&mut self) -> Result<Option<(Token<'a>, usize)>, Fault> {
        loop {
            match self.tokens.next()? {
                Some((Token::Discard | Token::Meta, at)) => self.drop_form(at)?,
                other => return Ok(other),
            }
        }
    }

    /// Takes a plain keyword or the end of a map; what is neither for sure stays.
    pub fn plain_key(&mut self) -> Option<(PlainKey<'a>, usize)> {
        self.tokens.plain_key()
    }

    /// Appends the next form to a tape; returns its index. `None` where the collection around it, or the text, ends first; the
    /// closing bracket is then still there.
    pub fn form(&mut self, tape: &mut Tape<'a>) -> Result<Option<usize>, Fault> {
        let index = tape.len();
        if self.tokens.plain_form(tape) {
            return Ok(Some(index));
        }
        self.general_form(tape)
    }

    /// The same without the short way for plain forms.
    pub(super) fn general_form(&mut self, tape: &mut Tape<'a>) -> Result<Option<usize>, Fault> {
        let index = tape.len();
        let mut built = Some(tape);
        Ok(self.walk(&mut built, DEPTH)?.then_some(index))
    }

    /// Skips the next form; false where there is none.
    pub fn skip(&mut self) -> Result<bool, Fault> {
        self.walk(&mut None, SKIPPED_DEPTH)
    }

    fn drop_form(&mut self, at: usize) -> Result<(), Fault> {
        match self.skip()? {
            true => Ok(()),
            false => Err(Fault::new(at, "`#_` or `^` without a form after it")),
        }
    }

    fn walk(&mut self, tape: &mut Option<&mut Tape<'a>>, depth: usize) -> Result<bool, Fault> {
        let mut open: Vec<Frame> = Vec::new();
        loop {
            let before = self.tokens.clone();
            let Some((token, at)) = self.tokens.next()? else {
                return match open.last() {
                    None => Ok(false),
                    Some(frame) => Err(unended(frame)),
                };
            };
            let scalar = match token {
                Token::Open(shape) => {
                    let what = match shape {
                        Shape::List | Shape::Vector => What::Vector,
                        Shape::Map => What::Map,
                        Shape::Set => What::Set,
                    };
                    push(&mut open, tape, FrameKind::Collection(shape), Some(what), at, depth)?;
                    continue;
                }
                Token::Tag(tag) => {
                    push(&mut open, tape, FrameKind::Tag, Some(What::Tagged(tag)), at, depth)?;
                    continue;
                }
                Token::Namespace(namespace) => {
                    push(&mut open, tape, FrameKind::Namespace, Some(What::Namespaced(namespace)), at, depth)?;
                    continue;
                }
                Token::Discard | Token::Meta => {
                    push(&mut open, tape, FrameKind::Drop, None, at, depth)?;
                    continue;
                }
                Token::Close(bracket) => {
                    match open.pop() {
                        None => {
                            self.tokens = before;
                            return Ok(false);
                        }
                        Some(frame) => close(&frame, bracket, at, tape)?,
                    }
                    None
                }
                Token::Nil => Some(What::Nil),
                Token::Bool(value) => Some(What::Bool(value)),
                Token::Int(value) => Some(What::Int(value)),
                Token::Float(value) => Some(What::Float(value)),
                Token::String(text) => Some(What::String(text)),
                Token::Keyword(text) => Some(What::Keyword(text)),
                Token::Symbol(text) => Some(What::Symbol(text)),
                Token::Scalar(text) => Some(What::Scalar(text)),
            };
            if let (Some(what), Some(tape)) = (scalar, tape.as_mut()) {
                check_namespaced(&open, at)?;
                tape.push(what, at);
            }
            if completed(&mut open, tape) {
                return Ok(true);
            }
        }
    }
}

fn push<'a>(
    open: &mut Vec<Frame>,
    tape: &mut Option<&mut Tape<'a>>,
    kind: FrameKind,
    what: Option<What<'a>>,
    at: usize,
    depth: usize,
) -> Result<(), Fault> {
    if open.len() == depth {
        return Err(Fault::new(at, format!("nested more than {depth} deep")));
    }
    if kind != FrameKind::Collection(Shape::Map) && kind != FrameKind::Drop {
        check_namespaced(open, at)?;
    }
    let index = match (tape.as_mut(), what) {
        (Some(tape), Some(what)) => tape.push(what, at),
        (Some(tape), None) => tape.len(),
        (None, _) => 0,
    };
    open.push(Frame { kind, at, index, count: 0 });
    Ok(())
}

/// Only a map follows a namespace.
fn check_namespaced(open: &[Frame], at: usize) -> Result<(), Fault> {
    match open.last() {
        Some(frame) if frame.kind == FrameKind::Namespace => Err(Fault::new(at, "a namespace (`#:name`) belongs before a map")),
        _ => Ok(()),
    }
}

fn close(frame: &Frame, bracket: char, at: usize, tape: &mut Option<&mut Tape<'_>>) -> Result<(), Fault> {
    let FrameKind::Collection(shape) = frame.kind else {
        return Err(Fault::new(frame.at, "a tag, `#_` or `^` without a form after it"));
    };
    if shape.closing() != bracket {
        return Err(Fault::new(at, format!("`{bracket}` closes nothing: `{}` is open", shape.opening())));
    }
    if shape == Shape::Map && frame.count % 2 == 1 {
        return Err(Fault::new(at, "a map with a key that has no value"));
    }
    if let Some(tape) = tape {
        tape.close(frame.index);
    }
    Ok(())
}

/// A form has ended, and with it the tags on it; true where nothing is open any more.
fn completed(open: &mut Vec<Frame>, tape: &mut Option<&mut Tape<'_>>) -> bool {
    loop {
        let Some(frame) = open.last_mut() else { return true };
        match frame.kind {
            FrameKind::Collection(_) => {
                frame.count += 1;
                return false;
            }
            FrameKind::Tag | FrameKind::Namespace => {
                if let Some(tape) = tape {
                    tape.close(frame.index);
                }
                open.pop();
            }
            FrameKind::Drop => {
                if let Some(tape) = tape {
                    tape.truncate(frame.index);
                }
                open.pop();
                return false;
            }
        }
    }
}

fn unended(frame: &Frame) -> Fault {
    Fault::new(
        frame.at,
        match frame.kind {
            FrameKind::Collection(shape) => format!("`{}` is never closed", shape.opening()),
            _ => "a tag, `#_` or `^` without a form after it".to_owned(),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::intern::edn_text;

    /// The canonical text of every form.
    fn read(text: &str) -> Result<String, String> {
        let fault = |fault: Fault| format!("{}: {}", fault.at, fault.message);
        let mut reader = Reader::new(text);
        let mut tape = Tape::default();
        let mut forms = Vec::new();
        while let Some(index) = reader.form(&mut tape).map_err(fault)? {
            forms.push(edn_text(&tape, index).map_err(fault)?);
        }
        assert_eq!(reader.tokens.next().map_err(fault)?, None, "{text}");
        Ok(forms.join(" "))
    }

    #[test]
    fn forms_are_read_as_clojure_reads_them() {
        for (text, expected) in [
            ("nil true false", "nil true false"),
            ("42 -7 +3 0x2A 052 2r101010 42N -0", "42 -7 3 42 42 42 42 0"),
            ("1.5 -2e3 1.0 7/14 4/2 -1/3 1.50M", "1.5 -2000.0 1.0 1/2 2 -1/3 1.50M"),
            ("##Inf ##-Inf ##NaN", "##Inf ##-Inf ##NaN"),
            (r#""a\n\t\"\\ é \u00e9 \ud83d\ude00 \101""#, r#""a\n\t\"\\ é é 😀 A""#),
            (r"\a \newline \u0041 \o101 \( \\ \é", r"\a \newline \A \A \( \\ \é"),
            (":a :a/b x ns/y + - -> .5 %", ":a :a/b x ns/y + - -> .5 %"),
            ("[1,2 (3 [])] #{3 1 2} {:b 1 :a 2}", "[1 2 [3 []]] #{1 2 3} {:a 2 :b 1}"),
            ("#inst \"2020\" #a #b [1]", "#inst \"2020\" #a #b [1]"),
            ("[1 #_2 #_ #_ 3 4 5] #_{:x [1]} 6", "[1 5] 6"),
            ("#_ #t [1 2] 3", "3"),
            ("^:meta [1 ^{:a 1} x] ^String y", "[1 x] y"),
            ("#:n{:a 1 :m/b 2 :_/c 3 d 4 \"e\" 5}", "{\"e\" 5 :c 3 :m/b 2 :n/a 1 n/d 4}"),
            ("; comment\n1 ;; [ (\r2 ; end", "1 2"),
            ("1;2\n[3]{:a\"b\"}", "1 [3] {:a \"b\"}"),
            ("\u{a0}1\u{2003}x\u{2003}y", "1 x y"),
            ("", ""),
        ] {
            assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_where_it_is() {
        for (text, expected) in [
            ("[1 (2", "3: `(` is never closed"),
            ("{:a 1} {:b #{", "11: `#{` is never closed"),
            ("[1 }", "3: `}` closes nothing: `[` is open"),
            ("{:a}", "3: a map with a key that has no value"),
            ("  \"abc", "2: a string that never ends"),
            ("\"ab\\", "0: a string that never ends"),
            (r#""ab\x""#, "3: unknown escape `\\x` in a string"),
            (r#""\ud800x""#, "1: unknown escape `\\u` in a string"),
            (r"\newlin", "0: unknown character `\\newlin`"),
            (r"\uzzzz", "0: unknown character `\\uzzzz`"),
            ("\\", "0: `\\` at the end: expected a character"),
            (": 1", "0: `:` without a name: expected a keyword"),
            ("1x", "0: `1x` is no number"),
            ("09", "0: `09` is no number"),
            ("1.2.3", "0: `1.2.3` is no number"),
            ("1/x", "0: `1/x` is no number"),
            ("1.xM", "0: `1.xM` is no number"),
            ("0x", "0: `0x` is no number"),
            ("1/0", "0: a ratio with denominator 0"),
            ("37r1", "0: `37r1`: the radix of an integer is 2 to 36"),
            ("1e999", "0: `1e999` is out of the range of 64-bit floats"),
            ("170141183460469231731687303715884105728", "0: an integer beyond 128 bits"),
            ("1/170141183460469231731687303715884105728", "0: an integer beyond 128 bits"),
            ("##Foo", "0: unknown symbolic value `##Foo`; expected ##Inf, ##-Inf or ##NaN"),
            ("#: {}", "0: `#:` without a namespace"),
            ("# x", "0: `#` without a tag"),
            ("#:n [1]", "4: a namespace (`#:name`) belongs before a map"),
            ("#:n 1", "4: a namespace (`#:name`) belongs before a map"),
            ("[#t]", "1: a tag, `#_` or `^` without a form after it"),
            ("#t", "0: a tag, `#_` or `^` without a form after it"),
            ("#_", "0: a tag, `#_` or `^` without a form after it"),
            ("\0", "0: unexpected character `\\0`"),
            ("{:a 1 :a 2}", "0: :a is there twice"),
            ("#{1 1}", "0: 1 is there twice"),
        ] {
            assert_eq!(read(text), Err(expected.to_owned()), "{text}");
        }
        assert_eq!(read("-170141183460469231731687303715884105728").as_deref(), Ok("-170141183460469231731687303715884105728"));
    }

    #[test]
    fn depth_is_bounded() {
        let deep = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert!(read(&deep(DEPTH)).is_ok());
        assert_eq!(read(&deep(DEPTH + 1)), Err(format!("{DEPTH}: nested more than 128 deep")));
        let mut reader = Reader::new("#_");
        assert_eq!(reader.token().unwrap_err().message, "`#_` or `^` without a form after it");
        assert!(Reader::new(&deep(SKIPPED_DEPTH)).skip().unwrap());
        let deepest = deep(1_000_000);
        assert_eq!(Reader::new(&deepest).skip().unwrap_err().message, "nested more than 1024 deep");
        let tags = "#a ".repeat(1_000_000);
        assert_eq!(Reader::new(&tags).skip().unwrap_err().message, "nested more than 1024 deep");
    }
}
