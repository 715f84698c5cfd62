//! Lays out one witness: headline, operations in columns, story, proof, notes.

use std::io::{self, Write};

use crate::report::palette::Palette;
use crate::report::table::aligned;
use crate::report::{Detail, View, WitnessReport};
use crate::witness::explain::{Line, ProofStep};

/// Beyond so many lines of operations or of proof the middle is left out, unless all is asked for.
const MOST_LINES: usize = 12;
/// Proofs of few steps go on one line where they fit.
const ONE_LINE: usize = 150;
/// A path longer than this is shown by its file name: the first line of the report has all of it.
const LONG_PATH: usize = 44;

pub(super) fn render(
    path: &str,
    model: &str,
    witness: &WitnessReport,
    view: View,
    palette: Palette,
    out: &mut dyn Write,
) -> io::Result<()> {
    let told = &witness.explanation;
    writeln!(out, "{}: {}", palette.bad(&format!("error[{model}]")), palette.strong(&told.headline))?;
    let full = view.detail == Detail::Full;
    let hint = format!(" (testimony explain {path} --model {model})");
    let rows = aligned(&rows(place(path), &told.operations));
    for line in shortened(rows, full) {
        match line {
            Some([place, session, kind, effect, status, node, time, later]) => {
                let cells =
                    [palette.faint(&place), session, kind, effect, status, node, palette.faint(&time), palette.faint(&later)];
                let text = cells.iter().filter(|cell| !cell.is_empty()).fold(String::new(), |line, cell| line + "  " + cell);
                writeln!(out, " {}", text.trim_end())?;
            }
            None => {
                writeln!(out, "   {}", palette.faint(&format!("… {} more operations{hint}", told.operations.len() - MOST_LINES)))?
            }
        }
    }
    for sentence in shortened(told.story.clone(), full) {
        writeln!(out, "   {}", sentence.as_deref().unwrap_or("…"))?;
    }
    render_proof(&told.proof, &hint, full, palette, out)?;
    for note in &told.notes {
        writeln!(out, "   {} {note}", palette.label("note:"))?;
    }
    Ok(())
}

fn render_proof(steps: &[ProofStep], hint: &str, full: bool, palette: Palette, out: &mut dyn Write) -> io::Result<()> {
    if steps.is_empty() {
        return Ok(());
    }
    let label = palette.label("proof:");
    let joined = steps.iter().map(|step| step.text.as_str()).collect::<Vec<_>>().join("; ");
    if !full && joined.chars().count() <= ONE_LINE {
        return writeln!(out, "   {label} {joined}");
    }
    let mut margin = format!("   {label} ");
    for step in shortened(steps.to_vec(), full) {
        match step {
            Some(step) => {
                writeln!(out, "{margin}{}", step.text)?;
                for hop in step.path.iter().filter(|_| full) {
                    writeln!(out, "              {}", palette.faint(hop))?;
                }
            }
            None => writeln!(out, "{margin}{}", palette.faint(&format!("… {} more steps{hint}", steps.len() - MOST_LINES)))?,
        }
        margin = " ".repeat(10);
    }
    Ok(())
}

/// All of it, or its beginning and end with `None` for the middle.
fn shortened<T>(all: Vec<T>, full: bool) -> Vec<Option<T>> {
    let number = all.len();
    if full || number <= MOST_LINES + 1 {
        return all.into_iter().map(Some).collect();
    }
    let half = MOST_LINES / 2;
    let mut kept = Vec::with_capacity(MOST_LINES + 1);
    for (i, item) in all.into_iter().enumerate() {
        match i {
            _ if i < half || i >= number - half => kept.push(Some(item)),
            _ if i == half => kept.push(None),
            _ => {}
        }
    }
    kept
}

fn rows(path: &str, lines: &[Line]) -> Vec<[String; 8]> {
    let mut before: Option<i64> = None;
    lines
        .iter()
        .map(|line| {
            let later = line.at_ns.zip(before).map(|(now, then)| later(now - then));
            before = line.at_ns.or(before);
            [
                if line.line == 0 { format!("{path}#{}", line.id) } else { format!("{path}:{}", line.line) },
                line.session.clone(),
                line.kind.to_owned(),
                line.effect.clone(),
                line.status.to_owned(),
                line.node.clone().unwrap_or_default(),
                line.at_ns.map(moment).unwrap_or_default(),
                later.unwrap_or_default(),
            ]
        })
        .collect()
}

fn place(path: &str) -> &str {
    if path.chars().count() <= LONG_PATH { path } else { path.rsplit('/').next().unwrap_or(path) }
}

/// Since the history's first moment: `+1.207 s`.
fn moment(ns: i64) -> String {
    format!("+{:.3} s", ns as f64 / 1e9)
}

/// Since the line above: `2 ms later`.
fn later(ns: i64) -> String {
    if ns == 0 { "at once".into() } else { format!("{} later", duration(ns)) }
}

/// `2 ms`, `1.5 µs`.
pub(super) fn duration(ns: i64) -> String {
    let (number, unit) = match ns {
        0..1_000 => (ns as f64, "ns"),
        1_000..1_000_000 => (ns as f64 / 1e3, "µs"),
        1_000_000..1_000_000_000 => (ns as f64 / 1e6, "ms"),
        _ => (ns as f64 / 1e9, "s"),
    };
    let digits = if number < 10.0 && unit != "ns" { 1 } else { 0 };
    let text = format!("{number:.digits$}");
    format!("{} {unit}", text.strip_suffix(".0").unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        assert_eq!(moment(1_207_400_000), "+1.207 s");
        let said: Vec<String> = [0, 7, 1_500, 2_000_000, 41_200_000, 2_500_000_000].map(later).into();
        assert_eq!(said, ["at once", "7 ns later", "1.5 µs later", "2 ms later", "41 ms later", "2.5 s later"]);
    }

    #[test]
    fn the_middle_of_much_is_left_out() {
        assert_eq!(shortened((0..13).collect(), false).len(), 13);
        let kept = shortened((0..100).collect(), false);
        assert_eq!((kept.len(), kept[5], kept[6], kept[7]), (13, Some(5), None, Some(94)));
        assert_eq!(shortened((0..100).collect(), true).len(), 100);
    }
}
