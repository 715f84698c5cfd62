//! What can be wrong with a recording, and where.
//!
//! Readers say [`Fault`]: a message at a byte offset. [`ReadError`] is the same for people, with line, column (in characters) and the
//! line itself; working those out costs one pass over the content, paid only on the way out.

use std::io;

/// Why bytes are no history. The caller knows the path and adds it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ReadError {
    /// The line, from 1.
    pub line: Option<u64>,
    /// The column, from 1, in characters.
    pub column: Option<u64>,
    /// What is wrong.
    pub message: String,
    /// The line itself, cut to a readable width around the column, without control characters.
    pub excerpt: Option<String>,
    /// Where the column is in the excerpt, from 1, in characters.
    pub excerpt_column: Option<u64>,
    unrecognised: bool,
}

impl ReadError {
    /// Did no format claim the content? In a folder that is a note, not an error.
    pub fn is_unrecognised(&self) -> bool {
        self.unrecognised
    }

    /// An error of the content as a whole.
    pub(super) fn whole(message: impl Into<String>) -> Self {
        ReadError { line: None, column: None, message: message.into(), excerpt: None, excerpt_column: None, unrecognised: false }
    }

    /// Content that no format of this build claims, and no text to be shown.
    #[cfg(not(feature = "parquet"))]
    pub(super) fn unreadable(message: &str) -> Self {
        ReadError { unrecognised: true, ..Self::whole(message) }
    }

    /// Content that no format claims; shows its first line.
    pub(super) fn unrecognised(message: String, content: &[u8]) -> Self {
        let start = content.iter().position(|byte| !byte.is_ascii_whitespace());
        let error = match start {
            Some(start) => Fault { at: start, message }.place(content),
            None => Self::whole(message),
        };
        ReadError { unrecognised: true, ..error }
    }

    /// An error on a line that is known by its number only: the column is where its text begins.
    pub(super) fn on_line(line: Option<u32>, message: String, content: &[u8]) -> Self {
        let Some(line) = line.filter(|&line| line > 0) else { return Self::whole(message) };
        let start = match line {
            1 => Some(0),
            _ => memchr::memchr_iter(b'\n', content).nth(line as usize - 2).map(|newline| newline + 1),
        };
        match start {
            Some(start) => {
                let blanks = content[start..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
                Fault { at: start + blanks, message }.place(content)
            }
            None => ReadError { line: Some(line.into()), ..Self::whole(message) },
        }
    }
}

/// Why a history cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The format has no place for a fact of the history.
    #[error("{}{format} cannot hold {field}", line.map(|line| format!("line {line}: ")).unwrap_or_default())]
    Field {
        /// The format.
        format: &'static str,
        /// The fact, as the native format names it.
        field: String,
        /// The line of the operation that has it, where it belongs to one.
        line: Option<u32>,
    },
    /// Writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What is wrong, at a byte of the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// The offset in the content.
    pub at: usize,
    /// What is wrong.
    pub message: String,
}

impl Fault {
    pub fn new(at: usize, message: impl Into<String>) -> Self {
        Fault { at, message: message.into() }
    }

    /// Looks up line, column and the line itself.
    pub fn place(self, content: &[u8]) -> ReadError {
        let at = self.at.min(content.len());
        let before = &content[..at];
        let start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        let line = memchr::memchr_iter(b'\n', &content[..start]).count() as u64 + 1;
        let end = memchr::memchr(b'\n', &content[at..]).map_or(content.len(), |length| at + length);
        let (excerpt, excerpt_column) = excerpt(&content[start..end], at - start);
        ReadError {
            line: Some(line),
            column: Some(characters(&content[start..at]) + 1),
            message: self.message,
            excerpt: Some(excerpt),
            excerpt_column: Some(excerpt_column),
            unrecognised: false,
        }
    }
}

/// Characters, where the bytes are UTF-8; continuation bytes do not count.
fn characters(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&byte| byte & 0xc0 != 0x80).count() as u64
}

/// At most this many bytes before and after the column are shown.
const BEFORE: usize = 60;
const AFTER: usize = 60;

fn excerpt(line: &[u8], at: usize) -> (String, u64) {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let at = at.min(line.len());
    let whole = line.len() <= BEFORE + AFTER;
    let boundary = |mut i: usize| {
        while i > 0 && i < line.len() && line[i] & 0xc0 == 0x80 {
            i -= 1;
        }
        i
    };
    let start = if whole { 0 } else { boundary(at.saturating_sub(BEFORE)) };
    let end = if whole { line.len() } else { boundary((at + AFTER).min(line.len())) };
    let readable = |bytes: &[u8]| -> String {
        String::from_utf8_lossy(bytes)
            .chars()
            .map(|c| match c {
                '\t' => ' ',
                c if c.is_control() => '\u{fffd}',
                c => c,
            })
            .collect()
    };
    let before = readable(&line[start..at]);
    let mut text = String::new();
    if start > 0 {
        text.push('…');
    }
    text.push_str(&before);
    let column = text.chars().count() as u64 + 1;
    text.push_str(&readable(&line[at..end.max(at)]));
    if end < line.len() {
        text.push('…');
    }
    (text, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_finds_its_line_and_column() {
        let content = "first\nzwölf x\r\nlast".as_bytes();
        let at = content.iter().position(|&b| b == b'x').unwrap();
        let error = Fault::new(at, "here").place(content);
        assert_eq!((error.line, error.column), (Some(2), Some(7)));
        assert_eq!(error.excerpt.as_deref(), Some("zwölf x"));
        assert_eq!(error.excerpt_column, Some(7));
        let error = Fault::new(usize::MAX, "end").place(content);
        assert_eq!((error.line, error.column), (Some(3), Some(5)));
        assert!(!error.is_unrecognised());
    }

    #[test]
    fn a_long_line_is_cut_around_the_column() {
        let mut content = vec![b'a'; 1000];
        content[500] = 0;
        let error = Fault::new(500, "").place(&content);
        let excerpt = error.excerpt.unwrap();
        assert!(excerpt.chars().count() < 130 && excerpt.starts_with('…') && excerpt.ends_with('…'));
        assert_eq!(excerpt.chars().nth(error.excerpt_column.unwrap() as usize - 1), Some('\u{fffd}'));
        assert_eq!(error.column, Some(501));
    }

    #[test]
    fn a_line_number_finds_its_line() {
        let error = ReadError::on_line(Some(2), "x".into(), b"one\n  two\nthree");
        assert_eq!((error.line, error.column, error.excerpt.as_deref()), (Some(2), Some(3), Some("  two")));
        assert_eq!(ReadError::on_line(Some(9), "x".into(), b"one").line, Some(9));
        assert_eq!(ReadError::on_line(None, "x".into(), b"one").line, None);
    }
}
