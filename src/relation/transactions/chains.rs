//! Transactions as the nodes of [`chains`](crate::relation::chains), where no session overlaps: each session's `ok` ones a chain, each
//! observed `info` one a chain of its own.

use std::sync::OnceLock;

use crate::relation::chains::{Did, Nodes, Read};
use crate::relation::events::NONE;

use super::Transactions;

/// The transactions of sequential sessions.
pub(crate) struct TransactionChains<'a> {
    transactions: &'a Transactions<'a>,
    /// By node: its chain. Sessions come first.
    chain: Vec<u32>,
    /// By chain: its first node, and one past its last.
    starts: Vec<u32>,
    ends: Vec<u32>,
    /// Where the nodes that write each key end, and these, once somebody asks.
    key_writes: OnceLock<(Vec<u32>, Vec<u32>)>,
}

impl<'a> TransactionChains<'a> {
    /// `None` where a session overlaps.
    pub(crate) fn new(transactions: &'a Transactions<'a>) -> Option<Self> {
        if !transactions.junctions.is_empty() || transactions.so.overlapping_sessions() > 0 {
            return None;
        }
        let mut chains = TransactionChains {
            transactions,
            chain: Vec::with_capacity(transactions.len()),
            starts: transactions.starts[..transactions.sessions()].to_vec(),
            ends: transactions.chain_ends.clone(),
            key_writes: OnceLock::new(),
        };
        for s in 0..transactions.sessions() {
            chains.chain.resize(transactions.chain_ends[s] as usize, s as u32);
            for info in transactions.chain_ends[s]..transactions.starts[s + 1] {
                chains.chain.push(chains.starts.len() as u32);
                chains.starts.push(info);
                chains.ends.push(info + 1);
            }
        }
        Some(chains)
    }
}

impl Nodes for TransactionChains<'_> {
    fn len(&self) -> usize {
        self.chain.len()
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
    fn follows(&self, node: u32) -> Option<u32> {
        // The first of a chain follows another chain only where it is an `info` one.
        let before = Some(self.transactions.before[node as usize]).filter(|&before| before != NONE);
        if self.chain(node) < self.transactions.sessions() { None } else { before }
    }

    #[inline]
    fn cross(&self, node: u32) -> impl Iterator<Item = u32> + '_ {
        self.follows(node).into_iter().chain(self.reads(node).map(|read| read.source).filter(|&source| source != NONE))
    }

    #[inline]
    fn did(&self, node: u32, each: impl FnMut(Did)) {
        self.transactions.did(node, each);
    }

    #[inline]
    fn reads(&self, node: u32) -> impl Iterator<Item = Read> + '_ {
        self.transactions.reads_of(node).map(|read| Read { event: read.op, key: read.key, source: read.source })
    }

    #[inline]
    fn writes(&self, node: u32) -> impl Iterator<Item = u32> + '_ {
        self.transactions.writes_of(node).map(|(_, key)| key)
    }

    fn key_starts(&self) -> &[u32] {
        &self.transactions.matching.key_writes
    }

    fn writes_of(&self, key: u32) -> &[u32] {
        let starts = self.key_starts();
        let (ends, writes) = self.key_writes.get_or_init(|| {
            let mut ends = starts.to_vec();
            let mut writes = vec![0; starts[starts.len() - 1] as usize];
            for node in 0..self.len() as u32 {
                for key in self.writes(node) {
                    writes[ends[key as usize] as usize] = node;
                    ends[key as usize] += 1;
                }
            }
            (ends, writes)
        });
        &writes[starts[key as usize] as usize..ends[key as usize] as usize]
    }
}
