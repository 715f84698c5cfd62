//! Witnesses: shrunk to the shortest contradiction, verified independently of the checkers, explained in sentences.

pub(crate) mod shrink;
pub mod explain;
mod verify;

pub use verify::{Refusal, Verifier, verify, verify_certificate};
