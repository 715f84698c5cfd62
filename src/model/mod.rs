//! The consistency models: names, definitions, citations and what implies what. Models are data; the checkers are in the files beside.

mod below_causal;
pub(crate) mod breach;
pub(crate) mod causal;
mod causal_weak;
mod convergence;
pub(crate) mod guarantees;
mod levels;
pub(crate) mod per_key;
pub(crate) mod plan;
mod sets;
mod stale;
mod suggested;
pub(crate) mod transactions;
mod view;
mod well_formed;

/// One consistency model.
#[derive(Debug)]
pub struct Model {
    /// Its name on the command line and in reports.
    pub name: &'static str,
    /// What it promises, in one sentence for people.
    pub promise: &'static str,
    /// The rule, as models.md states it.
    pub rule: &'static str,
    /// Where it is from.
    pub citation: &'static str,
    /// The models that it directly implies, by name.
    pub implies: &'static [&'static str],
    /// Does `check` without `--model` run it?
    pub by_default: bool,
    /// How it is judged.
    pub checker: Checker,
}

/// How a model is judged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Checker {
    /// The anomalies of models.md 3.
    WellFormed,
    /// A set of guarantees in vis/ar form.
    Guarantees(Guarantees),
    /// `causal-weak`.
    CausalWeak,
    /// `causal-memory`.
    CausalMemory,
    /// `pram-classic`.
    PramClassic,
    /// A weak transactional model, by its axiom.
    Transactions(Isolation),
    /// `convergence`: judged apart, on every data type; run by default only where there are quiescent reads.
    Convergence,
}

/// The weak transactional models (Biswas & Enea, OOPSLA'19, Fig. 2), weaker ones first: there is a total order co ⊇ so ∪ wr of the
/// transactions such that for every t3 with an external read of x from t1, each other t2 that writes x and that t3 *saw* has t2 co t1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Isolation {
    /// t3 saw t2: it read something from t2 earlier in its program than x from t1.
    ReadCommitted,
    /// t3 saw t2: t2 so t3 or t2 wr t3.
    ReadAtomic,
    /// t3 saw t2: t2 hb t3, over whole transactions.
    TransactionalCausal,
}

impl Isolation {
    /// Every one, weaker ones first.
    pub const ALL: [Isolation; 3] = [Isolation::ReadCommitted, Isolation::ReadAtomic, Isolation::TransactionalCausal];
}

/// A set of session guarantees (Terry et al., PDIS'94): a subset of {RYW, MR, MW, WFR}.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Guarantees(pub u8);

impl Guarantees {
    /// No guarantee at all: rules 1, 2 and 7 only.
    pub const NONE: Self = Self(0);
    /// Read your writes.
    pub const RYW: Self = Self(1);
    /// Monotonic reads.
    pub const MR: Self = Self(2);
    /// Monotonic writes.
    pub const MW: Self = Self(4);
    /// Writes follow reads.
    pub const WFR: Self = Self(8);
    /// All four: causal convergence.
    pub const ALL: Self = Self(15);

    /// Every one of the 16 subsets, smaller sets first.
    pub fn subsets() -> impl Iterator<Item = Self> {
        let mut all: Vec<Self> = (0..16).map(Self).collect();
        all.sort_by_key(|g| (g.0.count_ones(), g.0));
        all.into_iter()
    }

    /// The union.
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Is `other` a subset?
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The names of the guarantees in the set.
    pub fn names(self) -> Vec<&'static str> {
        [
            (Self::RYW, "read-your-writes"),
            (Self::MR, "monotonic-reads"),
            (Self::MW, "monotonic-writes"),
            (Self::WFR, "writes-follow-reads"),
        ]
        .into_iter()
        .filter(|&(g, _)| self.contains(g))
        .map(|(_, name)| name)
        .collect()
    }
}

/// Every model, stronger ones after those they imply.
pub const MODELS: &[Model] = &[
    Model {
        name: "well-formed",
        promise: "every value read was written, by a transaction that committed it, and not later",
        rule: "no thin-air, aborted, intermediate, internal or future read",
        citation: "Adya, Weak Consistency: A Generalized Theory (MIT 1999), G1a and G1b; Biswas & Enea (OOPSLA'19)",
        implies: &[],
        by_default: true,
        checker: Checker::WellFormed,
    },
    Model {
        name: "read-your-writes",
        promise: "a session sees its own earlier writes, or newer ones",
        rule: "vis/ar form with G = {RYW}",
        citation: "Terry et al., Session Guarantees for Weakly Consistent Replicated Data (PDIS'94), section 3.1",
        implies: &["well-formed"],
        by_default: true,
        checker: Checker::Guarantees(Guarantees::RYW),
    },
    Model {
        name: "monotonic-reads",
        promise: "a session never goes back in time: what it has seen, it goes on seeing",
        rule: "vis/ar form with G = {MR}",
        citation: "Terry et al. (PDIS'94), section 3.2",
        implies: &["well-formed"],
        by_default: true,
        checker: Checker::Guarantees(Guarantees::MR),
    },
    Model {
        name: "monotonic-writes",
        promise: "whoever sees a write sees the earlier writes of its session, in their order",
        rule: "vis/ar form with G = {MR, MW}: as a monotonic reader sees it",
        citation: "Terry et al. (PDIS'94), section 3.4; Brzeziński, Sobaniec, Wawrzyniak (PDP'04)",
        implies: &["monotonic-reads"],
        by_default: true,
        checker: Checker::Guarantees(Guarantees::MR.with(Guarantees::MW)),
    },
    Model {
        name: "writes-follow-reads",
        promise: "whoever sees a write sees what its session had read before it: no answer without its question",
        rule: "vis/ar form with G = {MR, WFR}: as a monotonic reader sees it",
        citation: "Terry et al. (PDIS'94), section 3.3; Brzeziński, Sobaniec, Wawrzyniak (PDP'04)",
        implies: &["monotonic-reads"],
        by_default: true,
        checker: Checker::Guarantees(Guarantees::MR.with(Guarantees::WFR)),
    },
    Model {
        name: "pram",
        promise: "everybody sees each session's writes in that session's order, its own at once",
        rule: "vis/ar form with G = {RYW, MR, MW}: one write order for all",
        citation: "Lipton & Sandberg, PRAM (1988); Viotti & Vukolić (CSUR'16)",
        implies: &["read-your-writes", "monotonic-writes"],
        by_default: true,
        checker: Checker::Guarantees(Guarantees::RYW.with(Guarantees::MR).with(Guarantees::MW)),
    },
    Model {
        name: "pram-classic",
        promise: "each session can explain its reads by some order of all writes that keeps every session's order",
        rule: "for each session: its HB over so and the wr edges into its own reads is acyclic and explains initial reads",
        citation: "Lipton & Sandberg, PRAM (1988); its bad patterns after those of causal memory, Bouajjani et al. (POPL'17)",
        implies: &["well-formed"],
        by_default: false,
        checker: Checker::PramClassic,
    },
    Model {
        name: "causal-weak",
        promise: "no read returns a value that something in its causal past had overwritten",
        rule: "CC: hb acyclic, no write-co-init-read, no write-co-read",
        citation: "Bouajjani, Enea, Guerraoui, Hamza, On Verifying Causal Consistency (POPL'17), CC",
        implies: &["well-formed"],
        by_default: true,
        checker: Checker::CausalWeak,
    },
    Model {
        name: "causal",
        promise: "no effect is seen before its cause, and concurrent writes have one order for everybody",
        rule: "CCv: vis/ar form with all four guarantees",
        citation: "Bouajjani et al. (POPL'17), CCv; Burckhardt, Principles of Eventual Consistency (2014), causal consistency",
        implies: &["pram", "writes-follow-reads", "causal-weak"],
        by_default: true,
        checker: Checker::Guarantees(Guarantees::ALL),
    },
    Model {
        name: "causal-memory",
        promise: "each session can explain all its reads by one order of its causal past",
        rule: "CM: CC, and for each session the least HB is acyclic and explains initial reads",
        citation: "Ahamad, Neiger, Burns, Kohli, Hutto, Causal Memory (1995); Bouajjani et al. (POPL'17), CM",
        implies: &["causal-weak", "pram-classic"],
        by_default: true,
        checker: Checker::CausalMemory,
    },
    Model {
        name: "read-committed",
        promise: "a transaction that saw another one's write does not afterwards read what that one overwrote",
        rule: "t3 reads x from t1 after it read anything from t2, which writes x: t2 co t1; co ⊇ so ∪ wr a total order of transactions",
        citation: "Biswas & Enea, On the Complexity of Checking Transactional Consistency (OOPSLA'19), Fig. 2a",
        implies: &["well-formed"],
        by_default: false,
        checker: Checker::Transactions(Isolation::ReadCommitted),
    },
    Model {
        name: "read-atomic",
        promise: "a transaction sees all of another one's writes or none, and all of its session's earlier ones",
        rule: "t3 reads x from t1, t2 so t3 or t2 wr t3, t2 writes x: t2 co t1; co ⊇ so ∪ wr a total order of transactions",
        citation: "Biswas & Enea (OOPSLA'19), Fig. 2b; Bailis et al., Scalable Atomic Visibility with RAMP Transactions (SIGMOD'14)",
        implies: &["read-committed"],
        by_default: false,
        checker: Checker::Transactions(Isolation::ReadAtomic),
    },
    Model {
        name: "transactional-causal",
        promise: "no effect is seen before its cause, and of each transaction all writes are seen or none",
        rule: "t3 reads x from t1, t2 hb t3, t2 writes x: t2 co t1; co ⊇ so ∪ wr a total order of transactions",
        citation: "Biswas & Enea (OOPSLA'19), Fig. 2c; Møldrup & Pavlogiannis, AWDIT (PLDI'25)",
        implies: &["causal", "read-atomic"],
        by_default: false,
        checker: Checker::Transactions(Isolation::TransactionalCausal),
    },
    Model {
        name: "convergence",
        promise: "the replicas end up the same, with every acknowledged write in and nothing that failed or was removed",
        rule: "per key, over the quiescent reads: not divergent, no lost write, nothing resurrected, not stale for ever",
        citation: "Vogels, Eventually Consistent (CACM 2009); Burckhardt, Principles of Eventual Consistency (2014), section 5",
        implies: &[],
        by_default: true,
        checker: Checker::Convergence,
    },
];

/// The model of a name.
pub fn find(name: &str) -> Option<&'static Model> {
    MODELS.iter().find(|model| model.name == name)
}

/// Every model that `name` implies, directly or not, in the order of [`MODELS`]; `name` itself is not among them.
pub fn implied(name: &str) -> Vec<&'static str> {
    let mut found = vec![name];
    let mut next = 0;
    while next < found.len() {
        for &weaker in find(found[next]).map_or(&[][..], |model| model.implies) {
            if !found.contains(&weaker) {
                found.push(weaker);
            }
        }
        next += 1;
    }
    MODELS.iter().map(|model| model.name).filter(|&m| m != name && found.contains(&m)).collect()
}
