//! The native format, JSON Lines: one operation or transaction a line.
//!
//! Lines are independent of each other but for the header on the first, so that the content can be cut at line ends and read in
//! parallel.

mod field;
mod header;
mod read;
mod write;

use std::io;

use super::{Format, ReadError, ReadOptions, WriteError, json::keys_of_object};
use crate::history::History;

#[cfg(feature = "parquet")]
pub(super) use {read::header as read_header, write::header as write_header};

/// The native format.
pub(super) struct Jsonl;

impl Format for Jsonl {
    fn name(&self) -> &'static str {
        "jsonl"
    }

    fn about(&self) -> &'static str {
        "Testimony's own: JSON Lines, one operation or transaction a line"
    }

    fn detect(&self, head: &[u8]) -> bool {
        let line = head.trim_ascii_start();
        keys_of_object(line).any(|key| matches!(key, b"testimony" | b"session" | b"op" | b"txn"))
    }

    fn read(&self, bytes: &[u8], options: &ReadOptions) -> Result<History, ReadError> {
        read::read(bytes, options)
    }

    fn write(&self, history: &History, lossy: bool, out: &mut dyn io::Write) -> Result<(), WriteError> {
        write::write(history, lossy, out)
    }
}
