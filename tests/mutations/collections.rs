//! Hand-made witnesses about lists, sets and counters, on keys of one type and of several.

use testimony::check::Options;
use testimony::history::{History, SessionId};
use testimony::model::{MODELS, find};
use testimony::verdict::Anomaly::*;
use testimony::verdict::Assumption::{OneOrder, OneOrderPerKey};
use testimony::verdict::Because::{MonotonicReads, MonotonicWrites, ReadYourWrites, SessionOrder, WritesFollowReads};
use testimony::verdict::{Relation, Witness};
use testimony::witness::Verifier;

use crate::scenario::*;
use crate::witnesses::*;

const WITH_HB_AND_RYW: &[&str] = &["read-your-writes", "pram", "causal-weak", "causal", "causal-memory"];
const VIEWS: &[&str] = &["pram-classic", "causal-memory"];

pub fn cases() -> Vec<Case> {
    let mut cases = ill_formed();
    cases.extend(missing());
    cases.extend(phantoms());
    cases.extend(sums());
    cases.extend(orders());
    cases.extend(views());
    cases
}

/// A read that needs no steps to be wrong.
fn alone(h: &History, anomaly: testimony::verdict::Anomaly, read: usize, view: Option<usize>) -> Witness {
    let mut witness = view_witness(h, anomaly, &[], view, vec![], vec![]);
    (witness.operations, witness.sessions) = (vec![op(read)], vec![h.session(op(read))]);
    witness
}

fn ill_formed() -> Vec<Case> {
    vec![
        case("an element from nowhere", "a append x 1 \n b r x [1,7] \n b r x [1]", ALL_MODELS, |h| {
            alone(h, ThinAirRead, 1, None)
        }),
        case("a member from nowhere", "a add x 1 \n b r x [1,7] \n b r x [1]", ALL_MODELS, |h| alone(h, ThinAirRead, 1, None)),
        case("twice in a list", "a append x 1 \n b r x [1,1] \n b r x [1]", ALL_MODELS, |h| alone(h, RepeatedElement, 1, None)),
        case("an aborted append", "a append x 1 fail \n a append x 2 \n b r x [2,1]", ALL_MODELS, |h| {
            witness(h, AbortedRead, &[], vec![wr(0, 2)])
        }),
        case("an aborted add", "a add x 1 fail \n a add x 2 \n b r x [2,1]", ALL_MODELS, |h| {
            witness(h, AbortedRead, &[], vec![wr(0, 2)])
        }),
        case("from the middle of a transaction", "a append x 1 \n a append x 2 + \n b r x [1] \n b r x [1,2]", ALL_MODELS, |h| {
            witness(h, IntermediateRead, &[], vec![wr(0, 2), po(0, 1)])
        }),
        case("not its own append", "a append x 1 \n a append x 2 + \n a r x [2,1] +", ALL_MODELS, |h| {
            witness(h, Internal, &[], vec![po(1, 2)])
        }),
        case("not its own remove", "a add x 2 \n b add x 1 \n b remove x 2 + \n b r x [1,2] +", ALL_MODELS, |h| {
            witness(h, Internal, &[], vec![po(2, 3)])
        }),
        case("an element from later", "a r x [1] 0..4 \n b append x 1 5..9 info \n c append x 2 0..9", ALL_MODELS, |h| {
            witness(h, FutureRead, &[], vec![wr(1, 0), rt(0, 1)])
        }),
        case("a member from later in the transaction", "a r x [1] \n a add x 1 +", ALL_MODELS, |h| {
            witness(h, FutureRead, &[], vec![wr(1, 0), po(0, 1)])
        }),
        case(
            "own later append",
            "a r x [1] \n a append x 1",
            &[GUARANTEES, &["causal-weak", "causal-memory"]].concat().leak()[..],
            |h| witness(h, CyclicHb, &[], vec![wr(1, 0), so(0, 1, SessionOrder)]),
        ),
    ]
}

fn missing() -> Vec<Case> {
    let missing = |h: &History, path| witness(h, MissingElement, &[], vec![visible(Relation::Vis, path)]);
    vec![
        case("own append lost", "a append x 1 \n a r x []", WITH_HB_AND_RYW, |h| missing(h, vec![so(0, 1, ReadYourWrites)])),
        case("back to a shorter list", "a append x 1 \n a append x 2 \n b r x [1,2] \n b r x [1]", WITH_HB_AND_MR, move |h| {
            missing(h, vec![wr(1, 2), so(2, 3, MonotonicReads)])
        }),
        case("back to before an info append", "a append x 1 info \n b r x [1] \n b r x -", WITH_HB_AND_MR, move |h| {
            missing(h, vec![wr(0, 1), so(1, 2, MonotonicReads)])
        }),
        case("a later append without an earlier one", "a append x 1 \n a append x 2 \n b r x [2]", WITH_HB_AND_MR_MW, move |h| {
            missing(h, vec![so(0, 1, MonotonicWrites), wr(1, 2)])
        }),
        case(
            "an answer without its question",
            "a append x 1 \n b r x [1] \n b add y 2 \n c r y [2] \n c r x []",
            WITH_HB_AND_WFR,
            |h| {
                let path = vec![wr(0, 1), so(1, 2, WritesFollowReads), wr(2, 3), so(3, 4, MonotonicReads)];
                missing(h, path)
            },
        ),
        case("through a counter", "a add y 1 \n b r y [1] \n b r n 0 \n b r y [] \n a increment n 1", WITH_HB_AND_MR, |h| {
            missing(h, vec![wr(0, 1), so(1, 2, MonotonicReads), so(2, 3, MonotonicReads)])
        }),
        case("own add lost", "a add x 1 \n a add x 2 \n a r x [2]", WITH_HB_AND_RYW, move |h| {
            missing(h, vec![so(0, 2, ReadYourWrites)])
        }),
        case("removed before it was added", "a remove x 1 \n a add x 1 \n a r x []", WITH_HB_AND_RYW, move |h| {
            missing(h, vec![so(1, 2, ReadYourWrites)])
        }),
        case("removed only after the read", "a add x 1 \n a r x [] \n a remove x 1", WITH_HB_AND_RYW, move |h| {
            missing(h, vec![so(0, 1, ReadYourWrites)])
        }),
        case(
            "removed elsewhere only after the read",
            "a add x 1 0..1 \n a r x [] 2..3 \n b remove x 1 4..5",
            WITH_HB_AND_RYW,
            move |h| missing(h, vec![so(0, 1, ReadYourWrites)]),
        ),
    ]
}

fn phantoms() -> Vec<Case> {
    let phantom = |h: &History, path, adds: Vec<_>| {
        let mut steps = vec![visible(Relation::Vis, path)];
        steps.extend(adds.into_iter().map(hb));
        witness(h, PhantomMember, &[], steps)
    };
    vec![
        case("own remove undone", "a add x 1 \n a remove x 1 \n a r x [1]", WITH_HB_AND_RYW, move |h| {
            phantom(h, vec![so(1, 2, ReadYourWrites)], vec![vec![so(0, 1, MonotonicWrites)]])
        }),
        case(
            "every add is gone",
            "a add x 1 \n b r x [1] \n b add x 1 \n b remove x 1 \n b r x [1]",
            WITH_HB_AND_RYW,
            move |h| {
                let adds = vec![vec![wr(0, 1), so(1, 3, WritesFollowReads)], vec![so(2, 3, MonotonicWrites)]];
                phantom(h, vec![so(3, 4, ReadYourWrites)], adds)
            },
        ),
        case(
            "a remove and what came of it",
            "a add x 1 \n a remove x 1 \n a append y 2 \n b r y [2] \n b r x [1] \n b add x 1",
            &["monotonic-writes", "pram", "causal-weak", "causal", "causal-memory"],
            move |h| {
                let path = vec![so(1, 2, MonotonicWrites), wr(2, 3), so(3, 4, MonotonicReads)];
                phantom(h, path, vec![vec![so(0, 1, MonotonicWrites)]])
            },
        ),
    ]
}

fn sums() -> Vec<Case> {
    let sum = |h: &History, froms: &[usize], read: usize| {
        let steps = froms.iter().map(|&from| visible(Relation::Vis, vec![so(from, read, ReadYourWrites)])).collect();
        witness(h, ImpossibleSum, &[], steps)
    };
    vec![
        case(
            "own increments lost",
            "a increment x 5 \n a increment x 3 \n a r x 4 \n b decrement x 1",
            WITH_HB_AND_RYW,
            move |h| sum(h, &[0, 1], 2),
        ),
        case(
            "own increments lost, of many",
            "a increment x 5 \n a increment x 5 \n a decrement x -5 \n a r x 10 \n a increment x 9",
            WITH_HB_AND_RYW,
            move |h| sum(h, &[0, 1, 2], 3),
        ),
        case(
            "own decrement lost",
            "a decrement x 5 \n a r x 1 \n b increment x 2 \n a increment x 1",
            WITH_HB_AND_RYW,
            move |h| sum(h, &[0], 1),
        ),
        case(
            "nothing makes that sum",
            "a increment x 1 \n b r x 7 \n c increment x 9 fail \n b increment x 9",
            &[GUARANTEES, &["causal-weak", "causal-memory"]].concat().leak()[..],
            |h| alone(h, ImpossibleSum, 1, None),
        ),
        case("nothing makes that sum for it", "a increment x 1 \n b r x 7", VIEWS, |h| alone(h, ImpossibleSum, 1, Some(1))),
        case("less than before", "a increment x 3 info \n b r x 3 \n b r x 1 \n a decrement x 1", WITH_HB_AND_MR, |h| {
            witness(h, ImpossibleSum, &[], vec![so(1, 2, MonotonicReads)])
        }),
        case("less than before, for it", "a increment x 3 info \n b r x 3 \n b r x 1 \n a decrement x 1", VIEWS, |h| {
            view_witness(h, ImpossibleSum, &[], Some(1), vec![], vec![so(1, 2, MonotonicReads)])
        }),
    ]
}

fn orders() -> Vec<Case> {
    let ordered = |from, read, to| listed(Relation::Ar, from, read, to);
    vec![
        case("two opposite lists", "a append x 1 \n b append x 2 \n c r x [1,2] \n d r x [2,1]", GUARANTEES, move |h| {
            witness(h, IncompatibleOrder, &[OneOrderPerKey], vec![ordered(0, 2, 1), ordered(1, 3, 0)])
        }),
        case("a session's appends reversed", "a append x 1 \n a append x 2 \n b r x [2,1]", GUARANTEES, move |h| {
            witness(h, IncompatibleOrder, &[OneOrderPerKey], vec![ar(0, 1, SessionOrder), ordered(1, 2, 0)])
        }),
        case("a session's appends reversed against hb", "a append x 1 \n a append x 2 \n b r x [2,1]", WITH_HB, move |h| {
            witness(h, IncompatibleOrder, &[], vec![hb(vec![so(0, 1, MonotonicWrites)]), ordered(1, 2, 0)])
        }),
        case("before what it had read", "b append x 1 \n a r x [1] \n a append x 2 \n c r x [2,1]", GUARANTEES, move |h| {
            witness(h, IncompatibleOrder, &[OneOrderPerKey], vec![read_then_write(0, 1, 2), ordered(2, 3, 0)])
        }),
        case(
            "a list and a register",
            "a append x 1 \n a w y 1 \n b w y 2 \n b append x 2 \n c r x [2,1] \n d r y 1 \n d r y 2",
            &["monotonic-writes", "pram", "causal"],
            move |h| {
                let overwritten = stale(Relation::Ar, vec![wr(1, 5), so(5, 6, MonotonicReads)], 2);
                let steps = vec![ar(0, 1, MonotonicWrites), overwritten, ar(2, 3, MonotonicWrites), ordered(3, 4, 0)];
                witness(h, StaleRead, &[OneOrder], steps)
            },
        ),
        case(
            "two lists, answers to what was read",
            "a append x 1 \n c append y 2 \n b r x [1] \n b append y 1 \n d r y [2] \n d append x 2 \n e r y [1,2] \n e r x [2,1]",
            &["writes-follow-reads", "causal"],
            move |h| {
                let steps = vec![follows(vec![wr(0, 2)], 3), ordered(3, 6, 1), follows(vec![wr(1, 4)], 5), ordered(5, 7, 0)];
                witness(h, IncompatibleOrder, &[OneOrder], steps)
            },
        ),
    ]
}

fn views() -> Vec<Case> {
    // As in POPL'17 Fig. 2(b), a's write of x comes before b's in b's view; so does what a did before.
    let forced = |from, y, x, to| {
        stale(Relation::View, vec![so(from, from + 1, SessionOrder), wr(from + 1, y), so(y, x, SessionOrder)], to)
    };
    let seen = |from, wrote, read| {
        visible(Relation::View, vec![so(from, from + 1, SessionOrder), view(from + 1, wrote), so(wrote, read, SessionOrder)])
    };
    let after = "a w x 1 \n a w y 1 \n b w x 2 \n b r z";
    let rest = "b r y 1 \n b r x 2";
    let text = |before: &str, found: &str| format!("{before} \n {after} {found} \n {rest}").leak() as &str;
    vec![
        case("an append missing in a view", text("a append z 1", "[]"), VIEWS, move |h| {
            view_witness(h, MissingElement, &[], Some(1), vec![forced(1, 5, 6, 3)], vec![seen(0, 3, 4)])
        }),
        case("an add missing in a view", text("a add z 1", "-"), VIEWS, move |h| {
            view_witness(h, MissingElement, &[], Some(1), vec![forced(1, 5, 6, 3)], vec![seen(0, 3, 4)])
        }),
        case("a member back in a view", text("a add z 1 \n a remove z 1", "[1]"), VIEWS, move |h| {
            let undone = hb(vec![so(0, 1, MonotonicWrites)]);
            view_witness(h, PhantomMember, &[], Some(1), vec![forced(2, 6, 7, 4)], vec![seen(1, 4, 5), undone])
        }),
        case("a sum too small in a view", text("a increment z 4", "3"), VIEWS, move |h| {
            view_witness(h, ImpossibleSum, &[], Some(1), vec![forced(1, 5, 6, 3)], vec![seen(0, 3, 4)])
        }),
        case("a session's two opposite lists", "a append x 1 \n b append x 2 \n c r x [1,2] \n c r x [2,1]", VIEWS, |h| {
            let derived = vec![listed(Relation::View, 0, 2, 1), listed(Relation::View, 1, 3, 0)];
            view_witness(h, ViewCycle, &[], Some(2), derived, vec![view_listed(0, 1), view_listed(1, 0)])
        }),
        case(
            "missing behind what a list orders",
            "a append x 1 \n b add z 1 \n b append x 2 \n a w y 1 \n c r x [2,1] \n c r z [] \n c r y 1",
            &["causal-weak", "causal", "causal-memory", "monotonic-writes", "pram"],
            |h| {
                let path = vec![so(1, 2, MonotonicWrites), wr(2, 4), so(4, 5, MonotonicReads)];
                witness(h, MissingElement, &[], vec![visible(Relation::Vis, path)])
            },
        ),
    ]
}

/// What looks like a witness and is none, each for one reason only; the first of a group has it and stands.
#[test]
fn each_rule_is_needed() {
    let on = |name: &str, model: &str, text: &str, stands: bool, make: &dyn Fn(&History) -> Witness| {
        let h = history(text);
        let answer = Verifier::new(&h, &Options::default()).verify(find(model).expect("a model"), &make(&h));
        assert_eq!(answer.is_ok(), stands, "{name}: {answer:?}");
    };
    let missing = |h: &History| witness(h, MissingElement, &[], vec![visible(Relation::Vis, vec![so(0, 1, ReadYourWrites)])]);
    on("lost", "causal", "a add x 1 \n a r x []", true, &missing);
    on("removed since", "causal", "a add x 1 \n a r x [] \n b remove x 1", false, &missing);
    on("removed by one that failed", "causal", "a add x 1 \n a r x [] \n b remove x 1 fail", true, &missing);
    on("perhaps removed", "causal", "a add x 1 \n a r x [] \n b remove x 1 info", false, &missing);
    on("another removed", "causal", "a add x 1 \n a r x [] \n b remove x 2", true, &missing);
    on("of another key", "causal", "a add x 1 \n a r y [] \n b add y 1", false, &missing);
    on("there", "causal", "a add x 1 \n a r x [1]", false, &missing);
    on("of an ambiguous list", "causal", "a append x 1 \n a r x [2] \n b append x 2 \n c append x 2", false, &missing);
    on("of an unambiguous list", "causal", "a append x 1 \n a r x [2] \n b append x 2", true, &missing);
    on("of a set with two adds of a member", "causal", "a add x 1 \n a r x [2] \n b add x 2 \n c add x 2", true, &missing);
    on("an info read", "causal", "a add x 1 \n a r x [] info", false, &missing);
    on("an info add", "causal", "a add x 1 info \n a r x []", false, &missing);
    on("of a counter", "causal", "a increment x 1 \n a r x 0", false, &missing);
    on("of a register", "causal", "a w x 1 \n a r x -", false, &missing);

    let phantom = |h: &History| {
        let undone = hb(vec![so(0, 1, MonotonicWrites)]);
        witness(h, PhantomMember, &[], vec![visible(Relation::Vis, vec![so(1, 2, ReadYourWrites)]), undone])
    };
    let text = "a add x 1 \n a remove x 1 \n a r x [1]";
    on("back", "causal", text, true, &phantom);
    on("added again", "causal", &format!("{text} \n b add x 1"), false, &phantom);
    on("perhaps added again", "causal", &format!("{text} \n b add x 1 info"), false, &phantom);
    on("failed to be added again", "causal", &format!("{text} \n b add x 1 fail"), true, &phantom);
    on("added again later", "causal", &format!("{text} \n a add x 1"), true, &phantom);
    on("another added", "causal", &format!("{text} \n b add x 2"), true, &phantom);
    on("removed", "causal", "a add x 1 \n a remove x 1 \n a r x []", false, &phantom);

    let sum = |h: &History| witness(h, ImpossibleSum, &[], vec![visible(Relation::Vis, vec![so(0, 1, ReadYourWrites)])]);
    on("too little", "causal", "a increment x 5 \n a r x 4", true, &sum);
    on("enough", "causal", "a increment x 5 \n a r x 5", false, &sum);
    on("decremented", "causal", "a increment x 5 \n a r x 4 \n b decrement x 1", false, &sum);
    on("perhaps decremented", "causal", "a increment x 5 \n a r x 4 \n b increment x -1 info", false, &sum);
    on("decremented later", "causal", "a increment x 5 \n a r x 4 \n a decrement x 1", true, &sum);
    on("decremented by nothing", "causal", "a increment x 5 \n a r x 4 \n b decrement x 0", true, &sum);
    on("too little anyway", "causal", "a increment x 5 \n a r x -1", false, &sum);
    let monotonic = |h: &History| witness(h, ImpossibleSum, &[], vec![so(1, 2, MonotonicReads)]);
    on("less than before", "causal", "a increment x 5 \n b r x 5 \n b r x 4", true, &monotonic);
    on("less than before, perhaps", "causal", "a increment x 5 \n b r x 5 \n b r x 4 \n c decrement x 1 info", false, &monotonic);
    on("as much as before", "causal", "a increment x 5 \n b r x 5 \n b r x 5", false, &monotonic);
    on("less than another counter", "causal", "a increment x 5 \n b r x 5 \n b r y 4 \n c increment y 5", false, &monotonic);

    let co_read = |h: &History| {
        let (before, after) = (hb(vec![so(0, 1, MonotonicWrites)]), hb(vec![wr(1, 2), so(2, 3, MonotonicReads)]));
        witness(h, WriteCoRead, &[], vec![before, after, wr(0, 3)])
    };
    on("only registers are overwritten", "causal", "a append x 1 \n a append x 2 \n b r x [1,2] \n b r x [1]", false, &co_read);
    let stale = |h: &History| {
        let overwritten = stale(Relation::Ar, vec![wr(1, 2), so(2, 3, MonotonicReads)], 0);
        witness(h, StaleRead, &[OneOrderPerKey], vec![ar(0, 1, SessionOrder), overwritten])
    };
    on("stale reads are of registers", "causal", "a append x 1 \n a append x 2 \n b r x [1,2] \n b r x [1]", false, &stale);
    let set = |h: &History| {
        let steps = vec![ar(0, 1, SessionOrder), listed(Relation::Ar, 1, 2, 0)];
        witness(h, IncompatibleOrder, &[OneOrderPerKey], steps)
    };
    on("sets have no order", "causal", "a add x 1 \n a add x 2 \n b r x [2,1]", false, &set);
}

#[test]
fn what_was_there_at_first_was_added_before_all() {
    let mut h = history("a remove x 1 \n a r x [1,7] \n b r x [1,2] \n b add x 2");
    let one_and_seven: Vec<_> = [1, 7].into_iter().map(|n| h.values_mut().int(n)).collect();
    let initial = h.values_mut().collection(&one_and_seven);
    h.set_initial(None, initial);
    let phantom = witness(&h, PhantomMember, &[], vec![visible(Relation::Vis, vec![so(0, 1, ReadYourWrites)])]);
    let thin_air =
        |read| Witness { operations: vec![op(read)], sessions: vec![SessionId::new(0)], ..alone(&h, ThinAirRead, 1, None) };
    let options = Options::default();
    let verifier = Verifier::new(&h, &options);
    for model in MODELS {
        assert_eq!(verifier.verify(model, &phantom).is_ok(), among(WITH_HB_AND_RYW, model.name), "{}", model.name);
        assert!(verifier.verify(model, &thin_air(1)).is_err());
    }
}
