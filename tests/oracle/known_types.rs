//! The oracle against models.md 5: lists, sets and counters with known answers.

use testimony::check::{UnmatchedReads, WriteOrder};
use testimony::model::{Guarantees, MODELS};
use testimony::verdict::Verdict;

use crate::decorate::Settings;
use crate::judge::{Answer, judge};
use crate::toy::Toy;

const USUAL: Settings = Settings { write_order: WriteOrder::Session, unmatched: UnmatchedReads::Violation };

fn answer(history: &str) -> Answer {
    let toy = Toy::parse(history);
    assert!(toy.is_consistent(), "{history}");
    judge(&toy, USUAL)
}

fn minimal(history: &str) -> Vec<Guarantees> {
    let answer = answer(history);
    assert_ne!(answer.verdicts[0], Verdict::Violated, "{history} is malformed");
    answer.minimal
}

/// Holds a history to the models that it satisfies and those that it violates, by name.
fn check(history: &str, satisfied: &str, violated: &str) {
    let answer = answer(history);
    for (names, wanted) in [(satisfied, Verdict::Satisfied), (violated, Verdict::Violated)] {
        for name in names.split_whitespace() {
            let at = MODELS.iter().position(|model| model.name == name).expect("a model's name");
            assert_eq!(answer.verdicts[at], wanted, "{name} of {history}");
        }
    }
}

#[test]
fn on_one_list_each_guarantee_fails_alone() {
    assert_eq!(minimal("a x1, r x[]"), [Guarantees::RYW]);
    assert_eq!(minimal("a x1 / r x[1], r x[]"), [Guarantees::MR]);
    assert_eq!(minimal("a x1, a x2 / r x[2]"), [Guarantees::MW]);
    assert_eq!(minimal("a x1 / r x[1], a x2 / r x[2]"), [Guarantees::WFR]);
    assert_eq!(minimal("a x1, a x2 / r x[1 2], r x[1 2]"), []);
}

#[test]
fn lists_read_from_their_appends_in_one_order() {
    // Two orders of two elements agree with no one order, but with one for each session.
    let two_orders = "a x1 / a x2 / r x[1 2] / r x[2 1]";
    assert_eq!(minimal(two_orders), [Guarantees::NONE]);
    check(two_orders, "well-formed causal-weak causal-memory pram-classic", "read-your-writes monotonic-reads pram causal");
    check("a x1 / a x2 / r x[1 2], r x[2 1]", "causal-weak", "causal-memory pram-classic causal");
    // Late delivery is no reversal.
    check("a x1 / a x2 / r x[1] / r x[2] / r x[1 2]", "causal causal-memory", "");
    // Rule 2: a session's own appends, and an append after a read, are in that order whatever is guaranteed.
    assert_eq!(minimal("a x1, a x2 / r x[2 1]"), [Guarantees::NONE]);
    assert_eq!(minimal("a x1 / r x[1], a x2 / r x[2 1]"), [Guarantees::NONE]);
    check("a x1, a x2 / r x[2 1]", "", "causal-weak causal-memory pram-classic");
    // One order over several keys, lists and registers.
    assert_eq!(minimal("a x1, a y1 / a y2, a x2 / r x[2 1] / r y[1 2]"), [Guarantees::MW]);
    assert_eq!(minimal("a x1, w y1 / w y2, a x2 / r x[2 1] / r y1, r y2"), [Guarantees::MR.with(Guarantees::MW)]);
    // Rule 7.
    assert_eq!(minimal("r x[1], a x1"), [Guarantees::NONE]);
    // Causes across keys.
    assert_eq!(minimal("a x1 / r x[1], a y1 / r y[1], r x[]"), [Guarantees::MR.with(Guarantees::WFR)]);
    assert_eq!(minimal("a x1, w y1 / r y1, r x[]"), [Guarantees::MR.with(Guarantees::MW)]);
}

#[test]
fn malformed_lists() {
    let bad = [
        "a x1 / r x[1 2]",
        "!a x1, a x2 / r x[1 2]",
        "a x1 + a x2 / r x[1]",
        "r x[1] + a x1",
        "a x1 / r x[1 1]",
        "a x1 + r x[]",
        "a x1 + a x2 + r x[2 1]",
        "a x3 / a x1 + r x[1 3]",
    ];
    for history in bad {
        check(history, "", "well-formed causal read-your-writes causal-weak pram-classic");
    }
    check("a x1 + a x2 / a x3 / r x[1 3]", "well-formed causal", "");
    check("a x3 / a x1 + r x[3 1] / r x[3 1]", "well-formed causal", "");
}

#[test]
fn lists_with_elements_appended_twice() {
    let judged = |history: &str, name: &str| {
        let answer = answer(history);
        (answer.verdicts[MODELS.iter().position(|model| model.name == name).expect("a name")], answer.skipped)
    };
    assert_eq!(judged("a x1 / a x1 / r x[1]", "causal"), (Verdict::Unknown, 1));
    assert_eq!(judged("a x1 / a x1 / r x[1]", "monotonic-reads"), (Verdict::Unknown, 1));
    assert_eq!(judged("a x1 / a x1 / r x[1 1]", "well-formed"), (Verdict::Satisfied, 1));
    assert_eq!(judged("a x1 / a x1 / r x[1 1 1]", "well-formed"), (Verdict::Violated, 0));
    assert_eq!(judged("a x1 / r x[1], a x1", "causal"), (Verdict::Satisfied, 0));
    assert_eq!(judged("a x1 / r x[1 1], a x1", "well-formed"), (Verdict::Violated, 0));
    // Two lists may contradict each other whatever their sessions see.
    assert_eq!(judged("a x1 / a x1 / a x2 / r x[1 2]", "read-your-writes"), (Verdict::Unknown, 1));
}

#[test]
fn indeterminate_appends() {
    check("?a x1, r x[] / r x[1]", "causal causal-memory", "");
    check("a x1, ?a x2 / r x[2]", "read-your-writes", "monotonic-writes");
    check("!a x1, a x2 / r x[2]", "causal", "");
}

#[test]
fn sets() {
    assert_eq!(minimal("i x1, r x[]"), [Guarantees::RYW]);
    assert_eq!(minimal("i x1 / r x[1], r x[]"), [Guarantees::MR]);
    assert_eq!(minimal("i x1, i x2 / r x[2]"), [Guarantees::MW]);
    assert_eq!(minimal("i x1 / r x[1], i x2 / r x[2]"), [Guarantees::WFR]);
    // Some removal may come after the addition, even one that timed out.
    for may_be_removed in ["i x1, r x[] / d x1", "i x1, r x[] / ?d x1", "i x1, d x1, r x[]"] {
        assert_eq!(minimal(may_be_removed), []);
    }
    // A removal that happened before the addition, or comes later in the reader's session, does not explain it.
    assert_eq!(minimal("d x1, i x1, r x[]"), [Guarantees::RYW]);
    assert_eq!(minimal("i x1, r x[], d x1"), [Guarantees::RYW]);
    assert_eq!(minimal("i x1, r x[] / !d x1"), [Guarantees::RYW]);
    // Phantoms: all additions happened before the removal. With a concurrent one either may win.
    assert_eq!(minimal("i x1, d x1, r x[1]"), [Guarantees::RYW]);
    assert_eq!(minimal("i x1 / r x[1], d x1, r x[1]"), [Guarantees::RYW]);
    assert_eq!(minimal("i x1 / d x1, r x[1]"), []);
    assert_eq!(minimal("i x1, d x1, r x[1] / ?i x1"), []);
    check("i x1, d x1, r x[1]", "well-formed", "causal-weak causal-memory pram-classic");
    // Two additions of a member: neither is read from, and nothing is ambiguous.
    assert_eq!(answer("i x1 / i x1 / r x[1]").skipped, 0);
    check("i x1 / i x1 / r x[1]", "causal", "");
    check("i x1 / r x[2]", "", "well-formed");
    check("!i x1, i x2 / r x[1]", "", "well-formed");
    check("i x1 + d x1 + r x[1]", "", "well-formed");
    check("i x1 + i x2 + d x1 + r x[2]", "well-formed causal", "");
}

#[test]
fn counters() {
    assert_eq!(minimal("u x1, r x0"), [Guarantees::RYW]);
    assert_eq!(minimal("u x1, r x1, u x2, r x1"), [Guarantees::RYW]);
    assert_eq!(minimal("u x1, r x1 / ?u x2"), []);
    // Nobody counted so far, whatever is guaranteed; and not by what failed, or comes later.
    for beyond in ["u x1 / r x2", "!u x1, u x2 / r x3", "u x1 / r x2, u x1", "n x1 / r x1"] {
        assert_eq!(minimal(beyond), [Guarantees::NONE], "{beyond}");
    }
    for within in ["u x1 / r x1", "u x1 / ?u x2 / r x3", "u x5, n x2 / r x3", "u x5 / n x2 / r x5", "n x1 / r x0"] {
        assert_eq!(minimal(within), [], "{within}");
    }
    // What a session saw it goes on seeing.
    assert_eq!(minimal("u x1 / r x1, r x0"), [Guarantees::MR]);
    assert_eq!(minimal("u x1 / n x1 / r x1, r x0"), []);
    check("u x1 / r x1, r x0", "read-your-writes", "monotonic-reads causal-weak causal-memory pram-classic");
    check("u x1, w y1 / r y1, r x0", "read-your-writes monotonic-reads", "monotonic-writes causal-weak");
    check("u x1 + r x5", "well-formed causal", "");
}

#[test]
fn stale_reads_are_those_that_break_a_rule() {
    let stale = |history: &str, name: &str| {
        let at = MODELS.iter().position(|model| model.name == name).expect("a name");
        answer(history).stale[at]
    };
    assert_eq!(stale("a x1, r x[], r x[1], r x[]", "read-your-writes"), Some((2, 1)));
    assert_eq!(stale("a x1, r x[], r x[1], r x[]", "monotonic-reads"), Some((1, 1)));
    assert_eq!(stale("i x1, r x[] / w y1, w y2, r y1", "read-your-writes"), Some((2, 2)));
    assert_eq!(stale("u x1, r x0 / r x0", "causal"), Some((1, 1)));
}
