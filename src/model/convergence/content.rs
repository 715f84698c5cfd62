//! What a read shows of its key, in the form in which two reads are compared: sets as sets, `null` as the empty list or set, or 0.

use crate::history::{DataType, History, KeyId, Kind, OpId, TxnId, Value, ValueId};

/// The content of a key.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Content {
    Register(ValueId),
    List(Vec<ValueId>),
    /// Ascending, each once.
    Set(Vec<ValueId>),
    Counter(i128),
}

impl Content {
    /// The content that a value stands for; `None` where it is none of the key's type.
    pub(super) fn new(history: &History, key: KeyId, value: ValueId) -> Option<Self> {
        Some(match history.key_type(key) {
            DataType::Register => Content::Register(value),
            DataType::List => Content::List(elements(history, value)?.to_vec()),
            DataType::Set => {
                let mut members = elements(history, value)?.to_vec();
                members.sort_unstable();
                members.dedup();
                Content::Set(members)
            }
            DataType::Counter => Content::Counter(integer(history, value)?),
        })
    }

    /// Does one landing of the transaction's writes of the key lead from this content to another?
    pub(super) fn becomes(&self, history: &History, key: KeyId, txn: TxnId, other: &Content) -> bool {
        let writes = || history.txn_ops(txn).filter(|&op| history.kind(op).writes() && history.key(op) == key);
        let value = |op: OpId| history.written_value(op).expect("a write has a value");
        match (self, other) {
            (Content::Register(_), Content::Register(to)) => writes().last().is_some_and(|op| value(op) == *to),
            (Content::List(from), Content::List(to)) => {
                // A late append may have found its place among the others.
                let mut landed: Vec<ValueId> = writes().map(value).collect();
                let mut rest: Vec<ValueId> = Vec::with_capacity(to.len());
                for &element in to.iter().rev() {
                    match landed.iter().position(|&l| l == element) {
                        Some(at) => drop(landed.swap_remove(at)),
                        None => rest.push(element),
                    }
                }
                rest.reverse();
                landed.is_empty() && rest == *from
            }
            (Content::Set(from), Content::Set(to)) => {
                let mut members = from.clone();
                for op in writes() {
                    match (members.binary_search(&value(op)), history.kind(op)) {
                        (Err(at), Kind::Add) => members.insert(at, value(op)),
                        (Ok(at), Kind::Remove) => drop(members.remove(at)),
                        _ => {}
                    }
                }
                members == *to
            }
            (Content::Counter(from), Content::Counter(to)) => {
                let landed = writes().try_fold(*from, |sum, op| sum.checked_add(amount(history, op)?));
                landed == Some(*to)
            }
            _ => false,
        }
    }
}

/// What an operation adds to a counter.
pub(super) fn amount(history: &History, op: OpId) -> Option<i128> {
    let by = integer(history, history.written_value(op)?)?;
    if history.kind(op) == Kind::Decrement { by.checked_neg() } else { Some(by) }
}

/// The elements that a value stands for.
pub(super) fn elements(history: &History, value: ValueId) -> Option<&[ValueId]> {
    match history.values().get(value) {
        Value::Null => Some(&[]),
        Value::Collection(elements) => Some(elements),
        _ => None,
    }
}

fn integer(history: &History, value: ValueId) -> Option<i128> {
    match history.values().get(value) {
        Value::Null => Some(0),
        Value::Int(number) => Some(i128::from(number)),
        Value::Text(crate::history::Tag::Json, text) => text.parse().ok(),
        _ => None,
    }
}
