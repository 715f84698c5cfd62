//! Reading Plume's format. One pass over the bytes without allocation per line, in pieces side by side.
//!
//! A transaction is (session, txn). Its lines stand together in every file that tools write; then they go straight into the history.
//! A session whose numbers do not rise may come back to a transaction: such a file is gathered by transaction first, which
//! costs a sort.

use rustc_hash::FxHashMap;

use crate::{
    format::{Fault, ReadError, ReadOptions, builder, finish, pieces},
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

/// Lines are hardly ever shorter.
const SHORT: usize = 16;

/// The transaction number whose lines are aborted transactions, each of its own.
const ABORTED: i64 = -1;

impl Row {
    /// Returns the number of the session.
    #[inline(always)]
    fn begin(&self, builder: &mut HistoryBuilder) -> u32 {
        let status = if self.txn == ABORTED { Status::Fail } else { Status::Ok };
        builder.open(TxnInput { status, ..TxnInput::ok(self.session) })
    }

    #[inline(always)]
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

/// Why a run of lines is not taken as it is.
enum Stop {
    Wrong(Fault),
    /// A session comes back to a transaction, perhaps.
    OutOfOrder,
}

/// The history, where the lines of each transaction stand together; `None` where that is not sure.
fn in_order(bytes: &[u8], options: &ReadOptions) -> Result<Option<HistoryBuilder>, Fault> {
    let mut whole = Ordered { builder: with_initial_zero(options), ..Ordered::default() };
    let read = pieces::read(
        bytes,
        |piece| Ordered::read(piece.bytes, piece.at),
        |part, piece| {
            whole.append(part)?;
            match whole.builder.operations() < u32::MAX as usize - 2 {
                true => Ok(()),
                false => Err(Stop::Wrong(Fault::new(piece.at, "more than 2^32 operations"))),
            }
        },
    );
    match read {
        Ok(()) => Ok(Some(whole.builder)),
        Err(Stop::OutOfOrder) => Ok(None),
        Err(Stop::Wrong(fault)) => Err(fault),
    }
}

/// A run of lines in which the lines of each transaction stand together, and the numbers of each session rise.
#[derive(Default)]
struct Ordered {
    builder: HistoryBuilder,
    lines: u32,
    /// The first and the latest transaction number of each session, by the builder's number of it.
    numbers: Vec<Option<(i64, i64)>>,
    /// The transaction of the first line and that of the last: the session's number, and its own. Those of aborted ones are none.
    first: Option<(u32, i64)>,
    last: Option<(u32, i64)>,
}

impl Ordered {
    /// Reads a run that begins at an offset.
    fn read(bytes: &[u8], at: usize) -> Result<Ordered, Stop> {
        let mut run = Ordered::default();
        run.builder.reserve(bytes.len() / SHORT);
        let mut rows = Rows { bytes, at: 0, line: 0 };
        let mut current = None;
        let wrong = |fault: Fault| Stop::Wrong(Fault { at: fault.at + at, ..fault });
        while let Some(row) = rows.next(&mut run.builder.values).map_err(wrong)? {
            if row.txn == ABORTED {
                row.begin(&mut run.builder);
                (current, run.last) = (None, None);
            } else if current != Some((row.session, row.txn)) {
                let is_first = run.builder.operations() == 0;
                let session = row.begin(&mut run.builder);
                run.rises(session, row.txn, row.txn)?;
                (current, run.last) = (Some((row.session, row.txn)), Some((session, row.txn)));
                if is_first {
                    run.first = run.last;
                }
            }
            row.push(&mut run.builder);
        }
        run.lines = rows.line;
        Ok(run)
    }

    /// Takes the numbers of a session, from the first to the latest, which are to be above those before.
    #[inline]
    fn rises(&mut self, session: u32, first: i64, latest: i64) -> Result<(), Stop> {
        let session = session as usize;
        if session >= self.numbers.len() {
            self.numbers.resize(session + 1, None);
        }
        match &mut self.numbers[session] {
            Some((_, before)) if *before >= first => return Err(Stop::OutOfOrder),
            Some((_, before)) => *before = latest,
            none => *none = Some((first, latest)),
        }
        Ok(())
    }

    /// Appends the run that follows.
    fn append(&mut self, part: Ordered) -> Result<(), Stop> {
        if part.builder.operations() > 0 {
            let here = |sessions: &[u32], txn: Option<(u32, i64)>| txn.map(|(session, txn)| (sessions[session as usize], txn));
            let mut continued = None;
            let sessions = self.builder.append(part.builder, self.lines, |sessions| {
                continued = here(sessions, part.first).filter(|&first| self.last == Some(first));
                continued.is_some()
            });
            for (&session, numbers) in sessions.iter().zip(part.numbers) {
                match numbers {
                    Some((first, latest)) if continued == Some((session, first)) => {
                        self.numbers[session as usize] = Some((first, latest));
                    }
                    Some((first, latest)) => self.rises(session, first, latest)?,
                    None => {}
                }
            }
            self.last = here(&sessions, part.last);
        }
        self.lines = self.lines.saturating_add(part.lines);
        Ok(())
    }
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
    // (Always: a row that is returned in memory costs as much as reading it.)
    #[inline(always)]
    fn next(&mut self, values: &mut Values) -> Result<Option<Row>, Fault> {
        let kind = loop {
            match self.bytes.get(self.at) {
                None => return Ok(None),
                Some(b'\n') => {
                    self.at += 1;
                    self.line = self.line.saturating_add(1);
                }
                Some(b'r') => break Kind::Read,
                Some(b'w') => break Kind::Write,
                Some(b' ' | b'\t' | b'\r') => self.at += 1,
                Some(_) => return Err(self.expected("`r(key,value,session,txn)` or `w(key,value,session,txn)`")),
            }
        };
        if self.line >= u32::MAX - 2 {
            return Err(Fault::new(self.at, "more than 2^32 operations"));
        }
        self.at += 1;
        self.punctuation(b'(')?;
        let key = self.value("key", values)?;
        self.punctuation(b',')?;
        let value = self.value("value", values)?;
        self.punctuation(b',')?;
        let session = self.value("session", values)?;
        self.punctuation(b',')?;
        let txn = match self.small() {
            Some(small) => i64::from(small),
            None => {
                self.skip_blanks();
                let at = self.at;
                let txn = self.integer("txn")?;
                i64::try_from(txn).map_err(|_| Fault::new(at, "a transaction number beyond 64 bits"))?
            }
        };
        self.punctuation(b')')?;
        self.skip_blanks();
        if !matches!(self.bytes.get(self.at), None | Some(b'\n')) {
            return Err(self.expected("the end of the line"));
        }
        Ok(Some(Row { kind, key, value, session, txn, line: self.line + 1 }))
    }

    #[inline(always)]
    fn value(&mut self, name: &str, values: &mut Values) -> Result<ValueId, Fault> {
        match self.small() {
            // It is its own id.
            Some(small) => Ok(ValueId(small)),
            None => Ok(values.int(self.integer(name)?)),
        }
    }

    /// The integer that begins here, if it has seven digits at most and no sign; eight bytes at once.
    #[inline(always)]
    fn small(&mut self) -> Option<u32> {
        let eight: [u8; 8] = self.bytes.get(self.at..self.at + 8)?.try_into().expect("eight bytes");
        let digits = u64::from_le_bytes(eight) ^ u64::from_le_bytes([b'0'; 8]);
        // The high bit of each byte that is not 0 to 9. (A carry reaches only bytes after such a byte.)
        let others = (digits.wrapping_add(u64::from_le_bytes([0x80 - 10; 8])) | digits) & u64::from_le_bytes([0x80; 8]);
        let length = others.trailing_zeros() / 8;
        if length == 0 || length == 8 {
            return None;
        }
        self.at += length as usize;
        // Zeros before them make eight digits, the first in the lowest byte; then pairs, then fours, then all.
        let eight = digits << (64 - 8 * length);
        let pairs = (eight * 10 + (eight >> 8)) & 0x00ff_00ff_00ff_00ff;
        let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
        Some((fours * 10_000 + (fours >> 32)) as u32)
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
            return Err(self.expected_byte(byte));
        }
        self.at += 1;
        Ok(())
    }

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
    fn expected_byte(&self, byte: u8) -> Fault {
        self.expected(&format!("`{}`", byte as char))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn told(builder: HistoryBuilder) -> Vec<String> {
        let history = builder.finish().unwrap();
        let op = |op| {
            let txn = history.txn(op);
            (history.line(op), txn, history.session(op), history.txn_status(txn), history.kind(op), history.key(op))
        };
        history.ops().map(|o| format!("{:?} {:?}", op(o), history.op_value[o.index()])).collect()
    }

    /// Transactions of one to three lines, some aborted, of a few sessions; longer than a piece or two.
    fn text(back: bool) -> String {
        let mut text = String::new();
        for i in 0..60_000u64 {
            let (session, txn) = (i * 7 % 23, if i % 10 == 9 { -1 } else { i as i64 });
            for line in 0..1 + i % 3 {
                let (key, value) = (i * line % 50 * if i % 100 == 0 { 1 << 32 } else { 1 }, i * 3 + line);
                text += &format!("{}({key},{value},{session},{txn})\n", if i % 2 == 0 { 'w' } else { 'r' });
            }
        }
        if back {
            text += "w(1,2,0,0)\n";
        }
        text
    }

    #[test]
    fn where_the_content_is_cut_means_nothing() {
        let text = text(false);
        assert!(text.len() > 3 << 19, "several pieces");
        let options = ReadOptions::default();
        let cut = told(in_order(text.as_bytes(), &options).unwrap().unwrap());
        let mut run = Ordered { builder: with_initial_zero(&options), ..Ordered::default() };
        run.append(Ordered::read(text.as_bytes(), 0).ok().unwrap()).ok().unwrap();
        assert!(cut == told(run.builder));
        assert!(cut == told(gathered(text.as_bytes(), &options).unwrap()));
        // In the smallest pieces that there are, lines of one transaction among them.
        let mut run = Ordered { builder: with_initial_zero(&options), ..Ordered::default() };
        for line in text.split_inclusive('\n') {
            run.append(Ordered::read(line.as_bytes(), 0).ok().unwrap()).ok().unwrap();
        }
        assert!(cut == told(run.builder));
    }

    #[test]
    fn a_transaction_that_comes_back_is_found_across_pieces() {
        assert!(in_order(text(true).as_bytes(), &ReadOptions::default()).unwrap().is_none());
        for (lines, in_order) in [
            (&["w(1,1,1,1)", "w(1,1,1,1)"][..], true),
            (&["w(1,1,1,1)", "w(1,1,2,1)", "w(1,1,1,1)"], false),
            (&["w(1,1,1,1)", "w(1,1,2,-1)", "w(1,1,1,1)"], false),
            (&["w(1,1,1,1)", "", "w(1,1,1,1)"], true),
            (&["w(1,1,1,2)", "w(1,1,1,1)"], false),
            (&["w(1,1,1,-1)", "w(1,1,1,-1)", "w(1,1,1,-5)", "w(1,1,1,-1)", "w(1,1,1,-4)"], true),
        ] {
            let mut run = Ordered::default();
            let appended = lines.iter().try_for_each(|line| run.append(Ordered::read(line.as_bytes(), 0)?));
            assert_eq!(appended.is_ok(), in_order, "{lines:?}");
            assert_eq!(Ordered::read(lines.join("\n").as_bytes(), 0).is_ok(), in_order, "{lines:?}");
        }
    }

    #[test]
    fn small_integers_are_read_eight_bytes_at_once() {
        for (text, expected) in [
            ("0,xxxxxx", Some((0, 1))),
            ("7)xxxxxx", Some((7, 1))),
            ("1234567,", Some((1_234_567, 7))),
            ("0000012,", Some((12, 7))),
            ("987654\n\n", Some((987_654, 6))),
            ("12\u{ff}4567", Some((12, 2))),
            ("12:45678", Some((12, 2))),
            ("12/45678", Some((12, 2))),
            ("12345678", None),
            (",1234567", None),
            ("-1,xxxxx", None),
            ("1,", None),
        ] {
            let mut rows = Rows { bytes: text.as_bytes(), at: 0, line: 0 };
            assert_eq!(rows.small().map(|value| (value, rows.at)), expected, "{text}");
        }
    }
}
