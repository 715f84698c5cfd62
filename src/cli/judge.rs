//! Reads and judges every history that the paths lead to, one after another: what cannot be read is told and does not stop the rest.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Result, bail};

use testimony::check::{self, Options};
use testimony::format::ReadOptions;
use testimony::report::{CertificateReport, CertifiedHistory, ElapsedMs, HistoryReport, InputError, Judging, Report, Settings};
use testimony::verdict::Verdict;

use super::Outcome;
use super::console::Console;
use super::load::{self, Loaded};
use super::paths::{self, Input, is_standard_input};
use super::problem::Problem;
use super::{settings, source};

/// How to judge whatever is there.
pub struct Judge<'c> {
    pub settings: Settings,
    pub options: Options,
    /// Does anyone want the digests?
    pub digests: bool,
    pub console: &'c Console,
}

/// All that was found.
pub struct Found {
    pub report: Report,
    pub certified: Vec<CertifiedHistory>,
}

impl Judge<'_> {
    /// Judges every history of the paths.
    pub fn all(&self, paths: &[PathBuf]) -> Result<Found> {
        let read_options = settings::read_options(&self.settings)?;
        let mut errors = Vec::new();
        let inputs = inputs(paths, &mut errors, self.console)?;
        self.console.start(inputs.iter().map(|(_, inputs)| inputs.len()).sum());
        let (mut histories, mut certified) = (Vec::new(), Vec::new());
        for (named, inputs) in inputs {
            let mut recognised = inputs.is_empty();
            for input in inputs {
                let judged = self.one(&input, &read_options);
                self.console.step();
                match judged {
                    Ok((history, certificates)) => {
                        histories.push(history);
                        certified.extend(certificates);
                    }
                    Err(problem) if problem.unrecognised && input.found => {
                        self.console.note(problem.brief());
                        continue;
                    }
                    Err(problem) => fail(problem, &mut errors, self.console),
                }
                recognised = true;
            }
            if !recognised {
                fail(Problem::whole(&named, "no history in this folder"), &mut errors, self.console);
            }
        }
        self.console.finish();
        Ok(Found { report: Report::new(histories, errors), certified })
    }

    fn one(&self, input: &Input, read_options: &ReadOptions) -> Result<(HistoryReport, Option<CertifiedHistory>), Problem> {
        let source = load::open(&input.path)?;
        let sha256 = if self.digests { source::sha256(&source) } else { String::new() };
        let Loaded { path, history, format, elapsed_ms } =
            load::read(&input.path, &source, read_options, &self.settings, self.console)?;
        drop(source);
        self.console.doing("judging", &path);
        let started = Instant::now();
        let judged = check::check(&history, &self.options);
        let elapsed = ElapsedMs { read: elapsed_ms, check: started.elapsed().as_millis() as u64 };
        let certified = self.options.certificates.then(|| CertifiedHistory {
            path: path.clone(),
            sha256: sha256.clone(),
            options: self.settings.clone(),
            certificates: judged.certificates.iter().map(CertificateReport::from).collect(),
        });
        let judging = Judging { path, sha256, format: format.to_owned(), settings: self.settings.clone(), elapsed };
        let report = HistoryReport::new(judging, &history, &judged);
        for warning in &report.warnings {
            self.console.warning(format_args!("{}: {warning}", report.path));
        }
        Ok((report, certified))
    }
}

/// The inputs of each path; a path that leads nowhere is told.
pub fn inputs(paths: &[PathBuf], errors: &mut Vec<InputError>, console: &Console) -> Result<Vec<(PathBuf, Vec<Input>)>> {
    if paths.iter().filter(|path| is_standard_input(path)).count() > 1 {
        bail!("standard input (-) can only be read once");
    }
    let mut all = Vec::new();
    for named in paths::expand(paths) {
        match named.inputs {
            Ok(inputs) if inputs.is_empty() => {
                fail(Problem::whole(&named.path, "no history in this folder"), errors, console);
            }
            Ok(inputs) => all.push((named.path, inputs)),
            Err(error) => fail(Problem::io(&named.path, &error), errors, console),
        }
    }
    Ok(all)
}

fn fail(problem: Problem, errors: &mut Vec<InputError>, console: &Console) {
    console.tell(&problem.render());
    errors.push(problem.error);
}

/// The exit status of a report: 2 over 1 over 3 over 0.
pub fn outcome(report: &Report) -> Outcome {
    match report.verdict {
        _ if !report.errors.is_empty() => Outcome::Error,
        Verdict::Violated => Outcome::Bad,
        Verdict::Unknown => Outcome::Unknown,
        Verdict::Satisfied => Outcome::Good,
    }
}

/// The paths of one.
pub fn only(path: &Path) -> Vec<PathBuf> {
    vec![path.to_owned()]
}
