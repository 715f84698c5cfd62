//! What the checkers prove of random histories stands, and no changed form of it does.
//!
//! On such histories a change can by chance be another proof; only those that are sure not to be must fall, and they are nearly all.

use std::collections::HashSet;

use rayon::prelude::*;
use testimony::check::{Options, check};
use testimony::model::{MODELS, find};
use testimony::verdict::Anomaly;
use testimony::witness::Verifier;

use crate::decorate::{Case, GENERATORS};
use crate::mutate::{certificate_mutants, mutants};

/// Histories of each generator.
const SEEDS: u64 = 40;

/// How many mutants of witnesses and of certificates were refused, and the anomalies that were there.
#[derive(Default)]
struct Tally {
    witnesses: usize,
    certificates: usize,
    anomalies: HashSet<Anomaly>,
}

impl Tally {
    fn and(mut self, other: Tally) -> Tally {
        self.witnesses += other.witnesses;
        self.certificates += other.certificates;
        self.anomalies.extend(other.anomalies);
        self
    }
}

#[test]
fn what_the_checkers_prove_stands_and_no_mutant_does() {
    println!("{} generators, seeds 0..{SEEDS} each", GENERATORS.len());
    let cases = GENERATORS.par_iter().flat_map_iter(|generator| (0..SEEDS).map(|seed| generator.case(seed)));
    let tally = cases.map(|case| hold(&case)).reduce(Tally::default, Tally::and);
    println!("{} mutants of witnesses and {} of certificates refused", tally.witnesses, tally.certificates);
    println!("of {:?}", tally.anomalies);
    assert!(tally.witnesses > 100_000 && tally.certificates > 10_000);
    assert_eq!(tally.anomalies.len(), 11, "{:?}", tally.anomalies);
}

fn hold(case: &Case) -> Tally {
    let history = case.toy.history();
    let options = Options {
        models: MODELS.iter().collect(),
        write_order: case.settings.write_order,
        unmatched_reads: case.settings.unmatched,
        certificates: true,
        ..Options::default()
    };
    let judged = check(&history, &options);
    let verifier = Verifier::new(&history, &options);
    let told = |what: &str| {
        format!("{what}\ngenerator {} seed {} {:?}\n{}", case.generator, case.seed, case.settings, case.toy.json_lines())
    };
    let mut tally = Tally::default();
    for judgement in &judged.judgements {
        let model = find(judgement.model).expect("a judgement is of a model");
        // One witness a model: mutants are many.
        for witness in judgement.witnesses.iter().take(1) {
            assert_eq!(verifier.verify(model, witness), Ok(()), "{}", told(model.name));
            tally.anomalies.insert(witness.anomaly);
            for mutant in mutants(&history, witness).into_iter().filter(|mutant| mutant.sure) {
                let stands = verifier.verify(model, &mutant.witness).is_ok();
                assert!(!stands, "{}\n{:#?}", told(&format!("{}: {}", model.name, mutant.what)), mutant.witness);
                tally.witnesses += 1;
            }
        }
    }
    for certificate in &judged.certificates {
        assert_eq!(verifier.verify_certificate(certificate), Ok(()), "{}", told(certificate.model));
        for (what, mutant) in certificate_mutants(&history, certificate) {
            let stands = verifier.verify_certificate(&mutant).is_ok();
            assert!(!stands, "{}\n{mutant:#?}", told(&format!("{}: {what}", certificate.model)));
            tally.certificates += 1;
        }
    }
    tally
}
