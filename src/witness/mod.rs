//! Witnesses: shrunk to the shortest contradiction, verified independently of the checkers, explained in sentences.

pub mod explain;
mod search;
pub(crate) mod shrink;
pub(crate) mod transactions;
mod verify;

pub use verify::{Refusal, Verifier, verify, verify_certificate};
