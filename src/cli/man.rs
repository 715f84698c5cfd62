//! `testimony man`: the manual page of the command, or of one subcommand.

use anyhow::{Result, bail};
use clap::CommandFactory;

use super::args::{Args, ManArgs};
use super::console::Console;
use super::{Outcome, output};

pub fn run(args: &ManArgs, console: &Console) -> Result<Outcome> {
    let mut command = Args::command();
    command.build();
    let page = match &args.command {
        None => command,
        Some(name) => match command.find_subcommand(name) {
            Some(subcommand) => subcommand.clone(),
            None => bail!("no subcommand `{name}`"),
        },
    };
    let mut bytes = Vec::new();
    clap_mangen::Man::new(page).render(&mut bytes)?;
    output::write(None, &bytes, console)?;
    Ok(Outcome::Good)
}
