//! Happened before, hb = (so ∪ wr)⁺, over the operations of every data type: a read of a list or set returned from the one append or
//! add that each of its elements can be from, a read of a register from the write that it was matched with.
//!
//! A session's order is a chain of nodes that an operation joins when it has ended and that whoever begins later comes after, so
//! overlapping sessions need no pairs. All nodes are laid out once, near recorded time or file order, so a walk back from b that asks for
//! a never goes below a's place; in recordings such windows are short. Cost: O(n + elements read) to build, O(window) a question.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::history::{History, OpId, SessionId, Status, TxnId, Value, ValueId};
use crate::relation::budget::{Budget, OutOfBudget};
use crate::relation::csr;
use crate::relation::facts::Facts;
use crate::relation::matching::INITIAL;
use crate::verdict::{Because, Relation, Step};

/// hb, and what was seen on the last walk.
pub(super) struct Happened<'a> {
    facts: &'a Facts<'a>,
    /// The nodes right before node v are `before[starts[v]..starts[v + 1]]`. Nodes below the number of operations are operations.
    starts: Vec<u32>,
    before: Vec<u32>,
    /// The place of each node in an order that extends hb; all 0 where hb has a cycle.
    place: Vec<u32>,
    /// The walk that met a node last.
    met: Vec<u32>,
    walk: u32,
    /// Did a read that is followed by a write of its session return what several writes may have written? hb may then be larger.
    pub(super) open: bool,
}

/// Edges to be grouped by where they lead.
struct Edges<'a> {
    history: &'a History,
    facts: &'a Facts<'a>,
    to: Vec<u32>,
    from: Vec<u32>,
    nodes: u32,
    ambiguous: Vec<OpId>,
}

impl<'a> Happened<'a> {
    pub(super) fn new(facts: &'a Facts<'a>) -> Result<Self, OutOfBudget> {
        let history = facts.history;
        let mut edges =
            Edges { history, facts, to: Vec::new(), from: Vec::new(), nodes: history.operations() as u32, ambiguous: Vec::new() };
        for session in (0..history.sessions()).map(SessionId::new) {
            edges.session(session);
        }
        edges.reads(facts.budget)?;
        let nodes = edges.nodes as usize;
        let (starts, edge_of) = csr::group(nodes, edges.to.len(), |edge| edges.to[edge]);
        let before: Vec<u32> = edge_of.iter().map(|&edge| edges.from[edge as usize]).collect();
        let place = lay_out(history, &starts, &before);
        let open = followed_by_a_write(facts, &edges.ambiguous);
        Ok(Happened { facts, starts, before, place, met: vec![0; nodes], walk: 0, open })
    }

    /// Marks what happened before any of `ends`, as far back as the earliest of `asked`; [`Happened::met`] then tells.
    pub(super) fn walk(&mut self, ends: &[OpId], asked: &[OpId]) -> Result<(), OutOfBudget> {
        self.walk += 1;
        let Some(floor) = asked.iter().map(|op| self.place[op.index()]).min() else { return Ok(()) };
        let mut stack: Vec<u32> = ends.iter().map(|op| op.index() as u32).collect();
        let mut steps = 0u32;
        while let Some(node) = stack.pop() {
            steps += 1;
            if steps.is_multiple_of(4096) {
                self.facts.budget.check()?;
            }
            for &from in &self.before[self.starts[node as usize] as usize..self.starts[node as usize + 1] as usize] {
                if self.place[from as usize] >= floor && self.met[from as usize] != self.walk {
                    self.met[from as usize] = self.walk;
                    stack.push(from);
                }
            }
        }
        Ok(())
    }

    /// Did the last walk meet the operation?
    pub(super) fn met(&self, op: OpId) -> bool {
        self.walk > 0 && self.met[op.index()] == self.walk
    }

    /// Can `a` happen before `b`, as far as the layout tells at once?
    pub(super) fn may_precede(&self, a: OpId, b: OpId) -> bool {
        self.place[a.index()] <= self.place[b.index()]
    }

    /// The step a hb b, along a path of the fewest reads. a hb b must hold.
    pub(super) fn step(&self, a: OpId, b: OpId) -> Step {
        let path = self.path(a, b);
        let mut via: Vec<Step> = Vec::new();
        for pair in path.windows(2) {
            let in_session = self.so(pair[0], pair[1]);
            match via.last_mut() {
                Some(last) if in_session && last.relation == Relation::So => last.to = pair[1],
                _ if in_session => via.push(Step::new(pair[0], pair[1], Relation::So, Because::SessionOrder)),
                _ => via.push(Step::new(pair[0], pair[1], Relation::Wr, Because::ReadsFrom)),
            }
        }
        Step { via, ..Step::new(a, b, Relation::Hb, Because::HappenedBefore) }
    }

    /// Breadth first, where steps of session order cost nothing.
    fn path(&self, a: OpId, b: OpId) -> Vec<OpId> {
        let (goal, start) = (a.index() as u32, b.index() as u32);
        let mut next: FxHashMap<u32, (u32, u32)> = FxHashMap::default();
        let mut queue = VecDeque::from([(0u32, start)]);
        let floor = self.place[goal as usize];
        while let Some((cost, node)) = queue.pop_front() {
            if node == goal {
                break;
            }
            if next.get(&node).is_some_and(|&(known, _)| known < cost) {
                continue;
            }
            for &from in &self.before[self.starts[node as usize] as usize..self.starts[node as usize + 1] as usize] {
                if self.place[from as usize] < floor {
                    continue;
                }
                let reads = u32::from(self.is_read_from(from, node));
                if next.get(&from).is_none_or(|&(known, _)| cost + reads < known) {
                    next.insert(from, (cost + reads, node));
                    if reads == 0 { queue.push_front((cost, from)) } else { queue.push_back((cost + 1, from)) }
                }
            }
        }
        let mut path = vec![a];
        let mut at = goal;
        loop {
            at = next[&at].1;
            if (at as usize) < self.facts.history.operations() {
                path.push(OpId::new(at as usize));
            }
            if at == start {
                return path;
            }
        }
    }

    fn is_read_from(&self, from: u32, to: u32) -> bool {
        let operations = self.facts.history.operations() as u32;
        from < operations && to < operations && !self.so(OpId::new(from as usize), OpId::new(to as usize))
    }

    fn so(&self, a: OpId, b: OpId) -> bool {
        so(self.facts, a, b)
    }
}

/// a so b, for operations: inside an `ok` transaction by program order.
pub(super) fn so(facts: &Facts<'_>, a: OpId, b: OpId) -> bool {
    let history = facts.history;
    let (from, to) = (history.txn(a), history.txn(b));
    if history.txn_session(from) != history.txn_session(to) || history.txn_status(from) != Status::Ok {
        return false;
    }
    if from == to { a < b } else { facts.so.precedes(history, from, to) }
}

/// Was `late` invoked only after `early` had completed? An `info` operation never completes.
pub(super) fn in_time(history: &History, early: OpId, late: OpId) -> bool {
    let completed = history.completed(history.txn(early)).filter(|_| history.status(early) == Status::Ok);
    matches!((completed, history.invoked(history.txn(late))), (Some(done), Some(begun)) if done < begun)
}

impl Edges<'_> {
    fn add(&mut self, from: u32, to: u32) {
        self.from.push(from);
        self.to.push(to);
    }

    fn session(&mut self, session: SessionId) {
        let (history, so) = (self.history, &self.facts.so);
        let taking_part = |&txn: &TxnId| history.txn_status(txn) != Status::Fail && history.txn_ops(txn).len() > 0;
        let mut beginning: Vec<TxnId> = so.of(session).iter().map(|&txn| TxnId::new(txn as usize)).filter(taking_part).collect();
        let mut ending: Vec<TxnId> = beginning.iter().copied().filter(|&txn| history.txn_status(txn) == Status::Ok).collect();
        ending.sort_by_key(|&txn| so.ends_at(history, txn));
        beginning.sort_by_key(|&txn| so.begins_at(history, txn));
        let (mut chain, mut ended) = (None, 0);
        for &txn in &beginning {
            while ended < ending.len() && so.ends_at(history, ending[ended]) < so.begins_at(history, txn) {
                chain = Some(self.join(chain, ending[ended]));
                ended += 1;
            }
            let ok = history.txn_status(txn) == Status::Ok;
            let mut before = chain;
            for op in history.txn_ops(txn) {
                if let Some(before) = before {
                    self.add(before, op.index() as u32);
                }
                if ok {
                    before = Some(op.index() as u32);
                }
            }
        }
        // Some also follow what the file has before them.
        if beginning.iter().any(|&txn| so.follows_file(txn)) {
            beginning.sort_unstable();
            let mut chain = None;
            for txn in beginning {
                if history.txn_status(txn) == Status::Ok {
                    chain = Some(self.join(chain, txn));
                } else if let Some(before) = chain.filter(|_| so.follows_file(txn)) {
                    history.txn_ops(txn).for_each(|op| self.add(before, op.index() as u32));
                }
            }
        }
    }

    /// The node of a chain that comes after its last one and a transaction.
    fn join(&mut self, chain: Option<u32>, txn: TxnId) -> u32 {
        let last = self.history.txn_ops(txn).last().expect("it has operations");
        let joined = self.nodes;
        self.nodes += 1;
        self.add(last.index() as u32, joined);
        if let Some(earlier) = chain {
            self.add(earlier, joined);
        }
        joined
    }

    /// The edges from what reads returned.
    fn reads(&mut self, budget: &Budget) -> Result<(), OutOfBudget> {
        let history = self.history;
        self.ambiguous = self.facts.matching.ambiguous.iter().copied().filter(|&read| is_register(history, read)).collect();
        let mut writers: Option<FxHashMap<(u32, ValueId), Vec<OpId>>> = None;
        for (count, op) in history.ops().enumerate() {
            if count % 4096 == 0 {
                budget.check()?;
            }
            let Some(value) = history.read_value(op).filter(|_| history.status(op) == Status::Ok) else { continue };
            match history.values().get(value) {
                _ if is_register(history, op) => {
                    let writer = self.facts.matching.writer[op.index()];
                    if writer < INITIAL {
                        self.add(writer, op.index() as u32);
                    }
                }
                Value::Collection(elements) => {
                    let writers = writers.get_or_insert_with(|| element_writers(history));
                    let initial = history.values().get(history.initial(history.key(op)));
                    for &element in elements {
                        let given = matches!(initial, Value::Collection(given) if given.contains(&element));
                        match candidates(self.facts, writers, op, element)[..] {
                            [only] if !given => self.add(only.index() as u32, op.index() as u32),
                            [] => {}
                            _ if self.ambiguous.last() != Some(&op) => self.ambiguous.push(op),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn is_register(history: &History, op: OpId) -> bool {
    history.key_type(history.key(op)) == crate::history::DataType::Register
}

/// The appends and adds that may have happened, by key and element.
fn element_writers(history: &History) -> FxHashMap<(u32, ValueId), Vec<OpId>> {
    use crate::history::Kind::{Add, Append};
    let mut writers: FxHashMap<(u32, ValueId), Vec<OpId>> = FxHashMap::default();
    for op in history.ops().filter(|&op| matches!(history.kind(op), Add | Append) && history.status(op) != Status::Fail) {
        let element = history.written_value(op).expect("a write has a value");
        writers.entry((history.key(op).index() as u32, element)).or_default().push(op);
    }
    writers
}

/// What the element of a read may be from: the recording excludes what was invoked later, or comes later in the reader's session.
fn candidates(facts: &Facts<'_>, writers: &FxHashMap<(u32, ValueId), Vec<OpId>>, read: OpId, element: ValueId) -> Vec<OpId> {
    let history = facts.history;
    let Some(all) = writers.get(&(history.key(read).index() as u32, element)) else { return Vec::new() };
    let later = |write: OpId| {
        in_time(history, read, write) || so(facts, read, write) || (history.txn(read) == history.txn(write) && read < write)
    };
    all.iter().copied().filter(|&write| !later(write)).collect()
}

/// Only such a read can put anything before a write.
fn followed_by_a_write(facts: &Facts<'_>, reads: &[OpId]) -> bool {
    let history = facts.history;
    reads.iter().any(|&read| {
        let session = history.session(read);
        let after = |&txn: &u32| {
            let txn = TxnId::new(txn as usize);
            history.txn_ops(txn).any(|op| history.kind(op).writes() && (op == read || so(facts, read, op)))
        };
        facts.so.of(session).iter().any(after)
    })
}

/// The place of every node in an order that extends the edges, near the recorded times or else the file; all 0 where there is none.
fn lay_out(history: &History, starts: &[u32], before: &[u32]) -> Vec<u32> {
    const UNSEEN: u32 = u32::MAX;
    const OPEN: u32 = u32::MAX - 1;
    let nodes = starts.len() - 1;
    let mut guess: Vec<u32> = (0..history.operations() as u32).collect();
    if history.txns().all(|txn| history.invoked(txn).is_some()) {
        guess.sort_by_key(|&op| history.invoked(history.txn(OpId::new(op as usize))));
    }
    guess.extend(history.operations() as u32..nodes as u32);
    let mut place = vec![UNSEEN; nodes];
    let mut placed = 0u32;
    let mut stack: Vec<u32> = Vec::new();
    for first in guess {
        stack.push(first);
        while let Some(&node) = stack.last() {
            match place[node as usize] {
                UNSEEN => {
                    place[node as usize] = OPEN;
                    for &from in &before[starts[node as usize] as usize..starts[node as usize + 1] as usize] {
                        match place[from as usize] {
                            UNSEEN => stack.push(from),
                            OPEN => return vec![0; nodes],
                            _ => {}
                        }
                    }
                }
                OPEN => {
                    place[node as usize] = placed;
                    placed += 1;
                    stack.pop();
                }
                _ => drop(stack.pop()),
            }
        }
    }
    place
}
