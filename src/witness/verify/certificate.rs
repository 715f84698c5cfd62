//! Certificates: what every proof of a satisfied model has to meet, and the one kind that needs no order.

use rustc_hash::FxHashSet;

use super::commit_order;
use super::facts::{Facts, Origin};
use super::one_order;
use super::past::{Extra, Past, Rules, Seen, Walk};
use super::per_session;
use super::refusal::{Refusal, require};
use super::rules::Showing;
use crate::check::{Certificate, CertificateKind, Options};
use crate::history::{DataType, History, OpId};
use crate::model::{Checker, Guarantees, find};

/// Only what one session did itself to a key matters to these.
pub(super) const OWN_SESSION: Guarantees = Guarantees::RYW.with(Guarantees::MR);

pub(super) fn check(facts: &Facts, options: &Options, certificate: &Certificate) -> Result<(), Refusal> {
    let model = find(certificate.model).ok_or_else(|| Refusal::new(format!("no model is called {}", certificate.model)))?;
    let groups = Groups::new(facts);
    for read in facts.history.ops() {
        allowed(facts, model.checker, &groups, read)?;
    }
    match (certificate.kind, model.checker, certificate.orders.as_slice()) {
        (CertificateKind::OneOrder, Checker::Guarantees(g), [order]) => one_order::check(facts, options, g, &groups, order),
        (CertificateKind::PerSession, Checker::CausalMemory, orders) => per_session::check(facts, false, orders),
        (CertificateKind::PerSession, Checker::PramClassic, orders) => per_session::check(facts, true, orders),
        (CertificateKind::OneOrder, Checker::Transactions(isolation), [order]) => commit_order::check(facts, isolation, order),
        (CertificateKind::AcyclicHb, Checker::CausalWeak, []) => acyclic_hb(facts),
        (kind, ..) => Err(Refusal::new(format!(
            "a certificate of kind {kind:?} with {} orders is no proof of {}",
            certificate.orders.len(),
            model.name
        ))),
    }
}

/// No ill-formed read, and no ambiguous one that could matter.
fn allowed(facts: &Facts, checker: Checker, groups: &Groups, read: OpId) -> Result<(), Refusal> {
    let refuse = |what| Err(Refusal::about(facts.history, read, what));
    match facts.origin(read) {
        Origin::Silent | Origin::From(_) | Origin::Initial | Origin::Shown => Ok(()),
        Origin::ThinAir if facts.ignores_unmatched() => Ok(()),
        Origin::ThinAir => refuse("returned a value that nothing wrote"),
        Origin::Impossible => refuse("returned a value that only failed or later writes wrote"),
        Origin::Intermediate(_) => refuse("returned a value that its transaction overwrote"),
        Origin::Internal => refuse("did not return its transaction's own last write"),
        Origin::Repeated => refuse("returned an element more often than it was appended"),
        // Whoever appended its elements, a list orders them.
        Origin::Ambiguous if facts.key_type(read) == DataType::List => refuse("may have elements of several appends"),
        Origin::Ambiguous => match checker {
            Checker::Guarantees(g) if OWN_SESSION.contains(g) && groups.indifferent(facts, g, read) => Ok(()),
            _ => refuse("may have returned what several writes wrote, so nothing is proved"),
        },
    }
}

/// What each session did to each key: the operations that take part and the ambiguous reads, in the order of their places.
pub(super) struct Groups {
    ops: Vec<OpId>,
}

impl Groups {
    fn new(facts: &Facts) -> Self {
        let h = facts.history;
        let takes_part = |op| facts.reads(op) || facts.took_effect(op) || facts.origin(op) == Origin::Ambiguous;
        let mut ops: Vec<OpId> = h.ops().filter(|&op| takes_part(op)).collect();
        ops.sort_unstable_by_key(|&op| (session_and_key(h, op), facts.so.place(op), op));
        Groups { ops }
    }

    /// One slice for each session and key.
    pub(super) fn iter<'g>(&'g self, history: &'g History) -> impl Iterator<Item = &'g [OpId]> {
        self.ops.chunk_by(|&a, &b| session_and_key(history, a) == session_and_key(history, b))
    }

    /// Whatever an ambiguous read returned, nothing follows from it: its session did nothing else to the key that it could contradict.
    fn indifferent(&self, facts: &Facts, guarantees: Guarantees, read: OpId) -> bool {
        let h = facts.history;
        let wanted = session_and_key(h, read);
        let from = self.ops.partition_point(|&op| session_and_key(h, op) < wanted);
        let mut group = self.ops[from..].iter().copied().take_while(|&op| session_and_key(h, op) == wanted);
        group.all(|op| !facts.took_effect(op) && (op == read || !guarantees.contains(Guarantees::MR)))
    }
}

fn session_and_key(history: &History, op: OpId) -> (usize, usize) {
    (history.session(op).index(), history.key(op).index())
}

/// `causal-weak`: hb is acyclic, no read returned what its past had overwritten, no list is in an order against hb, and reads of lists,
/// sets and counters show what is in their past.
///
/// One walk orders hb; a read is looked into only where another write of its key lies between its writer and it in that order, and then by
/// a search back from it that stays between the two. O(n) and the searches, each as long as a view is old.
fn acyclic_hb(facts: &Facts) -> Result<(), Refusal> {
    let h = facts.history;
    let past = Past::new(facts)?;
    let hb = Rules { guarantees: Guarantees::ALL, only_reads_of: None };
    let mut walk = Walk::default();
    past.order(hb, past.all(), &mut walk)?;
    let mut rank = vec![0u32; past.nodes()];
    let mut writes: Vec<(usize, u32)> = Vec::new();
    for (i, &node) in walk.order.iter().enumerate() {
        rank[node.index()] = i as u32 + 1;
        if let Some(write) = past.as_write(node).filter(|&write| facts.key_type(write) == DataType::Register) {
            writes.push((h.key(write).index(), i as u32 + 1));
        }
    }
    writes.sort_unstable();
    let none = Extra::default();
    let (mut seen, mut seen_from_write) = (Seen::default(), Seen::default());
    for op in h.ops().filter(|&op| facts.key_type(op) == DataType::Register) {
        let (Some(read), key) = (past.read(op), h.key(op)) else { continue };
        let writer = if let Origin::From(writer) = facts.origin(op) { past.write(writer) } else { None };
        let bound = writer.map_or(0, |writer| rank[writer.index()]);
        let Some(next) = next_write(&writes, key.index(), bound).filter(|&next| next < rank[read.index()]) else { continue };
        let mut between = Vec::new();
        past.search(hb, &none, read, &mut seen, |node| {
            between
                .extend(past.as_write(node).filter(|&write| h.key(write) == key && rank[node.index()] >= next).and(Some(node)));
            rank[node.index()] > next
        });
        for other in between {
            let Some(writer) = writer else {
                return Err(Refusal::about(h, op, "returned the initial value with a write in its past"));
            };
            let mut overwritten = false;
            past.search(hb, &none, other, &mut seen_from_write, |node| {
                overwritten |= node == writer;
                rank[node.index()] > bound
            });
            require(!overwritten, || Refusal::about(h, op, "returned a value that its past had overwritten"))?;
        }
    }
    lists_keep(facts, &past, hb, &rank)?;
    let mut showing = Showing::new(facts, &past, hb, &rank, &none, h.ops());
    h.ops().try_for_each(|op| showing.check(op))
}

/// No list has an element before one that happened before it. A list that begins another one is looked at only as part of that; an element
/// only where one behind it comes before it in the order of the walk.
fn lists_keep(facts: &Facts, past: &Past, hb: Rules, rank: &[u32]) -> Result<(), Refusal> {
    let h = facts.history;
    let is_list = |&op: &OpId| facts.key_type(op) == DataType::List && facts.reads(op);
    let mut lists: Vec<OpId> = h.ops().filter(is_list).collect();
    lists.sort_unstable_by(|&a, &b| (h.key(a), facts.shown(a)).cmp(&(h.key(b), facts.shown(b))));
    let (mut seen, none) = (Seen::default(), Extra::default());
    for (i, &read) in lists.iter().enumerate() {
        let shown = facts.shown(read);
        if lists.get(i + 1).is_some_and(|&next| facts.shown(next).starts_with(shown)) {
            continue;
        }
        let node = |write: OpId| past.write(write).expect("what was read took effect");
        let mut behind: FxHashSet<usize> = FxHashSet::default();
        let mut lowest = u32::MAX;
        for &write in shown.iter().rev() {
            let (write, mut against) = (node(write), false);
            if lowest < rank[write.index()] {
                past.search(hb, &none, write, &mut seen, |node| {
                    against |= behind.contains(&node.index());
                    !against && rank[node.index()] > lowest
                });
            }
            require(!against, || Refusal::about(h, read, "returned a list in an order against the past"))?;
            behind.insert(write.index());
            lowest = lowest.min(rank[write.index()]);
        }
    }
    Ok(())
}

/// The first write of a key behind a place, in `writes` sorted by key and place.
pub(super) fn next_write(writes: &[(usize, u32)], key: usize, behind: u32) -> Option<u32> {
    let at = writes.partition_point(|&write| write <= (key, behind));
    writes.get(at).filter(|&&(k, _)| k == key).map(|&(_, place)| place)
}
