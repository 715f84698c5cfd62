//! Convergence straight from its definition (models.md 6): hb closed as a matrix, every pair of quiescent reads compared, every way of
//! resolving ambiguous reads tried. Shares no code with the product.

use testimony::check::WriteOrder;
use testimony::history::{Kind, Status};

use crate::toy::{Toy, Val, txns};

/// How a history is judged.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub write_order: WriteOrder,
    pub settle: Option<i64>,
}

/// What the definition says of one key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Says {
    /// Whatever ambiguous reads returned.
    Violated {
        divergent: bool,
    },
    Unknown,
    /// No violation without the ambiguous reads, but one where they returned the right ones.
    MaybeViolated,
    Fine,
}

/// From whom a read, or an element of one, may be; `None` is the initial value.
type Writer = Option<usize>;

struct Oracle<'t> {
    toy: &'t Toy,
    txn: Vec<usize>,
    settings: Settings,
    /// hb by operation: `hb[a][b]`.
    hb: Vec<Vec<bool>>,
    /// Of each register read with a known writer, that writer.
    from: Vec<Option<Writer>>,
}

/// Every key, and whether some read is ambiguous.
pub fn judge(toy: &Toy, settings: Settings) -> (Vec<(u8, Says)>, bool) {
    let txn = txns(toy);
    let mut choices: Vec<(usize, Vec<Writer>)> = Vec::new();
    let mut certain: Vec<(usize, Writer)> = Vec::new();
    for read in (0..toy.len()).filter(|&op| toy[op].kind == Kind::Read && toy[op].status == Status::Ok) {
        for candidates in candidates(toy, &txn, read) {
            match candidates.len() {
                0 => {}
                1 => certain.push((read, candidates[0])),
                _ => choices.push((read, candidates)),
            }
        }
    }
    let mut keys: Vec<u8> = toy.iter().map(|op| op.key).collect();
    keys.sort_unstable();
    keys.dedup();
    let without = Oracle::new(toy, &txn, settings, &certain);
    let mut says: Vec<(u8, Says)> = keys.iter().map(|&key| (key, without.key(key))).collect();
    let ways: usize = choices.iter().map(|(_, candidates)| candidates.len()).product();
    for way in 0..if choices.is_empty() { 0 } else { ways.min(300) } {
        let mut resolved = certain.clone();
        let mut rest = way;
        for (read, candidates) in &choices {
            resolved.push((*read, candidates[rest % candidates.len()]));
            rest /= candidates.len();
        }
        let with = Oracle::new(toy, &txn, settings, &resolved);
        for (key, says) in says.iter_mut().filter(|(_, says)| *says == Says::Fine) {
            if matches!(with.key(*key), Says::Violated { .. }) {
                *says = Says::MaybeViolated;
            }
        }
    }
    (says, !choices.is_empty())
}

/// How long the keys took whose quiescent reads agree, ascending; those that lack a time are left out.
pub fn times(toy: &Toy, settings: Settings) -> Vec<i64> {
    let txn = txns(toy);
    let oracle = Oracle::new(toy, &txn, settings, &[]);
    let mut keys: Vec<u8> = toy.iter().map(|op| op.key).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut times: Vec<i64> = keys.into_iter().filter_map(|key| oracle.time(key)).collect();
    times.sort_unstable();
    times
}

/// Candidates of a register read, or of each element that a read shows.
fn candidates(toy: &Toy, txn: &[usize], read: usize) -> Vec<Vec<Writer>> {
    let excluded = |w: usize| {
        toy[w].status == Status::Fail
            || time_before(toy, read, w)
            || (txn[read] != txn[w] && so(toy, txn, read, w))
            || (txn[read] == txn[w] && w > read)
            || matches!((toy[w].version, toy[read].version), (Some(written), Some(read)) if written != read)
    };
    let same_key = |w: &usize| toy[*w].key == toy[read].key && toy[*w].kind != Kind::Read;
    let of = |wanted: &dyn Fn(usize) -> bool| -> Vec<Writer> {
        (0..toy.len()).filter(same_key).filter(|&w| wanted(w) && !excluded(w)).map(Some).collect()
    };
    match &toy[read].value {
        Val::Many(elements) => elements
            .iter()
            .map(|&e| of(&|w| matches!(toy[w].kind, Kind::Add | Kind::Append) && toy[w].value == Val::Int(e)))
            .collect(),
        _ if is_register(toy, toy[read].key) => {
            if internal(toy, txn, read) {
                return Vec::new();
            }
            let mut all = of(&|w| toy[w].value == toy[read].value);
            let mut writers = (0..toy.len()).filter(same_key).filter(|&w| toy[w].value == toy[read].value);
            let initial = toy[read].value == Val::Null;
            match (writers.next(), writers.next()) {
                // Written once, it is from there, even if the reader's session wrote it only later.
                (Some(only), None) if !initial && txn[only] != txn[read] && toy[only].status != Status::Fail => {
                    all = if time_before(toy, read, only) { Vec::new() } else { vec![Some(only)] };
                }
                _ if initial => all.push(None),
                _ => {}
            }
            if let [Some(only)] = all[..]
                && !effective(toy, txn, only)
            {
                return Vec::new();
            }
            vec![all]
        }
        _ => Vec::new(),
    }
}

fn is_register(toy: &Toy, key: u8) -> bool {
    toy.iter().filter(|op| op.key == key).all(|op| matches!(op.kind, Kind::Read | Kind::Write))
}

fn internal(toy: &Toy, txn: &[usize], read: usize) -> bool {
    (0..read).any(|w| txn[w] == txn[read] && toy[w].key == toy[read].key && toy[w].kind != Kind::Read)
}

/// Not overwritten by its own transaction.
fn effective(toy: &Toy, txn: &[usize], write: usize) -> bool {
    !(write + 1..toy.len()).any(|w| txn[w] == txn[write] && toy[w].key == toy[write].key && toy[w].kind != Kind::Read)
}

fn so(toy: &Toy, txn: &[usize], a: usize, b: usize) -> bool {
    if toy[a].session != toy[b].session || toy[a].status != Status::Ok {
        return false;
    }
    match (txn[a] == txn[b], toy[a].times, toy[b].times) {
        (true, ..) => a < b,
        (false, Some((first, done)), Some((begun, last))) => {
            let last = if toy[b].status == Status::Ok { last } else { i64::MAX };
            (first, done, a) < (begun, last, b) && done <= begun
        }
        _ => a < b,
    }
}

fn time_before(toy: &Toy, a: usize, b: usize) -> bool {
    toy[a].status == Status::Ok && matches!((toy[a].times, toy[b].times), (Some((_, done)), Some((begun, _))) if done < begun)
}

impl<'t> Oracle<'t> {
    fn new(toy: &'t Toy, txn: &[usize], settings: Settings, wr: &[(usize, Writer)]) -> Self {
        let n = toy.len();
        let mut hb = vec![vec![false; n]; n];
        let takes_part = |op: usize| toy[op].status != Status::Fail;
        for a in (0..n).filter(|&a| takes_part(a)) {
            for b in (0..n).filter(|&b| takes_part(b)) {
                hb[a][b] = a != b && so(toy, txn, a, b);
            }
        }
        let mut from = vec![None; n];
        for &(read, writer) in wr {
            from[read] = Some(writer);
            if let Some(writer) = writer {
                hb[writer][read] = true;
            }
        }
        for via in 0..n {
            for a in 0..n {
                for b in 0..n {
                    hb[a][b] |= hb[a][via] && hb[via][b];
                }
            }
        }
        Oracle { toy, txn: txn.to_vec(), settings, hb, from }
    }

    fn writes(&self, key: u8) -> Vec<usize> {
        (0..self.toy.len()).filter(|&op| self.toy[op].key == key && self.toy[op].kind != Kind::Read).collect()
    }

    fn quiescent(&self, key: u8) -> Vec<usize> {
        let any_marked = self.toy.iter().any(|op| op.is_final);
        let shows = |&op: &usize| {
            let it = &self.toy[op];
            it.key == key && it.kind == Kind::Read && it.status == Status::Ok && !internal(self.toy, &self.txn, op)
        };
        let settled = |op: &usize| {
            let Some(settle) = self.settings.settle else { return false };
            let Some((begun, _)) = self.toy[*op].times else { return false };
            let may_be = |&w: &usize| self.toy[w].status != Status::Fail;
            self.writes(key).into_iter().filter(may_be).all(|w| self.toy[w].times.is_some_and(|(_, done)| begun >= done + settle))
        };
        (0..self.toy.len()).filter(shows).filter(|op| if any_marked { self.toy[*op].is_final } else { settled(op) }).collect()
    }

    /// a precedes b, by hb or the recorded order; `seen` is the version at which an indeterminate write was returned.
    fn before(&self, a: usize, b: usize, seen: Option<i64>) -> bool {
        let versions = || {
            let key = self.toy[a].key;
            let counts = |&w: &usize| {
                self.toy[w].status == Status::Ok && (!is_register(self.toy, key) || effective(self.toy, &self.txn, w))
            };
            let complete = self.writes(key).iter().filter(|w| counts(w)).all(|&w| self.toy[w].version.is_some());
            let of = |w: usize| match self.toy[w].status {
                Status::Ok => self.toy[w].version,
                _ => seen.filter(|_| w == a),
            };
            complete && matches!((of(a), of(b)), (Some(older), Some(newer)) if older < newer)
        };
        match self.settings.write_order {
            WriteOrder::Session => self.hb[a][b],
            WriteOrder::RealTime => self.hb[a][b] || time_before(self.toy, a, b),
            WriteOrder::Version => self.hb[a][b] || versions(),
        }
    }

    fn key(&self, key: u8) -> Says {
        let reads = self.quiescent(key);
        if reads.is_empty() {
            return Says::Unknown;
        }
        let (mut differ, mut divergent) = (false, false);
        for &a in &reads {
            for &b in &reads {
                if self.content(a) != self.content(b) {
                    differ = true;
                    divergent |= !self.explained(a, b) && !self.explained(b, a);
                }
            }
        }
        let kind = self.writes(key).first().map(|&w| self.toy[w].kind);
        let (wrong, unknown) = match kind {
            None => (false, false),
            Some(Kind::Write) => self.register(key, &reads, differ),
            Some(Kind::Append) => (self.list(key, &reads), false),
            Some(Kind::Add | Kind::Remove) => (self.set(key, &reads), false),
            Some(_) => (self.counter(key, &reads), false),
        };
        if divergent || wrong {
            Says::Violated { divergent }
        } else if differ || unknown {
            Says::Unknown
        } else {
            Says::Fine
        }
    }

    fn time(&self, key: u8) -> Option<i64> {
        let last = self.quiescent(key);
        let agreed = self.content(*last.first()?);
        if last.iter().any(|&read| self.content(read) != agreed) {
            return None;
        }
        let written =
            self.with_status(key, Status::Ok).iter().map(|&w| Some(self.toy[w].times?.1)).collect::<Option<Vec<_>>>()?;
        let written = *written.iter().max()?;
        let shows = |&op: &usize| {
            let it = &self.toy[op];
            it.key == key && it.kind == Kind::Read && it.status == Status::Ok && !internal(self.toy, &self.txn, op)
        };
        let reads: Vec<usize> = (0..self.toy.len()).filter(shows).collect();
        let begun = |read: usize| self.toy[read].times.map(|times| (times.0, read));
        if reads.iter().any(|&read| begun(read).is_none()) {
            return None;
        }
        let all_agree_from = |from: usize| reads.iter().all(|&read| begun(read) < begun(from) || self.content(read) == agreed);
        let first = reads.iter().copied().filter(|&read| all_agree_from(read)).filter_map(begun).min()?;
        Some((first.0 - written).max(0))
    }

    fn content(&self, read: usize) -> Val {
        let key = self.toy[read].key;
        let kind = self.writes(key).first().map(|&w| self.toy[w].kind);
        match (kind, &self.toy[read].value) {
            (Some(Kind::Append | Kind::Add | Kind::Remove), Val::Null) => Val::Many(Vec::new()),
            (Some(Kind::Increment | Kind::Decrement), Val::Null) => Val::Int(0),
            (Some(Kind::Add | Kind::Remove), Val::Many(members)) => {
                let mut members = members.clone();
                members.sort_unstable();
                members.dedup();
                Val::Many(members)
            }
            (_, other) => other.clone(),
        }
    }

    /// One indeterminate transaction landed after the read `a` and before the read `b`.
    fn explained(&self, a: usize, b: usize) -> bool {
        let key = self.toy[a].key;
        let over = |x: usize, y: usize| time_before(self.toy, x, y) || (x != y && so(self.toy, &self.txn, x, y));
        let late: Vec<usize> = self.writes(key).into_iter().filter(|&w| self.toy[w].status == Status::Info).collect();
        late.iter().any(|&w| {
            let landing: Vec<usize> = late.iter().copied().filter(|&other| self.txn[other] == self.txn[w]).collect();
            self.lands(&landing, self.content(a), &self.content(b)) && !over(b, a) && !over(b, w)
        })
    }

    fn lands(&self, landing: &[usize], from: Val, to: &Val) -> bool {
        let mut now = from.clone();
        for &w in landing {
            let (Val::Int(value), it) = (&self.toy[w].value, &self.toy[w]) else {
                now = self.toy[w].value.clone();
                continue;
            };
            now = match (it.kind, now) {
                (Kind::Add, Val::Many(mut members)) => {
                    members.push(*value);
                    members.sort_unstable();
                    members.dedup();
                    Val::Many(members)
                }
                (Kind::Remove, Val::Many(members)) => Val::Many(members.into_iter().filter(|m| m != value).collect()),
                (Kind::Append, Val::Many(mut list)) => {
                    list.push(*value);
                    Val::Many(list)
                }
                (Kind::Increment, Val::Int(sum)) => Val::Int(sum + value),
                (Kind::Decrement, Val::Int(sum)) => Val::Int(sum - value),
                _ => Val::Int(*value),
            };
        }
        let appends = landing.iter().all(|&w| self.toy[w].kind == Kind::Append);
        match (appends, &from, to) {
            // A late append may stand anywhere: taking the last occurrence of each out again leaves what was there.
            (true, Val::Many(from), Val::Many(to)) => {
                let mut rest = to.clone();
                let taken = landing.iter().all(|&w| match self.toy[w].value {
                    Val::Int(value) => rest.iter().rposition(|&e| e == value).map(|at| rest.remove(at)).is_some(),
                    _ => false,
                });
                taken && rest == *from
            }
            _ => now == *to,
        }
    }

    fn with_status(&self, key: u8, status: Status) -> Vec<usize> {
        self.writes(key).into_iter().filter(|&w| self.toy[w].status == status).collect()
    }

    /// Is it violated; is it undecided?
    fn register(&self, key: u8, reads: &[usize], differ: bool) -> (bool, bool) {
        let failed = |read: usize| {
            let of: Vec<usize> = self.writes(key).into_iter().filter(|&w| self.toy[w].value == self.toy[read].value).collect();
            !of.is_empty() && of.iter().all(|&w| self.toy[w].status == Status::Fail) && self.toy[read].value != Val::Null
        };
        if reads.iter().any(|&read| failed(read)) {
            return (true, false);
        }
        let ok: Vec<usize> =
            self.with_status(key, Status::Ok).into_iter().filter(|&w| effective(self.toy, &self.txn, w)).collect();
        if differ || ok.is_empty() {
            return (false, false);
        }
        let wrong = reads.iter().any(|&read| match self.from[read] {
            Some(None) => true,
            Some(Some(w)) => ok.iter().any(|&newer| newer != w && self.before(w, newer, self.toy[read].version)),
            None => false,
        });
        // A read that is ambiguous counts below, with each of its writers in turn; one without any leaves it open.
        let nobody = |read: &usize| candidates(self.toy, &self.txn, *read).iter().all(|all| all.is_empty());
        (wrong, !wrong && reads.iter().any(|read| self.from[*read].is_none() && nobody(read)))
    }

    fn times(&self, read: usize, element: i64) -> usize {
        match &self.toy[read].value {
            Val::Many(elements) => elements.iter().filter(|&&e| e == element).count(),
            _ => 0,
        }
    }

    fn elements(&self, key: u8) -> Vec<i64> {
        let value = |&w: &usize| if let Val::Int(value) = self.toy[w].value { Some(value) } else { None };
        self.writes(key).iter().filter_map(value).collect()
    }

    fn list(&self, key: u8, reads: &[usize]) -> bool {
        let number =
            |status, element| self.with_status(key, status).iter().filter(|&&w| self.toy[w].value == Val::Int(element)).count();
        self.elements(key).into_iter().any(|element| {
            let (ok, info) = (number(Status::Ok, element), number(Status::Info, element));
            reads.iter().all(|&read| self.times(read, element) < ok)
                || reads.iter().any(|&read| self.times(read, element) > ok + info)
        })
    }

    fn set(&self, key: u8, reads: &[usize]) -> bool {
        self.elements(key).into_iter().any(|element| {
            let of = |kind, status| -> Vec<usize> {
                let all = self.with_status(key, status).into_iter();
                all.filter(|&w| self.toy[w].kind == kind && self.toy[w].value == Val::Int(element)).collect()
            };
            let both = |kind| [of(kind, Status::Ok), of(kind, Status::Info)].concat();
            let (adds, removes) = (both(Kind::Add), both(Kind::Remove));
            let present = reads.iter().any(|&read| self.times(read, element) > 0);
            let lost = !present
                && of(Kind::Add, Status::Ok).iter().any(|&add| removes.iter().all(|&remove| self.before(remove, add, None)));
            let failed = present && adds.is_empty() && !of(Kind::Add, Status::Fail).is_empty();
            let removed = |&add: &usize| of(Kind::Remove, Status::Ok).iter().any(|&remove| self.before(add, remove, None));
            let returned = present && !adds.is_empty() && adds.iter().all(removed);
            let twice = !adds.is_empty() && reads.iter().any(|&read| self.times(read, element) > 1);
            lost || failed || returned || twice
        })
    }

    fn counter(&self, key: u8, reads: &[usize]) -> bool {
        let by = |w: usize| match (&self.toy[w].value, self.toy[w].kind) {
            (Val::Int(by), Kind::Increment) => *by,
            (Val::Int(by), _) => -*by,
            _ => 0,
        };
        let sum =
            |status, sign: i64| -> i64 { self.with_status(key, status).into_iter().map(by).filter(|by| by * sign > 0).sum() };
        let settled = sum(Status::Ok, 1) + sum(Status::Ok, -1);
        let (least, most) = (settled + sum(Status::Info, -1), settled + sum(Status::Info, 1));
        let shown: Vec<i64> = reads.iter().map(|&read| if let Val::Int(v) = self.content(read) { v } else { 0 }).collect();
        shown.iter().all(|&v| v < least) || shown.iter().all(|&v| v > most)
    }
}
