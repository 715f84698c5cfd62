//! Witnesses: shrunk to the shortest contradiction, verified independently of the checkers, explained in sentences.
pub mod explain;
