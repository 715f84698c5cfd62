//! What a history says before any model is asked: who wrote what each read returned, what is malformed, what is left out, and which
//! operations follow which in their session. Models.md 1 and 3, sentence by sentence.

use testimony::check::UnmatchedReads;
use testimony::history::{DataType, Status};

use crate::matching::{Search, shows_own, together, too_often};
use crate::toy::{Act, Op, Toy, Txn};

/// Where a read's value is from.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Source {
    /// It is the initial value.
    Initial,
    /// A write: an index into [`Reading::nodes`].
    Write(usize),
}

/// What an external read of a list, a set or a counter showed.
#[derive(Clone, PartialEq, Debug)]
pub enum Shown {
    /// The appends of the list's elements in its order, without the initial ones: indices into [`Reading::nodes`].
    List(Vec<usize>),
    /// The members of a set.
    Set(Vec<i64>),
    /// How far a counter was above its initial value.
    Counter(i64),
}

/// What an operation does to a set or a counter.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Effect {
    /// Puts in.
    Add(i64),
    /// Takes out.
    Remove(i64),
    /// Counts; down where negative.
    Count(i64),
}

/// An operation that takes part: an external read that is matched, a final write that took effect, or a cas that is both. And every
/// operation on a set or a counter that may have taken effect.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its transaction.
    pub txn: usize,
    /// Its session.
    pub session: u8,
    /// Its key.
    pub key: u8,
    /// What its read of a register returned.
    pub source: Option<Source>,
    /// What its read of anything else showed.
    pub shown: Option<Shown>,
    /// The writes that its read is known to have read from, as bits.
    pub from: u32,
    /// Does its write take part?
    pub writes: bool,
    /// What it does to a set or a counter, even where it only may have.
    pub effect: Option<Effect>,
    /// Acknowledged, or an observed `info` write?
    pub ok: bool,
    /// The version of its write: as recorded, of an `info` write as recorded on a read of it.
    pub version: Option<i64>,
    /// The type of its key.
    pub data_type: DataType,
}

impl Node {
    /// Is it a read?
    pub fn reads(&self) -> bool {
        self.source.is_some() || self.shown.is_some()
    }
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
    /// Did it show an order?
    pub orders: bool,
}

/// The facts.
#[derive(Clone, Debug)]
pub struct Reading {
    /// What takes part, in file order.
    pub nodes: Vec<Node>,
    /// `so[a]` has bit b: a so b.
    pub so: Vec<u32>,
    /// `too_late[r]` has bit w: w comes later in r's session, or was invoked after r completed, so that r cannot have seen it.
    pub too_late: Vec<u32>,
    /// The anomalies of models.md 3.
    pub anomalies: Vec<&'static str>,
    /// Ambiguous reads.
    pub left_out: Vec<LeftOut>,
    /// Reads of unknown values that were to be ignored.
    pub ignored: usize,
    /// For each operation of the history, the write that its read of a register was matched with, likewise counted (`Some(None)`: the
    /// initial value).
    pub matched: Vec<Option<Option<usize>>>,
    /// The same for reads of lists, sets and counters: the appends of the list in its order, the adds of the set, nothing.
    pub matched_all: Vec<Option<Vec<usize>>>,
}

/// An operation with its place.
pub struct Placed<'t> {
    /// Its transaction.
    pub txn: usize,
    /// Where in it.
    pub place: usize,
    /// The operation.
    pub op: &'t Op,
}

/// What becomes of a read.
pub enum Outcome {
    /// It takes no part.
    Internal,
    /// It returned this write, or the initial value.
    Matched(Option<usize>),
    /// It showed these.
    MatchedAll(Vec<usize>),
    /// No well-formed history has it.
    Anomaly(&'static str),
    /// Its value is unknown, and that is to be ignored.
    Ignored,
    /// It may have returned any of several.
    LeftOut { candidates: Vec<Option<usize>>, maybe_malformed: bool, orders: bool },
}

/// Reads a history.
pub fn read(toy: &Toy, unmatched: UnmatchedReads) -> Reading {
    let so_txns = session_order(toy);
    let placed: Vec<Placed> = (0..toy.txns.len())
        .flat_map(|txn| toy.txns[txn].ops.iter().enumerate().map(move |(place, op)| Placed { txn, place, op }))
        .collect();
    let mut reading = Reading {
        nodes: vec![],
        so: vec![],
        too_late: vec![],
        anomalies: vec![],
        left_out: vec![],
        ignored: 0,
        matched: vec![None; placed.len()],
        matched_all: vec![None; placed.len()],
    };
    for (index, r) in placed.iter().enumerate() {
        if r.op.reads().is_none() && r.op.members().is_none() || toy.txns[r.txn].status != Status::Ok {
            continue;
        }
        match outcome(toy, &placed, &so_txns, r, unmatched) {
            Outcome::Internal => {}
            Outcome::Matched(writer) => reading.matched[index] = Some(writer),
            Outcome::MatchedAll(writers) => reading.matched_all[index] = Some(writers),
            Outcome::Anomaly(name) => reading.anomalies.push(name),
            Outcome::Ignored => reading.ignored += 1,
            Outcome::LeftOut { candidates, maybe_malformed, orders } => reading.left_out.push(LeftOut {
                op: index,
                session: toy.txns[r.txn].session,
                key: r.op.key,
                candidates,
                maybe_malformed,
                orders,
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
        let data_type = toy.key_type(o.op.key);
        let observers = || (0..placed.len()).filter(|&r| reading.matched[r] == Some(Some(index)));
        let observed = || observers().next().is_some() || reading.matched_all.iter().flatten().any(|all| all.contains(&index));
        let writes = o.op.act.changes()
            && (data_type != DataType::Register || is_final(txn, o.place))
            && match txn.status {
                Status::Ok => true,
                Status::Info => observed(),
                Status::Fail => false,
            };
        let effect = effect(&o.op.act).filter(|_| txn.status != Status::Fail);
        if writes || effect.is_some() || reading.matched[index].is_some() || reading.matched_all[index].is_some() {
            node_of[index] = Some(op_of.len());
            op_of.push(index);
            let ok = txn.status == Status::Ok;
            let version = if ok { o.op.version } else { agreed(observers().filter_map(|r| read_version(placed[r].op))) };
            let (session, key) = (txn.session, o.op.key);
            let node =
                Node { txn: o.txn, session, key, source: None, shown: None, from: 0, writes, effect, ok, version, data_type };
            reading.nodes.push(node);
        }
    }
    let node = |op: usize| node_of[op].expect("a matched write takes part");
    for (n, &index) in op_of.iter().enumerate() {
        let (op, txn) = (&placed[index], &toy.txns[placed[index].txn]);
        let source = reading.matched[index].map(|writer| writer.map_or(Source::Initial, |w| Source::Write(node(w))));
        let all = reading.matched_all[index].as_ref().map(|all| all.iter().map(|&w| node(w)).collect::<Vec<_>>());
        reading.nodes[n].from = match (source, &all) {
            (Some(Source::Write(w)), _) => 1 << w,
            (_, Some(all)) => all.iter().fold(0, |mask, w| mask | 1 << w),
            _ => 0,
        };
        reading.nodes[n].source = source;
        reading.nodes[n].shown = all.map(|all| match reading.nodes[n].data_type {
            DataType::List => Shown::List(all),
            DataType::Set => Shown::Set(op.op.members().expect("a read of a set").to_vec()),
            _ => Shown::Counter(op.op.reads().flatten().unwrap_or(0) - toy.initial(op.op.key).unwrap_or(0)),
        });
        let later = |other: usize| {
            let b = &placed[op_of[other]];
            if op.txn == b.txn { txn.status == Status::Ok && op.place < b.place } else { so_txns[op.txn][b.txn] }
        };
        let too_late = |other: usize| later(other) || invoked_after(&toy.txns[placed[op_of[other]].txn], txn);
        reading.so.push((0..op_of.len()).filter(|&other| later(other)).fold(0, |mask, other| mask | 1 << other));
        reading.too_late.push((0..op_of.len()).filter(|&other| too_late(other)).fold(0, |mask, other| mask | 1 << other));
    }
}

fn effect(act: &Act) -> Option<Effect> {
    match *act {
        Act::Add(member) => Some(Effect::Add(member)),
        Act::Remove(member) => Some(Effect::Remove(member)),
        Act::Increment(by) => Some(Effect::Count(by)),
        Act::Decrement(by) => Some(Effect::Count(-by)),
        _ => None,
    }
}

fn outcome(toy: &Toy, placed: &[Placed], so_txns: &[Vec<bool>], r: &Placed, unmatched: UnmatchedReads) -> Outcome {
    let own: Vec<&Act> =
        toy.txns[r.txn].ops[..r.place].iter().filter(|op| op.key == r.op.key && op.act.changes()).map(|op| &op.act).collect();
    let data_type = toy.key_type(r.op.key);
    if !own.is_empty() {
        let right = match data_type {
            DataType::Register => toy.txns[r.txn].ops[..r.place]
                .iter()
                .rev()
                .find(|op| op.key == r.op.key && op.act.changes())
                .is_some_and(|own| own.writes() == r.op.reads()),
            DataType::List | DataType::Set => shows_own(&own, r.op.members().expect("a read of a list or set")),
            DataType::Counter => true,
        };
        return if right { Outcome::Internal } else { Outcome::Anomaly("internal") };
    }
    let place = |w: usize| (&placed[w], &toy.txns[placed[w].txn]);
    match data_type {
        DataType::Register => {
            let value = r.op.reads().expect("a read");
            let overwritten = |w: usize| !is_final(place(w).1, place(w).0.place);
            let other_version = |w: usize| matches!((placed[w].op.version, read_version(r.op)), (Some(a), Some(b)) if a != b);
            let wrote = |w: &usize| placed[*w].op.writes() == Some(value);
            let search = Search { toy, placed, so_txns, r, unmatched, overwritten: &overwritten, other_version: &other_version };
            search.writer(wrote, toy.initial(r.op.key) == value)
        }
        DataType::Counter => Outcome::MatchedAll(vec![]),
        DataType::List | DataType::Set => {
            let members = r.op.members().expect("a read of a list or set");
            let fate = |at: usize| {
                let followed = |w: usize| {
                    let (write, txn) = place(w);
                    data_type == DataType::List && at + 1 == members.len() && !is_final(txn, write.place)
                };
                let search = Search { toy, placed, so_txns, r, unmatched, overwritten: &followed, other_version: &|_| false };
                let initial = toy.initial_members(r.op.key).contains(&members[at]);
                search.writer(|w| placed[*w].op.puts() == Some(members[at]), initial)
            };
            let fates: Vec<Outcome> = (0..members.len()).map(fate).collect();
            let repeated = |at: usize| data_type == DataType::List && too_often(toy, placed, r.op, members[at], &fates[at]);
            let repeated = (0..members.len()).any(repeated);
            match together(fates, data_type) {
                Outcome::MatchedAll(_) | Outcome::LeftOut { .. } if repeated => Outcome::Anomaly("repeated-element"),
                outcome => outcome,
            }
        }
    }
}

/// Was a invoked after b completed?
pub fn invoked_after(a: &Txn, b: &Txn) -> bool {
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
    txn.ops[place + 1..].iter().all(|later| later.key != txn.ops[place].key || !later.act.changes())
}

/// The session order of transactions, as a matrix. By times among those that have them (of two that each ended when the other began, the
/// file's order), but what lacks a time parts its session where it is in the file; and then transitive. Only an `ok` transaction has
/// successors, and parts; a `fail` one takes no part.
fn session_order(toy: &Toy) -> Vec<Vec<bool>> {
    let n = toy.txns.len();
    let txn = |t: usize| &toy.txns[t];
    let ok = |t: usize| txn(t).status == Status::Ok;
    let parts = |t: usize| ok(t) && (txn(t).invoke.is_none() || txn(t).complete.is_none());
    let ended_by = |a: usize, b: usize| ok(a) && txn(a).complete <= txn(b).invoke;
    let direct = |a: usize, b: usize| {
        if a == b || txn(a).session != txn(b).session || !ok(a) || txn(b).status == Status::Fail {
            return false;
        }
        let parted = (a.min(b)..=a.max(b)).any(|t| txn(t).session == txn(a).session && parts(t));
        if parted || txn(b).invoke.is_none() { a < b } else { ended_by(a, b) && (a < b || !ended_by(b, a)) }
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
