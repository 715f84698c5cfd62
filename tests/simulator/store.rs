//! A replicated store of three nodes, deterministic by its seed: a register where the last write wins, a list in the order of its appends, an
//! observed-remove set or a counter, with one fault at most.
//!
//! Operations have one global order. A node has its own at once and those of others in that order, as a prefix that grows at random, so
//! what it shows is causally consistent; when all have all, all show the same. What a fault changes is which node has which operation,
//! how often, and in what order a node puts them.

use testimony::history::{History, HistoryBuilder, Kind, OpInput, Status, TxnInput, ValueId};

use crate::rng::Rng;

pub const NODES: usize = 3;

/// What the key is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    Register,
    List,
    Set,
    Counter,
}

/// What goes wrong, with the last operation of session 0 unless it says otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    Nothing,
    /// It never reaches the last node.
    LostMessage,
    /// It reaches the last node later than anything else.
    LateMessage,
    /// It was acknowledged and no node keeps it.
    Dropped,
    /// No node keeps it, and the client was told nothing.
    DroppedByTimeout,
    /// It is delivered to all twice, and counts twice.
    Twice,
    /// It was said to have failed, and all nodes keep it.
    FailedAndKept,
    /// It failed.
    Failed,
    /// Each node puts its own operations behind those of others.
    OwnLast,
    /// A last remove of what session 0 added takes no effect.
    RemoveForgotten,
    /// After that remove another session adds the element again, not knowing of it.
    RemovedAndAdded,
    /// The last node is never looked at in the end.
    NodeNotRead,
}

struct Done {
    node: usize,
    kind: Kind,
    value: i64,
    /// What a remove takes away: the adds that its node had.
    removes: Vec<usize>,
}

/// A run of the store.
pub struct Store {
    of: Type,
    fault: Fault,
    done: Vec<Done>,
    /// By node: how many operations of others it has been sent.
    sent: [usize; NODES],
    /// The operation that goes wrong.
    target: Option<usize>,
    /// Has everything arrived?
    settled: bool,
    record: Vec<(usize, Kind, Shown, Status, bool)>,
}

/// A value as recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Shown {
    One(Option<i64>),
    Many(Vec<i64>),
}

/// Runs it and returns the recording.
pub fn run(of: Type, fault: Fault, seed: u64) -> History {
    let mut rng = Rng::new(seed);
    let mut store = Store { of, fault, done: Vec::new(), sent: [0; NODES], target: None, settled: false, record: Vec::new() };
    for step in 0..rng.between(3, 12) as i64 {
        let node = rng.below(NODES);
        match rng.below(10) {
            0..3 => store.read(node, false),
            3..5 if of == Type::Set && !store.done.is_empty() => {
                let value = rng.pick(&store.done).value;
                store.write(node, Kind::Remove, value, Status::Ok);
            }
            _ => store.write(node, store.adding(), step + 1, Status::Ok),
        }
        for sent in &mut store.sent {
            *sent = rng.between(*sent, store.done.len());
        }
    }
    store.end_with_the_target();
    store.sent = [store.done.len(); NODES];
    let looked_at = if fault == Fault::NodeNotRead { NODES - 1 } else { NODES };
    // Whoever is cut off in the end took part before.
    store.read(NODES - 1, false);
    store.settled = true;
    (0..looked_at).for_each(|node| store.read(node, true));
    store.history()
}

impl Store {
    fn adding(&self) -> Kind {
        match self.of {
            Type::Register => Kind::Write,
            Type::List => Kind::Append,
            Type::Set => Kind::Add,
            Type::Counter => Kind::Increment,
        }
    }

    fn end_with_the_target(&mut self) {
        self.write(0, self.adding(), 100, Status::Ok);
        if matches!(self.fault, Fault::RemoveForgotten | Fault::RemovedAndAdded) {
            self.write(0, Kind::Remove, 100, Status::Ok);
            if self.fault == Fault::RemovedAndAdded {
                self.write(1, Kind::Add, 100, Status::Ok);
            } else {
                self.target = Some(self.done.len() - 1);
            }
            return;
        }
        let status = match self.fault {
            Fault::DroppedByTimeout => Status::Info,
            Fault::FailedAndKept | Fault::Failed => Status::Fail,
            _ => Status::Ok,
        };
        self.write(0, self.adding(), 200, status);
        self.target = Some(self.done.len() - 1);
    }

    fn write(&mut self, node: usize, kind: Kind, value: i64, status: Status) {
        let had = |&i: &usize| self.done[i].kind == Kind::Add && self.done[i].value == value && self.times(node, i) > 0;
        let removes = if kind == Kind::Remove { (0..self.done.len()).filter(had).collect() } else { Vec::new() };
        self.done.push(Done { node, kind, value, removes });
        self.record.push((node, kind, Shown::One(Some(value)), status, false));
    }

    fn read(&mut self, node: usize, is_final: bool) {
        self.record.push((node, Kind::Read, self.shown(node), Status::Ok, is_final));
    }

    /// How often a node has an operation.
    fn times(&self, node: usize, i: usize) -> usize {
        let has = usize::from(self.done[i].node == node || i < self.sent[node]);
        match self.fault {
            _ if self.target != Some(i) => has,
            Fault::LostMessage if node == NODES - 1 => 0,
            Fault::LateMessage if node == NODES - 1 && !self.settled => 0,
            Fault::Dropped | Fault::DroppedByTimeout | Fault::Failed | Fault::RemoveForgotten => 0,
            Fault::Twice => 2 * has,
            _ => has,
        }
    }

    fn shown(&self, node: usize) -> Shown {
        let mut has: Vec<usize> = (0..self.done.len()).filter(|&i| self.times(node, i) > 0).collect();
        if self.fault == Fault::OwnLast {
            has.sort_by_key(|&i| self.done[i].node == node);
        }
        let values = || has.iter().map(|&i| (self.done[i].value, self.times(node, i)));
        match self.of {
            Type::Register => Shown::One(values().next_back().map(|(value, _)| value)),
            Type::List => Shown::Many(values().flat_map(|(value, times)| vec![value; times]).collect()),
            Type::Counter => Shown::One(Some(values().map(|(value, times)| value * times as i64).sum())),
            Type::Set => {
                let removed = |i: usize| has.iter().any(|&remove| self.done[remove].removes.contains(&i));
                let there = has.iter().filter(|&&i| self.done[i].kind == Kind::Add && !removed(i));
                let mut members: Vec<i64> = there.map(|&i| self.done[i].value).collect();
                members.sort_unstable();
                members.dedup();
                Shown::Many(members)
            }
        }
    }

    fn history(&self) -> History {
        let mut builder = HistoryBuilder::new();
        for (line, (node, kind, shown, status, is_final)) in self.record.iter().enumerate() {
            let session = builder.values.string(&format!("{}{node}", if *is_final { "final-" } else { "s" }));
            let (key, name) = (builder.values.string("x"), builder.values.string(&format!("n{node}")));
            let time = Some(10 * line as i64);
            let times = TxnInput { invoke_ns: time, complete_ns: time.map(|t| t + 5), ..TxnInput::ok(session) };
            builder.begin(TxnInput { status: *status, node: Some(name), ..times });
            let value = match shown {
                Shown::One(None) => ValueId::NULL,
                Shown::One(Some(value)) => builder.values.int((*value).into()),
                Shown::Many(values) => {
                    let values: Vec<ValueId> = values.iter().map(|&value| builder.values.int(value.into())).collect();
                    builder.values.collection(&values)
                }
            };
            builder.op(OpInput { is_final: *is_final, line: line as u32 + 1, ..OpInput::new(*kind, key, value) });
        }
        builder.finish().expect("one type")
    }
}
