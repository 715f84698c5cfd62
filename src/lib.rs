//! Testimony checks recorded histories of replicated systems for consistency.

pub mod check;
pub mod format;
pub mod history;
pub mod model;
mod relation;
pub mod report;
pub mod verdict;
pub mod witness;

/// The README's example runs as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
