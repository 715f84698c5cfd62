//! The report as data: exactly the JSON of `--report json`, field by field.
//!
//! `testimony verify` reads it back, so every field that a proof needs is here. What only people need (sentences, counts for the text
//! report) rides along without being serialized.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::check::{UnmatchedReads, WriteOrder};
use crate::verdict::{Anomaly, Assumption, Because, Relation, Verdict};
use crate::witness::explain::Explanation;

/// What one run of `testimony check` found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The version of Testimony that wrote it.
    pub testimony: String,
    /// The worst verdict of all: violated, else unknown, else satisfied. `unknown` where no history could be read.
    pub verdict: Verdict,
    /// What could not be read.
    pub errors: Vec<InputError>,
    /// What was judged, in the order given.
    pub histories: Vec<HistoryReport>,
}

/// An input that could not be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InputError {
    /// The path as given.
    pub path: String,
    /// From 1; null where the error is about the whole file.
    pub line: Option<u64>,
    /// From 1, in characters.
    pub column: Option<u64>,
    /// What is wrong.
    pub message: String,
}

/// What was found in one history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryReport {
    /// The path as given; for a folder: the folder as given, joined with the file's place in it.
    pub path: String,
    /// Of the file's bytes as they are, compressed or not. Empty where the report was made without one.
    pub sha256: String,
    /// The format it was read as.
    pub format: String,
    /// How it was read and judged.
    pub options: Settings,
    /// How many sessions.
    pub sessions: u64,
    /// How many transactions; a bare operation is one.
    pub transactions: u64,
    /// How many operations.
    pub operations: u64,
    /// How many keys.
    pub keys: u64,
    /// How many operations read; a cas reads and writes.
    pub reads: u64,
    /// How many operations write.
    pub writes: u64,
    /// Reads left out of every inference: ambiguous, or unmatched and ignored.
    pub skipped: u64,
    /// What a user should know.
    pub warnings: Vec<String>,
    /// One per model.
    pub verdicts: Vec<VerdictReport>,
    /// The minimal violated sets of the four session guarantees; `[[]]` where no guarantee at all is enough to fail; null where undecided.
    pub minimal_violated: Option<Vec<Vec<String>>>,
    /// How long it took.
    pub elapsed_ms: ElapsedMs,
}

/// How a history was read and judged: enough to do it again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Settings {
    /// `--write-order`.
    pub write_order: WriteOrder,
    /// `--initial K=V`, by key.
    #[serde(default)]
    pub initial: Initial,
    /// `--unmatched-reads`.
    pub unmatched_reads: UnmatchedReads,
    /// `--settle`, in ns, where given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settle_ns: Option<u64>,
    /// `--initial V`, where given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_all: Option<Json>,
    /// `--format`, where given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// `--independent`, where given.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub independent: bool,
    /// `--workload`, where given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<String>,
}

/// Initial values by key: an object where all keys are strings, else pairs (1 and "1" are different keys).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Initial {
    /// `{"x":0}`
    ByName(Map<String, Json>),
    /// `[[1,0]]`
    Pairs(Vec<(Json, Json)>),
}

impl Default for Initial {
    fn default() -> Self {
        Initial::ByName(Map::new())
    }
}

impl Initial {
    /// From keys and values; the last value of a key counts.
    pub fn new(pairs: Vec<(Json, Json)>) -> Self {
        let named: Option<Map<String, Json>> =
            pairs.iter().map(|(key, value)| Some((key.as_str()?.to_owned(), value.clone()))).collect();
        named.map_or(Initial::Pairs(pairs), Initial::ByName)
    }

    /// Keys and values.
    pub fn pairs(&self) -> Vec<(Json, Json)> {
        match self {
            Initial::ByName(map) => map.iter().map(|(key, value)| (key.as_str().into(), value.clone())).collect(),
            Initial::Pairs(pairs) => pairs.clone(),
        }
    }
}

/// What one model says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VerdictReport {
    /// The model's name.
    pub model: String,
    /// Its answer.
    pub verdict: Verdict,
    /// Violated: every violated model that this one implies.
    pub implied_by: Vec<String>,
    /// Unknown: why.
    pub reason: Option<String>,
    /// How many reads are stale under the model, where that is defined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_reads: Option<u64>,
    /// How many acknowledged reads there are.
    pub reads: u64,
    /// How many separate contradictions were found; at least as many as witnesses.
    pub violations: u64,
    /// At least one where violated.
    pub witnesses: Vec<WitnessReport>,
    /// For `convergence`: how the keys ended, and when.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub convergence: Option<ConvergenceReport>,
    /// How many sessions the stale reads are in. For people.
    #[serde(skip)]
    pub stale_sessions: Option<u64>,
}

/// How the keys of a history ended, and when they did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConvergenceReport {
    /// How many keys.
    pub keys: u64,
    /// How many have an anomaly.
    pub violated_keys: u64,
    /// How many have two quiescent reads that differ.
    pub divergent_keys: u64,
    /// How many are not decided.
    pub unknown_keys: u64,
    /// From the completion of a key's last write to the first read from which on all agree, in nearest ranks over the keys of which that
    /// is known; null where it is of none.
    pub convergence_ms: Option<ConvergenceMs>,
    /// How the elements of each set with quiescent reads ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sets: Vec<SetReport>,
}

/// Nearest ranks, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConvergenceMs {
    /// Half of the keys were no slower.
    pub p50: f64,
    /// Of a hundred keys 99 were no slower.
    pub p99: f64,
    /// No key was slower.
    pub max: f64,
}

/// How the elements of one set ended. An element in none of the lists is stable or was removed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SetReport {
    /// The set.
    pub key: Json,
    /// How many elements were added, by adds that did not fail.
    pub elements: u64,
    /// Of these, in every quiescent read.
    pub stable: u64,
    /// In none, and rightly: a remove may have come last.
    pub removed: u64,
    /// In none, although an acknowledged add should be.
    pub lost: Vec<Json>,
    /// In no read at all, and no add of it was acknowledged.
    pub never_read: Vec<Json>,
    /// In some quiescent reads and not in others, or seen once and gone.
    pub unsettled: Vec<Json>,
    /// Stable ones that a read missed after their add had completed; longest first.
    pub stale: Vec<StaleElement>,
}

/// A stable element that a read missed after its add had completed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StaleElement {
    /// Which.
    pub element: Json,
    /// From there to the first read from which on every read has it.
    pub ms: f64,
}

/// A contradiction, complete enough to re-check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WitnessReport {
    /// Its kind.
    pub anomaly: Anomaly,
    /// The sessions whose order or reads it uses.
    pub sessions: Vec<Json>,
    /// What it takes for granted beyond the recording itself.
    pub assumes: Vec<Assumption>,
    /// Every operation that the steps use.
    pub operations: Vec<OperationReport>,
    /// For the transactional models: operations stand for their transactions.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub transactions: bool,
    /// For `causal-memory` and `pram-classic`: the session whose view is contradictory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<Json>,
    /// For `causal-memory` and `pram-classic`: the `view` steps that `steps` build on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub derived: Vec<StepReport>,
    /// The contradiction.
    pub steps: Vec<StepReport>,
    /// The same in sentences. For people.
    #[serde(skip)]
    pub explanation: Explanation,
}

/// One step of a contradiction: `from` precedes `to` in `relation`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepReport {
    /// The earlier operation.
    pub from: u32,
    /// The later operation.
    pub to: u32,
    /// In what sense.
    pub relation: Relation,
    /// And why.
    pub because: Because,
    /// The read that the reason is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<u32>,
    /// The path that the reason refers to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<StepReport>,
}

/// An operation as the recording has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OperationReport {
    /// Its number in file order, from 0.
    pub id: u32,
    /// Its line, from 1.
    pub line: u32,
    /// Who.
    pub session: Json,
    /// The replica that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<Json>,
    /// What it did: the native format's name.
    pub op: String,
    /// On which key.
    pub key: Json,
    /// The value written or returned; a cas has `from` and `to` instead.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub value: Option<Json>,
    /// What a cas compared with.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub from: Option<Json>,
    /// What a cas set.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub to: Option<Json>,
    /// `ok`, `fail` or `info`.
    pub status: String,
    /// When it was invoked, where recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoke_ns: Option<i64>,
    /// When it completed, where recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete_ns: Option<i64>,
    /// The store's own version, where recorded: a number, or digits where it is beyond 64 bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Json>,
    /// The number of its transaction in file order, from 0; only where that has several operations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub txn: Option<u32>,
    /// A read made after quiescence.
    #[serde(default, rename = "final", skip_serializing_if = "std::ops::Not::not")]
    pub is_final: bool,
}

/// How long it took, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ElapsedMs {
    /// Reading.
    pub read: u64,
    /// Judging.
    pub check: u64,
}

/// A recorded `null` is a value, not an absent field.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(deserializer).map(Some)
}
