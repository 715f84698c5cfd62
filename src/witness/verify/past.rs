//! What lies before each operation: visibility under a set of guarantees, or hb, as a graph of which only predecessors are ever asked.
//!
//! A node is an operation as a read, or as a write; or what its session brings to it, the writes before it and the reads before it
//! apart, because guarantees carry the two apart. An operation takes over what came to the one before it; where transactions of
//! a session overlap, through gates, one for each completion in the order of time. At most three predecessors a node and, of a read,
//! what it showed; computed when asked for: two words a slot are all that is stored. `order` and `search` are iterative.

use rustc_hash::FxHashMap;

use super::facts::Facts;
use super::refusal::{Refusal, require};
use super::sessions::Moment;
use crate::history::{OpId, SessionId, Status};
use crate::model::Guarantees;

const NONE: u32 = u32::MAX;
/// How many kinds of nodes a slot has.
const KINDS: u32 = 4;

/// A node. Slots' nodes first, then gates'.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Node(u32);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Read,
    Write,
    /// The writes (and all that is visible through them) before the slot in its session.
    WritesBefore,
    /// The reads before it, likewise.
    ReadsBefore,
}

/// Which steps lead to an operation.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    /// Which guarantees carry session order. All: it is session order.
    pub(super) guarantees: Guarantees,
    /// Only this session's reads know what they read from.
    pub(super) only_reads_of: Option<SessionId>,
}

/// Writes that come before operations for other reasons, by operation.
pub(super) type Extra = FxHashMap<OpId, Vec<OpId>>;

/// All that completed in a session up to one of its transactions, this one included.
struct Gate {
    /// The last slot of that transaction.
    last: u32,
    before: u32,
}

pub(super) struct Past<'a, 'h> {
    facts: &'a Facts<'h>,
    /// The operations of `ok` transactions, session after session in session order; then the observed `info` writes.
    slots: Vec<OpId>,
    /// By operation.
    slot_of: Vec<u32>,
    /// By slot: the slot just before it that its session order continues.
    previous: Vec<u32>,
    /// By slot: the gate that it came after.
    gate: Vec<u32>,
    gates: Vec<Gate>,
}

impl<'a, 'h> Past<'a, 'h> {
    pub(super) fn new(facts: &'a Facts<'h>) -> Result<Self, Refusal> {
        let operations = facts.history.operations();
        require(operations < (u32::MAX / (2 * KINDS)) as usize, || {
            Refusal::new("the history is too long to check a certificate of it")
        })?;
        let mut past = Past {
            facts,
            slots: Vec::new(),
            slot_of: vec![NONE; operations],
            previous: Vec::new(),
            gate: Vec::new(),
            gates: Vec::new(),
        };
        let infos = past.infos_by_session();
        let mut infos = infos.as_slice();
        let mut gates_of_infos = Vec::new();
        for session in 0..facts.history.sessions() {
            let own = infos.partition_point(|&op| facts.history.session(op).index() == session);
            past.add_session(session, &infos[..own], &mut gates_of_infos);
            infos = &infos[own..];
        }
        for (op, gate) in gates_of_infos {
            past.add_slot(op, NONE, gate);
        }
        Ok(past)
    }

    /// The observed `info` writes.
    fn infos_by_session(&self) -> Vec<OpId> {
        let h = self.facts.history;
        let mut infos: Vec<OpId> = h.ops().filter(|&op| h.status(op) == Status::Info && self.facts.took_effect(op)).collect();
        infos.sort_by_key(|&op| h.session(op));
        infos
    }

    fn add_slot(&mut self, op: OpId, previous: u32, gate: u32) {
        self.slot_of[op.index()] = self.slots.len() as u32;
        self.slots.push(op);
        self.previous.push(previous);
        self.gate.push(gate);
    }

    fn last_slot(&self, place: usize) -> u32 {
        let last = self.facts.history.txn_ops(self.facts.so.at(place)).last().expect("a transaction with a place has operations");
        self.slot_of[last.index()]
    }

    fn add_session(&mut self, session: usize, infos: &[OpId], gates_of_infos: &mut Vec<(OpId, u32)>) {
        let (h, so) = (self.facts.history, &self.facts.so);
        let places = so.places(session);
        let overlaps = places.clone().skip(1).any(|place| !so.reaches(place - 1, place));
        let mut completions: Vec<Moment> = Vec::new();
        // Operations alone make a chain where nothing overlaps, but an `info` write may have begun anywhere along it.
        if overlaps || infos.iter().any(|&op| self.facts.invoked(op).is_some()) {
            completions = places.clone().map(|place| so.done(place)).collect();
            completions.sort_unstable();
        }
        let first_gate = self.gates.len() as u32;
        let gate_at = |moment: Moment| match completions.partition_point(|&done| done < moment) {
            0 => NONE,
            gates => first_gate + gates as u32 - 1,
        };
        for place in places.clone() {
            let chained = place > places.start && !overlaps;
            let mut previous = if chained { self.slots.len() as u32 - 1 } else { NONE };
            let mut gate = if overlaps { gate_at(so.begun(place)) } else { NONE };
            for op in h.txn_ops(so.at(place)) {
                self.add_slot(op, previous, gate);
                (previous, gate) = (self.slots.len() as u32 - 1, NONE);
            }
        }
        self.add_gates(completions.iter().map(|&(.., place)| place as usize));
        let (aside, by_file): (Vec<OpId>, Vec<OpId>) = infos.iter().partition(|&&op| self.facts.invoked(op).is_some());
        gates_of_infos.extend(aside.into_iter().filter_map(|op| Some((op, gate_at(so.begun_aside(h.txn(op))?)))));
        if by_file.is_empty() {
            return;
        }
        // Gates of their own, in the file's order; each has all that came to its transaction.
        let mut filed: Vec<usize> = places.collect();
        filed.sort_unstable_by_key(|&place| so.at(place));
        let first_gate = self.gates.len() as u32;
        for op in by_file {
            let gates = filed.partition_point(|&place| so.at(place) < h.txn(op)) as u32;
            gates_of_infos.push((op, if gates == 0 { NONE } else { first_gate + gates - 1 }));
        }
        self.add_gates(filed.into_iter());
    }

    /// A chain of gates: each lets through what came to the transaction at its place, that itself, and what the one before lets through.
    fn add_gates(&mut self, places: impl Iterator<Item = usize>) {
        let mut before = NONE;
        for place in places {
            let last = self.last_slot(place);
            self.gates.push(Gate { last, before });
            before = self.gates.len() as u32 - 1;
        }
    }

    /// How many nodes there are.
    pub(super) fn nodes(&self) -> usize {
        self.slots.len() * KINDS as usize + self.gates.len() * 2
    }

    /// An operation as a read, if it takes part as one.
    pub(super) fn read(&self, op: OpId) -> Option<Node> {
        self.facts.reads(op).then(|| self.node(self.slot_of[op.index()], Kind::Read))
    }

    /// An operation as a write, if it took effect.
    pub(super) fn write(&self, op: OpId) -> Option<Node> {
        self.facts.took_effect(op).then(|| self.node(self.slot_of[op.index()], Kind::Write))
    }

    /// The write that a node is.
    pub(super) fn as_write(&self, node: Node) -> Option<OpId> {
        self.operation(node).filter(|_| node.0 % KINDS == Kind::Write as u32)
    }

    /// The operation that a node is, as a read or as a write.
    pub(super) fn operation(&self, node: Node) -> Option<OpId> {
        let slot = (node.0 / KINDS) as usize;
        (slot < self.slots.len() && node.0 % KINDS <= Kind::Write as u32).then(|| self.slots[slot])
    }

    fn node(&self, slot: u32, kind: Kind) -> Node {
        Node(slot * KINDS + kind as u32)
    }

    fn gate_node(&self, gate: u32, kind: Kind) -> Option<Node> {
        (gate != NONE).then(|| Node(self.slots.len() as u32 * KINDS + gate * 2 + u32::from(kind == Kind::ReadsBefore)))
    }

    /// What leads to a node in one step.
    pub(super) fn before(&self, rules: Rules, node: Node) -> impl Iterator<Item = Node> + use<'_, 'a, 'h> {
        let shown = self.shown(rules, node).iter().filter_map(|&write| self.write(write));
        self.brought(rules, node).into_iter().flatten().chain(shown)
    }

    /// What its session brings to a node.
    fn brought(&self, rules: Rules, node: Node) -> [Option<Node>; 3] {
        let gates_from = self.slots.len() as u32 * KINDS;
        if node.0 >= gates_from {
            let (gate, kind) =
                ((node.0 - gates_from) / 2, [Kind::WritesBefore, Kind::ReadsBefore][(node.0 - gates_from) as usize % 2]);
            let Gate { last, before } = self.gates[gate as usize];
            return self.after(last, before, kind);
        }
        let slot = node.0 / KINDS;
        let carries = |guarantee, kind| rules.guarantees.contains(guarantee).then(|| self.node(slot, kind));
        match node.0 % KINDS {
            0 => [carries(Guarantees::RYW, Kind::WritesBefore), carries(Guarantees::MR, Kind::ReadsBefore), None],
            1 => {
                let own_read = self.read(self.slots[slot as usize]).filter(|_| rules.guarantees.contains(Guarantees::WFR));
                [own_read, carries(Guarantees::MW, Kind::WritesBefore), carries(Guarantees::WFR, Kind::ReadsBefore)]
            }
            2 => self.after(self.previous[slot as usize], self.gate[slot as usize], Kind::WritesBefore),
            _ => self.after(self.previous[slot as usize], self.gate[slot as usize], Kind::ReadsBefore),
        }
    }

    /// The writes that a node, as a read, showed.
    fn shown(&self, rules: Rules, node: Node) -> &'a [OpId] {
        match self.operation(node).filter(|_| node.0 % KINDS == Kind::Read as u32) {
            Some(read) if rules.only_reads_of.is_none_or(|s| s == self.facts.history.session(read)) => self.facts.shown(read),
            _ => &[],
        }
    }

    /// What a slot passes on to its session, and a gate.
    fn after(&self, slot: u32, gate: u32, kind: Kind) -> [Option<Node>; 3] {
        let gate = self.gate_node(gate, kind);
        if slot == NONE {
            return [None, None, gate];
        }
        let op = self.slots[slot as usize];
        let own = if kind == Kind::WritesBefore { self.write(op) } else { self.read(op) };
        [Some(self.node(slot, kind)), own, gate]
    }

    /// Every operation that takes part, as what it takes part.
    pub(super) fn all(&self) -> impl Iterator<Item = Node> + '_ {
        self.facts.history.ops().flat_map(|op| [self.read(op), self.write(op)]).flatten()
    }

    /// Puts the past of `roots` into `walk.order`, everything behind what leads to it. A cycle is refused.
    pub(super) fn order(&self, rules: Rules, roots: impl Iterator<Item = Node>, walk: &mut Walk) -> Result<(), Refusal> {
        walk.begin(self.nodes());
        let mut stack: Vec<(Node, u32)> = Vec::new();
        for root in roots {
            if walk.state[root.0 as usize] == State::New {
                walk.state[root.0 as usize] = State::Open;
                stack.push((root, 0));
            }
            while let Some((node, next)) = stack.last_mut() {
                let (at, step) = (*node, *next as usize);
                let shown = self.shown(rules, at);
                if step == 3 + shown.len() {
                    walk.state[at.0 as usize] = State::Done;
                    walk.order.push(at);
                    stack.pop();
                    continue;
                }
                *next += 1;
                let before = if step < 3 { self.brought(rules, at)[step] } else { self.write(shown[step - 3]) };
                let Some(before) = before else { continue };
                match walk.state[before.0 as usize] {
                    State::New => {
                        walk.state[before.0 as usize] = State::Open;
                        stack.push((before, 0));
                    }
                    State::Open => return Err(Refusal::new("session order and what reads returned make a cycle")),
                    State::Done => {}
                }
            }
        }
        Ok(())
    }

    /// Goes back from a node through those that `enter` lets in; `enter` is asked once of each.
    pub(super) fn search(&self, rules: Rules, extra: &Extra, from: Node, seen: &mut Seen, mut enter: impl FnMut(Node) -> bool) {
        seen.begin(self.nodes());
        seen.stack.push(from);
        while let Some(node) = seen.stack.pop() {
            let more = self.operation(node).and_then(|op| extra.get(&op)).map_or(&[][..], Vec::as_slice);
            for before in self.before(rules, node).chain(more.iter().filter_map(|&write| self.write(write))) {
                if !std::mem::replace(&mut seen.marked[before.0 as usize], true) {
                    seen.touched.push(before);
                    if enter(before) {
                        seen.stack.push(before);
                    }
                }
            }
        }
    }

    /// Does one write happen before another?
    pub(super) fn happened_before(&self, write: OpId, later: OpId, seen: &mut Seen) -> bool {
        let (Some(write), Some(later)) = (self.write(write), self.write(later)) else { return false };
        let hb = Rules { guarantees: Guarantees::ALL, only_reads_of: None };
        let mut found = false;
        self.search(hb, &Extra::default(), later, seen, |node| {
            found |= node == write;
            !found
        });
        found
    }
}

impl Node {
    /// Its place in columns of [`Past::nodes`] entries.
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Open,
    Done,
}

/// The memory of [`Past::order`], for one walk after another.
#[derive(Default)]
pub(super) struct Walk {
    state: Vec<State>,
    pub(super) order: Vec<Node>,
}

impl Walk {
    fn begin(&mut self, nodes: usize) {
        self.state.resize(nodes, State::New);
        for node in self.order.drain(..) {
            self.state[node.index()] = State::New;
        }
    }

    /// Was the node reached?
    pub(super) fn reached(&self, node: Node) -> bool {
        self.state[node.index()] == State::Done
    }
}

/// The memory of [`Past::search`], for one search after another.
#[derive(Default)]
pub(super) struct Seen {
    marked: Vec<bool>,
    touched: Vec<Node>,
    stack: Vec<Node>,
}

impl Seen {
    fn begin(&mut self, nodes: usize) {
        self.marked.resize(nodes, false);
        for node in self.touched.drain(..) {
            self.marked[node.index()] = false;
        }
        self.stack.clear();
    }
}
