//! The footer of a Parquet file: its columns, where the parts of each are, and what is said of the file as a whole.
//!
//! Every offset and count is checked against the file before it is used. Source: the Apache Parquet format, `parquet.thrift`.

use super::thrift::{Item, parse};
use crate::format::packed;

/// What the footer says.
pub(super) struct Footer<'a> {
    /// By place among all columns, nested ones too.
    pub columns: Vec<Column<'a>>,
    pub groups: Vec<Group>,
    /// All row groups' rows.
    pub rows: usize,
    pub metadata: Vec<(&'a str, &'a str)>,
}

/// A column.
pub(super) struct Column<'a> {
    pub name: &'a str,
    /// What its cells are; else why they are nothing that is read here.
    pub sort: Result<Sort, &'static str>,
    pub optional: bool,
}

/// What the cells of a column are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sort {
    Bool,
    Int32,
    Int64,
    UInt32,
    UInt64,
    /// Nanoseconds of an epoch.
    Timestamp,
    Float,
    Double,
    Text,
    Json,
}

/// A row group.
pub(super) struct Group {
    pub rows: usize,
    /// By place among all columns.
    pub chunks: Vec<Chunk>,
}

/// The part of a column that is in one row group, as bytes of the file.
#[derive(Clone)]
pub(super) struct Chunk {
    pub start: usize,
    pub end: usize,
    pub codec: i64,
}

const MAGIC: &[u8] = b"PAR1";

/// Memory that a row takes at most while it becomes an operation; bounds the rows that a small file may claim.
const ROW: u64 = 64;

pub(super) fn footer(bytes: &[u8]) -> Result<Footer<'_>, String> {
    let cut = || "the file is cut off: it does not end with its footer".to_owned();
    let end = bytes.len().checked_sub(8).ok_or_else(cut)?;
    if &bytes[end + 4..] != MAGIC {
        return Err(cut());
    }
    let length = u32::from_le_bytes(bytes[end..end + 4].try_into().expect("four bytes")) as usize;
    let start = end.checked_sub(length).ok_or_else(cut)?;
    let damaged = || "the footer is damaged".to_owned();
    let (root, _) = parse(&bytes[start..end]).ok_or_else(damaged)?;
    let columns = columns(root.list(2).unwrap_or_default()).ok_or_else(damaged)?;
    let mut groups = Vec::new();
    let mut rows = 0usize;
    for group in root.list(4).unwrap_or_default() {
        let group = self::group(group, columns.len(), start).ok_or_else(damaged)?;
        rows = rows.saturating_add(group.rows);
        groups.push(group);
    }
    if rows as u64 >= u64::from(u32::MAX) - 2 {
        return Err("more than 2^32 rows".into());
    }
    let limit = packed::limit(bytes.len());
    if (rows as u64).saturating_mul(ROW) > limit {
        return Err(format!("{} bytes claim {rows} rows: refused, they would take more than {limit} bytes", bytes.len()));
    }
    let metadata = root.list(5).unwrap_or_default();
    let metadata = metadata.iter().filter_map(|pair| Some((pair.text(1)?, pair.text(2)?))).collect();
    Ok(Footer { columns, groups, rows, metadata })
}

/// The leaves of the schema, which is a tree in preorder.
fn columns<'a>(elements: &[Item<'a>]) -> Option<Vec<Column<'a>>> {
    let (_, elements) = elements.split_first()?;
    let mut columns = Vec::new();
    // The groups around: how many of their children are still to come. A leaf in a group has the name of the outermost.
    let mut open: Vec<usize> = Vec::new();
    let mut outermost = "";
    for element in elements {
        while open.last() == Some(&0) {
            open.pop();
        }
        if open.is_empty() {
            outermost = element.text(4)?;
        }
        let nested = !open.is_empty() || element.int(3) == Some(2);
        if let Some(left) = open.last_mut() {
            *left -= 1;
        }
        match element.size(5) {
            Some(children) if children > 0 => open.push(children),
            _ => {
                let sort = if nested { Err("nested") } else { sort(element) };
                columns.push(Column { name: outermost, sort, optional: element.int(3) != Some(0) });
            }
        }
    }
    Some(columns)
}

fn sort(element: &Item) -> Result<Sort, &'static str> {
    let (physical, converted) = (element.int(1), element.int(6));
    // Of the union of logical types the one that is set; what is older than they are has a converted type.
    let logical = match element.field(10) {
        Some(Item::Struct(fields)) => fields.first().map(|(number, item)| (*number, item)),
        _ => None,
    };
    match (physical, logical, converted) {
        (Some(0), None, None) => Ok(Sort::Bool),
        (Some(1), Some((10, integer)), _) if integer.bool(2) == Some(false) => Ok(Sort::UInt32),
        (Some(1), Some((10, _)), _) | (Some(1), None, None | Some(15..=17)) => Ok(Sort::Int32),
        (Some(1), None, Some(11..=13)) => Ok(Sort::UInt32),
        (Some(2), Some((10, integer)), _) if integer.bool(2) == Some(false) => Ok(Sort::UInt64),
        (Some(2), Some((10, _)), _) | (Some(2), None, None | Some(18)) => Ok(Sort::Int64),
        (Some(2), None, Some(14)) => Ok(Sort::UInt64),
        (Some(2), Some((8, timestamp)), _) => match timestamp.field(2).and_then(|unit| unit.field(3)) {
            Some(_) => Ok(Sort::Timestamp),
            None => Err("a timestamp that is not in nanoseconds"),
        },
        (Some(4), None, None) => Ok(Sort::Float),
        (Some(5), None, None) => Ok(Sort::Double),
        (Some(6), Some((1 | 4, _)), _) | (Some(6), None, None | Some(0 | 4)) => Ok(Sort::Text),
        (Some(6), Some((12, _)), _) | (Some(6), None, Some(19)) => Ok(Sort::Json),
        _ => Err("neither integers, floats, booleans, text nor JSON"),
    }
}

/// A row group; its chunks lie before the footer.
fn group(group: &Item, columns: usize, end: usize) -> Option<Group> {
    let chunks: Option<Vec<Chunk>> = group.list(1)?.iter().map(|chunk| self::chunk(chunk, end)).collect();
    let chunks = chunks.filter(|chunks| chunks.len() == columns)?;
    Some(Group { rows: group.size(3)?, chunks })
}

fn chunk(chunk: &Item, end: usize) -> Option<Chunk> {
    // Columns in other files are not followed.
    let meta = chunk.field(3).filter(|_| chunk.field(1).is_none())?;
    let data = meta.size(9)?;
    // Some writers say 0 where there is no dictionary.
    let start = meta.size(11).filter(|&dictionary| dictionary > 0 && dictionary < data).unwrap_or(data);
    let chunk = Chunk { start, end: start.checked_add(meta.size(7)?)?, codec: meta.int(4)? };
    (chunk.end <= end).then_some(chunk)
}
