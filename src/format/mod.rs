//! Formats: bytes in, [`History`](crate::history::History) out, and back for `convert`.
