//! Reading Plume's format. One pass over the bytes without allocation per line.
//!
//! A transaction is (session, txn). Its lines stand together in every file that tools write; then they go straight into the history.
//! A session whose numbers do not rise may come back to a transaction: such a file is gathered by transaction first, which
//! costs a sort.

use rustc_hash::FxHashMap;

use crate::{
    format::{Fault, ReadError, ReadOptions, builder, finish},
    history::{History, HistoryBuilder, Kind, OpInput, Status, TxnInput, ValueId, Values},
};

pub(super) fn read(bytes: &[u8], options: &ReadOptions) -> Result<History, ReadError> {
    let place = |fault: Fault| fault.place(bytes);
    let history = match in_order(bytes, options).map_err(place)? {
        Some(history) => history,
        None => gathered(bytes, options).map_err(place)?,
    };
    finish(history, bytes)
}

/// One line.
#[derive(Clone, Copy)]
struct Row {
    kind: Kind,
    key: ValueId,
    value: ValueId,
    session: ValueId,
    txn: i64,
    line: u32,
}

/// The transaction number whose lines are aborted transactions, each of its own.
const ABORTED: i64 = -1;

impl Row {
    fn begin(&self, builder: &mut HistoryBuilder) {
        let status = if self.txn == ABORTED { Status::Fail } else { Status::Ok };
        builder.begin(TxnInput { status, ..TxnInput::ok(self.session) });
    }

    fn push(&self, builder: &mut HistoryBuilder) {
        builder.op(OpInput { line: self.line, ..OpInput::new(self.kind, self.key, self.value) });
    }
}

fn with_initial_zero(options: &ReadOptions) -> HistoryBuilder {
    let mut builder = builder(options);
    let zero = builder.values.int(0);
    builder.initial(None, zero);
    builder
}

/// The history, where the lines of each transaction stand together; `None` where that is not sure.
fn in_order(bytes: &[u8], options: &ReadOptions) -> Result<Option<HistoryBuilder>, Fault> {
    let mut builder = with_initial_zero(options);
    let mut latest: FxHashMap<ValueId, i64> = FxHashMap::default();
    let mut current = None;
    let mut rows = Rows { bytes, at: 0, line: 0 };
    while let Some(row) = rows.next(&mut builder.values)? {
        if row.txn == ABORTED {
            row.begin(&mut builder);
            current = None;
        } else if current != Some((row.session, row.txn)) {
            match latest.insert(row.session, row.txn) {
                Some(latest) if latest >= row.txn => return Ok(None),
                _ => row.begin(&mut builder),
            }
            current = Some((row.session, row.txn));
        }
        row.push(&mut builder);
    }
    Ok(Some(builder))
}

fn gathered(bytes: &[u8], options: &ReadOptions) -> Result<HistoryBuilder, Fault> {
    let mut builder = with_initial_zero(options);
    let mut first: FxHashMap<(ValueId, i64), u32> = FxHashMap::default();
    let mut numbered: Vec<(u32, Row)> = Vec::new();
    let mut rows = Rows { bytes, at: 0, line: 0 };
    while let Some(row) = rows.next(&mut builder.values)? {
        let number = numbered.len() as u32;
        let txn = if row.txn == ABORTED { number } else { *first.entry((row.session, row.txn)).or_insert(number) };
        numbered.push((txn, row));
    }
    numbered.sort_by_key(|&(txn, _)| txn);
    let mut current = None;
    for (txn, row) in numbered {
        if current != Some(txn) {
            row.begin(&mut builder);
            current = Some(txn);
        }
        row.push(&mut builder);
    }
    Ok(builder)
}

/// The lines of a file, parsed.
struct Rows<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u32,
}

impl Rows<'_> {
    fn next(&mut self, values: &mut Values) -> Result<Option<Row>, Fault> {
        let kind = loop {
            self.skip_blanks();
            match self.bytes.get(self.at) {
                None => return Ok(None),
                Some(b'\n') => {
                    self.at += 1;
                    self.line = self.line.saturating_add(1);
                }
                Some(b'r') => break Kind::Read,
                Some(b'w') => break Kind::Write,
                Some(_) => return Err(self.expected("`r(key,value,session,txn)` or `w(key,value,session,txn)`")),
            }
        };
        if self.line >= u32::MAX - 2 {
            return Err(Fault::new(self.at, "more than 2^32 operations"));
        }
        self.at += 1;
        self.punctuation(b'(')?;
        let key = self.integer("key")?;
        self.punctuation(b',')?;
        let value = self.integer("value")?;
        self.punctuation(b',')?;
        let session = self.integer("session")?;
        self.punctuation(b',')?;
        self.skip_blanks();
        let at = self.at;
        let txn = self.integer("txn")?;
        let txn = i64::try_from(txn).map_err(|_| Fault::new(at, "a transaction number beyond 64 bits"))?;
        self.punctuation(b')')?;
        self.skip_blanks();
        if !matches!(self.bytes.get(self.at), None | Some(b'\n')) {
            return Err(self.expected("the end of the line"));
        }
        let (key, value, session) = (values.int(key), values.int(value), values.int(session));
        Ok(Some(Row { kind, key, value, session, txn, line: self.line + 1 }))
    }

    #[inline]
    fn skip_blanks(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\r')) {
            self.at += 1;
        }
    }

    #[inline]
    fn punctuation(&mut self, byte: u8) -> Result<(), Fault> {
        self.skip_blanks();
        if self.bytes.get(self.at) != Some(&byte) {
            return Err(self.expected(&format!("`{}`", byte as char)));
        }
        self.at += 1;
        Ok(())
    }

    #[inline]
    fn integer(&mut self, name: &str) -> Result<i128, Fault> {
        self.skip_blanks();
        let start = self.at;
        let negative = self.bytes.get(start) == Some(&b'-');
        let first = start + usize::from(negative);
        let mut at = first;
        let mut value = 0u64;
        while let Some(digit) = self.bytes.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|&digit| digit < 10) {
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
            at += 1;
        }
        if at == first {
            return Err(self.expected(&format!("an integer for the {name}")));
        }
        self.at = at;
        // Nineteen digits fit 64 bits.
        if at - first <= 19 {
            let value = i128::from(value);
            return Ok(if negative { -value } else { value });
        }
        let text = std::str::from_utf8(&self.bytes[start..at]).expect("digits");
        text.parse().map_err(|_| Fault::new(start, "an integer beyond 128 bits"))
    }

    #[cold]
    fn expected(&self, what: &str) -> Fault {
        let rest = &self.bytes[self.at..];
        let found = match std::str::from_utf8(&rest[..rest.len().min(4)]) {
            Ok(text) => text.chars().next(),
            Err(error) => String::from_utf8_lossy(&rest[..error.valid_up_to().max(1)]).chars().next(),
        };
        let found = match found {
            None => "the end of the file".to_owned(),
            Some('\n') => "the end of the line".to_owned(),
            Some(c) => format!("`{}`", c.escape_debug()),
        };
        Fault::new(self.at, format!("expected {what}, found {found}"))
    }
}
