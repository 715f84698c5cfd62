//! Every small change to a proof: none of them may stand.
//!
//! A changed witness is `sure` not to stand whatever the history: it says what its own parts belie. The others (an operation replaced
//! throughout, a reason replaced by one that is as true) can by chance be another proof, and only a history made for it rules that out.

use testimony::check::Certificate;
use testimony::history::{History, OpId, SessionId};
use testimony::verdict::{Anomaly, Assumption, Because, Relation, Step, Witness};

use crate::scenario::list_operations;

/// A changed witness.
pub struct Mutant {
    /// What was changed.
    pub what: String,
    /// Can it not stand, whatever the history?
    pub sure: bool,
    /// The result.
    pub witness: Witness,
}

const ANOMALIES: [Anomaly; 22] = [
    Anomaly::ThinAirRead,
    Anomaly::AbortedRead,
    Anomaly::IntermediateRead,
    Anomaly::Internal,
    Anomaly::FutureRead,
    Anomaly::CyclicHb,
    Anomaly::InitialRead,
    Anomaly::StaleRead,
    Anomaly::WriteOrderCycle,
    Anomaly::WriteCoRead,
    Anomaly::MissingElement,
    Anomaly::PhantomMember,
    Anomaly::ImpossibleSum,
    Anomaly::RepeatedElement,
    Anomaly::IncompatibleOrder,
    Anomaly::ViewCycle,
    Anomaly::Divergent,
    Anomaly::StaleForever,
    Anomaly::LostWrite,
    Anomaly::Resurrected,
    Anomaly::DuplicateElement,
    Anomaly::OutOfBounds,
];

const RELATIONS: [Relation; 10] = [
    Relation::End,
    Relation::Co,
    Relation::So,
    Relation::Wr,
    Relation::Vis,
    Relation::Ar,
    Relation::Hb,
    Relation::View,
    Relation::Po,
    Relation::Rt,
];

const REASONS: [Because; 19] = [
    Because::Differs,
    Because::Missing,
    Because::Present,
    Because::Repeated,
    Because::ReadsFrom,
    Because::SessionOrder,
    Because::ReadThenWrite,
    Because::ReadYourWrites,
    Because::MonotonicReads,
    Because::MonotonicWrites,
    Because::WritesFollowReads,
    Because::StaleRead,
    Because::InitialRead,
    Because::ListOrder,
    Because::Visible,
    Because::HappenedBefore,
    Because::Version,
    Because::RealTime,
    Because::ProgramOrder,
];

const ASSUMPTIONS: [Assumption; 4] =
    [Assumption::OneOrderPerKey, Assumption::OneOrder, Assumption::RecordedVersions, Assumption::RealTimeOrder];

/// The change of one step, in place.
type Change = Box<dyn Fn(&mut Step)>;

/// Every changed form of a witness.
pub fn mutants(history: &History, witness: &Witness) -> Vec<Mutant> {
    let mut made = Vec::new();
    whole(history, witness, &mut made);
    for place in places(witness) {
        in_place(history, witness, place, &mut made);
        structural(history, witness, place, &mut made);
    }
    renamed(history, witness, &mut made);
    made.retain(|mutant| mutant.witness != *witness);
    made
}

/// Where a step is: in `derived` or in `steps`, and in the path of that step.
#[derive(Clone, Copy, Debug)]
struct Place {
    derived: bool,
    step: usize,
    via: Option<usize>,
}

fn places(witness: &Witness) -> Vec<Place> {
    let mut found = Vec::new();
    for (derived, steps) in [(true, &witness.derived), (false, &witness.steps)] {
        for (i, step) in steps.iter().enumerate() {
            found.push(Place { derived, step: i, via: None });
            found.extend((0..step.via.len()).map(|j| Place { derived, step: i, via: Some(j) }));
        }
    }
    found
}

/// The list that a step is in, and its index there.
fn list(witness: &mut Witness, place: Place) -> (&mut Vec<Step>, usize) {
    let steps = if place.derived { &mut witness.derived } else { &mut witness.steps };
    match place.via {
        None => (steps, place.step),
        Some(j) => (&mut steps[place.step].via, j),
    }
}

fn at(witness: &mut Witness, place: Place) -> &mut Step {
    let (steps, i) = list(witness, place);
    &mut steps[i]
}

/// A sum that nothing makes, or that went back, is one by visibility and in its session's view.
pub fn view_is_optional(witness: &Witness) -> bool {
    witness.anomaly == Anomaly::ImpossibleSum && witness.steps.iter().all(|step| step.because == Because::MonotonicReads)
}

/// Changes what the witness says of itself.
fn whole(history: &History, witness: &Witness, made: &mut Vec<Mutant>) {
    let mut add = |what: String, change: &dyn Fn(&mut Witness)| {
        let mut witness = witness.clone();
        change(&mut witness);
        let sure = !view_is_optional(&witness);
        made.push(Mutant { what, sure, witness });
    };
    for anomaly in ANOMALIES {
        add(format!("called {anomaly:?}"), &|w| w.anomaly = anomaly);
    }
    for i in 0..witness.operations.len() {
        add(format!("operation {:?} not listed", witness.operations[i]), &|w| {
            w.operations.remove(i);
        });
    }
    for op in history.ops().filter(|op| !witness.operations.contains(op)) {
        add(format!("foreign operation {op:?} listed"), &|w| {
            let i = w.operations.partition_point(|&o| o < op);
            w.operations.insert(i, op);
        });
    }
    add("operations reversed".into(), &|w| w.operations.reverse());
    add("an operation beyond the history listed".into(), &|w| w.operations.push(OpId::new(history.operations())));
    add("an operation listed twice".into(), &|w| w.operations.insert(0, w.operations[0]));
    add("no sessions".into(), &|w| w.sessions.clear());
    add("a session twice".into(), &|w| w.sessions.push(w.sessions[0]));
    for session in (0..=history.sessions()).map(SessionId::new) {
        let used = session.index() < history.sessions() && witness.operations.iter().any(|&op| history.session(op) == session);
        if !used {
            add(format!("foreign session {session:?}"), &|w| w.sessions.push(session));
        }
        add(format!("view of {session:?}"), &|w| w.view = Some(session));
    }
    add("view of nobody".into(), &|w| w.view = None);
    // A session that read what it wrote later did so by operations and by transactions.
    if witness.anomaly != Anomaly::CyclicHb {
        add("of transactions, or no more".into(), &|w| w.transactions = !w.transactions);
    }
    add("no steps".into(), &|w| w.steps.clear());
    add("a step derived without need".into(), &|w| w.derived.extend(w.steps.first().cloned()));
    if !witness.derived.is_empty() {
        add("nothing derived".into(), &|w| w.derived.clear());
        // Only where one builds on another does their order matter.
        if witness.derived.iter().flat_map(|step| &step.via).any(|step| step.relation == Relation::View) {
            add("derived steps reversed".into(), &|w| w.derived.reverse());
        }
    }
    // Steps of one cycle may begin anywhere, but they have one direction.
    if witness.steps.len() > 2 {
        add("two steps exchanged".into(), &|w| w.steps.swap(0, 1));
        add("steps reversed".into(), &|w| w.steps.reverse());
    }
    for assumption in ASSUMPTIONS {
        let one_order = |a: &Assumption| matches!(a, Assumption::OneOrder | Assumption::OneOrderPerKey);
        let as_good = |a: &Assumption| one_order(a) && one_order(&assumption);
        if !witness.assumes.iter().any(as_good) {
            add(format!("{assumption:?} assumed or no more"), &|w| match w.assumes.iter().position(|&a| a == assumption) {
                Some(i) => drop(w.assumes.remove(i)),
                None => w.assumes.push(assumption),
            });
        } else if witness.assumes.contains(&assumption) {
            add(format!("{assumption:?} assumed no more"), &|w| w.assumes.retain(|a| !one_order(a)));
            add(format!("{assumption:?} assumed twice"), &|w| w.assumes.push(assumption));
        }
    }
}

/// Changes the fields of one step.
fn in_place(history: &History, witness: &Witness, place: Place, made: &mut Vec<Mutant>) {
    let old = at(&mut witness.clone(), place).clone();
    let mut changes: Vec<(String, Change, bool)> = Vec::new();
    changes.push(("from and to exchanged".into(), Box::new(|s| std::mem::swap(&mut s.from, &mut s.to)), true));
    for relation in RELATIONS {
        changes.push((format!("in {relation:?}"), Box::new(move |s| s.relation = relation), true));
    }
    for because in REASONS {
        // Under monotonic writes a session orders its own key for either reason.
        let either = |b| matches!(b, Because::SessionOrder | Because::MonotonicWrites);
        changes.push((
            format!("because {because:?}"),
            Box::new(move |s| s.because = because),
            !(either(because) && either(old.because)),
        ));
    }
    for op in history.ops().chain([OpId::new(history.operations())]) {
        // Where operations stand for their transactions, another one may, and another read may have returned the same.
        let as_good = |old_op: OpId, relations: &[Relation]| {
            let replaceable = witness.transactions && relations.contains(&old.relation);
            replaceable && op.index() < history.operations() && history.txn(op) == history.txn(old_op)
        };
        let from_as_good = as_good(old.from, &[Relation::So, Relation::Wr]);
        let to_as_good = as_good(old.to, &[Relation::So, Relation::Wr, Relation::Vis]);
        changes.push((format!("from {op:?}"), Box::new(move |s| s.from = op), !from_as_good));
        changes.push((format!("to {op:?}"), Box::new(move |s| s.to = op), !to_as_good));
        // Another read may prove the same.
        changes.push((format!("read {op:?}"), Box::new(move |s| s.read = Some(op)), old.read.is_none()));
    }
    changes.push(("without read".into(), Box::new(|s| s.read = None), true));
    changes.push(("without path".into(), Box::new(|s| s.via.clear()), true));
    changes.push(("with a path of itself".into(), Box::new(move |s| s.via.push(Step { via: Vec::new(), ..s.clone() })), true));
    for (what, change, sure) in changes {
        let mut changed = witness.clone();
        change(at(&mut changed, place));
        if changed == *witness {
            continue;
        }
        let mut listed = changed.clone();
        list_operations(history, &mut listed);
        let sure_as_is = sure || listed.operations != changed.operations;
        let what = format!("{old:?} {what}");
        made.push(Mutant { what: what.clone(), sure: sure_as_is, witness: changed });
        // Another failed write of the value proves the same, and another write that came over it.
        let alternatives = matches!(witness.anomaly, Anomaly::AbortedRead | Anomaly::IntermediateRead);
        made.push(Mutant { what: format!("{what}, listed"), sure: sure && !alternatives, witness: listed });
    }
}

/// Drops a step, or has it twice.
fn structural(history: &History, witness: &Witness, place: Place, made: &mut Vec<Mutant>) {
    let (mut dropped, mut doubled) = (witness.clone(), witness.clone());
    let (steps, i) = list(&mut dropped, place);
    let old = steps.remove(i);
    let (steps, i) = list(&mut doubled, place);
    steps.insert(i, old.clone());
    for (what, mut witness) in [("dropped", dropped), ("twice", doubled)] {
        made.push(Mutant { what: format!("{old:?} {what}"), sure: true, witness: witness.clone() });
        list_operations(history, &mut witness);
        made.push(Mutant { what: format!("{old:?} {what}, listed"), sure: true, witness });
    }
}

/// Replaces an operation by another throughout.
fn renamed(history: &History, witness: &Witness, made: &mut Vec<Mutant>) {
    for &old in &witness.operations {
        for new in history.ops().filter(|&new| new != old) {
            let mut changed = witness.clone();
            let rename = |op: &mut OpId| {
                if *op == old {
                    *op = new;
                }
            };
            for place in places(witness) {
                let step = at(&mut changed, place);
                rename(&mut step.from);
                rename(&mut step.to);
                step.read.iter_mut().for_each(rename);
            }
            changed.operations.iter_mut().for_each(rename);
            if !matches!(witness.anomaly, Anomaly::ThinAirRead | Anomaly::OutOfBounds) {
                list_operations(history, &mut changed);
            } else {
                changed.sessions = vec![history.session(new)];
            }
            made.push(Mutant { what: format!("{old:?} replaced by {new:?} throughout"), sure: false, witness: changed });
        }
    }
}

/// Every certificate that lacks an operation, has one twice or a foreign one, or has lost its kind or an order.
pub fn certificate_mutants(history: &History, certificate: &Certificate) -> Vec<(String, Certificate)> {
    let mut made = Vec::new();
    let mut add = |what: String, change: &dyn Fn(&mut Certificate)| {
        let mut certificate = certificate.clone();
        change(&mut certificate);
        made.push((what, certificate));
    };
    use testimony::check::CertificateKind::{AcyclicHb, OneOrder, PerSession};
    for kind in [OneOrder, PerSession, AcyclicHb].into_iter().filter(|&kind| kind != certificate.kind) {
        add(format!("of kind {kind:?}"), &|c| c.kind = kind);
    }
    add("of no model".into(), &|c| c.model = "no-model");
    add("with one more order".into(), &|c| c.orders.push(Vec::new()));
    for (i, order) in certificate.orders.iter().enumerate() {
        add(format!("without order {i}"), &|c| drop(c.orders.remove(i)));
        for (j, op) in order.iter().enumerate() {
            add(format!("{op:?} dropped from order {i}"), &|c| {
                c.orders[i].remove(j);
            });
            add(format!("{op:?} twice in order {i}"), &|c| c.orders[i].push(*op));
        }
        for op in history.ops().chain([OpId::new(history.operations())]).filter(|op| !order.contains(op)) {
            add(format!("foreign {op:?} in order {i}"), &|c| c.orders[i].push(op));
        }
    }
    made
}
