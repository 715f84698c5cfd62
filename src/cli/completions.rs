//! `testimony completions`: completions of a shell.

use anyhow::Result;
use clap::CommandFactory;

use super::args::{Args, CompletionsArgs};
use super::console::Console;
use super::{Outcome, output};

pub fn run(args: &CompletionsArgs, console: &Console) -> Result<Outcome> {
    let mut bytes = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "testimony", &mut bytes);
    output::write(None, &bytes, console)?;
    Ok(Outcome::Good)
}
