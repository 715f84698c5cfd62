//! Checks proofs against the history alone: a [`Witness`] of a violation, a [`Certificate`] of a satisfied model.
//!
//! Nothing here is shared with the checkers but the data of history, models and verdicts; session order, the writers of reads and
//! visibility are derived anew, by other means. What a witness may say is listed on [`Anomaly`], [`Because`] and [`Step`]; whatever is more
//! or less than that is refused, so that a witness that stands has no part that could be otherwise (but where operations stand for their
//! transactions, a step of session order may name any of them).
//!
//! A witness stands under a model if it does by the model's own rules. Those of a bigger set of guarantees contain those of a smaller
//! one, so a violated model may share the witness of a weaker one that it implies; likewise those of the transactional models, the
//! strongest of which shares those of `causal` too.
//!
//! Cost: [`Verifier::new`] O(n log n) for n operations, in memory O(n); a witness then costs what it is long (`internal`: its transaction;
//! thin-air, aborted and future reads: the writes of the value). Certificates say their cost where they are checked.

mod arbitration;
mod certificate;
mod collections;
mod commit_order;
mod convergence;
mod elements;
mod ends;
mod facts;
mod one_order;
mod past;
mod paths;
mod per_session;
mod reads;
mod refusal;
mod rules;
mod sessions;
mod tally;
mod transactions;
mod views;

pub use refusal::Refusal;

use std::sync::OnceLock;

use rustc_hash::FxHashSet;

use crate::check::{Certificate, Options};
use crate::history::{History, OpId, SessionId};
use crate::model::{Checker, Guarantees, Isolation, Model};
use crate::verdict::{Anomaly, Assumption, Because, Relation, Step, Witness};
use collections::Sight;
use ends::Ends;
use facts::Facts;
use refusal::require;

/// Re-checks one witness of one model. For many of one history see [`Verifier`].
pub fn verify(history: &History, options: &Options, model: &Model, witness: &Witness) -> Result<(), Refusal> {
    Verifier::new(history, options).verify(model, witness)
}

/// Checks one proof that a model is satisfied.
pub fn verify_certificate(history: &History, options: &Options, certificate: &Certificate) -> Result<(), Refusal> {
    Verifier::new(history, options).verify_certificate(certificate)
}

/// Checks the proofs about one history.
pub struct Verifier<'h> {
    options: &'h Options,
    facts: Facts<'h>,
    ends: OnceLock<Ends>,
}

impl<'h> Verifier<'h> {
    /// Derives what any proof needs.
    pub fn new(history: &'h History, options: &'h Options) -> Self {
        Verifier { options, facts: Facts::new(history, options), ends: OnceLock::new() }
    }

    /// Does the witness show that the history violates the model?
    pub fn verify(&self, model: &Model, witness: &Witness) -> Result<(), Refusal> {
        let proof = Proof { facts: &self.facts, ends: &self.ends, options: self.options, witness };
        proof.well_shaped()?;
        proof.stands(model.checker)
    }

    /// Does the certificate show that the history satisfies its model?
    pub fn verify_certificate(&self, certificate: &Certificate) -> Result<(), Refusal> {
        certificate::check(&self.facts, self.options, certificate)
    }
}

/// A witness with what it is held against.
struct Proof<'a, 'h> {
    facts: &'a Facts<'h>,
    ends: &'a OnceLock<Ends>,
    options: &'a Options,
    witness: &'a Witness,
}

impl<'h> Proof<'_, 'h> {
    fn history(&self) -> &'h History {
        self.facts.history
    }

    fn ends(&self) -> &Ends {
        self.ends.get_or_init(|| Ends::new(self.history(), self.options))
    }

    fn refuse(&self, step: &Step, why: &str) -> Refusal {
        Refusal::step(self.history(), step, why)
    }

    fn stands(&self, checker: Checker) -> Result<(), Refusal> {
        use Anomaly::*;
        match (self.witness.anomaly, checker) {
            (_, Checker::Transactions(isolation)) if self.witness.transactions => self.of_transactions(isolation),
            _ if self.witness.transactions => Err(Refusal::new("the model knows no transactions")),
            (_, Checker::Convergence) => self.convergence(),
            (ThinAirRead, _) => self.thin_air_read(),
            (AbortedRead, _) => self.aborted_read(),
            (IntermediateRead, _) => self.intermediate_read(),
            (Internal, _) => self.internal(),
            (FutureRead, _) => self.future_read(),
            (RepeatedElement, _) => self.repeated_element(),
            // It implies `causal`, which looks at operations.
            (_, Checker::Transactions(Isolation::TransactionalCausal)) => self.stands(Checker::Guarantees(Guarantees::ALL)),
            (CyclicHb, Checker::Guarantees(g)) => self.cyclic_hb(g),
            (CyclicHb, Checker::CausalWeak | Checker::CausalMemory) => self.cyclic_hb(Guarantees::ALL),
            (InitialRead, Checker::Guarantees(g)) if self.witness.view.is_none() => self.initial_read(g),
            (InitialRead, Checker::CausalWeak | Checker::CausalMemory) if self.witness.view.is_none() => {
                self.initial_read(Guarantees::ALL)
            }
            (InitialRead, Checker::CausalMemory) => self.view(false, |view| self.initial_read_in_view(view)),
            (InitialRead, Checker::PramClassic) => self.view(true, |view| self.initial_read_in_view(view)),
            (MissingElement | PhantomMember | ImpossibleSum, checker) => self.about_a_collection(checker),
            (IncompatibleOrder, Checker::Guarantees(Guarantees::ALL) | Checker::CausalWeak | Checker::CausalMemory)
                if self.orders_against_hb() =>
            {
                self.list_against_hb()
            }
            (StaleRead | WriteOrderCycle | IncompatibleOrder, Checker::Guarantees(g)) => self.arbitration_cycle(g),
            (WriteCoRead, Checker::Guarantees(Guarantees::ALL) | Checker::CausalWeak | Checker::CausalMemory) => {
                self.write_co_read()
            }
            // Without a view step the cycle is one of hb, which has its own name, or one of the session's base order in `pram-classic`.
            (ViewCycle, Checker::CausalMemory) => self.view(self.witness.derived.is_empty(), |view| self.view_cycle(view)),
            (ViewCycle, Checker::PramClassic) => self.view(true, |view| self.view_cycle(view)),
            (anomaly, _) => Err(Refusal::new(format!("{anomaly:?} is no violation of the model"))),
        }
    }

    /// What a read of a list, set or counter must have shown, by visibility or in a session's view.
    fn about_a_collection(&self, checker: Checker) -> Result<(), Refusal> {
        let within = |own_reads_only| self.view(own_reads_only, |view| self.collection(Sight::In(view)));
        match (checker, self.witness.view) {
            (Checker::Guarantees(g), None) => self.collection(Sight::Of(g)),
            (Checker::CausalWeak | Checker::CausalMemory, None) => self.collection(Sight::Of(Guarantees::ALL)),
            (Checker::CausalMemory, Some(_)) => within(false),
            (Checker::PramClassic, Some(_)) => within(true),
            _ => Err(Refusal::new("that is no violation of the model")),
        }
    }

    /// Is the witness about a list that contradicts hb rather than an order of all writes?
    fn orders_against_hb(&self) -> bool {
        self.witness.steps.iter().any(|step| step.relation == Relation::Hb)
    }

    /// What every witness must be, whatever it shows.
    fn well_shaped(&self) -> Result<(), Refusal> {
        let (h, w) = (self.history(), self.witness);
        let mut used: Vec<OpId> = w.all_steps().flat_map(|step| [Some(step.from), Some(step.to), step.read]).flatten().collect();
        used.sort_unstable();
        used.dedup();
        let alone =
            matches!(w.anomaly, Anomaly::ThinAirRead | Anomaly::RepeatedElement | Anomaly::ImpossibleSum | Anomaly::OutOfBounds);
        let listed = if alone && used.is_empty() { w.operations.len() == 1 } else { w.operations == used };
        require(listed, || Refusal::new("the operations listed are not those that the steps use"))?;
        if let Some(&beyond) = w.operations.iter().find(|op| op.index() >= h.operations()) {
            return Err(Refusal::about(h, beyond, "is not in the history"));
        }
        // A step inside a path has no path of its own: what would be there is looked at by nobody.
        if let Some(nested) = w.derived.iter().chain(&w.steps).flat_map(|step| &step.via).find(|step| !step.via.is_empty()) {
            return Err(self.refuse(nested, "a path within a path"));
        }
        let used: FxHashSet<SessionId> = w.operations.iter().map(|&op| h.session(op)).collect();
        let listed: FxHashSet<SessionId> = w.sessions.iter().copied().collect();
        let sessions = !listed.is_empty() && listed.len() == w.sessions.len() && listed.is_subset(&used);
        require(sessions, || Refusal::new("the sessions listed are not those of the operations"))?;
        use Anomaly::{ImpossibleSum, InitialRead, MissingElement, PhantomMember, ViewCycle};
        let in_view = matches!(w.anomaly, ViewCycle | InitialRead | MissingElement | PhantomMember | ImpossibleSum);
        require(in_view || w.view.is_none(), || Refusal::new("only views are of a session"))?;
        require(w.view.is_some() || w.derived.is_empty(), || Refusal::new("only a view has derived steps"))?;
        self.assumptions()
    }

    fn assumptions(&self) -> Result<(), Refusal> {
        let w = self.witness;
        let uses = |because| w.steps.iter().any(|step| step.because == because);
        let cycle = matches!(w.anomaly, Anomaly::StaleRead | Anomaly::WriteOrderCycle | Anomaly::IncompatibleOrder);
        let arbitrates = cycle && !self.orders_against_hb();
        let orders = arbitrates || matches!(w.anomaly, Anomaly::StaleForever | Anomaly::LostWrite | Anomaly::Resurrected);
        let needs = |assumption| match assumption {
            Assumption::OneOrderPerKey | Assumption::OneOrder => None,
            Assumption::RecordedVersions => Some(orders && uses(Because::Version)),
            Assumption::RealTimeOrder => Some(orders && uses(Because::RealTime)),
        };
        let right = |assumption| match w.assumes.iter().filter(|&&assumed| assumed == assumption).count() {
            0 => needs(assumption) != Some(true),
            1 => needs(assumption).unwrap_or(arbitrates),
            _ => false,
        };
        use Assumption::{OneOrder, OneOrderPerKey, RealTimeOrder, RecordedVersions};
        let right = [OneOrderPerKey, OneOrder, RecordedVersions, RealTimeOrder].into_iter().all(right);
        require(right, || Refusal::new("what the witness says it assumes is not what its steps assume"))
    }
}
