//! *Oracle*: each model straight from its definition, by enumeration of orders, over tens of thousands of random small histories with
//! fixed seeds: of registers ([`agree`]) and of lists, sets and counters ([`typed_run`]). The checkers, second checkers made of bad
//! patterns, and broken ones are held to it.

mod agree;
mod broken;
mod decorate;
mod generate;
mod guarantee;
mod judge;
mod known;
mod known_types;
mod matching;
mod plain;
mod plain_types;
mod reading;
mod replicas;
mod rng;
mod sound;
mod toy;
mod transacting;
mod transaction;
mod typed;
mod typed_run;
mod types;
mod view;
