//! Hand-made witnesses of every anomaly and every reason: each stands under the models it belongs to and no others, and none of its
//! mutants stands.

use std::collections::HashSet;

use testimony::check::{Options, UnmatchedReads, WriteOrder};
use testimony::history::{History, OpId};
use testimony::model::MODELS;
use testimony::verdict::Anomaly::*;
use testimony::verdict::Assumption::{OneOrder, OneOrderPerKey, RealTimeOrder, RecordedVersions};
use testimony::verdict::Because::{
    MonotonicReads, MonotonicWrites, ReadYourWrites, RealTime, SessionOrder, Version, WritesFollowReads,
};
use testimony::verdict::{Anomaly, Because, Relation, Witness};
use testimony::witness::Verifier;

use crate::mutate::{mutants, view_is_optional};
use crate::scenario::*;

/// A witness, and the models under which it stands. Under `transactional-causal` it does if under `causal`.
pub struct Case {
    pub name: &'static str,
    pub history: History,
    pub options: Options,
    pub witness: Witness,
    pub models: &'static [&'static str],
}

/// Is the model one of these, or is it `transactional-causal` and `causal` is?
pub fn among(models: &[&str], model: &str) -> bool {
    models.contains(&model) || model == "transactional-causal" && models.contains(&"causal")
}

pub const ALL_MODELS: &[&str] = &[
    "well-formed",
    "read-your-writes",
    "monotonic-reads",
    "monotonic-writes",
    "writes-follow-reads",
    "pram",
    "pram-classic",
    "causal-weak",
    "causal",
    "causal-memory",
    "read-committed",
    "read-atomic",
];
const WITH_RYW: &[&str] = &["read-your-writes", "pram", "causal"];
const WITH_MR: &[&str] = &["monotonic-reads", "monotonic-writes", "writes-follow-reads", "pram", "causal"];
const WITH_MR_MW: &[&str] = &["monotonic-writes", "pram", "causal"];
const WITH_MR_WFR: &[&str] = &["writes-follow-reads", "causal"];
pub const GUARANTEES: &[&str] =
    &["read-your-writes", "monotonic-reads", "monotonic-writes", "writes-follow-reads", "pram", "causal"];
pub const WITH_HB: &[&str] = &["causal-weak", "causal", "causal-memory"];

pub fn case(name: &'static str, text: &str, models: &'static [&'static str], make: impl FnOnce(&History) -> Witness) -> Case {
    ordered(name, WriteOrder::Session, text, models, make)
}

pub fn ordered(
    name: &'static str,
    write_order: WriteOrder,
    text: &str,
    models: &'static [&'static str],
    make: impl FnOnce(&History) -> Witness,
) -> Case {
    let history = history(text);
    let witness = make(&history);
    Case { name, options: options(write_order), history, witness, models }
}

/// Every case.
pub fn cases() -> Vec<Case> {
    let mut cases = ill_formed();
    cases.extend(about_reads());
    cases.extend(arbitrations());
    cases.extend(recorded_orders());
    cases.extend(views());
    cases.extend(crate::collections::cases());
    cases.extend(crate::ends::cases());
    cases.extend(crate::transactions::cases());
    cases
}

fn ill_formed() -> Vec<Case> {
    vec![
        case("thin air", "a w x 1 \n b r x 7 \n b r x 1", ALL_MODELS, |h| {
            let mut witness = witness(h, ThinAirRead, &[], vec![]);
            (witness.operations, witness.sessions) = (vec![op(1)], vec![h.session(op(1))]);
            witness
        }),
        case("aborted", "a w x 1 fail \n a w x 2 \n b r x 1", ALL_MODELS, |h| witness(h, AbortedRead, &[], vec![wr(0, 2)])),
        case("intermediate", "a w x 1 \n a w y 3 + \n a w x 2 + \n b r x 1 \n a w x 4", ALL_MODELS, |h| {
            witness(h, IntermediateRead, &[], vec![wr(0, 3), po(0, 2)])
        }),
        case("internal", "a w x 1 \n a w x 2 + \n a r x 1 + \n a r x 2 +", ALL_MODELS, |h| {
            witness(h, Internal, &[], vec![po(1, 2)])
        }),
        case("future in a transaction", "a r x 1 \n a r y - + \n a w x 1 +", ALL_MODELS, |h| {
            witness(h, FutureRead, &[], vec![wr(2, 0), po(0, 2)])
        }),
        case("future in real time", "a r x 1 0..4 \n b w x 1 5..9 info \n c w x 2 0..9", ALL_MODELS, |h| {
            witness(h, FutureRead, &[], vec![wr(1, 0), rt(0, 1)])
        }),
    ]
}

fn about_reads() -> Vec<Case> {
    let path = |step| initial(Relation::Vis, step);
    vec![
        case(
            "own later write",
            "a r x 1 \n a w x 1",
            &[GUARANTEES, &["causal-weak", "causal-memory"]].concat().leak()[..],
            |h| witness(h, CyclicHb, &[], vec![wr(1, 0), so(0, 1, SessionOrder)]),
        ),
        case("each read the other's later write", "a r y 1 \n a w x 1 \n b r x 1 \n b w y 1", WITH_HB_AND_WFR, |h| {
            witness(h, CyclicHb, &[], vec![wr(1, 2), so(2, 3, WritesFollowReads), wr(3, 0), so(0, 1, SessionOrder)])
        }),
        case("a cas reads what came of it", "a c x 1 2 \n b c x 2 1", WITH_HB_AND_WFR, |h| {
            witness(h, CyclicHb, &[], vec![wr(0, 1), so(1, 1, WritesFollowReads), wr(1, 0), so(0, 0, SessionOrder)])
        }),
        case(
            "own write lost",
            "a w x 1 \n a r x -",
            &["read-your-writes", "pram", "causal", "causal-weak", "causal-memory"],
            |h| witness(h, InitialRead, &[], vec![path(vec![so(0, 1, ReadYourWrites)])]),
        ),
        case("back to nothing", "a w x 1 \n b r x 1 \n b r x -", WITH_HB_AND_MR, |h| {
            witness(h, InitialRead, &[], vec![path(vec![wr(0, 1), so(1, 2, MonotonicReads)])])
        }),
        case("an info write seen", "a w x 1 info \n b r x 1 \n b r x -", WITH_HB_AND_MR, |h| {
            witness(h, InitialRead, &[], vec![path(vec![wr(0, 1), so(1, 2, MonotonicReads)])])
        }),
        case("the post without the photo", "a w photo 1 \n a w post 2 \n b r post 2 \n b r photo -", WITH_HB_AND_MR_MW, |h| {
            let steps = vec![so(0, 1, MonotonicWrites), wr(1, 2), so(2, 3, MonotonicReads)];
            witness(h, InitialRead, &[], vec![path(steps)])
        }),
        case("the comment without its post", "a w x 1 \n b r x 1 \n b w y 2 \n c r y 2 \n c r x -", WITH_HB_AND_WFR, |h| {
            let steps = vec![wr(0, 1), so(1, 2, WritesFollowReads), wr(2, 3), so(3, 4, MonotonicReads)];
            witness(h, InitialRead, &[], vec![path(steps)])
        }),
        case("through a cas", "a w x 1 \n b w y 2 \n b r x 1 + \n b c y 2 3 \n c r y 3 \n c r x -", WITH_HB_AND_WFR, |h| {
            let steps = vec![wr(0, 2), so(2, 3, WritesFollowReads), wr(3, 4), so(4, 5, MonotonicReads)];
            witness(h, InitialRead, &[], vec![path(steps)])
        }),
        case("into a cas and on from it", "a w z 1 \n a w x 1 \n b c x 1 2 \n c r x 2 \n c r z -", WITH_HB, |h| {
            let by_cas = so(2, 2, WritesFollowReads);
            let steps = vec![so(0, 1, MonotonicWrites), wr(1, 2), by_cas, wr(2, 3), so(3, 4, MonotonicReads)];
            witness(h, InitialRead, &[], vec![path(steps)])
        }),
        case("overwritten in the past", "a w x 1 \n a w y 5 \n b r y 5 \n b w x 2 \n c r x 2 \n c r x 1", WITH_HB, |h| {
            let before = hb(vec![so(0, 1, MonotonicWrites), wr(1, 2), so(2, 3, WritesFollowReads)]);
            let after = hb(vec![wr(3, 4), so(4, 5, MonotonicReads)]);
            witness(h, WriteCoRead, &[], vec![before, after, wr(0, 5)])
        }),
    ]
}

pub const WITH_HB_AND_WFR: &[&str] = &["writes-follow-reads", "causal-weak", "causal", "causal-memory"];

pub const WITH_HB_AND_MR_MW: &[&str] = &["monotonic-writes", "pram", "causal-weak", "causal", "causal-memory"];
pub const WITH_HB_AND_MR: &[&str] =
    &["monotonic-reads", "monotonic-writes", "writes-follow-reads", "pram", "causal-weak", "causal", "causal-memory"];

fn arbitrations() -> Vec<Case> {
    let overwritten = |path, to| stale(Relation::Ar, path, to);
    vec![
        case("own write stale", "a w x 1 \n a w x 2 \n a r x 1", WITH_RYW, |h| {
            let steps = vec![ar(0, 1, SessionOrder), overwritten(vec![so(1, 2, ReadYourWrites)], 0)];
            witness(h, StaleRead, &[OneOrderPerKey], steps)
        }),
        case("own write undone", "a w x 1 \n b r x 1 \n b w x 2 \n b r x 1", WITH_RYW, |h| {
            let steps = vec![read_then_write(0, 1, 2), overwritten(vec![so(2, 3, ReadYourWrites)], 0)];
            witness(h, StaleRead, &[OneOrderPerKey], steps)
        }),
        case("own cas undone", "a w x 1 \n b c x 1 2 \n b r x 1", WITH_RYW, |h| {
            let steps = vec![read_then_write(0, 1, 1), overwritten(vec![so(1, 2, ReadYourWrites)], 0)];
            witness(h, StaleRead, &[OneOrderPerKey], steps)
        }),
        case("back in time", "a w x 1 \n a w x 2 \n b r x 2 \n b r x 1", WITH_MR, |h| {
            let steps = vec![ar(0, 1, SessionOrder), overwritten(vec![wr(1, 2), so(2, 3, MonotonicReads)], 0)];
            witness(h, StaleRead, &[OneOrderPerKey], steps)
        }),
        case("two writers each back in time", "a w x 1 \n b w x 2 \n c r x 1 \n c r x 2 \n d r x 2 \n d r x 1", WITH_MR, |h| {
            let steps = vec![
                overwritten(vec![wr(0, 2), so(2, 3, MonotonicReads)], 1),
                overwritten(vec![wr(1, 4), so(4, 5, MonotonicReads)], 0),
            ];
            witness(h, StaleRead, &[OneOrderPerKey], steps)
        }),
        case(
            "two keys, one order",
            "a w x 1 \n a w y 1 \n b w y 2 \n b w x 2 \n c r y 1 \n c r y 2 \n d r x 2 \n d r x 1",
            WITH_MR_MW,
            |h| {
                let steps = vec![
                    ar(0, 1, MonotonicWrites),
                    overwritten(vec![wr(1, 4), so(4, 5, MonotonicReads)], 2),
                    ar(2, 3, MonotonicWrites),
                    overwritten(vec![wr(3, 6), so(6, 7, MonotonicReads)], 0),
                ];
                witness(h, StaleRead, &[OneOrder], steps)
            },
        ),
        case(
            "two keys, answers to what was read",
            "w w x 1 \n v w y 2 \n a r x 1 \n a w y 1 \n b r y 2 \n b w x 2 \n c r y 1 \n c r y 2 \n d r x 2 \n d r x 1",
            WITH_MR_WFR,
            |h| {
                let steps = vec![
                    follows(vec![wr(0, 2)], 3),
                    overwritten(vec![wr(3, 6), so(6, 7, MonotonicReads)], 1),
                    follows(vec![wr(1, 4)], 5),
                    overwritten(vec![wr(5, 8), so(8, 9, MonotonicReads)], 0),
                ];
                witness(h, StaleRead, &[OneOrder], steps)
            },
        ),
        case("each read before it wrote", "a r x 2 \n a w x 1 \n b r x 1 \n b w x 2", GUARANTEES, |h| {
            let steps = vec![read_then_write(3, 0, 1), read_then_write(1, 2, 3)];
            witness(h, WriteOrderCycle, &[OneOrderPerKey], steps)
        }),
    ]
}

fn recorded_orders() -> Vec<Case> {
    let overwritten = |path, to| stale(Relation::Ar, path, to);
    let back_in_time = |because, recorded| {
        move |h: &History| {
            let steps = vec![ar(0, 1, because), overwritten(vec![wr(1, 2), so(2, 3, MonotonicReads)], 0)];
            witness(h, StaleRead, &[OneOrderPerKey, recorded], steps)
        }
    };
    vec![
        ordered(
            "back in versions",
            WriteOrder::Version,
            "a w x 1 v3 \n b w x 2 v9 \n c r x 2 \n c r x 1",
            WITH_MR,
            back_in_time(Version, RecordedVersions),
        ),
        ordered(
            "back to before an info write",
            WriteOrder::Version,
            "a w x 1 v3 \n b w x 2 info \n c r x 2 v9 \n c r x 1",
            WITH_MR,
            back_in_time(Version, RecordedVersions),
        ),
        ordered(
            "back in real time",
            WriteOrder::RealTime,
            "a w x 1 0..2 \n b w x 2 3..4 \n c r x 2 \n c r x 1",
            WITH_MR,
            back_in_time(RealTime, RealTimeOrder),
        ),
        ordered("versions against the session", WriteOrder::Version, "a w x 1 v9 \n a w x 2 v3", WITH_MR_MW_ONLY, |h| {
            let steps = vec![ar(0, 1, MonotonicWrites), ar(1, 0, Version)];
            witness(h, WriteOrderCycle, &[OneOrder, RecordedVersions], steps)
        }),
    ]
}

const WITH_MR_MW_ONLY: &[&str] = &["monotonic-writes", "pram", "causal"];

fn views() -> Vec<Case> {
    let forced = |path, to| stale(Relation::View, path, to);
    let fig_2b = "a w z 1 \n a w x 1 \n a w y 1 \n b w x 2 \n b r z - \n b r y 1 \n b r x 2";
    vec![
        case("POPL'17 Fig. 2(b)", fig_2b, &["pram-classic", "causal-memory"], |h| {
            let derived = vec![forced(vec![so(1, 2, SessionOrder), wr(2, 5), so(5, 6, SessionOrder)], 3)];
            let path = vec![so(0, 1, SessionOrder), view(1, 3), so(3, 4, SessionOrder)];
            view_witness(h, InitialRead, &[], Some(1), derived, vec![initial(Relation::View, path)])
        }),
        case("POPL'17 Fig. 2(c)", "a w x 1 \n b w x 2 \n b r x 1 \n b r x 2", &["pram-classic", "causal-memory"], |h| {
            let derived = vec![forced(vec![so(1, 2, SessionOrder)], 0), forced(vec![wr(0, 2), so(2, 3, SessionOrder)], 1)];
            view_witness(h, ViewCycle, &[], Some(1), derived, vec![view(1, 0), view(0, 1)])
        }),
        case(
            "a view through what others read",
            "a w x 1 \n b r x 1 \n b w y 1 \n c w x 2 \n c r y 1 \n c r x 2 \n c r x 1",
            &["causal-memory"],
            |h| {
                let first = forced(vec![wr(0, 1), so(1, 2, SessionOrder), wr(2, 4), so(4, 5, SessionOrder)], 3);
                let second = forced(vec![so(3, 6, SessionOrder)], 0);
                view_witness(h, ViewCycle, &[], Some(2), vec![first, second], vec![view(0, 3), view(3, 0)])
            },
        ),
        case(
            "a view step on a view step",
            "a w z 1 \n a w x 1 \n a w y 1 \n b w x 2 \n b w z 2 \n b r z 2 \n b r y 1 \n b r x 2 \n b r z 1",
            &["pram-classic", "causal-memory"],
            |h| {
                let derived = vec![
                    forced(vec![so(1, 2, SessionOrder), wr(2, 6), so(6, 7, SessionOrder)], 3),
                    forced(vec![so(0, 1, SessionOrder), view(1, 3), so(3, 5, SessionOrder)], 4),
                    forced(vec![so(4, 8, SessionOrder)], 0),
                ];
                view_witness(h, ViewCycle, &[], Some(1), derived, vec![view(0, 4), view(4, 0)])
            },
        ),
        case(
            "a view cycle through session order",
            "a w z 1 \n a w x 1 \n a w y 1 \n b w x 2 \n b w z 2 \n b r y 1 \n b r x 2 \n b r z 1",
            &["pram-classic", "causal-memory"],
            |h| {
                let derived = vec![
                    forced(vec![so(1, 2, SessionOrder), wr(2, 5), so(5, 6, SessionOrder)], 3),
                    forced(vec![so(4, 7, SessionOrder)], 0),
                ];
                let cycle = vec![so(0, 1, SessionOrder), view(1, 3), so(3, 4, SessionOrder), view(4, 0)];
                view_witness(h, ViewCycle, &[], Some(1), derived, cycle)
            },
        ),
        case("own later write in a view", "a w y 1 \n a r x 1 \n a w x 1", &["pram-classic", "causal-memory"], |h| {
            view_witness(h, ViewCycle, &[], Some(0), vec![], vec![wr(2, 1), so(1, 2, SessionOrder)])
        }),
    ]
}

#[test]
fn each_witness_stands_under_its_models_and_no_others() {
    for case in cases() {
        let verifier = Verifier::new(&case.history, &case.options);
        for model in MODELS {
            let answer = verifier.verify(model, &case.witness);
            assert_eq!(answer.is_ok(), among(case.models, model.name), "{} under {}: {answer:?}", case.name, model.name);
        }
    }
}

#[test]
fn no_mutant_stands() {
    let mut refused = 0;
    for case in cases() {
        let verifier = Verifier::new(&case.history, &case.options);
        for model in MODELS.iter().filter(|model| among(case.models, model.name)) {
            for mutant in mutants(&case.history, &case.witness) {
                let stands = verifier.verify(model, &mutant.witness).is_ok();
                assert!(
                    !stands || !mutant.sure && either_reason(&case.history, &case.witness, &mutant.witness),
                    "{} under {}: {}\n{:#?}",
                    case.name,
                    model.name,
                    mutant.what,
                    mutant.witness
                );
                refused += usize::from(!stands);
            }
        }
    }
    println!("{refused} mutants refused");
    assert!(refused > 10_000);
}

/// Do they differ only in that one says session order where the other says monotonic writes, of two writes to one key? Or in whether they
/// speak of a view, or of transactions, where that makes no difference? Or in the operations that stand for transactions in session order?
fn either_reason(history: &History, a: &Witness, b: &Witness) -> bool {
    let plain = |witness: &Witness| {
        let mut witness = witness.clone();
        for step in witness.steps.iter_mut().filter(|step| step.because == MonotonicWrites) {
            step.because = SessionOrder;
        }
        if view_is_optional(&witness) {
            witness.view = None;
        }
        if witness.transactions {
            witness.operations.clear();
            let steps = witness.steps.iter_mut().flat_map(|step| match step.relation {
                Relation::So => std::slice::from_mut(step).iter_mut(),
                _ => step.via.iter_mut(),
            });
            for step in steps.filter(|step| step.relation == Relation::So) {
                let first = |op: OpId| history.txn_ops(history.txn(op)).next().expect("it holds the operation");
                (step.from, step.to) = (first(step.from), first(step.to));
            }
        }
        witness
    };
    plain(a) == plain(b)
}

#[test]
fn every_anomaly_and_reason_has_a_witness() {
    let cases = cases();
    let anomalies: HashSet<Anomaly> = cases.iter().map(|case| case.witness.anomaly).collect();
    let reasons: HashSet<Because> = cases.iter().flat_map(|case| case.witness.all_steps().map(|step| step.because)).collect();
    assert_eq!((anomalies.len(), reasons.len()), (22, 19));
}

/// The same steps on a history that does not carry them.
#[test]
fn a_witness_of_another_history_does_not_stand() {
    let initial = |h: &History| witness(h, InitialRead, &[], vec![initial(Relation::Vis, vec![so(0, 1, ReadYourWrites)])]);
    let stale = |h: &History| {
        let steps = vec![ar(0, 1, SessionOrder), stale(Relation::Ar, vec![so(1, 2, ReadYourWrites)], 0)];
        witness(h, StaleRead, &[OneOrderPerKey], steps)
    };
    let cases: &[(&str, &str, bool)] = &[
        ("one after the other", "a w x 1 0..5 \n a r x - 5..9", true),
        ("the same the other way round in the file", "a w x 1 3..5 \n a r x - 0..2", false),
        ("overlapping", "a w x 1 0..6 \n a r x - 5..9", false),
        ("overlapping, without a time", "a w x 1 0.. \n a r x - 5..9", true),
        ("an info write", "a w x 1 info \n a r x -", false),
        ("an info write that was seen", "a w x 1 info \n a r x - \n b r x 1", false),
        ("an info read", "a w x 1 \n a r x - info", false),
        ("a failed write", "a w x 1 fail \n a r x -", false),
        ("another session", "a w x 1 \n b r x -", false),
        ("another key", "a w x 1 \n a r y -", false),
        ("null written too", "a w x 1 \n a r x - \n b w x -", false),
        ("null written too, and failed", "a w x 1 \n a r x - \n b w x - fail", true),
        ("null written too, later", "a w x 1 0..1 \n a r x - 2..3 \n b w x - 4..5", true),
        ("null written too, with a version", "a w x 1 \n a r x - v1 \n b w x - v2", true),
    ];
    for (name, text, stands) in cases {
        let h = history(text);
        let answer = Verifier::new(&h, &Options::default()).verify(testimony::model::find("causal").unwrap(), &initial(&h));
        assert_eq!(answer.is_ok(), *stands, "{name}: {answer:?}");
    }
    let cases: &[(&str, &str, WriteOrder, bool)] = &[
        ("plain", "a w x 1 \n a w x 2 \n a r x 1", WriteOrder::Session, true),
        ("written twice", "a w x 1 \n a w x 2 \n a r x 1 \n b w x 1", WriteOrder::Session, false),
        ("written twice, later in the session", "a w x 1 \n a w x 2 \n a r x 1 \n a w x 1", WriteOrder::Session, true),
        ("written twice, with another version", "a w x 1 v1 \n a w x 2 \n a r x 1 v1 \n b w x 1 v4", WriteOrder::Session, true),
        ("versions rule", "a w x 1 v1 \n a w x 2 v2 \n a r x 1", WriteOrder::Version, false),
        ("a version is missing", "a w x 1 v1 \n a w x 2 \n a r x 1", WriteOrder::Version, true),
        ("overwritten in one transaction", "a w x 1 \n a w x 2 + \n a r x 1", WriteOrder::Session, false),
    ];
    for (name, text, write_order, stands) in cases {
        let h = history(text);
        let options = options(*write_order);
        let answer = Verifier::new(&h, &options).verify(testimony::model::find("causal").unwrap(), &stale(&h));
        assert_eq!(answer.is_ok(), *stands, "{name}: {answer:?}");
    }
}

/// What looks like a witness and is none, each for one reason only; the second of a pair, which lacks that reason, stands.
#[test]
fn each_rule_is_needed() {
    let overwritten = |path, to| stale(Relation::Ar, path, to);
    let cycle = |h: &History, assumes: &[_], steps| witness(h, StaleRead, assumes, steps);
    let on = |name: &str, write_order, text: &str, stands: bool, make: &dyn Fn(&History) -> Witness| {
        let (h, options) = (history(text), options(write_order));
        let answer = Verifier::new(&h, &options).verify(testimony::model::find("causal").expect("a model"), &make(&h));
        assert_eq!(answer.is_ok(), stands, "{name}: {answer:?}");
    };
    let plain = WriteOrder::Session;

    let through_a_read = |h: &History| {
        let path = vec![so(0, 1, ReadYourWrites), so(1, 2, MonotonicReads)];
        witness(h, InitialRead, &[], vec![initial(Relation::Vis, path)])
    };
    on("through a read", plain, "a w x 1 \n a r y 1 \n a r x - \n b w y 1 \n b w y 2", true, &through_a_read);
    on("through an ambiguous read", plain, "a w x 1 \n a r y 1 \n a r x - \n b w y 1 \n b w y 1", false, &through_a_read);
    let late = |h: &History| witness(h, InitialRead, &[], vec![initial(Relation::Vis, vec![so(1, 0, ReadYourWrites)])]);
    on("written down late", plain, "a r x - 5..9 \n a w x 1 0..3", true, &late);
    on("written down late, without times", plain, "a r x - \n a w x 1", false, &late);

    let versions = |h: &History| {
        let steps = vec![ar(0, 1, Version), overwritten(vec![wr(1, 2), so(2, 3, MonotonicReads)], 0)];
        cycle(h, &[OneOrder, RecordedVersions], steps)
    };
    let text = "a w x 1 v3 \n b w x 2 v9 \n c r x 2 \n c r x 1";
    on("versions", WriteOrder::Version, text, true, &versions);
    on("versions not asked for", plain, text, false, &versions);
    on("not all have versions", WriteOrder::Version, &format!("{text} \n d w x 5"), false, &versions);
    on("equal versions", WriteOrder::Version, &text.replace('9', "3"), false, &versions);
    let against = |h: &History| {
        let steps = vec![ar(0, 1, MonotonicWrites), ar(1, 0, Version)];
        witness(h, WriteOrderCycle, &[OneOrder, RecordedVersions], steps)
    };
    on("versions of one key", WriteOrder::Version, "a w x 1 v9 \n a w x 2 v3", true, &against);
    on("versions of two keys", WriteOrder::Version, "a w x 1 v9 \n a w y 2 v3", false, &against);
    let times = |h: &History| {
        let steps = vec![ar(0, 1, RealTime), overwritten(vec![wr(1, 2), so(2, 3, MonotonicReads)], 0)];
        cycle(h, &[OneOrder, RealTimeOrder], steps)
    };
    let text = "a w x 1 0..2 \n b w x 2 3..4 \n c r x 2 \n c r x 1";
    on("times", WriteOrder::RealTime, text, true, &times);
    on("times not asked for", plain, text, false, &times);
    on("times that touch", WriteOrder::RealTime, &text.replace('3', "2"), false, &times);

    let text = "a w x 1 \n a w y 1 \n b w y 2 \n b w x 2 \n c r y 1 \n c r y 2 \n d r x 2 \n d r x 1";
    for (assumed, stands) in [(OneOrder, true), (OneOrderPerKey, false)] {
        on("an order over keys", plain, text, stands, &|h| {
            let steps = vec![
                ar(0, 1, MonotonicWrites),
                overwritten(vec![wr(1, 4), so(4, 5, MonotonicReads)], 2),
                ar(2, 3, MonotonicWrites),
                overwritten(vec![wr(3, 6), so(6, 7, MonotonicReads)], 0),
            ];
            cycle(h, &[assumed], steps)
        });
    }
    for because in [SessionOrder, MonotonicWrites] {
        on("a stale read of another key", plain, "a w y 1 \n a w x 2 \n a r y 1", false, &|h| {
            cycle(h, &[OneOrder], vec![ar(0, 1, because), overwritten(vec![so(1, 2, ReadYourWrites)], 0)])
        });
    }
    on("rule two is about one key", plain, "a w x 1 \n a w y 1 \n b r y 1 \n b r x -", false, &|h| {
        let steps = vec![ar(0, 1, SessionOrder), ar(1, 0, SessionOrder)];
        witness(h, WriteOrderCycle, &[OneOrder], steps)
    });
    let text = "a r y 2 \n a w x 1 \n b r x 1 \n b w y 2";
    on("read, then wrote another key", plain, text, false, &|h| {
        let steps = vec![read_then_write(3, 0, 1), read_then_write(1, 2, 3)];
        witness(h, WriteOrderCycle, &[OneOrder], steps)
    });
    on("a write before itself", plain, "a r x 1 \n a w x 1", false, &|h| {
        witness(h, WriteOrderCycle, &[OneOrder], vec![follows(vec![wr(1, 0)], 1)])
    });

    let co_read = |h: &History| {
        let before = hb(vec![so(0, 1, MonotonicWrites)]);
        let after = hb(vec![wr(1, 2), so(2, 3, MonotonicReads)]);
        witness(h, WriteCoRead, &[], vec![before, after, wr(0, 3)])
    };
    on("overwritten", plain, "a w x 1 \n a w x 2 \n b r x 2 \n b r x 1", true, &co_read);
    on("not overwritten", plain, "a w x 1 \n a w y 2 \n b r y 2 \n b r x 1", false, &co_read);

    let nowhere = |h: &History| Witness {
        operations: vec![op(0)],
        sessions: vec![h.session(op(0))],
        ..witness(h, ThinAirRead, &[], vec![])
    };
    on("from nowhere", plain, "a r x 7", true, &nowhere);
    on("nothing", plain, "a r x -", false, &nowhere);
    let inside = |h: &History| Witness { operations: vec![op(1)], ..nowhere(h) };
    on("from nowhere, after an own write", plain, "a w x 1 \n a r x 7 +", true, &inside);
    on("nothing, after an own write", plain, "a w x 1 \n a r x - +", false, &inside);
    let twice = |h: &History| witness(h, Internal, &[], vec![po(0, 1)]);
    on("not its own write", plain, "a w x 1 \n a r x - +", true, &twice);
    on("its own write", plain, "a w x 1 \n a r x 1 +", false, &twice);
    on("of another transaction", plain, "a w x 1 \n a r x -", false, &twice);
    let failed = |h: &History| witness(h, FutureRead, &[], vec![wr(1, 0), rt(0, 1)]);
    on("from the future", plain, "a r x 1 0..1 \n b w x 1 5..6", true, &failed);
    on("a failed write has no time", plain, "a r x 1 0..1 \n b w x 1 5..6 fail", false, &failed);
    on("one of two is possible", plain, "a r x 1 0..1 \n b w x 1 5..6 \n c w x 1 0..1", false, &failed);
    let overwrite = |h: &History| witness(h, IntermediateRead, &[], vec![wr(0, 2), po(0, 1)]);
    on("overwritten at once", plain, "a w x 1 \n a w x 2 + \n b r x 1", true, &overwrite);
    on("overwritten by the next transaction", plain, "a w x 1 \n a w x 2 \n b r x 1", false, &overwrite);

    let model = testimony::model::find("pram-classic").expect("a model");
    for (written, stands) in [("2", true), ("1", false)] {
        let h = history(&format!("a w x 1 \n a r y 1 \n a r x - \n b w y 1 \n b w y {written}"));
        let path = vec![so(0, 1, SessionOrder), so(1, 2, SessionOrder)];
        let witness = view_witness(&h, InitialRead, &[], Some(0), vec![], vec![initial(Relation::View, path)]);
        let answer = Verifier::new(&h, &Options::default()).verify(model, &witness);
        assert_eq!(answer.is_ok(), stands, "a view through a read: {answer:?}");
    }
}

#[test]
fn values_from_nowhere_may_be_left_out() {
    let case = ill_formed().swap_remove(0);
    let options = Options { unmatched_reads: UnmatchedReads::Ignore, ..Options::default() };
    for model in MODELS {
        assert!(Verifier::new(&case.history, &options).verify(model, &case.witness).is_err());
    }
}
