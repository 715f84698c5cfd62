//! Mutations: proofs that are right stand, and whatever is changed about one makes it fall.
//!
//! Purpose: the verifier is the last word on a verdict, so it must refuse what it cannot follow. `mutate` changes any proof in every small
//! way; `witnesses` holds it to hand-made witnesses of every kind, `produced` to what the checkers prove of random histories; `certificates`
//! holds the checks of certificates to the definitions.

mod certificates;
mod collections;
mod commit_orders;
mod definition;
mod ends;
mod mutate;
mod produced;
mod scenario;
mod transactions;
mod witnesses;

// Histories as the oracle makes and reads them, and its commit orders.
#[allow(dead_code, reason = "the oracle uses the rest")]
#[path = "../oracle/decorate.rs"]
mod decorate;
#[path = "../oracle/generate.rs"]
mod generate;
#[allow(dead_code, reason = "the oracle uses the rest")]
#[path = "../oracle/matching.rs"]
mod matching;
#[allow(dead_code, reason = "the oracle uses the rest")]
#[path = "../oracle/reading.rs"]
mod reading;
#[allow(dead_code, reason = "the oracle uses the rest")]
#[path = "../oracle/rng.rs"]
mod rng;
#[allow(dead_code, reason = "the oracle uses the rest")]
#[path = "../oracle/toy.rs"]
mod toy;
#[path = "../oracle/transacting.rs"]
mod transacting;
#[allow(dead_code, reason = "the oracle uses the rest")]
#[path = "../oracle/transaction.rs"]
mod transaction;
