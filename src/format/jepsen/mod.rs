//! Jepsen's histories, in EDN and in JSON: one map for each invocation and each completion.
//!
//! [`edn`] and [`json`] find the fields of each map and put their values on a [tape](super::form::Tape); [`entry`] makes a record
//! of them; [`pair`] joins invocations and completions into transactions. Source: Jepsen's and Elle's documentation of operations
//! (jepsen.history), and the histories that their projects publish.

mod edn;
mod entry;
mod json;
mod order;
mod pair;
mod unheld;
mod write;

use std::io;

use super::{Format, ReadError, ReadOptions, WriteError};
use crate::history::History;

/// Jepsen's `history.edn`.
pub(super) struct JepsenEdn;

/// The same maps in JSON.
pub(super) struct JepsenJson;

impl Format for JepsenEdn {
    fn name(&self) -> &'static str {
        "jepsen-edn"
    }

    fn about(&self) -> &'static str {
        "Jepsen's and Elle's history.edn: a vector, a list, or bare maps one after another"
    }

    fn detect(&self, head: &[u8]) -> bool {
        edn::detect(head)
    }

    fn read(&self, bytes: &[u8], options: &ReadOptions) -> Result<History, ReadError> {
        edn::read(bytes, options)
    }

    fn write(&self, history: &History, lossy: bool, out: &mut dyn io::Write) -> Result<(), WriteError> {
        write::write(history, write::Notation::Edn, lossy, out)
    }
}

impl Format for JepsenJson {
    fn name(&self) -> &'static str {
        "jepsen-json"
    }

    fn about(&self) -> &'static str {
        "Jepsen's operations in JSON: one array, or one object after another"
    }

    fn detect(&self, head: &[u8]) -> bool {
        json::detect(head)
    }

    fn read(&self, bytes: &[u8], options: &ReadOptions) -> Result<History, ReadError> {
        json::read(bytes, options)
    }

    fn write(&self, history: &History, lossy: bool, out: &mut dyn io::Write) -> Result<(), WriteError> {
        write::write(history, write::Notation::Json, lossy, out)
    }
}
