//! `testimony schema`: the JSON Schema of the JSON report.

use anyhow::Result;

use testimony::report;

use super::console::Console;
use super::{Outcome, output};

pub fn run(console: &Console) -> Result<Outcome> {
    output::write(None, report::schema().as_bytes(), console)?;
    Ok(Outcome::Good)
}
