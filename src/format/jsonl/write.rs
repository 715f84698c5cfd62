//! Writing the native format. It has a place for everything but Jepsen's events, and for names that only EDN tells apart.

use std::io::{self, Write};

use crate::{
    format::{WriteError, json::as_json, spelling},
    history::{History, KeyId, Kind, OpId, Status, TxnId, ValueId, Values},
};

pub(super) fn write(history: &History, lossy: bool, out: &mut dyn io::Write) -> Result<(), WriteError> {
    if !lossy {
        let refuse = |line, field: String| WriteError::Field { format: "jsonl", field, line };
        if let Some(event) = history.events().first() {
            return Err(refuse(Some(event.line), "events that are no operations (nemesis)".into()));
        }
        if let Some(clash) = spelling::clash(history) {
            return Err(refuse(None, format!("both {clash}, which are spelled alike in JSON")));
        }
    }
    let mut out = io::BufWriter::with_capacity(1 << 16, out);
    header(history, &mut out)?;
    for txn in history.txns() {
        line(history, txn, &mut out)?;
    }
    out.flush()?;
    Ok(())
}

/// The header and its line end, where there is something to say.
pub(in crate::format) fn header(history: &History, out: &mut impl Write) -> io::Result<()> {
    let values = history.values();
    let default = history.initial_default;
    let declared = !history.initial.is_empty() || !is_null(default);
    if !declared && history.about().is_none() {
        return Ok(());
    }
    write!(out, "{{\"testimony\":1")?;
    if declared {
        if history.initial.is_empty() && !Values::is_collection(default) {
            write!(out, ",\"initial\":{}", values.display(default))?;
        } else {
            let keys = (0..history.keys()).map(KeyId::new);
            let pairs: Vec<String> = keys
                .filter(|&key| !is_null(history.initial(key)))
                .map(|key| format!("[{},{}]", values.display(history.key_name(key)), values.display(history.initial(key))))
                .collect();
            write!(out, ",\"initial\":[{}]", pairs.join(","))?;
        }
    }
    if let Some(about) = history.about() {
        write!(out, ",\"about\":{}", serde_json::Value::from(about))?;
    }
    writeln!(out, "}}")
}

fn is_null(value: ValueId) -> bool {
    value == ValueId::NULL
}

fn line(history: &History, txn: TxnId, out: &mut impl Write) -> io::Result<()> {
    let values = history.values();
    write!(out, "{{\"session\":{}", values.display(history.session_name(history.txn_session(txn))))?;
    if let Some(node) = history.node(txn) {
        write!(out, ",\"node\":{}", values.display(history.node_name(node)))?;
    }
    let ops = history.txn_ops(txn);
    if ops.len() == 1 {
        for op in ops {
            write!(out, ",")?;
            operation(history, op, out)?;
        }
    } else {
        write!(out, ",\"txn\":[")?;
        for (i, op) in ops.enumerate() {
            write!(out, "{}", if i == 0 { "{" } else { ",{" })?;
            operation(history, op, out)?;
            write!(out, "}}")?;
        }
        write!(out, "]")?;
    }
    if let Some(time) = history.invoked(txn) {
        write!(out, ",\"invoke_ns\":{time}")?;
    }
    if let Some(time) = history.completed(txn) {
        write!(out, ",\"complete_ns\":{time}")?;
    }
    if history.txn_status(txn) != Status::Ok {
        write!(out, ",\"status\":\"{}\"", history.txn_status(txn).name())?;
    }
    if let Some(error) = history.error(txn) {
        write!(out, ",\"error\":{}", as_json(error))?;
    }
    writeln!(out, "}}")
}

/// The fields of an operation, without braces.
fn operation(history: &History, op: OpId, out: &mut impl Write) -> io::Result<()> {
    let values = history.values();
    let kind = history.kind(op);
    let value = |value| values.display(value);
    write!(out, "\"op\":\"{}\",\"key\":{}", kind.name(), value(history.key_name(history.key(op))))?;
    match (kind, history.read_value(op), history.written_value(op)) {
        (Kind::Cas, Some(from), Some(to)) => write!(out, ",\"from\":{},\"to\":{}", value(from), value(to))?,
        (_, Some(read), _) => write!(out, ",\"value\":{}", value(read))?,
        (_, _, Some(written)) => write!(out, ",\"value\":{}", value(written))?,
        (_, None, None) => unreachable!("an operation reads or writes"),
    }
    if let Some(version) = history.version(op) {
        write!(out, ",\"version\":{version}")?;
    }
    if history.is_final(op) {
        write!(out, ",\"final\":true")?;
    }
    Ok(())
}
