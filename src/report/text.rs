//! Text for people, in the manner of rustc: first the verdict, then a line a model, then one witness for each root cause.
//!
//! A model that is violated only because a weaker one is gets no witness of its own: whoever repairs the weaker one repairs both.

mod witness;

use std::io::{self, Write};

use crate::model::{self, Checker};
use crate::verdict::{Anomaly, Because, Verdict};

use self::witness::duration;
use super::palette::Palette;
use super::table::{aligned, count, thousands};
use super::{ConvergenceReport, Detail, HistoryReport, Report, Reporter, StepReport, VerdictReport, View, WitnessReport};

/// `--report text`.
pub(super) struct Text;

impl Reporter for Text {
    fn name(&self) -> &'static str {
        "text"
    }

    fn about(&self) -> &'static str {
        "verdicts and witnesses for people"
    }

    fn render(&self, report: &Report, view: View, out: &mut dyn Write) -> io::Result<()> {
        let palette = Palette { on: view.color };
        for (i, history) in report.histories.iter().enumerate() {
            if i > 0 && view.detail != Detail::Brief {
                writeln!(out)?;
            }
            render_history(history, view, palette, out)?;
        }
        if report.histories.len() > 1 {
            render_summary(report, view, palette, out)?;
        }
        Ok(())
    }
}

fn render_history(history: &HistoryReport, view: View, palette: Palette, out: &mut dyn Write) -> io::Result<()> {
    let verdict = history.verdict();
    writeln!(
        out,
        "{}: {}, {}, {}: {}",
        palette.strong(&shown(&history.path)),
        count(history.operations, "operation"),
        count(history.sessions, "session"),
        count(history.keys, "key"),
        paint(palette, verdict, verdict.name()),
    )?;
    if view.detail == Detail::Brief {
        return Ok(());
    }
    writeln!(out)?;
    render_verdicts(history, view, palette, out)?;
    if view.lattice {
        render_lattice(history, palette, out)?;
    }
    for (model, witness, also) in root_causes(history, view.detail) {
        writeln!(out)?;
        witness::render(&shown(&history.path), model, witness, view, palette, out)?;
        if !also.is_empty() {
            writeln!(out, "   {} contradicts {} too", palette.label("note:"), also.join(", "))?;
        }
    }
    Ok(())
}

/// Each witness to tell, with its model and the other models that it speaks against.
fn root_causes(history: &HistoryReport, detail: Detail) -> Vec<(&str, &WitnessReport, Vec<&str>)> {
    let mut told: Vec<(&str, &WitnessReport, Vec<&str>)> = Vec::new();
    for verdict in &history.verdicts {
        for witness in worth_telling(history, verdict, detail) {
            match told.iter_mut().find(|(_, known, _)| is_told(verdict, witness, known)) {
                Some((model, _, also)) if *model != verdict.model && !also.contains(&verdict.model.as_str()) => {
                    also.push(&verdict.model);
                }
                Some(_) => {}
                None => told.push((&verdict.model, witness, Vec::new())),
            }
        }
    }
    told
}

/// The same witness; or, where the model is no set of guarantees and has no part in the lattice of those, one about the same reads.
fn is_told(verdict: &VerdictReport, witness: &WitnessReport, known: &WitnessReport) -> bool {
    let guarantees = matches!(model::find(&verdict.model).map(|m| m.checker), Some(Checker::Guarantees(_)));
    let (reads, told) = (contradicted_reads(witness), contradicted_reads(known));
    known == witness || (!guarantees && !reads.is_empty() && reads.iter().all(|read| told.contains(read)))
}

/// The reads that did not return what was visible to them.
fn contradicted_reads(witness: &WitnessReport) -> Vec<u32> {
    let read = |step: &StepReport| match (step.because, witness.anomaly) {
        (Because::StaleRead, _) => step.read,
        (Because::InitialRead, _) | (Because::ReadsFrom, Anomaly::WriteCoRead) => Some(step.to),
        _ => None,
    };
    witness.steps.iter().chain(&witness.derived).filter_map(read).collect()
}

fn render_verdicts(history: &HistoryReport, view: View, palette: Palette, out: &mut dyn Write) -> io::Result<()> {
    let rows: Vec<[String; 2]> =
        history.verdicts.iter().map(|verdict| [verdict.model.clone(), finding(history, verdict, view.detail)]).collect();
    for (verdict, [model, finding]) in history.verdicts.iter().zip(aligned(&rows)) {
        let mark = match verdict.verdict {
            Verdict::Satisfied => "✓",
            Verdict::Violated => "✗",
            Verdict::Unknown => "?",
        };
        let gap = if finding.is_empty() { "" } else { "  " };
        writeln!(out, "  {} {model}{gap}{finding}", paint(palette, verdict.verdict, mark))?;
        if let Some(known) = model::find(&verdict.model).filter(|_| view.detail >= Detail::Verbose) {
            writeln!(out, "      {}", palette.faint(known.promise))?;
        }
    }
    Ok(())
}

/// What a model's line says after its name.
fn finding(history: &HistoryReport, verdict: &VerdictReport, detail: Detail) -> String {
    match verdict.verdict {
        Verdict::Satisfied | Verdict::Violated if verdict.convergence.is_some() => {
            verdict.convergence.as_ref().map(convergence).unwrap_or_default()
        }
        Verdict::Satisfied => String::new(),
        Verdict::Unknown => shown(verdict.reason.as_deref().unwrap_or("not decided")),
        Verdict::Violated if !verdict.implied_by.is_empty() => implied_by(&verdict.implied_by, detail),
        Verdict::Violated => match verdict.stale_reads {
            Some(stale @ 1..) => {
                let stale_reads = format!("{} of {} reads stale", thousands(stale), thousands(verdict.reads));
                match verdict.stale_sessions {
                    Some(sessions) => format!("{stale_reads}, {} of {}", thousands(sessions), count(history.sessions, "session")),
                    None => stale_reads,
                }
            }
            _ => count(verdict.violations.max(1), "contradiction"),
        },
    }
}

/// `14 of 14 keys, slowest 41 ms`; `2 of 14 keys, 1 divergent, 3 unknown`.
fn convergence(found: &ConvergenceReport) -> String {
    let of = |keys: u64| format!("{} of {}", thousands(keys), count(found.keys, "key"));
    if found.violated_keys == 0 {
        let slowest = found.convergence_ms.map(|times| format!(", slowest {}", duration((times.max * 1e6) as i64)));
        return of(found.keys - found.unknown_keys) + &slowest.unwrap_or_default();
    }
    let mut said = of(found.violated_keys);
    for (keys, what) in [(found.divergent_keys, "divergent"), (found.unknown_keys, "unknown")] {
        if keys > 0 {
            said += &format!(", {} {what}", thousands(keys));
        }
    }
    said
}

fn implied_by(models: &[String], detail: Detail) -> String {
    let most = if detail >= Detail::Verbose { models.len() } else { 3 };
    let rest = if models.len() > most { " …" } else { "" };
    format!("implied by {}{rest}", models[..most.min(models.len())].join(", "))
}

/// The witnesses of a model that are not another's again: of an implied model only one that leans on more guarantees than each of the
/// models below it, and that no witness of theirs is part of.
fn worth_telling<'r>(history: &'r HistoryReport, verdict: &'r VerdictReport, detail: Detail) -> &'r [WitnessReport] {
    let below: Vec<&VerdictReport> = history.verdicts.iter().filter(|v| verdict.implied_by.contains(&v.model)).collect();
    let own = |witness: &WitnessReport| {
        below.iter().all(|weaker| {
            let known = model::find(&weaker.model).map(|model| model.checker);
            let leans_on = witness.explanation.guarantees;
            let covered = match known {
                Some(Checker::Guarantees(given)) => given.contains(leans_on),
                _ => weaker.witnesses.iter().any(|w| w.anomaly == witness.anomaly),
            };
            !covered && !weaker.witnesses.iter().any(|w| w.operations.iter().all(|op| witness.operations.contains(op)))
        })
    };
    let told =
        if verdict.implied_by.is_empty() || verdict.witnesses.first().is_some_and(own) { &verdict.witnesses[..] } else { &[] };
    let most = if detail == Detail::Verbose { told.len() } else { 1 };
    &told[..most.min(told.len())]
}

fn render_lattice(history: &HistoryReport, palette: Palette, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n  {}", palette.label("minimal violated sets of guarantees"))?;
    let Some(sets) = &history.minimal_violated else {
        return writeln!(out, "    {} not decided", palette.unsure("?"));
    };
    if sets.is_empty() {
        return writeln!(out, "    {} none: all four guarantees hold together", palette.good("✓"));
    }
    for set in sets {
        match set.as_slice() {
            [] => writeln!(out, "    {} {{}}: no guarantee is needed to fail", palette.bad("✗"))?,
            names => writeln!(out, "    {} {{{}}}", palette.bad("✗"), names.join(", "))?,
        }
    }
    Ok(())
}

fn render_summary(report: &Report, view: View, palette: Palette, out: &mut dyn Write) -> io::Result<()> {
    if view.detail != Detail::Brief {
        writeln!(out)?;
    }
    let mut parts: Vec<String> = Vec::new();
    for verdict in [Verdict::Violated, Verdict::Unknown, Verdict::Satisfied] {
        let number = report.histories.iter().filter(|history| history.verdict() == verdict).count();
        if number > 0 {
            parts.push(paint(palette, verdict, &format!("{number} {}", verdict.name())));
        }
    }
    if !report.errors.is_empty() {
        parts.push(palette.bad(&format!("{} not read", report.errors.len())));
    }
    writeln!(out, "{}: {}", count(report.histories.len() as u64, "history"), parts.join(", "))
}

fn paint(palette: Palette, verdict: Verdict, text: &str) -> String {
    match verdict {
        Verdict::Satisfied => palette.good(text),
        Verdict::Violated => palette.bad(text),
        Verdict::Unknown => palette.unsure(text),
    }
}

/// A path or a reason with its control characters escaped: a file name must not command the terminal.
fn shown(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}
