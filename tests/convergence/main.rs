//! *Oracle* and *laws* for convergence: random histories of registers, lists, sets and counters, with fixed seeds, judged by definition; and
//! what must hold of the answers whatever the history. Every witness of the product must stand with its verifier.

mod generate;
mod oracle;
#[allow(dead_code, reason = "the other oracle uses the rest")]
#[path = "../oracle/rng.rs"]
mod rng;
mod toy;

use std::time::Duration;

use rayon::prelude::*;
use testimony::check::{Options, check};
use testimony::history::Kind;
use testimony::model::find;
use testimony::verdict::Anomaly::{Divergent, DuplicateElement, LostWrite, OutOfBounds, Resurrected, StaleForever};
use testimony::verdict::{Anomaly, Judgement, Verdict};
use testimony::witness::Verifier;

use oracle::{Says, Settings};
use toy::{Op, Toy, history};

const SEEDS: u64 = 60_000;

fn options(settings: Settings) -> Options {
    Options {
        models: vec![find("convergence").expect("a model")],
        write_order: settings.write_order,
        settle: settings.settle.map(|ns| Duration::from_nanos(ns as u64)),
        max_witnesses: 100,
        ..Options::default()
    }
}

fn judge(toy: &Toy, settings: Settings) -> Judgement {
    check(&history(toy), &options(settings)).judgements.pop().expect("asked for by name")
}

/// What both say.
#[derive(Debug)]
struct Answer {
    verdict: Verdict,
    /// Only the product leaves it open.
    more_careful: bool,
    anomalies: Vec<Anomaly>,
}

/// What the definition and the product disagree on; else what both say.
fn compare(toy: &Toy, settings: Settings) -> Result<Answer, String> {
    let (says, ambiguous) = oracle::judge(toy, settings);
    let any = |wanted: fn(&Says) -> bool| says.iter().any(|(_, says)| wanted(says));
    let violated = any(|says| matches!(says, Says::Violated { .. }));
    let open = any(|says| matches!(says, Says::Unknown | Says::MaybeViolated));
    let found = judge(toy, settings);
    let counts = found.convergence.as_ref().ok_or("no convergence")?;
    let expected = match (violated, open) {
        (true, _) => Verdict::Violated,
        (_, true) => Verdict::Unknown,
        _ => Verdict::Satisfied,
    };
    let more_careful = ambiguous && expected == Verdict::Satisfied && found.verdict == Verdict::Unknown;
    if found.verdict != expected && !more_careful {
        return Err(format!("{:?} ({:?}), by definition {says:?}", found.verdict, found.reason));
    }
    let number = |wanted: fn(&Says) -> bool| says.iter().filter(|(_, says)| wanted(says)).count() as u64;
    let divergent = number(|says| *says == Says::Violated { divergent: true });
    let broken = number(|says| matches!(says, Says::Violated { .. }));
    if (counts.divergent_keys, counts.violated_keys) != (divergent, broken) {
        return Err(format!("{counts:?}, by definition {says:?}"));
    }
    let undecided = number(|says| matches!(says, Says::Unknown | Says::MaybeViolated));
    if counts.unknown_keys < undecided || (!ambiguous && counts.unknown_keys > undecided) {
        return Err(format!("{counts:?}, by definition {says:?}"));
    }
    let times = oracle::times(toy, settings);
    let rank = |percent: usize| times[(percent * times.len()).div_ceil(100).max(1) - 1];
    let ranks = (!times.is_empty()).then(|| (rank(50), rank(99), rank(100)));
    if counts.times.map(|found| (found.p50, found.p99, found.max)) != ranks {
        return Err(format!("{:?}, by definition {times:?}", counts.times));
    }
    let (history, options) = (history(toy), options(settings));
    let verifier = Verifier::new(&history, &options);
    for witness in &found.witnesses {
        verifier.verify(options.models[0], witness).map_err(|refusal| format!("{witness:?}: {refusal}"))?;
    }
    if (found.verdict == Verdict::Violated) == found.witnesses.is_empty() {
        return Err("a violation has a witness, nothing else has".into());
    }
    let anomalies = found.witnesses.iter().map(|witness| witness.anomaly).collect();
    Ok(Answer { verdict: found.verdict, more_careful, anomalies })
}

/// Drops operations as long as it still fails.
fn shrink(mut toy: Toy, settings: Settings) -> Toy {
    let written = |toy: &Toy, key: u8| toy.iter().any(|op| op.key == key && op.kind != Kind::Read);
    let whole = |toy: &Toy| !toy.is_empty() && !toy[0].joins && toy.iter().all(|op| written(toy, op.key));
    let fails = |toy: &Toy| whole(toy) && compare(toy, settings).is_err();
    while let Some(less) = (0..toy.len())
        .filter(|&at| toy.get(at + 1).is_none_or(|next| !next.joins))
        .map(|at| {
            let mut less = toy.clone();
            less.remove(at);
            less
        })
        .find(&fails)
    {
        toy = less;
    }
    toy
}

#[test]
fn random_histories_are_judged_as_the_definition_says() {
    println!("seeds 0..{SEEDS}");
    let answers: Vec<Answer> = (0..SEEDS)
        .into_par_iter()
        .map(|seed| {
            let (toy, settings) = generate::case(seed);
            compare(&toy, settings).unwrap_or_else(|_| {
                let toy = shrink(toy, settings);
                let lines: Vec<String> = toy.iter().map(|op| format!("{op:?}")).collect();
                panic!("seed {seed}, {settings:?}: {}\n{}", compare(&toy, settings).expect_err("it failed"), lines.join("\n"))
            })
        })
        .collect();
    for verdict in [Verdict::Satisfied, Verdict::Violated, Verdict::Unknown] {
        let share = answers.iter().filter(|answer| answer.verdict == verdict).count() as u64 * 100 / SEEDS;
        println!("{}: {share} %", verdict.name());
        assert!(share >= 10, "{} is too seldom", verdict.name());
    }
    for anomaly in [Divergent, StaleForever, LostWrite, Resurrected, DuplicateElement, OutOfBounds] {
        let shown = answers.iter().filter(|answer| answer.anomalies.contains(&anomaly)).count();
        println!("{anomaly:?}: {shown}");
        assert!(shown >= 100, "{anomaly:?} is too seldom: {shown}");
    }
    let careful = answers.iter().filter(|answer| answer.more_careful).count() as u64 * 100 / SEEDS;
    assert!(careful < 3, "{careful} % left open for ambiguous reads that could not matter");
}

#[test]
fn a_replica_that_agrees_keeps_convergence() {
    println!("seeds 0..{SEEDS}");
    let mut kept = 0;
    for seed in 0..SEEDS / 10 {
        let (mut toy, settings) = generate::case(seed);
        let before = judge(&toy, settings);
        let last: Vec<Op> = toy.iter().filter(|op| op.is_final).cloned().collect();
        if before.verdict != Verdict::Satisfied || last.is_empty() {
            continue;
        }
        let mut seen = Vec::new();
        for read in last {
            if !seen.contains(&read.key) {
                seen.push(read.key);
                toy.push(Op { node: 9, session: 109, ..read });
            }
        }
        assert_eq!(judge(&toy, settings).verdict, Verdict::Satisfied, "seed {seed}: {toy:#?}");
        kept += 1;
    }
    assert!(kept > 300, "{kept}");
}

#[test]
fn without_final_reads_nothing_is_satisfied_or_violated() {
    println!("seeds 0..{SEEDS}");
    for seed in 0..SEEDS / 10 {
        let (mut toy, settings) = generate::case(seed);
        toy.retain(|op| !op.is_final);
        let without = Settings { settle: None, ..settings };
        assert_eq!(judge(&toy, without).verdict, Verdict::Unknown, "seed {seed}: {toy:#?}");
        let by_default = Options { models: Vec::new(), ..options(without) };
        let judged = check(&history(&toy), &by_default);
        assert!(judged.judgements.iter().all(|j| j.model != "convergence"), "seed {seed}: it does not apply");
    }
}
