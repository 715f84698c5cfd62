//! Oracle: every history under `histories/` gets the verdicts written beside it, and every witness stands.
//!
//! The corpus walks itself: one test a history, named by its path. `NAME.expected.json` says what is expected of `NAME.*` and where
//! that comes from (histories/README.md has the fields). Two more tests hold the corpus itself to its purpose: nothing lacks its
//! counterpart, and every model and every kind of contradiction occurs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use serde::Deserialize;
use testimony::check::{Judged, Options, UnmatchedReads, WriteOrder, check};
use testimony::format::{ReadOptions, read};
use testimony::history::History;
use testimony::model::{self, MODELS};
use testimony::verdict::{Anomaly, Verdict};
use testimony::witness::Verifier;

/// What `NAME.expected.json` says.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// Where the verdicts come from.
    why: String,
    /// How to judge, as on the command line.
    #[serde(default)]
    options: Vec<String>,
    /// By model.
    #[serde(default)]
    verdicts: BTreeMap<String, Verdict>,
    /// The minimal violated sets of the four guarantees, in any order.
    minimal_violated: Option<BTreeSet<BTreeSet<String>>>,
    /// By model: how many reads are stale under it.
    #[serde(default)]
    stale_reads: BTreeMap<String, u64>,
    /// The exit status of `check` without `--model`.
    exit: Option<i32>,
    /// The same history judged in other ways.
    #[serde(default)]
    also: Vec<Expected>,
}

/// A history and what is beside it.
struct Case {
    name: String,
    history: PathBuf,
}

fn main() {
    let args = Arguments::from_args();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("histories");
    let mut files = Vec::new();
    walk(&root, &mut files);
    let names: Vec<String> = files.iter().map(|file| file.strip_prefix(&root).expect("inside").display().to_string()).collect();
    let cases: Vec<Case> = files
        .iter()
        .zip(&names)
        .filter(|(_, name)| !name.ends_with(".expected.json") && !name.ends_with("README.md"))
        .map(|(file, name)| Case { name: stem(name), history: file.clone() })
        .collect();
    let small: Vec<PathBuf> =
        cases.iter().filter(|case| !case.name.starts_with("recorded/")).map(|case| case.history.clone()).collect();

    let mut trials = vec![
        Trial::test("everything has its counterpart", move || counterparts(&names)),
        Trial::test("every model and anomaly occurs", move || coverage(&small)),
    ];
    trials.extend(cases.into_iter().map(|case| Trial::test(case.name.clone(), move || judge(&case.history))));
    libtest_mimic::run(&args, trials).exit();
}

/// Every file below a folder, sorted by path.
fn walk(root: &Path, files: &mut Vec<PathBuf>) {
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a readable folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() { folders.push(entry) } else { files.push(entry) }
        }
    }
    files.sort();
}

/// The name without what says its format.
fn stem(name: &str) -> String {
    let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
    format!("{folder}/{}", file.split('.').next().expect("a first part"))
}

fn counterparts(names: &[String]) -> Result<(), Failed> {
    let mut expected = BTreeSet::new();
    let mut histories: BTreeMap<String, usize> = BTreeMap::new();
    for name in names {
        match name.strip_suffix(".expected.json") {
            Some(_) => drop(expected.insert(stem(name))),
            None if name.ends_with("README.md") => (),
            None => *histories.entry(stem(name)).or_default() += 1,
        }
    }
    let mut wrong = Vec::new();
    wrong.extend(histories.keys().filter(|name| !expected.contains(*name)).map(|name| format!("{name}: no expected.json")));
    wrong.extend(expected.iter().filter(|name| !histories.contains_key(*name)).map(|name| format!("{name}: no history")));
    wrong.extend(histories.iter().filter(|&(_, &n)| n > 1).map(|(name, n)| format!("{name}: {n} histories, one expected.json")));
    if histories.is_empty() {
        wrong.push("no history at all".into());
    }
    none_wrong(wrong)
}

/// Both verdicts of every model and every anomaly occur in the histories that are small enough to learn from.
fn coverage(histories: &[PathBuf]) -> Result<(), Failed> {
    let mut missing = BTreeSet::new();
    for model in MODELS {
        missing.insert(format!("{} satisfied", model.name));
        missing.insert(format!("{} violated", model.name));
    }
    let schema = serde_json::to_value(schemars::schema_for!(Anomaly))?;
    let anomalies = schema["oneOf"].as_array().ok_or("the schema of Anomaly has no variants")?;
    missing.extend(anomalies.iter().map(|variant| variant["const"].to_string()));
    for path in histories {
        let history = read_history(path)?;
        let expected = read_expected(path)?;
        for expected in std::iter::once(&expected).chain(&expected.also) {
            for judgement in check(&history, &options(&expected.options)?).judgements {
                missing.remove(&format!("{} {}", judgement.model, judgement.verdict.name()));
                for witness in &judgement.witnesses {
                    missing.remove(&serde_json::to_value(witness.anomaly)?.to_string());
                }
            }
        }
    }
    none_wrong(missing.into_iter().map(|what| format!("no history shows {what}")).collect())
}

fn judge(path: &Path) -> Result<(), Failed> {
    let history = read_history(path)?;
    let expected = read_expected(path)?;
    let mut wrong = Vec::new();
    for model in MODELS.iter().filter(|model| !expected.verdicts.contains_key(model.name)) {
        wrong.push(format!("no expected verdict for {}", model.name));
    }
    for expected in std::iter::once(&expected).chain(&expected.also) {
        let options = options(&expected.options)?;
        let judged = check(&history, &options);
        let mut found = Vec::new();
        compare(expected, &judged, &mut found);
        verify(&history, &options, &judged, &mut found);
        if let Some(exit) = expected.exit {
            found.extend(wrong_exit(path, &expected.options, exit)?);
        }
        if !found.is_empty() {
            wrong.push(format!("{:?}: {}", expected.options, expected.why));
            wrong.append(&mut found);
        }
    }
    none_wrong(wrong)
}

fn compare(expected: &Expected, judged: &Judged, wrong: &mut Vec<String>) {
    for (name, &verdict) in &expected.verdicts {
        match judged.judgements.iter().find(|judgement| judgement.model == name) {
            Some(judgement) if judgement.verdict == verdict => (),
            Some(judgement) => {
                let reason = judgement.reason.as_deref().unwrap_or("no reason given");
                wrong.push(format!("{name}: {} ({reason}), expected {}", judgement.verdict.name(), verdict.name()));
            }
            None => wrong.push(format!("{name}: no such model was judged")),
        }
    }
    for (name, &stale) in &expected.stale_reads {
        let counted =
            judged.judgements.iter().find(|judgement| judgement.model == name).and_then(|judgement| judgement.stale_reads);
        if counted != Some(stale) {
            wrong.push(format!("{name}: {counted:?} stale reads, expected {stale}"));
        }
    }
    if let Some(expected) = &expected.minimal_violated {
        let names = |set: &model::Guarantees| set.names().into_iter().map(str::to_owned).collect();
        let found: Option<BTreeSet<BTreeSet<String>>> =
            judged.minimal_violated.as_ref().map(|sets| sets.iter().map(names).collect());
        if found.as_ref() != Some(expected) {
            wrong.push(format!("minimal violated sets: {found:?}, expected {expected:?}"));
        }
    }
}

fn verify(history: &History, options: &Options, judged: &Judged, wrong: &mut Vec<String>) {
    let verifier = Verifier::new(history, options);
    for judgement in &judged.judgements {
        let model = model::find(judgement.model).expect("a registered model");
        if judgement.verdict == Verdict::Violated && judgement.witnesses.is_empty() {
            wrong.push(format!("{}: violated without a witness", judgement.model));
        }
        for witness in &judgement.witnesses {
            if let Err(refusal) = verifier.verify(model, witness) {
                wrong.push(format!("{}: its witness ({:?}) does not stand: {refusal}", judgement.model, witness.anomaly));
            }
        }
    }
}

/// Runs the command, where this build has one.
fn wrong_exit(path: &Path, options: &[String], expected: i32) -> Result<Option<String>, Failed> {
    // Without the feature the path may be set and lead to the binary of an earlier build.
    let Some(command) = option_env!("CARGO_BIN_EXE_testimony").filter(|_| cfg!(feature = "cli")) else { return Ok(None) };
    let output = Command::new(command).arg("check").args(options).arg(path).output()?;
    let code = output.status.code();
    Ok((code != Some(expected)).then(|| format!("exit status {code:?}, expected {expected}")))
}

fn read_history(path: &Path) -> Result<History, Failed> {
    let recording = read(&fs::read(path)?, &ReadOptions::default()).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(recording.history)
}

fn read_expected(path: &Path) -> Result<Expected, Failed> {
    let beside =
        path.with_file_name(format!("{}.expected.json", stem(&path.display().to_string()).rsplit_once('/').expect("a file").1));
    Ok(serde_json::from_slice(&fs::read(&beside)?).map_err(|error| format!("{}: {error}", beside.display()))?)
}

/// The few options of the command that histories are judged with.
fn options(given: &[String]) -> Result<Options, Failed> {
    let mut options = Options { models: MODELS.iter().collect(), ..Options::default() };
    for pair in given.chunks(2) {
        match pair.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["--write-order", "session"] => options.write_order = WriteOrder::Session,
            ["--write-order", "real-time"] => options.write_order = WriteOrder::RealTime,
            ["--write-order", "version"] => options.write_order = WriteOrder::Version,
            ["--settle", time] => options.settle = Some(settle(time)?),
            ["--unmatched-reads", "ignore"] => options.unmatched_reads = UnmatchedReads::Ignore,
            _ => return Err(format!("{pair:?} is no option that this test knows").into()),
        }
    }
    Ok(options)
}

/// `500ms`, `1s`, `1h`.
fn settle(time: &str) -> Result<Duration, Failed> {
    let digits = time.trim_end_matches(|c: char| c.is_alphabetic());
    let unit = match &time[digits.len()..] {
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "h" => Duration::from_secs(3600),
        unit => return Err(format!("{unit} is no unit that this test knows").into()),
    };
    Ok(unit * digits.parse()?)
}

fn none_wrong(wrong: Vec<String>) -> Result<(), Failed> {
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}
