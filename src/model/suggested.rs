//! An order of the writes that something suggests: versions, times, the file, or values that count. Where a model asks only about what a
//! session itself did and returned, it mostly agrees with every constraint there is, and whether it does one look at each operation tells;
//! nothing is gathered by key then. O(n).

use std::borrow::Cow;
use std::hint::select_unpredictable;

use rayon::prelude::*;

use crate::history::SessionId;
use crate::model::{Guarantees, Isolation};
use crate::relation::events::{NONE, WRITE};
use crate::relation::facts::Facts;
use crate::relation::guess::{self, Moments};
use crate::relation::matching::{INITIAL, NO_WRITER};

/// What a model asks of an order of the writes, session by session.
#[derive(Clone, Copy)]
pub(super) struct Demands {
    /// What the session wrote of a key is visible to its reads, which must not have returned anything earlier.
    own: bool,
    /// What its reads returned is.
    seen: bool,
    /// Each of its writes comes after whatever of this it wrote or read before.
    after: After,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Nothing,
    /// Rule 2.
    OfItsKey,
    /// so ∪ wr.
    All,
}

impl Demands {
    /// A subset of {RYW, MR}; sessions add nothing to an order that is recorded.
    fn of(g: Guarantees, recorded: bool) -> Self {
        let after = if recorded { After::Nothing } else { After::OfItsKey };
        Demands { own: g.contains(Guarantees::RYW), seen: g.contains(Guarantees::MR), after }
    }

    /// `read-committed` or `read-atomic`, of transactions of one operation, which saw nothing but what their sessions wrote.
    fn isolation(isolation: Isolation) -> Self {
        Demands { own: isolation == Isolation::ReadAtomic, seen: false, after: After::All }
    }
}

/// Where every transaction is one operation: is the order of the file, or else of the values, an arbitration for this subset of
/// {RYW, MR}? No events are made for that. It may be one although this says no.
pub(super) fn plainly_arbitrated(facts: &Facts<'_>, g: Guarantees) -> bool {
    facts.recorded().is_empty() && plainly_agrees(facts, Demands::of(g, false))
}

/// Is it, for `read-committed` or `read-atomic`, a commit order? No transactions are made for that either.
pub(super) fn plainly_committed(facts: &Facts<'_>, isolation: Isolation) -> bool {
    isolation != Isolation::TransactionalCausal && plainly_agrees(facts, Demands::isolation(isolation))
}

fn plainly_agrees(facts: &Facts<'_>, demands: Demands) -> bool {
    let &Facts { history, ref so, ref matching, .. } = facts;
    if !facts.plain() || so.overlapping_sessions() > 0 {
        return false;
    }
    // Whoever wrote it, a value is one number.
    let filed = so.reordered == 0 && guess::interleaved(history);
    let number = |op: usize| if filed { Some(0) } else { history.op_value[op].small() };
    sessions_agree(facts, demands, |session| {
        so.of(SessionId::new(session)).iter().map(|&op| {
            let writer = matching.writer[op as usize];
            let (write, initial) = (writer == NO_WRITER, writer == INITIAL);
            let by = select_unpredictable(write, op, writer);
            let at = number(op as usize).map(|number| u64::from(number) << 32 | u64::from(by)).map(|at| at + 1);
            Act { key: history.op_key[op as usize], write, at: select_unpredictable(initial, Some(0), at) }
        })
    })
}

/// The suggested order, if it is an arbitration for this subset of {RYW, MR}; empty where no certificate is asked for.
pub(super) fn arbitration(facts: &Facts<'_>, g: Guarantees) -> Option<Vec<u32>> {
    let events = facts.events();
    if facts.so.overlapping_sessions() > 0 || events.any_info() {
        return None;
    }
    let recorded = !facts.recorded().is_empty();
    let moments = if recorded { by_version(facts)? } else { guessed(facts)? };
    let place = |e: u32| (u64::from(moments.by_node[e as usize]) << 32 | u64::from(e)) + 1;
    let agrees = sessions_agree(facts, Demands::of(g, recorded), |session| {
        (events.starts[session]..events.chain_ends[session]).map(|e| {
            let source = events.source[e as usize];
            let at = match source {
                WRITE => place(e),
                NONE => 0,
                source => place(source),
            };
            Act { key: events.key[e as usize], write: source == WRITE, at: Some(at) }
        })
    });
    agrees.then(|| if facts.certified { moments.order() } else { Vec::new() })
}

/// The order in which `causal` failed, which extends hb, or else a guess.
fn guessed<'f>(facts: &'f Facts<'_>) -> Option<Moments<'f>> {
    match facts.known_swept() {
        Some(swept) => Some(Moments { by_node: Cow::Borrowed(&swept.place), extend_hb: true }),
        None => facts.moments(),
    }
}

/// Key by key, where every write has a version of its own.
fn by_version(facts: &Facts<'_>) -> Option<Moments<'static>> {
    let (events, recorded) = (facts.events(), facts.recorded());
    let (mut place, mut taken) = (vec![0; events.len()], vec![false; events.writes()]);
    for w in (0..events.len() as u32).filter(|&e| events.is_write(e)) {
        let version = recorded.version(w)?;
        place[w as usize] = version - 1;
        let taken = &mut taken[(events.key_starts[events.key[w as usize] as usize] + version - 1) as usize];
        if std::mem::replace(taken, true) {
            return None;
        }
    }
    Some(Moments { by_node: place.into(), extend_hb: false })
}

/// What a session did.
struct Act {
    key: u32,
    write: bool,
    /// Where the write stands in the order, or the one that was read; from 1, those of one key each at a place of its own. 0 for the
    /// initial value, and `None` where the order has no place for it.
    at: Option<u64>,
}

/// What a session has come to know of a key.
#[derive(Clone, Copy)]
struct Seen {
    session: u32,
    /// The last place of a write that is visible to its reads.
    visible: u64,
    /// The same of a write that it made or read.
    touched: u64,
}

/// Does an order meet the demands in every session?
fn sessions_agree<I: Iterator<Item = Act>>(facts: &Facts<'_>, demands: Demands, acts: impl Fn(usize) -> I + Sync) -> bool {
    let keys = facts.history.keys();
    let table = || vec![Seen { session: NONE, visible: 0, touched: 0 }; keys];
    let sessions = (0..facts.history.sessions()).into_par_iter();
    sessions.map_init(table, |table, session| agrees(demands, session as u32, acts(session), table)).all(|agrees| agrees)
}

fn agrees(demands: Demands, session: u32, mut acts: impl Iterator<Item = Act>, table: &mut [Seen]) -> bool {
    let mut before = 0;
    acts.all(|Act { key, write, at }| {
        let Some(at) = at else { return false };
        let mut agrees = demands.after != After::All || !write || before < at;
        before = before.max(at);
        // (`read-committed` asks nothing of single keys.)
        if demands.own || demands.seen || demands.after == After::OfItsKey {
            let key = &mut table[key as usize];
            if key.session != session {
                *key = Seen { session, visible: 0, touched: 0 };
            }
            let behind = demands.after != After::OfItsKey || key.touched < at;
            agrees &= select_unpredictable(write, behind, key.visible <= at);
            let shown = select_unpredictable(write, demands.own, demands.seen);
            key.visible = key.visible.max(select_unpredictable(shown, at, 0));
            key.touched = key.touched.max(at);
        }
        agrees
    })
}
