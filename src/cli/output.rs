//! Writes results: to a file, or to standard output.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::console::Console;
use super::paths::is_standard_input;

/// To a file; to standard output where none is named or it is `-`.
pub fn write(file: Option<&Path>, bytes: &[u8], console: &Console) -> Result<()> {
    match file {
        Some(file) if !is_standard_input(file) => {
            fs::write(file, bytes).with_context(|| format!("cannot write {}", file.display()))
        }
        _ => console.print(bytes).context("cannot write to standard output"),
    }
}
