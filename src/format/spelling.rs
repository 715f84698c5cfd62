//! EDN tells `:x`, `x` and `":x"` apart where JSON has one spelling. Written as JSON they stay apart only if the history does not
//! use two of one spelling in the same role.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::history::{History, KeyId, OpId, SessionId, Tag, Value, ValueId, Values};

/// Two names or values of one role that JSON would spell alike, if there are any.
pub(super) fn clash(history: &History) -> Option<String> {
    let values = history.values();
    let sessions: FxHashSet<ValueId> = (0..history.sessions()).map(|i| history.session_name(SessionId::new(i))).collect();
    let keys: FxHashSet<ValueId> = (0..history.keys()).map(|i| history.key_name(KeyId::new(i))).collect();
    let of_op = |op: OpId| [history.read_value(op), history.written_value(op)];
    let initial = (0..history.keys()).map(|i| history.initial(KeyId::new(i)));
    let used: FxHashSet<ValueId> = history.ops().flat_map(of_op).flatten().chain(initial).collect();
    [sessions, keys, used].iter().find_map(|role| clash_among(values, role))
}

fn clash_among(values: &Values, role: &FxHashSet<ValueId>) -> Option<String> {
    if !role.iter().any(|&value| only_edn(values, value)) {
        return None;
    }
    let mut sorted: Vec<ValueId> = role.iter().copied().collect();
    sorted.sort_unstable();
    let mut spelled: FxHashMap<String, ValueId> = FxHashMap::default();
    sorted.into_iter().find_map(|value| {
        let text = values.display(value);
        let other = *spelled.entry(text).or_insert(value);
        (other != value).then(|| format!("the {} and the {} {}", sort(values, other), sort(values, value), values.display(value)))
    })
}

/// Has JSON no spelling of its own for a value? As deep as it nests, which reading bounds.
pub(super) fn only_edn(values: &Values, value: ValueId) -> bool {
    match values.get(value) {
        Value::Text(tag, _) => !matches!(tag, Tag::String | Tag::Json),
        Value::Collection(elements) => elements.iter().any(|&element| only_edn(values, element)),
        Value::Null | Value::Int(_) => false,
    }
}

fn sort(values: &Values, value: ValueId) -> &'static str {
    match values.get(value) {
        Value::Text(Tag::Keyword, _) => "keyword",
        Value::Text(Tag::Symbol, _) => "symbol",
        Value::Text(Tag::String, _) => "string",
        Value::Collection(_) => "collection",
        _ => "EDN value",
    }
}
