//! `testimony verify`: checks the proofs of a report, or of a certificate file, against the histories that they are about.
//!
//! Nothing is searched and no checker is asked: every witness is re-checked from its steps, every certificate from its orders.

mod claims;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use clap::CommandFactory;
use clap::error::ErrorKind;
use serde::de::DeserializeOwned;

use testimony::report::{CertificateFile, Report};

use super::args::{Args, VerifyArgs};
use super::console::Console;
use super::judge::inputs;
use super::paths::{Input, is_standard_input};
use super::source::Source;
use super::{Outcome, load, output, settings, source};
use claims::{Claims, Tally};

pub fn run(args: &VerifyArgs, console: &Console) -> Result<Outcome> {
    let (file, paths) = match (&args.certificate, args.paths.as_slice()) {
        (Some(file), paths) => (file, paths),
        (None, [report, paths @ ..]) if !paths.is_empty() => (report, paths),
        _ => missing_history(),
    };
    let mut tally = Tally::default();
    let claims: Vec<Claims> = if args.certificate.is_some() {
        json::<CertificateFile>(file)?.histories.into_iter().map(Claims::Certified).collect()
    } else {
        let report: Report = json(file)?;
        tally.report(&report);
        report.histories.into_iter().map(Claims::Judged).collect()
    };
    if claims.is_empty() {
        bail!("{}: there is no history in it, so nothing to verify", file.display());
    }
    let files = open(paths, console)?;
    if let Some(stranger) = files.iter().find(|f| !f.input.found && claims.iter().all(|claims| claims.sha256() != f.sha256)) {
        let path = stranger.input.path.display();
        bail!("{path}: {} says nothing of this history (sha256 {})", file.display(), stranger.sha256);
    }
    console.start(claims.len());
    for claims in &claims {
        let Some(found) = files.iter().find(|f| f.sha256 == claims.sha256()) else {
            bail!("{}: none of the files given is this history (sha256 {})", claims.path(), claims.sha256());
        };
        let settings = claims.settings();
        let options = settings::read_options(settings).with_context(|| file.display().to_string())?;
        let read = match load::read(&found.input.path, &found.source, &options, settings, console) {
            Ok(read) => read,
            Err(problem) => {
                console.tell(&problem.render());
                return Ok(Outcome::Error);
            }
        };
        console.doing("verifying", claims.path());
        claims.check(&read.history, &settings::check_options(settings), &mut tally);
        console.step();
    }
    console.finish();
    for fallen in &tally.fallen {
        console.error(fallen);
    }
    output::write(None, tally.summary().as_bytes(), console)?;
    Ok(if tally.fallen.is_empty() { Outcome::Good } else { Outcome::Bad })
}

/// clap knows how to say that an argument is missing, and ends with status 2.
fn missing_history() -> ! {
    let mut command = Args::command();
    command.build();
    let command = command.find_subcommand_mut("verify").expect("a subcommand");
    command.error(ErrorKind::MissingRequiredArgument, "which history? give its path after the report's").exit()
}

fn json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let shown = path.display();
    let bytes = if is_standard_input(path) { source::open(path).map(|s| s.to_vec()) } else { fs::read(path) };
    let bytes = bytes.with_context(|| format!("cannot read {shown}"))?;
    serde_json::from_slice(&bytes).map_err(|error| anyhow!("{shown}: not a report of testimony: {error}"))
}

/// A history given, and its digest.
struct Given {
    input: Input,
    source: Source,
    sha256: String,
}

fn open(paths: &[PathBuf], console: &Console) -> Result<Vec<Given>> {
    let mut errors = Vec::new();
    let inputs = inputs(paths, &mut errors, console)?;
    if !errors.is_empty() {
        bail!("nothing verified");
    }
    let given = |input: Input| {
        let source = load::open(&input.path).map_err(|problem| anyhow!(problem.brief()))?;
        Ok(Given { sha256: source::sha256(&source), source, input })
    };
    inputs.into_iter().flat_map(|(_, inputs)| inputs).map(given).collect()
}
