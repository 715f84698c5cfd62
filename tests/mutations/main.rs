//! Mutations: proofs that are right stand, and whatever is changed about one makes it fall.
//!
//! Purpose: the verifier is the last word on a verdict, so it must refuse what it cannot follow. `mutate` changes any proof in every small
//! way; `witnesses` holds it to hand-made witnesses of every kind; `certificates` holds the checks of certificates to the definitions.

mod certificates;
mod definition;
mod ends;
mod mutate;
mod scenario;
mod witnesses;
