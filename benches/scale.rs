mod generator;
use generator::{Order, Shape};
fn main() {
    let a: Vec<String> = std::env::args().collect();
    // out n k alive keys txn age stale order seed format
    let n = |i: usize| a[i].parse::<f64>().unwrap();
    let shape = Shape {
        operations: n(2) as usize,
        sessions: n(3) as usize,
        alive: n(4) as usize,
        keys: n(5) as usize,
        transaction: n(6) as usize,
        age: if a[7] == "any" { usize::MAX } else { n(7) as usize },
        stale: n(8),
        order: if a[9] == "i" { Order::AsHappened } else { Order::BySession },
        seed: n(10) as u64,
    };
    let mut out = std::io::BufWriter::with_capacity(1 << 20, std::fs::File::create(&a[1]).unwrap());
    if a[11] == "jsonl" { shape.json_lines(&mut out).unwrap() } else { shape.plume(&mut out).unwrap() }
}
