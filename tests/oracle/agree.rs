//! The run: every generator, every seed; the checkers' answers against the oracle's, their witnesses and certificates against the
//! verifier, and the broken checkers against both. A disagreement is shrunk and printed as a file that shows it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use testimony::check::{self, Judged, Options, UnmatchedReads, WriteOrder};
use testimony::history::History;
use testimony::model::{self, Checker, MODELS};
use testimony::verdict::Verdict;
use testimony::witness;

use crate::broken::Fault;
use crate::decorate::{Case, GENERATORS, Settings};
use crate::judge::{Answer, judge};
use crate::plain;
use crate::toy::{Act, Toy};

/// Histories of each generator.
const SEEDS: u64 = 1500;

fn cases() -> impl ParallelIterator<Item = Case> {
    GENERATORS.par_iter().flat_map_iter(|generator| (0..SEEDS).map(move |seed| generator.case(seed)))
}

/// At most so many kinds of disagreement are shown.
const SHOWN: usize = 30;

/// Runs `disagreements` over these cases; of each kind that there is, one case is shrunk and shown.
pub fn check_all(cases: impl ParallelIterator<Item = Case>, disagreements: impl Fn(&Toy, Settings) -> Vec<String> + Sync) {
    let found: Vec<(Vec<String>, Case)> = cases
        .map(|case| (disagreements(&case.toy, case.settings), case))
        .filter(|(texts, _)| !texts.is_empty())
        .map(|(texts, case)| (texts.iter().map(|text| kind(text)).collect(), case))
        .collect();
    let mut shown: Vec<&str> = vec![];
    for (what, case) in found.iter().flat_map(|(kinds, case)| kinds.iter().map(move |kind| (kind, case))) {
        if shown.len() < SHOWN && !shown.contains(&what.as_str()) {
            shown.push(what);
            let same = |toy: &Toy| disagreements(toy, case.settings).into_iter().find(|text| kind(text) == *what);
            let small = case.toy.shrink(|toy| same(toy).is_some());
            let text = same(&small).expect("it still fails");
            println!(
                "{text}\ngenerator {} seed {} {:?}, shrunk to\n{}",
                case.generator,
                case.seed,
                case.settings,
                small.json_lines()
            );
        }
    }
    assert!(found.is_empty(), "{} histories with disagreements, one of each kind above", found.len());
}

/// The first line without its numbers and what is in brackets.
fn kind(text: &str) -> String {
    let mut depth = 0;
    let line = text.lines().next().unwrap_or_default();
    line.chars()
        .filter(|&c| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            depth == 0 && !c.is_ascii_digit()
        })
        .collect()
}

/// All models, with proofs.
pub fn options(settings: Settings) -> Options {
    Options {
        models: MODELS.iter().collect(),
        write_order: settings.write_order,
        unmatched_reads: settings.unmatched,
        certificates: true,
        ..Options::default()
    }
}

/// The differences between two answers, in words.
fn differences(oracle: &Answer, verdicts: &[Verdict], minimal: &[model::Guarantees]) -> Vec<String> {
    let mut texts: Vec<String> = MODELS
        .iter()
        .zip(oracle.verdicts.iter().zip(verdicts))
        .filter(|(_, (wanted, got))| wanted != got)
        .map(|(model, (wanted, got))| format!("{}: {}, but the oracle says {}", model.name, got.name(), wanted.name()))
        .collect();
    let mut sorted = minimal.to_vec();
    sorted.sort_unstable();
    if sorted != oracle.minimal {
        texts.push(format!("minimal violated sets differ\n{sorted:?}, but the oracle says {:?}", oracle.minimal));
    }
    texts
}

#[test]
fn the_checkers_agree_with_the_oracle_and_prove_it() {
    println!("{} generators, seeds 0..{SEEDS} each", GENERATORS.len());
    check_all(cases(), |toy, settings| {
        let (history, options) = (toy.history(), options(settings));
        let judged = match catch_unwind(AssertUnwindSafe(|| check::check(&history, &options))) {
            Ok(judged) => judged,
            Err(_) => return vec!["check panicked".into()],
        };
        let mut texts = disagreements(&judge(toy, settings), &judged);
        texts.extend(unproved(&history, &options, &judged));
        texts
    });
}

/// What is asked for alone, without proof, takes shorter ways.
#[test]
fn each_model_by_itself_agrees_with_the_oracle() {
    println!("{} generators, seeds 0..{SEEDS} each", GENERATORS.len());
    check_all(cases(), |toy, settings| {
        let (history, oracle) = (toy.history(), judge(toy, settings));
        let alone = |model| {
            let asked = Options { models: vec![model], certificates: false, lattice: false, ..options(settings) };
            check::check(&history, &asked).judgements.remove(0)
        };
        let mut texts = vec![];
        for ((model, wanted), stale) in MODELS.iter().zip(&oracle.verdicts).zip(&oracle.stale) {
            let got = alone(model);
            if got.verdict != *wanted {
                texts.push(format!("{} alone: {}, but the oracle says {}", model.name, got.verdict.name(), wanted.name()));
            }
            if got.stale_reads.is_some_and(|reads| Some(reads) != stale.map(|s| s.0)) {
                texts.push(format!("{} alone: stale reads {:?}, but the oracle says {stale:?}", model.name, got.stale_reads));
            }
        }
        texts
    });
}

/// The differences between the oracle's answer and the checkers', in words.
pub fn disagreements(oracle: &Answer, judged: &Judged) -> Vec<String> {
    let verdicts: Vec<Verdict> = judged.judgements.iter().map(|judgement| judgement.verdict).collect();
    let Some(minimal) = &judged.minimal_violated else { return vec!["no minimal violated sets".into()] };
    let mut texts = differences(oracle, &verdicts, minimal);
    if verdicts.len() != MODELS.len() {
        texts.push(format!("{} judgements of {} models", verdicts.len(), MODELS.len()));
    }
    if judged.skipped != oracle.skipped {
        texts.push(format!("{} reads skipped, but the oracle says {}", judged.skipped, oracle.skipped));
    }
    for (judgement, stale) in judged.judgements.iter().zip(&oracle.stale) {
        let (reads, sessions) = (judgement.stale_reads, judgement.stale_sessions);
        if reads.is_some_and(|reads| Some(reads) != stale.map(|s| s.0)) {
            texts.push(format!("{}: stale reads {reads:?}, but the oracle says {stale:?}", judgement.model));
        }
        if sessions.is_some_and(|sessions| Some(sessions) != stale.map(|s| s.1)) {
            texts.push(format!("{}: sessions with stale reads {sessions:?}, but the oracle says {stale:?}", judgement.model));
        }
    }
    texts
}

/// What is missing from the proofs: a witness for each violation and a certificate for each satisfied model, each of which stands.
pub fn unproved(history: &History, options: &Options, judged: &Judged) -> Vec<String> {
    let mut texts = vec![];
    for (judgement, model) in judged.judgements.iter().zip(MODELS) {
        if judgement.verdict == Verdict::Violated && judgement.witnesses.is_empty() {
            texts.push(format!("{}: violated without a witness", model.name));
        }
        for witness in &judgement.witnesses {
            if let Err(refusal) = witness::verify(history, options, model, witness) {
                texts.push(format!("{}: witness refused: {refusal}\n{witness:?}", model.name));
            }
        }
        let certified = judged.certificates.iter().any(|certificate| certificate.model == model.name);
        if judgement.verdict == Verdict::Satisfied && model.checker != Checker::WellFormed && !certified {
            texts.push(format!("{}: satisfied without a certificate", model.name));
        }
    }
    for certificate in &judged.certificates {
        if let Err(refusal) = witness::verify_certificate(history, options, certificate) {
            texts.push(format!("{}: certificate refused: {refusal}\n{certificate:?}", certificate.model));
        }
    }
    texts
}

#[test]
fn patterns_agree_with_orders() {
    println!("{} generators, seeds 0..{SEEDS} each", GENERATORS.len());
    check_all(cases(), |toy, settings| {
        let (verdicts, minimal) = plain::check(&toy.history(), settings, None);
        differences(&judge(toy, settings), &verdicts, &minimal)
    });
}

/// Neither can come second: it would not find the value. That a greedy choice finds no order may leave it undecided, but explains nothing.
#[test]
fn two_cas_at_once_of_one_value_have_no_order() {
    let mut toy = Toy::default();
    for value in [1, 2] {
        toy.push(0, Act::Cas(None, Some(value)), 0);
        let cas = toy.txns.last_mut().expect("just pushed");
        (cas.invoke, cas.complete) = (Some(value), Some(value + 10));
    }
    let settings = Settings { write_order: WriteOrder::Session, unmatched: UnmatchedReads::Violation };
    let (oracle, judged) = (judge(&toy, settings), check::check(&toy.history(), &options(settings)));
    for name in ["causal-memory", "pram-classic"] {
        let at = MODELS.iter().position(|model| model.name == name).expect("a name");
        assert_eq!(oracle.verdicts[at], Verdict::Violated, "{name}");
        assert_ne!(judged.judgements[at].verdict, Verdict::Satisfied, "{name}");
    }
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
            if !differences(&oracle, &verdicts, &minimal).is_empty() {
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
    for (at, model) in MODELS.iter().enumerate().filter(|(_, model)| model.checker != Checker::Convergence) {
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
