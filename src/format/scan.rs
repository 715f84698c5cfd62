//! Finds the extent of JSON values that are plain: strings without escapes, numbers, literals, arrays and objects a few deep.
//!
//! Lines of recordings are nearly all plain, and this is several times as fast as a parser that has to be ready for anything. Whatever
//! is not plain, wrong lines above all, is `None`: then serde_json reads it, and says what is wrong. What is plain here is JSON there,
//! with the same extents; the tests hold the two together.

/// How deep plain values nest; recursion is bounded by it.
const DEPTH: usize = 4;

/// A text and how far it was scanned.
pub(super) struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    pub fn new(text: &'a str) -> Self {
        Scan { text, at: 0 }
    }

    /// Is there nothing left?
    pub fn ends(&mut self) -> bool {
        self.next().is_none()
    }

    /// The members between two brackets, separated by commas.
    #[inline]
    pub fn members(&mut self, open: u8, close: u8, mut member: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.expect(open)?;
        if self.next()? == close {
            self.at += 1;
            return Some(());
        }
        loop {
            member(self)?;
            match self.next()? {
                b',' => self.at += 1,
                byte if byte == close => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// The name of a field, with the colon after it.
    #[inline]
    pub fn name(&mut self) -> Option<&'a str> {
        self.next()?;
        let quoted = self.string()?;
        self.expect(b':')?;
        Some(&quoted[1..quoted.len() - 1])
    }

    /// A value, as it is written.
    #[inline]
    pub fn value(&mut self) -> Option<&'a str> {
        self.next()?;
        self.nested(DEPTH)
    }

    fn nested(&mut self, depth: usize) -> Option<&'a str> {
        let start = self.at;
        match self.next()? {
            b'"' => return self.string(),
            b'-' | b'0'..=b'9' => self.number()?,
            b't' => self.literal("true")?,
            b'f' => self.literal("false")?,
            b'n' => self.literal("null")?,
            b'[' if depth > 0 => self.members(b'[', b']', |scan| {
                scan.next()?;
                scan.nested(depth - 1).map(drop)
            })?,
            b'{' if depth > 0 => self.members(b'{', b'}', |scan| {
                scan.name()?;
                scan.next()?;
                scan.nested(depth - 1).map(drop)
            })?,
            _ => return None,
        }
        Some(&self.text[start..self.at])
    }

    /// A string, with its quotes.
    #[inline]
    fn string(&mut self) -> Option<&'a str> {
        let start = self.at;
        let rest = self.text.as_bytes()[start..].strip_prefix(b"\"")?;
        let length = rest.iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < b' ')?;
        if rest[length] != b'"' {
            return None;
        }
        self.at = start + length + 2;
        Some(&self.text[start..self.at])
    }

    fn number(&mut self) -> Option<()> {
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        match self.byte()? {
            b'0' => self.at += 1,
            _ => self.digits()?,
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    /// One digit at least.
    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn literal(&mut self, literal: &str) -> Option<()> {
        let found = self.text.as_bytes()[self.at..].starts_with(literal.as_bytes());
        self.at += literal.len();
        found.then_some(())
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        let found = self.next()? == byte;
        self.at += 1;
        found.then_some(())
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no whitespace, still to be scanned.
    #[inline]
    fn next(&mut self) -> Option<u8> {
        while let b' ' | b'\t' | b'\n' | b'\r' = self.byte()? {
            self.at += 1;
        }
        self.byte()
    }
}
