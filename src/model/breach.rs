//! Reads of lists, sets and counters that no order of the writes can explain, whatever it is: an element that has to be there is not, one
//! that cannot be there is, a sum is out of bounds (models.md 5).
//!
//! What has to be visible is a path in a graph of visibility (or of one session's view). In an order that extends it only what stands
//! before the read can be, so few paths are asked for. Whether a remove can come after an add is a question to hb. Counters add up all
//! that is visible: one walk a read.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::history::{DataType, History, KeyId, Kind, OpId, Status, Value, ValueId};
use crate::relation::budget::OutOfBudget;
use crate::relation::collections::elements;
use crate::relation::facts::Facts;
use crate::relation::graph::Graph;
use crate::relation::layout::Layout;
use crate::relation::matching::comes_too_late;
use crate::relation::reach::{self, Question};

use crate::model::Guarantees;

/// A read that nothing can explain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Breach {
    /// A read of the initial value of a register, and a visible write.
    Initial { write: u32, read: u32 },
    /// A list or set without an element that has to be there.
    Missing { write: u32, read: u32 },
    /// A set with a member that was removed; and all adds that could be visible, each hb-before the remove.
    Phantom { remove: u32, read: u32, adds: Vec<u32> },
    /// A counter below or above what is possible, and the visible operations that show it.
    Sum { read: u32, visible: Vec<u32> },
    /// A counter that went back, or ahead, further than possible since an earlier read of its session.
    SumSince { read: u32, earlier: u32 },
}

impl Breach {
    pub(crate) fn read(&self) -> u32 {
        match *self {
            Breach::Initial { read, .. }
            | Breach::Missing { read, .. }
            | Breach::Phantom { read, .. }
            | Breach::Sum { read, .. }
            | Breach::SumSince { read, .. } => read,
        }
    }
}

/// The breaches among these reads, one a read, in their order. `layout` extends `graph`.
pub(crate) fn breaches(
    facts: &Facts<'_>,
    graph: &Graph<'_>,
    layout: &Layout,
    reads: impl Iterator<Item = u32>,
) -> Result<Vec<Breach>, OutOfBudget> {
    let mut reads = reads.peekable();
    if reads.peek().is_none() {
        return Ok(Vec::new());
    }
    let mut breaches = Vec::new();
    let writes_by_key = WritesByElement::new(facts);
    let mut questions: Vec<Question> = Vec::new();
    let mut suspects: Vec<Suspect> = Vec::new();
    for read in reads {
        facts.budget.check()?;
        match facts.events().key_type(read) {
            DataType::Register => {}
            DataType::Counter => breaches.extend(counter(facts, graph, read, &writes_by_key)?),
            DataType::List => {
                let shown: FxHashSet<u32> = facts.events().shown(read).collect();
                let before = |&&x: &&u32| layout.place[x as usize] < layout.place[read as usize];
                for &x in facts.events().writes_of(facts.events().key[read as usize]).iter().filter(before) {
                    if !shown.contains(&x) {
                        questions.push((x, read));
                        suspects.push(Suspect::Missing);
                    }
                }
            }
            DataType::Set => set(facts, layout, read, &writes_by_key, &mut questions, &mut suspects)?,
        }
        if questions.len() >= 1_000_000 {
            answer(facts, graph, layout, &mut questions, &mut suspects, &mut breaches)?;
        }
    }
    answer(facts, graph, layout, &mut questions, &mut suspects, &mut breaches)?;
    breaches.sort_by_key(Breach::read);
    breaches.dedup_by_key(|breach| breach.read());
    Ok(breaches)
}

/// What it means if a question is answered with yes.
enum Suspect {
    Missing,
    Phantom(Vec<u32>),
}

fn answer(
    facts: &Facts<'_>,
    graph: &Graph<'_>,
    layout: &Layout,
    questions: &mut Vec<Question>,
    suspects: &mut Vec<Suspect>,
    breaches: &mut Vec<Breach>,
) -> Result<(), OutOfBudget> {
    let answers = reach::answer(graph, Some(&layout.place), &layout.order, questions, facts.budget)?;
    for (((write, read), suspect), yes) in questions.drain(..).zip(suspects.drain(..)).zip(answers) {
        if yes {
            breaches.push(match suspect {
                Suspect::Missing => Breach::Missing { write, read },
                Suspect::Phantom(adds) => Breach::Phantom { remove: write, read, adds },
            });
        }
    }
    Ok(())
}

/// The operations on each element of the sets, and on each counter, that did not fail.
struct WritesByElement {
    /// (key, element, operation); for counters all under `null`.
    writes: Vec<(u32, ValueId, u32)>,
    /// The event of each, where it takes part.
    event: FxHashMap<u32, u32>,
}

impl WritesByElement {
    fn new(facts: &Facts<'_>) -> Self {
        let history = facts.history;
        let mut writes: Vec<(u32, ValueId, u32)> = history
            .ops()
            .filter(|&op| history.kind(op).writes() && history.status(op) != Status::Fail)
            .filter_map(|op| {
                let element = match history.key_type(history.key(op)) {
                    DataType::Set => history.op_value[op.index()],
                    DataType::Counter => ValueId::NULL,
                    _ => return None,
                };
                Some((history.op_key[op.index()], element, op.index() as u32))
            })
            .collect();
        writes.sort_unstable();
        let events = facts.events();
        let collected = |e: &u32| events.is_write(*e) && matches!(events.key_type(*e), DataType::Set | DataType::Counter);
        let event = (0..events.len() as u32).filter(collected).map(|e| (events.op[e as usize], e)).collect();
        WritesByElement { writes, event }
    }

    fn of_key(&self, key: u32) -> &[(u32, ValueId, u32)] {
        let first = self.writes.partition_point(|w| w.0 < key);
        let count = self.writes[first..].partition_point(|w| w.0 == key);
        &self.writes[first..first + count]
    }
}

fn set(
    facts: &Facts<'_>,
    layout: &Layout,
    read: u32,
    writes: &WritesByElement,
    questions: &mut Vec<Question>,
    suspects: &mut Vec<Suspect>,
) -> Result<(), OutOfBudget> {
    let (history, op) = (facts.history, facts.events().op(read));
    let members: FxHashSet<ValueId> = elements(history, history.op_value[op.index()]).iter().copied().collect();
    let possible = |w: u32| !comes_too_late(history, &facts.so, op, OpId::new(w as usize));
    let before = |event: u32| layout.place[event as usize] < layout.place[read as usize];
    for element in writes.of_key(facts.events().key[read as usize]).chunk_by(|a, b| a.1 == b.1) {
        let of_kind = |kind: Kind| element.iter().map(|&(_, _, w)| w).filter(move |&w| history.op_kind[w as usize] == kind);
        let events = |kind| of_kind(kind).filter_map(|w| writes.event.get(&w).copied()).filter(|&e| before(e));
        if members.contains(&element[0].1) {
            for remove in events(Kind::Remove) {
                if facts.history.status(facts.events().op(remove)) != Status::Ok {
                    continue;
                }
                let adds: Vec<u32> = of_kind(Kind::Add).filter(|&w| possible(w)).collect();
                let known: Vec<u32> = adds.iter().filter_map(|w| writes.event.get(w).copied()).collect();
                if known.len() == adds.len() && all_hb(facts, &known, remove)? {
                    questions.push((remove, read));
                    suspects.push(Suspect::Phantom(known));
                }
            }
        } else {
            for add in events(Kind::Add) {
                let mut can_come_after = false;
                for remove in of_kind(Kind::Remove).filter(|&w| possible(w)) {
                    let earlier = match writes.event.get(&remove) {
                        Some(&remove) => all_hb(facts, &[remove], add)?,
                        None => false,
                    };
                    can_come_after |= !earlier;
                }
                if !can_come_after {
                    questions.push((add, read));
                    suspects.push(Suspect::Missing);
                }
            }
        }
    }
    Ok(())
}

/// Do all of these come before the other in hb?
fn all_hb(facts: &Facts<'_>, earlier: &[u32], later: u32) -> Result<bool, OutOfBudget> {
    let questions: Vec<Question> = earlier.iter().map(|&e| (e, later)).collect();
    let hb = facts.visibility(Guarantees::ALL);
    let answers = match facts.hb_layout()? {
        Some(layout) => reach::answer(&hb, Some(&layout.place), &layout.order, &questions, facts.budget)?,
        None => reach::answer(&hb, None, &[], &questions, facts.budget)?,
    };
    Ok(answers.into_iter().all(|yes| yes))
}

/// The integer that a counter was read as, or changed by; 0 for what is no integer, which no counter holds.
pub(crate) fn number(history: &History, value: ValueId) -> i128 {
    match history.values().get(value) {
        Value::Int(i) => i128::from(i),
        Value::Text(_, text) => text.parse().unwrap_or(0),
        _ => 0,
    }
}

fn amount(history: &History, op: OpId) -> i128 {
    let by = number(history, history.op_value[op.index()]);
    if history.kind(op) == Kind::Decrement { by.saturating_neg() } else { by }
}

fn counter(facts: &Facts<'_>, graph: &Graph<'_>, read: u32, writes: &WritesByElement) -> Result<Option<Breach>, OutOfBudget> {
    let (history, events, op) = (facts.history, facts.events(), facts.events().op(read));
    let key = events.key[read as usize];
    let value = number(history, history.op_value[op.index()]);
    let initial = number(history, history.initial(KeyId::new(key as usize)));
    let (mut least, mut most) = (0i128, 0i128);
    for &(_, _, w) in writes.of_key(key) {
        let w = OpId::new(w as usize);
        if !comes_too_late(history, &facts.so, op, w) {
            let amount = amount(history, w);
            least = least.saturating_add(amount.min(0));
            most = most.saturating_add(amount.max(0));
        }
    }
    let visible = reach::sources(
        graph,
        read,
        |node| (node as usize) < events.len() && events.is_write(node) && events.key[node as usize] == key,
        facts.budget,
    )?;
    // The largest first: the fewest that show it.
    let mut by_size: Vec<(i128, u32)> = visible.into_iter().map(|w| (amount(history, events.op(w)), w)).collect();
    by_size.sort_unstable_by_key(|&(amount, w)| (std::cmp::Reverse(amount.unsigned_abs()), w));
    let (mut low, mut high) = (initial.saturating_add(least), initial.saturating_add(most));
    let (mut raising, mut lowering) = (Vec::new(), Vec::new());
    for (amount, w) in by_size {
        if amount > 0 && low <= value {
            low = low.saturating_add(amount);
            raising.push(w);
        } else if amount < 0 && high >= value {
            high = high.saturating_add(amount);
            lowering.push(w);
        }
    }
    if value < low || value > high {
        let mut visible = if value < low { raising } else { lowering };
        visible.sort_unstable_by_key(|&w| events.op[w as usize]);
        return Ok(Some(Breach::Sum { read, visible }));
    }
    if graph.guarantees.contains(Guarantees::MR) {
        let start = events.starts[events.session[read as usize] as usize];
        let earlier = (start..read).filter(|&e| events.key[e as usize] == key && !events.is_write(e));
        for earlier in earlier.filter(|&e| events.so(history, &facts.so, e, read)) {
            let seen = number(history, history.op_value[events.op[earlier as usize] as usize]);
            if value < seen.saturating_add(least) || value > seen.saturating_add(most) {
                return Ok(Some(Breach::SumSince { read, earlier }));
            }
        }
    }
    Ok(None)
}
