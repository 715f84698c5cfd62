//! The command line: the only part of Testimony that opens files, prints, or knows of progress.
//!
//! [`args`] is what can be typed; [`settings`] is what it means. Each subcommand is one file with one `run` that returns an [`Outcome`];
//! whatever goes wrong on the way is an `anyhow::Error`, printed here once.

mod args;
mod check;
mod completions;
mod console;
mod convert;
mod explain;
mod info;
mod judge;
mod load;
mod man;
mod models;
mod output;
mod paths;
mod problem;
mod schema;
mod settings;
mod source;
mod verify;

use std::io;
use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};
use console::Console;

/// How a command ended when nothing went wrong in running it: the exit status.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    /// All satisfied, all stands.
    Good = 0,
    /// Something is violated, or does not stand.
    Bad = 1,
    /// Usage or input.
    Error = 2,
    /// Nothing violated, something unknown.
    Unknown = 3,
}

/// Runs the command as typed.
pub fn run() -> ExitCode {
    let args = Args::parse();
    let console = Console::new(&args.output);
    if let Err(error) = threads(args.output.threads) {
        console.error(&error.to_string());
        return ExitCode::from(Outcome::Error as u8);
    }
    let result = match &args.command {
        Command::Check(args) => check::run(args, &console),
        Command::Explain(args) => explain::run(args, &console),
        Command::Models(args) => models::run(args, &console),
        Command::Verify(args) => verify::run(args, &console),
        Command::Info(args) => info::run(args, &console),
        Command::Convert(args) => convert::run(args, &console),
        Command::Schema => schema::run(&console),
        Command::Completions(args) => completions::run(args, &console),
        Command::Man(args) => man::run(args, &console),
    };
    let outcome = result.unwrap_or_else(|error| {
        // Whoever reads our output has seen enough: that is theirs to decide.
        if is_broken_pipe(&error) {
            return Outcome::Good;
        }
        console.error(&format!("{error:#}"));
        Outcome::Error
    });
    ExitCode::from(outcome as u8)
}

fn threads(number: Option<u16>) -> Result<(), rayon::ThreadPoolBuildError> {
    match number {
        Some(number) => rayon::ThreadPoolBuilder::new().num_threads(number.into()).build_global(),
        None => Ok(()),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|e| e.kind() == io::ErrorKind::BrokenPipe)
}
