//! Session order between the transactions of a commit order, as chains of gates: one gate for each `ok` transaction of a session, in the
//! order of completion, which lets through that transaction and what the gate before it lets through. A transaction came after one gate:
//! the last that was open when it began. An `info` transaction that was not invoked came also after a chain in the file's order.
//! O(n log n) time, O(n) memory.

use super::super::refusal::{Refusal, require};
use super::super::sessions::Moment;
use super::CommitOrder;
use crate::history::{Status, TxnId};

struct Gate {
    /// The place of the transaction that it lets through.
    through: u32,
    /// The gate before it.
    before: Option<u32>,
    /// The last place of all that it lets through.
    last: u32,
}

pub(super) struct Gates {
    gates: Vec<Gate>,
    /// By place less one: the gate that the transaction came after, by completion and by the file.
    after: Vec<[Option<u32>; 2]>,
    /// By session: its first gate.
    first: Vec<u32>,
}

impl Gates {
    pub(super) fn new(order: &CommitOrder) -> Result<Self, Refusal> {
        // Transactions and gates are numbered together, and there are two gates a transaction at most.
        require(order.len() < u32::MAX as usize / 4, || Refusal::new("the history is too long to check a certificate of it"))?;
        let h = order.facts.history;
        let mut gates = Gates { gates: Vec::with_capacity(order.len()), after: vec![[None; 2]; order.len()], first: Vec::new() };
        let mut infos: Vec<TxnId> = h.txns().filter(|&txn| h.txn_status(txn) == Status::Info && order.place(txn) != 0).collect();
        infos.sort_by_key(|&txn| h.txn_session(txn));
        let mut infos = infos.as_slice();
        for session in 0..h.sessions() {
            let own = infos.partition_point(|&txn| h.txn_session(txn).index() == session);
            gates.first.push(gates.gates.len() as u32);
            gates.add_session(order, session, &infos[..own]);
            infos = &infos[own..];
        }
        Ok(gates)
    }

    fn add_session(&mut self, order: &CommitOrder, session: usize, infos: &[TxnId]) {
        let (h, so) = (order.facts.history, &order.facts.so);
        let places = || so.places(session).filter(|&at| order.place(so.at(at)) != 0);
        let mut completions: Vec<Moment> = places().map(|at| so.done(at)).collect();
        completions.sort_unstable();
        let first = self.gates.len() as u32;
        self.add_chain(completions.iter().map(|&(.., at)| order.place(so.at(at as usize))));
        let open_at = |moment: Moment| gate(first, completions.partition_point(|&done| done < moment));
        for at in places() {
            self.after[order.place(so.at(at)) as usize - 1][0] = open_at(so.begun(at));
        }
        let mut filed: Vec<TxnId> = Vec::new();
        let first_filed = self.gates.len() as u32;
        if infos.iter().any(|&txn| h.invoked(txn).is_none()) {
            filed = places().map(|at| so.at(at)).collect();
            filed.sort_unstable();
            self.add_chain(filed.iter().map(|&txn| order.place(txn)));
        }
        for &txn in infos {
            self.after[order.place(txn) as usize - 1] = match so.begun_aside(txn) {
                Some(moment) => [open_at(moment), None],
                None => {
                    // What the file has before it, and what precedes the last to begin of that.
                    let behind = so.place(order.first[order.place(txn) as usize - 1]);
                    let last = behind.checked_sub(1).filter(|at| so.places(session).contains(at));
                    let by_file = gate(first_filed, filed.partition_point(|&other| other < txn));
                    [last.and_then(|at| open_at(so.begun(at))), by_file]
                }
            };
        }
    }

    fn add_chain(&mut self, places: impl Iterator<Item = u32>) {
        let (mut before, mut last) = (None, 0);
        for through in places {
            last = through.max(last);
            self.gates.push(Gate { through, before, last });
            before = Some(self.gates.len() as u32 - 1);
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.gates.len()
    }

    /// The first gate of a session.
    pub(super) fn first(&self, session: usize) -> u32 {
        self.first[session]
    }

    /// The gates that a transaction came after.
    pub(super) fn before(&self, place: u32) -> impl Iterator<Item = u32> + use<> {
        self.after[place as usize - 1].into_iter().flatten()
    }

    /// The gate that a transaction came after by completion.
    pub(super) fn passed(&self, place: u32) -> Option<u32> {
        self.after[place as usize - 1][0]
    }

    /// The transaction that a gate lets through.
    pub(super) fn through(&self, gate: u32) -> u32 {
        self.gates[gate as usize].through
    }

    /// The gate before a gate.
    pub(super) fn previous(&self, gate: u32) -> Option<u32> {
        self.gates[gate as usize].before
    }

    /// The last place of all that a gate lets through.
    pub(super) fn last(&self, gate: u32) -> u32 {
        self.gates[gate as usize].last
    }
}

/// The last of so many gates.
fn gate(first: u32, open: usize) -> Option<u32> {
    (open as u32).checked_sub(1).map(|last| first + last)
}
