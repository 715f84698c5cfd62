//! The command at scale: whole processes, from file to verdict, over histories made from a seed.
//!
//! ```text
//! cargo bench --bench scale                        every row, at 10^6 operations
//! cargo bench --bench scale -- --only web --runs 5  the rows whose name has `web`, the median of five runs
//! cargo bench --bench scale -- --large              the rows of 10^7 operations as well
//! cargo bench --bench scale -- --seed 2             other histories of the same kinds
//! cargo bench --bench scale -- --make FOLDER        the histories as files, to run something else on them
//! cargo bench --bench scale -- --beside 'OTHER check -i {model} {file}' --their transactional-causal=causal --their read-atomic=ra
//!                                                   another checker in turn with ours on the same files, for the models that it has
//! ```
//!
//! Prints a Markdown table: seconds and MiB (the largest resident set, mapped pages included) of each command, operations a second, bytes
//! an operation, how many times as long it took as another row of the table, and how it compares with the other checker. Where every
//! transaction is one operation, its `transactional-causal` is our `causal`.

mod generator;

use std::collections::HashMap;
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
    /// The name of the row that it has grown from, or differs from in one thing.
    from: String,
}

const M: usize = 1_000_000;

fn rows(large: bool, seed: u64) -> Vec<Row> {
    use Order::{AsHappened, BySession, Untold};
    const CAUSAL: &[&str] = &["causal"];
    const WHOLE: &[&str] = &["causal", "default"];
    const TRANSACTIONAL: &[&str] = &["transactional-causal"];
    const WEAK: &[&str] = &["causal", "read-committed", "read-atomic", "transactional-causal"];
    const FIFTY: &[&str] = &["causal", "read-committed", "read-atomic"];
    const ALL: &[&str] = &["info", "read-your-writes", "causal", "causal-memory", "default", "read-committed", "read-atomic"];
    let balanced = |operations, sessions, order| Shape::balanced(operations, sessions, order, seed);
    let mut rows = Vec::new();
    let mut add = |name: String, shape, models, from: &str| rows.push(Row { name, shape, models, from: from.to_owned() });
    for sessions in [8, 50, 100] {
        for order in [BySession, Untold, AsHappened] {
            let models = match (sessions, order) {
                (50, AsHappened) => ALL,
                (50, _) => FIFTY,
                _ => CAUSAL,
            };
            let (k, order_name) = (format!("k = {sessions}"), name_of(order));
            let small = format!("10^5 operations, {k}, {order_name}");
            add(small.clone(), balanced(M / 10, sessions, order), CAUSAL, "");
            add(format!("{k}, {order_name}"), balanced(M, sessions, order), models, &small);
        }
        let tens = |operations| Shape { transaction: 10, ..balanced(operations, sessions, BySession) };
        let small = format!("10^5 operations, k = {sessions}, 10 operations a transaction, by session");
        add(small.clone(), tens(M / 10), TRANSACTIONAL, "");
        let models = if sessions == 50 { WEAK } else { TRANSACTIONAL };
        add(format!("k = {sessions}, 10 operations a transaction, by session"), tens(M), models, &small);
    }
    for order in [BySession, Untold, AsHappened] {
        let name = name_of(order);
        let (fifty, hundred) = (format!("k = 50, {name}"), format!("k = 100, {name}"));
        let base = balanced(M, 50, order);
        let web = Shape { sessions: 100_000, ..balanced(M, 1_000, order) };
        let many = Shape { age: usize::MAX, ..balanced(M, 100_000, order) };
        let wide = Shape { keys: 50_000, age: usize::MAX, ..base };
        let web_name = format!("web log, k = 100,000, {name}");
        add(format!("k = 50, one read in a thousand stale, {name}"), Shape { stale: 0.001, ..base }, WHOLE, &fifty);
        add(format!("k = 50, one session stuck in the past, {name}"), Shape { stuck: true, ..base }, CAUSAL, &fifty);
        if order != BySession {
            add(format!("k = 50, 10 operations a transaction, {name}"), Shape { transaction: 10, ..base }, WEAK, "");
        }
        add(format!("k = 50, nine reads in ten, {name}"), Shape { reads: 0.9, ..base }, CAUSAL, &fifty);
        add(format!("k = 50, a sixth of all on one key, {name}"), Shape { skew: 3.0, ..base }, CAUSAL, &fifty);
        add(format!("k = 50, 50,000 keys, views of any age, {name}"), wide, CAUSAL, &fifty);
        add(format!("k = 100, 10,000 keys, {name}"), Shape { keys: 10_000, ..balanced(M, 100, order) }, CAUSAL, &hundred);
        add(web_name.clone(), web, WHOLE, &hundred);
        add(format!("web log, one read in a thousand stale, {name}"), Shape { stale: 0.001, ..web }, WHOLE, &web_name);
        add(format!("k = 100,000 all alive, views of any age, {name}"), many, WHOLE, &hundred);
        add(format!("one key, {name}"), Shape { keys: 1, ..base }, CAUSAL, &fifty);
        let read_by_all = Shape { pattern: Pattern::ReadByAll, ..base };
        add(format!("every write read by all 50 sessions, {name}"), read_by_all, CAUSAL, &fifty);
        add(format!("one chain through 50 sessions, {name}"), Shape { pattern: Pattern::Chain, ..base }, CAUSAL, &fifty);
    }
    add("one session".to_owned(), balanced(M, 1, AsHappened), CAUSAL, "k = 50, as happened");
    if large {
        for order in [BySession, Untold, AsHappened] {
            let name = name_of(order);
            let base = balanced(10 * M, 50, order);
            let ten = format!("10^7 operations, k = 50, {name}");
            let chain = Shape { pattern: Pattern::Chain, ..base };
            add(ten.clone(), base, CAUSAL, &format!("k = 50, {name}"));
            add(format!("10^7 operations, one chain, {name}"), chain, CAUSAL, &ten);
        }
        let eight = balanced(10 * M, 8, BySession);
        add("10^7 operations, k = 8, by session".to_owned(), eight, CAUSAL, "k = 8, by session");
        add(
            "10^7 operations, k = 8, 10 operations a transaction, by session".to_owned(),
            Shape { transaction: 10, ..eight },
            TRANSACTIONAL,
            "k = 8, 10 operations a transaction, by session",
        );
    }
    rows
}

fn name_of(order: Order) -> &'static str {
    match order {
        Order::BySession => "by session",
        Order::Untold => "by session, values in no order",
        Order::AsHappened => "as happened",
    }
}

/// What was asked for on the command line.
#[derive(Default)]
struct Arguments {
    only: String,
    runs: usize,
    seed: u64,
    large: bool,
    make: Option<PathBuf>,
    /// Write only this row's history, to this file: what this process asks of another, see [`in_another_process`].
    write: Option<(usize, PathBuf)>,
    beside: Option<String>,
    /// Our name of a model, and the other checker's.
    their: Vec<(String, String)>,
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
                "--write" => {
                    let row = value()?.parse().map_err(|error| format!("--write: {error}"))?;
                    arguments.write = Some((row, value()?.into()));
                }
                "--beside" => arguments.beside = Some(value()?),
                "--their" => {
                    let names = value()?;
                    let (ours, theirs) = names.split_once('=').ok_or("--their needs OUR=THEIR")?;
                    arguments.their.push((ours.to_owned(), theirs.to_owned()));
                }
                _ => return Err(format!("unknown argument {name}")),
            }
        }
        Ok(arguments)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse()?;
    let rows = rows(arguments.large, arguments.seed);
    if let Some((row, file)) = &arguments.write {
        let mut out = BufWriter::with_capacity(1 << 20, File::create(file)?);
        rows[*row].shape.plume(&mut out)?;
        return Ok(out.flush()?);
    }
    let folder = arguments.make.clone().unwrap_or_else(|| std::env::temp_dir().join("testimony-scale"));
    fs::create_dir_all(&folder)?;
    println!("| history | model | s | MiB | operations/s | bytes/operation | growth | beside: s | MiB | ratio of s | of MiB |");
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    let mut measured = HashMap::new();
    for (number, row) in rows.iter().enumerate().filter(|(_, row)| row.name.contains(&arguments.only)) {
        let file = folder.join(format!("{}.plume", row.name.replace(|c: char| !c.is_ascii_alphanumeric(), "-")));
        in_another_process(number, &file, &arguments)?;
        if arguments.make.is_some() {
            println!("{}", file.display());
            continue;
        }
        for model in row.models {
            let seconds = measure(row, model, &file, &arguments, &measured)?;
            measured.insert((row.name.clone(), *model), seconds);
        }
        fs::remove_file(&file)?;
    }
    Ok(())
}

/// Writes a row's history. Not in this process, which is to stay small: what a command holds at the most is counted from what its parent
/// held when it was started.
fn in_another_process(row: usize, file: &Path, arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--seed", &arguments.seed.to_string(), "--write", &row.to_string()]).arg(file);
    if arguments.large {
        command.arg("--large");
    }
    match command.status()?.success() {
        true => Ok(()),
        false => Err(format!("{} could not be written", file.display()).into()),
    }
}

/// Seconds, by row and model.
type Measured = HashMap<(String, &'static str), f64>;

/// Prints one line of the table; returns our seconds.
fn measure(row: &Row, model: &'static str, file: &Path, arguments: &Arguments, measured: &Measured) -> std::io::Result<f64> {
    let file = file.display().to_string();
    let ours = |command: &mut Command| {
        match model {
            "info" => command.args(["info", &file]),
            "default" => command.args(["check", "-q", &file]),
            _ => command.args(["check", "-q", "--model", model, &file]),
        };
    };
    let same = if model == "causal" && row.shape.transaction == 1 { "transactional-causal" } else { model };
    let their_name = arguments.their.iter().find(|(name, _)| name == same).map(|(_, theirs)| theirs);
    let theirs = arguments.beside.as_ref().zip(their_name);
    let (mut own, mut other) = (Vec::new(), Vec::new());
    for _ in 0..arguments.runs {
        let mut command = Command::new(env!("CARGO_BIN_EXE_testimony"));
        ours(&mut command);
        own.push(run(&mut command)?);
        if let Some((words, name)) = theirs {
            let mut words = words.split_whitespace().map(|word| word.replace("{model}", name).replace("{file}", &file));
            let mut command = Command::new(words.next().unwrap_or_default());
            other.push(run(command.args(words))?);
        }
    }
    let n = row.shape.operations as f64;
    let (s, mib) = median(own);
    print!("| {} | {model} | {s:.2} | {mib:.0} | {:.2e} | {:.0} |", row.name, n / s, mib * f64::from(1 << 20) / n);
    match measured.get(&(row.from.clone(), model)) {
        Some(before) => print!(" {:.1} times {} |", s / before, row.from),
        None => print!(" |"),
    }
    match other.is_empty() {
        true => println!(" | | | |"),
        false => {
            let (their_s, their_mib) = median(other);
            println!(" {their_s:.2} | {their_mib:.0} | {:.0} | {:.0} |", their_s / s, their_mib / mib);
        }
    }
    Ok(s)
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
