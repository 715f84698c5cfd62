//! What Jepsen's maps have no place for.

use super::write::{Notation, process};
use crate::{
    format::spelling,
    history::{History, KeyId, Kind, OpId, TxnId, ValueId, Values},
};

/// The first fact that Jepsen's maps have no place for, and its line.
pub(super) fn unheld(history: &History, notation: Notation) -> Option<(Option<u32>, String)> {
    let whole = |field: &str| Some((None, field.to_owned()));
    if history.about().is_some() {
        return whole("`about`");
    }
    if history.initial_default != ValueId::NULL || !history.initial.is_empty() {
        return whole("`initial`");
    }
    if let Some(event) = history.events().iter().find(|event| !notation.holds_event(&event.text)) {
        return Some((Some(event.line), "events in the other notation".to_owned()));
    }
    if notation == Notation::Json
        && let Some(clash) = spelling::clash(history)
    {
        return Some((None, format!("both {clash}, which are spelled alike in JSON")));
    }
    if let Some(key) = ambiguous_adds(history) {
        let key = history.value_text(key);
        return Some((None, format!("the adds of key {key}, which would be read as increments: no read shows a set")));
    }
    history.txns().find_map(|txn| unheld_of_txn(history, txn))
}

fn unheld_of_txn(history: &History, txn: TxnId) -> Option<(Option<u32>, String)> {
    let ops: Vec<OpId> = history.txn_ops(txn).collect();
    let several = ops.len() > 1;
    let line = ops.first().map(|&op| history.line(op));
    let session = history.txn_session(txn);
    if process(history, session).is_none() {
        let name = history.value_text(history.session_name(session));
        return Some((line, format!("`session` {name}: a process is an integer")));
    }
    let reads: Vec<bool> = ops.iter().filter(|&&op| history.kind(op) == Kind::Read).map(|&op| history.is_final(op)).collect();
    if reads.contains(&true) && reads.contains(&false) {
        return Some((line, "`final` on some reads of a transaction".to_owned()));
    }
    ops.into_iter().find_map(|op| {
        let kind = history.kind(op);
        let field = match history.version(op) {
            Some(_) if several => "`version` in a transaction of several operations".to_owned(),
            _ if !has_place(history, op) => format!("`value` null of an {}", kind.name()),
            _ => return None,
        };
        Some((Some(history.line(op)), field))
    })
}

/// To Jepsen, an element or an amount that is nil is none.
pub(super) fn has_place(history: &History, op: OpId) -> bool {
    matches!(history.kind(op), Kind::Read | Kind::Write | Kind::Cas) || history.written_value(op) != Some(ValueId::NULL)
}

/// A set whose `:add`s would be read as a counter's, as the builder decides: numbers are read, or a value is added twice and nothing
/// shows that it is a set.
fn ambiguous_adds(history: &History) -> Option<ValueId> {
    let keys = history.keys();
    let (mut set, mut counter) = (vec![false; keys], vec![false; keys]);
    let mut adds = Vec::new();
    for op in history.ops() {
        let key = history.key(op).index();
        match (history.kind(op), history.read_value(op), history.written_value(op)) {
            (Kind::Read, Some(value), _) if Values::is_collection(value) => set[key] = true,
            (Kind::Read, Some(value), _) if value != ValueId::NULL => counter[key] = true,
            (Kind::Remove, ..) => set[key] = true,
            (Kind::Add, _, Some(value)) => adds.push((key, value)),
            _ => {}
        }
    }
    adds.sort_unstable();
    let repeated = adds.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].0);
    let read = adds.iter().map(|&(key, _)| key).filter(|&key| counter[key]);
    let key = repeated.chain(read).find(|&key| !set[key])?;
    Some(history.key_name(KeyId::new(key)))
}
