//! How many instructions the command takes on a few small histories, by valgrind's callgrind: a figure that does not depend on how busy
//! the machine is, so that CI can hold it.
//!
//! ```text
//! cargo bench --bench instructions              compares with the committed figures; fails where one grew by more than a tenth
//! cargo bench --bench instructions -- --update  writes the figures down anew
//! ```

mod generator;

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;

use generator::{Order, Pattern, Shape};

/// Where the figures are.
const FIGURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.tsv");
/// By so much a figure may grow.
const MOST: f64 = 1.1;

/// One command over one history.
struct Case {
    name: &'static str,
    shape: Shape,
    /// What to turn the history into first.
    format: &'static str,
    arguments: &'static [&'static str],
}

fn cases() -> Vec<Case> {
    use Order::{AsHappened, BySession, Untold};
    let shape = |order| Shape::balanced(100_000, 50, order, 1);
    let case = |name, shape, format, arguments| Case { name, shape, format, arguments };
    const CAUSAL: &[&str] = &["check", "-q", "--model", "causal"];
    const RYW: &[&str] = &["check", "-q", "--model", "read-your-writes"];
    vec![
        case("read plume", shape(AsHappened), "plume", &["info"]),
        case("read jsonl", shape(AsHappened), "jsonl", &["info"]),
        case("read jepsen-edn", shape(AsHappened), "jepsen-edn", &["info"]),
        case("read-your-writes", shape(AsHappened), "plume", RYW),
        case("read-your-writes, values in no order", shape(Untold), "plume", RYW),
        case("causal, as happened", shape(AsHappened), "plume", CAUSAL),
        case("causal, by session", shape(BySession), "plume", CAUSAL),
        case("causal, values in no order", shape(Untold), "plume", CAUSAL),
        case("causal, stale reads", Shape { stale: 0.001, ..shape(Untold) }, "plume", CAUSAL),
        case("causal, web log", Shape { sessions: 10_000, alive: 100, ..shape(Untold) }, "plume", CAUSAL),
        case(
            "causal, web log, stale reads",
            Shape { sessions: 10_000, alive: 100, stale: 0.001, ..shape(Untold) },
            "plume",
            CAUSAL,
        ),
        case("causal, read by all", Shape { pattern: Pattern::ReadByAll, ..shape(Untold) }, "plume", CAUSAL),
        case("causal, one chain", Shape { pattern: Pattern::Chain, ..shape(Untold) }, "plume", CAUSAL),
        case("causal-memory", shape(AsHappened), "plume", &["check", "-q", "--model", "causal-memory"]),
        case(
            "transactional-causal",
            Shape { transaction: 10, ..shape(Untold) },
            "plume",
            &["check", "-q", "--model", "transactional-causal"],
        ),
    ]
}

fn main() -> Result<(), Box<dyn Error>> {
    let update = std::env::args().any(|argument| argument == "--update");
    let committed = fs::read_to_string(FIGURES).unwrap_or_default();
    let folder = std::env::temp_dir().join(format!("testimony-instructions-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let (mut figures, mut grown) = (String::new(), Vec::new());
    for case in cases() {
        let count = count(&case, &folder)?;
        figures += &format!("{}\t{count}\n", case.name);
        let before = committed.lines().find_map(|line| line.strip_prefix(case.name)?.trim().parse::<u64>().ok());
        let ratio = before.map(|before| count as f64 / before as f64);
        println!(
            "{:24} {count:>12} {}",
            case.name,
            ratio.map_or("new".to_owned(), |ratio| format!("{ratio:.3} times the committed"))
        );
        if !ratio.is_some_and(|ratio| ratio <= MOST) {
            grown.push(case.name);
        }
    }
    fs::remove_dir_all(&folder)?;
    if update {
        fs::write(FIGURES, figures)?;
    } else if !grown.is_empty() {
        return Err(format!("more instructions than the committed figures allow: {}", grown.join("; ")).into());
    }
    Ok(())
}

/// The instructions of one command, with one thread, so that they are the same every time.
fn count(case: &Case, folder: &Path) -> Result<u64, Box<dyn Error>> {
    let testimony = env!("CARGO_BIN_EXE_testimony");
    let mut file = folder.join("made.plume");
    let mut made = Vec::new();
    case.shape.plume(&mut made)?;
    fs::write(&file, made)?;
    if case.format != "plume" {
        let to = folder.join("converted");
        let converted = Command::new(testimony).args(["convert", "--lossy", "--to", case.format]).args([&file, &to]).output()?;
        if !converted.status.success() {
            return Err(String::from_utf8_lossy(&converted.stderr).into());
        }
        file = to;
    }
    let ran = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", testimony])
        .args(case.arguments)
        .arg(&file)
        .env("RAYON_NUM_THREADS", "1")
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let said = String::from_utf8_lossy(&ran.stderr);
    let count = said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    count.ok_or_else(|| format!("valgrind counted nothing: {said}").into())
}
