//! Reading: chunks are decoded in parallel, so many row groups at a time as there are threads; then names and values are interned in
//! the order of the rows, each once for each entry of a dictionary, so that ids do not depend on threads.

use std::sync::atomic::AtomicU64;

use rayon::prelude::*;

use super::cells::Cells;
use super::footer::{Footer, footer};
use super::rows::Rows;
use super::{EDN, EVENTS, Field, HEADER};
use crate::{
    format::{ReadOptions, builder, jsonl, packed, with_disorder_told},
    history::{BuildError, Event, History, HistoryBuilder},
};

pub(super) fn read(bytes: &[u8], options: &ReadOptions) -> Result<History, String> {
    let footer = footer(bytes)?;
    let located = locate(&footer)?;
    let mut rows = Rows::new(builder(options), footer.rows);
    metadata(&footer, rows.builder())?;
    let budget = AtomicU64::new(packed::limit(bytes.len()));
    for groups in footer.groups.chunks(rayon::current_num_threads().max(1)) {
        let parts: Vec<_> = groups.iter().flat_map(|group| located.iter().map(move |located| (group, located))).collect();
        // The first error in the order of the columns, not of whichever thread comes upon one.
        let decoded: Vec<Result<Cells, _>> = parts
            .par_iter()
            .map(|&(group, located)| {
                let column = &footer.columns[located.column];
                let sort = column.sort.expect("it was located");
                Cells::read(bytes, &group.chunks[located.column], sort, column.optional, group.rows, &budget)
                    .map_err(|message| located.error(&message))
            })
            .collect();
        for (cells, (_, located)) in decoded.into_iter().collect::<Result<Vec<Cells>, _>>()?.into_iter().zip(parts) {
            rows.take(located.field, &cells, located.edn).map_err(|message| located.error(&message))?;
        }
    }
    let history = rows.finish()?.finish().map_err(|BuildError { line, message }| match line {
        Some(line) => format!("line {line}: {message}"),
        None => message,
    })?;
    Ok(with_disorder_told(history))
}

/// Where the column of a field is.
struct Located {
    field: Field,
    column: usize,
    edn: bool,
}

impl Located {
    fn error(&self, message: &str) -> String {
        format!("column `{}{}`: {message}", self.field.name(), if self.edn { EDN } else { "" })
    }
}

/// The columns of the fields that the file has, in the order of [`Field::ALL`]; others are passed over.
fn locate(footer: &Footer) -> Result<Vec<Located>, String> {
    let mut located = Vec::new();
    for field in Field::ALL {
        let named = footer.columns.iter().enumerate().filter_map(|(column, described)| {
            let edn = field.holds_values() && described.name.strip_suffix(EDN) == Some(field.name());
            (edn || described.name == field.name()).then_some(Located { field, column, edn })
        });
        let named: Vec<Located> = named.collect();
        if let Some(found) = named.first()
            && let Err(why) = footer.columns[found.column].sort
        {
            return Err(found.error(why));
        }
        if named.len() > 1 {
            return Err(format!("more than one column for `{}`", field.name()));
        }
        located.extend(named);
    }
    if let Some(missing) = [Field::Session, Field::Op, Field::Key].iter().find(|&&field| located.iter().all(|l| l.field != field))
    {
        return Err(format!("no column `{}`: not a history", missing.name()));
    }
    Ok(located)
}

fn metadata(footer: &Footer, builder: &mut HistoryBuilder) -> Result<(), String> {
    for &(name, text) in &footer.metadata {
        let wrong = |message: String| format!("metadata `{name}`: {message}");
        match name {
            HEADER => jsonl::read_header(text, builder).map_err(|fault| wrong(fault.message))?,
            EVENTS => {
                let events: Vec<(u32, Option<i64>, String)> =
                    serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
                events.into_iter().for_each(|(line, time_ns, text)| builder.event(Event { line, time_ns, text }));
            }
            _ => {}
        }
    }
    Ok(())
}
