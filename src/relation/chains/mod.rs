//! hb as chains of nodes with a few edges from chain to chain, and the passes along it that `causal` and `transactional-causal` are made
//! of: [`order`] lays nodes out, [`sweep`] looks for reads that the order does not explain, [`mend`] moves what a few new constraints
//! concern and looks only at the reads that this may matter to.
//!
//! A node is what sees and is seen as a whole ([`Nodes`]): an operation, or a transaction. Of operations hb is there already, without
//! anything stored beside the events, where sessions are sequential ([`Chains`]): the events of a session follow one another; a read
//! also follows the write that it returned; an observed `info` write is a chain of its own, which follows the last event that precedes
//! it in its session.

pub(crate) mod explain;
pub(crate) mod key_order;
pub(crate) mod mend;
pub(crate) mod order;
#[cfg(test)]
mod plain;
pub(crate) mod sweep;
mod walk;

use std::borrow::Cow;

use crate::history::{History, SessionId};

use super::digraph::Digraph;
use super::events::{Events, NONE, WRITE};
use super::session_order::SessionOrder;

/// Nodes in chains. The nodes of one chain are numbered one after another.
pub(crate) trait Nodes: Sync {
    /// How many nodes.
    fn len(&self) -> usize;

    /// How many chains.
    fn chains(&self) -> usize;

    /// The chain of a node.
    fn chain(&self, node: u32) -> usize;

    /// The first node of a chain.
    fn start(&self, chain: usize) -> u32;

    /// One past its last node.
    fn end(&self, chain: usize) -> u32;

    /// What a node follows beside the one before it in its chain and what it read from.
    fn follows(&self, node: u32) -> Option<u32>;

    /// What a node follows beside the one before it in its chain.
    fn cross(&self, node: u32) -> impl Iterator<Item = u32> + '_;

    /// Calls back with what it read and wrote, in program order; it reads no key that it wrote before.
    fn did(&self, node: u32, each: impl FnMut(Did));

    /// What it read.
    fn reads(&self, node: u32) -> impl Iterator<Item = Read> + '_;

    /// The keys that it wrote, each once.
    fn writes(&self, node: u32) -> impl Iterator<Item = u32> + '_;

    /// By key: how many writes there are of the keys before it, or more; and at the end of all.
    fn key_starts(&self) -> &[u32];

    /// The nodes that write a key, ascending.
    fn writes_of(&self, key: u32) -> &[u32];
}

/// A read of a node.
#[derive(Clone, Copy)]
pub(crate) struct Read {
    /// The event, which says which of a node's reads it is.
    pub(crate) event: u32,
    pub(crate) key: u32,
    /// The node that wrote what it returned; [`NONE`] for the initial value.
    pub(crate) source: u32,
}

/// What a node did.
pub(crate) enum Did {
    Read(Read),
    /// Of a key.
    Write(u32),
}

/// hb of nodes as a graph.
pub(crate) struct Hb<'a, N>(pub(crate) &'a N);

impl<N: Nodes> Digraph for Hb<'_, N> {
    fn nodes(&self) -> usize {
        self.0.len()
    }

    #[inline]
    fn sources(&self, node: u32, mut each: impl FnMut(u32)) {
        if node > self.0.start(self.0.chain(node)) {
            each(node - 1);
        }
        self.0.cross(node).for_each(each);
    }
}

/// The chains of a history of registers, by operation.
pub(crate) struct Chains<'a> {
    pub(crate) events: &'a Events,
    /// By event: its chain. Sessions come first, observed `info` writes behind them.
    chain: Cow<'a, [u32]>,
    /// By event: what it follows beside the one before it in its chain; from [`NONE`] upward, nothing.
    cross: Cow<'a, [u32]>,
    /// By chain: its first event, and one past its last.
    starts: Vec<u32>,
    ends: Vec<u32>,
}

impl<'a> Chains<'a> {
    /// `None` where a session overlaps, or where reads show many writes (lists, sets, counters).
    pub(crate) fn new(history: &History, so: &SessionOrder, events: &'a Events) -> Option<Self> {
        if so.overlapping_sessions() > 0 || events.any_collection() {
            return None;
        }
        Some(Self::following(events, |s, info| events.preceding_info(history, so, SessionId::new(s), info)))
    }

    /// More than hb, where sessions overlap: whatever such a session did follows what it did before in an order that extends hb, of which
    /// this is the place of each event. `None` where that is not how its events are numbered, or where reads show many writes.
    pub(crate) fn along(history: &History, so: &SessionOrder, events: &'a Events, place: &[u32]) -> Option<Self> {
        let chain = |s: usize| &place[events.starts[s] as usize..events.chain_ends[s] as usize];
        let overlapping = |&s: &usize| so.overlap(SessionId::new(s));
        if events.any_collection() || !(0..events.chain_ends.len()).filter(overlapping).all(|s| chain(s).is_sorted()) {
            return None;
        }
        Some(Self::following(events, |s, info| match overlapping(&s) {
            true => events.starts[s] + chain(s).partition_point(|&before| before < place[info as usize]) as u32,
            false => events.preceding_info(history, so, SessionId::new(s), info),
        }))
    }

    /// `before` tells of a session and an observed `info` write of it one past the last event of its chain that the write follows.
    fn following(events: &'a Events, before: impl Fn(usize, u32) -> u32) -> Self {
        let sessions = events.chain_ends.len();
        let mut chains = Chains {
            events,
            chain: Cow::Borrowed(&events.session),
            cross: Cow::Borrowed(&events.source),
            starts: events.starts[..sessions].to_vec(),
            ends: events.chain_ends.clone(),
        };
        for s in 0..sessions {
            for info in events.chain_ends[s]..events.starts[s + 1] {
                chains.chain.to_mut()[info as usize] = chains.starts.len() as u32;
                chains.starts.push(info);
                chains.ends.push(info + 1);
                let before = before(s, info);
                chains.cross.to_mut()[info as usize] = before.checked_sub(1).filter(|&e| e >= events.starts[s]).unwrap_or(NONE);
            }
        }
        chains
    }

    /// What an event follows beside the one before it in its chain.
    #[inline]
    pub(crate) fn followed(&self, event: u32) -> Option<u32> {
        Some(self.cross[event as usize]).filter(|&from| from < NONE)
    }
}

impl Nodes for Chains<'_> {
    fn len(&self) -> usize {
        self.events.len()
    }

    fn chains(&self) -> usize {
        self.starts.len()
    }

    #[inline]
    fn chain(&self, node: u32) -> usize {
        self.chain[node as usize] as usize
    }

    #[inline]
    fn start(&self, chain: usize) -> u32 {
        self.starts[chain]
    }

    #[inline]
    fn end(&self, chain: usize) -> u32 {
        self.ends[chain]
    }

    #[inline]
    fn cross(&self, node: u32) -> impl Iterator<Item = u32> + '_ {
        self.followed(node).into_iter()
    }

    #[inline]
    fn follows(&self, node: u32) -> Option<u32> {
        // Sessions follow nothing else.
        if self.chain(node) < self.events.chain_ends.len() { None } else { self.followed(node) }
    }

    #[inline]
    fn did(&self, node: u32, mut each: impl FnMut(Did)) {
        let (key, source) = (self.events.key[node as usize], self.events.source[node as usize]);
        each(if source == WRITE { Did::Write(key) } else { Did::Read(Read { event: node, key, source }) });
    }

    #[inline]
    fn reads(&self, node: u32) -> impl Iterator<Item = Read> + '_ {
        let source = self.events.source[node as usize];
        (source != WRITE).then(|| Read { event: node, key: self.events.key[node as usize], source }).into_iter()
    }

    #[inline]
    fn writes(&self, node: u32) -> impl Iterator<Item = u32> + '_ {
        (self.events.source[node as usize] == WRITE).then(|| self.events.key[node as usize]).into_iter()
    }

    fn key_starts(&self) -> &[u32] {
        &self.events.key_starts
    }

    fn writes_of(&self, key: u32) -> &[u32] {
        self.events.writes_of(key)
    }
}
