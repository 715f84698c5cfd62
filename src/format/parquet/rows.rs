//! From cells to the columns of a history: interns, checks what the native format checks, and puts the rows of each transaction together.

use super::Field;
use super::cells::{Cell, Cells, at_row};
use crate::{
    format::{
        Fault,
        edn::Reader,
        form::Tape,
        intern::{intern, json_string},
        json::{Raw, as_json, without_place},
        suggest::did_you_mean,
    },
    history::{Columns, HistoryBuilder, Kind, NO_NODE, NO_TIME, NO_VERSION, Status, Tag, Value, ValueId, Values},
};

/// The rows so far, column by column. Those that the file does not have stay empty.
pub(super) struct Rows {
    builder: HistoryBuilder,
    count: usize,
    /// What needs no more than to be read; its columns by transaction are by row here.
    columns: Columns,
    from: Vec<ValueId>,
    to: Vec<ValueId>,
    txn: Vec<Option<i64>>,
    /// By row, which of the texts.
    error: Vec<Option<u32>>,
    error_texts: Vec<String>,
}

impl Rows {
    pub fn new(builder: HistoryBuilder, count: usize) -> Self {
        Rows {
            builder,
            count,
            columns: Columns::default(),
            from: Vec::new(),
            to: Vec::new(),
            txn: Vec::new(),
            error: Vec::new(),
            error_texts: Vec::new(),
        }
    }

    pub fn builder(&mut self) -> &mut HistoryBuilder {
        &mut self.builder
    }

    /// Appends the cells of a field.
    pub fn take(&mut self, field: Field, cells: &Cells, edn: bool) -> Result<(), String> {
        let (columns, builder) = (&mut self.columns, &mut self.builder);
        let value = |cell: Cell, values: &mut Values| value(cell, edn, values);
        match field {
            Field::Session => cells.each(&mut columns.session, |cell| match value(cell, &mut builder.values)? {
                ValueId::NULL => Err("no session".into()),
                name => Ok(builder.session_index(name)),
            }),
            Field::Node => cells.each(&mut columns.node, |cell| match value(cell, &mut builder.values)? {
                ValueId::NULL => Ok(NO_NODE),
                name => Ok(builder.node_index(name)),
            }),
            Field::Op => cells.each(&mut columns.kind, |cell| named(cell, "op", &Kind::ALL, Kind::name)),
            // (`null` is a name too.)
            Field::Key => cells.each(&mut columns.key, |cell| {
                let name = value(cell, &mut builder.values)?;
                Ok(builder.key_index(name))
            }),
            Field::Value => cells.each(&mut columns.value, |cell| value(cell, &mut builder.values)),
            Field::From => cells.each(&mut self.from, |cell| value(cell, &mut builder.values)),
            Field::To => cells.each(&mut self.to, |cell| value(cell, &mut builder.values)),
            Field::Txn => cells.each(&mut self.txn, |cell| match cell {
                Cell::Nothing => Ok(None),
                _ => integer(cell).map(Some),
            }),
            Field::Status => cells.each(&mut columns.status, |cell| match cell {
                Cell::Nothing => Ok(Status::Ok),
                _ => named(cell, "status", &[Status::Ok, Status::Fail, Status::Info], Status::name),
            }),
            Field::Invoke => cells.each(&mut columns.invoke, time),
            Field::Complete => cells.each(&mut columns.complete, time),
            Field::Version => cells.each(&mut columns.version, version),
            Field::Final => cells.each(&mut columns.is_final, |cell| match cell {
                Cell::Nothing => Ok(false),
                Cell::Bool(is_final) => Ok(is_final),
                _ => Err("expected true or false".into()),
            }),
            Field::Error => {
                let texts = &mut self.error_texts;
                cells.each(&mut self.error, |cell| {
                    texts.push(match cell {
                        Cell::Nothing => return Ok(None),
                        Cell::Json(text) => as_json(text).into_owned(),
                        Cell::Text(text) => json_string(text),
                        _ => return Err("expected text".into()),
                    });
                    Ok(Some(texts.len() as u32 - 1))
                })
            }
            Field::Line => cells.each(&mut columns.line, |cell| match cell {
                Cell::Nothing => Ok(0),
                _ => u32::try_from(integer(cell)?).map_err(|_| "a line number that does not fit 32 bits".into()),
            }),
        }
    }

    /// The history, to be finished.
    pub fn finish(mut self) -> Result<HistoryBuilder, String> {
        self.values()?;
        self.marks()?;
        let first = self.transactions()?;
        self.agree(&first)?;
        let columns = &mut self.columns;
        if columns.status.is_empty() {
            columns.status = vec![Status::Ok; self.count];
        }
        if columns.line.is_empty() {
            columns.line = (1..=self.count as u32).collect();
        }
        columns.errors = (0u32..)
            .zip(&first)
            .filter_map(|(txn, &row)| Some((txn, self.error_texts[(*self.error.get(row as usize)?)? as usize].clone())))
            .collect();
        of_first(&mut columns.session, &first);
        of_first(&mut columns.status, &first);
        filled(&mut columns.invoke, NO_TIME, &first);
        filled(&mut columns.complete, NO_TIME, &first);
        filled(&mut columns.node, NO_NODE, &first);
        if columns.version.iter().all(|&version| version == NO_VERSION) {
            columns.version = Vec::new();
        }
        if columns.is_final.iter().all(|&is_final| !is_final) {
            columns.is_final = Vec::new();
        }
        columns.first = first;
        self.builder.columns(self.columns);
        Ok(self.builder)
    }

    /// A cas has `from` and `to`, every other operation a `value`, and a counter's is an integer.
    fn values(&mut self) -> Result<(), String> {
        let columns = &mut self.columns;
        let no_value = columns.value.is_empty();
        columns.value.resize(self.count, ValueId::NULL);
        let apart = |column: &[ValueId], row: usize| column.get(row).copied().unwrap_or(ValueId::NULL);
        for (row, &kind) in columns.kind.iter().enumerate() {
            let value = &mut columns.value[row];
            if kind == Kind::Cas {
                if self.from.is_empty() || self.to.is_empty() {
                    return Err(at_row(row, "a cas needs both columns `from` and `to`"));
                }
                if *value != ValueId::NULL {
                    return Err(at_row(row, "a cas has `from` and `to` in place of `value`"));
                }
                *value = self.from[row];
                columns.to.push((row as u32, self.to[row]));
                continue;
            }
            if no_value {
                return Err(at_row(row, format_args!("a {} and no column `value`", kind.name())));
            }
            if apart(&self.from, row) != ValueId::NULL || apart(&self.to, row) != ValueId::NULL {
                return Err(at_row(row, format_args!("`from` or `to` on a {}: only a cas has them", kind.name())));
            }
            if matches!(kind, Kind::Increment | Kind::Decrement) && !is_integer(&self.builder.values, *value) {
                return Err(at_row(row, "a counter counts by integers"));
            }
        }
        Ok(())
    }

    /// Only a read is made after quiescence.
    fn marks(&self) -> Result<(), String> {
        let mut marked = self.columns.is_final.iter().zip(&self.columns.kind).enumerate();
        match marked.find(|(_, (is_final, kind))| **is_final && **kind != Kind::Read) {
            Some((row, (_, kind))) => {
                Err(at_row(row, format_args!("`final` on a {}: only a read is made after quiescence", kind.name())))
            }
            None => Ok(()),
        }
    }

    /// The first row of each transaction.
    fn transactions(&self) -> Result<Vec<u32>, String> {
        if self.txn.is_empty() {
            return Ok((0..self.count as u32).collect());
        }
        let name = |row: usize| Some((self.columns.session[row], self.txn[row]?));
        let first: Vec<u32> = (0..self.count)
            .filter(|&row| row == 0 || name(row).is_none() || name(row) != name(row - 1))
            .map(|row| row as u32)
            .collect();
        let mut names: Vec<_> = first.iter().filter_map(|&row| Some((name(row as usize)?, row))).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => {
                let message = format!("transaction {} of its session comes back: its rows must stand together", pair[1].0.1);
                Err(at_row(pair[1].1 as usize, message))
            }
            None => Ok(first),
        }
    }

    /// What belongs to a transaction is the same in all its rows.
    fn agree(&self, first: &[u32]) -> Result<(), String> {
        let columns = &self.columns;
        let mut starts = first.iter().copied().peekable();
        for row in 0..if first.len() < self.count { self.count } else { 0 } {
            if starts.next_if_eq(&(row as u32)).is_some() {
                continue;
            }
            let text = |row: usize| self.error.get(row).copied().flatten().map(|text| &self.error_texts[text as usize]);
            let differing = [
                (differs(&columns.status, row), Field::Status),
                (differs(&columns.invoke, row), Field::Invoke),
                (differs(&columns.complete, row), Field::Complete),
                (differs(&columns.node, row), Field::Node),
                (text(row) != text(row - 1), Field::Error),
            ];
            if let Some((_, field)) = differing.iter().find(|(differs, _)| *differs) {
                return Err(at_row(
                    row,
                    format_args!("another `{}` than in the row before, of the same transaction", field.name()),
                ));
            }
        }
        Ok(())
    }
}

fn differs<T: PartialEq>(column: &[T], row: usize) -> bool {
    !column.is_empty() && column[row] != column[row - 1]
}

/// Of a column by row, what stands in the first row of each transaction.
fn of_first<T: Copy>(column: &mut Vec<T>, first: &[u32]) {
    if first.len() < column.len() {
        *column = first.iter().map(|&row| column[row as usize]).collect();
    }
}

/// The same of a column that is empty where nothing is in it.
fn filled<T: Copy + PartialEq>(column: &mut Vec<T>, none: T, first: &[u32]) {
    if column.iter().all(|&cell| cell == none) {
        *column = Vec::new();
    }
    of_first(column, first);
}

fn value(cell: Cell, edn: bool, values: &mut Values) -> Result<ValueId, String> {
    match cell {
        Cell::Nothing => Ok(ValueId::NULL),
        Cell::Integer(value) => Ok(values.int(value)),
        Cell::Bool(value) => Ok(values.bool(value)),
        Cell::Float(value) if value.is_finite() => Ok(values.float(value)),
        Cell::Float(_) => Err("a number that is not finite".into()),
        Cell::Timestamp(_) => Err("a timestamp".into()),
        Cell::Text(text) if edn => {
            let mut tape = Tape::default();
            let mut reader = Reader::new(text);
            let mut only = || -> Result<Option<ValueId>, Fault> {
                let index = reader.form(&mut tape)?.filter(|_| matches!(reader.token(), Ok(None)));
                index.map(|index| intern(&tape, index, values)).transpose()
            };
            only().map_err(|fault| fault.message)?.ok_or_else(|| "not one EDN value".into())
        }
        Cell::Text(text) => Ok(values.string(text)),
        Cell::Json(text) => {
            let raw: &serde_json::value::RawValue = serde_json::from_str(text).map_err(|error| without_place(&error))?;
            Raw { text: raw.get(), at: 0 }.intern(values, &mut Tape::default()).map_err(|fault| fault.message)
        }
    }
}

fn is_integer(values: &Values, value: ValueId) -> bool {
    match values.get(value) {
        Value::Int(_) => true,
        Value::Text(Tag::Json, text) => text.parse::<i128>().is_ok(),
        _ => false,
    }
}

fn named<T: Copy>(cell: Cell, what: &str, all: &[T], name: fn(T) -> &'static str) -> Result<T, String> {
    let Cell::Text(text) = cell else { return Err("expected text".into()) };
    all.iter().copied().find(|&one| name(one) == text).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|&one| name(one)).collect();
        format!("unknown {what} {}; expected {}{}", json_string(text), names.join(", "), did_you_mean(text, &names))
    })
}

fn integer(cell: Cell) -> Result<i64, String> {
    match cell {
        Cell::Integer(value) => i64::try_from(value).map_err(|_| "an integer that does not fit 64 bits".into()),
        _ => Err("expected integers".into()),
    }
}

fn time(cell: Cell) -> Result<i64, String> {
    let time = match cell {
        Cell::Nothing => return Ok(NO_TIME),
        Cell::Timestamp(time) => time,
        _ => integer(cell)?,
    };
    // The least is the mark of "no time"; no clock shows it.
    if time == NO_TIME { Err("a time that does not fit 64 bits".into()) } else { Ok(time) }
}

fn version(cell: Cell) -> Result<i128, String> {
    let version = match cell {
        Cell::Nothing => return Ok(NO_VERSION),
        Cell::Integer(version) => Some(version),
        Cell::Text(digits) => digits.parse().ok(),
        _ => None,
    };
    version.filter(|&version| version != NO_VERSION).ok_or_else(|| "expected integers of at most 128 bits".into())
}
