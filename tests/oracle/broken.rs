//! Twenty-nine ways to get a checker wrong. [`crate::plain`] can be run with any one of them, and the random histories are only good enough
//! if they catch every one.

/// A mistake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// What a session saw it need not see again.
    NoMonotonicReadClosure,
    /// A session's writes have no order.
    MonotonicWritesIgnored,
    /// Writes do not carry what their session had read.
    WritesFollowReadsIgnored,
    /// Rules 3-6 are applied once to what was read and not to what follows from them.
    VisibilityNotClosed,
    /// Session order between writes of one key is forgotten.
    Rule2Dropped,
    /// A session may see its own later writes.
    Rule7Dropped,
    /// Reads of the initial value never contradict.
    InitialUnordered,
    /// "w' was overwritten by w" is read backwards.
    StaleEdgeSwapped,
    /// What follows an `info` write in its session is taken to come after it.
    InfoOrderedInSession,
    /// A failed write is taken for a write that happened.
    FailCountsAsOk,
    /// Writes that their own transaction overwrote are visible.
    OverwrittenWritesVisible,
    /// Operations that overlap inside a session are taken in the file's order.
    OverlapIgnored,
    /// Of several writers of a value the first is picked.
    AmbiguousPickedSilently,
    /// Ambiguous reads are left out, and the rest is called satisfied.
    AmbiguousForgotten,
    /// A write of the initial value is forgotten when a read returned it.
    InitialNeverAmbiguous,
    /// Recorded versions are not used.
    VersionsIgnored,
    /// Times are not used for the order of writes.
    RealTimeIgnored,
    /// An `info` write is taken to have happened when it completed.
    InfoCompletes,
    /// `causal-memory` is judged by the patterns of `causal-weak`.
    ViewsNotSaturated,
    /// A cas is not seen to read.
    CasOnlyWrites,
    /// `read-committed` counts what a transaction reads later, too.
    CommittedAtAnyRead,
    /// `read-atomic` asks for all of what was read from, not for all of what the session did.
    AtomicForgetsSessions,
    /// `transactional-causal` looks at operations, as `causal` does.
    CausalByOperations,
    /// The happened-before of transactions is what they read from and follow, and not what follows from that.
    TransactionsNotClosed,
    /// Transactions that read an initial value never contradict.
    InitialCommitForgotten,
    /// A transaction that writes what it read overwrites it for itself.
    OwnTransactionSeen,
    /// What follows an `info` transaction in its session is taken to come after it.
    InfoTransactionOrdered,
    /// Of an `info` transaction only the writes that were read take effect.
    OnlyObservedWritesCommit,
    /// The commit order need not keep session order.
    CommitForgetsSessions,
}

impl Fault {
    /// Every one.
    pub const ALL: [Fault; 29] = [
        Fault::NoMonotonicReadClosure,
        Fault::MonotonicWritesIgnored,
        Fault::WritesFollowReadsIgnored,
        Fault::VisibilityNotClosed,
        Fault::Rule2Dropped,
        Fault::Rule7Dropped,
        Fault::InitialUnordered,
        Fault::StaleEdgeSwapped,
        Fault::InfoOrderedInSession,
        Fault::FailCountsAsOk,
        Fault::OverwrittenWritesVisible,
        Fault::OverlapIgnored,
        Fault::AmbiguousPickedSilently,
        Fault::AmbiguousForgotten,
        Fault::InitialNeverAmbiguous,
        Fault::VersionsIgnored,
        Fault::RealTimeIgnored,
        Fault::InfoCompletes,
        Fault::ViewsNotSaturated,
        Fault::CasOnlyWrites,
        Fault::CommittedAtAnyRead,
        Fault::AtomicForgetsSessions,
        Fault::CausalByOperations,
        Fault::TransactionsNotClosed,
        Fault::InitialCommitForgotten,
        Fault::OwnTransactionSeen,
        Fault::InfoTransactionOrdered,
        Fault::OnlyObservedWritesCommit,
        Fault::CommitForgetsSessions,
    ];
}
