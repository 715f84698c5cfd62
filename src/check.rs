//! Judges one history by the models asked for: [`check`].

use std::time::Duration;

use crate::history::History;
use crate::model::plan::Plan;
use crate::model::{Guarantees, MODELS, Model};
use crate::relation::budget::Budget;
use crate::relation::facts::Facts;
use crate::verdict::Judgement;

/// What is known of the order of writes beyond the sessions' own (models.md 4).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WriteOrder {
    /// Nothing.
    #[default]
    Session,
    /// A write that completed before another was invoked precedes it.
    RealTime,
    /// The recorded versions order the writes of a key.
    Version,
}

/// What a read of a value that nothing wrote means.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UnmatchedReads {
    /// A thin-air read.
    #[default]
    Violation,
    /// The recording is partial: the read is left out.
    Ignore,
}

/// How to judge.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which models; none means those that run by default.
    pub models: Vec<&'static Model>,
    /// Extra knowledge about the write order.
    pub write_order: WriteOrder,
    /// Reads of unknown values.
    pub unmatched_reads: UnmatchedReads,
    /// How long one history may take.
    pub budget: Duration,
    /// At most so many witnesses a model.
    pub max_witnesses: usize,
    /// Keep the orders that prove satisfied models?
    pub certificates: bool,
    /// Find the minimal violated sets of guarantees? Judges sets that no model asks for.
    pub lattice: bool,
    /// For `convergence`, where no read is marked final: a read is quiescent if it was invoked so long after the last write of its key.
    pub settle: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            models: Vec::new(),
            write_order: WriteOrder::Session,
            unmatched_reads: UnmatchedReads::Violation,
            budget: Duration::from_secs(300),
            max_witnesses: 3,
            certificates: false,
            lattice: true,
            settle: None,
        }
    }
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Judged {
    /// One per model asked for, in the order of [`MODELS`]. `convergence` is left out where it was not asked for by name and there are no
    /// quiescent reads.
    pub judgements: Vec<Judgement>,
    /// The minimal violated sets of the four guarantees; `None` where they were not asked for, or the budget ran out.
    pub minimal_violated: Option<Vec<Guarantees>>,
    /// Reads left out of every inference: ambiguous, or unmatched and ignored.
    pub skipped: u64,
    /// What a user should know.
    pub warnings: Vec<String>,
    /// The proofs of satisfied models, where asked for.
    pub certificates: Vec<Certificate>,
}

/// The proof that a model is satisfied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The model that it proves.
    pub model: &'static str,
    /// Its kind.
    pub kind: CertificateKind,
    /// `OneOrder`: one order of the writes; of the transactional models, of the transactions, each by its first operation. `PerSession`:
    /// one per session, of its writes and reads. `AcyclicHb`: none.
    pub orders: Vec<Vec<crate::history::OpId>>,
}

/// How a certificate proves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateKind {
    /// One arbitration of all writes, or one commit order of all transactions, explains every read.
    OneOrder,
    /// One order a session explains the reads of that session.
    PerSession,
    /// hb is acyclic and no read returns a value overwritten in its past.
    AcyclicHb,
}

/// Judges a history. Takes about as long as the budget at most; the answers do not depend on the number of threads (where the budget
/// runs out, on the machine's speed).
pub fn check(history: &History, options: &Options) -> Judged {
    let models = if options.models.is_empty() {
        MODELS.iter().filter(|model| model.by_default).collect()
    } else {
        MODELS.iter().filter(|model| options.models.iter().any(|asked| asked.name == model.name)).collect::<Vec<_>>()
    };
    let budget = Budget::new(options.budget);
    let facts = Facts::new(history, options, &budget);
    Plan::new(&facts, options, &models).run()
}
