//! Certificates of the weak transactional models against their axioms: of small random histories every order of the transactions is
//! offered, and the verifier takes exactly those that the oracle takes.

use std::ops::ControlFlow;

use rayon::prelude::*;
use testimony::check::{Certificate, CertificateKind, Options};
use testimony::history::{History, HistoryBuilder, Kind, OpId, OpInput, Status, TxnId, TxnInput, ValueId};
use testimony::model::{Checker, Isolation, MODELS};
use testimony::witness::Verifier;

use crate::certificates::{none_stands, permutations};
use crate::decorate::{Case, GENERATORS};
use crate::reading;
use crate::scenario::{history, op};
use crate::transaction::Transactions;

/// Histories of each generator.
const SEEDS: u64 = 150;

fn models() -> impl Iterator<Item = (&'static str, Isolation)> {
    MODELS.iter().filter_map(|model| match model.checker {
        Checker::Transactions(isolation) => Some((model.name, isolation)),
        _ => None,
    })
}

#[test]
fn commit_orders_are_what_the_axioms_say() {
    println!("{} generators, seeds 0..{SEEDS} each", GENERATORS.len());
    let cases = GENERATORS.par_iter().flat_map_iter(|generator| (0..SEEDS).map(|seed| generator.case(seed)));
    let [stand, fall] = cases.map(hold).reduce(|| [[0; 3]; 2], |a, b| [0, 1].map(|i| [0, 1, 2].map(|j| a[i][j] + b[i][j])));
    println!("{stand:?} stand, {fall:?} fall");
    assert!(stand.iter().chain(&fall).all(|&n| n > 5000));
}

/// How many orders stand and fall under each model.
fn hold(mut case: Case) -> [[usize; 3]; 2] {
    let mut counts = [[0; 3]; 2];
    case.toy.txns.truncate(6);
    let facts = reading::read(&case.toy, case.settings.unmatched);
    if !facts.anomalies.is_empty() || !facts.left_out.is_empty() {
        return counts;
    }
    let transactions = Transactions::new(&case.toy, &facts);
    let h = case.toy.history();
    let options = Options { unmatched_reads: case.settings.unmatched, ..Options::default() };
    let verifier = Verifier::new(&h, &options);
    let first = |txn: usize| h.txn_ops(TxnId::new(txn)).next().expect("it takes part");
    let mut taking_part: Vec<OpId> = transactions.taking_part().into_iter().map(first).collect();
    let numbered = taking_part.clone();
    permutations(&mut taking_part, &mut |order| {
        let number = |op: &OpId| numbered.iter().position(|other| other == op).expect("it is one of them");
        let numbers: Vec<usize> = order.iter().map(number).collect();
        for (at, (model, isolation)) in models().enumerate() {
            let expected = transactions.explains(isolation, &numbers);
            let certificate = Certificate { model, kind: CertificateKind::OneOrder, orders: vec![order.to_vec()] };
            let answer = verifier.verify_certificate(&certificate);
            let told = || format!("{model} {order:?}: {answer:?}\n{} {}\n{}", case.generator, case.seed, case.toy.json_lines());
            assert_eq!(answer.is_ok(), expected, "{}", told());
            counts[usize::from(!expected)][at] += 1;
            if expected && counts[0][at] == 1 {
                none_stands(&h, &verifier, &certificate);
            }
        }
        ControlFlow::Continue(())
    });
    counts
}

/// Does the order stand under read-committed, read-atomic and transactional-causal?
fn stands(text: &str, order: &[usize]) -> [bool; 3] {
    let h = history(text);
    let options = Options::default();
    let verifier = Verifier::new(&h, &options);
    let orders = vec![order.iter().map(|&i| op(i)).collect()];
    let answers = models().map(|(model, _)| {
        let certificate = Certificate { model, kind: CertificateKind::OneOrder, orders: Vec::clone(&orders) };
        verifier.verify_certificate(&certificate).is_ok()
    });
    answers.collect::<Vec<bool>>().try_into().expect("three models")
}

#[test]
fn orders_by_hand() {
    let (all, none, committed, not_causal) = ([true; 3], [false; 3], [true, false, false], [true, true, false]);
    let cases: &[(&str, &[usize], [bool; 3])] = &[
        ("a w x 1 \n b r x 1", &[0, 1], all),
        ("a w x 1 \n b r x 1", &[1, 0], none),
        ("a w x 1 \n b r x 1", &[0], none),
        ("a w x 1 \n b r x -", &[0, 1], all),
        ("a w x 1 \n a r x -", &[0, 1], committed),
        ("a w x 1 \n a w y 1 + \n b r y 1", &[0, 2], all),
        ("a w x 1 \n a w y 1 + \n b r y 1", &[1, 2], none),
        ("a w x 1 \n a w y 1 + \n b r y 1", &[0, 1, 2], none),
        ("a w x 1 \n a w y 1 + \n b r y 1 \n b r x - +", &[0, 2], none),
        ("a w x 1 \n a w y 1 + \n b r x - \n b r y 1 +", &[0, 2], committed),
        ("a w x 1 \n b w x 2 \n c r x 2 \n c r x 1 +", &[1, 0, 2], committed),
        ("a w x 1 \n b w x 2 \n c r x 2 \n c r x 1 +", &[0, 1, 2], none),
        ("a w x 1 \n a w z 1 + \n b r z 1 \n b w y 1 + \n c r y 1 \n c r x - +", &[0, 2, 4], not_causal),
        ("a w x 1 \n b r x 1 \n b w x 2 + \n c r x 1 \n c w x 3 +", &[0, 1, 3], all),
        ("a w x 1 info", &[], all),
        ("a w x 1 info", &[0], none),
        ("a w x 1 info \n a w y 1 + \n b r y 1 \n a r x -", &[0, 2, 3], all),
        ("a w x 1 info \n a w y 1 + \n b r y 1 \n a r x -", &[3, 0, 2], all),
        ("a w x 1 info \n a w y 1 + \n b r y 1 \n b r x - +", &[0, 2], none),
        ("a w x 1 \n a w y 1 info \n b r y 1 \n b r x -", &[1, 0, 2, 3], none),
        ("a w x 1 \n a w y 1 info \n b r y 1 \n b r x -", &[0, 1, 2, 3], not_causal),
        ("a w x 1 fail \n b r x -", &[1], all),
        ("a w x 1 \n a w x 1 \n b r x 1", &[0, 1, 2], none),
        ("a append x 1 \n b r x [1]", &[0, 1], none),
        ("a w x 1 3..5 \n a w x 2 0..2 \n b r x 1", &[1, 0, 2], all),
        ("a w x 1 3..5 \n a w x 2 0..2 \n b r x 1", &[0, 1, 2], none),
        ("a w x 1 0..5 \n a w x 2 4..9 \n b r x 1", &[1, 0, 2], all),
        ("a w x 1 0..5 \n a w x 2 4..9 \n b r x 1", &[0, 1, 2], all),
    ];
    for &(text, order, expected) in cases {
        assert_eq!(stands(text, order), expected, "{order:?}: {text}");
    }
}

/// Transactions that each read the newest value of a key and write another key; every 97th is `info`. With times, sessions overlap
/// themselves. The commit order is the file's.
fn long(transactions: usize, sessions: usize, keys: usize, timed: bool) -> (History, Vec<OpId>) {
    let mut builder = HistoryBuilder::new();
    let mut last: Vec<Option<usize>> = vec![None; keys];
    let mut takes_part = vec![false; transactions];
    for i in 0..transactions {
        let mut txn = TxnInput::ok(ValueId((i * 7 % sessions) as u32));
        if timed {
            (txn.invoke_ns, txn.complete_ns) = (Some(10 * i as i64), Some((10 * i + 25 * sessions) as i64));
        }
        if i % 97 == 96 {
            txn.status = Status::Info;
        }
        let (read, written) = ((i * 31 + 5) % keys, i % keys);
        if txn.status == Status::Ok {
            takes_part[i] = true;
            last[read].into_iter().for_each(|from| takes_part[from] = true);
        }
        builder.begin(txn);
        let returned = last[read].map_or(ValueId::NULL, |from| ValueId(from as u32));
        builder.op(OpInput::new(Kind::Read, ValueId(read as u32), returned));
        builder.op(OpInput::new(Kind::Write, ValueId(written as u32), ValueId(i as u32)));
        last[written] = Some(i);
    }
    let order = (0..transactions).filter(|&i| takes_part[i]).map(|i| op(2 * i)).collect();
    (builder.finish().expect("a history"), order)
}

/// One session writes a register over and over, another one never sees any of it.
fn apart(transactions: usize) -> (History, Vec<OpId>) {
    let mut builder = HistoryBuilder::new();
    for i in 0..transactions {
        builder.begin(TxnInput::ok(ValueId(0)));
        builder.op(OpInput::new(Kind::Write, ValueId(0), ValueId(i as u32)));
    }
    for i in 0..transactions {
        builder.begin(TxnInput::ok(ValueId(1)));
        builder.op(OpInput::new(Kind::Write, ValueId(1), ValueId(i as u32)));
        builder.op(OpInput::new(Kind::Read, ValueId(0), ValueId::NULL));
    }
    let h = builder.finish().expect("a history");
    let order = h.txns().map(|txn| h.txn_ops(txn).next().expect("an operation")).collect();
    (h, order)
}

#[test]
fn long_histories_take_no_time_and_no_stack() {
    let histories = [
        ("one session", long(100_000, 1, 1000, false)),
        ("many sessions", long(100_000, 50, 1000, false)),
        ("a session for every few", long(100_000, 10_000, 1000, false)),
        ("one key", long(100_000, 50, 1, false)),
        ("overlapping sessions", long(100_000, 50, 1000, true)),
        ("apart", apart(100_000)),
    ];
    for (name, (h, order)) in histories {
        let options = Options::default();
        let verifier = Verifier::new(&h, &options);
        // Far apart, so that something between depends on the order of the two.
        let mut swapped = order.clone();
        swapped.swap(1, 75_000);
        for (model, _) in models() {
            let one_order = |order: &[OpId]| Certificate { model, kind: CertificateKind::OneOrder, orders: vec![order.to_vec()] };
            let started = std::time::Instant::now();
            assert_eq!(verifier.verify_certificate(&one_order(&order)), Ok(()), "{model} of {name}");
            println!("{model} of {name}: {:?}", started.elapsed());
            assert!(verifier.verify_certificate(&one_order(&swapped)).is_err(), "{model} of {name}");
        }
    }
}
