//! *Differential*: other projects' lists, sets and counters, with the verdicts that follow from the models. Where these differ from what
//! their authors say, the reason stands beside them. Skipped where the folder with those histories is absent: none of it is ours to keep.

use std::path::{Path, PathBuf};

use testimony::check::{Options, check};
use testimony::format::{ReadOptions, read};
use testimony::model::MODELS;
use testimony::verdict::Verdict::{self, Satisfied, Violated};
use testimony::witness::Verifier;

/// File, the verdict of `causal`, of `well-formed`, and what its authors say of it and why we may differ.
const HISTORIES: &[(&str, Verdict, Verdict, &str)] = &[
    ("elle-cli/jepsen/counter.edn", Satisfied, Satisfied, "true: agreed"),
    ("elle-cli/jepsen/counter.json", Satisfied, Satisfied, "true: agreed"),
    ("elle-cli/jepsen/set.edn", Satisfied, Satisfied, "true: agreed"),
    ("elle-cli/jepsen/set_full.edn", Violated, Violated, "false: it adds [k v] pairs and reads flat values, which nobody added"),
    ("elle-cli/jepsen/set_full.json", Violated, Violated, "false: as its EDN"),
    ("elle-cli/elle/list-append-gh-30.edn", Satisfied, Satisfied, "not serializable, which is stronger than causal"),
    ("elle-cli/elle/rw-register.edn", Violated, Violated, "true: but it reads a value that nobody wrote"),
    ("elle-cli/elle/rw-register.json", Violated, Violated, "true: as its EDN"),
    ("elle/si-without-g-single.edn", Satisfied, Satisfied, "not repeatable-read, which orders transactions"),
    ("elle/huge-scc.edn.gz", Satisfied, Satisfied, "not strong-snapshot-isolation, which is stronger than causal"),
];

/// Files that are refused, and what the error names.
const REFUSED: &[(&str, &str)] = &[
    ("elle-cli/jepsen/bank.edn", "bank"),
    ("elle/paper-example.edn", ":process"),
    ("elle-cli/jepsen/long-fork.edn", ":process"),
];

fn peers() -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().map(|folder| folder.join("shared/data/peers")).find(|folder| folder.is_dir())
}

#[test]
fn other_projects_histories_get_the_verdicts_that_follow() {
    let Some(peers) = peers() else { return println!("skipped: no folder of other projects' histories here") };
    let options = Options { models: MODELS.iter().collect(), ..Options::default() };
    for &(file, causal, well_formed, said) in HISTORIES {
        let bytes = std::fs::read(peers.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let history = read(&bytes, &ReadOptions::default()).unwrap_or_else(|error| panic!("{file}: {error}")).history;
        let judged = check(&history, &options);
        let verifier = Verifier::new(&history, &options);
        for (judgement, model) in judged.judgements.iter().zip(MODELS) {
            let expected = [("causal", causal), ("well-formed", well_formed)].into_iter().find(|e| e.0 == judgement.model);
            assert!(expected.is_none_or(|e| e.1 == judgement.verdict), "{file} ({said}): {judgement:?}");
            for witness in &judgement.witnesses {
                verifier.verify(model, witness).unwrap_or_else(|refusal| panic!("{file}, {}: {refusal}", judgement.model));
            }
        }
    }
}

#[test]
fn what_is_no_history_of_ours_is_refused_by_name() {
    let Some(peers) = peers() else { return println!("skipped: no folder of other projects' histories here") };
    for (file, named) in REFUSED {
        let bytes = std::fs::read(peers.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let error = read(&bytes, &ReadOptions::default()).err().unwrap_or_else(|| panic!("{file} is read"));
        assert!(error.message.contains(named), "{file}: {error}");
    }
}
