//! EDN, read as Clojure's reader would: a tokenizer over bytes, and a reader that turns one form at a time into a
//! [tape](super::form::Tape) or skips it.
//!
//! Neither recurses. What is skipped (a stack trace, a discarded form) is tokenized but not built. Source: the EDN specification
//! (github.com/edn-format/edn), and Clojure's reader where the specification is silent.

#[cfg(test)]
mod differential;
mod number;
mod plain;
mod reader;
mod token;
mod write;

pub(super) use plain::PlainKey;
pub(super) use reader::Reader;
pub(super) use token::{Shape, Token};
pub(super) use write::{json_as_edn, value_text};
