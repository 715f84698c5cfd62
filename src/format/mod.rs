//! Formats: bytes in, [`History`] out, and back for `convert`.
//!
//! [`read`] unpacks what is packed, finds the format by looking at the content, and reads it. Every format works on byte offsets into
//! the whole content and knows nothing of files; offsets become lines and columns only where something is wrong, so the way without
//! errors pays nothing for them. To add a format: one module, one line in [`FORMATS`], a sample under `histories/`.

mod edn;
mod error;
mod form;
mod intern;
mod jepsen;
mod json;
mod jsonl;
mod object;
mod packed;
#[cfg(feature = "parquet")]
mod parquet;
mod pieces;
mod plume;
mod scan;
mod spelling;
mod suggest;

use std::io;

use error::Fault;
pub use error::{ReadError, WriteError};

use crate::history::{BuildError, DataType, History, HistoryBuilder, Status};

/// A format of recorded histories.
pub trait Format: Sync {
    /// Its name on the command line and in reports.
    fn name(&self) -> &'static str;

    /// One line that says what it is.
    fn about(&self) -> &'static str;

    /// Is content that begins like this its own? At most the first 64 KiB, unpacked and without a byte order mark.
    fn detect(&self, head: &[u8]) -> bool;

    /// Reads unpacked content without a byte order mark.
    fn read(&self, bytes: &[u8], options: &ReadOptions) -> Result<History, ReadError>;

    /// Writes a history so that `read` gives it back. A fact that the format has no place for is an error that names it; where the
    /// caller says `lossy`, it is left out.
    fn write(&self, history: &History, lossy: bool, out: &mut dyn io::Write) -> Result<(), WriteError>;
}

/// Every format, in the order in which they are asked whether a content is theirs.
pub static FORMATS: &[&dyn Format] = &[
    &jsonl::Jsonl,
    &jepsen::JepsenEdn,
    &jepsen::JepsenJson,
    &plume::Plume,
    #[cfg(feature = "parquet")]
    &parquet::Parquet,
];

/// A format by its name.
pub fn find(name: &str) -> Option<&'static dyn Format> {
    FORMATS.iter().copied().find(|format| format.name() == name)
}

/// How to read.
#[derive(Default, Clone)]
pub struct ReadOptions {
    /// The format, where it is not to be found by looking at the content.
    pub format: Option<&'static dyn Format>,
    /// Jepsen's `independent`: values are `[key value]` tuples.
    pub independent: bool,
    /// The data type of every key, where it is not to be found by looking at the operations.
    pub workload: Option<DataType>,
}

/// A history and what it was read from.
pub struct Recording {
    /// The history.
    pub history: History,
    /// The name of its format.
    pub format: &'static str,
}

/// How much of the content detection looks at.
const HEAD: usize = 64 << 10;

/// Reads a history from bytes as stored: gzip and zstd are recognised and unpacked, then the format is found.
pub fn read(bytes: &[u8], options: &ReadOptions) -> Result<Recording, ReadError> {
    let unpacked = packed::unpack(bytes)?;
    let bytes: &[u8] = &unpacked;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let format = match options.format {
        Some(format) => format,
        None => detect(bytes)?,
    };
    let history = format.read(bytes, options)?;
    Ok(Recording { history, format: format.name() })
}

fn detect(bytes: &[u8]) -> Result<&'static dyn Format, ReadError> {
    let head = &bytes[..bytes.len().min(HEAD)];
    if let Some(format) = FORMATS.iter().copied().find(|format| format.detect(head)) {
        return Ok(format);
    }
    #[cfg(not(feature = "parquet"))]
    if head.starts_with(b"PAR1") {
        return Err(ReadError::unreadable("parquet: this build lacks the feature `parquet`"));
    }
    let message = if bytes.iter().all(u8::is_ascii_whitespace) {
        "empty: there is no history in it".to_owned()
    } else if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        "the content looks like UTF-16; expected UTF-8".to_owned()
    } else {
        let names: Vec<&str> = FORMATS.iter().map(|format| format.name()).collect();
        format!("no format recognises this content (known formats: {})", names.join(", "))
    };
    Err(ReadError::unrecognised(message, bytes))
}

/// A builder with what the options say.
fn builder(options: &ReadOptions) -> HistoryBuilder {
    let mut builder = HistoryBuilder::new();
    if let Some(workload) = options.workload {
        builder.workload(workload);
    }
    builder
}

/// Finishes a history, and warns where its times contradict the order of its lines.
fn finish(builder: HistoryBuilder, content: &[u8]) -> Result<History, ReadError> {
    let history = builder.finish().map_err(|BuildError { line, message }| ReadError::on_line(line, message, content))?;
    Ok(with_disorder_told(history))
}

fn with_disorder_told(mut history: History) -> History {
    if let Some(warning) = disorder(&history) {
        history.warnings.push(warning);
    }
    history
}

/// Transactions that were over before one was invoked that stands earlier in the same session's lines. One that overlaps it is no
/// contradiction: recorders write a line when an operation completes.
fn disorder(history: &History) -> Option<String> {
    let mut latest = vec![i64::MIN; history.sessions()];
    let mut first = None;
    let mut count = 0u64;
    for txn in history.txns() {
        let Some(invoked) = history.invoked(txn) else { continue };
        let over = match history.txn_status(txn) {
            Status::Info => invoked,
            Status::Ok | Status::Fail => history.completed(txn).unwrap_or(invoked),
        };
        let session = history.txn_session(txn);
        let latest = &mut latest[session.index()];
        if invoked < *latest && over <= *latest {
            count += 1;
            first = first.or_else(|| Some((history.line(history.txn_ops(txn).next()?), session)));
        }
        *latest = (*latest).max(invoked);
    }
    let (line, session) = first?;
    let session = history.session_text(session);
    let operations = if count == 1 { "1 operation stands".to_owned() } else { format!("{count} operations stand") };
    Some(format!(
        "{operations} later in the lines of its session than the times say, first on line {line} (session {session}): the times win"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for (i, format) in FORMATS.iter().enumerate() {
            assert!(FORMATS[..i].iter().all(|other| other.name() != format.name()));
            assert_eq!(find(format.name()).unwrap().name(), format.name());
            assert!(!format.about().is_empty());
        }
        assert!(find("nonsense").is_none());
    }

    #[test]
    fn unclaimed_content_says_so() {
        for (content, message) in [
            (&b""[..], "empty: there is no history in it"),
            (b" \r\n\t", "empty: there is no history in it"),
            (b"\xff\xfe{\0", "the content looks like UTF-16; expected UTF-8"),
            (b"hello", "no format recognises this content (known formats: "),
            (b"{\"name\":\"package\"}", "no format recognises this content (known formats: "),
        ] {
            let error = read(content, &ReadOptions::default()).err().expect("no history");
            assert!(error.is_unrecognised());
            assert!(error.message.starts_with(message), "{}", error.message);
        }
    }

    #[cfg(not(feature = "parquet"))]
    #[test]
    fn a_format_that_was_left_out_is_named() {
        let error = read(b"PAR1\x15\x04", &ReadOptions::default()).err().expect("no history");
        assert_eq!(
            (error.is_unrecognised(), error.line, error.message.as_str()),
            (true, None, "parquet: this build lacks the feature `parquet`")
        );
    }

    #[test]
    fn times_that_contradict_the_lines_are_told() {
        let text = br#"{"session":"a","op":"write","key":"x","value":1,"invoke_ns":20,"complete_ns":21}
{"session":"a","op":"read","key":"x","value":null,"invoke_ns":10,"complete_ns":11}
"#;
        let overlapping = std::str::from_utf8(text).unwrap().replace(":11}", ":21}");
        assert!(read(overlapping.as_bytes(), &ReadOptions::default()).unwrap().history.warnings().is_empty());
        let history = read(text, &ReadOptions::default()).unwrap().history;
        assert_eq!(
            history.warnings(),
            [
                "1 operation stands later in the lines of its session than the times say, first on line 2 (session a): the times win"
            ]
        );
    }
}
