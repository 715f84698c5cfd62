//! The oracle: what each model answers, from the facts ([`crate::reading`]) and the enumerations ([`crate::guarantee`], [`crate::view`]).
//!
//! Malformed reads violate every model and are left out of the rest; ambiguous reads are left out, and where the rest is satisfied a
//! model that could have depended on one is unknown.

use testimony::check::WriteOrder;
use testimony::model::{Checker, Guarantees, MODELS};
use testimony::verdict::Verdict;

use crate::decorate::Settings;
use crate::guarantee::{Recorded, Under};
use crate::reading::{self, LeftOut, Reading};
use crate::toy::{Op, Toy};
use crate::view;

/// What the oracle says.
#[derive(Clone, PartialEq, Debug)]
pub struct Answer {
    /// One verdict a model, in the order of [`MODELS`].
    pub verdicts: Vec<Verdict>,
    /// For the models that are sets of guarantees: how many reads are stale, in how many sessions.
    pub stale: Vec<Option<(u64, u64)>>,
    /// The minimal violated sets of guarantees, ascending.
    pub minimal: Vec<Guarantees>,
    /// Reads left out of every inference.
    pub skipped: u64,
}

/// Judges by definition.
pub fn judge(toy: &Toy, settings: Settings) -> Answer {
    let reading = reading::read(toy, settings.unmatched);
    let recorded = Recorded::new(toy, &reading, settings.write_order);
    let satisfied: Vec<bool> = (0..16).map(|g| Under::new(&reading, &recorded, Guarantees(g)).exists()).collect();
    let malformed = !reading.anomalies.is_empty();
    let verdict = |checker: Checker| {
        let holds = match checker {
            Checker::WellFormed => true,
            Checker::Guarantees(g) => satisfied[g.0 as usize],
            Checker::CausalWeak => view::causal_weak(&reading),
            Checker::CausalMemory => view::causal_memory(&reading),
            Checker::PramClassic => view::pram_classic(&reading),
        };
        if malformed || !holds {
            Verdict::Violated
        } else if reading.left_out.iter().any(|read| could_matter(toy, read, checker)) || without_times(toy, settings, checker) {
            Verdict::Unknown
        } else {
            Verdict::Satisfied
        }
    };
    let stale = |checker: Checker| match checker {
        Checker::Guarantees(g) => Some(Under::new(&reading, &recorded, g).stale()),
        _ => None,
    };
    Answer {
        verdicts: MODELS.iter().map(|model| verdict(model.checker)).collect(),
        stale: MODELS.iter().map(|model| stale(model.checker)).collect(),
        minimal: minimal(&satisfied),
        skipped: (reading.left_out.len() + reading.ignored) as u64,
    }
}

/// The facts of a history, for tests that look at them.
pub fn facts(toy: &Toy, settings: Settings) -> (Reading, Recorded) {
    let reading = reading::read(toy, settings.unmatched);
    let recorded = Recorded::new(toy, &reading, settings.write_order);
    (reading, recorded)
}

/// The violated sets of which no proper subset is violated.
fn minimal(satisfied: &[bool]) -> Vec<Guarantees> {
    let violated: Vec<Guarantees> = Guarantees::subsets().filter(|g| !satisfied[g.0 as usize]).collect();
    let mut minimal: Vec<Guarantees> =
        violated.iter().copied().filter(|g| violated.iter().all(|smaller| smaller == g || !g.contains(*smaller))).collect();
    minimal.sort_unstable();
    minimal
}

/// Could the verdict depend on this ambiguous read? Any verdict could where the read may be malformed. Else what a session sees under RYW
/// is its own writes of the key, and under MR what it did with the key besides; whether these happened is not asked.
fn could_matter(toy: &Toy, read: &LeftOut, checker: Checker) -> bool {
    let of_key = |(txn, op): (usize, &Op)| toy.txns[txn].session == read.session && op.key == read.key;
    let mut own = toy.ops().enumerate().filter(|&(_, placed)| of_key(placed));
    match checker {
        _ if read.maybe_malformed => true,
        Checker::WellFormed => false,
        Checker::Guarantees(Guarantees::RYW) => own.any(|(_, (_, op))| op.writes().is_some()),
        Checker::Guarantees(Guarantees::MR) => own.any(|(index, (_, op))| index != read.op || op.writes().is_some()),
        _ => true,
    }
}

/// Was an order asked for that the recording has nothing of?
fn without_times(toy: &Toy, settings: Settings, checker: Checker) -> bool {
    settings.write_order == WriteOrder::RealTime
        && matches!(checker, Checker::Guarantees(_))
        && toy.txns.iter().all(|txn| txn.invoke.is_none() || txn.complete.is_none())
}
