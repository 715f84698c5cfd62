//! The operations that take part in the models of models.md 4, densely numbered: matched external reads of `ok` transactions, their
//! last writes of each key, and `info` writes that something observed.
//!
//! Events are numbered session by session, each session's `ok` ones in sequence, its observed `info` writes behind them. A cas is two
//! events, its read and then its write. One `u32` a column; what is known of an event beyond its columns is its operation's.

use std::hint::select_unpredictable;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::history::{DataType, History, OpId, SessionId, Status, TxnId};

use super::csr;
use super::matching::{INITIAL, Matching, NO_WRITER, SHOWN};
use super::session_order::SessionOrder;

/// In [`Events::source`]: the event is a write.
pub(crate) const WRITE: u32 = u32::MAX;
/// In [`Events::source`]: the event is a read of the initial value. Anywhere else: no event.
pub(crate) const NONE: u32 = u32::MAX - 1;

/// A list, or set, as its part without the last element, and that element's write.
#[derive(Clone, Copy)]
pub(crate) struct Collected {
    pub(crate) before: u32,
    pub(crate) write: u32,
    pub(crate) read: u32,
}

/// The events of a history.
pub(crate) struct Events {
    /// Its operation.
    pub(crate) op: Arc<Vec<u32>>,
    pub(crate) key: Vec<u32>,
    pub(crate) session: Vec<u32>,
    /// A read of a register: the event whose value it returned, or [`NONE`] for the initial one. A read of a list or set: the node of
    /// `collected` that stands for what it showed, or [`NONE`]; of a counter [`NONE`]. A write: [`WRITE`].
    pub(crate) source: Vec<u32>,
    /// Node `len() + i` stands for the elements of node `before` and that of `write`, and was first shown by `read`: the prefixes of all
    /// lists, shared (and of sets, by operation).
    pub(crate) collected: Vec<Collected>,
    /// By key.
    pub(crate) types: Vec<DataType>,
    /// Session s has the events `starts[s]..starts[s + 1]`, of which those before `chain_ends[s]` are of `ok` transactions.
    pub(crate) starts: Vec<u32>,
    pub(crate) chain_ends: Vec<u32>,
    /// The write events of each key, ascending: `key_writes[key_starts[k]..key_starts[k + 1]]`.
    pub(crate) key_starts: Vec<u32>,
    key_writes: OnceLock<Vec<u32>>,
    /// How many events are reads.
    pub(crate) reads: usize,
    /// Is every transaction an event by itself, which stands where that does in the sessions' sequence?
    pub(crate) plain: bool,
}

impl Events {
    /// `plain` tells whether [`plain`] is so.
    pub(crate) fn new(history: &History, so: &SessionOrder, matching: &Matching, plain: bool) -> Self {
        if plain { Self::of_plain(history, so, matching) } else { Self::of_any(history, so, matching) }
    }

    /// Every transaction is an event by itself, which stands where that does in the sessions' sequence.
    fn of_plain(history: &History, so: &SessionOrder, matching: &Matching) -> Self {
        const { assert!(NO_WRITER == WRITE && INITIAL == NONE) };
        let (key, source) = match so.as_filed() {
            true => rayon::join(|| history.op_key.clone(), || matching.writer.clone()),
            false => in_sequence(history, so, matching),
        };
        Events {
            op: Arc::clone(&so.sequence),
            key,
            session: sessions(&so.starts),
            source,
            collected: Vec::new(),
            types: history.key_types.clone(),
            starts: so.starts.clone(),
            chain_ends: so.starts[1..].to_vec(),
            reads: history.operations() - matching.key_writes[history.keys()] as usize,
            key_starts: matching.key_writes.clone(),
            key_writes: OnceLock::new(),
            plain: true,
        }
    }

    fn of_any(history: &History, so: &SessionOrder, matching: &Matching) -> Self {
        let observed = observed_info_writes(history, matching);
        let mut read_event: FxHashMap<OpId, u32> = FxHashMap::default();
        // The event of each operation that writes one; sources name operations until all events are numbered.
        let mut write_event = vec![NONE; history.operations()];
        // How many events each session has, so that each can be filled by itself.
        let mut starts = vec![0u32; history.sessions() + 1];
        let writes = |op: OpId| {
            history.kind(op).writes()
                && (matching.last_writes.is(op.index()) || history.key_type(history.key(op)) != DataType::Register)
        };
        let reads = |op: OpId| matching.writer[op.index()] != NO_WRITER;
        for txn in history.txns() {
            let session = history.txn_session(txn).index();
            let ok = history.txn_status(txn) == Status::Ok;
            for op in history.txn_ops(txn) {
                let info = !ok && observed.binary_search(&(op.index() as u32)).is_ok();
                starts[session + 1] += if ok { u32::from(reads(op)) + u32::from(writes(op)) } else { u32::from(info) };
            }
        }
        for s in 0..history.sessions() {
            starts[s + 1] += starts[s];
        }
        let all = starts[history.sessions()] as usize;
        let mut ops = vec![0; all];
        let mut events = Events {
            op: Arc::default(),
            key: vec![0; all],
            session: sessions(&starts),
            source: vec![0; all],
            collected: Vec::new(),
            types: history.key_types.clone(),
            chain_ends: starts[..history.sessions()].to_vec(),
            starts,
            key_starts: vec![0; history.keys() + 1],
            key_writes: OnceLock::new(),
            reads: 0,
            plain: false,
        };
        let mut add = |txn: TxnId| {
            let session = history.txn_session(txn).index();
            for op in history.txn_ops(txn) {
                let writer = matching.writer[op.index()];
                if writer != NO_WRITER {
                    let read = events.push(&mut ops, history, op, session, if writer >= SHOWN { NONE } else { writer });
                    events.reads += 1;
                    if writer == SHOWN {
                        read_event.insert(op, read);
                    }
                }
                if writes(op) {
                    write_event[op.index()] = events.push(&mut ops, history, op, session, WRITE);
                }
            }
        };
        let ok = |&txn: &TxnId| history.txn_status(txn) == Status::Ok;
        if so.reordered == 0 {
            history.txns().filter(ok).for_each(&mut add);
        } else {
            so.sequence.iter().map(|&txn| TxnId::new(txn as usize)).filter(ok).for_each(&mut add);
        }
        if !observed.is_empty() {
            // Behind the chains; `chain_ends` is what was filled so far until they are told apart again.
            let chain_ends = events.chain_ends.clone();
            for txn in so.sequence.iter().map(|&txn| TxnId::new(txn as usize)) {
                for op in history.txn_ops(txn) {
                    if history.txn_status(txn) == Status::Info && observed.binary_search(&(op.index() as u32)).is_ok() {
                        write_event[op.index()] = events.push(&mut ops, history, op, history.txn_session(txn).index(), WRITE);
                    }
                }
            }
            events.chain_ends = chain_ends;
        }
        for source in &mut events.source {
            if *source < NONE {
                *source = write_event[*source as usize];
            }
        }
        events.op = Arc::new(ops);
        for key in 0..history.keys() {
            events.key_starts[key + 1] += events.key_starts[key];
        }
        let mut nodes: FxHashMap<(u32, u32), u32> = FxHashMap::default();
        for (op, writers) in matching.shown.iter() {
            let read = read_event[&op];
            let mut node = NONE;
            for &w in writers {
                let write = write_event[w as usize];
                let next = (events.len() + events.collected.len()) as u32;
                node = *nodes.entry((node, write)).or_insert_with(|| {
                    events.collected.push(Collected { before: node, write, read });
                    next
                });
            }
            events.source[read as usize] = node;
        }
        events
    }

    /// The next event of a session.
    #[inline]
    fn push(&mut self, ops: &mut [u32], history: &History, op: OpId, session: usize, source: u32) -> u32 {
        let event = self.chain_ends[session];
        self.chain_ends[session] += 1;
        let key = history.op_key[op.index()];
        ops[event as usize] = op.index() as u32;
        self.key[event as usize] = key;
        self.source[event as usize] = source;
        self.key_starts[key as usize + 1] += u32::from(source == WRITE);
        event
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.op.len()
    }

    /// How many nodes: events, and what stands for collections.
    pub(crate) fn nodes(&self) -> usize {
        self.op.len() + self.collected.len()
    }

    /// Is any `info` write observed?
    pub(crate) fn any_info(&self) -> bool {
        self.chain_ends.iter().zip(&self.starts[1..]).any(|(chain_end, end)| chain_end < end)
    }

    /// Is there any key that is no register?
    pub(crate) fn any_collection(&self) -> bool {
        self.types.iter().any(|&t| t != DataType::Register)
    }

    pub(crate) fn key_type(&self, event: u32) -> DataType {
        self.types[self.key[event as usize] as usize]
    }

    /// The collection that a node stands for, if it is one.
    pub(crate) fn collection(&self, node: u32) -> Option<Collected> {
        self.collected.get((node as usize).checked_sub(self.op.len())?).copied()
    }

    /// The writes whose elements a read of a list or set showed, the last of a list first.
    pub(crate) fn shown(&self, read: u32) -> impl Iterator<Item = u32> + '_ {
        let mut node = self.source[read as usize];
        std::iter::from_fn(move || {
            let collected = self.collection(node)?;
            node = collected.before;
            Some(collected.write)
        })
    }

    #[inline]
    pub(crate) fn is_write(&self, event: u32) -> bool {
        self.source[event as usize] == WRITE
    }

    /// The keys that a node writes, which need not be an event.
    #[inline]
    pub(crate) fn written(&self, node: u32) -> impl Iterator<Item = u32> {
        let write = self.source.get(node as usize).is_some_and(|&source| source == WRITE);
        write.then(|| self.key[node as usize]).into_iter()
    }

    /// Is it an observed `info` write, outside its session's chain?
    #[inline]
    pub(crate) fn is_info(&self, event: u32) -> bool {
        event >= self.chain_ends[self.session[event as usize] as usize]
    }

    pub(crate) fn op(&self, event: u32) -> OpId {
        OpId::new(self.op[event as usize] as usize)
    }

    pub(crate) fn session(&self, event: u32) -> SessionId {
        SessionId::new(self.session[event as usize] as usize)
    }

    /// How many events are writes.
    pub(crate) fn writes(&self) -> usize {
        self.len() - self.reads
    }

    /// The writes of a key, ascending.
    pub(crate) fn writes_of(&self, key: u32) -> &[u32] {
        // (By one thread: who waits for others in here may come to wait for himself.)
        let key_writes = self.key_writes.get_or_init(|| {
            let mut next = self.key_starts.clone();
            let mut key_writes = vec![0; self.writes()];
            for e in (0..self.len() as u32).filter(|&e| self.is_write(e)) {
                let slot = &mut next[self.key[e as usize] as usize];
                key_writes[*slot as usize] = e;
                *slot += 1;
            }
            key_writes
        });
        &key_writes[self.key_starts[key as usize] as usize..self.key_starts[key as usize + 1] as usize]
    }

    /// Every read of a register.
    pub(crate) fn register_reads(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.len() as u32).filter(|&e| !self.is_write(e) && self.key_type(e) == DataType::Register)
    }

    /// Every read of a list, set or counter.
    pub(crate) fn collection_reads(&self) -> impl Iterator<Item = u32> + '_ {
        let reads = if self.any_collection() { 0..self.len() as u32 } else { 0..0 };
        reads.filter(|&e| !self.is_write(e) && self.key_type(e) != DataType::Register)
    }

    /// In a session that does not overlap: one past the last event of its chain that precedes the observed `info` write.
    pub(crate) fn preceding_info(&self, history: &History, so: &SessionOrder, session: SessionId, info: u32) -> u32 {
        let (mut low, mut high) = (self.starts[session.index()], self.chain_ends[session.index()]);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.so(history, so, middle, info) { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// a so b?
    pub(crate) fn so(&self, history: &History, so: &SessionOrder, a: u32, b: u32) -> bool {
        if self.session[a as usize] != self.session[b as usize] || self.is_info(a) {
            return false;
        }
        let (txn_a, txn_b) = (history.txn(self.op(a)), history.txn(self.op(b)));
        if txn_a == txn_b { a < b } else { so.precedes(history, txn_a, txn_b) }
    }
}

/// By event its key and its source, where every transaction is an event by itself.
fn in_sequence(history: &History, so: &SessionOrder, matching: &Matching) -> (Vec<u32>, Vec<u32>) {
    let all = history.operations();
    // As the file has them: a session's are all over it.
    let (key, source) = (csr::zeros(all), csr::zeros(all));
    (0..all).into_par_iter().with_min_len(1 << 14).for_each(|op| {
        let (event, writer) = (so.place[op] as usize, matching.writer[op]);
        key[event].store(history.op_key[op], Ordering::Relaxed);
        // (No branch: nothing foretells which are writes.)
        let none = writer >= INITIAL;
        let place = so.place[select_unpredictable(none, 0, writer as usize)];
        source[event].store(select_unpredictable(none, writer, place), Ordering::Relaxed);
    });
    (csr::plain(key), csr::plain(source))
}

/// By event its session, where session s has the events `starts[s]..starts[s + 1]`.
fn sessions(starts: &[u32]) -> Vec<u32> {
    const PIECE: usize = 1 << 16;
    let mut session = vec![0; starts[starts.len() - 1] as usize];
    session.par_chunks_mut(PIECE).enumerate().for_each(|(i, piece)| {
        let first = i * PIECE;
        let mut s = starts.partition_point(|&start| start as usize <= first) - 1;
        let mut at = 0;
        while at < piece.len() {
            let end = (starts[s + 1] as usize - first).min(piece.len());
            piece[at..end].fill(s as u32);
            (at, s) = (end, s + 1);
        }
    });
    session
}

/// Is every transaction one acknowledged write of a register, or read of one that was matched?
pub(super) fn plain(history: &History, matching: &Matching) -> bool {
    history.all_bare()
        && history.key_types.iter().all(|&key_type| key_type == DataType::Register)
        && history.cas_to.is_empty()
        && matching.all_matched()
        && history.txn_status.iter().all(|&status| status == Status::Ok)
}

/// The `info` writes that a matched read returned, ascending.
fn observed_info_writes(history: &History, matching: &Matching) -> Vec<u32> {
    if !history.txn_status.contains(&Status::Info) {
        return Vec::new();
    }
    let info = |&w: &u32| w < SHOWN && history.status(OpId::new(w as usize)) == Status::Info;
    let mut observed: Vec<u32> = matching.writer.iter().chain(matching.shown.writers()).copied().filter(info).collect();
    observed.sort_unstable();
    observed.dedup();
    observed
}
