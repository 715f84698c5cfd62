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

    /// The name of a field, with the colon after it; and the text from the name on.
    #[inline]
    pub fn name(&mut self) -> Option<(&'a str, &'a [u8])> {
        self.next()?;
        let start = self.at + 1;
        let quoted = self.string()?;
        self.expect(b':')?;
        Some((&quoted[1..quoted.len() - 1], &self.text.as_bytes()[start..]))
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
        let length = plain_length(rest)?;
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

/// How many bytes there are before the first that is a quote, a backslash or a control character. Eight bytes at a time (H. S. Warren,
/// Hacker's Delight, 6-1): of a word, in each byte's highest bit, is it zero?
#[inline]
fn plain_length(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGHEST: u64 = ONES << 7;
    let (words, rest) = bytes.as_chunks::<8>();
    for (i, &word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(word);
        // A byte borrows from those behind it only where it is one of them itself, and only the first counts.
        let below = |byte: u8, word: u64| word.wrapping_sub(ONES * u64::from(byte)) & !word;
        let is = |byte: u8| below(1, word ^ (ONES * u64::from(byte)));
        let special = (is(b'"') | is(b'\\') | below(b' ', word)) & HIGHEST;
        if special != 0 {
            return Some(8 * i + special.trailing_zeros() as usize / 8);
        }
    }
    let special = |&byte: &u8| matches!(byte, b'"' | b'\\' | 0..b' ');
    Some(8 * words.len() + rest.iter().position(special)?)
}

#[cfg(test)]
mod tests {
    use super::plain_length;

    #[test]
    fn plain_bytes_are_counted_as_one_by_one() {
        let letters = [b'"', b'\\', 0, 1, 31, b' ', b'!', b'#', b'[', b']', b'a', 0x7f, 0x80, 0x81, 0xa2, 0xdc, 0xff];
        let mut rng = fastrand::Rng::with_seed(7);
        let mut found = 0;
        for _ in 0..200_000 {
            // Mostly plain, so that whatever is not may stand anywhere.
            let plain = rng.usize(..24);
            let mut letter = |i: usize| if i < plain { b'x' } else { rng.choice(letters).expect("there are some") };
            let bytes: Vec<u8> = (0..24).map(&mut letter).collect();
            let length = rng.usize(..=24);
            let expected = bytes[..length].iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < b' ');
            found += usize::from(expected.is_some());
            assert_eq!(plain_length(&bytes[..length]), expected, "{:?}", &bytes[..length]);
        }
        assert!(found > 50_000 && found < 150_000, "{found} found");
    }
}
