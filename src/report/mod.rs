//! Reports: what was found, in one format a file.
//!
//! A [`Report`] is plain data, stable and self-contained: its JSON is what `testimony verify` reads back. A [`Reporter`] turns it into
//! bytes; it sees the report, never a checker. To add a format, write one file and one line in [`REPORTERS`].

mod build;
mod certificate;
mod data;
mod json;
mod palette;
mod restore;
mod table;
mod text;

use std::io::{self, Write};

pub use build::{Judging, operation};
pub use certificate::{CertificateFile, CertificateReport, CertifiedHistory};
pub use data::{
    ConvergenceMs, ConvergenceReport, ElapsedMs, HistoryReport, Initial, InputError, OperationReport, Report, SetReport,
    Settings, StaleElement, StepReport, VerdictReport, WitnessReport,
};
pub use restore::Foreign;

/// How to show a report.
#[derive(Clone, Copy, Debug, Default)]
pub struct View {
    /// With ANSI colours?
    pub color: bool,
    /// How much of it.
    pub detail: Detail,
    /// Show the minimal violated sets of guarantees?
    pub lattice: bool,
}

/// How much to show.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Detail {
    /// One line a history.
    Brief,
    /// One witness a root cause, long ones shortened.
    #[default]
    Normal,
    /// Every witness kept.
    Verbose,
    /// Witnesses at full length, every step on its own line.
    Full,
}

/// A report format.
pub trait Reporter: Sync {
    /// Its name on the command line.
    fn name(&self) -> &'static str;
    /// What it is for, in one line.
    fn about(&self) -> &'static str;
    /// Writes the report.
    fn render(&self, report: &Report, view: View, out: &mut dyn Write) -> io::Result<()>;
}

/// Every report format.
pub const REPORTERS: &[&dyn Reporter] = &[&text::Text, &json::Json];

/// The report format of a name.
pub fn find(name: &str) -> Option<&'static dyn Reporter> {
    REPORTERS.iter().copied().find(|reporter| reporter.name() == name)
}

/// The JSON Schema of the JSON report, as `docs/report.schema.json` has it.
pub fn schema() -> String {
    let mut schema = schemars::schema_for!(Report);
    schema.insert("title".into(), "Testimony report".into());
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is JSON");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for reporter in REPORTERS {
            assert_eq!(find(reporter.name()).unwrap().name(), reporter.name());
            assert_eq!(REPORTERS.iter().filter(|other| other.name() == reporter.name()).count(), 1);
            assert!(!reporter.about().is_empty());
        }
        assert!(find("xml").is_none());
    }
}
