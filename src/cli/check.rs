//! `testimony check`: judges histories and reports.

use anyhow::{Context, Result, bail};

use testimony::report::{self, CertificateFile, Detail, View};

use super::Outcome;
use super::args::CheckArgs;
use super::console::Console;
use super::judge::{Judge, outcome};
use super::output;
use super::settings::{self, ReportTarget};

pub fn run(args: &CheckArgs, console: &Console) -> Result<Outcome> {
    let targets = targets(&args.report)?;
    let settings = settings::settings(&args.reading, Some(&args.judging))?;
    let mut options = settings::typed_check_options(&settings, &args.judging, settings::models(&args.model));
    options.certificates = args.certificate.is_some();
    let whole = targets.iter().any(|target| target.reporter.name() != "text");
    options.lattice = args.lattice || whole;
    let digests = options.certificates || whole;
    let found = Judge { settings, options, digests, console }.all(&args.paths)?;

    let detail = match (console.quiet(), console.verbose()) {
        (true, _) => Detail::Brief,
        (_, true) => Detail::Verbose,
        _ => Detail::Normal,
    };
    for target in &targets {
        let color = target.file.is_none() && console.color();
        let mut bytes = Vec::new();
        target.reporter.render(&found.report, View { color, detail, lattice: args.lattice }, &mut bytes)?;
        output::write(target.file.as_deref(), &bytes, console)?;
    }
    if let Some(file) = &args.certificate {
        let json = serde_json::to_vec(&CertificateFile::new(found.certified)).context("certificate")?;
        output::write(Some(file), &json, console)?;
    }
    Ok(outcome(&found.report))
}

/// Text goes to standard output unless another report does.
fn targets(typed: &[ReportTarget]) -> Result<Vec<ReportTarget>> {
    let mut targets = typed.to_vec();
    match targets.iter().filter(|target| target.file.is_none()).count() {
        0 => targets.push(ReportTarget { reporter: report::find("text").expect("registered"), file: None }),
        1 => {}
        _ => bail!("only one report can go to standard output; give the others a file: --report json=FILE"),
    }
    Ok(targets)
}
