//! *Laws*: what must hold of the checkers' answers whatever the history: the lattice's implications, names and the file's interleaving
//! mean nothing, less evidence never convicts, the number of threads shows nowhere, and a long session is no deep recursion.
//!
//! On the random histories of the oracle's generators, with fixed seeds.

#[allow(dead_code, reason = "the oracle uses the rest")]
#[path = "oracle/decorate.rs"]
mod decorate;
#[path = "oracle/generate.rs"]
mod generate;
#[allow(dead_code, reason = "the benchmarks use the rest")]
#[path = "../benches/generator/mod.rs"]
mod generator;
#[path = "oracle/rng.rs"]
mod rng;
#[allow(dead_code, reason = "the oracle uses the rest")]
#[path = "oracle/toy.rs"]
mod toy;
#[path = "oracle/transacting.rs"]
mod transacting;

use rayon::ThreadPoolBuilder;
use rayon::prelude::*;
use testimony::check::{self, Judged, Options, WriteOrder};
use testimony::format::{self, ReadOptions};
use testimony::history::{History, HistoryBuilder, Kind, OpInput, TxnInput};
use testimony::model::{Checker, Guarantees, MODELS, Model, implied};
use testimony::verdict::Verdict;

use decorate::{Case, GENERATORS, Settings, replace};
use generator::{Order, Shape};
use rng::Rng;
use toy::{Act, Toy, Txn};

/// Histories of each generator.
const SEEDS: u64 = 200;

fn options(settings: Settings) -> Options {
    Options {
        models: MODELS.iter().collect(),
        write_order: settings.write_order,
        unmatched_reads: settings.unmatched,
        certificates: true,
        ..Options::default()
    }
}

fn judge(toy: &Toy, settings: Settings) -> Judged {
    check::check(&toy.history(), &options(settings))
}

/// What must not change under a change that means nothing.
#[derive(PartialEq, Debug)]
struct Answer {
    /// By model: the verdict, and the stale reads and their sessions.
    verdicts: Vec<(Verdict, Option<u64>, Option<u64>)>,
    minimal_violated: Option<Vec<Guarantees>>,
    skipped: u64,
}

fn answer(judged: &Judged) -> Answer {
    let verdicts = judged.judgements.iter().map(|j| (j.verdict, j.stale_reads, j.stale_sessions)).collect();
    let mut minimal_violated = judged.minimal_violated.clone();
    minimal_violated.iter_mut().for_each(|sets| sets.sort_unstable());
    Answer { verdicts, minimal_violated, skipped: judged.skipped }
}

/// Holds a law to every case; `law` says what is wrong.
fn check(law: impl Fn(&Case) -> Result<(), String> + Sync) {
    println!("{} generators, seeds 0..{SEEDS} each", GENERATORS.len());
    let cases = GENERATORS.par_iter().flat_map_iter(|generator| (0..SEEDS).map(move |seed| generator.case(seed)));
    let failed = cases.filter_map(|case| law(&case).err().map(|text| (case, text))).find_any(|_| true);
    if let Some((case, text)) = failed {
        panic!("{text}\ngenerator {} seed {} {:?}\n{}", case.generator, case.seed, case.settings, case.toy.json_lines());
    }
}

/// A law of the form "this change changes no answer".
fn check_that_it_changes_nothing(change: impl Fn(&mut Toy, &mut Rng) + Sync) {
    check(|case| {
        let mut changed = case.toy.clone();
        change(&mut changed, &mut Rng::new(case.seed));
        let (before, after) = (answer(&judge(&case.toy, case.settings)), answer(&judge(&changed, case.settings)));
        if before == after { Ok(()) } else { Err(format!("{before:?}\nbut {after:?} of\n{}", changed.json_lines())) }
    });
}

#[test]
fn the_implications_of_the_lattice_hold() {
    check(|case| {
        let judged = judge(&case.toy, case.settings);
        let verdict = |name: &str| judged.judgements.iter().find(|j| j.model == name).expect("judged").verdict;
        for judgement in &judged.judgements {
            let weaker = implied(judgement.model);
            if judgement.verdict == Verdict::Satisfied
                && let Some(not) = weaker.iter().find(|name| verdict(name) != Verdict::Satisfied)
            {
                return Err(format!("{} is satisfied and {not} is {}", judgement.model, verdict(not).name()));
            }
            let violated: Vec<&str> = weaker.into_iter().filter(|name| verdict(name) == Verdict::Violated).collect();
            if !violated.is_empty() && judgement.verdict != Verdict::Violated {
                return Err(format!("{violated:?} are violated and {} is {}", judgement.model, judgement.verdict.name()));
            }
            if judgement.verdict == Verdict::Violated && judgement.implied_by != violated {
                return Err(format!("{} is implied by {violated:?}, not {:?}", judgement.model, judgement.implied_by));
            }
        }
        Ok(())
    });
}

#[test]
fn transactions_of_one_operation_are_causal_where_their_operations_are() {
    check(|case| {
        let mut toy = case.toy.clone();
        let single =
            toy.txns.drain(..).flat_map(|txn| txn.ops.clone().into_iter().map(move |op| Txn { ops: vec![op], ..txn.clone() }));
        toy.txns = single.collect();
        let judged = judge(&toy, Settings { write_order: WriteOrder::Session, ..case.settings });
        let verdict = |name: &str| judged.judgements.iter().find(|j| j.model == name).expect("judged").verdict;
        let (causal, transactional) = (verdict("causal"), verdict("transactional-causal"));
        if causal == transactional {
            return Ok(());
        }
        Err(format!("causal is {} and transactional-causal {} of\n{}", causal.name(), transactional.name(), toy.json_lines()))
    });
}

#[test]
fn names_mean_nothing() {
    check_that_it_changes_nothing(|toy, _| {
        for txn in &mut toy.txns {
            txn.session = 7 - txn.session;
            txn.ops.iter_mut().for_each(|op| op.key = 2 - op.key);
        }
        toy.initial.iter_mut().for_each(|(key, _)| *key = 2 - *key);
        // Values are told apart by key, so each key's may be renamed alone; `null` has a meaning and stays.
        for key in 0..3 {
            for value in 1..100 {
                replace(toy, key, Some(value), Some(-value * 1_000_000_007 - i64::from(key)));
            }
        }
        let renamed = |value: &mut Option<i64>, key: u8| *value = value.map(|v| -v * 1_000_000_007 - i64::from(key));
        toy.initial.iter_mut().for_each(|(key, value)| renamed(value, *key));
    });
}

#[test]
fn how_the_file_interleaves_sessions_means_nothing() {
    check_that_it_changes_nothing(|toy, rng| {
        let mut sessions: Vec<Vec<Txn>> = vec![vec![]; 8];
        for txn in toy.txns.drain(..) {
            sessions[txn.session as usize].insert(0, txn);
        }
        while sessions.iter().any(|session| !session.is_empty()) {
            let pick = rng.below(sessions.len());
            toy.txns.extend(sessions[pick].pop());
        }
    });
}

/// With so many sessions `causal` is judged by walks and by bits, with few by clocks.
#[test]
fn sessions_that_touch_nothing_else_mean_nothing() {
    check(|case| {
        let lines = case.toy.json_lines();
        let bystanders =
            (0..300).map(|i| format!("{{\"session\":\"by {i}\",\"op\":\"write\",\"key\":\"by {i}\",\"value\":1}}\n"));
        let crowded = format!("{}\n{}", lines.trim_end(), bystanders.collect::<String>());
        let read = |text: &str| format::read(text.as_bytes(), &ReadOptions::default()).expect("it is well formed").history;
        let judge = |text: &str| answer(&check::check(&read(text), &options(case.settings)));
        let (before, after) = (judge(&lines), judge(&crowded));
        if before == after { Ok(()) } else { Err(format!("{before:?}\nbut {after:?} among bystanders")) }
    });
}

#[test]
fn deleting_a_read_never_turns_satisfied_into_violated() {
    check(|case| {
        let before = judge(&case.toy, case.settings);
        for t in 0..case.toy.txns.len() {
            for place in 0..case.toy.txns[t].ops.len() {
                let mut less = case.toy.clone();
                if !matches!(less.txns[t].ops.remove(place).act, Act::Read(_)) {
                    continue;
                }
                less.txns.retain(|txn| !txn.ops.is_empty());
                if less.txns.is_empty() {
                    continue;
                }
                let after = judge(&less, case.settings);
                for (was, is) in before.judgements.iter().zip(&after.judgements) {
                    if was.verdict == Verdict::Satisfied && is.verdict == Verdict::Violated {
                        return Err(format!("{} is violated once a read is gone:\n{}", was.model, less.json_lines()));
                    }
                }
            }
        }
        Ok(())
    });
}

/// Each key's values count, and yet two sessions returned what the other wrote only after having returned theirs.
#[test]
fn values_that_count_by_key_tell_no_order_of_all() {
    let text = b"r(1,1,0,1)\nw(1,3,0,2)\nw(2,1,0,3)\nr(2,1,1,4)\nw(2,2,1,5)\nw(1,1,1,6)\n";
    let history = format::read(text, &ReadOptions::default()).expect("a history in Plume's format").history;
    let verdict = |name: &str| {
        let models = MODELS.iter().filter(|model| model.name == name).collect();
        check::check(&history, &Options { models, lattice: false, ..Options::default() }).judgements[0].verdict
    };
    for own in ["read-your-writes", "monotonic-reads"] {
        assert_eq!(verdict(own), Verdict::Satisfied, "{own}");
    }
    for other in ["monotonic-writes", "writes-follow-reads", "read-committed", "read-atomic"] {
        assert_eq!(verdict(other), Verdict::Violated, "{other}");
    }
}

/// Everything that was found, to compare.
fn everything(judged: &Judged) -> String {
    format!("{judged:?}")
}

#[test]
fn one_thread_finds_what_many_find() {
    let pool = |threads| ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    let (one, four) = (pool(1), pool(4));
    let mut large: Vec<(String, History, Options)> = vec![];
    for generator in GENERATORS {
        // Many small histories side by side, each with keys and sessions of its own, make one that is worth sharing out.
        let cases: Vec<Case> = (0..40).map(|seed| generator.case(seed)).collect();
        large.push((generator.name.to_owned(), side_by_side(&cases), options(cases[0].settings)));
        for case in cases {
            large.push((format!("{} {}", case.generator, case.seed), case.toy.history(), options(case.settings)));
        }
    }
    // One thread looks at many sessions in turn, some of which it gives up.
    for (seed, transaction) in (0..4).flat_map(|seed| [(seed, 1), (seed, 10)]) {
        let shape = Shape { transaction, age: 300, keys: 100, ..Shape::balanced(10_000, 20, Order::AsHappened, seed) };
        let mut text = Vec::new();
        shape.plume(&mut text).expect("written to memory");
        let history = format::read(&text, &ReadOptions::default()).expect("a history in Plume's format").history;
        let options = Options { models: MODELS.iter().collect(), ..Options::default() };
        large.push((format!("lagging views, {transaction} operations a transaction, seed {seed}"), history, options));
    }
    for (name, history, options) in &large {
        let alone = one.install(|| everything(&check::check(history, options)));
        let together = four.install(|| everything(&check::check(history, options)));
        assert!(alone == together, "{name}:\n{alone}\n{together}");
    }
}

#[test]
fn what_suggests_an_order_means_nothing() {
    // The same history as it happened, session by session with values that count, and with values that do not.
    const SEEDS: u64 = 1_000;
    const ALONE: [&str; 8] = [
        "read-your-writes",
        "monotonic-reads",
        "monotonic-writes",
        "writes-follow-reads",
        "causal",
        "read-committed",
        "read-atomic",
        "transactional-causal",
    ];
    println!("seeds 0..{SEEDS}");
    let of = |shape: &Shape| {
        let mut text = Vec::new();
        shape.plume(&mut text).expect("written to memory");
        let history = format::read(&text, &ReadOptions::default()).expect("a history in Plume's format").history;
        let verdicts = |models: Vec<&'static Model>, certificates| {
            let judged = check::check(&history, &Options { models, certificates, lattice: false, ..Options::default() });
            judged.judgements.iter().map(|judgement| (judgement.model, judgement.verdict)).collect::<Vec<_>>()
        };
        let together = verdicts(MODELS.iter().collect(), true);
        for model in MODELS.iter().filter(|model| ALONE.contains(&model.name)) {
            for certificates in [false, true] {
                let alone = verdicts(vec![model], certificates)[0];
                assert!(together.contains(&alone), "{alone:?} alone, certificates {certificates}, of {together:?}, {shape:?}");
            }
        }
        together
    };
    let violated: Vec<u64> = (0..SEEDS)
        .into_par_iter()
        .map(|seed| {
            let mut rng = Rng::new(seed);
            let mut any = |numbers: &[usize]| numbers[rng.below(numbers.len())];
            let (operations, sessions, keys) = (any(&[100, 300, 1_000]), any(&[2, 5, 20, 50]), any(&[2, 5, 20, 100]));
            let (transaction, age, stale) = (any(&[1, 1, 3, 10]), any(&[5, 50, usize::MAX]), any(&[0, 2, 20, 100]));
            let balanced = |order| Shape::balanced(operations, sessions, order, seed);
            let shape = |order| Shape { keys, transaction, age, stale: stale as f64 / 1e3, ..balanced(order) };
            let [happened, by_session, untold] = [Order::AsHappened, Order::BySession, Order::Untold].map(shape).map(|s| of(&s));
            assert!(happened == by_session && happened == untold, "{happened:?}\n{by_session:?}\n{untold:?}\nseed {seed}");
            happened.iter().filter(|(_, verdict)| *verdict == Verdict::Violated).count() as u64
        })
        .collect();
    let any = violated.iter().filter(|&&violated| violated > 0).count() as u64;
    assert!(any > SEEDS / 5 && any < SEEDS * 4 / 5, "{any} of {SEEDS} violated");
}

#[test]
fn whether_proofs_are_kept_shows_nowhere() {
    // Where they are not, a session may be spared its view by the order found for `causal`.
    let judged = |history: &History, options: &Options, certificates| {
        let judged = check::check(history, &Options { certificates, ..options.clone() });
        format!("{:?} {:?}", judged.judgements, judged.minimal_violated)
    };
    let same = |name: &str, history: &History, options: &Options| {
        let [with, without] = [true, false].map(|certificates| judged(history, options, certificates));
        assert!(with == without, "{name}:\n{with}\n{without}");
        with
    };
    check(|case| {
        same(&format!("{} {}", case.generator, case.seed), &case.toy.history(), &options(case.settings));
        Ok(())
    });
    // Sessions that come and go, whose views lag.
    const SEEDS: u64 = 500;
    println!("seeds 0..{SEEDS}");
    let violated = (0..SEEDS).into_par_iter().filter(|&seed| {
        let mut rng = Rng::new(seed);
        let mut any = |numbers: &[usize]| numbers[rng.below(numbers.len())];
        let (operations, sessions, alive) = (any(&[200, 1_000, 2_000]), any(&[10, 50, 200]), any(&[3, 10, 30]));
        let (keys, age) = (any(&[2, 5, 20, 100]), any(&[5, 20, 200]));
        let shape = Shape { alive, keys, age, reads: 0.6, ..Shape::balanced(operations, sessions, Order::AsHappened, seed) };
        let overlapping = any(&[0, 0, 1, 5]) as u32;
        let options = Options { models: MODELS.iter().collect(), ..Options::default() };
        same(&format!("{shape:?}, {overlapping} overlap"), &timed(&shape, overlapping), &options).contains("ViewCycle")
    });
    let violated = violated.count() as u64;
    assert!(violated > SEEDS / 20 && violated < SEEDS, "{violated} with a view that fails");
}

/// The history with times, by which the first few sessions overlap.
fn timed(shape: &Shape, overlapping: u32) -> History {
    let mut builder = HistoryBuilder::new();
    for (at, row) in (0..).zip(shape.rows()) {
        let takes = if row.session < overlapping { 400 } else { 5 };
        let session = builder.values.int(row.session.into());
        let (key, value) = (builder.values.int(row.key.into()), builder.values.int(row.value.into()));
        let value = if row.value == 0 { testimony::history::ValueId::NULL } else { value };
        builder.begin(TxnInput { invoke_ns: Some(10 * at), complete_ns: Some(10 * at + takes), ..TxnInput::ok(session) });
        builder.op(OpInput::new(if row.write { Kind::Write } else { Kind::Read }, key, value));
    }
    builder.finish().expect("registers")
}

fn side_by_side(cases: &[Case]) -> History {
    let mut builder = HistoryBuilder::new();
    for (number, toy) in cases.iter().map(|case| &case.toy).enumerate() {
        let value = |builder: &mut HistoryBuilder, value: Option<i64>| match value {
            Some(value) => builder.values.int(value.into()),
            None => testimony::history::ValueId::NULL,
        };
        let key_name = |builder: &mut HistoryBuilder, key: u8| builder.values.string(&format!("{number}-{key}"));
        for &(key, initial) in &toy.initial {
            let (key, initial) = (key_name(&mut builder, key), value(&mut builder, initial));
            builder.initial(Some(key), initial);
        }
        for txn in &toy.txns {
            let session = builder.values.string(&format!("{number}-{}", txn.session));
            let input =
                TxnInput { status: txn.status, invoke_ns: txn.invoke, complete_ns: txn.complete, ..TxnInput::ok(session) };
            builder.begin(input);
            for op in &txn.ops {
                let (kind, first, second) = match op.act {
                    Act::Read(value) => (Kind::Read, value, None),
                    Act::Write(value) => (Kind::Write, value, None),
                    Act::Cas(from, to) => (Kind::Cas, from, to),
                    _ => unreachable!("these histories are of registers"),
                };
                let key = key_name(&mut builder, op.key);
                let (first, to) = (value(&mut builder, first), value(&mut builder, second));
                let version = op.version.map(i128::from);
                builder.op(OpInput { to, version, ..OpInput::new(kind, key, first) });
            }
        }
    }
    builder.finish().expect("registers")
}

/// How much stack a checker gets: far less than one frame an operation.
const STACK: usize = 256 << 10;

#[test]
fn a_session_of_two_million_operations_overflows_no_stack() {
    for (name, last_read, wanted) in [("fresh", 1_000_000, Verdict::Satisfied), ("stale", 999_960, Verdict::Violated)] {
        let history = long_session(1_000_000, last_read);
        let pool = ThreadPoolBuilder::new().num_threads(2).stack_size(STACK).build().expect("threads");
        let wanted_models = |model: &&Model| match model.checker {
            Checker::Convergence => false,
            Checker::Transactions(_) => true,
            _ => model.by_default,
        };
        let options = Options { models: MODELS.iter().filter(wanted_models).collect(), ..Options::default() };
        let run = move || pool.install(|| check::check(&history, &options));
        let thread = std::thread::Builder::new().stack_size(STACK).spawn(run).expect("a thread");
        for judgement in thread.join().expect("no overflow").judgements {
            // Of one operation each, transactions see nothing before they read.
            let holds = ["well-formed", "read-committed"].contains(&judgement.model);
            let wanted = if holds { Verdict::Satisfied } else { wanted };
            assert_eq!(judgement.verdict, wanted, "{} of the {name} history", judgement.model);
        }
    }
}

/// One session that writes and reads back one of four keys in turn, `pairs` times, then reads this value of the first key again.
fn long_session(pairs: i128, last_read: i128) -> History {
    let mut builder = HistoryBuilder::new();
    let session = builder.values.string("alone");
    let keys: Vec<_> = (0..4).map(|key| builder.values.int(key)).collect();
    let mut record = |kind, key: i128, value| {
        let value = builder.values.int(value);
        builder.begin(TxnInput::ok(session));
        builder.op(OpInput::new(kind, keys[key as usize], value));
    };
    for i in 1..=pairs {
        record(Kind::Write, i % 4, i);
        record(Kind::Read, i % 4, i);
    }
    record(Kind::Read, last_read % 4, last_read);
    builder.finish().expect("registers")
}
