//! The recorded history: dense ids and one column per fact (structure of arrays), read-only once built.
//!
//! Sessions, keys, nodes and values are interned; operations and transactions are numbered in file order. A column that no line of
//! the file filled (times, versions, nodes, final marks) takes no memory.

mod builder;
mod counting;
mod id;
mod names;
mod shape;
mod value;

use counting::Counting;

#[cfg(feature = "parquet")]
pub(crate) use builder::Columns;
pub use builder::{BuildError, HistoryBuilder, OpInput, SessionRecorder, TxnInput};
pub use id::{Id, Key, KeyId, Node, NodeId, Op, OpId, Session, SessionId, Txn, TxnId};
pub(crate) use names::Names;
pub(crate) use value::Absorbed;
pub use value::{Tag, TooManyValues, Value, ValueId, Values};

/// What an operation did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Kind {
    /// Returned the value of a key (of a list or set: all of it).
    Read,
    /// Set a register.
    Write,
    /// Compared a register with one value and set it to another at once; counts as a read and as a write.
    Cas,
    /// Added an element at the end of a list.
    Append,
    /// Added a member to a set.
    Add,
    /// Removed a member from a set.
    Remove,
    /// Added to a counter.
    Increment,
    /// Subtracted from a counter.
    Decrement,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 8] =
        [Kind::Read, Kind::Write, Kind::Cas, Kind::Append, Kind::Add, Kind::Remove, Kind::Increment, Kind::Decrement];

    /// Its name in the native format.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Read => "read",
            Kind::Write => "write",
            Kind::Cas => "cas",
            Kind::Append => "append",
            Kind::Add => "add",
            Kind::Remove => "remove",
            Kind::Increment => "increment",
            Kind::Decrement => "decrement",
        }
    }

    /// The type of the keys that it is an operation on; `None` where that may be any.
    fn data_type(self) -> Option<DataType> {
        match self {
            Kind::Read => None,
            Kind::Write | Kind::Cas => Some(DataType::Register),
            Kind::Append => Some(DataType::List),
            Kind::Add | Kind::Remove => Some(DataType::Set),
            Kind::Increment | Kind::Decrement => Some(DataType::Counter),
        }
    }

    /// Does it return a value?
    pub fn reads(self) -> bool {
        matches!(self, Kind::Read | Kind::Cas)
    }

    /// Does it change its key?
    pub fn writes(self) -> bool {
        self != Kind::Read
    }
}

/// What is known of a transaction's outcome (models.md 1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Status {
    /// Acknowledged: it took effect.
    Ok,
    /// Known not to have happened.
    Fail,
    /// Indeterminate: it may or may not have happened, now or later.
    Info,
}

impl Status {
    /// Its name in the native format.
    pub fn name(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Fail => "fail",
            Status::Info => "info",
        }
    }
}

/// The data type of a key, decided by the operations on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum DataType {
    /// `read`, `write`, `cas`.
    Register,
    /// `append`, and reads of the whole list.
    List,
    /// `add`, `remove`, and reads of all members.
    Set,
    /// `increment`, `decrement`, and reads of the sum.
    Counter,
}

impl DataType {
    /// Its name on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            DataType::Register => "register",
            DataType::List => "list",
            DataType::Set => "set",
            DataType::Counter => "counter",
        }
    }
}

/// An event of the recording that is no operation (Jepsen's nemesis): kept for the timeline, never judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its line in the file, from 1.
    pub line: u32,
    /// Its time in ns, if recorded.
    pub time_ns: Option<i64>,
    /// What it says, as the recording has it.
    pub text: String,
}

/// No time recorded.
pub(crate) const NO_TIME: i64 = i64::MIN;
/// No version recorded.
pub(crate) const NO_VERSION: i128 = i128::MIN;
/// No node recorded.
pub(crate) const NO_NODE: u32 = u32::MAX;

/// A recorded history. Build one with [`HistoryBuilder`] or read one with [`format::read`](crate::format::read).
#[derive(Clone)]
pub struct History {
    pub(crate) values: Values,
    /// The names of sessions, keys and nodes, by index.
    pub(crate) sessions: Vec<ValueId>,
    pub(crate) keys: Vec<ValueId>,
    pub(crate) nodes: Vec<ValueId>,
    /// By key.
    pub(crate) key_types: Vec<DataType>,
    /// Declared initial values: of all keys, and of single ones (sorted by key).
    pub(crate) initial_default: ValueId,
    pub(crate) initial: Vec<(u32, ValueId)>,
    // Columns by operation, in file order.
    pub(crate) op_kind: Vec<Kind>,
    pub(crate) op_key: Vec<u32>,
    /// The value written or returned; a cas's `from`.
    pub(crate) op_value: Vec<ValueId>,
    op_txn: Counting,
    op_line: Counting,
    /// A cas's `to`, sorted by operation.
    pub(crate) cas_to: Vec<(u32, ValueId)>,
    /// Empty where no line has one, as are all columns marked (sparse).
    pub(crate) op_version: Vec<i128>,
    /// (sparse)
    pub(crate) op_final: Vec<bool>,
    // Columns by transaction, in file order.
    pub(crate) txn_session: Vec<u32>,
    pub(crate) txn_status: Vec<Status>,
    /// The first operation of each transaction. Its operations are consecutive.
    txn_first: Counting,
    /// (sparse)
    pub(crate) txn_invoke: Vec<i64>,
    /// (sparse)
    pub(crate) txn_complete: Vec<i64>,
    /// (sparse)
    pub(crate) txn_node: Vec<u32>,
    /// Recorded errors, sorted by transaction.
    pub(crate) errors: Vec<(u32, String)>,
    pub(crate) events: Vec<Event>,
    pub(crate) about: Option<String>,
    pub(crate) warnings: Vec<String>,
}

impl History {
    /// How many operations.
    pub fn operations(&self) -> usize {
        self.op_kind.len()
    }

    /// How many transactions; a bare operation is one.
    pub fn transactions(&self) -> usize {
        self.txn_status.len()
    }

    /// How many sessions.
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// How many keys.
    pub fn keys(&self) -> usize {
        self.keys.len()
    }

    /// How many nodes are named.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// The interned values.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// What reading noticed and a user should know: a torn last line, for one.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Events that are no operations (nemesis).
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// What the recording says of itself, from the header's `about`.
    pub fn about(&self) -> Option<&str> {
        self.about.as_deref()
    }

    /// A session's name.
    pub fn session_name(&self, session: SessionId) -> ValueId {
        self.sessions[session.index()]
    }

    /// A key's name. `NULL` is the one key of a history without keys, shown as `(register)`.
    pub fn key_name(&self, key: KeyId) -> ValueId {
        self.keys[key.index()]
    }

    /// A node's name.
    pub fn node_name(&self, node: NodeId) -> ValueId {
        self.nodes[node.index()]
    }

    /// A key's data type.
    pub fn key_type(&self, key: KeyId) -> DataType {
        self.key_types[key.index()]
    }

    /// A key's initial value.
    pub fn initial(&self, key: KeyId) -> ValueId {
        match self.initial.binary_search_by_key(&(key.index() as u32), |&(k, _)| k) {
            Ok(i) => self.initial[i].1,
            Err(_) => self.initial_default,
        }
    }

    /// What an operation did.
    #[inline]
    pub fn kind(&self, op: OpId) -> Kind {
        self.op_kind[op.index()]
    }

    /// The key of an operation.
    #[inline]
    pub fn key(&self, op: OpId) -> KeyId {
        KeyId::new(self.op_key[op.index()] as usize)
    }

    /// The value that an operation returned, if it reads.
    pub fn read_value(&self, op: OpId) -> Option<ValueId> {
        self.kind(op).reads().then(|| self.op_value[op.index()])
    }

    /// The value that an operation wrote, appended, added, removed or counted by, if it does.
    pub fn written_value(&self, op: OpId) -> Option<ValueId> {
        match self.kind(op) {
            Kind::Read => None,
            Kind::Cas => {
                let i = self.cas_to.binary_search_by_key(&(op.index() as u32), |&(o, _)| o).expect("every cas has a `to`");
                Some(self.cas_to[i].1)
            }
            _ => Some(self.op_value[op.index()]),
        }
    }

    /// The transaction of an operation.
    #[inline]
    pub fn txn(&self, op: OpId) -> TxnId {
        TxnId::new(self.op_txn.get(op.index()) as usize)
    }

    /// The operations of a transaction, in program order.
    pub fn txn_ops(&self, txn: TxnId) -> impl ExactSizeIterator<Item = OpId> + use<> {
        (self.first_op(txn.index())..self.first_op(txn.index() + 1)).map(OpId::new)
    }

    /// The index of a transaction's first operation; after the last transaction, how many operations there are.
    #[inline]
    pub(crate) fn first_op(&self, txn: usize) -> usize {
        if txn < self.txn_first.len() { self.txn_first.get(txn) as usize } else { self.operations() }
    }

    /// Has every transaction one operation? As many of the one as of the other may also be an empty transaction beside one of two.
    pub(crate) fn all_bare(&self) -> bool {
        self.transactions() == self.operations()
            && (self.txn_first.counts() || self.txns().all(|txn| self.txn_ops(txn).len() == 1))
    }

    /// The session of a transaction.
    #[inline]
    pub fn txn_session(&self, txn: TxnId) -> SessionId {
        SessionId::new(self.txn_session[txn.index()] as usize)
    }

    /// The session of an operation.
    #[inline]
    pub fn session(&self, op: OpId) -> SessionId {
        self.txn_session(self.txn(op))
    }

    /// The outcome of a transaction.
    #[inline]
    pub fn txn_status(&self, txn: TxnId) -> Status {
        self.txn_status[txn.index()]
    }

    /// The outcome of an operation's transaction.
    #[inline]
    pub fn status(&self, op: OpId) -> Status {
        self.txn_status(self.txn(op))
    }

    /// The line of an operation in the file, from 1.
    pub fn line(&self, op: OpId) -> u32 {
        self.op_line.get(op.index())
    }

    /// When a transaction was invoked, in ns.
    pub fn invoked(&self, txn: TxnId) -> Option<i64> {
        self.txn_invoke.get(txn.index()).copied().filter(|&t| t != NO_TIME)
    }

    /// When a transaction completed, in ns, as recorded. For relations an `info` transaction never completes.
    pub fn completed(&self, txn: TxnId) -> Option<i64> {
        self.txn_complete.get(txn.index()).copied().filter(|&t| t != NO_TIME)
    }

    /// The node that answered a transaction.
    pub fn node(&self, txn: TxnId) -> Option<NodeId> {
        self.txn_node.get(txn.index()).filter(|&&n| n != NO_NODE).map(|&n| NodeId::new(n as usize))
    }

    /// The store's own version on an operation.
    pub fn version(&self, op: OpId) -> Option<i128> {
        self.op_version.get(op.index()).copied().filter(|&v| v != NO_VERSION)
    }

    /// The version of what a read returned. The version on a cas is that of what it wrote.
    pub fn read_version(&self, op: OpId) -> Option<i128> {
        if self.kind(op) == Kind::Read { self.version(op) } else { None }
    }

    /// Was it a read made after quiescence?
    pub fn is_final(&self, op: OpId) -> bool {
        self.op_final.get(op.index()).copied().unwrap_or(false)
    }

    /// The error recorded with a transaction, as JSON text.
    pub fn error(&self, txn: TxnId) -> Option<&str> {
        let i = self.errors.binary_search_by_key(&(txn.index() as u32), |(t, _)| *t).ok()?;
        Some(&self.errors[i].1)
    }

    /// All operations, in file order.
    pub fn ops(&self) -> impl ExactSizeIterator<Item = OpId> + use<> {
        (0..self.operations()).map(OpId::new)
    }

    /// All transactions, in file order.
    pub fn txns(&self) -> impl ExactSizeIterator<Item = TxnId> + use<> {
        (0..self.transactions()).map(TxnId::new)
    }

    /// A key for people: strings without quotes, the key of a history without keys as `(register)`.
    pub fn key_text(&self, key: KeyId) -> String {
        match self.values.get(self.key_name(key)) {
            Value::Null => format!("({})", self.key_type(key).name()),
            _ => self.bare(self.key_name(key)),
        }
    }

    /// A session for people: strings without quotes.
    pub fn session_text(&self, session: SessionId) -> String {
        self.bare(self.session_name(session))
    }

    /// A value for people, as JSON text.
    pub fn value_text(&self, value: ValueId) -> String {
        self.values.display(value)
    }

    fn bare(&self, value: ValueId) -> String {
        match self.values.get(value) {
            Value::Text(Tag::String | Tag::Symbol, text) => text.to_owned(),
            Value::Text(Tag::Keyword, text) => format!(":{text}"),
            _ => self.values.display(value),
        }
    }

    /// Declares an initial value: of one key, or of all where `key` is `None`, whatever was declared of them. An unknown key is ignored.
    pub fn set_initial(&mut self, key: Option<KeyId>, value: ValueId) {
        match key {
            None => {
                self.initial.clear();
                self.initial_default = value;
            }
            Some(key) => {
                let key = key.index() as u32;
                match self.initial.binary_search_by_key(&key, |&(k, _)| k) {
                    Ok(i) => self.initial[i].1 = value,
                    Err(i) => self.initial.insert(i, (key, value)),
                }
            }
        }
    }

    /// The interner, to intern a value given on the command line.
    pub fn values_mut(&mut self) -> &mut Values {
        &mut self.values
    }

    /// The key with this name, if any operation has it.
    pub fn find_key(&self, name: ValueId) -> Option<KeyId> {
        self.keys.iter().position(|&k| k == name).map(KeyId::new)
    }
}
