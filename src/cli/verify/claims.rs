//! What a report or a certificate file claims of one history, and how much of it stands.

use testimony::check::Options;
use testimony::history::History;
use testimony::model;
use testimony::report::{CertifiedHistory, HistoryReport, Report, Settings, VerdictReport};
use testimony::verdict::Verdict;
use testimony::witness::Verifier;

/// What is claimed of one history.
pub enum Claims {
    /// By a report.
    Judged(HistoryReport),
    /// By a certificate file.
    Certified(CertifiedHistory),
}

/// What stands so far.
#[derive(Default)]
pub struct Tally {
    histories: usize,
    witnesses: usize,
    certificates: usize,
    /// Satisfied by a report, which proves only violations.
    unproved: usize,
    /// What does not stand, a sentence each.
    pub fallen: Vec<String>,
}

impl Claims {
    pub fn path(&self) -> &str {
        match self {
            Claims::Judged(history) => &history.path,
            Claims::Certified(history) => &history.path,
        }
    }

    pub fn sha256(&self) -> &str {
        match self {
            Claims::Judged(history) => &history.sha256,
            Claims::Certified(history) => &history.sha256,
        }
    }

    pub fn settings(&self) -> &Settings {
        match self {
            Claims::Judged(history) => &history.options,
            Claims::Certified(history) => &history.options,
        }
    }

    /// Holds the claims against the history.
    pub fn check(&self, history: &History, options: &Options, tally: &mut Tally) {
        let verifier = Verifier::new(history, options);
        tally.histories += 1;
        match self {
            Claims::Judged(judged) => {
                for verdict in &judged.verdicts {
                    let mut fall = |why: &str| tally.fallen.push(format!("{}: {}: {why}", judged.path, verdict.model));
                    match stands(verdict, history, &verifier, &mut fall) {
                        Some(witnesses) => tally.witnesses += witnesses,
                        None => tally.unproved += 1,
                    }
                }
            }
            Claims::Certified(certified) => {
                for shown in &certified.certificates {
                    let checked = shown
                        .restore(history)
                        .map_err(|foreign| foreign.to_string())
                        .and_then(|certificate| verifier.verify_certificate(&certificate).map_err(|refusal| refusal.to_string()));
                    match checked {
                        Ok(()) => tally.certificates += 1,
                        Err(why) => tally.fallen.push(format!("{}: {}: {why}", certified.path, shown.model)),
                    }
                }
            }
        }
    }
}

/// How many witnesses stand; `None` where the verdict is one that no witness proves.
fn stands(verdict: &VerdictReport, history: &History, verifier: &Verifier, fall: &mut dyn FnMut(&str)) -> Option<usize> {
    let Some(model) = model::find(&verdict.model) else {
        fall("there is no such model");
        return Some(0);
    };
    for name in &verdict.implied_by {
        if !model::implied(model.name).contains(&name.as_str()) {
            fall(&format!("it is said to imply {name}, which it does not"));
        }
    }
    match (verdict.verdict, verdict.witnesses.as_slice()) {
        (Verdict::Violated, []) => fall("violated, but no witness says why"),
        (Verdict::Violated, _) => {}
        (_, []) => return None,
        (other, _) => fall(&format!("{}, but there is a witness of a violation", other.name())),
    }
    let mut standing = 0;
    for (i, shown) in verdict.witnesses.iter().enumerate() {
        let checked = shown.restore(history).map_err(|foreign| foreign.to_string());
        match checked.and_then(|witness| verifier.verify(model, &witness).map_err(|refusal| refusal.to_string())) {
            Ok(()) => standing += 1,
            Err(why) => fall(&format!("witness {}: {why}", i + 1)),
        }
    }
    Some(standing)
}

impl Tally {
    /// Holds a report against itself.
    pub fn report(&mut self, report: &Report) {
        if !report.agrees_with_itself() {
            self.fallen.push(format!("the report says {}, its verdicts say otherwise", report.verdict.name()));
        }
    }

    /// A line for standard output.
    pub fn summary(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        if self.certificates > 0 {
            parts.push(count(self.certificates, "certificate stands", "certificates stand"));
        }
        if self.witnesses > 0 || self.certificates == 0 {
            parts.push(count(self.witnesses, "witness stands", "witnesses stand"));
        }
        if !self.fallen.is_empty() {
            parts.push(format!("{} not", count(self.fallen.len(), "claim does", "claims do")));
        }
        if self.unproved > 0 {
            parts.push(format!("{} without a witness to check", count(self.unproved, "verdict", "verdicts")));
        }
        format!("{}: {}\n", count(self.histories, "history", "histories"), parts.join(", "))
    }
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
