//! *Oracle*: each model straight from its definition, by enumeration of orders, over tens of thousands of random small histories with
//! fixed seeds. The checkers, a second checker made of bad patterns, and twenty broken ones are held to it.

mod agree;
mod broken;
mod decorate;
mod generate;
mod guarantee;
mod judge;
mod known;
mod plain;
mod reading;
mod rng;
mod sound;
mod toy;
mod view;
