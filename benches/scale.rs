//! The command at scale: whole processes, from file to verdict, over histories made from a seed.
//!
//! ```text
//! cargo bench --bench scale                        every row, at 10^6 operations
//! cargo bench --bench scale -- --only web --runs 5  the rows whose name has `web`, the median of five runs
//! cargo bench --bench scale -- --large              the rows of 10^7 operations as well
//! cargo bench --bench scale -- --seed 2             other histories of the same kinds
//! cargo bench --bench scale -- --make FOLDER        the histories as files, to run something else on them
//! cargo bench --bench scale -- --beside 'OTHER check -i {model} {file}'
//!                                                   another checker in turn with ours on the same files
//! ```
//!
//! Prints a Markdown table: seconds and MiB (the largest resident set, mapped pages included) of each command, their ratio, operations a
//! second, bytes an operation.

mod generator;

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use generator::{Order, Pattern, Shape};

/// One row of the table.
struct Row {
    name: String,
    shape: Shape,
    models: &'static [&'static str],
}

const M: usize = 1_000_000;

fn rows(large: bool, seed: u64) -> Vec<Row> {
    use Order::{AsHappened, BySession};
    const CAUSAL: &[&str] = &["causal"];
    const WEAK: &[&str] = &["causal", "read-committed", "read-atomic", "transactional-causal"];
    const ALL: &[&str] = &["info", "read-your-writes", "causal", "causal-memory", "default"];
    let balanced = |operations, sessions, order| Shape::balanced(operations, sessions, order, seed);
    let mut rows = Vec::new();
    let mut add = |name: &str, shape, models| rows.push(Row { name: name.to_owned(), shape, models });
    for sessions in [8, 50, 100] {
        add(&format!("k = {sessions}, by session"), balanced(M, sessions, BySession), CAUSAL);
        add(
            &format!("k = {sessions}, as happened"),
            balanced(M, sessions, AsHappened),
            if sessions == 50 { ALL } else { CAUSAL },
        );
    }
    for (name, order) in [("by session", BySession), ("as happened", AsHappened)] {
        let fifty = balanced(M, 50, order);
        let web = Shape { sessions: 100_000, ..balanced(M, 1_000, order) };
        let many = Shape { age: usize::MAX, ..balanced(M, 100_000, order) };
        add(&format!("k = 50, one read in a thousand stale, {name}"), Shape { stale: 0.001, ..fifty }, CAUSAL);
        add(&format!("k = 50, 10 operations a transaction, {name}"), Shape { transaction: 10, ..fifty }, WEAK);
        add(&format!("k = 50, 50,000 keys, views of any age, {name}"), Shape { keys: 50_000, age: usize::MAX, ..fifty }, CAUSAL);
        add(&format!("web log, k = 100,000, {name}"), web, CAUSAL);
        add(&format!("web log, one read in a thousand stale, {name}"), Shape { stale: 0.001, ..web }, CAUSAL);
        add(&format!("k = 100,000 all alive, views of any age, {name}"), many, CAUSAL);
        add(&format!("one key, {name}"), Shape { keys: 1, ..fifty }, CAUSAL);
        add(&format!("every write read by all 50 sessions, {name}"), Shape { pattern: Pattern::ReadByAll, ..fifty }, CAUSAL);
        add(&format!("one chain through 50 sessions, {name}"), Shape { pattern: Pattern::Chain, ..fifty }, CAUSAL);
    }
    add("one session", balanced(M, 1, AsHappened), CAUSAL);
    if large {
        add("10^7 operations, k = 50, by session", balanced(10 * M, 50, BySession), CAUSAL);
        add("10^7 operations, k = 50, as happened", balanced(10 * M, 50, AsHappened), CAUSAL);
        for (name, order) in [("by session", BySession), ("as happened", AsHappened)] {
            let chain = Shape { pattern: Pattern::Chain, ..balanced(10 * M, 50, order) };
            add(&format!("10^7 operations, one chain, {name}"), chain, CAUSAL);
        }
    }
    rows
}

/// What was asked for on the command line.
#[derive(Default)]
struct Arguments {
    only: String,
    runs: usize,
    seed: u64,
    large: bool,
    make: Option<PathBuf>,
    beside: Option<String>,
}

impl Arguments {
    fn parse() -> Result<Self, String> {
        let mut arguments = Arguments { runs: 3, seed: 1, ..Arguments::default() };
        let mut given = std::env::args().skip(1);
        while let Some(name) = given.next() {
            let mut value = || given.next().ok_or(format!("{name} needs a value"));
            match name.as_str() {
                "--bench" => {} // cargo says so
                "--large" => arguments.large = true,
                "--only" => arguments.only = value()?,
                "--runs" => arguments.runs = value()?.parse().map_err(|error| format!("--runs: {error}"))?,
                "--seed" => arguments.seed = value()?.parse().map_err(|error| format!("--seed: {error}"))?,
                "--make" => arguments.make = Some(value()?.into()),
                "--beside" => arguments.beside = Some(value()?),
                _ => return Err(format!("unknown argument {name}")),
            }
        }
        Ok(arguments)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse()?;
    let folder = arguments.make.clone().unwrap_or_else(|| std::env::temp_dir().join("testimony-scale"));
    fs::create_dir_all(&folder)?;
    println!("| history | model | s | MiB | operations/s | bytes/operation | beside: s | MiB | ratio of s | of MiB |");
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for row in rows(arguments.large, arguments.seed).iter().filter(|row| row.name.contains(&arguments.only)) {
        let file = folder.join(format!("{}.plume", row.name.replace(|c: char| !c.is_ascii_alphanumeric(), "-")));
        let mut out = BufWriter::with_capacity(1 << 20, File::create(&file)?);
        row.shape.plume(&mut out)?;
        out.flush()?;
        if arguments.make.is_some() {
            println!("{}", file.display());
            continue;
        }
        for model in row.models {
            measure(row, model, &file, &arguments)?;
        }
        fs::remove_file(&file)?;
    }
    Ok(())
}

/// Prints one line of the table.
fn measure(row: &Row, model: &str, file: &Path, arguments: &Arguments) -> std::io::Result<()> {
    let file = file.display().to_string();
    let ours = |command: &mut Command| {
        match model {
            "info" => command.args(["info", &file]),
            "default" => command.args(["check", "-q", &file]),
            _ => command.args(["check", "-q", "--model", model, &file]),
        };
    };
    let theirs = arguments.beside.as_ref().filter(|_| !matches!(model, "info" | "default"));
    let (mut own, mut other) = (Vec::new(), Vec::new());
    for _ in 0..arguments.runs {
        let mut command = Command::new(env!("CARGO_BIN_EXE_testimony"));
        ours(&mut command);
        own.push(run(&mut command)?);
        if let Some(words) = theirs {
            let mut words = words.split_whitespace().map(|word| word.replace("{model}", model).replace("{file}", &file));
            let mut command = Command::new(words.next().unwrap_or_default());
            other.push(run(command.args(words))?);
        }
    }
    let n = row.shape.operations as f64;
    let (s, mib) = median(own);
    print!("| {} | {model} | {s:.2} | {mib:.0} | {:.2e} | {:.0} |", row.name, n / s, mib * f64::from(1 << 20) / n);
    match other.is_empty() {
        true => println!(" | | | |"),
        false => {
            let (their_s, their_mib) = median(other);
            println!(" {their_s:.2} | {their_mib:.0} | {:.0} | {:.0} |", their_s / s, their_mib / mib);
        }
    }
    Ok(())
}

/// Seconds and the largest resident set in MiB of one process.
fn run(command: &mut Command) -> std::io::Result<(f64, f64)> {
    let started = Instant::now();
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let (mut status, mut usage) = (0, unsafe { std::mem::zeroed::<libc::rusage>() });
    // SAFETY: the child was spawned just now and nobody else waits for it; both pointers are to locals.
    if unsafe { libc::wait4(child.id() as libc::pid_t, &mut status, 0, &mut usage) } < 0 {
        return Err(std::io::Error::last_os_error());
    }
    Ok((started.elapsed().as_secs_f64(), usage.ru_maxrss as f64 / 1024.0))
}

/// The median of each figure.
fn median(figures: Vec<(f64, f64)>) -> (f64, f64) {
    let middle = |mut figures: Vec<f64>| {
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    };
    (middle(figures.iter().map(|f| f.0).collect()), middle(figures.iter().map(|f| f.1).collect()))
}
