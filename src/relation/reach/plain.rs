//! Clocks and bounded walks, held against plain walks that go as far as they get.

use std::time::Duration;

use fastrand::Rng;

use super::{Question, by_clocks, by_walks, clocks_apply, sources};
use crate::check::Options;
use crate::history::{History, HistoryBuilder};
use crate::model::Guarantees;
use crate::relation::budget::Budget;
use crate::relation::facts::Facts;
use crate::relation::layout::lay_out;

/// Sessions that write, and read any value written before.
fn random(rng: &mut Rng) -> History {
    let mut builder = HistoryBuilder::new();
    let mut written = vec![Vec::new(); rng.usize(1..4)];
    for value in 1..rng.u32(5..40) {
        let (session, key) = (rng.u32(..4).to_string(), rng.usize(..written.len()));
        let recorder = builder.session(&session);
        match rng.choice(&written[key]).filter(|_| rng.bool()) {
            Some(&read) => _ = recorder.read(&key.to_string(), &u32::to_string(&read)),
            None => {
                recorder.write(&key.to_string(), &value.to_string());
                written[key].push(value);
            }
        }
    }
    builder.finish().expect("it is well formed")
}

#[test]
fn clocks_and_walks_answer_as_plain_walks_do() {
    let monotonic = Guarantees::MR.with(Guarantees::MW);
    let (options, budget) = (Options::default(), Budget::new(Duration::from_secs(600)));
    let (mut yes, mut asked) = (0, 0);
    for seed in 0..1_000 {
        println!("seed {seed}");
        let mut rng = Rng::with_seed(seed);
        let history = random(&mut rng);
        let facts = Facts::new(&history, &options, &budget);
        for g in [Guarantees::ALL, monotonic.with(Guarantees::RYW), monotonic] {
            let graph = facts.visibility(g);
            let Ok(layout) = lay_out(&graph, facts.guess().iter().copied(), &budget).unwrap() else { panic!("hb is acyclic") };
            let events = facts.events();
            // Whether a write is visible, or before another.
            let writes: Vec<u32> = (0..events.len() as u32).filter(|&e| events.is_write(e)).collect();
            let mut questions: Vec<Question> =
                (0..30).filter_map(|_| Some((*rng.choice(&writes)?, rng.u32(..events.len() as u32)))).collect();
            let (place, order) = (&layout.place, &layout.order);
            questions.retain(|&(a, b)| place[a as usize] < place[b as usize]);
            questions.sort_unstable_by_key(|&(a, b)| (b, a));
            questions.dedup();
            let expected: Vec<bool> =
                questions.iter().map(|&(a, b)| !sources(&graph, b, |node| node == a, &budget).unwrap().is_empty()).collect();
            let links = clocks_apply(&graph).expect("sessions are few and in sequence");
            assert_eq!(by_clocks(&graph, links, place, order, &questions, &budget).unwrap(), expected, "{g:?}");
            let groups: Vec<&[Question]> = questions.chunk_by(|a, b| a.1 == b.1).collect();
            assert_eq!(by_walks(&graph, Some(place), &groups, &budget).unwrap(), expected, "{g:?}");
            asked += expected.len();
            yes += expected.iter().filter(|&&yes| yes).count();
        }
    }
    assert!(yes > asked / 10 && yes < asked * 9 / 10, "{yes} of {asked} answered with yes");
}
