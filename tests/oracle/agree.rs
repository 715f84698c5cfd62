//! The run: every generator, every seed; the checkers' answers against the oracle's, their witnesses and certificates against the
//! verifier, and the broken checkers against both. A disagreement is shrunk and printed as a file that shows it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use testimony::check::{self, Judged, Options};
use testimony::history::History;
use testimony::model::{self, Checker, MODELS};
use testimony::verdict::Verdict;
use testimony::witness;

use crate::decorate::{Case, GENERATORS};
use crate::judge::{Answer, Settings, judge};
use crate::plain::{self, Fault};
use crate::toy::Toy;

/// Histories of each generator.
const SEEDS: u64 = 1500;

fn cases() -> impl ParallelIterator<Item = Case> {
    GENERATORS.par_iter().flat_map_iter(|generator| (0..SEEDS).map(move |seed| generator.case(seed)))
}

/// At most so many kinds of disagreement are shown.
const SHOWN: usize = 6;

/// Runs `disagreement` over all cases; of each kind that there is, one case is shrunk and shown.
fn check_all(disagreement: impl Fn(&Toy, Settings) -> Option<String> + Sync) {
    println!("{} generators, seeds 0..{SEEDS} each", GENERATORS.len());
    let kind = |text: &str| text.lines().next().unwrap_or_default().replace(|c: char| c.is_ascii_digit(), "");
    let found: Vec<(String, Case)> =
        cases().filter_map(|case| disagreement(&case.toy, case.settings).map(|text| (kind(&text), case))).collect();
    let mut shown: Vec<&str> = vec![];
    for (what, case) in &found {
        if shown.len() < SHOWN && !shown.contains(&what.as_str()) {
            shown.push(what);
            let same = |toy: &Toy| disagreement(toy, case.settings).is_some_and(|text| kind(&text) == *what);
            let small = case.toy.shrink(same);
            let text = disagreement(&small, case.settings).expect("it still fails");
            println!(
                "{text}\ngenerator {} seed {} {:?}, shrunk to\n{}",
                case.generator,
                case.seed,
                case.settings,
                small.json_lines()
            );
        }
    }
    assert!(found.is_empty(), "{} disagreements, the first of each kind above", found.len());
}

fn options(settings: Settings) -> Options {
    Options {
        models: MODELS.iter().collect(),
        write_order: settings.write_order,
        unmatched_reads: settings.unmatched,
        certificates: true,
        ..Options::default()
    }
}

/// The first difference between two answers, in words.
fn difference(oracle: &Answer, verdicts: &[Verdict], minimal: &[model::Guarantees]) -> Option<String> {
    for ((model, wanted), got) in MODELS.iter().zip(&oracle.verdicts).zip(verdicts) {
        if wanted != got {
            return Some(format!("{}: {}, but the oracle says {}", model.name, got.name(), wanted.name()));
        }
    }
    let mut sorted = minimal.to_vec();
    sorted.sort_unstable();
    (sorted != oracle.minimal).then(|| format!("minimal violated sets: {sorted:?}, but the oracle says {:?}", oracle.minimal))
}

#[test]
fn the_checkers_agree_with_the_oracle_and_prove_it() {
    check_all(|toy, settings| {
        let (history, options) = (toy.history(), options(settings));
        let judged = match catch_unwind(AssertUnwindSafe(|| check::check(&history, &options))) {
            Ok(judged) => judged,
            Err(_) => return Some("check panicked".into()),
        };
        disagreement(&judge(toy, settings), &judged).or_else(|| unproved(&history, &options, &judged))
    });
}

fn disagreement(oracle: &Answer, judged: &Judged) -> Option<String> {
    let verdicts: Vec<Verdict> = judged.judgements.iter().map(|judgement| judgement.verdict).collect();
    if verdicts.len() != MODELS.len() {
        return Some(format!("{} judgements of {} models", verdicts.len(), MODELS.len()));
    }
    let Some(minimal) = &judged.minimal_violated else { return Some("no minimal violated sets".into()) };
    if judged.skipped != oracle.skipped {
        return Some(format!("{} reads skipped, but the oracle says {}", judged.skipped, oracle.skipped));
    }
    for (judgement, stale) in judged.judgements.iter().zip(&oracle.stale) {
        let Some(got) = judgement.stale_reads else { continue };
        let got = (got, judgement.stale_sessions.unwrap_or(stale.map_or(0, |s| s.1)));
        if Some(got) != *stale {
            return Some(format!("{}: stale reads and sessions {got:?}, but the oracle says {stale:?}", judgement.model));
        }
    }
    difference(oracle, &verdicts, minimal)
}

/// What is missing from the proofs: a witness for each violation and a certificate for each satisfied model, each of which stands.
fn unproved(history: &History, options: &Options, judged: &Judged) -> Option<String> {
    for (judgement, model) in judged.judgements.iter().zip(MODELS) {
        if judgement.verdict == Verdict::Violated && judgement.witnesses.is_empty() {
            return Some(format!("{}: violated without a witness", model.name));
        }
        for witness in &judgement.witnesses {
            if let Err(refusal) = witness::verify(history, options, model, witness) {
                return Some(format!("{}: witness refused: {refusal}\n{witness:?}", model.name));
            }
        }
        let certified = || judged.certificates.iter().any(|certificate| certificate.model == model.name);
        if judgement.verdict == Verdict::Satisfied && model.checker != Checker::WellFormed && !certified() {
            return Some(format!("{}: satisfied without a certificate", model.name));
        }
    }
    judged.certificates.iter().find_map(|certificate| {
        let refusal = witness::verify_certificate(history, options, certificate).err()?;
        Some(format!("{}: certificate refused: {refusal}\n{certificate:?}", certificate.model))
    })
}

#[test]
fn patterns_agree_with_orders() {
    check_all(|toy, settings| {
        let (verdicts, minimal) = plain::check(&toy.history(), settings, None);
        difference(&judge(toy, settings), &verdicts, &minimal)
    });
}

/// A fault that has been caught so often need not be run again.
const OFTEN: usize = 20;

#[test]
fn every_broken_checker_is_caught() {
    let caught: Vec<AtomicUsize> = Fault::ALL.iter().map(|_| AtomicUsize::new(0)).collect();
    cases().for_each(|case| {
        let oracle = judge(&case.toy, case.settings);
        let history = case.toy.history();
        for (fault, count) in Fault::ALL.iter().zip(&caught).filter(|(_, count)| count.load(Ordering::Relaxed) < OFTEN) {
            let (verdicts, minimal) = plain::check(&history, case.settings, Some(*fault));
            if difference(&oracle, &verdicts, &minimal).is_some() {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let escaped: Vec<&Fault> =
        Fault::ALL.iter().zip(&caught).filter(|(_, count)| count.load(Ordering::Relaxed) == 0).map(|(fault, _)| fault).collect();
    assert!(escaped.is_empty(), "not caught by any history: {escaped:?}");
}

#[test]
fn the_run_is_large_and_balanced() {
    let of_case = |case: &Case| {
        let (sessions, keys, operations, writes) = case.toy.size();
        let large = sessions >= 2 && keys >= 2 && operations >= 6 && writes >= 4;
        (large, judge(&case.toy, case.settings).verdicts)
    };
    let all: Vec<(bool, Vec<Verdict>)> = cases().map(|case| of_case(&case)).collect();
    let percent = |part: usize, of: usize| part as f64 * 100.0 / of as f64;
    let large = percent(all.iter().filter(|(large, _)| *large).count(), all.len());
    println!("{} histories, {large:.1} % of them large", all.len());
    assert!(all.len() >= 20_000 && large >= 50.0, "{} histories, {large:.1} % large", all.len());
    // Malformed histories violate every model: the other models must be balanced without them too.
    let well_formed: Vec<&Vec<Verdict>> = all.iter().map(|(_, v)| v).filter(|v| v[0] != Verdict::Violated).collect();
    let everything: Vec<&Vec<Verdict>> = all.iter().map(|(_, v)| v).collect();
    let mut tilted = vec![];
    for (at, model) in MODELS.iter().enumerate() {
        for (among, verdicts) in [("all", &everything), ("well-formed", &well_formed)] {
            let share = |verdict| percent(verdicts.iter().filter(|v| v[at] == verdict).count(), verdicts.len());
            let (satisfied, violated) = (share(Verdict::Satisfied), share(Verdict::Violated));
            println!("{:<20} {among:<12} satisfied {satisfied:4.1} %, violated {violated:4.1} %", model.name);
            let of_its_own = among == "all" || model.checker != Checker::WellFormed;
            if of_its_own && (satisfied <= 20.0 || violated <= 20.0) {
                tilted.push((model.name, among));
            }
        }
    }
    assert!(tilted.is_empty(), "not balanced: {tilted:?}");
}
