//! One map of a Jepsen history: what it says, checked and interned, but not yet joined with its other half.

use crate::{
    format::{
        Fault,
        form::{Tape, What},
        intern::intern,
        suggest::did_you_mean,
    },
    history::{Kind, ValueId, Values},
};

/// The fields that mean something, in the order of [`NAMES`].
#[derive(Clone, Copy)]
pub(super) enum Field {
    Process,
    Type,
    F,
    Value,
    Time,
    Index,
    Error,
    Node,
    Key,
    Version,
    Final,
    FinalRead,
}

pub(super) const NAMES: [&str; 12] =
    ["process", "type", "f", "value", "time", "index", "error", "node", "key", "version", "final?", "final-read?"];

impl Field {
    /// Its place in [`NAMES`].
    pub fn named(name: &str) -> Option<usize> {
        Some(match name {
            "process" => Field::Process,
            "type" => Field::Type,
            "f" => Field::F,
            "value" => Field::Value,
            "time" => Field::Time,
            "index" => Field::Index,
            "error" => Field::Error,
            "node" => Field::Node,
            "key" => Field::Key,
            "version" => Field::Version,
            "final?" => Field::Final,
            "final-read?" => Field::FinalRead,
            _ => return None,
        } as usize)
    }
}

/// A map as it was found.
pub(super) struct Entry<'e, 'a> {
    pub tape: &'e Tape<'a>,
    /// The items of its fields on the tape, but for the error.
    pub fields: [Option<usize>; NAMES.len()],
    /// As JSON text.
    pub error: Option<String>,
    /// Its offset and line in the content.
    pub at: usize,
    pub line: u32,
    /// The whole map.
    pub text: &'e str,
}

/// Which half of an operation a map is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Type {
    Invoke,
    Ok,
    Fail,
    Info,
}

/// What an operation does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Function {
    One(Kind),
    Txn,
}

impl Function {
    pub fn name(self) -> &'static str {
        match self {
            Function::One(kind) => kind.name(),
            Function::Txn => "txn",
        }
    }
}

/// An operation of a transaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Micro {
    pub kind: Kind,
    pub key: ValueId,
    pub value: ValueId,
    pub to: ValueId,
}

/// What the value of a map says, by what the operation does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Said {
    /// Nothing, or nil.
    Nothing,
    /// A value, and a cas's `to`.
    One(ValueId, ValueId),
    /// Operations of the arena: where they begin, and how many.
    Txn(u32, u32),
}

/// What is to be known before a value is read.
pub(super) struct Reading<'r> {
    pub values: &'r mut Values,
    /// The operations of all transactions, one after another.
    pub arena: &'r mut Vec<Micro>,
    pub independent: bool,
}

/// The names of functions, in the order in which they are told.
const FUNCTIONS: [&str; 13] =
    ["read", "r", "write", "w", "cas", "append", "add", "remove", "increment", "inc", "decrement", "dec", "txn"];

fn function_named(name: &str) -> Option<Function> {
    Some(match name {
        "read" | "r" => Function::One(Kind::Read),
        "write" | "w" => Function::One(Kind::Write),
        "cas" => Function::One(Kind::Cas),
        "append" => Function::One(Kind::Append),
        "add" => Function::One(Kind::Add),
        "remove" => Function::One(Kind::Remove),
        "increment" | "inc" => Function::One(Kind::Increment),
        "decrement" | "dec" => Function::One(Kind::Decrement),
        "txn" => Function::Txn,
        _ => return None,
    })
}

impl<'a> Entry<'_, 'a> {
    /// A field that is there and not nil.
    pub fn field(&self, field: Field) -> Option<usize> {
        self.fields[field as usize].filter(|&index| !matches!(self.tape.what(index), What::Nil))
    }

    /// The process of an operation; `None` for an event of another (the nemesis).
    pub fn process(&self) -> Result<Option<i128>, Fault> {
        let Some(index) = self.field(Field::Process) else {
            return Err(Fault::new(self.at, "no :process: every operation says who issued it"));
        };
        match self.tape.what(index) {
            What::Int(process) => Ok(Some(*process)),
            What::Keyword(_) | What::Symbol(_) => Ok(None),
            What::String(name) if !name.bytes().all(|byte| byte.is_ascii_digit()) => Ok(None),
            _ => Err(Fault::new(
                self.tape.at(index),
                ":process must be an integer, or a name such as :nemesis for what is no operation",
            )),
        }
    }

    pub fn half(&self) -> Result<Type, Fault> {
        let Some(index) = self.field(Field::Type) else {
            return Err(Fault::new(self.at, "no :type: expected :invoke, :ok, :fail or :info"));
        };
        match self.tape.name(index) {
            Some("invoke") => Ok(Type::Invoke),
            Some("ok") => Ok(Type::Ok),
            Some("fail") => Ok(Type::Fail),
            Some("info") => Ok(Type::Info),
            name => {
                let near = name.map(|name| did_you_mean(name, &["invoke", "ok", "fail", "info"])).unwrap_or_default();
                Err(Fault::new(self.tape.at(index), format!("unknown :type; expected :invoke, :ok, :fail or :info{near}")))
            }
        }
    }

    /// What the operation does; `None` where neither `:f` nor the value says it.
    pub fn function(&self) -> Result<Option<Function>, Fault> {
        let micro_operations = || self.field(Field::Value).is_some_and(|index| self.is_micro_operations(index));
        let Some(index) = self.field(Field::F) else { return Ok(micro_operations().then_some(Function::Txn)) };
        let name = self.tape.name(index).unwrap_or_default();
        match function_named(name) {
            // Long-fork and others read and write several keys at once under :read and :write.
            Some(Function::One(Kind::Read | Kind::Write)) if micro_operations() => Ok(Some(Function::Txn)),
            Some(function) => Ok(Some(function)),
            None if name == "transfer" => {
                Err(Fault::new(self.tape.at(index), ":f :transfer: histories of bank accounts are not supported"))
            }
            None => {
                let near = did_you_mean(name, &FUNCTIONS);
                let names = FUNCTIONS.join(", :");
                Err(Fault::new(self.tape.at(index), format!("unknown :f {}; expected :{names}{near}", shown(name))))
            }
        }
    }

    /// `[[:r x nil] [:w y 1]]` and nothing else; JSON has strings for keywords, so there each has all its three parts.
    fn is_micro_operations(&self, index: usize) -> bool {
        let tape = self.tape;
        let mut operations = tape.children(index).peekable();
        matches!(tape.what(index), What::Vector)
            && operations.peek().is_some()
            && operations.all(|operation| {
                let first = tape.children(operation).next();
                matches!(tape.what(operation), What::Vector)
                    && first.is_some_and(|f| match tape.what(f) {
                        What::Keyword(name) => function_named(name).is_some(),
                        What::String(name) => function_named(name).is_some() && tape.children(operation).count() == 3,
                        _ => false,
                    })
            })
    }

    /// The key and the value, where the map has them.
    pub fn said(&self, function: Option<Function>, reading: &mut Reading<'_>) -> Result<(Option<ValueId>, Said), Fault> {
        let tape = self.tape;
        let mut key = match self.field(Field::Key) {
            Some(index) => Some(intern(tape, index, reading.values)?),
            None => None,
        };
        let mut value = self.field(Field::Value).map(|index| tape.untagged(index));
        if let Some(index) = value.filter(|_| reading.independent) {
            let Some([tuple_key, inner]) = tape.vector(index) else {
                return Err(Fault::new(tape.at(index), "--independent, but the value is no [key value] tuple"));
            };
            key = Some(intern(tape, tuple_key, reading.values)?);
            value = Some(inner).filter(|&inner| *tape.what(inner) != What::Nil);
        }
        let said = match (value, function) {
            (None, _) | (_, None) => Said::Nothing,
            (Some(index), Some(Function::One(kind))) => {
                let (value, to) = operand(tape, kind, index, reading.values)?;
                Said::One(value, to)
            }
            (Some(index), Some(Function::Txn)) => {
                let group = key.filter(|_| reading.independent);
                let start = reading.arena.len() as u32;
                self.micro_operations(index, group, reading)?;
                let Ok(end) = u32::try_from(reading.arena.len()) else {
                    return Err(Fault::new(tape.at(index), "more than 2^32 operations"));
                };
                Said::Txn(start, end - start)
            }
        };
        Ok((key, said))
    }

    fn micro_operations(&self, index: usize, group: Option<ValueId>, reading: &mut Reading<'_>) -> Result<(), Fault> {
        let tape = self.tape;
        if *tape.what(index) != What::Vector {
            return Err(Fault::new(tape.at(index), "the value of a :txn must be a vector of operations such as [:r x nil]"));
        }
        for operation in tape.children(index) {
            let wrong = |message: &str| Err(Fault::new(tape.at(operation), message));
            let (f, key, value) = match (tape.vector::<3>(operation), tape.vector::<2>(operation)) {
                (Some([f, key, value]), _) => (f, key, Some(value)),
                (None, Some([f, key])) => (f, key, None),
                (None, None) => {
                    return wrong("an operation of a :txn must be a vector such as [:r x nil], [:w x 1] or [:append x 1]");
                }
            };
            let name = tape.name(f).unwrap_or_default();
            let Some(Function::One(kind)) = function_named(name) else {
                let message = format!("unknown operation of a :txn, {}; expected :r, :w, :append or another :f", shown(name));
                return Err(Fault::new(tape.at(f), message));
            };
            let key = intern(tape, key, reading.values)?;
            let key = group.map_or(key, |group| reading.values.collection(&[group, key]));
            let (value, to) = match value {
                Some(value) if !matches!(tape.what(value), What::Nil) => operand(tape, kind, value, reading.values)?,
                Some(_) if kind == Kind::Write => (ValueId::NULL, ValueId::NULL),
                _ if kind == Kind::Read => (ValueId::NULL, ValueId::NULL),
                _ => return wrong("this operation of a :txn needs a value"),
            };
            reading.arena.push(Micro { kind, key, value, to });
        }
        Ok(())
    }
}

/// The value of an operation that is not nil, and a cas's `to`.
fn operand(tape: &Tape<'_>, kind: Kind, index: usize, values: &mut Values) -> Result<(ValueId, ValueId), Fault> {
    match kind {
        Kind::Cas => match tape.vector(index) {
            Some([from, to]) => Ok((intern(tape, from, values)?, intern(tape, to, values)?)),
            None => Err(Fault::new(tape.at(index), "the value of a :cas must be [from to]")),
        },
        Kind::Increment | Kind::Decrement if !matches!(tape.what(index), What::Int(_)) => {
            Err(Fault::new(tape.at(index), "a counter counts by integers"))
        }
        _ => Ok((intern(tape, index, values)?, ValueId::NULL)),
    }
}

/// A name for messages, cut to a length.
fn shown(name: &str) -> String {
    match name.char_indices().nth(40) {
        Some((end, _)) => format!(":{}…", &name[..end]),
        None if name.is_empty() => "(no name)".to_owned(),
        None => format!(":{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_name_is_known() {
        for (place, name) in NAMES.iter().enumerate() {
            assert_eq!(Field::named(name), Some(place), "{name}");
        }
        assert!(FUNCTIONS.iter().all(|name| function_named(name).is_some()));
        assert_eq!((Field::named("nemesis"), function_named("nemesis")), (None, None));
    }
}
