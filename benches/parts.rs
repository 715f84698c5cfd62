//! The parts by themselves: reading each format, and judging by each model what was read.
//!
//! ```text
//! cargo bench --bench parts                 every part, over histories of 10^5 operations
//! cargo bench --bench parts -- read         those whose name has `read`
//! ```
//!
//! All parts work on the same histories, so what they take can be compared within a run.

mod generator;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use generator::{Order, Pattern, Shape};
use testimony::check::{self, Options};
use testimony::format::{self, ReadOptions};
use testimony::history::History;
use testimony::model;

const OPERATIONS: usize = 100_000;

fn shape(order: Order) -> Shape {
    Shape::balanced(OPERATIONS, 50, order, 1)
}

fn plume(shape: Shape) -> Vec<u8> {
    let mut bytes = Vec::new();
    shape.plume(&mut bytes).expect("memory takes it");
    bytes
}

fn parse(bytes: &[u8]) -> History {
    format::read(bytes, &ReadOptions::default()).expect("it is well formed").history
}

/// The history in another format.
fn written(history: &History, name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    format::find(name).expect("a format").write(history, true, &mut bytes).expect("it can hold it");
    bytes
}

fn reading(criterion: &mut Criterion) {
    let plume = plume(shape(Order::AsHappened));
    let history = parse(&plume);
    let mut group = criterion.benchmark_group("read");
    for (name, bytes) in
        [("plume", plume), ("jsonl", written(&history, "jsonl")), ("jepsen-edn", written(&history, "jepsen-edn"))]
    {
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| parse(&bytes)));
    }
    group.finish();
}

fn judging(criterion: &mut Criterion) {
    let orders = [(Order::AsHappened, "as happened"), (Order::BySession, "by session"), (Order::Untold, "values in no order")];
    for (order, name) in orders {
        let clean = parse(&plume(shape(order)));
        let stale = parse(&plume(Shape { stale: 0.001, ..shape(order) }));
        let read_by_all = parse(&plume(Shape { pattern: Pattern::ReadByAll, ..shape(order) }));
        let chain = parse(&plume(Shape { pattern: Pattern::Chain, ..shape(order) }));
        let transactions = parse(&plume(Shape { transaction: 10, ..shape(order) }));
        let mut group = criterion.benchmark_group(format!("check, {name}"));
        group.throughput(Throughput::Elements(OPERATIONS as u64));
        let mut bench = |label: &str, history: &History, model: &str| {
            let models = vec![model::find(model).expect("a model")];
            let options = Options { models, lattice: false, ..Options::default() };
            group.bench_function(label, |bencher| bencher.iter(|| check::check(history, &options)));
        };
        for model in ["read-your-writes", "pram", "causal", "causal-memory"] {
            bench(model, &clean, model);
        }
        for (label, history) in [("with stale reads", &stale), ("every write read by all", &read_by_all), ("one chain", &chain)] {
            bench(&format!("causal, {label}"), history, "causal");
        }
        for model in ["read-committed", "read-atomic", "transactional-causal"] {
            bench(model, &transactions, model);
        }
        group.finish();
    }
}

criterion_group! {
    name = parts;
    config = Criterion::default().sample_size(20);
    targets = reading, judging
}
criterion_main!(parts);
