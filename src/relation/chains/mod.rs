//! hb of a history whose sessions are sequential, in its plainest form: chains of events, and at most one edge into each from another
//! chain.
//!
//! The events of a session follow one another; a read also follows the write that it returned. An observed `info` write is a chain of
//! its own, which follows the last event that precedes it in its session. Nothing of that needs to be stored beside the events, and
//! the passes that `causal` is made of run along it: [`order`] lays events out, [`sweep`] looks for reads that the
//! order does not explain, [`mend`] moves what a few new constraints concern and looks only at the reads that this may matter to.

pub(crate) mod key_order;
pub(crate) mod mend;
pub(crate) mod order;
pub(crate) mod sweep;
mod walk;

use std::borrow::Cow;

use crate::history::{History, SessionId};

use super::events::{Events, NONE};
use super::session_order::SessionOrder;

/// The chains of a history of registers.
pub(crate) struct Chains<'a> {
    pub(crate) events: &'a Events,
    /// By event: its chain. Sessions come first, observed `info` writes behind them.
    pub(crate) chain: Cow<'a, [u32]>,
    /// By event: what it follows beside the one before it in its chain; from [`NONE`] upward, nothing.
    pub(crate) cross: Cow<'a, [u32]>,
    /// By chain: its first event.
    pub(crate) starts: Vec<u32>,
}

impl<'a> Chains<'a> {
    /// `None` where a session overlaps, or where reads show many writes (lists, sets, counters).
    pub(crate) fn new(history: &History, so: &SessionOrder, events: &'a Events) -> Option<Self> {
        if so.overlapping_sessions() > 0 || events.any_collection() {
            return None;
        }
        let sessions = events.chain_ends.len();
        let mut chains = Chains {
            events,
            chain: Cow::Borrowed(&events.session),
            cross: Cow::Borrowed(&events.source),
            starts: events.starts[..sessions].to_vec(),
        };
        for s in 0..sessions {
            for info in events.chain_ends[s]..events.starts[s + 1] {
                chains.chain.to_mut()[info as usize] = chains.starts.len() as u32;
                chains.starts.push(info);
                let before = events.preceding_info(history, so, SessionId::new(s), info);
                chains.cross.to_mut()[info as usize] = before.checked_sub(1).filter(|&e| e >= events.starts[s]).unwrap_or(NONE);
            }
        }
        Some(chains)
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.starts.len()
    }
}
