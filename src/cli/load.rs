//! From a path to a history: opens it, reads it, declares initial values, and says what a user should know.

use std::path::Path;
use std::time::Instant;

use testimony::format::{self, ReadOptions};
use testimony::history::History;
use testimony::report::Settings;

use super::console::Console;
use super::problem::Problem;
use super::settings::declare_initial;
use super::source::{self, Source};

/// A history and where it is from.
pub struct Loaded {
    pub path: String,
    pub history: History,
    /// The name of its format.
    pub format: &'static str,
    /// How long reading took.
    pub elapsed_ms: u64,
}

/// Opens and reads one history; the file is closed again, for the history holds all that is needed of it.
pub fn load(path: &Path, options: &ReadOptions, settings: &Settings, console: &Console) -> Result<Loaded, Problem> {
    let source = open(path)?;
    read(path, &source, options, settings, console)
}

/// Opens what is to be read.
pub fn open(path: &Path) -> Result<Source, Problem> {
    source::open(path).map_err(|error| Problem::io(path, &error))
}

/// Reads one history from what is open.
pub fn read(
    path: &Path,
    source: &Source,
    options: &ReadOptions,
    settings: &Settings,
    console: &Console,
) -> Result<Loaded, Problem> {
    let shown = path.display().to_string();
    console.doing("reading", &shown);
    let started = Instant::now();
    let recording = format::read(source, options).map_err(|error| Problem::read(path, error))?;
    let mut history = recording.history;
    for key in declare_initial(&mut history, settings) {
        console.warning(format_args!("{shown}: an initial value is declared of key {key}, which no operation is on"));
    }
    let elapsed_ms = started.elapsed().as_millis() as u64;
    Ok(Loaded { path: shown, history, format: recording.format, elapsed_ms })
}
