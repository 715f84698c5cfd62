//! Session order, visibility and views straight from models.md 1 and 4, as matrices closed by repetition: slow, and with nothing in
//! common with the verifier but the page. For histories of bare operations on registers with unique values.

use testimony::check::WriteOrder;
use testimony::history::{History, OpId, SessionId, Status};
use testimony::model::Guarantees;

type Matrix = Vec<Vec<bool>>;

/// A history seen through the definitions.
pub struct Definition<'h> {
    h: &'h History,
    pub so: Matrix,
    /// By operation: the write that an `ok` read returned.
    pub writer: Vec<Option<OpId>>,
}

impl<'h> Definition<'h> {
    pub fn new(h: &'h History) -> Self {
        let writer = |r: OpId| {
            h.ops().find(|&w| h.key(w) == h.key(r) && h.written_value(w).is_some() && h.written_value(w) == h.read_value(r))
        };
        let reads = |r: OpId| h.status(r) == Status::Ok && h.kind(r).reads();
        Definition { h, so: session_order(h), writer: h.ops().map(|r| writer(r).filter(|_| reads(r))).collect() }
    }

    pub fn reads(&self, op: OpId) -> bool {
        self.h.status(op) == Status::Ok && self.h.kind(op).reads()
    }

    /// Writes that took effect.
    pub fn writes(&self, op: OpId) -> bool {
        self.h.kind(op).writes() && (self.h.status(op) == Status::Ok || self.writer.contains(&Some(op)))
    }

    pub fn so(&self, a: OpId, b: OpId) -> bool {
        self.so[a.index()][b.index()]
    }

    fn same_key(&self, a: OpId, b: OpId) -> bool {
        self.h.key(a) == self.h.key(b)
    }

    /// No aborted read and none from the future.
    pub fn well_formed(&self) -> bool {
        self.h.ops().all(|r| match self.writer[r.index()] {
            Some(w) => self.h.status(w) != Status::Fail && !self.real_time(r, w) && r != w,
            None => true,
        })
    }

    fn real_time(&self, a: OpId, b: OpId) -> bool {
        let completed = self.h.completed(self.h.txn(a)).filter(|_| self.h.status(a) == Status::Ok);
        completed.zip(self.h.invoked(self.h.txn(b))).is_some_and(|(completed, invoked)| completed < invoked)
    }

    /// The least visibility: `[write][read]`.
    fn visibility(&self, g: Guarantees) -> Matrix {
        let n = self.h.operations();
        let ops: Vec<OpId> = self.h.ops().collect();
        let mut vis = vec![vec![false; n]; n];
        for &r in &ops {
            if let Some(w) = self.writer[r.index()] {
                vis[w.index()][r.index()] = true;
            }
        }
        loop {
            let before = vis.clone();
            for (&w, &r) in
                ops.iter().flat_map(|w| ops.iter().map(move |r| (w, r))).filter(|&(&w, &r)| self.writes(w) && self.reads(r))
            {
                let ryw = g.contains(Guarantees::RYW) && self.so(w, r);
                let mr = g.contains(Guarantees::MR) && ops.iter().any(|&r1| before[w.index()][r1.index()] && self.so(r1, r));
                let through = |w2: OpId| {
                    let seen = |r1: OpId| before[w.index()][r1.index()] && (self.so(r1, w2) || r1 == w2);
                    before[w2.index()][r.index()]
                        && (g.contains(Guarantees::MW) && self.so(w, w2)
                            || g.contains(Guarantees::WFR) && ops.iter().any(|&r1| seen(r1)))
                };
                vis[w.index()][r.index()] |= ryw || mr || ops.iter().any(|&w2| self.writes(w2) && through(w2));
            }
            if vis == before {
                return vis;
            }
        }
    }

    /// Does one order of the writes explain everything under the guarantees?
    pub fn explained(&self, g: Guarantees, write_order: WriteOrder, order: &[OpId]) -> bool {
        let ops: Vec<OpId> = self.h.ops().collect();
        let vis = self.visibility(g);
        let place = |w: OpId| order.iter().position(|&o| o == w).map_or(0, |i| i + 1);
        let pairs = || ops.iter().flat_map(|&a| ops.iter().map(move |&b| (a, b)));
        let versioned = |w: OpId| {
            let same = |&o: &OpId| self.same_key(o, w) && self.writes(o) && self.h.status(o) == Status::Ok;
            write_order == WriteOrder::Version && ops.iter().filter(|o| same(o)).all(|&o| self.h.version(o).is_some())
        };
        let rule_one = pairs().all(|(w, r)| {
            let returned = self.writer[r.index()].map_or(0, place);
            !(vis[w.index()][r.index()] && self.same_key(w, r)) || place(w) <= returned
        });
        let rule_two = pairs().filter(|&(a, b)| self.writes(b) && self.same_key(a, b) && !versioned(b)).all(|(a, b)| {
            let written = !(self.writes(a) && self.so(a, b)) || place(a) < place(b);
            let read = match self.writer[a.index()] {
                Some(w) if w != b && (self.so(a, b) || a == b) => place(w) < place(b),
                _ => true,
            };
            written && read
        });
        let rules_five_six = pairs().filter(|&(_, b)| self.writes(b)).all(|(a, b)| {
            let mw = g.contains(Guarantees::MW) && self.writes(a) && self.so(a, b);
            let seen = |r: OpId| vis[a.index()][r.index()] && (self.so(r, b) || r == b);
            let wfr = g.contains(Guarantees::WFR) && ops.iter().any(|&r| seen(r));
            !(mw || wfr) || place(a) < place(b)
        });
        let rule_seven = pairs().all(|(r, w)| !(vis[w.index()][r.index()] && (self.so(r, w) || r == w)));
        let recorded = pairs().filter(|&(a, b)| self.writes(a) && self.writes(b)).all(|(a, b)| {
            let (va, vb) = (self.version(a), self.version(b));
            let by_version = self.same_key(a, b) && versioned(a) && va.zip(vb).is_some_and(|(va, vb)| va < vb);
            let by_time = write_order == WriteOrder::RealTime && self.real_time(a, b);
            !(by_version || by_time) || place(a) < place(b)
        });
        rule_one && rule_two && rules_five_six && rule_seven && recorded
    }

    fn version(&self, w: OpId) -> Option<i128> {
        if self.h.status(w) == Status::Ok {
            return self.h.version(w);
        }
        let mut recorded = self
            .h
            .ops()
            .filter(|&r| self.writer[r.index()] == Some(w) && !self.h.kind(r).writes())
            .filter_map(|r| self.h.version(r));
        let first = recorded.next()?;
        recorded.all(|other| other == first).then_some(first)
    }

    /// (so ∪ wr)⁺; with a session, so and the wr edges into that session alone.
    pub fn hb(&self, into: Option<SessionId>) -> Matrix {
        let mut hb = self.so.clone();
        for r in self.h.ops().filter(|&r| into.is_none_or(|s| s == self.h.session(r))) {
            if let Some(w) = self.writer[r.index()] {
                hb[w.index()][r.index()] = true;
            }
        }
        close(&mut hb);
        hb
    }

    /// Does an order of a session's view explain its reads?
    pub fn explained_to(&self, session: SessionId, classic: bool, order: &[OpId]) -> bool {
        let base = self.hb(classic.then_some(session));
        let acyclic = self.h.ops().all(|a| !base[a.index()][a.index()]);
        let kept = order.iter().enumerate().all(|(i, b)| order[..i].iter().all(|a| !base[b.index()][a.index()]));
        let own_reads = order.iter().enumerate().filter(|&(_, &r)| self.reads(r) && self.h.session(r) == session);
        let mut explained = own_reads.map(|(i, &r)| {
            let last = order[..i].iter().rev().find(|&&w| self.writes(w) && self.same_key(w, r));
            last.copied() == self.writer[r.index()]
        });
        acyclic && kept && explained.all(|ok| ok)
    }

    /// What a session's order holds.
    pub fn view(&self, session: SessionId, classic: bool) -> Vec<OpId> {
        let hb = self.hb(None);
        let own: Vec<OpId> = self.h.ops().filter(|&o| self.h.session(o) == session && self.h.status(o) == Status::Ok).collect();
        let in_past = |w: OpId| own.iter().any(|&o| o == w || hb[w.index()][o.index()]);
        let own_read = |r: OpId| self.reads(r) && self.h.session(r) == session;
        self.h.ops().filter(|&o| own_read(o) || self.writes(o) && (classic || in_past(o))).collect()
    }

    /// `causal-weak`.
    pub fn weakly_causal(&self) -> bool {
        let hb = self.hb(None);
        self.h.ops().all(|a| !hb[a.index()][a.index()])
            && self.h.ops().filter(|&r| self.reads(r)).all(|r| {
                let later = |x: OpId| match self.writer[r.index()] {
                    Some(w) => x != w && hb[w.index()][x.index()],
                    None => true,
                };
                !self.h.ops().any(|x| self.writes(x) && self.same_key(x, r) && hb[x.index()][r.index()] && later(x))
            })
    }
}

/// Session order: the rule's pairs, closed.
fn session_order(h: &History) -> Matrix {
    let n = h.operations();
    let mut so = vec![vec![false; n]; n];
    for session in (0..h.sessions()).map(SessionId::new) {
        // Bare operations: an operation is its transaction.
        let ops: Vec<OpId> = h.ops().filter(|&op| h.session(op) == session && h.status(op) != Status::Fail).collect();
        let ok = |op: OpId| h.status(op) == Status::Ok;
        let begun = |op: OpId| h.invoked(h.txn(op));
        let done = |op: OpId| h.completed(h.txn(op)).filter(|_| ok(op));
        let untimed = |&op: &OpId| ok(op) && begun(op).zip(done(op)).is_none();
        for (i, &a) in ops.iter().enumerate().filter(|&(_, &a)| ok(a)) {
            for (j, &b) in ops.iter().enumerate().filter(|&(j, _)| j != i) {
                so[a.index()][b.index()] = match (done(a), begun(b)) {
                    _ if ops[i.min(j)..=i.max(j)].iter().any(untimed) => i < j,
                    (Some(done), Some(begun)) => done <= begun,
                    _ => i < j,
                };
            }
        }
    }
    close(&mut so);
    so
}

fn close(matrix: &mut Matrix) {
    for k in 0..matrix.len() {
        let through = matrix[k].clone();
        for row in matrix.iter_mut().filter(|row| row[k]) {
            row.iter_mut().zip(&through).for_each(|(to, &reached)| *to |= reached);
        }
    }
}
