//! The run over lists, sets and counters: like [`crate::agree`], over [`crate::typed`].

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use testimony::check;
use testimony::history::DataType;
use testimony::model::{Checker, Guarantees, MODELS};
use testimony::verdict::Verdict;

use crate::agree::{check_all, disagreements, options, unproved};
use crate::decorate::Case;
use crate::guarantee::Under;
use crate::judge::{self, Answer, judge};
use crate::plain_types::{self, Fault};
use crate::typed::{GENERATORS, Generator};
use crate::view;

/// Histories of each generator.
const SEEDS: u64 = 700;

fn cases() -> impl ParallelIterator<Item = Case> {
    GENERATORS.par_iter().flat_map_iter(|generator| (0..SEEDS).map(move |seed| generator.case(seed)))
}

#[test]
fn the_checkers_agree_with_the_oracle() {
    println!("{} generators, seeds 0..{SEEDS} each", GENERATORS.len());
    check_all(cases(), |toy, settings| {
        let (history, options) = (toy.history(), options(settings));
        match catch_unwind(AssertUnwindSafe(|| check::check(&history, &options))) {
            Ok(judged) => disagreements(&judge(toy, settings), &judged),
            Err(_) => vec!["check panicked".into()],
        }
    });
}

#[test]
fn the_checkers_prove_what_they_say() {
    check_all(cases(), |toy, settings| {
        let (history, options) = (toy.history(), options(settings));
        unproved(&history, &options, &check::check(&history, &options))
    });
}

#[test]
fn the_run_is_large_and_balanced() {
    let judged: Vec<(&Generator, Vec<Answer>)> = GENERATORS
        .par_iter()
        .map(|generator| {
            let answers = (0..SEEDS).map(|seed| generator.case(seed)).map(|case| judge(&case.toy, case.settings));
            (generator, answers.collect())
        })
        .collect();
    let total: usize = judged.iter().map(|(_, answers)| answers.len()).sum();
    assert!(total >= 12_000, "{total} histories");
    let percent = |part: usize, of: usize| part as f64 * 100.0 / of as f64;
    let mut tilted = vec![];
    for about in [DataType::List, DataType::Set, DataType::Counter] {
        let answers: Vec<&Answer> =
            judged.iter().filter(|(generator, _)| generator.about == Some(about)).flat_map(|(_, answers)| answers).collect();
        let well_formed: Vec<&Answer> = answers.iter().copied().filter(|a| a.verdicts[0] != Verdict::Violated).collect();
        // The transactional models are of registers, and convergence has an oracle of its own.
        let judged = |checker| !matches!(checker, Checker::Convergence | Checker::Transactions(_));
        for (at, model) in MODELS.iter().enumerate().filter(|(_, model)| judged(model.checker)) {
            for (among, answers) in [("all", &answers), ("well-formed", &well_formed)] {
                let share = |verdict| percent(answers.iter().filter(|a| a.verdicts[at] == verdict).count(), answers.len());
                let (satisfied, violated) = (share(Verdict::Satisfied), share(Verdict::Violated));
                println!("{:<8} {:<20} {among:<12} {satisfied:4.1} % {violated:4.1} %", about.name(), model.name);
                // A counter is never malformed, a set seldom: of these the rest is asked about.
                let least = match (about, among) {
                    (DataType::List, "all") => 20.0,
                    _ if among == "all" || model.name == "well-formed" => continue,
                    _ => 12.0,
                };
                if satisfied <= least || violated <= least {
                    tilted.push((about.name(), model.name, among));
                }
            }
        }
    }
    assert!(tilted.is_empty(), "not balanced: {tilted:?}");
}

/// The sets of guarantees that the oracle finds violated, and `causal-weak`.
fn violated(case: &Case) -> (Vec<bool>, bool) {
    let (reading, recorded) = judge::facts(&case.toy, case.settings);
    ((0..16).map(|g| !Under::new(&reading, &recorded, Guarantees(g)).exists()).collect(), !view::causal_weak(&reading))
}

#[test]
fn patterns_agree_with_orders() {
    cases().for_each(|case| {
        let (reading, recorded) = judge::facts(&case.toy, case.settings);
        let context = || format!("{} {}\n{}", case.generator, case.seed, case.toy.json_lines());
        assert_eq!(plain_types::violated(&reading, &recorded, None), violated(&case), "{}", context());
    });
}

/// A fault that has been caught so often need not be run again.
const OFTEN: usize = 20;

#[test]
fn every_broken_checker_is_caught() {
    let caught: Vec<AtomicUsize> = Fault::ALL.iter().map(|_| AtomicUsize::new(0)).collect();
    cases().for_each(|case| {
        let (reading, recorded) = judge::facts(&case.toy, case.settings);
        let wanted = violated(&case);
        for (fault, count) in Fault::ALL.iter().zip(&caught).filter(|(_, count)| count.load(Ordering::Relaxed) < OFTEN) {
            if plain_types::violated(&reading, &recorded, Some(*fault)) != wanted {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let counts: Vec<(&Fault, usize)> = Fault::ALL.iter().zip(caught.into_iter().map(AtomicUsize::into_inner)).collect();
    println!("{counts:?}");
    assert!(counts.iter().all(|&(_, count)| count >= 3), "hardly caught: {counts:?}");
}

#[test]
fn each_guarantee_fails_alone_on_one_list() {
    let alone: Vec<Guarantees> = cases()
        .filter(|case| case.toy.size().1 == 1 && case.toy.key_type(case.toy.txns[0].ops[0].key) == DataType::List)
        .map(|case| judge(&case.toy, case.settings))
        .filter(|answer| answer.verdicts[0] != Verdict::Violated && answer.minimal.len() == 1)
        .map(|answer| answer.minimal[0])
        .collect();
    for g in [Guarantees::RYW, Guarantees::MR, Guarantees::MW, Guarantees::WFR] {
        let times = alone.iter().filter(|&&set| set == g).count();
        println!("{:?} alone {times} times", g.names());
        assert!(times >= 5, "{:?} alone only {times} times", g.names());
    }
}

#[test]
fn the_least_vis_is_as_good_as_any() {
    let counts = GENERATORS.par_iter().flat_map_iter(|generator| (0..300).map(move |seed| generator.case(seed)));
    let (satisfied, violated) = counts
        .map(|mut case| {
            // Cut to a size at which 2^(reads × writes) relations can be gone through.
            loop {
                let writes = case.toy.ops().filter(|(_, op)| op.act.changes()).count();
                let reads = case.toy.ops().filter(|(_, op)| !op.act.changes()).count();
                if reads * writes <= 9 && writes <= 4 {
                    break;
                }
                let at = if case.seed % 2 == 0 { case.toy.txns.len() - 1 } else { 0 };
                case.toy.txns.remove(at);
            }
            if case.toy.txns.is_empty() || !case.toy.is_consistent() {
                return (0, 0);
            }
            let (reading, recorded) = judge::facts(&case.toy, case.settings);
            let mut satisfied = 0;
            for g in Guarantees::subsets() {
                let under = Under::new(&reading, &recorded, g);
                let exists = under.exists();
                let context = || format!("{g:?} {} {}\n{}", case.generator, case.seed, case.toy.json_lines());
                assert_eq!(exists, under.exists_by_brute_force(), "{}", context());
                satisfied += u32::from(exists);
            }
            (satisfied, 16 - satisfied)
        })
        .reduce(|| (0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    println!("{satisfied} satisfied, {violated} violated");
    assert!(violated * 20 > satisfied, "too few violations to prove anything: {violated} of {}", satisfied + violated);
}
