//! Hand-made witnesses of how keys ended: each stands under `convergence` alone, none of its mutants does, and what looks like one and
//! is none is refused.

use std::time::Duration;

use testimony::check::{Options, WriteOrder};
use testimony::history::History;
use testimony::verdict::Anomaly::{Divergent, DuplicateElement, LostWrite, OutOfBounds, Resurrected, StaleForever};
use testimony::verdict::Assumption::{RealTimeOrder, RecordedVersions};
use testimony::verdict::Because::{Differs, Missing, Present, RealTime, Repeated, SessionOrder, Version};
use testimony::verdict::{Anomaly, Assumption, Step, Witness};
use testimony::witness::Verifier;

use crate::scenario::*;
use crate::witnesses::{Case, case, ordered};

const ALONE: &[&str] = &["convergence"];

/// Makes a witness of a history.
type Make = Box<dyn Fn(&History) -> Witness>;

fn of(anomaly: Anomaly, assumes: &'static [Assumption], steps: Vec<Step>) -> impl Fn(&History) -> Witness {
    move |h| witness(h, anomaly, assumes, steps.clone())
}

fn beyond(read: usize) -> impl Fn(&History) -> Witness {
    move |h| {
        let mut witness = witness(h, OutOfBounds, &[], vec![]);
        (witness.operations, witness.sessions) = (vec![op(read)], vec![h.session(op(read))]);
        witness
    }
}

/// Every case.
pub fn cases() -> Vec<Case> {
    let so_then = |a, b| hb(vec![so(a, b, SessionOrder)]);
    vec![
        case(
            "they differ",
            "a w x 1 \n b w x 2 \n c r x 1 final \n d r x 2 final",
            ALONE,
            of(Divergent, &[], vec![end(2, 3, Differs)]),
        ),
        case(
            "the session overwrote it",
            "a w x 1 \n a w x 2 \n c r x 1 final",
            ALONE,
            of(StaleForever, &[], vec![so_then(0, 1), wr(0, 2)]),
        ),
        case(
            "overwritten by one who had read it",
            "a w x 1 \n b r x 1 \n b w x 2 \n c r x 1 final",
            ALONE,
            of(StaleForever, &[], vec![hb(vec![wr(0, 1), so(1, 2, SessionOrder)]), wr(0, 3)]),
        ),
        ordered(
            "an older version",
            WriteOrder::Version,
            "a w x 1 v1 \n b w x 2 v2 \n c r x 1 final",
            ALONE,
            of(StaleForever, &[RecordedVersions], vec![ar(0, 1, Version), wr(0, 2)]),
        ),
        ordered(
            "written before",
            WriteOrder::RealTime,
            "a w x 1 0..1 \n b w x 2 2..3 \n c r x 1 9..9 final",
            ALONE,
            of(StaleForever, &[RealTimeOrder], vec![ar(0, 1, RealTime), wr(0, 2)]),
        ),
        case("a register as it began", "a w x 1 \n c r x - final", ALONE, of(LostWrite, &[], vec![end(0, 1, Missing)])),
        case(
            "a lost append",
            "a append x 1 \n b append x 2 \n c r x [1] final",
            ALONE,
            of(LostWrite, &[], vec![end(1, 2, Missing)]),
        ),
        case(
            "a lost add",
            "a add x 1 \n a remove x 1 \n a add x 1 \n c r x [] final",
            ALONE,
            of(LostWrite, &[], vec![so_then(1, 2), end(2, 3, Missing)]),
        ),
        case("a lost increment", "a inc x 1 \n c r x 0 final", ALONE, of(LostWrite, &[], vec![end(0, 1, Missing)])),
        case(
            "back again",
            "a add x 1 \n b r x [1] \n b remove x 1 \n c r x [1] final",
            ALONE,
            of(Resurrected, &[], vec![hb(vec![wr(0, 1), so(1, 2, SessionOrder)]), end(2, 3, Present)]),
        ),
        case(
            "two adds, each removed",
            "a add x 1 \n a remove x 1 \n b add x 1 \n b remove x 1 \n c r x [1] final",
            ALONE,
            of(Resurrected, &[], vec![so_then(0, 1), so_then(2, 3), end(3, 4, Present)]),
        ),
        case("a failed append", "a append x 1 fail \n c r x [1] final", ALONE, of(Resurrected, &[], vec![end(0, 1, Present)])),
        case("a failed increment", "a inc x 1 fail \n c r x 1 final", ALONE, of(Resurrected, &[], vec![end(0, 1, Present)])),
        case("appended once", "a append x 1 \n c r x [1,1] final", ALONE, of(DuplicateElement, &[], vec![end(0, 1, Repeated)])),
        case("a member twice", "a add x 1 \n c r x [1,1] final", ALONE, of(DuplicateElement, &[], vec![end(0, 1, Repeated)])),
        case("beyond all bounds", "a inc x 1 \n c r x 5 final", ALONE, beyond(1)),
    ]
}

/// What looks like a witness and is none, each for one reason only.
#[test]
fn each_rule_of_an_end_is_needed() {
    let so_then = |a, b| hb(vec![so(a, b, SessionOrder)]);
    let differs = || of(Divergent, &[], vec![end(2, 3, Differs)]);
    let overwritten = || of(StaleForever, &[], vec![so_then(0, 1), wr(0, 2)]);
    let lost = |write, read| of(LostWrite, &[], vec![end(write, read, Missing)]);
    let back = || of(Resurrected, &[], vec![so_then(0, 1), end(1, 2, Present)]);
    let cases: &[(&str, &str, Make, bool)] = &[
        ("not final", "a w x 1 \n b w x 2 \n c r x 1 \n d r x 2 final", Box::new(differs()), false),
        ("not acknowledged", "a w x 1 \n b w x 2 \n c r x 1 info final \n d r x 2 final", Box::new(differs()), false),
        ("a timeout between", "a w x 1 \n b w x 2 info \n c r x 1 final \n c r x 2 final", Box::new(differs()), false),
        ("a timeout before", "a w x 1 \n b w x 2 info \n c r x 2 final \n c r x 1 final", Box::new(differs()), true),
        ("sets are sets", "a add x 1 \n b add x 2 \n c r x [1,2] final \n d r x [2,1] final", Box::new(differs()), false),
        ("lists are not", "a append x 1 \n b append x 2 \n c r x [1,2] final \n d r x [2,1] final", Box::new(differs()), true),
        ("0 is null", "a inc x 1 \n b dec x 1 \n c r x 0 final \n d r x - final", Box::new(differs()), false),
        ("an add between", "a add x 1 \n b add x 2 info \n c r x [1] final \n c r x [1,2] final", Box::new(differs()), false),
        (
            "two adds between",
            "a add x 1 info \n b add x 2 info \n c r x [] final \n c r x [1,2] final",
            Box::new(differs()),
            true,
        ),
        ("no order", "a w x 1 \n b w x 2 \n c r x 1 final", Box::new(overwritten()), false),
        ("not all agree", "a w x 1 \n a w x 2 \n c r x 1 final \n d r x 2 final", Box::new(overwritten()), false),
        ("by an info write", "a w x 1 \n a w x 2 info \n c r x 1 final", Box::new(overwritten()), false),
        ("written twice", "a w x 1 \n a w x 2 \n c r x 1 final \n b w x 1", Box::new(overwritten()), false),
        ("a timeout", "a w x 1 info \n c r x - final", Box::new(lost(0, 1)), false),
        ("a delete", "a w x 1 \n c r x - final \n b w x -", Box::new(lost(0, 1)), false),
        ("one has it", "a append x 1 \n c r x [] final \n d r x [1] final", Box::new(lost(0, 1)), false),
        ("a remove unmentioned", "a add x 1 \n c r x [] final \n b remove x 1", Box::new(lost(0, 1)), false),
        ("a remove that failed", "a add x 1 \n c r x [] final \n b remove x 1 fail", Box::new(lost(0, 1)), true),
        ("a decrement may count", "a inc x 1 \n c r x 0 final \n b dec x 1 info", Box::new(lost(0, 1)), false),
        ("removed", "a add x 1 \n a remove x 1 \n c r x [1] final", Box::new(back()), true),
        ("removed by a timeout", "a add x 1 \n a remove x 1 info \n c r x [1] final", Box::new(back()), false),
        ("added elsewhere", "a add x 1 \n a remove x 1 \n c r x [1] final \n b add x 1", Box::new(back()), false),
        ("a failed add elsewhere", "a add x 1 \n a remove x 1 \n c r x [1] final \n b add x 1 fail", Box::new(back()), true),
        ("a lost one explains it", "a dec x 1 \n c r x 0 final \n b dec x 5", Box::new(beyond(1)), false),
    ];
    let model = testimony::model::find("convergence").expect("a model");
    for (name, text, make, stands) in cases {
        let h = history(text);
        let answer = Verifier::new(&h, &Options::default()).verify(model, &make(&h));
        assert_eq!(answer.is_ok(), *stands, "{name}: {answer:?}");
    }
}

#[test]
fn settled_reads_are_those_that_come_late_enough() {
    let text = "a w x 1 0..1 \n b w x 2 0..4 \n c r x 1 8..9 \n d r x 2 9..9";
    let model = testimony::model::find("convergence").expect("a model");
    for (settle, marked, stands) in
        [(Some(4), "", true), (Some(5), "", false), (None, "", false), (Some(4), " \n e r x 2 1..2 final", false)]
    {
        let h = history(&format!("{text}{marked}"));
        let options = Options { settle: settle.map(Duration::from_nanos), ..Options::default() };
        let answer = Verifier::new(&h, &options).verify(model, &witness(&h, Divergent, &[], vec![end(2, 3, Differs)]));
        assert_eq!(answer.is_ok(), stands, "{settle:?}{marked}: {answer:?}");
    }
}
