//! The cells of a column chunk: a table of entries, and for each row the number of its entry.
//!
//! Where the chunk is dictionary-coded the entries are the dictionary, so that whoever wants something of each cell works it out once an
//! entry. Values that stand in the pages themselves become an entry each. Cost: O(rows + bytes).

use std::sync::atomic::AtomicU64;

use super::encoding::{delta, runs};
use super::footer::{Chunk, Sort};
use super::page::{Kind, Page, Pages, with_length};

/// The cells of a column in one row group.
pub(super) struct Cells {
    sort: Sort,
    entries: Entries,
    /// How many there are.
    rows: usize,
    /// By row; `None` where each has an entry of its own, in order.
    codes: Option<Vec<u32>>,
}

/// The code of a cell in which there is nothing.
const NONE: u32 = u32::MAX;

enum Entries {
    /// Booleans as 0 and 1, floats as the bits of 64-bit floats.
    Numbers(Vec<i64>),
    /// One after another, and where each ends.
    Texts(Vec<u8>, Vec<usize>),
}

/// A cell.
#[derive(Clone, Copy)]
pub(super) enum Cell<'a> {
    Nothing,
    Bool(bool),
    Integer(i128),
    Timestamp(i64),
    Float(f64),
    Text(&'a str),
    Json(&'a str),
}

impl Cells {
    /// Decodes a chunk.
    pub fn read(
        bytes: &[u8],
        chunk: &Chunk,
        sort: Sort,
        optional: bool,
        rows: usize,
        budget: &AtomicU64,
    ) -> Result<Cells, String> {
        let entries = match sort {
            Sort::Text | Sort::Json => Entries::Texts(Vec::new(), Vec::new()),
            _ => Entries::Numbers(Vec::new()),
        };
        let mut cells = Cells { sort, entries, rows: 0, codes: None };
        let mut pages = Pages::new(bytes, chunk, budget);
        let mut dictionary = 0;
        while let Some(page) = pages.next()? {
            match page.kind {
                Kind::Dictionary if cells.codes.is_some() || cells.rows > 0 => {
                    return Err("a dictionary that is not the first page".into());
                }
                Kind::Dictionary => {
                    let (_, values) = page.split(false).ok_or("a damaged page")?;
                    cells.entries.plain(sort, values, page.values).ok_or("a damaged dictionary")?;
                    dictionary = cells.entries.len();
                    cells.codes = Some(Vec::with_capacity(rows));
                }
                Kind::Data if page.values > rows - cells.rows => return Err(format!("more cells than the {rows} rows")),
                Kind::Data => cells.page(&page, optional, dictionary)?,
            }
        }
        if cells.rows < rows {
            return Err(format!("{} cells for {rows} rows", cells.rows));
        }
        Ok(cells)
    }

    fn page(&mut self, page: &Page, optional: bool, dictionary: usize) -> Result<(), String> {
        let damaged = || "a damaged page".to_owned();
        let (levels, values) = page.split(optional).ok_or_else(damaged)?;
        let mut present = Vec::new();
        if optional {
            runs(levels, 1, page.values, &mut present).ok_or_else(damaged)?;
        }
        let filled = if optional { present.iter().filter(|&&level| level == 1).count() } else { page.values };
        if filled < page.values && self.codes.is_none() {
            self.codes = Some((0..self.rows as u32).collect());
        }
        self.values(page.encoding, values, filled, dictionary)?;
        if filled < page.values
            && let Some(codes) = &mut self.codes
        {
            // Spread from the end, so that nothing is overwritten that is still to be moved.
            codes.resize(self.rows + page.values, NONE);
            let mut next = self.rows + filled;
            for (i, &level) in present.iter().enumerate().rev() {
                codes[self.rows + i] = if level == 1 {
                    next -= 1;
                    codes[next]
                } else {
                    NONE
                };
            }
        }
        self.rows += page.values;
        Ok(())
    }

    /// Appends the codes of so many values, none of them null.
    fn values(&mut self, encoding: i64, values: &[u8], count: usize, dictionary: usize) -> Result<(), String> {
        const PLAIN_DICTIONARY: i64 = 2;
        const RLE_DICTIONARY: i64 = 8;
        if count == 0 {
            return Ok(());
        }
        if matches!(encoding, PLAIN_DICTIONARY | RLE_DICTIONARY) {
            let codes = self.codes.as_mut().ok_or("codes and no dictionary")?;
            let from = codes.len();
            let coded = values.split_first().and_then(|(&width, values)| runs(values, width.into(), count, codes));
            coded.ok_or("a damaged page")?;
            let greatest = codes[from..].iter().max().copied().unwrap_or(0);
            return if (greatest as usize) < dictionary { Ok(()) } else { Err("a code that is not in the dictionary".into()) };
        }
        let from = self.entries.len() as u32;
        self.entries.encoded(self.sort, encoding, values, count)?;
        if let Some(codes) = &mut self.codes {
            codes.extend(from..from + count as u32);
        }
        Ok(())
    }

    /// What `of` makes of each cell, appended; it is asked once an entry.
    pub fn each<T: Copy>(&self, out: &mut Vec<T>, mut of: impl FnMut(Cell) -> Result<T, String>) -> Result<(), String> {
        out.reserve(self.rows);
        let Some(codes) = &self.codes else {
            for entry in 0..self.entries.len() {
                out.push(self.entry(entry).and_then(&mut of).map_err(|message| at_row(out.len(), message))?);
            }
            return Ok(());
        };
        let nothing = self.entries.len();
        let mut known: Vec<Option<T>> = vec![None; nothing + 1];
        for &code in codes {
            let entry = (code as usize).min(nothing);
            out.push(match known[entry] {
                Some(known) => known,
                None => {
                    let cell = if entry == nothing { Ok(Cell::Nothing) } else { self.entry(entry) };
                    let made = cell.and_then(&mut of).map_err(|message| at_row(out.len(), message))?;
                    known[entry] = Some(made);
                    made
                }
            });
        }
        Ok(())
    }

    #[inline]
    fn entry(&self, index: usize) -> Result<Cell<'_>, String> {
        Ok(match &self.entries {
            Entries::Texts(bytes, ends) => {
                let start = if index == 0 { 0 } else { ends[index - 1] };
                let text = std::str::from_utf8(&bytes[start..ends[index]]).map_err(|_| "invalid UTF-8")?;
                if self.sort == Sort::Json { Cell::Json(text) } else { Cell::Text(text) }
            }
            Entries::Numbers(numbers) => {
                let number = numbers[index];
                match self.sort {
                    Sort::Bool => Cell::Bool(number == 1),
                    Sort::UInt64 => Cell::Integer((number as u64).into()),
                    Sort::Timestamp => Cell::Timestamp(number),
                    Sort::Float | Sort::Double => Cell::Float(f64::from_bits(number as u64)),
                    _ => Cell::Integer(number.into()),
                }
            }
        })
    }
}

/// A message about a row, counted from 1.
pub(super) fn at_row(row: usize, message: impl std::fmt::Display) -> String {
    format!("row {}: {message}", row + 1)
}

impl Entries {
    fn len(&self) -> usize {
        match self {
            Entries::Numbers(numbers) => numbers.len(),
            Entries::Texts(_, ends) => ends.len(),
        }
    }

    fn encoded(&mut self, sort: Sort, encoding: i64, values: &[u8], count: usize) -> Result<(), String> {
        let done = match (encoding, &mut *self) {
            (0, _) => self.plain(sort, values, count),
            (3, Entries::Numbers(numbers)) if sort == Sort::Bool => with_length(values).and_then(|(values, _)| {
                let mut bits = Vec::new();
                runs(values, 1, count, &mut bits)?;
                numbers.extend(bits.into_iter().map(i64::from));
                Some(())
            }),
            (5, Entries::Numbers(numbers)) if !matches!(sort, Sort::Bool | Sort::Float | Sort::Double) => {
                let from = numbers.len();
                let done = delta(values, count, numbers).map(|_| ());
                // Differences of 32-bit integers wrap at 32 bits.
                match sort {
                    Sort::Int32 => numbers[from..].iter_mut().for_each(|number| *number = (*number as i32).into()),
                    Sort::UInt32 => numbers[from..].iter_mut().for_each(|number| *number = (*number as u32).into()),
                    _ => {}
                }
                done
            }
            (6, Entries::Texts(bytes, ends)) => delta_lengths(values, count, bytes, ends),
            _ => {
                let name =
                    ["", "", "", "RLE", "BIT_PACKED", "DELTA_BINARY_PACKED", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"];
                let name = name.get(encoding as usize).unwrap_or(&"unknown");
                return Err(format!("the encoding {name}, which is not read here"));
            }
        };
        done.ok_or_else(|| "a damaged page".into())
    }

    /// Values as they are.
    fn plain(&mut self, sort: Sort, values: &[u8], count: usize) -> Option<()> {
        match self {
            Entries::Numbers(numbers) => {
                let width = match sort {
                    Sort::Bool => {
                        let bits = values.get(..count.div_ceil(8))?;
                        numbers.extend((0..count).map(|i| i64::from(bits[i / 8] >> (i % 8) & 1)));
                        return Some(());
                    }
                    Sort::Int32 | Sort::UInt32 | Sort::Float => 4,
                    _ => 8,
                };
                let values = values.get(..count.checked_mul(width)?)?;
                let of_four = |bytes: &[u8]| -> [u8; 4] { bytes.try_into().expect("four bytes") };
                match sort {
                    Sort::Int32 => numbers.extend(values.chunks_exact(4).map(|v| i64::from(i32::from_le_bytes(of_four(v))))),
                    Sort::UInt32 => numbers.extend(values.chunks_exact(4).map(|v| i64::from(u32::from_le_bytes(of_four(v))))),
                    Sort::Float => {
                        let double = |v| f64::from(f32::from_le_bytes(of_four(v))).to_bits() as i64;
                        numbers.extend(values.chunks_exact(4).map(double));
                    }
                    _ => numbers.extend(values.chunks_exact(8).map(|v| i64::from_le_bytes(v.try_into().expect("eight bytes")))),
                }
            }
            Entries::Texts(bytes, ends) => {
                let mut rest = values;
                for _ in 0..count {
                    let (text, after) = with_length(rest)?;
                    bytes.extend_from_slice(text);
                    ends.push(bytes.len());
                    rest = after;
                }
            }
        }
        Some(())
    }
}

/// The lengths of all texts as differences, then the texts.
fn delta_lengths(values: &[u8], count: usize, bytes: &mut Vec<u8>, ends: &mut Vec<usize>) -> Option<()> {
    let mut lengths = Vec::new();
    let at = delta(values, count, &mut lengths)?;
    let texts = &values[at..];
    let start = bytes.len();
    let mut end = 0usize;
    for length in lengths {
        end = end.checked_add(usize::try_from(length).ok()?).filter(|&end| end <= texts.len())?;
        ends.push(start + end);
    }
    bytes.extend_from_slice(&texts[..end]);
    Some(())
}
