//! The history as transactions: the nodes of the weak transactional models (models.md 7), with so and wr between whole transactions.
//!
//! A node is an `ok` transaction with a matched external read or a last write of a register, or an `info` one whose write a read
//! returned. What a transaction reads and writes are its operations, neighbours in the history's columns, so beside those there are two
//! more columns by operation, what it read from and what it writes for others to see, and where session order comes in at each node: the
//! transaction before it in its session or, where the session overlaps, a *junction* that stands for several, as in [`links`](super::links). Cost:
//! O(n), two numbers an operation and three a transaction.

pub(crate) mod chains;

use std::borrow::Cow;
use std::hint::select_unpredictable;
use std::ops::Range;

use rayon::prelude::*;

use crate::history::{DataType, History, KeyId, OpId, SessionId, Status, TxnId};

use super::chains::Did;
use super::chains::Read as ReadOf;
use super::digraph::Digraph;
use super::events::NONE;
use super::graph::{Extra, Reason};
use super::guess::Moments;
use super::matching::{INITIAL, Matching, NO_WRITER, SHOWN};
use super::session_order::{Moment, SessionOrder};

/// The transactions of a history.
pub(crate) struct Transactions<'a> {
    pub(crate) history: &'a History,
    so: &'a SessionOrder,
    matching: &'a Matching,
    /// By operation: the node that it read from, [`NONE`] for the initial value, or [`NO_READ`].
    source: Cow<'a, [u32]>,
    /// By operation: the key that it writes last in its transaction, or [`NONE`].
    written: Vec<u32>,
    /// By node: its transaction. Session by session, each session's `ok` ones in sequence, its `info` ones behind them. (As the sessions'
    /// sequence has them, where each is an event by itself.)
    txn: Cow<'a, [u32]>,
    /// By transaction: its node, or [`NONE`].
    node: Cow<'a, [u32]>,
    /// By node: the node or junction that stands for what precedes it in its session, or [`NONE`].
    before: Vec<u32>,
    /// Junction j is node `len() + j`: the ways back from it.
    junctions: Vec<[u32; 2]>,
    /// Session s has the nodes `starts[s]..starts[s + 1]`, of which those before `chain_ends[s]` are `ok`.
    starts: Vec<u32>,
    chain_ends: Vec<u32>,
    /// Is every key a register?
    registers_only: bool,
}

/// In [`Transactions::source`]: the operation is no matched external read of a register.
const NO_READ: u32 = u32::MAX;

/// A matched external read of a register.
#[derive(Clone, Copy)]
pub(crate) struct Read {
    pub(crate) op: u32,
    pub(crate) key: u32,
    /// The node whose value it returned, or [`NONE`] for the initial value.
    pub(crate) source: u32,
}

impl<'a> Transactions<'a> {
    /// `plain` tells whether every transaction is an [event](super::events::plain) by itself.
    pub(crate) fn new(history: &'a History, so: &'a SessionOrder, matching: &'a Matching, plain: bool) -> Self {
        let mut this = Transactions {
            history,
            so,
            matching,
            source: Cow::Borrowed(&matching.writer),
            written: Vec::new(),
            txn: Cow::Borrowed(&so.sequence),
            node: Cow::Borrowed(&so.place),
            before: Vec::new(),
            junctions: Vec::new(),
            starts: so.starts.clone(),
            chain_ends: so.starts[1..].to_vec(),
            registers_only: history.key_types.iter().all(|&t| t == DataType::Register),
        };
        let all = || (0..history.operations()).into_par_iter().with_min_len(1 << 14);
        // (No branches: nothing foretells what reads and what writes.)
        this.written = all().map(|op| select_unpredictable(this.writes(op), history.op_key[op], NONE)).collect();
        if !plain {
            this.add_nodes();
        }
        // (Else every write is the node of its number.)
        if !(plain && so.as_filed()) {
            this.source = all().map(|op| this.source_of(op)).collect();
        }
        this.before = vec![NONE; this.txn.len()];
        for session in (0..history.sessions()).map(SessionId::new) {
            if so.overlap(session) { this.join(session) } else { this.chain(session) }
        }
        this
    }

    /// Those that do something.
    fn add_nodes(&mut self) {
        let (history, so) = (self.history, self.so);
        let observed = self.observed();
        let mut nodes = Vec::with_capacity(history.transactions());
        for session in (0..history.sessions()).map(SessionId::new) {
            nodes.extend(so.of(session).iter().copied().filter(|&txn| self.takes_part(txn)));
            self.chain_ends[session.index()] = nodes.len() as u32;
            if !observed.is_empty() {
                nodes.extend(so.of(session).iter().copied().filter(|txn| observed.binary_search(txn).is_ok()));
            }
            self.starts[session.index() + 1] = nodes.len() as u32;
        }
        let mut node = vec![NONE; history.transactions()];
        for (number, &txn) in (0..).zip(&nodes) {
            node[txn as usize] = number;
        }
        (self.txn, self.node) = (nodes.into(), node.into());
    }

    /// Is it `ok`, and does it read or write something?
    fn takes_part(&self, txn: u32) -> bool {
        let (history, txn) = (self.history, TxnId::new(txn as usize));
        let does = |op: OpId| self.written[op.index()] != NONE || self.reads(op);
        history.txn_status(txn) == Status::Ok && history.txn_ops(txn).any(does)
    }

    /// The `info` transactions that a read returned something of, ascending.
    fn observed(&self) -> Vec<u32> {
        let history = self.history;
        if !history.txn_status.contains(&Status::Info) {
            return Vec::new();
        }
        let written =
            self.matching.writer.iter().filter(|&&w| w < SHOWN).map(|&w| history.txn(OpId::new(w as usize)).index() as u32);
        let mut observed: Vec<u32> = written.filter(|&txn| history.txn_status[txn as usize] == Status::Info).collect();
        observed.sort_unstable();
        observed.dedup();
        observed
    }

    /// A session whose `ok` transactions follow one another.
    fn chain(&mut self, session: SessionId) {
        let (start, chain_end, end) = self.bounds(session);
        for node in start + 1..chain_end {
            self.before[node as usize] = node - 1;
        }
        for info in chain_end..end {
            // What precedes it is a prefix of the chain.
            let (mut low, mut high) = (start, chain_end);
            while low < high {
                let middle = low + (high - low) / 2;
                if self.so(middle, info) { low = middle + 1 } else { high = middle }
            }
            self.before[info as usize] = if low == start { NONE } else { low - 1 };
        }
    }

    /// A session that overlaps: one junction after another stands for what has ended, and a node follows the latest one when it begins.
    fn join(&mut self, session: SessionId) {
        let (start, chain_end, end) = self.bounds(session);
        let mut ending: Vec<u32> = (start..chain_end).collect();
        ending.sort_by_key(|&node| self.ends_at(node));
        let mut beginning: Vec<u32> = (start..end).collect();
        beginning.sort_by_key(|&node| self.begins_at(node));
        let (mut ended, mut latest) = (0, NONE);
        for node in beginning {
            while ended < ending.len() && self.ends_at(ending[ended]) < self.begins_at(node) {
                latest = self.joined(latest, ending[ended]);
                ended += 1;
            }
            self.before[node as usize] = latest;
        }
        // And some `info` ones follow whatever the file has before them.
        let follows_file = |this: &Self, node: u32| this.so.follows_file(this.txn(node));
        if (chain_end..end).any(|node| follows_file(self, node)) {
            let mut filed: Vec<u32> = (start..end).collect();
            filed.sort_by_key(|&node| self.txn[node as usize]);
            let mut latest = NONE;
            for node in filed {
                if follows_file(self, node) {
                    self.before[node as usize] = self.joined(self.before[node as usize], latest);
                } else if node < chain_end {
                    latest = self.joined(latest, node);
                }
            }
        }
    }

    /// A node that stands for both.
    fn joined(&mut self, before: u32, joining: u32) -> u32 {
        match (before, joining) {
            (NONE, other) | (other, NONE) => other,
            _ => {
                self.junctions.push([before, joining]);
                (self.txn.len() + self.junctions.len() - 1) as u32
            }
        }
    }

    /// How many, without junctions.
    pub(crate) fn len(&self) -> usize {
        self.txn.len()
    }

    /// Where the nodes of each session start, and at the end of all.
    pub(crate) fn starts(&self) -> &[u32] {
        &self.starts
    }

    /// Where the `ok` ones of each session end.
    pub(crate) fn chain_ends(&self) -> &[u32] {
        &self.chain_ends
    }

    /// How many sessions.
    pub(crate) fn sessions(&self) -> usize {
        self.chain_ends.len()
    }

    /// The first node of a session, one past its last `ok` one, and one past its last.
    pub(crate) fn bounds(&self, session: SessionId) -> (u32, u32, u32) {
        let s = session.index();
        (self.starts[s], self.chain_ends[s], self.starts[s + 1])
    }

    /// Does the session overlap?
    pub(crate) fn overlap(&self, session: SessionId) -> bool {
        self.so.overlap(session)
    }

    /// Do the later ones of its session that are in the chain follow it?
    pub(crate) fn in_chain(&self, node: u32) -> bool {
        let session = self.session(node) as usize;
        node < self.chain_ends[session] && !self.so.overlap(SessionId::new(session))
    }

    /// Where a node stands in the history.
    #[inline]
    pub(crate) fn txn(&self, node: u32) -> TxnId {
        TxnId::new(self.txn[node as usize] as usize)
    }

    /// The node of an operation's transaction.
    #[inline]
    pub(crate) fn node(&self, op: u32) -> u32 {
        self.node[self.history.txn(OpId::new(op as usize)).index()]
    }

    /// As the file has them, each node where its transaction is.
    pub(crate) fn file_moments(&self) -> Moments<'_> {
        let extend_hb = self.so.reordered == 0 && self.matching.writes_precede_reads();
        Moments { by_node: Cow::Borrowed(&self.txn), extend_hb }
    }

    /// All nodes, in the order of the file.
    pub(crate) fn as_filed(&self) -> impl Iterator<Item = u32> + '_ {
        self.node.iter().copied().filter(|&node| node != NONE)
    }

    /// The first operation of a node.
    pub(crate) fn first_op(&self, node: u32) -> u32 {
        self.history.first_op(self.txn[node as usize] as usize) as u32
    }

    /// The operations of a node.
    #[inline]
    pub(crate) fn ops(&self, node: u32) -> Range<u32> {
        let txn = self.txn[node as usize] as usize;
        self.history.first_op(txn) as u32..self.history.first_op(txn + 1) as u32
    }

    /// The session of a node.
    pub(crate) fn session(&self, node: u32) -> u32 {
        self.history.txn_session[self.txn[node as usize] as usize]
    }

    /// The external reads of a node, in program order. Those of an `info` one prove nothing: it has none.
    #[inline]
    pub(crate) fn reads_of(&self, node: u32) -> impl Iterator<Item = Read> + '_ {
        self.ops(node).filter_map(|op| {
            let source = self.source[op as usize];
            (source != NO_READ).then(|| Read { op, key: self.history.op_key[op as usize], source })
        })
    }

    /// Calls back with the reads and the last writes of a node, in program order.
    #[inline]
    pub(crate) fn did(&self, node: u32, mut each: impl FnMut(Did)) {
        let ops = self.ops(node);
        let sources = &self.source[ops.start as usize..ops.end as usize];
        for ((event, &source), &written) in ops.zip(sources).zip(self.written_by(node)) {
            if source != NO_READ {
                each(Did::Read(ReadOf { event, key: self.history.op_key[event as usize], source }));
            }
            if written != NONE {
                each(Did::Write(written));
            }
        }
    }

    /// By operation of a node: the key that it writes last in the transaction, or [`NONE`].
    #[inline]
    pub(crate) fn written_by(&self, node: u32) -> &[u32] {
        let ops = self.ops(node);
        &self.written[ops.start as usize..ops.end as usize]
    }

    /// The last writes of a node, in program order, as operation and key.
    #[inline]
    pub(crate) fn writes_of(&self, node: u32) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.ops(node).map(|op| (op, self.written[op as usize])).filter(|&(_, key)| key != NONE)
    }

    /// The write that a read returned.
    pub(crate) fn writer(&self, read: u32) -> u32 {
        self.matching.writer[read as usize]
    }

    #[inline]
    fn register(&self, op: usize) -> bool {
        self.registers_only || self.history.key_type(KeyId::new(self.history.op_key[op] as usize)) == DataType::Register
    }

    #[inline]
    fn reads(&self, op: OpId) -> bool {
        self.matching.writer[op.index()] != NO_WRITER && self.register(op.index())
    }

    fn source_of(&self, op: usize) -> u32 {
        const { assert!(NO_READ == NO_WRITER && NONE == INITIAL && SHOWN < INITIAL) };
        let writer = self.matching.writer[op];
        let none = writer >= SHOWN;
        let source = select_unpredictable(none, writer, self.node(select_unpredictable(none, 0, writer)));
        if self.register(op) { source } else { NO_READ }
    }

    #[inline]
    fn writes(&self, op: usize) -> bool {
        self.history.op_kind[op].writes() & self.matching.last_writes.is(op) && self.register(op)
    }

    /// a so b, of one session?
    pub(crate) fn so(&self, a: u32, b: u32) -> bool {
        self.so.precedes(self.history, self.txn(a), self.txn(b))
    }

    pub(crate) fn begins_at(&self, node: u32) -> Moment {
        self.so.begins_at(self.history, self.txn(node))
    }

    /// Of an `ok` one.
    pub(crate) fn ends_at(&self, node: u32) -> Moment {
        self.so.ends_at(self.history, self.txn(node))
    }
}

/// How one transaction leads to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    /// Session order.
    So,
    /// Write-read: by this read.
    Wr(u32),
    /// A constraint: this read returned the target's value although the source was seen.
    Co(u32),
}

/// so ∪ wr with the constraints found.
#[derive(Clone, Copy)]
pub(crate) struct Order<'a> {
    pub(crate) transactions: &'a Transactions<'a>,
    /// Reasons are stale reads, by operation.
    pub(crate) constraints: &'a Extra,
}

impl Order<'_> {
    /// The edges into a node, each as its source and kind. The order is fixed.
    #[inline]
    pub(crate) fn edges_into(&self, node: u32, mut each: impl FnMut(u32, Way)) {
        let transactions = self.transactions;
        if let Some(&[before, joined]) = (node as usize).checked_sub(transactions.len()).map(|j| &transactions.junctions[j]) {
            each(before, Way::So);
            each(joined, Way::So);
            return;
        }
        let before = transactions.before[node as usize];
        if before != NONE {
            each(before, Way::So);
        }
        for read in transactions.reads_of(node).filter(|read| read.source != NONE) {
            each(read.source, Way::Wr(read.op));
        }
        for (_, from, reason) in self.constraints.into(node) {
            if let Reason::Stale(read) = reason {
                each(from, Way::Co(read));
            }
        }
    }
}

impl Digraph for Order<'_> {
    fn nodes(&self) -> usize {
        self.transactions.len() + self.transactions.junctions.len()
    }

    #[inline]
    fn sources(&self, node: u32, mut each: impl FnMut(u32)) {
        self.edges_into(node, |from, _| each(from));
    }
}
