//! `testimony models`: the lattice, with what each model promises and where it is from.

use std::fmt::Write;

use anstyle::Style;
use anyhow::Result;

use testimony::model::{MODELS, Model};

use super::args::ModelsArgs;
use super::console::Console;
use super::{Outcome, output};

pub fn run(args: &ModelsArgs, console: &Console) -> Result<Outcome> {
    let asked = |model: &&Model| args.models.is_empty() || args.models.iter().any(|name| name == model.name);
    let shown: Vec<String> = MODELS.iter().filter(asked).map(describe).collect();
    // `print` takes the escape codes out where they are not wanted.
    output::write(None, shown.join("\n").as_bytes(), console)?;
    Ok(Outcome::Good)
}

fn describe(model: &Model) -> String {
    let (strong, faint) = (Style::new().bold(), Style::new().dimmed());
    let asked_for = if model.by_default { "" } else { " (only when asked for)" };
    let mut text = format!("{strong}{}{strong:#}{asked_for}\n", model.name);
    let _ = writeln!(text, "  {}", model.promise);
    let _ = writeln!(text, "  rule     {}", model.rule);
    if !model.implies.is_empty() {
        let _ = writeln!(text, "  implies  {}", model.implies.join(", "));
    }
    let _ = writeln!(text, "  {faint}from     {}{faint:#}", model.citation);
    text
}
