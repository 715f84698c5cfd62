//! How keys ended: the quiescent reads and the writes of each (models.md 6), derived for verification alone. O(n), once.

use crate::check::Options;
use crate::history::{History, KeyId, Kind, OpId, Status, Tag, Value, ValueId};

pub(super) struct Ends {
    keys: Vec<End>,
}

/// One key, in file order.
#[derive(Default)]
pub(super) struct End {
    /// Its quiescent reads.
    pub(super) reads: Vec<OpId>,
    /// Its writes, whatever their status.
    pub(super) writes: Vec<OpId>,
}

impl Ends {
    pub(super) fn new(history: &History, options: &Options) -> Self {
        let mut keys: Vec<End> = (0..history.keys()).map(|_| End::default()).collect();
        let any_marked = history.ops().any(|op| history.kind(op) == Kind::Read && history.is_final(op));
        for op in history.ops() {
            let end = &mut keys[history.key(op).index()];
            if history.kind(op) != Kind::Read {
                end.writes.push(op);
            } else if history.status(op) == Status::Ok && (!any_marked || history.is_final(op)) {
                end.reads.push(op);
            }
        }
        for end in &mut keys {
            let settled =
                if any_marked { Some(i128::MIN) } else { options.settle.and_then(|s| last_moment(history, end, s.as_nanos())) };
            end.reads.retain(|&read| {
                let late = settled.is_some_and(|settled| {
                    any_marked || history.invoked(history.txn(read)).is_some_and(|invoked| i128::from(invoked) >= settled)
                });
                let key = history.key(read);
                let own = |op: OpId| op < read && history.key(op) == key && history.kind(op).writes();
                late && !history.txn_ops(history.txn(read)).any(own)
            });
        }
        Ends { keys }
    }

    pub(super) fn of(&self, key: KeyId) -> &End {
        &self.keys[key.index()]
    }
}

/// The moment at which the key has settled; `None` where a write's time is not known.
fn last_moment(history: &History, end: &End, settle: u128) -> Option<i128> {
    let mut last = i128::MIN;
    for &write in &end.writes {
        let txn = history.txn(write);
        let heard_of = match history.status(write) {
            Status::Fail => continue,
            Status::Ok => history.completed(txn)?,
            Status::Info => history.completed(txn).or(history.invoked(txn))?,
        };
        last = last.max(i128::from(heard_of) + settle as i128);
    }
    Some(last)
}

/// The elements of a list or set as recorded, `null` for none.
pub(super) fn elements(history: &History, value: ValueId) -> Vec<ValueId> {
    match history.values().get(value) {
        Value::Collection(elements) => elements.to_vec(),
        _ => Vec::new(),
    }
}

/// The number that a value is, `null` for 0.
pub(super) fn number(history: &History, value: ValueId) -> Option<i128> {
    match history.values().get(value) {
        Value::Null => Some(0),
        Value::Int(small) => Some(small.into()),
        Value::Text(Tag::Json, digits) => digits.parse().ok(),
        _ => None,
    }
}

/// By how much an operation changes a counter.
pub(super) fn change(history: &History, op: OpId) -> Option<i128> {
    let by = number(history, history.written_value(op)?)?;
    match history.kind(op) {
        Kind::Increment => Some(by),
        Kind::Decrement => by.checked_neg(),
        _ => None,
    }
}
