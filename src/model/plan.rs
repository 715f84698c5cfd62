//! Which model is judged how, and what one judgement says about another.
//!
//! The [sets of guarantees](super::sets) come first, and what is known of them spares others: where `causal` holds so does `causal-weak`,
//! and its order is a start for views and transactions. Every model takes its verdict from there, so nothing is judged twice. Models that
//! were not asked for are judged where they tell what a violation implies, and not proved.

use std::sync::Arc;

use rayon::prelude::*;

use crate::check::{Certificate, CertificateKind, Judged, Options, WriteOrder};
use crate::history::{DataType, History, Kind, OpId, Status};
use crate::relation::budget::OutOfBudget;
use crate::relation::facts::Facts;
use crate::verdict::{Judgement, Verdict, Witness};

use super::guarantees::Outcome;
use super::levels::Levels;
use super::sets::Sets;
use super::view::{self, Base, Orders};
use super::{Checker, Guarantees, Isolation, MODELS, Model, causal_weak, convergence, implied, stale, well_formed};

/// The judging of one history.
pub(crate) struct Plan<'a> {
    facts: &'a Facts<'a>,
    options: &'a Options,
    asked: &'a [&'static Model],
    sets: Sets<'a>,
    causal_weak: Option<Result<Arc<Outcome>, OutOfBudget>>,
    causal_memory: Option<Result<Arc<Outcome>, OutOfBudget>>,
    pram_classic: Option<Result<Arc<Outcome>, OutOfBudget>>,
    levels: Option<Levels<'a>>,
    memory_orders: Option<Orders>,
    classic_orders: Option<Orders>,
    ok_reads: u64,
}

/// A model's own answer, before ambiguity and what it implies are considered.
struct Answer {
    outcome: Result<Arc<Outcome>, OutOfBudget>,
    /// It stands or falls with reads that were left out.
    depends_on_ambiguous: bool,
    /// It is of registers alone, and there are others.
    other_data_types: bool,
}

/// The order of a satisfied outcome.
fn order_of(outcome: Option<&Outcome>) -> Option<&[u32]> {
    match outcome? {
        Outcome::Satisfied(order) => Some(order),
        _ => None,
    }
}

/// How many reads are of `ok` transactions.
fn ok_reads(history: &History) -> u64 {
    let reads = |kinds: &[Kind]| kinds.iter().map(|kind| u64::from(kind.reads())).sum::<u64>();
    if history.txn_status.par_iter().with_min_len(1 << 14).all(|&status| status == Status::Ok) {
        return history.op_kind.par_chunks(1 << 14).map(reads).sum();
    }
    let ok = (0..history.transactions()).filter(|&txn| history.txn_status[txn] == Status::Ok);
    ok.map(|txn| reads(&history.op_kind[history.first_op(txn)..history.first_op(txn + 1)])).sum()
}

fn isolation(model: &&Model) -> Option<Isolation> {
    match model.checker {
        Checker::Transactions(isolation) => Some(isolation),
        _ => None,
    }
}

fn violated(outcome: &Result<Arc<Outcome>, OutOfBudget>) -> bool {
    matches!(outcome.as_deref(), Ok(Outcome::Violated(..)))
}

impl<'a> Plan<'a> {
    pub(crate) fn new(facts: &'a Facts<'a>, options: &'a Options, asked: &'a [&'static Model]) -> Self {
        let history = facts.history;
        let sets = asked.iter().filter_map(|model| match model.checker {
            Checker::Guarantees(g) => Some(g),
            // Its witness may be that of `causal`.
            Checker::Transactions(Isolation::TransactionalCausal) => Some(Guarantees::ALL),
            _ => None,
        });
        Plan {
            facts,
            options,
            asked,
            sets: Sets::new(facts, options, sets.collect()),
            causal_weak: None,
            causal_memory: None,
            pram_classic: None,
            levels: None,
            memory_orders: None,
            classic_orders: None,
            ok_reads: ok_reads(history),
        }
    }

    /// `convergence` stands apart: it implies no model, no model implies it, and it judges every data type.
    pub(crate) fn run(self) -> Judged {
        let apart = self.asked.iter().find(|model| model.checker == Checker::Convergence);
        let found = apart.map(|model| convergence::judge(self.facts, self.options, self.unknown(model, String::new())));
        let mut judged = self.run_related();
        if let Some((judgement, warnings)) = found {
            judged.judgements.extend(judgement);
            judged.warnings.extend(warnings);
        }
        judged
    }

    /// Judges, proves, explains which verdict follows from which, and counts.
    fn run_related(mut self) -> Judged {
        let skipped = self.facts.matching.ambiguous.len() as u64 + self.facts.matching.ignored;
        let warnings = self.warnings();
        // What a violated model implies is named whether it was asked for or not.
        let mut wanted: Vec<&'static Model> = MODELS
            .iter()
            .filter(|m| m.checker != Checker::Convergence)
            .filter(|m| self.asked(m) || self.asked.iter().any(|asked| implied(asked.name).contains(&m.name)))
            .collect();
        let sets: Vec<Guarantees> = Guarantees::subsets()
            .filter(|&g| self.options.lattice || wanted.iter().any(|model| model.checker == Checker::Guarantees(g)))
            .collect();
        self.levels = wanted.iter().filter_map(isolation).max().map(|strongest| Levels::new(self.facts, self.options, strongest));
        if self.levels_alone() && self.levels.as_mut().is_some_and(Levels::strongest_holds) {
            // So does all that it implies, which nobody asked for.
            wanted.retain(|model| self.asked(model) || model.checker == Checker::WellFormed);
        } else {
            let by_hb = |m: &Model| matches!(m.checker, Checker::CausalWeak | Checker::CausalMemory | Checker::PramClassic);
            // The order that explains all reads of `causal` is of use to models that are no sets as well.
            self.sets.judge(&sets, wanted.iter().any(|model| by_hb(model)));
        }
        if let Some(levels) = &mut self.levels {
            levels.judge(self.sets.outcome(Guarantees::ALL).filter(violated));
        }
        let minimal_violated = if self.options.lattice { self.sets.minimal_violated() } else { None };
        let mut judgements: Vec<Judgement> = Vec::new();
        let mut certificates = Vec::new();
        for model in wanted {
            let answer = self.answer(model);
            let judgement = self.judgement(model, &answer, &judgements);
            if self.options.certificates && self.asked(model) && judgement.verdict == Verdict::Satisfied {
                certificates.extend(self.certificate(model, &answer));
            }
            judgements.push(judgement);
        }
        judgements.retain(|judgement| self.asked.iter().any(|asked| asked.name == judgement.model));
        self.count_stale(&mut judgements);
        Judged { judgements, minimal_violated, skipped, warnings, certificates }
    }

    /// Is `transactional-causal` asked for, and nothing beside it that it does not tell of? (A recorded order of the writes is `causal`'s to
    /// judge.)
    fn levels_alone(&self) -> bool {
        let apart =
            |model: &Model| matches!(model.checker, Checker::Transactions(_) | Checker::WellFormed | Checker::Convergence);
        let strongest = self.asked.iter().filter_map(isolation).max();
        strongest == Some(Isolation::TransactionalCausal)
            && !self.options.lattice
            && self.facts.recorded().is_empty()
            && self.asked.iter().all(|model| apart(model))
    }

    fn asked(&self, model: &Model) -> bool {
        self.asked.iter().any(|asked| asked.name == model.name)
    }

    fn warnings(&self) -> Vec<String> {
        let facts = self.facts;
        let mut warnings = facts.history.warnings().to_vec();
        let mut warn = |count: usize, one: &str, many: &str| match count {
            0 => {}
            1 => warnings.push(format!("1 {one}")),
            _ => warnings.push(format!("{count} {many}")),
        };
        warn(
            facts.so.reordered,
            "session is recorded out of the order of its times: the times win",
            "sessions are recorded out of the order of their times: the times win",
        );
        warn(
            facts.so.overlapping_sessions(),
            "session overlaps: its operations are ordered by their times where these do not overlap",
            "sessions overlap: their operations are ordered by their times where these do not overlap",
        );
        warn(
            facts.matching.ambiguous.len(),
            "read returned a value that several writes may have written: left out",
            "reads returned values that several writes may have written: left out",
        );
        warn(
            facts.matching.ignored as usize,
            "read returned a value that nothing wrote: left out as asked",
            "reads returned values that nothing wrote: left out as asked",
        );
        warn(
            facts.recorded().fallback_keys,
            "key has acknowledged writes without a version: judged by the sessions' order",
            "keys have acknowledged writes without a version: judged by the sessions' order",
        );
        if self.options.write_order == WriteOrder::RealTime && !self.times_recorded() {
            warnings.push("no times recorded: judged by the sessions' order".to_owned());
        }
        warnings
    }

    fn unknown(&self, model: &'static Model, reason: String) -> Judgement {
        Judgement {
            model: model.name,
            verdict: Verdict::Unknown,
            implied_by: Vec::new(),
            reason: Some(reason),
            stale_reads: None,
            reads: self.ok_reads,
            stale_sessions: None,
            violations: 0,
            witnesses: Vec::new(),
            convergence: None,
        }
    }

    fn answer(&mut self, model: &Model) -> Answer {
        let ambiguous = !self.facts.matching.ambiguous.is_empty();
        match model.checker {
            Checker::WellFormed => {
                let malformed = &self.facts.matching.malformed;
                let witness = |m| well_formed::witness(self.facts.history, m);
                let outcome = if malformed.is_empty() {
                    Outcome::Satisfied(Vec::new())
                } else {
                    let shown = malformed.iter().take(self.options.max_witnesses.max(1)).map(witness).collect();
                    Outcome::Violated(shown, malformed.len() as u64)
                };
                Answer {
                    outcome: Ok(Arc::new(outcome)),
                    depends_on_ambiguous: self.facts.matching.ambiguous_form,
                    other_data_types: false,
                }
            }
            // What nobody asked for is violated without a witness.
            Checker::Guarantees(g) if !self.asked(model) && self.sets.violated(g) == Some(true) => Answer {
                outcome: Ok(Arc::new(Outcome::Violated(Vec::new(), 0))),
                depends_on_ambiguous: false,
                other_data_types: false,
            },
            Checker::Guarantees(g) => Answer {
                outcome: self.sets.outcome(g).expect("all sets are judged"),
                depends_on_ambiguous: ambiguous && self.set_depends(g),
                other_data_types: false,
            },
            Checker::CausalWeak => {
                Answer { outcome: self.causal_weak(), depends_on_ambiguous: ambiguous, other_data_types: false }
            }
            Checker::CausalMemory => {
                Answer { outcome: self.causal_memory(), depends_on_ambiguous: ambiguous, other_data_types: false }
            }
            Checker::PramClassic => {
                Answer { outcome: self.pram_classic(), depends_on_ambiguous: ambiguous, other_data_types: false }
            }
            Checker::Transactions(isolation) => Answer {
                outcome: self.levels.as_ref().and_then(|levels| levels.outcome(isolation)).expect("all levels are judged"),
                depends_on_ambiguous: ambiguous,
                other_data_types: self.facts.history.key_types.iter().any(|&t| t != DataType::Register),
            },
            Checker::Convergence => unreachable!("judged apart"),
        }
    }

    /// Could a set of guarantees fail by what an ambiguous read returned? {RYW} only where its session also writes the key, {MR}
    /// only where its session does anything else to the key.
    fn set_depends(&self, g: Guarantees) -> bool {
        // A malformed read violates everything.
        if self.facts.matching.ambiguous_form || (g != Guarantees::RYW && g != Guarantees::MR) {
            return true;
        }
        let history = self.facts.history;
        // A list tells an order, which may contradict another list's whatever their sessions saw.
        let list = |&read: &OpId| history.key_type(history.key(read)) == DataType::List;
        if self.facts.matching.ambiguous.iter().any(list) {
            return true;
        }
        let mut of_interest: Vec<(u32, u32, u32)> = Vec::new();
        for &read in &self.facts.matching.ambiguous {
            of_interest.push((history.session(read).index() as u32, history.key(read).index() as u32, read.index() as u32));
        }
        of_interest.sort_unstable();
        history.ops().any(|op| {
            let (session, key) = (history.session(op).index() as u32, history.key(op).index() as u32);
            let matters = match history.status(op) {
                Status::Ok => history.kind(op).writes() || g == Guarantees::MR,
                Status::Info => history.kind(op).writes(),
                Status::Fail => false,
            };
            let first = of_interest.partition_point(|&(s, k, _)| (s, k) < (session, key));
            matters
                && of_interest[first..]
                    .iter()
                    .take_while(|&&(s, k, _)| (s, k) == (session, key))
                    .any(|&(_, _, read)| read != op.index() as u32 || history.kind(op).writes())
        })
    }

    fn causal_weak(&mut self) -> Result<Arc<Outcome>, OutOfBudget> {
        if let Some(known) = &self.causal_weak {
            return known.clone();
        }
        // The witness of `causal-memory` may be that of `causal-weak`.
        let shown = self.asked.iter().any(|model| matches!(model.checker, Checker::CausalWeak | Checker::CausalMemory))
            || self.sets.violated(Guarantees::ALL).is_none();
        let outcome = match self.sets.causal_order() {
            Some(_) => Ok(Arc::new(Outcome::Satisfied(Vec::new()))),
            None => causal_weak::judge(self.facts, if shown { self.options.max_witnesses.max(1) } else { 0 }).map(Arc::new),
        };
        self.causal_weak = Some(outcome.clone());
        outcome
    }

    fn causal_memory(&mut self) -> Result<Arc<Outcome>, OutOfBudget> {
        if let Some(known) = &self.causal_memory {
            return known.clone();
        }
        let weak = self.causal_weak()?;
        let outcome = if matches!(*weak, Outcome::Violated(..)) {
            Ok(weak)
        } else {
            self.view(Base::Hb).map(|(outcome, orders)| {
                self.memory_orders = orders;
                Arc::new(outcome)
            })
        };
        self.causal_memory = Some(outcome.clone());
        outcome
    }

    fn pram_classic(&mut self) -> Result<Arc<Outcome>, OutOfBudget> {
        if let Some(known) = &self.pram_classic {
            return known.clone();
        }
        let outcome = self.view(Base::OwnReads).map(|(outcome, orders)| {
            self.classic_orders = orders;
            Arc::new(outcome)
        });
        self.pram_classic = Some(outcome.clone());
        outcome
    }

    /// Judges all views, with the order that `causal` found as a start.
    fn view(&self, base: Base) -> Result<(Outcome, Option<Orders>), OutOfBudget> {
        let causal = self.sets.causal_order();
        let explained = order_of(causal.as_deref());
        view::judge(self.facts, base, explained, self.options.certificates, self.options.max_witnesses)
    }

    /// `before` holds the judgements of every model that this one implies.
    fn judgement(&mut self, model: &'static Model, answer: &Answer, before: &[Judgement]) -> Judgement {
        let weaker = implied(model.name);
        let violated = |j: &&Judgement| weaker.contains(&j.model) && j.verdict == Verdict::Violated;
        let implied_by: Vec<&'static str> = before.iter().filter(violated).map(|j| j.model).collect();
        let mut judgement = Judgement { implied_by, ..self.unknown(model, String::new()) };
        let below = before.iter().find(violated);
        let known = match answer.outcome.as_deref() {
            Ok(Outcome::Violated(witnesses, violations)) => Some((witnesses.clone(), *violations)),
            // It may still be violated by a model below, whose witness it then shares.
            _ => below.and_then(|below| self.shared(below)),
        };
        (judgement.verdict, judgement.reason) = if let Some(known) = known {
            (judgement.witnesses, judgement.violations) = known;
            (Verdict::Violated, None)
        } else if answer.outcome.is_err() {
            (Verdict::Unknown, Some("budget exhausted".to_owned()))
        } else if answer.other_data_types {
            (Verdict::Unknown, Some("wrong data type: only registers are judged as transactions".to_owned()))
        } else if answer.depends_on_ambiguous {
            (Verdict::Unknown, Some(self.ambiguity()))
        } else if let Ok(Outcome::Undecided(session)) = answer.outcome.as_deref() {
            let session = self.facts.history.session_text(*session);
            (Verdict::Unknown, Some(format!("session {session} overlaps: no order found that explains its reads")))
        } else {
            (Verdict::Satisfied, None)
        };
        judgement
    }

    /// The witnesses of a violated model, asked for or not; `None` where there is no time left for them.
    fn shared(&mut self, judgement: &Judgement) -> Option<(Vec<Witness>, u64)> {
        if !judgement.witnesses.is_empty() {
            return Some((judgement.witnesses.clone(), judgement.violations));
        }
        let Checker::Guarantees(g) = super::find(judgement.model)?.checker else { return None };
        match &*self.sets.outcome(g)?.ok()? {
            Outcome::Violated(witnesses, violations) => Some((witnesses.clone(), *violations)),
            _ => None,
        }
    }

    fn times_recorded(&self) -> bool {
        let history = self.facts.history;
        history.txns().any(|txn| history.invoked(txn).is_some() && history.completed(txn).is_some())
    }

    fn ambiguity(&self) -> String {
        let ambiguous = &self.facts.matching.ambiguous;
        let line = self.facts.history.line(ambiguous[0]);
        match ambiguous.len() {
            1 => format!("ambiguous values: the read on line {line} returned a value that several writes may have written"),
            n => format!(
                "ambiguous values: {n} reads, the first on line {line}, returned values that several writes may have written"
            ),
        }
    }

    /// Counts stale reads under each set of guarantees that was asked for.
    fn count_stale(&self, judgements: &mut [Judgement]) {
        for judgement in judgements {
            let model = super::find(judgement.model).expect("a judgement is of a model");
            let Checker::Guarantees(g) = model.checker else { continue };
            let stale = match self.sets.violated(g) {
                Some(true) => stale::stale_reads(self.facts, g),
                // A stale read is a cycle: where there is none there is none.
                Some(false) => Ok(Some(Vec::new())),
                None => Ok(None),
            };
            if let Ok(Some(reads)) = stale {
                let mut sessions: Vec<u32> = reads.iter().map(|&r| self.facts.events().session[r as usize]).collect();
                sessions.sort_unstable();
                sessions.dedup();
                judgement.stale_reads = Some(reads.len() as u64);
                judgement.stale_sessions = Some(sessions.len() as u64);
            }
        }
    }

    /// The proof of a satisfied model.
    fn certificate(&self, model: &'static Model, answer: &Answer) -> Option<Certificate> {
        let events = self.facts.events();
        let ops = |order: &[u32]| order.iter().map(|&e| events.op(e)).collect::<Vec<OpId>>();
        let (kind, orders) = match (model.checker, answer.outcome.as_deref().ok()?) {
            (Checker::Guarantees(_), Outcome::Satisfied(order)) => {
                let mut placed = vec![false; events.len()];
                let mut writes: Vec<u32> = Vec::with_capacity(events.writes());
                let in_order = order.iter().copied().filter(|&e| (e as usize) < events.len());
                // What constrains nothing may stand anywhere: behind.
                for e in in_order.chain(0..events.len() as u32) {
                    if events.is_write(e) && !std::mem::replace(&mut placed[e as usize], true) {
                        writes.push(e);
                    }
                }
                (CertificateKind::OneOrder, vec![ops(&writes)])
            }
            (Checker::Transactions(_), Outcome::Satisfied(order)) => {
                (CertificateKind::OneOrder, vec![order.iter().map(|&op| OpId::new(op as usize)).collect()])
            }
            (Checker::CausalWeak, _) => (CertificateKind::AcyclicHb, Vec::new()),
            (Checker::CausalMemory, _) => {
                (CertificateKind::PerSession, self.memory_orders.as_ref()?.iter().map(|o| ops(o)).collect())
            }
            (Checker::PramClassic, _) => {
                (CertificateKind::PerSession, self.classic_orders.as_ref()?.iter().map(|o| ops(o)).collect())
            }
            _ => return None,
        };
        Some(Certificate { model: model.name, kind, orders })
    }
}
