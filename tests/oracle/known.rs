//! The oracle itself against the page: POPL'17 Fig. 2 with its known answers, the textbook anomalies, and the sentences of models.md that
//! a random history would seldom put to the test.

use testimony::check::{UnmatchedReads, WriteOrder};
use testimony::model::{Guarantees, MODELS};
use testimony::verdict::Verdict;

use crate::decorate::Settings;
use crate::judge::judge;
use crate::toy::{Toy, Txn};

const USUAL: Settings = Settings { write_order: WriteOrder::Session, unmatched: UnmatchedReads::Violation };

/// Holds a history to the models that it satisfies and those that it violates, by name.
fn check(history: &str, satisfied: &str, violated: &str) {
    let answer = judge(&Toy::parse(history), USUAL);
    for (names, wanted) in [(satisfied, Verdict::Satisfied), (violated, Verdict::Violated)] {
        for name in names.split_whitespace() {
            let at = MODELS.iter().position(|model| model.name == name).expect("a model's name");
            assert_eq!(answer.verdicts[at], wanted, "{name} of {history}");
        }
    }
}

#[test]
fn figure_2_of_popl_17() {
    check(
        "w x1, r x2 / w x2, r x1",
        "causal-weak causal-memory pram-classic monotonic-reads monotonic-writes",
        "causal read-your-writes pram",
    );
    check("w z1, w x1, w y1 / w x2, r z0, r y1, r x2", "causal causal-weak", "causal-memory pram-classic");
    check("w x1 / w x2, r x1, r x2", "causal-weak read-your-writes", "causal causal-memory pram pram-classic");
    check("w x1, r y0, w y1, r x1 / w x2, r y0, w y2, r x2", "causal causal-weak causal-memory", "");
    check("w x1, w y1 / r y1, w x2 / r x2, r x1", "pram pram-classic read-your-writes", "causal causal-weak causal-memory");
}

#[test]
fn one_textbook_anomaly_for_each_guarantee() {
    check("w x1, w x2, r x1", "monotonic-reads monotonic-writes writes-follow-reads", "read-your-writes pram causal causal-weak");
    check("w x1, w x2 / r x2, r x1", "read-your-writes", "monotonic-reads monotonic-writes writes-follow-reads causal-weak");
    check(
        "w x1, w x2, w y1 / r y1, r x1",
        "read-your-writes monotonic-reads writes-follow-reads",
        "monotonic-writes pram causal-weak",
    );
    check("w x1 / r x1, w y1 / r y1, r x0", "pram read-your-writes monotonic-writes", "writes-follow-reads causal causal-weak");
    check("w x1 / w x2 / r x1, r x2 / r x2, r x1", "causal-memory causal-weak read-your-writes", "monotonic-reads causal");
}

#[test]
fn indeterminate_and_failed_writes() {
    // An observed info write has no successors in its session, so neither read contradicts it.
    check("?w x1, r x0 / r x1", "causal causal-memory", "");
    check("w x1, r x0 / r x1", "", "read-your-writes");
    // But predecessors it has.
    check("w x1, ?w x2 / r x2, r x1", "read-your-writes", "monotonic-reads");
    check("!w x1 / r x1", "", "well-formed causal monotonic-reads");
    check("!w x1, r x0", "causal well-formed", "");
    // The reads of info operations prove nothing.
    check("w x1, ?r x0", "causal", "");
}

#[test]
fn malformed_reads() {
    for bad in ["r x1", "!w x1 / r x1", "w x1 + w x2 / r x1", "w x1 + r x2 / w x2", "r x1 + w x1", "c x1-1"] {
        check(bad, "", "well-formed causal causal-weak pram-classic");
    }
    check("w x1 + r x1 / r x1", "well-formed causal", "");
    // Its own later write, of another transaction: rule 7 of every set, and a cycle of hb.
    let own_future = "r x1, w x1";
    check(own_future, "well-formed", "read-your-writes monotonic-reads causal-weak causal-memory pram-classic");
    assert_eq!(judge(&Toy::parse(own_future), USUAL).minimal, [Guarantees::NONE]);
}

#[test]
fn a_cas_reads_and_writes_at_once() {
    check("w x1 / c x1-2, r x1", "monotonic-reads", "read-your-writes causal causal-memory");
    check("w x1 / c x1-2 / r x2, r x1", "read-your-writes", "monotonic-reads causal-weak causal-memory");
    // In one session's view nothing comes between: two own cas from one value do not fit.
    check("w x1 / c x1-2, c x1-3", "", "read-your-writes causal-memory pram-classic");
    // In a store with one order nothing forbids two sessions' cas from one value.
    check("w x1 / c x1-2 / c x1-3", "causal causal-memory", "");
}

#[test]
fn textbook_anomalies_of_transactions() {
    // Half of a transaction, of which the operations that the reader saw by then do not tell.
    check("w y1 + w x1 / r y1 + r x0", "causal", "read-committed read-atomic transactional-causal");
    check("w x1 + w y1 / r x0 + r y1", "read-committed causal", "read-atomic transactional-causal");
    check("w x1 + w y1, w x2 + w y2 / r x1 + r y2", "read-committed causal", "read-atomic transactional-causal");
    check("w y1 + w x1, w y2 + w x2 / r y2 + r x1", "causal", "read-committed");
    // Of two writers that nothing orders each has a reader: either may be right, but not both. And an atomic one sees neither half.
    check("w y1 + w x1 / w y2 + w x2 / r y2 + r x1", "read-committed causal", "read-atomic transactional-causal");
    check("w y1 + w x1 / w y2 + w x2 / r y2 + r x1 / r y1 + r x2", "causal", "read-committed");
    // A value changes under a reader: committed, but not atomic.
    check("w x1 / w x2 / r x1 + r x2", "read-committed", "read-atomic");
    check("w x1 / w x2 / r x1 + r x2 + r x1", "", "read-committed");
    // The own session, and what others saw.
    check("w x1, r x0", "read-committed", "read-atomic causal");
    check("w x1 / r x1 + w y1 / r y1, r x0", "read-committed read-atomic", "transactional-causal causal");
    check("w z1 + w x1 / r z1 + w y1 / r y1 + r x0", "read-committed read-atomic causal", "transactional-causal");
    // Lost updates, and a transaction that reads what it overwrites, are no matter of these models.
    check("w x1 / r x1 + w x2 / r x1 + w x3", "transactional-causal", "");
    // Each read what the other wrote.
    check("r x1 + w y1 / r y1 + w x1", "well-formed", "read-committed read-atomic transactional-causal");
}

#[test]
fn indeterminate_transactions_took_effect_whole_where_observed() {
    check("w x1, ?w x2 + w y2 / r y2 + r x1", "causal", "read-committed");
    check("w x1, ?w x2 + w y2 / r y0 + r x1", "transactional-causal", "");
    check("?w x1 + w y1, r x0 / r y1", "transactional-causal", "");
    check("w x1 + w y1, r x0 / r y1", "", "read-atomic");
    check("w x1, ?r x0 + w y1 / r y1", "transactional-causal", "");
    check("!w x1 + w y1 / r y0 + r x0", "transactional-causal", "");
}

#[test]
fn minimal_violated_sets_name_the_root_causes() {
    let minimal = |history| judge(&Toy::parse(history), USUAL).minimal;
    assert_eq!(minimal("w x1, w x2, r x1"), [Guarantees::RYW]);
    assert_eq!(minimal("w x1, w x2 / r x2, r x1"), [Guarantees::MR]);
    assert_eq!(minimal("w x1 / r x1, w y1 / r y1, r x0"), [Guarantees::MR.with(Guarantees::WFR)]);
    assert_eq!(minimal("w x1, w x2, w y1 / r y1, r x1"), [Guarantees::MR.with(Guarantees::MW)]);
}

#[test]
fn values_written_twice() {
    let judged = |history: &str, name: &str| {
        let answer = judge(&Toy::parse(history), USUAL);
        (answer.verdicts[MODELS.iter().position(|model| model.name == name).expect("a name")], answer.skipped)
    };
    assert_eq!(judged("w x1 / w x1 / r x1", "causal"), (Verdict::Unknown, 1));
    assert_eq!(judged("w x1 / w x1 / r x1", "read-your-writes"), (Verdict::Satisfied, 1));
    assert_eq!(judged("w x1 / w x1 / w x2, r x1", "read-your-writes"), (Verdict::Unknown, 1));
    assert_eq!(judged("w x1 / w x1 / r x1, w y1, w y2, r y1", "read-your-writes"), (Verdict::Violated, 1));
    // A failed one and one that comes later in the reader's session are no candidates.
    assert_eq!(judged("w x1 / !w x1 / r x1", "causal"), (Verdict::Satisfied, 0));
    assert_eq!(judged("w x1 / r x1, w x1", "causal"), (Verdict::Satisfied, 0));
    // A delete makes reads of the initial value ambiguous.
    assert_eq!(judged("w x1, w x0, r x0", "causal"), (Verdict::Unknown, 1));
}

/// What a model says of a history under an order of the writes, its transactions changed one by one first.
fn verdict(history: &str, order: WriteOrder, name: &str, change: impl Fn(usize, &mut Txn)) -> (Verdict, Option<u64>) {
    let mut toy = Toy::parse(history);
    toy.txns.iter_mut().enumerate().for_each(|(at, txn)| change(at, txn));
    let answer = judge(&toy, Settings { write_order: order, ..USUAL });
    let at = MODELS.iter().position(|model| model.name == name).expect("a name");
    (answer.verdicts[at], answer.stale[at].map(|stale| stale.0))
}

#[test]
fn a_session_that_overlaps_itself_is_ordered_by_its_intervals() {
    let times = |times: &'static [(i64, i64)]| {
        move |at: usize, txn: &mut Txn| (txn.invoke, txn.complete) = (Some(times[at].0), Some(times[at].1))
    };
    let judged = |with: &'static [(i64, i64)]| verdict("w x1, r x0", WriteOrder::Session, "read-your-writes", times(with)).0;
    assert_eq!(judged(&[(0, 10), (10, 20)]), Verdict::Violated);
    assert_eq!(judged(&[(0, 10), (9, 20)]), Verdict::Satisfied);
    assert_eq!(judged(&[(30, 40), (9, 20)]), Verdict::Satisfied);
    // Of two moments in one place the file has the order.
    assert_eq!(judged(&[(5, 5), (5, 5)]), Verdict::Violated);
    assert_eq!(verdict("w x1, r x0", WriteOrder::Session, "read-your-writes", |_, _| {}).0, Verdict::Violated);
    // A read cannot have returned what was invoked after it had completed.
    let future = |with: &'static [(i64, i64)]| verdict("r x1 / w x1", WriteOrder::Session, "well-formed", times(with)).0;
    assert_eq!(future(&[(0, 10), (11, 20)]), Verdict::Violated);
    assert_eq!(future(&[(0, 10), (10, 20)]), Verdict::Satisfied);
}

#[test]
fn the_recorded_order_of_writes_counts_where_it_is_asked_for() {
    let history = "w x1 / w x2 / r x2, r x1";
    let versions = |versions: &'static [i64]| move |at: usize, txn: &mut Txn| txn.ops[0].version = versions.get(at).copied();
    let by_version = |order, with: &'static [i64]| verdict(history, order, "monotonic-reads", versions(with));
    assert_eq!(by_version(WriteOrder::Session, &[1, 2]), (Verdict::Satisfied, Some(0)));
    assert_eq!(by_version(WriteOrder::Version, &[1, 2]), (Verdict::Violated, Some(1)));
    assert_eq!(by_version(WriteOrder::Version, &[2, 1]), (Verdict::Satisfied, Some(0)));
    assert_eq!(by_version(WriteOrder::Version, &[2, 2]), (Verdict::Satisfied, Some(0)));
    assert_eq!(by_version(WriteOrder::Version, &[2]), (Verdict::Satisfied, Some(0)));
    // Rule 2 gives way to the versions, MW does not.
    let reversed = |name| verdict("w x1, w x2", WriteOrder::Version, name, versions(&[2, 1])).0;
    assert_eq!((reversed("read-your-writes"), reversed("monotonic-writes")), (Verdict::Satisfied, Verdict::Violated));
    let by_time = |second: i64| {
        let time = move |at: usize, txn: &mut Txn| match at {
            0 => (txn.invoke, txn.complete) = (Some(0), Some(10)),
            1 => (txn.invoke, txn.complete) = (Some(second), Some(second + 10)),
            _ => {}
        };
        verdict(history, WriteOrder::RealTime, "monotonic-reads", time)
    };
    assert_eq!(by_time(11), (Verdict::Violated, Some(1)));
    assert_eq!(by_time(10), (Verdict::Satisfied, Some(0)));
}

#[test]
fn stale_reads_are_counted_by_the_orders_known_without_reads() {
    let stale = |history: &str, name: &str| {
        let at = MODELS.iter().position(|model| model.name == name).expect("a name");
        judge(&Toy::parse(history), USUAL).stale[at]
    };
    assert_eq!(stale("w x1, w x2, r x1, r x1, r x2", "read-your-writes"), Some((2, 1)));
    assert_eq!(stale("w x1, w x2 / r x2, r x1, r x0", "monotonic-reads"), Some((2, 1)));
    assert_eq!(stale("w x1 / w x2 / r x1, r x2 / r x2, r x1", "causal"), Some((0, 0)));
    assert_eq!(stale("w x1, r x1", "causal-weak"), None);
}
