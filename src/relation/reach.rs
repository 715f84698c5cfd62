//! Which of many questions "does a path lead from a to b?" are true, answered together.
//!
//! Given an order that extends the graph, only what stands between a and b can be on the way, so a backward walk from b that does not
//! go below the earliest a asked about answers all questions about one b. Where the guess behind the order is good these windows are
//! short. Where they are long and sessions are few, one pass along the order with a clock a session answers all questions at once:
//! O(n k). The choice is made by measuring the windows first.

#[cfg(test)]
mod plain;

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::Guarantees;

use super::budget::{Budget, OutOfBudget};
use super::events::NONE;
use super::graph::Graph;
use super::links::Links;
use super::zeroed::zeroed;

/// A question: does a path lead from the first to the second?
pub(crate) type Question = (u32, u32);

/// Answers questions, which must be grouped by their second node. `place` is an order that extends the graph; `None` where there is
/// none, and every walk goes as far as it gets.
pub(crate) fn answer(
    graph: &Graph<'_>,
    place: Option<&[u32]>,
    order: &[u32],
    questions: &[Question],
    budget: &Budget,
) -> Result<Vec<bool>, OutOfBudget> {
    budget.check()?; // Many questions may need few steps.
    let groups: Vec<&[Question]> = questions.chunk_by(|a, b| a.1 == b.1).collect();
    if let Some(place) = place {
        let window = |group: &&[Question]| {
            let earliest = group.iter().map(|q| place[q.0 as usize]).min().unwrap_or(0);
            u64::from(place[group[0].1 as usize].saturating_sub(earliest))
        };
        if let Some(links) = clocks_pay(graph, order, groups.iter().map(window).sum()) {
            return by_clocks(graph, links, place, order, questions, budget);
        }
    }
    by_walks(graph, place, &groups, budget)
}

/// For each group of (from, to, group), all of one `from` and neighbours: some `to` that a path leads to, if any. One walk a group,
/// however many it has.
pub(crate) fn first_reached(
    graph: &Graph<'_>,
    place: &[u32],
    order: &[u32],
    asked: &[(u32, u32, u32)],
    budget: &Budget,
) -> Result<Vec<Option<u32>>, OutOfBudget> {
    let groups: Vec<&[(u32, u32, u32)]> = asked.chunk_by(|a, b| a.2 == b.2).collect();
    let window = |group: &&[(u32, u32, u32)]| {
        let latest = group.iter().map(|a| place[a.1 as usize]).max().unwrap_or(0);
        u64::from(latest.saturating_sub(place[group[0].0 as usize]))
    };
    if let Some(links) = clocks_pay(graph, order, groups.iter().map(window).sum()) {
        let mut questions: Vec<Question> = asked.iter().map(|&(from, to, _)| (from, to)).collect();
        questions.sort_unstable_by_key(|&(from, to)| (to, from));
        questions.dedup();
        let answers = by_clocks(graph, links, place, order, &questions, budget)?;
        let reached: FxHashSet<Question> = questions.into_iter().zip(answers).filter(|&(_, yes)| yes).map(|(q, _)| q).collect();
        let first = |group: &&[(u32, u32, u32)]| group.iter().find(|a| reached.contains(&(a.0, a.1))).map(|a| a.1);
        return Ok(groups.iter().map(first).collect());
    }
    let chunk = groups.len().div_ceil(rayon::current_num_threads() * 4).max(64);
    let found: Result<Vec<Vec<Option<u32>>>, OutOfBudget> = groups
        .par_chunks(chunk)
        .map(|groups| {
            let (mut seen, mut origin) = (vec![0u32; graph.nodes()], vec![0u32; graph.nodes()]);
            let mut steps = Steps { budget, left: BETWEEN_LOOKS };
            let mut stack: Vec<u32> = Vec::new();
            let one = |(walk, group): (usize, &&[(u32, u32, u32)])| {
                let walk = walk as u32 + 1;
                let goal = group[0].0;
                stack.clear();
                for &(_, to, _) in group.iter() {
                    (seen[to as usize], origin[to as usize]) = (walk, to);
                    stack.push(to);
                }
                while let Some(node) = stack.pop() {
                    steps.step()?;
                    let mut reached = None;
                    graph.into(node, |from, _| {
                        if from == goal {
                            reached = Some(origin[node as usize]);
                        } else if seen[from as usize] != walk && place[from as usize] > place[goal as usize] {
                            (seen[from as usize], origin[from as usize]) = (walk, origin[node as usize]);
                            stack.push(from);
                        }
                    });
                    if reached.is_some() {
                        return Ok(reached);
                    }
                }
                Ok(None)
            };
            groups.iter().enumerate().map(one).collect()
        })
        .collect();
    Ok(found?.concat())
}

/// So many steps between two looks at the clock.
const BETWEEN_LOOKS: u32 = 4096;

/// Counts steps and looks at the clock now and then.
struct Steps<'a> {
    budget: &'a Budget,
    left: u32,
}

impl Steps<'_> {
    #[inline]
    fn step(&mut self) -> Result<(), OutOfBudget> {
        self.left -= 1;
        if self.left == 0 {
            self.left = BETWEEN_LOOKS;
            self.budget.check()?;
        }
        Ok(())
    }
}

/// The links, where clocks apply and cost less than so many steps of walks. A clock costs about a quarter of a step for each session.
fn clocks_pay<'a>(graph: &Graph<'a>, order: &[u32], steps: u64) -> Option<&'a Links> {
    let (nodes, sessions) = (order.len() as u64, graph.events.chain_ends.len() as u64);
    clocks_apply(graph).filter(|_| steps / 4 > nodes * sessions / 16 + nodes)
}

/// Every node of interest that a path leads from to this one, by walking all the way back.
pub(crate) fn sources(
    graph: &Graph<'_>,
    to: u32,
    of_interest: impl Fn(u32) -> bool,
    budget: &Budget,
) -> Result<Vec<u32>, OutOfBudget> {
    let mut seen: FxHashSet<u32> = FxHashSet::default();
    let mut stack = vec![to];
    let mut found = Vec::new();
    let mut steps = Steps { budget, left: BETWEEN_LOOKS };
    while let Some(node) = stack.pop() {
        steps.step()?;
        graph.into(node, |from, _| {
            if seen.insert(from) {
                stack.push(from);
                if of_interest(from) {
                    found.push(from);
                }
            }
        });
    }
    Ok(found)
}

/// What a thread keeps between walks: when each node was last seen, and who asks for it.
struct Walker {
    seen: Vec<u32>,
    asked: Vec<u32>,
    walk: u32,
    stack: Vec<u32>,
}

fn by_walks(graph: &Graph<'_>, place: Option<&[u32]>, groups: &[&[Question]], budget: &Budget) -> Result<Vec<bool>, OutOfBudget> {
    let new = || Walker { seen: vec![0; graph.nodes()], asked: vec![0; graph.nodes()], walk: 0, stack: Vec::new() };
    let chunk = groups.len().div_ceil(rayon::current_num_threads() * 4).max(64);
    let answers: Result<Vec<Vec<bool>>, OutOfBudget> = groups
        .par_chunks(chunk)
        .map(|groups| {
            let mut walker = new();
            let mut answers = Vec::new();
            let mut steps = Steps { budget, left: BETWEEN_LOOKS };
            for group in groups {
                walker.walk(graph, place, group, &mut steps)?;
                answers.extend(group.iter().map(|q| walker.seen[q.0 as usize] == walker.walk));
            }
            Ok(answers)
        })
        .collect();
    Ok(answers?.concat())
}

impl Walker {
    /// Walks back from the group's one target; `seen` then says what was met.
    fn walk(
        &mut self,
        graph: &Graph<'_>,
        place: Option<&[u32]>,
        group: &[Question],
        steps: &mut Steps<'_>,
    ) -> Result<(), OutOfBudget> {
        self.walk += 1;
        let walk = self.walk;
        let mut waiting = 0u32;
        for &(from, _) in group {
            if std::mem::replace(&mut self.asked[from as usize], walk) != walk {
                waiting += 1;
            }
        }
        let lowest = place.map_or(0, |place| group.iter().map(|q| place[q.0 as usize]).min().unwrap_or(0));
        self.stack.clear();
        self.stack.push(group[0].1);
        let (seen, asked, stack) = (&mut self.seen, &self.asked, &mut self.stack);
        while let Some(node) = stack.pop() {
            steps.step()?;
            graph.into(node, |from, _| {
                if seen[from as usize] != walk && place.is_none_or(|place| place[from as usize] >= lowest) {
                    seen[from as usize] = walk;
                    waiting -= u32::from(asked[from as usize] == walk);
                    stack.push(from);
                }
            });
            if waiting == 0 {
                break;
            }
        }
        Ok(())
    }
}

/// Clocks count a session's writes, so they apply where whoever sees a write sees the earlier ones of its session, and where the order
/// has each session's reads (and with WFR all its events) as they were issued.
fn clocks_apply<'a>(graph: &Graph<'a>) -> Option<&'a Links> {
    const MAX_SESSIONS: usize = 256;
    let links = graph.links?;
    let monotonic = Guarantees::MR.with(Guarantees::MW);
    let known = [Guarantees::ALL, monotonic.with(Guarantees::RYW), monotonic];
    let applies = graph.extra.is_none()
        && graph.only_reader.is_none()
        && links.plain
        && graph.events.collected.is_empty()
        && graph.events.chain_ends.len() <= MAX_SESSIONS
        && known.contains(&graph.guarantees);
    applies.then_some(links)
}

/// One pass along the order. A clock says, for each session, how many of its chain's events, up to the last write among them, are
/// visible. A session has one, of its last read (with WFR: of its last event); events that another session or an `info` write will
/// ask keep a copy until the last has asked.
///
/// Observed `info` writes stand outside the chains: questions about them are answered by walks.
fn by_clocks(
    graph: &Graph<'_>,
    links: &Links,
    place: &[u32],
    order: &[u32],
    questions: &[Question],
    budget: &Budget,
) -> Result<Vec<bool>, OutOfBudget> {
    let events = graph.events;
    let sessions = events.chain_ends.len();
    let all = graph.guarantees == Guarantees::ALL;
    let own_writes_visible = graph.guarantees.contains(Guarantees::RYW);
    let askers = if all { askers(graph, links) } else { Vec::new() };
    let mut kept = Kept { left: askers, clocks: FxHashMap::default(), spare: Vec::new() };
    let mut first_question = vec![u32::MAX; events.len()];
    for (i, q) in questions.iter().enumerate().rev() {
        first_question[q.1 as usize] = i as u32;
    }
    let mut answers = vec![false; questions.len()];
    let mut clocks = vec![0u32; sessions * sessions];
    let mut clock = vec![0u32; sessions];
    let mut walks: Vec<usize> = Vec::new();
    let count_up_to = |write: u32| {
        let s = events.session[write as usize] as usize;
        (s, write + 1 - events.starts[s])
    };
    for (count, &e) in order.iter().enumerate() {
        if count % 4096 == 0 {
            budget.check()?;
        }
        if e as usize >= events.len() {
            continue; // an auxiliary node of the order, none of this graph
        }
        let s = events.session[e as usize] as usize;
        let row = s * sessions..(s + 1) * sessions;
        let (write, info) = (events.is_write(e), events.is_info(e));
        if info || (write && !all) {
            clock.fill(0);
            for link in [links.read[e as usize], links.write[e as usize]] {
                if link == NONE {
                    continue;
                }
                if all {
                    kept.hand_over(link, &mut clock);
                }
                if events.is_write(link) {
                    clock[s] = clock[s].max(count_up_to(link).1);
                }
            }
        } else {
            clock.copy_from_slice(&clocks[row.clone()]);
            let own = links.write[e as usize];
            if own_writes_visible && own != NONE {
                clock[s] = clock[s].max(count_up_to(own).1);
            }
            let source = events.source[e as usize];
            if source < NONE {
                let link = if events.is_info(source) { links.write[source as usize] } else { source };
                if link != NONE {
                    let (of, count) = count_up_to(link);
                    clock[of] = clock[of].max(count);
                }
                if all && (events.session[source as usize] as usize != s || events.is_info(source)) {
                    kept.hand_over(source, &mut clock);
                }
            }
            clocks[row].copy_from_slice(&clock);
        }
        if all && kept.left[e as usize] > 0 {
            kept.keep(e, &clock);
        }
        let mut i = first_question[e as usize] as usize;
        while i < questions.len() && questions[i].1 == e {
            let from = questions[i].0;
            if info || events.is_info(from) || !events.is_write(from) {
                walks.push(i);
            } else {
                // A write does not count itself before it has a clock that others ask for.
                let (of, count) = count_up_to(from);
                answers[i] = clock[of] >= count && from != e;
            }
            i += 1;
        }
    }
    let asked: Vec<Question> = walks.iter().map(|&i| questions[i]).collect();
    let groups: Vec<&[Question]> = asked.chunk_by(|a, b| a.1 == b.1).collect();
    for (i, walked) in walks.into_iter().zip(by_walks(graph, Some(place), &groups, budget)?) {
        answers[i] = walked;
    }
    Ok(answers)
}

/// By event: how often its clock will be asked for.
fn askers(graph: &Graph<'_>, links: &Links) -> Vec<u32> {
    let events = graph.events;
    let mut askers = zeroed::<u32>(events.len());
    for e in 0..events.len() as u32 {
        let source = events.source[e as usize];
        if source < NONE && (events.session[source as usize] != events.session[e as usize] || events.is_info(source)) {
            askers[source as usize] += 1;
        }
        if events.is_info(e) {
            for link in [links.read[e as usize], links.write[e as usize]] {
                if link != NONE {
                    askers[link as usize] += 1;
                }
            }
        }
    }
    askers
}

/// Clocks kept for those who will ask, freed after the last.
struct Kept {
    /// By event: how many will still ask.
    left: Vec<u32>,
    clocks: FxHashMap<u32, Vec<u32>>,
    spare: Vec<Vec<u32>>,
}

impl Kept {
    fn keep(&mut self, event: u32, clock: &[u32]) {
        let mut copy = self.spare.pop().unwrap_or_default();
        copy.clear();
        copy.extend_from_slice(clock);
        self.clocks.insert(event, copy);
    }

    fn hand_over(&mut self, event: u32, clock: &mut [u32]) {
        for (mine, &theirs) in clock.iter_mut().zip(&self.clocks[&event]) {
            *mine = (*mine).max(theirs);
        }
        self.left[event as usize] -= 1;
        if self.left[event as usize] == 0 {
            self.spare.extend(self.clocks.remove(&event));
        }
    }
}
