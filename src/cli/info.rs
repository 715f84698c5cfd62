//! `testimony info`: what is in a history.

use std::fmt::Write;

use anyhow::Result;

use testimony::history::{DataType, History, KeyId, Kind, Status};

use super::args::InfoArgs;
use super::console::Console;
use super::judge::inputs;
use super::load::{Loaded, load};
use super::problem::Problem;
use super::{Outcome, output, settings};

pub fn run(args: &InfoArgs, console: &Console) -> Result<Outcome> {
    let settings = settings::settings(&args.reading, None)?;
    let options = settings::read_options(&settings)?;
    let mut errors = Vec::new();
    let inputs = inputs(&args.paths, &mut errors, console)?;
    let mut outcome = if errors.is_empty() { Outcome::Good } else { Outcome::Error };
    for (named, inputs) in inputs {
        let mut recognised = false;
        for input in inputs {
            match load(&input.path, &options, &settings, console) {
                Err(problem) if problem.unrecognised && input.found => {
                    console.note(problem.brief());
                    continue;
                }
                Err(problem) => {
                    console.tell(&problem.render());
                    outcome = Outcome::Error;
                }
                Ok(loaded) => {
                    for warning in loaded.history.warnings() {
                        console.warning(format_args!("{}: {warning}", loaded.path));
                    }
                    output::write(None, describe(&loaded).as_bytes(), console)?;
                }
            }
            recognised = true;
        }
        if !recognised {
            console.tell(&Problem::whole(&named, "no history in this folder").render());
            outcome = Outcome::Error;
        }
    }
    Ok(outcome)
}

fn describe(loaded: &Loaded) -> String {
    let history = &loaded.history;
    let mut rows: Vec<(&str, String)> = vec![("format", loaded.format.to_owned())];
    rows.extend(history.about().map(|about| ("about", plain(about))));
    rows.push(("operations", by_kind(history)));
    rows.push(("transactions", by_status(history)));
    rows.push(("sessions", history.sessions().to_string()));
    rows.push(("keys", by_type(history)));
    if history.nodes() > 0 {
        rows.push(("nodes", history.nodes().to_string()));
    }
    rows.push(("times", times(history)));
    rows.push(("versions", share(history.ops().filter(|&op| history.version(op).is_some()).count(), history.operations())));
    rows.push(("final reads", history.ops().filter(|&op| history.is_final(op)).count().to_string()));
    if !history.events().is_empty() {
        rows.push(("events", history.events().len().to_string()));
    }
    let mut text = format!("{}\n", plain(&loaded.path));
    for (name, value) in rows {
        let _ = writeln!(text, "  {name:<13} {value}");
    }
    text
}

fn by_kind(history: &History) -> String {
    let counted = count(Kind::ALL, history.ops().map(|op| history.kind(op)), |kind| kind as usize);
    total(history.operations(), &counted.map(|(count, kind)| (count, kind.name())))
}

fn by_status(history: &History) -> String {
    let all = [Status::Ok, Status::Fail, Status::Info];
    let counted = count(all, history.txns().map(|txn| history.txn_status(txn)), |status| status as usize);
    total(history.transactions(), &counted.map(|(count, status)| (count, status.name())))
}

fn by_type(history: &History) -> String {
    let all = [DataType::Register, DataType::List, DataType::Set, DataType::Counter];
    let counted = count(all, (0..history.keys()).map(|key| history.key_type(KeyId::new(key))), |of| of as usize);
    total(history.keys(), &counted.map(|(count, of)| (count, of.name())))
}

/// How often there is each; all of them stand in the order of their numbers.
fn count<T: Copy, const N: usize>(all: [T; N], found: impl Iterator<Item = T>, number: impl Fn(T) -> usize) -> [(usize, T); N] {
    let mut counts = [0; N];
    found.for_each(|one| counts[number(one)] += 1);
    all.map(|one| (counts[number(one)], one))
}

/// `12: 8 read, 4 write`
fn total(all: usize, counted: &[(usize, &str)]) -> String {
    let parts: Vec<String> =
        counted.iter().filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}")).collect();
    format!("{all}: {}", parts.join(", "))
}

fn times(history: &History) -> String {
    let (mut both, mut span) = (0, None);
    for txn in history.txns() {
        let (invoked, completed) = (history.invoked(txn), history.completed(txn));
        let (Some(begin), Some(end)) = (invoked.or(completed), completed.or(invoked)) else { continue };
        both += usize::from(invoked.is_some() && completed.is_some());
        let (first, last) = span.unwrap_or((begin, end));
        span = Some((begin.min(first), end.max(last)));
    }
    match span {
        Some((first, last)) => {
            format!("{} transactions, over {:.3} s", share(both, history.transactions()), last.saturating_sub(first) as f64 / 1e9)
        }
        None => "none recorded".into(),
    }
}

fn share(some: usize, all: usize) -> String {
    match some {
        0 => "none recorded".into(),
        _ if some == all => format!("all {all}"),
        _ => format!("{some} of {all}"),
    }
}

fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
