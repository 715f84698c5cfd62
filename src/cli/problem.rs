//! An input that could not be read, in the manner of rustc: message, place, the line itself and a caret.

use std::fmt::Write;
use std::io;
use std::path::Path;

use anstyle::{AnsiColor, Style};

use testimony::format::ReadError;
use testimony::report::InputError;

/// What is wrong with an input.
pub struct Problem {
    pub error: InputError,
    /// The line, cut around the column, and where the column is in it. (Boxed to keep every `Result` with a problem small.)
    excerpt: Option<Box<(String, Option<u64>)>>,
    /// No format claims the content.
    pub unrecognised: bool,
}

impl Problem {
    /// Something about the input as a whole.
    pub fn whole(path: &Path, message: impl Into<String>) -> Self {
        let error = InputError { path: path.display().to_string(), line: None, column: None, message: message.into() };
        Problem { error, excerpt: None, unrecognised: false }
    }

    /// It could not be opened or read.
    pub fn io(path: &Path, error: &io::Error) -> Self {
        let message = match error.kind() {
            io::ErrorKind::NotFound => "no such file or folder".to_owned(),
            io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            _ => error.to_string(),
        };
        Problem::whole(path, message)
    }

    /// It is no history.
    pub fn read(path: &Path, error: ReadError) -> Self {
        Problem {
            unrecognised: error.is_unrecognised(),
            excerpt: error.excerpt.map(|line| Box::new((line, error.excerpt_column))),
            error: InputError {
                line: error.line,
                column: error.column,
                message: error.message,
                ..Problem::whole(path, "").error
            },
        }
    }

    /// With escape codes; whoever prints it takes them out again.
    pub fn render(&self) -> String {
        let (bad, frame) = (AnsiColor::Red.on_default().bold(), AnsiColor::Blue.on_default().bold());
        let strong = Style::new().bold();
        let InputError { path, line, column, message } = &self.error;
        let mut place = plain(path);
        for number in [line, column].into_iter().flatten() {
            let _ = write!(place, ":{number}");
        }
        let mut text = format!("{bad}error{bad:#}: {strong}{}{strong:#}\n", plain(message));
        let number = line.map(|line| line.to_string()).unwrap_or_default();
        let margin = " ".repeat(number.len());
        let _ = writeln!(text, "{margin:1}{frame}-->{frame:#} {place}");
        if let (Some((excerpt, column)), Some(_)) = (self.excerpt.as_deref(), line) {
            let _ = writeln!(text, "{margin} {frame}|{frame:#}");
            let _ = writeln!(text, "{frame}{number} |{frame:#} {}", plain(excerpt));
            if let Some(column) = column {
                let before: String = excerpt.chars().take(*column as usize - 1).collect();
                let indent = " ".repeat(unicode_width::UnicodeWidthStr::width(before.as_str()));
                let _ = writeln!(text, "{margin} {frame}|{frame:#} {indent}{bad}^{bad:#}");
            }
        }
        text
    }

    /// On one line.
    pub fn brief(&self) -> String {
        format!("{}: {}", plain(&self.error.path), plain(&self.error.message))
    }
}

/// Without control characters: neither a file's name nor its content commands the terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
