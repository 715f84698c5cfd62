//! Small histories written as text, and the steps of witnesses written briefly.
//!
//! A line is an operation: `session kind key value`, with kind `w`, `r`, `c` (cas: two values), `append`, `add`, `remove`, `inc`, `dec`, the
//! value an integer, `[1,2]` for a list or set or `-` for null, then in any order `final`, `info` or `fail`, `3..8` (invoked and completed;
//! `3..` is invoked only), `v7` (version), and `+` for "in the transaction of the line before".

use testimony::check::{Options, WriteOrder};
use testimony::history::{History, HistoryBuilder, Kind, OpId, OpInput, SessionId, Status, TxnInput, ValueId, Values};
use testimony::verdict::{Anomaly, Assumption, Because, Relation, Step, Witness};

/// Builds the history of a text.
pub fn history(text: &str) -> History {
    let mut builder = HistoryBuilder::new();
    for (number, line) in text.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (kind, values) = match words[1] {
            "w" => (Kind::Write, 1),
            "r" => (Kind::Read, 1),
            "c" => (Kind::Cas, 2),
            "inc" => (Kind::Increment, 1),
            "dec" => (Kind::Decrement, 1),
            name => (Kind::ALL.into_iter().find(|kind| kind.name() == name).expect("a kind"), 1),
        };
        let mut txn = TxnInput::ok(builder.values.string(words[0]));
        let key = builder.values.string(words[2]);
        let mut value = |word: &str| value(&mut builder.values, word);
        let mut op = OpInput { line: number as u32 + 1, ..OpInput::new(kind, key, value(words[3])) };
        if kind == Kind::Cas {
            op.to = value(words[4]);
        }
        let mut begins = true;
        for word in &words[3 + values..] {
            match *word {
                "+" => begins = false,
                "final" => op.is_final = true,
                "info" => txn.status = Status::Info,
                "fail" => txn.status = Status::Fail,
                word => match (word.strip_prefix('v'), word.split_once("..")) {
                    (Some(version), _) => op.version = Some(version.parse().expect("a version")),
                    (None, Some((invoked, completed))) => {
                        txn.invoke_ns = Some(invoked.parse().expect("a time"));
                        txn.complete_ns = (!completed.is_empty()).then(|| completed.parse().expect("a time"));
                    }
                    _ => panic!("{word}: what is that?"),
                },
            }
        }
        if begins {
            builder.begin(txn);
        }
        builder.op(op);
    }
    builder.finish().expect("a history")
}

/// A value of a text.
fn value(values: &mut Values, word: &str) -> ValueId {
    match word.strip_prefix('[').and_then(|word| word.strip_suffix(']')) {
        Some(list) => {
            let elements: Vec<ValueId> = list.split_terminator(',').map(|word| value(values, word)).collect();
            values.collection(&elements)
        }
        None if word == "-" => ValueId::NULL,
        None => values.int(word.parse().expect("an integer")),
    }
}

/// The options of a write order.
pub fn options(write_order: WriteOrder) -> Options {
    Options { write_order, ..Options::default() }
}

/// The operation on a line, counted from 0.
pub fn op(index: usize) -> OpId {
    OpId::new(index)
}

fn step(from: usize, to: usize, relation: Relation, because: Because) -> Step {
    Step::new(op(from), op(to), relation, because)
}

/// A step of session order.
pub fn so(from: usize, to: usize, because: Because) -> Step {
    step(from, to, Relation::So, because)
}

/// `to` returned what `from` wrote.
pub fn wr(from: usize, to: usize) -> Step {
    step(from, to, Relation::Wr, Because::ReadsFrom)
}

/// A step of arbitration that needs nothing else.
pub fn ar(from: usize, to: usize, because: Because) -> Step {
    step(from, to, Relation::Ar, because)
}

/// Program order.
pub fn po(from: usize, to: usize) -> Step {
    step(from, to, Relation::Po, Because::ProgramOrder)
}

/// How a key ended.
pub fn end(from: usize, to: usize, because: Because) -> Step {
    step(from, to, Relation::End, because)
}

/// Real time.
pub fn rt(from: usize, to: usize) -> Step {
    step(from, to, Relation::Rt, Because::RealTime)
}

/// hb along a path.
pub fn hb(path: Vec<Step>) -> Step {
    let (from, to) = (path[0].from, path[path.len() - 1].to);
    Step { via: path, ..Step::new(from, to, Relation::Hb, Because::HappenedBefore) }
}

/// The write at the head of the path was overwritten by `to`, which the read at its end returned.
pub fn stale(relation: Relation, path: Vec<Step>, to: usize) -> Step {
    let (from, read) = (path[0].from, path[path.len() - 1].to);
    Step { read: Some(read), via: path, ..Step::new(from, op(to), relation, Because::StaleRead) }
}

/// The read at the end of the path returned the initial value.
pub fn initial(relation: Relation, path: Vec<Step>) -> Step {
    let (from, to) = (path[0].from, path[path.len() - 1].to);
    Step { via: path, ..Step::new(from, to, relation, Because::InitialRead) }
}

/// What `read` had returned comes before `to`.
pub fn read_then_write(from: usize, read: usize, to: usize) -> Step {
    Step { read: Some(op(read)), ..ar(from, to, Because::ReadThenWrite) }
}

/// What was visible to the read at the end of the path comes before `to`.
pub fn follows(path: Vec<Step>, to: usize) -> Step {
    let (from, read) = (path[0].from, path[path.len() - 1].to);
    Step { read: Some(read), via: path, ..Step::new(from, op(to), Relation::Ar, Because::WritesFollowReads) }
}

/// The operation at the head of the path is visible to the read at its end.
pub fn visible(relation: Relation, path: Vec<Step>) -> Step {
    let (from, to) = (path[0].from, path[path.len() - 1].to);
    Step { via: path, ..Step::new(from, to, relation, Because::Visible) }
}

/// The list that `read` returned has `from` before `to`.
pub fn listed(relation: Relation, from: usize, read: usize, to: usize) -> Step {
    Step { read: Some(op(read)), ..step(from, to, relation, Because::ListOrder) }
}

/// A reference to a derived step.
pub fn view(from: usize, to: usize) -> Step {
    step(from, to, Relation::View, Because::StaleRead)
}

/// A reference to a derived step of a list.
pub fn view_listed(from: usize, to: usize) -> Step {
    step(from, to, Relation::View, Because::ListOrder)
}

/// The transaction of `from` commits before that of `to`: along the path `read`'s saw `from`, and it returned `to`.
pub fn co(from: usize, path: Vec<Step>, read: usize, to: usize) -> Step {
    Step { read: Some(op(read)), via: path, ..step(from, to, Relation::Co, Because::StaleRead) }
}

/// `read` returned the initial value, although along the path its transaction saw `from`.
pub fn missed(from: usize, path: Vec<Step>, read: usize) -> Step {
    Step { via: path, ..step(from, read, Relation::Vis, Because::InitialRead) }
}

/// A witness whose operations stand for their transactions.
pub fn of_transactions(history: &History, anomaly: Anomaly, assumes: &[Assumption], steps: Vec<Step>) -> Witness {
    Witness { transactions: true, ..witness(history, anomaly, assumes, steps) }
}

/// A witness with the operations and sessions that its steps use.
pub fn witness(history: &History, anomaly: Anomaly, assumes: &[Assumption], steps: Vec<Step>) -> Witness {
    view_witness(history, anomaly, assumes, None, Vec::new(), steps)
}

/// A witness about the view of a session.
pub fn view_witness(
    history: &History,
    anomaly: Anomaly,
    assumes: &[Assumption],
    view: Option<usize>,
    derived: Vec<Step>,
    steps: Vec<Step>,
) -> Witness {
    let mut witness = Witness {
        transactions: false,
        anomaly,
        sessions: Vec::new(),
        assumes: assumes.to_vec(),
        operations: Vec::new(),
        view: view.map(SessionId::new),
        derived,
        steps,
    };
    list_operations(history, &mut witness);
    witness
}

/// Lists the operations and sessions that the steps use.
pub fn list_operations(history: &History, witness: &mut Witness) {
    let used = witness.all_steps().flat_map(|step| [Some(step.from), Some(step.to), step.read]).flatten();
    let mut operations: Vec<OpId> = used.collect();
    operations.sort_unstable();
    operations.dedup();
    let inside = operations.iter().filter(|op| op.index() < history.operations());
    let mut sessions: Vec<SessionId> = inside.map(|&op| history.session(op)).collect();
    sessions.sort_unstable();
    sessions.dedup();
    (witness.operations, witness.sessions) = (operations, sessions);
}
