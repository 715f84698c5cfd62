//! JSON: stable, with a published schema, and what `testimony verify` reads back.

use std::io::{self, Write};

use super::{Report, Reporter, View};

/// `--report json`.
pub(super) struct Json;

impl Reporter for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn about(&self) -> &'static str {
        "everything, for scripts and for `testimony verify`"
    }

    fn render(&self, report: &Report, _view: View, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, report)?;
        out.write_all(b"\n")
    }
}
