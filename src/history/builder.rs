//! Builds a [`History`] operation by operation, in file order.
//!
//! Formats fill in [`TxnInput`] and [`OpInput`]; a library user has the shorter [`HistoryBuilder::session`]. `finish` decides the data
//! type of each key from the operations on it and refuses what no history can hold.

mod append;
mod weave;

use super::{
    Counting, DataType, Event, History, Kind, NO_NODE, NO_TIME, NO_VERSION, Names, Status, Value, ValueId, Values, shape,
};

/// What is known of a transaction (or of a bare operation).
#[derive(Clone, Copy, Debug)]
pub struct TxnInput {
    /// The name of its session.
    pub session: ValueId,
    /// Its outcome.
    pub status: Status,
    /// Invocation, ns.
    pub invoke_ns: Option<i64>,
    /// Completion, ns.
    pub complete_ns: Option<i64>,
    /// The name of the node that answered.
    pub node: Option<ValueId>,
}

impl TxnInput {
    /// An acknowledged transaction of a session, with nothing else known.
    pub fn ok(session: ValueId) -> Self {
        TxnInput { session, status: Status::Ok, invoke_ns: None, complete_ns: None, node: None }
    }
}

/// What is known of an operation.
#[derive(Clone, Copy, Debug)]
pub struct OpInput {
    /// What it did.
    pub kind: Kind,
    /// The name of its key.
    pub key: ValueId,
    /// The value written or returned; a cas's `from`.
    pub value: ValueId,
    /// A cas's `to`; ignored for other kinds.
    pub to: ValueId,
    /// The store's own version.
    pub version: Option<i128>,
    /// A read made after quiescence.
    pub is_final: bool,
    /// Its line in the file, from 1.
    pub line: u32,
}

impl OpInput {
    /// An operation with nothing else known.
    pub fn new(kind: Kind, key: ValueId, value: ValueId) -> Self {
        OpInput { kind, key, value, to: ValueId::NULL, version: None, is_final: false, line: 0 }
    }
}

/// Whole columns of a history, for formats that have them so. Names are indices that the builder gave; a column with nothing in it may
/// be empty where [`History`]'s may.
#[cfg(feature = "parquet")]
#[derive(Default)]
pub(crate) struct Columns {
    // By operation.
    pub kind: Vec<Kind>,
    pub key: Vec<u32>,
    /// The value written or returned; a cas's `from`.
    pub value: Vec<ValueId>,
    /// A cas's `to`, sorted by operation.
    pub to: Vec<(u32, ValueId)>,
    pub version: Vec<i128>,
    pub is_final: Vec<bool>,
    pub line: Vec<u32>,
    /// The first operation of each transaction.
    pub first: Vec<u32>,
    // By transaction.
    pub session: Vec<u32>,
    pub status: Vec<Status>,
    pub invoke: Vec<i64>,
    pub complete: Vec<i64>,
    pub node: Vec<u32>,
    /// Sorted by transaction.
    pub errors: Vec<(u32, String)>,
}

/// Why operations make no history.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
#[error("{message}")]
pub struct BuildError {
    /// The line that shows it, where there is one.
    pub line: Option<u32>,
    /// What is wrong.
    pub message: String,
}

/// Builds a [`History`].
///
/// ```
/// use testimony::history::HistoryBuilder;
/// let mut history = HistoryBuilder::new();
/// history.session("alice").write("photo", "v2").read("photo", "v1");
/// assert_eq!(history.finish().unwrap().operations(), 2);
/// ```
pub struct HistoryBuilder {
    /// Interns names and values for [`TxnInput`] and [`OpInput`].
    pub values: Values,
    history: History,
    sessions: Names,
    keys: Names,
    nodes: Names,
    /// By key: a bit for each kind of operation on it.
    kinds: Vec<u8>,
    initial: Vec<(ValueId, ValueId)>,
    add_may_count: bool,
    workload: Option<DataType>,
}

impl Default for HistoryBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl HistoryBuilder {
    /// An empty history.
    pub fn new() -> Self {
        HistoryBuilder {
            values: Values::new(),
            history: History {
                values: Values::new(),
                sessions: Vec::new(),
                keys: Vec::new(),
                nodes: Vec::new(),
                key_types: Vec::new(),
                initial_default: ValueId::NULL,
                initial: Vec::new(),
                op_kind: Vec::new(),
                op_key: Vec::new(),
                op_value: Vec::new(),
                op_txn: Counting::default(),
                op_line: Counting::default(),
                cas_to: Vec::new(),
                op_version: Vec::new(),
                op_final: Vec::new(),
                txn_session: Vec::new(),
                txn_status: Vec::new(),
                txn_first: Counting::default(),
                txn_invoke: Vec::new(),
                txn_complete: Vec::new(),
                txn_node: Vec::new(),
                errors: Vec::new(),
                events: Vec::new(),
                about: None,
                warnings: Vec::new(),
            },
            sessions: Names::default(),
            keys: Names::default(),
            nodes: Names::default(),
            kinds: Vec::new(),
            initial: Vec::new(),
            add_may_count: false,
            workload: None,
        }
    }

    /// Makes room for so many operations, each a transaction.
    pub(crate) fn reserve(&mut self, operations: usize) {
        let h = &mut self.history;
        h.op_kind.reserve(operations);
        h.op_key.reserve(operations);
        h.op_value.reserve(operations);
        h.txn_session.reserve(operations);
        h.txn_status.reserve(operations);
    }

    /// Opens a transaction; the operations that follow are its own until the next call. One without operations is kept.
    pub fn begin(&mut self, txn: TxnInput) {
        self.open(txn);
    }

    /// As [`HistoryBuilder::begin`]; returns the number of the session.
    #[inline(always)]
    pub(crate) fn open(&mut self, txn: TxnInput) -> u32 {
        let session = self.sessions.number(txn.session);
        let h = &mut self.history;
        let index = h.txn_status.len();
        h.txn_session.push(session);
        h.txn_status.push(txn.status);
        h.txn_first.push(h.op_kind.len() as u32);
        sparse(&mut h.txn_invoke, index, txn.invoke_ns, NO_TIME);
        sparse(&mut h.txn_complete, index, txn.complete_ns, NO_TIME);
        let node = txn.node.map(|node| self.nodes.number(node));
        sparse(&mut h.txn_node, index, node, NO_NODE);
        session
    }

    /// Adds an operation to the open transaction. Panics where none was begun, and beyond 2³² - 2 operations.
    // (Always: most readers know nothing of versions and final reads, and then no code looks at them.)
    #[inline(always)]
    pub fn op(&mut self, op: OpInput) {
        let key = self.keys.number(op.key);
        saw(&mut self.kinds, key, bit(op.kind));
        let h = &mut self.history;
        let index = h.op_kind.len();
        assert!(index < u32::MAX as usize - 1, "more than 2^32 - 2 operations");
        let txn = h.txn_status.len().checked_sub(1).expect("an operation belongs to a transaction");
        h.op_kind.push(op.kind);
        h.op_key.push(key);
        h.op_value.push(op.value);
        h.op_txn.push(txn as u32);
        h.op_line.push(op.line);
        if op.kind == Kind::Cas {
            h.cas_to.push((index as u32, op.to));
        }
        sparse(&mut h.op_version, index, op.version, NO_VERSION);
        sparse(&mut h.op_final, index, op.is_final.then_some(true), false);
    }

    /// The index of a session, new or known, for [`Columns`].
    #[cfg(feature = "parquet")]
    pub(crate) fn session_index(&mut self, name: ValueId) -> u32 {
        self.sessions.number(name)
    }

    /// The index of a key, new or known, for [`Columns`].
    #[cfg(feature = "parquet")]
    pub(crate) fn key_index(&mut self, name: ValueId) -> u32 {
        self.keys.number(name)
    }

    /// The index of a node, new or known, for [`Columns`].
    #[cfg(feature = "parquet")]
    pub(crate) fn node_index(&mut self, name: ValueId) -> u32 {
        self.nodes.number(name)
    }

    /// Takes all operations and transactions at once.
    #[cfg(feature = "parquet")]
    pub(crate) fn columns(&mut self, columns: Columns) {
        let operations = columns.kind.len();
        assert!(operations < u32::MAX as usize - 1, "more than 2^32 - 2 operations");
        columns.key.iter().zip(&columns.kind).for_each(|(&key, &kind)| saw(&mut self.kinds, key, bit(kind)));
        let h = &mut self.history;
        let ends = columns.first.iter().skip(1).copied().chain([operations as u32]);
        for (txn, (&first, end)) in (0..).zip(columns.first.iter().zip(ends)) {
            (first..end).for_each(|_| h.op_txn.push(txn));
        }
        columns.first.into_iter().for_each(|first| h.txn_first.push(first));
        columns.line.into_iter().for_each(|line| h.op_line.push(line));
        (h.op_kind, h.op_key, h.op_value, h.cas_to) = (columns.kind, columns.key, columns.value, columns.to);
        (h.op_version, h.op_final) = (columns.version, columns.is_final);
        (h.txn_session, h.txn_status, h.txn_node) = (columns.session, columns.status, columns.node);
        (h.txn_invoke, h.txn_complete, h.errors) = (columns.invoke, columns.complete, columns.errors);
    }

    /// Records an error text with the open transaction.
    pub fn error(&mut self, text: String) {
        let txn = self.history.txn_status.len() as u32 - 1;
        self.history.errors.push((txn, text));
    }

    /// Records an event that is no operation.
    pub fn event(&mut self, event: Event) {
        self.history.events.push(event);
    }

    /// Records something a user should know.
    pub fn warn(&mut self, text: String) {
        self.history.warnings.push(text);
    }

    /// What the recording says of itself.
    pub fn about(&mut self, text: String) {
        self.history.about = Some(text);
    }

    /// Declares the initial value of one key, or of all where `key` is `None`.
    pub fn initial(&mut self, key: Option<ValueId>, value: ValueId) {
        match key {
            Some(key) => self.initial.push((key, value)),
            None => self.history.initial_default = value,
        }
    }

    /// Jepsen's `:add` is a set's or a counter's: let the reads of the key decide (collection or number); without reads, unique
    /// values make a set.
    pub fn add_may_count(&mut self) {
        self.add_may_count = true;
    }

    /// Sets the data type of every key (`--workload`).
    pub fn workload(&mut self, workload: DataType) {
        self.workload = Some(workload);
    }

    /// How many operations so far.
    pub fn operations(&self) -> usize {
        self.history.op_kind.len()
    }

    /// How many transactions so far.
    pub(crate) fn transactions(&self) -> usize {
        self.history.txn_status.len()
    }

    /// Records for a session by name, one call an operation.
    pub fn session(&mut self, name: &str) -> SessionRecorder<'_> {
        let session = self.values.string(name);
        SessionRecorder { builder: self, session }
    }

    /// The history. Fails where there is no operation, where the operations on one key are of several types, where a read returned no
    /// value of its key's type, or where a transaction completed before it was invoked.
    pub fn finish(mut self) -> Result<History, BuildError> {
        if self.history.op_kind.is_empty() {
            return Err(BuildError { line: None, message: "no operations".into() });
        }
        self.check_times()?;
        self.decide_types()?;
        let mut history = self.history;
        history.values = self.values;
        for (name, value) in self.initial {
            if let Some(key) = self.keys.find(name) {
                history.set_initial(Some(super::KeyId::new(key as usize)), value);
            }
        }
        history.sessions = self.sessions.into_vec();
        history.keys = self.keys.into_vec();
        history.nodes = self.nodes.into_vec();
        shape::check_reads(&mut history, self.workload.is_some())?;
        Ok(history)
    }

    fn check_times(&self) -> Result<(), BuildError> {
        let h = &self.history;
        for (txn, (&invoke, &complete)) in h.txn_invoke.iter().zip(&h.txn_complete).enumerate() {
            if invoke != NO_TIME && complete != NO_TIME && complete < invoke {
                let first = h.first_op(txn);
                let line = (first < h.operations()).then(|| h.op_line.get(first));
                return Err(BuildError {
                    line,
                    message: format!("completed at {complete} ns, before it was invoked at {invoke} ns"),
                });
            }
        }
        Ok(())
    }

    /// The operations on a key decide its type; a key that is only read has the type of the others where they agree.
    fn decide_types(&mut self) -> Result<(), BuildError> {
        let adds_may_count = self.add_may_count && self.kinds.iter().any(|kinds| kinds & bit(Kind::Add) != 0);
        if adds_may_count {
            self.let_reads_decide_adds();
        }
        let decided = match self.types_by_kinds().filter(|_| !adds_may_count && self.workload.is_none()) {
            Some(decided) => decided,
            None => self.types_by_operations()?,
        };
        let mut types = decided.iter().flatten().copied();
        let first = types.next().unwrap_or(DataType::Register);
        let only_read = self.workload.unwrap_or(if types.all(|t| t == first) { first } else { DataType::Register });
        self.history.key_types = decided.into_iter().map(|decided| decided.unwrap_or(only_read)).collect();
        Ok(())
    }

    /// The type of each key that is written, where no key has two.
    fn types_by_kinds(&self) -> Option<Vec<Option<DataType>>> {
        let of_key = |&kinds: &u8| {
            let mut types = Kind::ALL.into_iter().filter(|&kind| kinds & bit(kind) != 0).filter_map(Kind::data_type);
            let first = types.next();
            types.all(|other| Some(other) == first).then_some(first)
        };
        self.kinds.iter().map(of_key).collect()
    }

    /// The same operation by operation, to name the two that disagree.
    fn types_by_operations(&self) -> Result<Vec<Option<DataType>>, BuildError> {
        let h = &self.history;
        let mut decided: Vec<Option<(DataType, u32)>> = vec![None; self.keys.all().len()];
        for op in 0..h.op_kind.len() {
            let Some(of_kind) = h.op_kind[op].data_type() else { continue };
            let key = h.op_key[op] as usize;
            let (of_key, first) = *decided[key].get_or_insert((self.workload.unwrap_or(of_kind), op as u32));
            if of_kind != of_key {
                let name = self.values.display(self.keys.all()[key]);
                let message = match self.workload {
                    Some(w) => format!("`{}` is no operation of a {}: key {name}", h.op_kind[op].name(), w.name()),
                    None => format!(
                        "key {name} is a {} (line {}: {}) and a {} (line {}: {})",
                        of_key.name(),
                        h.op_line.get(first as usize),
                        h.op_kind[first as usize].name(),
                        of_kind.name(),
                        h.op_line.get(op),
                        h.op_kind[op].name()
                    ),
                };
                return Err(BuildError { line: Some(h.op_line.get(op)), message });
            }
        }
        Ok(decided.into_iter().map(|decided| Some(decided?.0)).collect())
    }

    fn let_reads_decide_adds(&mut self) {
        let h = &mut self.history;
        let keys = self.keys.all().len();
        let (mut collection, mut number) = (vec![false; keys], vec![false; keys]);
        for op in 0..h.op_kind.len() {
            // Only members of sets are removed.
            if h.op_kind[op] == Kind::Remove {
                collection[h.op_key[op] as usize] = true;
            }
            if h.op_kind[op] == Kind::Read && h.op_value[op] != ValueId::NULL {
                let key = h.op_key[op] as usize;
                match self.values.get(h.op_value[op]) {
                    Value::Collection(_) => collection[key] = true,
                    _ => number[key] = true,
                }
            }
        }
        let mut adds: Vec<(u32, ValueId)> =
            (0..h.op_kind.len()).filter(|&op| h.op_kind[op] == Kind::Add).map(|op| (h.op_key[op], h.op_value[op])).collect();
        adds.sort_unstable();
        let mut repeated = vec![false; keys];
        for pair in adds.windows(2) {
            if pair[0] == pair[1] {
                repeated[pair[0].0 as usize] = true;
            }
        }
        for op in 0..h.op_kind.len() {
            let key = h.op_key[op] as usize;
            let counts = match self.workload {
                Some(workload) => workload == DataType::Counter,
                None => !collection[key] && (number[key] || repeated[key]),
            };
            if h.op_kind[op] == Kind::Add && counts {
                h.op_kind[op] = Kind::Increment;
            }
        }
    }
}

/// Records the operations of one session, in order.
pub struct SessionRecorder<'b> {
    builder: &'b mut HistoryBuilder,
    session: ValueId,
}

impl SessionRecorder<'_> {
    /// An acknowledged write of a string.
    pub fn write(self, key: &str, value: &str) -> Self {
        let value = self.builder.values.string(value);
        self.record(Kind::Write, key, value)
    }

    /// A read that returned a string.
    pub fn read(self, key: &str, value: &str) -> Self {
        let value = self.builder.values.string(value);
        self.record(Kind::Read, key, value)
    }

    /// A read that found nothing.
    pub fn read_none(self, key: &str) -> Self {
        self.record(Kind::Read, key, ValueId::NULL)
    }

    fn record(self, kind: Kind, key: &str, value: ValueId) -> Self {
        let key = self.builder.values.string(key);
        let line = self.builder.operations() as u32 + 1;
        self.builder.begin(TxnInput::ok(self.session));
        self.builder.op(OpInput { line, ..OpInput::new(kind, key, value) });
        self
    }
}

fn bit(kind: Kind) -> u8 {
    1 << kind as u8
}

/// Adds to what is known of a key, which may be the next one.
#[inline]
fn saw(kinds: &mut Vec<u8>, key: u32, bits: u8) {
    match kinds.get_mut(key as usize) {
        Some(kinds) => *kinds |= bits,
        None => kinds.push(bits),
    }
}

/// Appends to a column that stays empty until something is in it.
#[inline(always)]
fn sparse<T: Copy + PartialEq>(column: &mut Vec<T>, index: usize, value: Option<T>, none: T) {
    if let Some(value) = value {
        column.resize(index, none);
        column.push(value);
    } else if !column.is_empty() {
        column.push(none);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_two_types_is_refused_with_both_lines() {
        let mut b = HistoryBuilder::new();
        let (session, key, value) = (b.values.string("s"), b.values.string("x"), b.values.int(1));
        for (line, kind) in [(3, Kind::Append), (4, Kind::Read), (7, Kind::Write)] {
            b.begin(TxnInput::ok(session));
            b.op(OpInput { line, ..OpInput::new(kind, key, value) });
        }
        let error = b.finish().err().expect("refused");
        assert_eq!(error.line, Some(7));
        assert_eq!(error.message, "key \"x\" is a list (line 3: append) and a register (line 7: write)");
    }
}
