//! Parquet: the native format's fields as columns, one row an operation.
//!
//! | column | cells |
//! |---|---|
//! | `session` `node` `key` `value` `from` `to` | any value: integers, text, or JSON where the column's logical type says so; EDN text in a column with `_edn` behind its name |
//! | `op` `status` | text |
//! | `txn` | consecutive rows of a session with one number are a transaction |
//! | `invoke_ns` `complete_ns` `line` | integers |
//! | `version` | integers, or text of digits |
//! | `final` | booleans |
//! | `error` | JSON or text |
//!
//! The file's metadata has the native format's header under `testimony`, and events under `testimony.events`. The `parquet` crate writes. Reading
//! is done here: the crate's reader follows the nesting of the schema by recursion, asserts what a damaged file denies, allocates what
//! it claims, and shows values where the codes of the dictionary are wanted. Source: the Apache Parquet format (github.com/apache/parquet-format).

mod cells;
mod encoding;
mod footer;
mod page;
mod read;
mod rows;
mod thrift;
mod write;

use std::io;

use super::{Format, ReadError, ReadOptions, WriteError};
use crate::history::History;

/// Parquet.
pub(super) struct Parquet;

impl Format for Parquet {
    fn name(&self) -> &'static str {
        "parquet"
    }

    fn about(&self) -> &'static str {
        "Apache Parquet: the native format's fields as columns, one row an operation"
    }

    fn detect(&self, head: &[u8]) -> bool {
        head.starts_with(b"PAR1")
    }

    fn read(&self, bytes: &[u8], options: &ReadOptions) -> Result<History, ReadError> {
        read::read(bytes, options).map_err(|message| ReadError::whole(format!("parquet: {message}")))
    }

    fn write(&self, history: &History, lossy: bool, out: &mut dyn io::Write) -> Result<(), WriteError> {
        write::write(history, lossy, out)
    }
}

/// The columns, by the names of the native format's fields.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Field {
    Session,
    Node,
    Op,
    Key,
    Value,
    From,
    To,
    Txn,
    Status,
    Invoke,
    Complete,
    Version,
    Final,
    Error,
    Line,
}

impl Field {
    const ALL: [Field; 15] = {
        use Field::*;
        [Session, Node, Op, Key, Value, From, To, Txn, Status, Invoke, Complete, Version, Final, Error, Line]
    };

    fn name(self) -> &'static str {
        match self {
            Field::Session => "session",
            Field::Node => "node",
            Field::Op => "op",
            Field::Key => "key",
            Field::Value => "value",
            Field::From => "from",
            Field::To => "to",
            Field::Txn => "txn",
            Field::Status => "status",
            Field::Invoke => "invoke_ns",
            Field::Complete => "complete_ns",
            Field::Version => "version",
            Field::Final => "final",
            Field::Error => "error",
            Field::Line => "line",
        }
    }

    /// Are its cells values, which may be EDN?
    fn holds_values(self) -> bool {
        matches!(self, Field::Session | Field::Node | Field::Key | Field::Value | Field::From | Field::To)
    }
}

/// Behind the name of a column of EDN text.
const EDN: &str = "_edn";

/// The native format's header in the file's metadata.
const HEADER: &str = "testimony";

/// Events that are no operations: a JSON array of `[line, time or null, text]`.
const EVENTS: &str = "testimony.events";
