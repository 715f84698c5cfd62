//! Mutations: proofs that are right stand, and whatever is changed about one makes it fall.
//!
//! Purpose: the verifier is the last word on a verdict, so it must refuse what it cannot follow. `mutate` changes any proof in every small
//! way; `witnesses` holds it to hand-made witnesses of every kind, `produced` to what the checkers prove of random histories; `certificates`
//! holds the checks of certificates to the definitions.

mod certificates;
mod collections;
mod definition;
mod ends;
mod mutate;
mod produced;
mod scenario;
mod witnesses;

// Histories as the oracle makes them.
#[allow(dead_code, reason = "the oracle uses the rest")]
#[path = "../oracle/decorate.rs"]
mod decorate;
#[path = "../oracle/generate.rs"]
mod generate;
#[allow(dead_code, reason = "the oracle uses the rest")]
#[path = "../oracle/rng.rs"]
mod rng;
#[allow(dead_code, reason = "the oracle uses the rest")]
#[path = "../oracle/toy.rs"]
mod toy;
