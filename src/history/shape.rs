//! What a read may return: of a list or set a collection, of a counter an integer, of each also `null`.
//!
//! A list that was read as 5 is no list: were it let in, its reads would show nothing, contradict nothing, and every model be satisfied. Only
//! acknowledged reads are looked at; the others prove nothing. Cost: two passes over the operations, none where all keys are registers.

use super::builder::BuildError;
use super::{DataType, History, Kind, Status, Tag, Value, ValueId, Values};

/// Refuses the first read of a list, set or counter that returned something else. A key that is only read has its type from the other keys,
/// so such a read makes it a register instead, unless the types were `given`.
pub(super) fn check_reads(history: &mut History, given: bool) -> Result<(), BuildError> {
    if history.key_types.iter().all(|&data_type| data_type == DataType::Register) {
        return Ok(());
    }
    let mut typed = vec![given; history.keys()];
    for op in history.ops().filter(|&op| history.kind(op) != Kind::Read) {
        typed[history.key(op).index()] = true;
    }
    for op in history.ops() {
        let (key, value) = (history.key(op), history.op_value[op.index()]);
        let data_type = history.key_type(key);
        let proves = history.kind(op) == Kind::Read && history.status(op) == Status::Ok;
        if !proves || fits(&history.values, value, data_type) {
            continue;
        }
        if !typed[key.index()] {
            history.key_types[key.index()] = DataType::Register;
            continue;
        }
        let shape = if data_type == DataType::Counter { "an integer" } else { "an array" };
        let (key, found) = (history.values.display(history.key_name(key)), history.values.display(value));
        let message = format!("key {key} is a {}: a read of it must return {shape} or null, found `{found}`", data_type.name());
        return Err(BuildError { line: Some(history.line(op)), message });
    }
    Ok(())
}

fn fits(values: &Values, value: ValueId, data_type: DataType) -> bool {
    match (data_type, values.get(value)) {
        (DataType::Register, _) | (_, Value::Null) => true,
        (DataType::List | DataType::Set, Value::Collection(_)) | (DataType::Counter, Value::Int(_)) => true,
        (DataType::Counter, Value::Text(Tag::Json, text)) => text.parse::<i128>().is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{HistoryBuilder, OpInput, TxnInput};
    use super::*;

    /// An append to x, then a read of `key` that returned 5.
    fn read_of(key: &str, status: Status) -> Result<History, BuildError> {
        let mut b = HistoryBuilder::new();
        let (session, x, key) = (b.values.string("s"), b.values.string("x"), b.values.string(key));
        b.begin(TxnInput::ok(session));
        b.op(OpInput { line: 1, ..OpInput::new(Kind::Append, x, ValueId(1)) });
        b.begin(TxnInput { status, ..TxnInput::ok(session) });
        b.op(OpInput { line: 2, ..OpInput::new(Kind::Read, key, ValueId(5)) });
        b.finish()
    }

    #[test]
    fn a_list_is_read_as_a_list() {
        let error = read_of("x", Status::Ok).err().expect("refused");
        assert_eq!(error.line, Some(2));
        assert_eq!(error.message, "key \"x\" is a list: a read of it must return an array or null, found `5`");
        assert!(read_of("x", Status::Info).is_ok(), "it proves nothing");
    }

    #[test]
    fn a_key_only_read_is_what_its_reads_say() {
        let history = read_of("y", Status::Ok).unwrap();
        assert_eq!(history.key_types, [DataType::List, DataType::Register]);
    }
}
