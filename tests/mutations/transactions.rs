//! Hand-made witnesses of the weak transactional models.

use testimony::check::Options;
use testimony::history::History;
use testimony::model::find;
use testimony::verdict::Anomaly::{CyclicHb, InitialRead, StaleRead};
use testimony::verdict::Assumption::OneOrder;
use testimony::verdict::Because::SessionOrder;
use testimony::verdict::{Because, Relation, Step, Witness};
use testimony::witness::Verifier;

use crate::scenario::*;
use crate::witnesses::{Case, case};

const FROM_COMMITTED: &[&str] = &["read-committed", "read-atomic", "transactional-causal"];
const FROM_ATOMIC: &[&str] = &["read-atomic", "transactional-causal"];
const CAUSAL: &[&str] = &["transactional-causal"];

/// Every case.
pub fn cases() -> Vec<Case> {
    let session = |from, to| so(from, to, SessionOrder);
    let stale = |h: &History, steps| of_transactions(h, StaleRead, &[OneOrder], steps);
    let initial = |h: &History, step| of_transactions(h, InitialRead, &[], vec![step]);
    let cyclic = |h: &History, steps| of_transactions(h, CyclicHb, &[], steps);
    vec![
        case("half of a transaction", "a w y 1 \n a w x 1 + \n b r y 1 \n b r x - +", FROM_COMMITTED, |h| {
            initial(h, missed(1, vec![wr(0, 2)], 3))
        }),
        case("half of it, read the other way round", "a w x 1 \n a w y 1 + \n b r x - \n b r y 1 +", FROM_ATOMIC, |h| {
            initial(h, missed(0, vec![wr(1, 3)], 2))
        }),
        case("not its session's", "a w x 1 \n a w y 1 + \n a r y 1 \n a r x - +", FROM_ATOMIC, |h| {
            initial(h, missed(0, vec![session(1, 2)], 3))
        }),
        case("half of a cause", "a w z 1 \n a w x 1 + \n b r z 1 \n b w y 1 + \n c r y 1 \n c r x - +", CAUSAL, |h| {
            initial(h, missed(1, vec![wr(0, 2), wr(3, 4)], 5))
        }),
        case("half new, half old", "a w y 1 \n a w x 1 + \n a w y 2 \n a w x 2 + \n b r y 2 \n b r x 1 +", FROM_COMMITTED, |h| {
            stale(h, vec![session(1, 2), co(3, vec![wr(2, 4)], 5, 1)])
        }),
        case(
            "two readers, two orders",
            "a w y 1 \n a w x 1 + \n b w y 2 \n b w x 2 + \n c r y 2 \n c r x 1 + \n d r y 1 \n d r x 2 +",
            FROM_COMMITTED,
            |h| stale(h, vec![co(3, vec![wr(2, 4)], 5, 1), co(1, vec![wr(0, 6)], 7, 3)]),
        ),
        case(
            "what answers comes later",
            "a w x 1 \n b r x 1 \n b w y 2 + \n b w x 2 + \n c r y 2 \n c r x 1 +",
            FROM_COMMITTED,
            |h| stale(h, vec![wr(0, 1), co(3, vec![wr(2, 4)], 5, 0)]),
        ),
        case("an info transaction seen", "a w x 1 \n a w x 2 info \n a w y 2 + \n b r y 2 \n b r x 1 +", FROM_COMMITTED, |h| {
            stale(h, vec![session(0, 1), co(1, vec![wr(2, 3)], 4, 0)])
        }),
        case("a read that does not repeat", "a w x 1 \n b w x 2 \n c r x 1 \n c r x 2 +", FROM_ATOMIC, |h| {
            stale(h, vec![co(0, vec![wr(0, 2)], 3, 1), co(1, vec![wr(1, 3)], 2, 0)])
        }),
        case("its session's, overwritten", "a w x 1 \n a w x 2 \n a w z 2 + \n a r x 1 \n a r z 2 +", FROM_ATOMIC, |h| {
            stale(h, vec![session(0, 1), co(1, vec![session(2, 3)], 3, 0)])
        }),
        case(
            "overwritten in the past",
            "a w x 1 \n a w z 1 \n a w x 2 + \n b r z 1 \n b w y 1 \n c r y 1 \n c r x 1",
            CAUSAL,
            |h| stale(h, vec![session(0, 1), co(2, vec![wr(1, 3), session(3, 4), wr(4, 5), session(5, 6)], 6, 0)]),
        ),
        case("each read what the other wrote", "a r x 1 \n a w y 1 + \n b r y 1 \n b w x 1 +", FROM_COMMITTED, |h| {
            cyclic(h, vec![wr(1, 2), wr(3, 0)])
        }),
        case("read before its session wrote it", "a r x 1 \n a w x 1", FROM_COMMITTED, |h| {
            cyclic(h, vec![wr(1, 0), session(0, 1)])
        }),
    ]
}

/// What looks like a witness and is none, each for one reason only; the other of a pair, which lacks that reason, stands.
#[test]
fn each_rule_is_needed() {
    let session = |from, to| so(from, to, SessionOrder);
    let on = |name: &str, model: &str, text: &str, stands: bool, make: &dyn Fn(&History) -> Witness| {
        let (h, options) = (history(text), Options::default());
        let answer = Verifier::new(&h, &options).verify(find(model).expect("a model"), &make(&h));
        assert_eq!(answer.is_ok(), stands, "{name}: {answer:?}");
    };
    let initial = |step: Step| move |h: &History| of_transactions(h, InitialRead, &[], vec![step.clone()]);
    let stale = |steps: Vec<Step>| move |h: &History| of_transactions(h, StaleRead, &[OneOrder], steps.clone());
    let cyclic = |steps: Vec<Step>| move |h: &History| of_transactions(h, CyclicHb, &[], steps.clone());
    let (committed, atomic, causal) = ("read-committed", "read-atomic", "transactional-causal");

    let half = initial(missed(1, vec![wr(0, 2)], 3));
    let text = "a w y 1 \n a w x 1 + \n b r y 1 \n b r x - +";
    on("half", committed, text, true, &half);
    on("overwritten by itself", committed, &format!("{text} \n a w x 3"), true, &half);
    on(
        "not the last write",
        committed,
        &text.replace("x 1 +", "x 1 + \n a w x 2 +"),
        false,
        &initial(missed(1, vec![wr(0, 3)], 4)),
    );
    on("the last write", committed, &text.replace("x 1 +", "x 1 + \n a w x 2 +"), true, &initial(missed(2, vec![wr(0, 3)], 4)));
    on("two transactions", committed, "a w y 1 \n a w x 1 \n b r y 1 \n b r x - +", false, &half);
    on("a read of another transaction", committed, "a w y 1 \n a w x 1 + \n b r y 1 \n b r x -", false, &half);
    on("null written too", committed, &format!("{text} \n c w x -"), false, &half);
    on("of another key", committed, "a w y 1 \n a w x 1 + \n b r y 1 \n b r z - +", false, &half);
    on("an info reader", committed, "a w y 1 \n a w x 1 + \n b r y 1 info \n b r x - +", false, &half);
    on("an info writer", committed, "a w y 1 info \n a w x 1 + \n b r y 1 \n b r x - +", true, &half);
    on(
        "an internal read",
        committed,
        "a w y 1 \n a w x 1 + \n b w x 5 \n b r y 1 + \n b r x 5 +",
        false,
        &initial(missed(1, vec![wr(0, 3)], 4)),
    );

    let own = initial(missed(0, vec![session(0, 1)], 1));
    on("after it", atomic, "a w x 1 \n a r x -", true, &own);
    on("after an info write", atomic, "a w x 1 info \n a r x - \n b r x 1", false, &own);
    on("overlapping", atomic, "a w x 1 0..6 \n a r x - 5..9", false, &own);
    on("in its own transaction", causal, "a w y 1 \n a w x 1 + \n a r z - +", false, &initial(missed(1, vec![session(0, 2)], 2)));
    on(
        "by the label of a guarantee",
        causal,
        "a w x 1 \n a r x -",
        false,
        &initial(missed(0, vec![so(0, 1, Because::ReadYourWrites)], 1)),
    );

    let text = "a w y 1 \n a w x 1 + \n a w y 2 \n a w x 2 + \n b r y 2 \n b r x 1 +";
    let overwritten = co(3, vec![wr(2, 4)], 5, 1);
    for (from, to) in [(0, 2), (0, 3), (1, 2), (1, 3)] {
        on("any operations of two transactions", committed, text, true, &stale(vec![session(from, to), overwritten.clone()]));
    }
    on("not in session order", committed, text, false, &stale(vec![session(4, 5), overwritten.clone()]));
    on("not closed", committed, text, false, &stale(vec![overwritten.clone()]));
    on("nothing assumed", committed, text, false, &|h| {
        of_transactions(h, StaleRead, &[], vec![session(1, 2), overwritten.clone()])
    });
    let by_operations = |h: &History| Witness { transactions: false, ..stale(vec![session(1, 2), overwritten.clone()])(h) };
    on("by operations", committed, text, false, &by_operations);
    on(
        "itself overwritten",
        causal,
        text,
        false,
        &stale(vec![session(1, 2), co(1, vec![session(1, 2), wr(2, 4)], 5, 1), session(1, 2)]),
    );
    on(
        "written by the reader",
        causal,
        "a w x 1 \n b r x 1 \n b w x 2 + \n b r y - +",
        false,
        &stale(vec![wr(0, 1), co(2, vec![session(2, 3)], 1, 0)]),
    );
    on("arbitration", causal, text, false, &stale(vec![session(1, 2), Step { relation: Relation::Ar, ..overwritten.clone() }]));

    let text = "a r x 1 \n a w y 1 + \n b r y 1 \n b w x 1 +";
    on("round", committed, text, true, &cyclic(vec![wr(1, 2), wr(3, 0)]));
    on("twice round", committed, text, false, &cyclic(vec![wr(1, 2), wr(3, 0), wr(1, 2), wr(3, 0)]));
    on("with a step in one transaction", committed, text, false, &cyclic(vec![wr(1, 2), so(2, 3, SessionOrder), wr(3, 0)]));
    on("by lists", causal, "a r x [1] \n a w y 1 + \n b r y 1 \n b append x 1 +", false, &cyclic(vec![wr(1, 2), wr(3, 0)]));

    let text = "a w x 1 \n b r x 1 \n b w y 1 + \n c r y 1 \n c w z 1 + \n b r z 1 \n b w v 1 + \n d r v 1 \n d r x - +";
    let detour = vec![wr(0, 1), wr(2, 3), wr(4, 5), wr(6, 7)];
    on("a longer path", causal, text, true, &initial(missed(0, detour.clone(), 8)));
    on("a path with a gap", causal, text, false, &initial(missed(0, [&detour[..1], &detour[2..]].concat(), 8)));
    let text = "a r q 5 \n a w x 1 + \n b r x 1 \n b w y 1 + \n b w q 5 + \n c r x 1 \n c r y - +";
    on("straight", causal, text, false, &initial(missed(3, vec![wr(1, 5)], 6)));
    on("round", causal, text, true, &initial(missed(3, vec![wr(4, 0), wr(1, 5)], 6)));
    on("twice round", causal, text, false, &initial(missed(3, vec![wr(4, 0), wr(1, 2), wr(4, 0), wr(1, 5)], 6)));
}
