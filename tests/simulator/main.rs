//! *Simulated ground truth*: a small replicated store with one known fault, and what convergence says of it. Each anomaly of models.md 6 is
//! planted, and each fault has a near miss that must not be taken for one. Seeds are fixed.

#[allow(dead_code, reason = "the oracle uses the rest")]
#[path = "../oracle/rng.rs"]
mod rng;
mod store;

use testimony::check::{Judged, Options, check};
use testimony::history::History;
use testimony::model::find;
use testimony::verdict::{Anomaly, Verdict};
use testimony::witness::Verifier;

use store::{Fault, Type, run};

const SEEDS: u64 = 300;
const TYPES: [Type; 4] = [Type::Register, Type::List, Type::Set, Type::Counter];

fn options() -> Options {
    Options { models: find("convergence").into_iter().collect(), max_witnesses: 50, ..Options::default() }
}

fn judged(history: &History) -> Judged {
    let judged = check(history, &options());
    let options = options();
    let verifier = Verifier::new(history, &options);
    for witness in &judged.judgements[0].witnesses {
        verifier.verify(options.models[0], witness).unwrap_or_else(|refusal| panic!("{witness:?}: {refusal}"));
    }
    judged
}

/// Every run of the fault shows exactly these anomalies.
fn shows(of: Type, fault: Fault, expected: &[Anomaly]) {
    println!("{of:?}, {fault:?}: seeds 0..{SEEDS}");
    for seed in 0..SEEDS {
        let found = judged(&run(of, fault, seed));
        let judgement = &found.judgements[0];
        let mut anomalies: Vec<Anomaly> = judgement.witnesses.iter().map(|witness| witness.anomaly).collect();
        anomalies.dedup();
        let verdict = if expected.is_empty() { Verdict::Satisfied } else { Verdict::Violated };
        let what = format!("{of:?}, {fault:?}, seed {seed}: {:?} {:?}", judgement.verdict, judgement.reason);
        assert_eq!((judgement.verdict, &anomalies[..]), (verdict, expected), "{what}");
    }
}

#[test]
fn a_store_without_a_fault_converges() {
    for of in TYPES {
        shows(of, Fault::Nothing, &[]);
    }
}

#[test]
fn a_lost_message_diverges_and_a_late_one_does_not() {
    for of in TYPES {
        shows(of, Fault::LostMessage, &[Anomaly::Divergent]);
        shows(of, Fault::LateMessage, &[]);
    }
}

#[test]
fn a_dropped_write_is_lost_unless_it_timed_out() {
    for of in [Type::List, Type::Set, Type::Counter] {
        shows(of, Fault::Dropped, &[Anomaly::LostWrite]);
    }
    // What the session wrote before is left, though it was overwritten.
    shows(Type::Register, Fault::Dropped, &[Anomaly::StaleForever]);
    for of in TYPES {
        shows(of, Fault::DroppedByTimeout, &[]);
    }
}

#[test]
fn what_is_delivered_twice_must_not_count_twice() {
    shows(Type::List, Fault::Twice, &[Anomaly::DuplicateElement]);
    shows(Type::Counter, Fault::Twice, &[Anomaly::OutOfBounds]);
    for of in [Type::Register, Type::Set] {
        shows(of, Fault::Twice, &[]);
    }
}

#[test]
fn what_failed_must_not_be_there() {
    for of in TYPES {
        shows(of, Fault::FailedAndKept, &[Anomaly::Resurrected]);
        shows(of, Fault::Failed, &[]);
    }
}

#[test]
fn a_removed_element_that_returns_was_resurrected_unless_added_anew() {
    shows(Type::Set, Fault::RemoveForgotten, &[Anomaly::Resurrected]);
    shows(Type::Set, Fault::RemovedAndAdded, &[]);
}

#[test]
fn replicas_that_each_prefer_their_own_diverge_if_two_have_some() {
    for of in [Type::Register, Type::List] {
        let mut diverged = 0;
        for seed in 0..SEEDS {
            let (right, wrong) = (run(of, Fault::Nothing, seed), run(of, Fault::OwnLast, seed));
            let writers = right.ops().filter(|&op| right.kind(op).writes()).map(|op| right.session(op).index());
            let several = writers.collect::<std::collections::BTreeSet<_>>().len() > 1;
            let found = judged(&wrong);
            let expected = if several { Verdict::Violated } else { Verdict::Satisfied };
            assert_eq!(found.judgements[0].verdict, expected, "{of:?}, seed {seed}");
            assert!(!several || found.judgements[0].witnesses.iter().any(|witness| witness.anomaly == Anomaly::Divergent));
            diverged += usize::from(several);
        }
        assert!(diverged > 200 && diverged < SEEDS as usize, "{diverged} of {SEEDS} diverged");
    }
    // Sums and sets do not depend on the order.
    shows(Type::Set, Fault::OwnLast, &[]);
    shows(Type::Counter, Fault::OwnLast, &[]);
}

#[test]
fn a_node_that_is_not_looked_at_is_a_warning() {
    for (fault, warned) in [(Fault::NodeNotRead, true), (Fault::Nothing, false)] {
        for seed in 0..SEEDS {
            let found = judged(&run(Type::Set, fault, seed));
            assert_eq!(found.judgements[0].verdict, Verdict::Satisfied, "{fault:?}, seed {seed}");
            let about = found.warnings.iter().any(|warning| warning.starts_with("missing-node: \"n2\""));
            assert_eq!(about, warned, "{fault:?}, seed {seed}: {:?}", found.warnings);
        }
    }
}
