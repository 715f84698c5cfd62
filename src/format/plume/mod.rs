//! Plume's text format, AWDIT's too: `r(key,value,session,txn)` and `w(…)`, a line each.
//!
//! Source: Liu et al., *Plume: Efficient and Complete Black-Box Checking of Weak Isolation Levels* (OOPSLA'24);
//! Møldrup & Pavlogiannis, *AWDIT* (PLDI'25), whose generator writes it.

mod read;
mod write;

use std::io;

use super::{Format, ReadError, ReadOptions, WriteError};
use crate::history::History;

/// Plume's format.
pub(super) struct Plume;

impl Format for Plume {
    fn name(&self) -> &'static str {
        "plume"
    }

    fn about(&self) -> &'static str {
        "Plume's and AWDIT's text: r(key,value,session,txn) and w(…), a line each"
    }

    fn detect(&self, head: &[u8]) -> bool {
        match head.trim_ascii_start() {
            [b'r' | b'w', rest @ ..] => rest.trim_ascii_start().first() == Some(&b'('),
            _ => false,
        }
    }

    fn read(&self, bytes: &[u8], options: &ReadOptions) -> Result<History, ReadError> {
        read::read(bytes, options)
    }

    fn write(&self, history: &History, lossy: bool, out: &mut dyn io::Write) -> Result<(), WriteError> {
        write::write(history, lossy, out)
    }
}
