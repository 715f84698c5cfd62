//! What a history says before any model is asked: who wrote what each read returned, what is malformed, what is left out, and which
//! operations follow which in their session. Models.md 1 and 3, sentence by sentence.

use testimony::check::UnmatchedReads;
use testimony::history::Status;

use crate::toy::{Act, Op, Toy, Txn};

/// Where a read's value is from.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Source {
    /// It is the initial value.
    Initial,
    /// A write: an index into [`Reading::nodes`].
    Write(usize),
}

/// An operation that takes part: an external read that is matched, a final write that took effect, or a cas that is both.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its transaction.
    pub txn: usize,
    /// Its session.
    pub session: u8,
    /// Its key.
    pub key: u8,
    /// What its read returned.
    pub source: Option<Source>,
    /// Does its write take part?
    pub writes: bool,
    /// Acknowledged, or an observed `info` write?
    pub ok: bool,
    /// The version of its write: as recorded, of an `info` write as recorded on a read of it.
    pub version: Option<i64>,
}

/// A read of a value that several writes wrote, left out of every inference.
#[derive(Clone, Debug)]
pub struct LeftOut {
    /// The operation, counted over the whole history.
    pub op: usize,
    /// Its session.
    pub session: u8,
    /// Its key.
    pub key: u8,
    /// The writes that it may have read, counted likewise; `None` is the initial value.
    pub candidates: Vec<Option<usize>>,
    /// Is some candidate one that would make the read malformed, or is none left?
    pub maybe_malformed: bool,
}

/// The facts.
#[derive(Clone, Debug)]
pub struct Reading {
    /// What takes part, in file order.
    pub nodes: Vec<Node>,
    /// `so[a]` has bit b: a so b.
    pub so: Vec<u32>,
    /// The anomalies of models.md 3.
    pub anomalies: Vec<&'static str>,
    /// Ambiguous reads.
    pub left_out: Vec<LeftOut>,
    /// Reads of unknown values that were to be ignored.
    pub ignored: usize,
    /// For each operation of the history, the write that its read was matched with, likewise counted (`Some(None)`: the initial value).
    pub matched: Vec<Option<Option<usize>>>,
}

/// An operation with its place.
struct Placed<'t> {
    txn: usize,
    place: usize,
    op: &'t Op,
}

enum Outcome {
    Internal,
    Matched(Option<usize>),
    Anomaly(&'static str),
    Ignored,
    LeftOut { candidates: Vec<Option<usize>>, maybe_malformed: bool },
}

/// Reads a history.
pub fn read(toy: &Toy, unmatched: UnmatchedReads) -> Reading {
    let so_txns = session_order(toy);
    let placed: Vec<Placed> = (0..toy.txns.len())
        .flat_map(|txn| toy.txns[txn].ops.iter().enumerate().map(move |(place, op)| Placed { txn, place, op }))
        .collect();
    let mut reading =
        Reading { nodes: vec![], so: vec![], anomalies: vec![], left_out: vec![], ignored: 0, matched: vec![None; placed.len()] };
    for (index, r) in placed.iter().enumerate() {
        if r.op.reads().is_none() || toy.txns[r.txn].status != Status::Ok {
            continue;
        }
        match outcome(toy, &placed, &so_txns, r, unmatched) {
            Outcome::Internal => {}
            Outcome::Matched(writer) => reading.matched[index] = Some(writer),
            Outcome::Anomaly(name) => reading.anomalies.push(name),
            Outcome::Ignored => reading.ignored += 1,
            Outcome::LeftOut { candidates, maybe_malformed } => reading.left_out.push(LeftOut {
                op: index,
                session: toy.txns[r.txn].session,
                key: r.op.key,
                candidates,
                maybe_malformed,
            }),
        }
    }
    take_part(toy, &placed, &so_txns, &mut reading);
    reading
}

/// Makes nodes of what takes part. An `info` write does if something observed it.
fn take_part(toy: &Toy, placed: &[Placed], so_txns: &[Vec<bool>], reading: &mut Reading) {
    let mut node_of = vec![None; placed.len()];
    let mut op_of = Vec::new();
    for (index, o) in placed.iter().enumerate() {
        let txn = &toy.txns[o.txn];
        let observers = || (0..placed.len()).filter(|&r| reading.matched[r] == Some(Some(index)));
        let writes = o.op.writes().is_some()
            && is_final(txn, o.place)
            && match txn.status {
                Status::Ok => true,
                Status::Info => observers().next().is_some(),
                Status::Fail => false,
            };
        if writes || reading.matched[index].is_some() {
            node_of[index] = Some(op_of.len());
            op_of.push(index);
            let ok = txn.status == Status::Ok;
            let version = if ok { o.op.version } else { agreed(observers().filter_map(|r| read_version(placed[r].op))) };
            reading.nodes.push(Node { txn: o.txn, session: txn.session, key: o.op.key, source: None, writes, ok, version });
        }
    }
    for (node, &index) in op_of.iter().enumerate() {
        reading.nodes[node].source = reading.matched[index].map(|writer| match writer {
            None => Source::Initial,
            Some(writer) => Source::Write(node_of[writer].expect("a matched write takes part")),
        });
        let later = (0..op_of.len()).filter(|&other| {
            let (a, b) = (&placed[index], &placed[op_of[other]]);
            if a.txn == b.txn { toy.txns[a.txn].status == Status::Ok && a.place < b.place } else { so_txns[a.txn][b.txn] }
        });
        reading.so.push(later.fold(0, |mask, other| mask | 1 << other));
    }
}

fn outcome(toy: &Toy, placed: &[Placed], so_txns: &[Vec<bool>], r: &Placed, unmatched: UnmatchedReads) -> Outcome {
    let (txn, value) = (&toy.txns[r.txn], r.op.reads().expect("a read"));
    if let Some(own) = txn.ops[..r.place].iter().rev().find(|op| op.key == r.op.key && op.writes().is_some()) {
        return if own.writes() == Some(value) { Outcome::Internal } else { Outcome::Anomaly("internal") };
    }
    let initial = toy.initial(r.op.key) == value;
    let writers: Vec<usize> =
        (0..placed.len()).filter(|&w| placed[w].op.key == r.op.key && placed[w].op.writes() == Some(value)).collect();
    let status = |w: usize| toy.txns[placed[w].txn].status;
    if writers.is_empty() && !initial {
        return if unmatched == UnmatchedReads::Ignore { Outcome::Ignored } else { Outcome::Anomaly("thin-air-read") };
    }
    if !initial && writers.iter().all(|&w| status(w) == Status::Fail) {
        return Outcome::Anomaly("aborted-read");
    }
    let from_the_future = |w: usize| placed[w].txn == r.txn || invoked_after(&toy.txns[placed[w].txn], txn);
    let overwritten = |w: usize| !is_final(&toy.txns[placed[w].txn], placed[w].place);
    let written_by = |w: Option<usize>| match w {
        Some(w) if from_the_future(w) => Outcome::Anomaly("future-read"),
        Some(w) if overwritten(w) => Outcome::Anomaly("intermediate-read"),
        _ => Outcome::Matched(w),
    };
    let mut all: Vec<Option<usize>> = writers.iter().map(|&w| Some(w)).collect();
    all.extend(initial.then_some(None));
    if let [only] = all[..] {
        return written_by(only);
    }
    let excluded = |w: usize| {
        status(w) == Status::Fail
            || invoked_after(&toy.txns[placed[w].txn], txn)
            || placed[w].txn == r.txn
            || so_txns[r.txn][placed[w].txn]
            || matches!((placed[w].op.version, read_version(r.op)), (Some(a), Some(b)) if a != b)
    };
    let candidates: Vec<Option<usize>> = all.iter().copied().filter(|w| w.is_none_or(|w| !excluded(w))).collect();
    match candidates[..] {
        [only] => written_by(only),
        [] if writers.iter().all(|&w| status(w) == Status::Fail || from_the_future(w)) => Outcome::Anomaly("future-read"),
        _ => {
            let maybe_malformed = candidates.is_empty() || candidates.iter().flatten().any(|&w| overwritten(w));
            Outcome::LeftOut { candidates, maybe_malformed }
        }
    }
}

/// Was a invoked after b completed?
fn invoked_after(a: &Txn, b: &Txn) -> bool {
    matches!((b.complete, a.invoke), (Some(complete), Some(invoke)) if complete < invoke)
}

/// The one version that all tell, if they tell one.
fn agreed(mut versions: impl Iterator<Item = i64>) -> Option<i64> {
    let first = versions.next()?;
    versions.all(|version| version == first).then_some(first)
}

/// The version of what was read; a cas records that of what it wrote.
fn read_version(op: &Op) -> Option<i64> {
    if matches!(op.act, Act::Read(_)) { op.version } else { None }
}

/// Is the write at this place its transaction's last to the key?
fn is_final(txn: &Txn, place: usize) -> bool {
    txn.ops[place + 1..].iter().all(|later| later.key != txn.ops[place].key || later.writes().is_none())
}

/// The session order of transactions, as a matrix. By times where both are recorded (of two that each ended when the other began, the
/// file's order), else by the file's order among neighbours that are `ok`; and then transitive. Only an `ok` transaction has
/// successors; a `fail` one takes no part.
fn session_order(toy: &Toy) -> Vec<Vec<bool>> {
    let n = toy.txns.len();
    let ended_by = |a: usize, b: usize| match (toy.txns[a].complete, toy.txns[b].invoke) {
        (Some(complete), Some(invoke)) if toy.txns[a].status == Status::Ok => Some(complete <= invoke),
        _ => None,
    };
    let direct = |a: usize, b: usize| {
        let (first, second) = (&toy.txns[a], &toy.txns[b]);
        if a == b || first.session != second.session || first.status != Status::Ok || second.status == Status::Fail {
            return false;
        }
        let reverse = ended_by(b, a) == Some(true);
        match ended_by(a, b) {
            Some(ended) => ended && (!reverse || a < b),
            None => {
                let between = |t: &Txn| t.session == first.session && t.status == Status::Ok;
                a < b && !reverse && !toy.txns[a + 1..b].iter().any(between)
            }
        }
    };
    let mut so: Vec<Vec<bool>> = (0..n).map(|a| (0..n).map(|b| direct(a, b)).collect()).collect();
    for middle in 0..n {
        for a in 0..n {
            for b in 0..n {
                so[a][b] |= so[a][middle] && so[middle][b];
            }
        }
    }
    so
}
