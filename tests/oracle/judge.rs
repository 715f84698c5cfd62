//! The oracle: what each model answers, from the facts ([`crate::reading`]) and the enumerations ([`crate::guarantee`], [`crate::view`],
//! [`crate::transaction`]).
//!
//! Malformed reads violate every model and are left out of the rest; ambiguous reads are left out, and where the rest is satisfied a
//! model that could have depended on one is unknown. So are the transactional models where a key is no register.

use testimony::history::{DataType, Status};
use testimony::model::{Checker, Guarantees, Isolation, MODELS};
use testimony::verdict::Verdict;

use crate::decorate::Settings;
use crate::guarantee::{Recorded, Under};
use crate::reading::{self, LeftOut, Reading};
use crate::toy::{Act, Toy};
use crate::transaction::Transactions;
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
    let transactions = Transactions::new(toy, &reading);
    let registers = toy.ops().all(|(_, op)| toy.key_type(op.key) == DataType::Register);
    let not_judged = |checker: Checker| matches!(checker, Checker::Transactions(_)) && !registers;
    let malformed = !reading.anomalies.is_empty();
    let verdict = |checker: Checker| {
        let holds = match checker {
            Checker::WellFormed => true,
            Checker::Guarantees(g) => satisfied[g.0 as usize],
            Checker::CausalWeak => view::causal_weak(&reading),
            Checker::CausalMemory => view::causal_memory(&reading),
            Checker::PramClassic => view::pram_classic(&reading),
            Checker::Transactions(isolation) => {
                let implied = isolation != Isolation::TransactionalCausal || satisfied[Guarantees::ALL.0 as usize];
                implied && transactions.holds(isolation)
            }
            // No read of a toy is marked final; convergence has an oracle of its own.
            Checker::Convergence => return Verdict::Unknown,
        };
        if malformed || !holds {
            Verdict::Violated
        } else if not_judged(checker) || reading.left_out.iter().any(|read| could_matter(toy, read, checker)) {
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

/// Could the verdict depend on this ambiguous read? What a session sees under RYW is its own writes of the key, under MR what it did with
/// the key besides; a read that may be malformed could violate any model, and one that returned any of several good values is well-formed.
fn could_matter(toy: &Toy, read: &LeftOut, checker: Checker) -> bool {
    let beside = |what: &dyn Fn(Status, &Act) -> bool| {
        toy.ops().enumerate().any(|(index, (txn, op))| {
            let txn = &toy.txns[txn];
            let own_write = index == read.op && op.act.changes();
            let counts = own_write || index != read.op;
            counts && txn.session == read.session && op.key == read.key && what(txn.status, &op.act)
        })
    };
    match checker {
        _ if read.maybe_malformed => true,
        Checker::WellFormed => false,
        // Lists contradict each other whatever their sessions see.
        _ if read.orders => true,
        Checker::Guarantees(Guarantees::RYW) => beside(&|status, act| status != Status::Fail && act.changes()),
        Checker::Guarantees(Guarantees::MR) => {
            beside(&|status, act| if act.changes() { status != Status::Fail } else { status == Status::Ok })
        }
        _ => true,
    }
}
