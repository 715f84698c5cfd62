//! Histories small enough to enumerate: a plain tree of sessions' transactions and operations, which the generators make, the oracle
//! reads, and a failure prints as the JSON Lines that reproduce it.

use testimony::history::{DataType, History, HistoryBuilder, Kind, OpInput, Status, TxnInput, ValueId};

/// A value; `None` is `null`.
pub type Val = Option<i64>;

/// What an operation did.
#[derive(Clone, PartialEq, Debug)]
pub enum Act {
    /// Returned this: a register's value, a counter's, or `null` of anything.
    Read(Val),
    /// Set this.
    Write(Val),
    /// Found the first and set the second.
    Cas(Val, Val),
    /// Returned these, of a list or a set.
    Members(Vec<i64>),
    /// Put this at the end of a list.
    Append(i64),
    /// Put this in a set.
    Add(i64),
    /// Took this out of a set.
    Remove(i64),
    /// Counted up by this.
    Increment(i64),
    /// Counted down by this.
    Decrement(i64),
}

impl Act {
    /// Does it change its key?
    pub fn changes(&self) -> bool {
        !matches!(self, Act::Read(_) | Act::Members(_))
    }

    /// The element of a list or a set that it is about, if it changes one.
    pub fn element(&self) -> Option<i64> {
        match *self {
            Act::Append(element) | Act::Add(element) | Act::Remove(element) => Some(element),
            _ => None,
        }
    }

    fn data_type(&self) -> Option<DataType> {
        match self {
            Act::Read(_) | Act::Members(_) => None,
            Act::Write(_) | Act::Cas(..) => Some(DataType::Register),
            Act::Append(_) => Some(DataType::List),
            Act::Add(_) | Act::Remove(_) => Some(DataType::Set),
            Act::Increment(_) | Act::Decrement(_) => Some(DataType::Counter),
        }
    }
}

/// An operation on a key.
#[derive(Clone, PartialEq, Debug)]
pub struct Op {
    /// What it did.
    pub act: Act,
    /// To which key.
    pub key: u8,
    /// The store's version, if recorded.
    pub version: Option<i64>,
}

impl Op {
    /// The value returned, if it reads one.
    pub fn reads(&self) -> Option<Val> {
        match self.act {
            Act::Read(value) | Act::Cas(value, _) => Some(value),
            _ => None,
        }
    }

    /// The value written, if it writes a register.
    pub fn writes(&self) -> Option<Val> {
        match self.act {
            Act::Write(value) | Act::Cas(_, value) => Some(value),
            _ => None,
        }
    }

    /// The element that it appends or adds.
    pub fn puts(&self) -> Option<i64> {
        match self.act {
            Act::Append(element) | Act::Add(element) => Some(element),
            _ => None,
        }
    }

    /// What it showed of a list or a set; `null` is nothing.
    pub fn members(&self) -> Option<&[i64]> {
        match &self.act {
            Act::Members(members) => Some(members),
            Act::Read(None) => Some(&[]),
            _ => None,
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
    /// Declared initial values of lists and sets.
    pub initial_members: Vec<(u8, Vec<i64>)>,
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
    /// value. Ours besides: `c x1-2` is a cas from 1 to 2, `a x1` appends 1 to a list, `i x1` adds it to a set, `d x1` removes it, `u x1`
    /// counts up and `n x1` down, `r x[1 2]` reads a list or a set; `?` before an operation makes it `info`, `!` makes it `fail`, and `+`
    /// joins operations into a transaction.
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

    /// The initial members of a list or a set.
    pub fn initial_members(&self, key: u8) -> &[i64] {
        self.initial_members.iter().find(|&&(k, _)| k == key).map_or(&[], |(_, members)| members)
    }

    /// The type of a key: that of the operations that change it, else of all other keys, where they have one.
    pub fn key_type(&self, key: u8) -> DataType {
        let of_key = |key: u8| self.ops().filter(move |(_, op)| op.key == key).find_map(|(_, op)| op.act.data_type());
        let mut others = self.ops().filter_map(|(_, op)| op.act.data_type());
        let first = others.next().unwrap_or(DataType::Register);
        of_key(key).unwrap_or(if others.all(|other| other == first) { first } else { DataType::Register })
    }

    /// Is a key only read?
    pub fn lacks_changes(&self, key: u8) -> bool {
        !self.ops().any(|(_, op)| op.key == key && op.act.changes())
    }

    /// Is each key of one type, and does each read return what its type has?
    pub fn is_consistent(&self) -> bool {
        self.ops().all(|(_, op)| {
            let of_key = self.key_type(op.key);
            let holds_many = matches!(of_key, DataType::List | DataType::Set);
            match (&op.act, op.act.data_type()) {
                (_, Some(of_act)) => of_act == of_key,
                (Act::Members(_), _) => holds_many,
                (act, _) => !holds_many || *act == Act::Read(None),
            }
        })
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
            self.ops().filter(|(_, op)| op.act.changes()).count(),
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
        for (key, members) in &self.initial_members {
            let key = builder.values.string(&key_name(*key));
            let value = intern_all(&mut builder, members);
            builder.initial(Some(key), value);
        }
        for (line, txn) in self.txns.iter().enumerate() {
            let session = builder.values.string(&session_name(txn.session));
            let times =
                TxnInput { status: txn.status, invoke_ns: txn.invoke, complete_ns: txn.complete, ..TxnInput::ok(session) };
            builder.begin(times);
            for op in &txn.ops {
                let key = builder.values.string(&key_name(op.key));
                let (kind, value, to) = match &op.act {
                    Act::Read(value) => (Kind::Read, intern(&mut builder, *value), None),
                    Act::Write(value) => (Kind::Write, intern(&mut builder, *value), None),
                    Act::Cas(from, to) => (Kind::Cas, intern(&mut builder, *from), *to),
                    Act::Members(members) => (Kind::Read, intern_all(&mut builder, members), None),
                    Act::Append(element) => (Kind::Append, intern(&mut builder, Some(*element)), None),
                    Act::Add(element) => (Kind::Add, intern(&mut builder, Some(*element)), None),
                    Act::Remove(element) => (Kind::Remove, intern(&mut builder, Some(*element)), None),
                    Act::Increment(by) => (Kind::Increment, intern(&mut builder, Some(*by)), None),
                    Act::Decrement(by) => (Kind::Decrement, intern(&mut builder, Some(*by)), None),
                };
                let to = intern(&mut builder, to);
                let line = (line + 1 + usize::from(self.has_header())) as u32;
                builder.op(OpInput { to, line, version: op.version.map(i128::from), ..OpInput::new(kind, key, value) });
            }
        }
        builder.finish().expect("a toy is consistent")
    }

    fn has_header(&self) -> bool {
        !self.initial.is_empty() || !self.initial_members.is_empty()
    }

    /// The same in the native format.
    pub fn json_lines(&self) -> String {
        let mut text = String::new();
        if self.has_header() {
            let mut initial: Vec<String> =
                self.initial.iter().map(|&(key, value)| format!("\"{}\":{}", key_name(key), json(value))).collect();
            initial.extend(self.initial_members.iter().map(|(key, members)| format!("\"{}\":{members:?}", key_name(*key))));
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
        all.push(change(&|toy| toy.initial_members.clear()));
        all.push(change(&|toy| toy.txns.iter_mut().for_each(|txn| (txn.invoke, txn.complete) = (None, None))));
        all.push(change(&|toy| toy.txns.iter_mut().for_each(|txn| txn.ops.iter_mut().for_each(|op| op.version = None))));
        for t in 0..self.txns.len() {
            all.push(change(&|toy| toy.txns[t].status = Status::Ok));
            all.push(change(&|toy| (toy.txns[t].invoke, toy.txns[t].complete) = (None, None)));
        }
        all.retain(|less| less != self && !less.txns.is_empty() && less.is_consistent());
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
    let number = |digits: &str| digits.parse().expect("a number");
    let act = match bytes[0] {
        b'r' if bytes[3] == b'[' => Act::Members(text[4..].trim_end_matches(']').split_whitespace().map(number).collect()),
        b'a' => Act::Append(number(&text[3..])),
        b'i' => Act::Add(number(&text[3..])),
        b'd' => Act::Remove(number(&text[3..])),
        b'u' => Act::Increment(number(&text[3..])),
        b'n' => Act::Decrement(number(&text[3..])),
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

fn intern_all(builder: &mut HistoryBuilder, members: &[i64]) -> ValueId {
    let members: Vec<ValueId> = members.iter().map(|&member| intern(builder, Some(member))).collect();
    builder.values.collection(&members)
}

fn op_fields(op: &Op) -> String {
    let key = key_name(op.key);
    let field = |name: &str, value: String| format!("\"op\":\"{name}\",\"key\":\"{key}\",\"value\":{value}");
    let mut text = match &op.act {
        Act::Read(value) => field("read", json(*value)),
        Act::Write(value) => field("write", json(*value)),
        Act::Cas(from, to) => format!("\"op\":\"cas\",\"key\":\"{key}\",\"from\":{},\"to\":{}", json(*from), json(*to)),
        Act::Members(members) => field("read", format!("{members:?}")),
        Act::Append(element) => field("append", element.to_string()),
        Act::Add(element) => field("add", element.to_string()),
        Act::Remove(element) => field("remove", element.to_string()),
        Act::Increment(by) => field("increment", by.to_string()),
        Act::Decrement(by) => field("decrement", by.to_string()),
    };
    text += &op.version.map_or(String::new(), |version| format!(",\"version\":{version}"));
    text
}
