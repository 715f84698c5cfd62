//! What a model says of a history: a [`Verdict`], and for each violation a [`Witness`].
//!
//! A violation is data, never an `Err`. Witnesses name operations by id and carry every step of the contradiction with its reason;
//! [`witness::verify`](crate::witness::verify) re-checks them against the history alone, and reports render them.

use serde::{Deserialize, Serialize};

use crate::history::{KeyId, OpId, SessionId, ValueId};

/// The answer of a model.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The history can be explained under the model.
    Satisfied,
    /// It cannot, and a witness says why.
    Violated,
    /// Not decided; the reason says why.
    Unknown,
}

impl Verdict {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Satisfied => "satisfied",
            Verdict::Violated => "violated",
            Verdict::Unknown => "unknown",
        }
    }
}

/// What kind of contradiction a witness shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Anomaly {
    /// A read returned a value that nothing wrote. No steps.
    ThinAirRead,
    /// A read returned a value that only a failed transaction wrote (G1a). One step `wr`.
    AbortedRead,
    /// A read returned a value that its own transaction overwrote (G1b). Steps `wr` (write → read), `po` (write → later write).
    IntermediateRead,
    /// A transaction did not read its own last write of the key. One step `po` (last own write → read).
    Internal,
    /// A read returned a value written only later, in its transaction (`po`) or in real time (`rt`). Steps `wr`, then `po` or `rt`.
    FutureRead,
    /// A cycle of `so` and `wr` steps: a write is visible to a read that precedes it in its session (rule 7). The steps lead from the
    /// write to the read along visibility; the last leads from the read back to the write by session order. Of transactions: any cycle.
    CyclicHb,
    /// A read returned the initial value while a write of the key was visible to it. One step, write → read.
    InitialRead,
    /// A cycle of `ar` steps, at least one of them by a read that returned an overwritten value. Of transactions: of `so`, `wr` and `co` steps.
    StaleRead,
    /// A cycle of `ar` steps without any stale read: the sessions' own orders contradict each other or the recorded order.
    WriteOrderCycle,
    /// `causal-weak`: w hb x hb r, r reads w, x writes the same key. Steps `hb` (w → x), `hb` (x → r), `wr` (w → r).
    WriteCoRead,
    /// A list or set: an element that has to be visible to the read is not in what it returned. One step, append or add → read.
    MissingElement,
    /// A set: a member is there although its removal has to be visible, and every add that can be visible comes before the removal. One
    /// step, remove → read; then one `hb` step, add → remove, for each such add.
    PhantomMember,
    /// A counter: the read returned less than the operations that have to be visible add up to, even with every possible decrement; or
    /// more, even with every possible increment. A step operation → read for each that has to be visible and is needed to show it.
    ImpossibleSum,
    /// A list read returned an element more often than it was appended. No steps.
    RepeatedElement,
    /// Lists: a cycle of `ar` steps at least one of which a list read shows, none by a stale register read.
    IncompatibleOrder,
    /// `causal-memory`, `pram-classic`: the order that one session's reads force has a cycle. Steps `so`, `wr` and `view` closing up.
    ViewCycle,
    /// `convergence`: two quiescent reads of a key differ. One step `end` (the earlier in the file → the later).
    Divergent,
    /// `convergence`: a register ended as a write left it that another overwrote. Steps `hb` or `ar` (write → newer), `wr` (write → read).
    StaleForever,
    /// `convergence`: an acknowledged write is in no quiescent read. For a set element, a step `hb` or `ar` from each remove of it to the
    /// write; then a step `end` (write → read).
    LostWrite,
    /// `convergence`: what failed or was removed is there at the end. For a removed element, a step `hb` or `ar` from each add of it to a
    /// remove; then a step `end` (failed write or remove → read).
    Resurrected,
    /// `convergence`: an element is there more often than it was written. One step `end` (write → read).
    DuplicateElement,
    /// `convergence`: a counter's sum is beyond what its operations allow, and neither lost nor failed ones explain it. No steps.
    OutOfBounds,
}

/// The relation that a step asserts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// Session order.
    So,
    /// Write-read: `to` returned what `from` wrote.
    Wr,
    /// Visibility: the write `from` is visible to the read `to`.
    Vis,
    /// Arbitration: the write `from` precedes the write `to`.
    Ar,
    /// (so ∪ wr)⁺.
    Hb,
    /// The order of one session's view (models.md 4, `causal-memory` and `pram-classic`).
    View,
    /// Program order inside a transaction.
    Po,
    /// Real time: `from` completed before `to` was invoked.
    Rt,
    /// The commit order of transactions: that of `from` precedes that of `to`.
    Co,
    /// How the key ended: `to` is a quiescent read of the key of `from`, a write or another quiescent read.
    End,
}

/// Why a step holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Because {
    /// `wr`: `to` returned the value that `from` wrote.
    ReadsFrom,
    /// `so`: same session, in this order. `ar`: rule 2, both write the same key, same session, in this order.
    SessionOrder,
    /// `ar`, rule 2: the session of `to` had read (`read`) the value of `from` before it wrote `to`, same key.
    ReadThenWrite,
    /// `so`, write to read of one session: the guarantee makes the write visible.
    ReadYourWrites,
    /// `so`, read to read of one session: what the first saw the second sees.
    MonotonicReads,
    /// `so`, write to write of one session. As `ar`: the guarantee orders them.
    MonotonicWrites,
    /// `so`, read to write of one session. As `ar`: `from` is visible to `read` (along `via`), which precedes `to` in its session.
    WritesFollowReads,
    /// `ar` or `view`, write to write of one key: `read` returned the value of `to` although `from` was visible to it (along `via`), so
    /// `from` was overwritten by `to`. `co`: the same of their transactions; `via` leads from that of `from` to that of `read`.
    StaleRead,
    /// `vis` or `view`, write to read: the read returned the initial value although the write is visible to it along `via`.
    InitialRead,
    /// `ar` or `view`: the list that `read` returned has the element of `from` before that of `to`.
    ListOrder,
    /// `vis` or `view`, append, add, remove, increment or decrement to read of its key: visible along `via`.
    Visible,
    /// `hb`: along `via`.
    HappenedBefore,
    /// `ar`: the recorded versions of the key say so.
    Version,
    /// `ar` or `rt`: `from` completed before `to` was invoked.
    RealTime,
    /// `po`: same transaction, in this order.
    ProgramOrder,
    /// `end`: two quiescent reads that differ.
    Differs,
    /// `end`: no quiescent read shows the write.
    Missing,
    /// `end`: the read shows what `from` wrote, which failed, or removed.
    Present,
    /// `end`: the read shows what `from` wrote more often than it was written.
    Repeated,
}

/// One step of a contradiction: `from` precedes `to` in `relation`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// The earlier operation.
    pub from: OpId,
    /// The later operation. May be `from` itself only for a cas, whose read precedes its write.
    pub to: OpId,
    /// In what sense.
    pub relation: Relation,
    /// And why.
    pub because: Because,
    /// The read that the reason is about, where it is about one.
    pub read: Option<OpId>,
    /// The path that the reason refers to: `so`, `wr` (and, in a view, `view`) steps from the write to the read, each step's `to` the next
    /// one's `from`.
    pub via: Vec<Step>,
}

impl Step {
    /// A step without read or path.
    pub fn new(from: OpId, to: OpId, relation: Relation, because: Because) -> Self {
        Step { from, to, relation, because, read: None, via: Vec::new() }
    }
}

/// What a contradiction takes for granted beyond the recording itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub enum Assumption {
    /// All sessions see the writes of a key in one order.
    #[serde(rename = "one write order per key")]
    OneOrderPerKey,
    /// All sessions see all writes in one order.
    #[serde(rename = "one order of all writes")]
    OneOrder,
    /// The recorded versions are the store's order of the key.
    #[serde(rename = "recorded versions")]
    RecordedVersions,
    /// A write that completed before another was invoked precedes it.
    #[serde(rename = "real-time order of writes")]
    RealTimeOrder,
}

/// A contradiction, small enough to read and complete enough to re-check.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Witness {
    /// Its kind.
    pub anomaly: Anomaly,
    /// The sessions whose order or reads it uses, by id.
    pub sessions: Vec<SessionId>,
    /// What it takes for granted.
    pub assumes: Vec<Assumption>,
    /// Every operation that the steps use, ascending.
    pub operations: Vec<OpId>,
    /// For the transactional models: operations stand for their transactions. The steps of a cycle, and of a path, are `so`, `wr` and `co`
    /// between transactions; each step's `to` is of the same transaction as the next one's `from`.
    pub transactions: bool,
    /// For `causal-memory` and `pram-classic`: the session whose view is contradictory.
    pub view: Option<SessionId>,
    /// For `causal-memory` and `pram-classic`: the `view` steps that `steps` build on, each using only earlier ones.
    pub derived: Vec<Step>,
    /// The contradiction: for a cycle each step's `to` is the next one's `from`, and the last leads back to the first.
    pub steps: Vec<Step>,
}

impl Witness {
    /// Every step, those inside `via` and `derived` included.
    pub fn all_steps(&self) -> impl Iterator<Item = &Step> {
        self.derived.iter().chain(&self.steps).flat_map(|step| std::iter::once(step).chain(&step.via))
    }
}

/// What one model says of one history.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// The model's name.
    pub model: &'static str,
    /// Its answer.
    pub verdict: Verdict,
    /// Violated: every violated model that this one implies.
    pub implied_by: Vec<&'static str>,
    /// Unknown: why.
    pub reason: Option<String>,
    /// How many reads are stale under the model (models.md 4, Counting), where that is defined and was counted.
    pub stale_reads: Option<u64>,
    /// How many `ok` reads the history has.
    pub reads: u64,
    /// How many sessions those stale reads are in.
    pub stale_sessions: Option<u64>,
    /// How many separate contradictions were found; at least as many as witnesses.
    pub violations: u64,
    /// At least one where violated.
    pub witnesses: Vec<Witness>,
    /// For `convergence`: how the keys ended, and when.
    pub convergence: Option<Convergence>,
}

/// How the keys of a history ended, and when they did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Convergence {
    /// How many keys.
    pub keys: u64,
    /// How many have an anomaly.
    pub violated_keys: u64,
    /// How many have two quiescent reads that differ.
    pub divergent_keys: u64,
    /// How many are not decided.
    pub unknown_keys: u64,
    /// How long keys took to converge, where that is known of any.
    pub times: Option<ConvergenceTimes>,
    /// How the elements of each set with quiescent reads ended.
    pub sets: Vec<SetConvergence>,
}

/// From the completion of a key's last write to the first read from which on all agree: nearest ranks over the keys, in ns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConvergenceTimes {
    /// Half of the keys were no slower.
    pub p50: i64,
    /// Of a hundred keys 99 were no slower.
    pub p99: i64,
    /// No key was slower.
    pub max: i64,
}

/// How the elements of one set ended. An element in none of the lists is stable or was removed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetConvergence {
    /// The set.
    pub key: KeyId,
    /// How many elements were added, by adds that did not fail.
    pub elements: u64,
    /// Of these, in every quiescent read.
    pub stable: u64,
    /// In none, and rightly: a remove may have come last.
    pub removed: u64,
    /// In none, although an acknowledged add should be.
    pub lost: Vec<ValueId>,
    /// In no read at all, and no add of it was acknowledged.
    pub never_read: Vec<ValueId>,
    /// In some quiescent reads and not in others, or seen once and gone.
    pub unsettled: Vec<ValueId>,
    /// Stable ones that a read missed after their add had completed, with how long it took from there to the first read from which on
    /// every read has them, in ns; longest first.
    pub stale: Vec<(ValueId, i64)>,
}
