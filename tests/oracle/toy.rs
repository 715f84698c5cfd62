//! Histories small enough to enumerate: a plain tree of sessions' transactions and operations, which the generators make, the oracle
//! reads, and a failure prints as the JSON Lines that reproduce it.

use testimony::history::{History, HistoryBuilder, Kind, OpInput, Status, TxnInput, ValueId};

/// A value; `None` is `null`.
pub type Val = Option<i64>;

/// What an operation did.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Act {
    /// Returned this.
    Read(Val),
    /// Set this.
    Write(Val),
    /// Found the first and set the second.
    Cas(Val, Val),
}

/// An operation on a key.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Op {
    /// What it did.
    pub act: Act,
    /// To which key.
    pub key: u8,
    /// The store's version, if recorded.
    pub version: Option<i64>,
}

impl Op {
    /// The value returned, if it reads.
    pub fn reads(&self) -> Option<Val> {
        match self.act {
            Act::Read(value) | Act::Cas(value, _) => Some(value),
            Act::Write(_) => None,
        }
    }

    /// The value written, if it writes.
    pub fn writes(&self) -> Option<Val> {
        match self.act {
            Act::Write(value) | Act::Cas(_, value) => Some(value),
            Act::Read(_) => None,
        }
    }
}

/// A transaction; one operation is a bare one.
#[derive(Clone, PartialEq, Debug)]
pub struct Txn {
    /// Whose.
    pub session: u8,
    /// Its outcome.
    pub status: Status,
    /// Invocation, ns.
    pub invoke: Option<i64>,
    /// Completion, ns.
    pub complete: Option<i64>,
    /// What it did, in program order.
    pub ops: Vec<Op>,
}

/// A history, in file order.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Toy {
    /// Declared initial values; other keys start at `null`.
    pub initial: Vec<(u8, Val)>,
    /// The transactions.
    pub txns: Vec<Txn>,
}

impl Toy {
    /// Adds an acknowledged bare operation.
    pub fn push(&mut self, session: u8, act: Act, key: u8) {
        let op = Op { act, key, version: None };
        self.txns.push(Txn { session, status: Status::Ok, invoke: None, complete: None, ops: vec![op] });
    }

    /// Reads the notation of POPL'17's Fig. 2: a `/` between sessions, `w x1` writes 1 to x, `r x1` reads it, `r x0` reads the initial
    /// value. Ours besides: `c x1-2` is a cas from 1 to 2, `?` before an operation makes it `info`, `!` makes it `fail`, and `+` joins
    /// operations into a transaction.
    pub fn parse(text: &str) -> Toy {
        let mut toy = Toy::default();
        for (session, line) in text.split('/').enumerate() {
            for txn in line.split(',') {
                let txn = txn.trim();
                let (status, ops) = match txn.as_bytes()[0] {
                    b'?' => (Status::Info, &txn[1..]),
                    b'!' => (Status::Fail, &txn[1..]),
                    _ => (Status::Ok, txn),
                };
                let ops = ops.split('+').map(|op| parse_op(op.trim())).collect();
                toy.txns.push(Txn { session: session as u8, status, invoke: None, complete: None, ops });
            }
        }
        toy
    }

    /// The initial value of a key.
    pub fn initial(&self, key: u8) -> Val {
        self.initial.iter().find(|&&(k, _)| k == key).and_then(|&(_, value)| value)
    }

    /// Every operation with its transaction's index.
    pub fn ops(&self) -> impl Iterator<Item = (usize, &Op)> {
        self.txns.iter().enumerate().flat_map(|(t, txn)| txn.ops.iter().map(move |op| (t, op)))
    }

    /// How many sessions, keys, operations and writes.
    pub fn size(&self) -> (usize, usize, usize, usize) {
        let distinct = |mut of: Vec<u8>| {
            of.sort_unstable();
            of.dedup();
            of.len()
        };
        (
            distinct(self.txns.iter().map(|txn| txn.session).collect()),
            distinct(self.ops().map(|(_, op)| op.key).collect()),
            self.ops().count(),
            self.ops().filter(|(_, op)| op.writes().is_some()).count(),
        )
    }

    /// The same as the library's history. Its lines are those of [`Toy::json_lines`].
    pub fn history(&self) -> History {
        let mut builder = HistoryBuilder::new();
        for &(key, value) in &self.initial {
            let key = builder.values.string(&key_name(key));
            let value = intern(&mut builder, value);
            builder.initial(Some(key), value);
        }
        for (line, txn) in self.txns.iter().enumerate() {
            let session = builder.values.string(&session_name(txn.session));
            let times =
                TxnInput { status: txn.status, invoke_ns: txn.invoke, complete_ns: txn.complete, ..TxnInput::ok(session) };
            builder.begin(times);
            for op in &txn.ops {
                let (kind, value, to) = match op.act {
                    Act::Read(value) => (Kind::Read, value, None),
                    Act::Write(value) => (Kind::Write, value, None),
                    Act::Cas(from, to) => (Kind::Cas, from, to),
                };
                let key = builder.values.string(&key_name(op.key));
                let (value, to) = (intern(&mut builder, value), intern(&mut builder, to));
                let line = (line + 1 + usize::from(!self.initial.is_empty())) as u32;
                builder.op(OpInput { to, line, version: op.version.map(i128::from), ..OpInput::new(kind, key, value) });
            }
        }
        builder.finish().expect("a toy has operations on registers")
    }

    /// The same in the native format.
    pub fn json_lines(&self) -> String {
        let mut text = String::new();
        if !self.initial.is_empty() {
            let initial: Vec<String> =
                self.initial.iter().map(|&(key, value)| format!("\"{}\":{}", key_name(key), json(value))).collect();
            text += &format!("{{\"testimony\":1,\"initial\":{{{}}}}}\n", initial.join(","));
        }
        for txn in &self.txns {
            let ops: Vec<String> = txn.ops.iter().map(op_fields).collect();
            let ops = match &ops[..] {
                [bare] => bare.clone(),
                _ => format!("\"txn\":[{}]", ops.iter().map(|op| format!("{{{op}}}")).collect::<Vec<_>>().join(",")),
            };
            text += &format!("{{\"session\":\"{}\",{ops}", session_name(txn.session));
            if txn.status != Status::Ok {
                text += &format!(",\"status\":\"{}\"", txn.status.name());
            }
            for (field, time) in [("invoke_ns", txn.invoke), ("complete_ns", txn.complete)] {
                text += &time.map_or(String::new(), |time| format!(",\"{field}\":{time}"));
            }
            text += "}\n";
        }
        text
    }

    /// Every history that has one thing less: an operation, all times, all versions, the declared initial values, a bad status.
    pub fn smaller(&self) -> Vec<Toy> {
        let mut all = Vec::new();
        for t in (0..self.txns.len()).rev() {
            let mut less = self.clone();
            less.txns.remove(t);
            all.push(less);
        }
        for (t, txn) in self.txns.iter().enumerate() {
            for place in (0..txn.ops.len()).filter(|_| txn.ops.len() > 1) {
                let mut less = self.clone();
                less.txns[t].ops.remove(place);
                all.push(less);
            }
        }
        let change = |what: &dyn Fn(&mut Toy)| {
            let mut less = self.clone();
            what(&mut less);
            less
        };
        all.push(change(&|toy| toy.initial.clear()));
        all.push(change(&|toy| toy.txns.iter_mut().for_each(|txn| (txn.invoke, txn.complete) = (None, None))));
        all.push(change(&|toy| toy.txns.iter_mut().for_each(|txn| txn.ops.iter_mut().for_each(|op| op.version = None))));
        for t in 0..self.txns.len() {
            all.push(change(&|toy| toy.txns[t].status = Status::Ok));
            all.push(change(&|toy| (toy.txns[t].invoke, toy.txns[t].complete) = (None, None)));
        }
        all.retain(|less| less != self && !less.txns.is_empty());
        all
    }

    /// A smallest history, one step at a time, for which `fails` still holds.
    pub fn shrink(&self, fails: impl Fn(&Toy) -> bool) -> Toy {
        let mut smallest = self.clone();
        while let Some(less) = smallest.smaller().into_iter().find(&fails) {
            smallest = less;
        }
        smallest
    }
}

fn parse_op(text: &str) -> Op {
    let bytes = text.as_bytes();
    let value = |digits: &str| Some(digits.parse().expect("a number")).filter(|&v: &i64| v != 0);
    let act = match bytes[0] {
        b'r' => Act::Read(value(&text[3..])),
        b'w' => Act::Write(value(&text[3..])),
        b'c' => {
            let (from, to) = text[3..].split_once('-').expect("from-to");
            Act::Cas(value(from), value(to))
        }
        other => panic!("no operation `{}`", other as char),
    };
    Op { act, key: bytes[2] - b'x', version: None }
}

fn session_name(session: u8) -> String {
    format!("s{session}")
}

fn key_name(key: u8) -> String {
    ((b'x' + key) as char).to_string()
}

fn json(value: Val) -> String {
    value.map_or("null".into(), |value| value.to_string())
}

fn intern(builder: &mut HistoryBuilder, value: Val) -> ValueId {
    value.map_or(ValueId::NULL, |value| builder.values.int(value.into()))
}

fn op_fields(op: &Op) -> String {
    let key = key_name(op.key);
    let mut text = match op.act {
        Act::Read(value) => format!("\"op\":\"read\",\"key\":\"{key}\",\"value\":{}", json(value)),
        Act::Write(value) => format!("\"op\":\"write\",\"key\":\"{key}\",\"value\":{}", json(value)),
        Act::Cas(from, to) => format!("\"op\":\"cas\",\"key\":\"{key}\",\"from\":{},\"to\":{}", json(from), json(to)),
    };
    text += &op.version.map_or(String::new(), |version| format!(",\"version\":{version}"));
    text
}
