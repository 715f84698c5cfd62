//! The relations that models are defined on, each derived once from the history: session order, write-read, and the one implicit graph
//! whose paths are visibility and arbitration.

pub(crate) mod budget;
pub(crate) mod chains;
pub(crate) mod collections;
pub(crate) mod components;
pub(crate) mod csr;
pub(crate) mod digraph;
pub(crate) mod events;
pub(crate) mod facts;
pub(crate) mod graph;
pub(crate) mod guess;
pub(crate) mod layout;
pub(crate) mod links;
pub(crate) mod matching;
pub(crate) mod one_key;
pub(crate) mod overwritten;
mod pipeline;
pub(crate) mod reach;
pub(crate) mod recorded;
pub(crate) mod session_order;
pub(crate) mod side_by_side;
pub(crate) mod touches;
pub(crate) mod transactions;
pub(crate) mod zeroed;
