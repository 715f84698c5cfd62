//! Writing: which columns there are and of what type depends on what the history has; a column in which there would be nothing is left out.
//!
//! Names are dictionary-coded, numbers differences, all packed with zstd. Cost: O(operations), and the file in memory.

use std::io;
use std::sync::Arc;

use parquet::basic::{Compression, Encoding, LogicalType, Repetition, Type as PhysicalType, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::{
    metadata::KeyValue,
    properties::{EnabledStatistics, WriterProperties},
    writer::{SerializedColumnWriter, SerializedFileWriter},
};
use parquet::schema::types::{ColumnPath, Type};
use rustc_hash::FxHashMap;

use super::{EDN, EVENTS, Field, HEADER};
use crate::{
    format::{WriteError, edn, intern::json_string, json::as_json, jsonl, spelling::only_edn},
    history::{History, KeyId, Kind, OpId, Status, Tag, Value, ValueId, Values},
};

/// Rows of a row group: enough that a dictionary pays, few enough that as many groups as there are threads fit in memory.
const GROUP: usize = 1 << 18;

pub(super) fn write(history: &History, lossy: bool, out: &mut dyn io::Write) -> Result<(), WriteError> {
    if !lossy {
        refuse_what_has_no_place(history)?;
    }
    let mut packed = Vec::new();
    file(history, &mut packed).map_err(io::Error::other)?;
    out.write_all(&packed)?;
    Ok(())
}

fn refuse_what_has_no_place(history: &History) -> Result<(), WriteError> {
    let refuse = |field: &str| Err(WriteError::Field { format: "parquet", field: field.into(), line: None });
    if history.txns().any(|txn| history.txn_ops(txn).len() == 0) {
        return refuse("a transaction without operations");
    }
    let values = history.values();
    let mut keys = (0..history.keys()).map(KeyId::new).filter(|&key| history.initial(key) != ValueId::NULL);
    if keys.any(|key| {
        let named = !history.initial.is_empty() && only_edn(values, history.key_name(key));
        named || only_edn(values, history.initial(key))
    }) {
        return refuse("`initial` of a key or value that only EDN can spell");
    }
    Ok(())
}

fn file(history: &History, out: &mut Vec<u8>) -> Result<(), ParquetError> {
    let columns = columns(history);
    let mut fields = Vec::new();
    let level = ZstdLevel::try_new(3)?;
    let mut properties = WriterProperties::builder()
        .set_created_by(format!("testimony version {}", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::ZSTD(level))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_data_page_row_count_limit(GROUP)
        .set_key_value_metadata(Some(metadata(history)));
    for column in &columns {
        fields.push(Arc::new(column.described()?));
        let path = ColumnPath::from(column.name.as_str());
        properties = match (&column.cells, column.field) {
            // Names are few, however long: a dictionary takes 16 MiB before it is given up.
            (_, Field::Session | Field::Node | Field::Key) => properties.set_column_dictionary_page_size_limit(path, 16 << 20),
            (Of::Integers(_) | Of::Values(_, Spelling::Integers), _) => properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED),
            _ => properties,
        };
    }
    let schema = Type::group_type_builder("history").with_fields(fields).build()?;
    let mut writer = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties.build()))?;
    for start in (0..history.operations()).step_by(GROUP) {
        let ops = start..history.operations().min(start + GROUP);
        let mut group = writer.next_row_group()?;
        for column in &columns {
            let mut into = group.next_column()?.expect("as many columns as the schema has");
            column.write(history, ops.clone().map(OpId::new), &mut into)?;
            into.close()?;
        }
        group.close()?;
    }
    writer.close()?;
    Ok(())
}

fn metadata(history: &History) -> Vec<KeyValue> {
    let mut header = Vec::new();
    jsonl::write_header(history, &mut header).expect("memory takes it");
    let header = String::from_utf8(header).expect("JSON is UTF-8");
    let header = if header.is_empty() { "{\"testimony\":1}" } else { header.trim_end() };
    let mut metadata = vec![KeyValue::new(HEADER.to_owned(), header.to_owned())];
    if !history.events().is_empty() {
        let events = history.events().iter().map(|event| {
            let time = event.time_ns.map_or("null".to_owned(), |time| time.to_string());
            format!("[{},{time},{}]", event.line, json_string(&event.text))
        });
        metadata.push(KeyValue::new(EVENTS.to_owned(), format!("[{}]", events.collect::<Vec<_>>().join(","))));
    }
    metadata
}

/// A column, and where its cells are from.
struct Column<'h> {
    field: Field,
    name: String,
    optional: bool,
    cells: Of<'h>,
}

enum Of<'h> {
    Values(Box<dyn Fn(OpId) -> ValueId + 'h>, Spelling),
    Names(Box<dyn Fn(OpId) -> &'static str + 'h>),
    Integers(Box<dyn Fn(OpId) -> Option<i64> + 'h>),
    /// Text, JSON text where it says so.
    Texts(Box<dyn Fn(OpId) -> Option<String> + 'h>, bool),
    Booleans(Box<dyn Fn(OpId) -> bool + 'h>),
}

/// How the values of a column are told apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spelling {
    Integers,
    Strings,
    Json,
    Edn,
}

fn columns(history: &History) -> Vec<Column<'_>> {
    let values = |field, of| value_column(history, field, of);
    let other = |field: Field, optional, cells| Column { field, name: field.name().to_owned(), optional, cells };
    let cas_only = |op: OpId, value: Option<ValueId>| value.filter(|_| history.kind(op) == Kind::Cas).unwrap_or(ValueId::NULL);
    let mut columns = vec![values(Field::Session, Box::new(|op| history.session_name(history.session(op))))];
    if history.nodes() > 0 {
        let name = |op| history.node(history.txn(op)).map_or(ValueId::NULL, |node| history.node_name(node));
        columns.push(values(Field::Node, Box::new(name)));
    }
    columns.push(other(Field::Op, false, Of::Names(Box::new(|op| history.kind(op).name()))));
    columns.push(values(Field::Key, Box::new(|op| history.key_name(history.key(op)))));
    let value = |op| match history.kind(op) {
        Kind::Cas => ValueId::NULL,
        _ => history.read_value(op).or(history.written_value(op)).expect("an operation reads or writes"),
    };
    columns.push(values(Field::Value, Box::new(value)));
    if history.ops().any(|op| history.kind(op) == Kind::Cas) {
        columns.push(values(Field::From, Box::new(move |op| cas_only(op, history.read_value(op)))));
        columns.push(values(Field::To, Box::new(move |op| cas_only(op, history.written_value(op)))));
    }
    if history.txns().any(|txn| history.txn_ops(txn).len() != 1) {
        columns.push(other(Field::Txn, false, Of::Integers(Box::new(|op| Some(history.txn(op).index() as i64)))));
    }
    if history.txns().any(|txn| history.txn_status(txn) != Status::Ok) {
        columns.push(other(Field::Status, false, Of::Names(Box::new(|op| history.status(op).name()))));
    }
    if history.txns().any(|txn| history.invoked(txn).is_some()) {
        columns.push(other(Field::Invoke, true, Of::Integers(Box::new(|op| history.invoked(history.txn(op))))));
    }
    if history.txns().any(|txn| history.completed(txn).is_some()) {
        columns.push(other(Field::Complete, true, Of::Integers(Box::new(|op| history.completed(history.txn(op))))));
    }
    let mut versions = history.ops().filter_map(|op| history.version(op)).peekable();
    if versions.peek().is_some() {
        let cells = match versions.all(|version| i64::try_from(version).is_ok()) {
            true => Of::Integers(Box::new(|op| history.version(op).map(|version| version as i64))),
            false => Of::Texts(Box::new(|op| Some(history.version(op)?.to_string())), false),
        };
        columns.push(other(Field::Version, true, cells));
    }
    if history.ops().any(|op| history.is_final(op)) {
        columns.push(other(Field::Final, false, Of::Booleans(Box::new(|op| history.is_final(op)))));
    }
    if history.txns().any(|txn| history.error(txn).is_some()) {
        let text = |op| Some(as_json(history.error(history.txn(op))?).into_owned());
        columns.push(other(Field::Error, true, Of::Texts(Box::new(text), true)));
    }
    if history.ops().any(|op| history.line(op) as usize != op.index() + 1) {
        columns.push(other(Field::Line, false, Of::Integers(Box::new(|op| Some(history.line(op).into())))));
    }
    columns
}

fn value_column<'h>(history: &'h History, field: Field, of: Box<dyn Fn(OpId) -> ValueId + 'h>) -> Column<'h> {
    let (spelling, optional) = spelling(history, &of);
    let name = format!("{}{}", field.name(), if spelling == Spelling::Edn { EDN } else { "" });
    Column { field, name, optional, cells: Of::Values(of, spelling) }
}

/// The plainest spelling that keeps all values apart, and whether there is a `null` among them.
fn spelling(history: &History, of: &dyn Fn(OpId) -> ValueId) -> (Spelling, bool) {
    let values = history.values();
    let (mut integers, mut strings, mut json, mut optional) = (true, true, true, false);
    let mut last = None;
    for value in history.ops().map(of) {
        if last.replace(value) == Some(value) {
            continue;
        }
        match values.get(value) {
            Value::Null => optional = true,
            Value::Int(_) => strings = false,
            Value::Text(Tag::String, _) => integers = false,
            Value::Text(Tag::Json, text) => (integers, strings) = (integers && text.parse::<i64>().is_ok(), false),
            _ => (integers, strings, json) = (false, false, json && !only_edn(values, value)),
        }
    }
    let spelling = match (integers, strings, json) {
        // (Nothing but `null` is either.)
        (true, false, _) => Spelling::Integers,
        (_, true, _) => Spelling::Strings,
        (_, _, true) => Spelling::Json,
        _ => Spelling::Edn,
    };
    (spelling, optional)
}

impl Column<'_> {
    fn described(&self) -> Result<Type, ParquetError> {
        let (physical, logical) = match &self.cells {
            Of::Values(_, Spelling::Integers) | Of::Integers(_) => (PhysicalType::INT64, None),
            Of::Values(_, Spelling::Json) | Of::Texts(_, true) => (PhysicalType::BYTE_ARRAY, Some(LogicalType::Json)),
            Of::Values(..) | Of::Names(_) | Of::Texts(_, false) => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
            Of::Booleans(_) => (PhysicalType::BOOLEAN, None),
        };
        let repetition = if self.optional { Repetition::OPTIONAL } else { Repetition::REQUIRED };
        Type::primitive_type_builder(&self.name, physical).with_repetition(repetition).with_logical_type(logical).build()
    }

    fn write(
        &self,
        history: &History,
        ops: impl Iterator<Item = OpId>,
        into: &mut SerializedColumnWriter,
    ) -> Result<(), ParquetError> {
        let values = history.values();
        match &self.cells {
            Of::Values(of, Spelling::Integers) => {
                let integer = |op| match values.get(of(op)) {
                    Value::Int(number) => Some(number.into()),
                    Value::Text(_, text) => text.parse().ok(),
                    _ => None,
                };
                self.put::<Int64Type>(ops.map(integer), into)
            }
            Of::Values(of, spelling) => {
                let mut known: FxHashMap<ValueId, ByteArray> = FxHashMap::default();
                let text = |op| {
                    let value = of(op);
                    let text = || ByteArray::from(spelled(values, value, *spelling).into_bytes());
                    (value != ValueId::NULL).then(|| known.entry(value).or_insert_with(text).clone())
                };
                self.put::<ByteArrayType>(ops.map(text), into)
            }
            Of::Names(of) => {
                let mut known: FxHashMap<&str, ByteArray> = FxHashMap::default();
                let text = |op| known.entry(of(op)).or_insert_with_key(|&name| ByteArray::from(name)).clone();
                self.put::<ByteArrayType>(ops.map(text).map(Some), into)
            }
            Of::Integers(of) => self.put::<Int64Type>(ops.map(of), into),
            Of::Texts(of, _) => self.put::<ByteArrayType>(ops.map(|op| Some(ByteArray::from(of(op)?.into_bytes()))), into),
            Of::Booleans(of) => self.put::<BoolType>(ops.map(|op| Some(of(op))), into),
        }
    }

    fn put<T: parquet::data_type::DataType>(
        &self,
        cells: impl Iterator<Item = Option<T::T>>,
        into: &mut SerializedColumnWriter,
    ) -> Result<(), ParquetError> {
        let mut levels = Vec::new();
        let mut filled = Vec::new();
        for cell in cells {
            levels.push(i16::from(cell.is_some()));
            filled.extend(cell);
        }
        into.typed::<T>().write_batch(&filled, self.optional.then_some(&levels), None)?;
        Ok(())
    }
}

fn spelled(values: &Values, value: ValueId, spelling: Spelling) -> String {
    match (spelling, values.get(value)) {
        (Spelling::Strings, Value::Text(_, text)) => text.to_owned(),
        (Spelling::Edn, _) => edn::value_text(values, value),
        _ => values.display(value),
    }
}
