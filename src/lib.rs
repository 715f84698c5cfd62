//! Testimony is a consistency checker for recorded histories: from what clients of a replicated store wrote and read it decides whether
//! a store with the session guarantees, PRAM or causal consistency can have produced it, and if not, shows the few operations that
//! contradict each other.
//!
//! # In short
//!
//! Build a [`History`](history::History), [check](check::check) models, get a [`Report`](report::Report):
//!
//! ```
//! use testimony::{check, history::HistoryBuilder, model, report, verdict::Verdict};
//!
//! let mut recording = HistoryBuilder::new();
//! recording.session("alice").write("photo", "p1").write("photo", "p2").read("photo", "p1");
//! recording.session("bob").read("photo", "p2");
//! let history = recording.finish()?;
//!
//! let options = check::Options { models: vec![model::find("causal").unwrap()], ..check::Options::default() };
//! let judged = check::check(&history, &options);
//! assert_eq!(judged.judgements[0].verdict, Verdict::Violated);
//!
//! let about = report::Judging { path: "photos".into(), ..report::Judging::default() };
//! let report = report::Report::new(vec![report::HistoryReport::new(about, &history, &judged)], vec![]);
//! let mut text = Vec::new();
//! report::find("text").unwrap().render(&report, report::View::default(), &mut text)?;
//! assert!(String::from_utf8(text)?.contains("alice does not see its own write of photo"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The way of the data
//!
//! ```text
//! bytes → format → history → relation → model → witness → report
//! ```
//!
//! | module | what | start with |
//! |---|---|---|
//! | [`mod@format`] | recordings in and out: JSON Lines, Jepsen, Plume; packed or not | [`format::read`], [`FORMATS`](format::FORMATS) |
//! | [`history`] | what was recorded, a column a fact | [`History`](history::History), [`HistoryBuilder`](history::HistoryBuilder) |
//! | `relation` | session order, write-read, visibility: each derived once; private, its shape follows the checkers' needs | |
//! | [`model`] | the models: promise, rule, citation, what implies what | [`MODELS`](model::MODELS), [`model::find`] |
//! | [`check`] | judges a history by models within a budget | [`check::check`], [`Options`](check::Options) |
//! | [`verdict`] | satisfied, violated or unknown; a contradiction step by step | [`Judgement`](verdict::Judgement), [`Witness`](verdict::Witness) |
//! | [`witness`] | re-checks proofs against the history alone, tells them in sentences | [`witness::verify`], [`Explainer`](witness::explain::Explainer) |
//! | [`report`] | what was found as data, and as text or JSON | [`Report`](report::Report), [`REPORTERS`](report::REPORTERS) |
//!
//! Imports go one way along the data. The library opens no files and prints nothing; the command (`src/cli`) does. A violation is data,
//! never an `Err`, and what cannot be decided is [`Unknown`](verdict::Verdict::Unknown), never satisfied.
//!
//! # Features
//!
//! `cli` (on by default) builds the command and what only it needs; a library user does without: `default-features = false`.

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
