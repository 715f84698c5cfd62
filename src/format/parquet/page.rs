//! The pages of a column chunk: each read by its header, unpacked, and split into levels and values.
//!
//! What all pages of a file unpack to is bounded as a packed file is ([`packed`](crate::format::packed)). Source: the Apache Parquet
//! format, `parquet.thrift` and `Compression.md`.

use std::borrow::Cow;
use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};

use super::footer::Chunk;
use super::thrift::{Item, parse};

/// A page.
pub(super) struct Page<'a> {
    pub kind: Kind,
    /// How many values it has, nulls too.
    pub values: usize,
    pub encoding: i64,
    /// Do the levels stand apart from the values?
    apart: bool,
    levels: &'a [u8],
    content: Cow<'a, [u8]>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Dictionary,
    Data,
}

/// The pages of a chunk.
pub(super) struct Pages<'a> {
    bytes: &'a [u8],
    codec: i64,
    /// What the pages of the file may still unpack to.
    budget: &'a AtomicU64,
}

impl<'a> Pages<'a> {
    pub fn new(bytes: &'a [u8], chunk: &Chunk, budget: &'a AtomicU64) -> Self {
        Pages { bytes: &bytes[chunk.start..chunk.end], codec: chunk.codec, budget }
    }

    /// The next page, if there is one.
    pub fn next(&mut self) -> Result<Option<Page<'a>>, String> {
        loop {
            if self.bytes.is_empty() {
                return Ok(None);
            }
            let (header, length) = parse(self.bytes).ok_or("a damaged page header")?;
            let packed = header.size(3).and_then(|size| self.bytes.get(length..length.checked_add(size)?));
            let packed = packed.ok_or("a page that is cut off")?;
            self.bytes = &self.bytes[length + packed.len()..];
            let size = header.size(2).ok_or("a damaged page header")?;
            // An index page says nothing new.
            if header.int(1) != Some(1) {
                return self.page(&header, packed, size).map(Some);
            }
        }
    }

    fn page(&self, header: &Item, packed: &'a [u8], size: usize) -> Result<Page<'a>, String> {
        let damaged = "a damaged page header";
        let (kind, inner, encoding) = match header.int(1) {
            Some(0) => (Kind::Data, header.field(5), 2),
            Some(2) => (Kind::Dictionary, header.field(7), 2),
            Some(3) => (Kind::Data, header.field(8), 4),
            _ => return Err("a page of an unknown kind".into()),
        };
        let inner = inner.ok_or(damaged)?;
        let values = inner.size(1).ok_or(damaged)?;
        let encoding = inner.int(encoding).ok_or(damaged)?;
        let (levels, content): (&[u8], _) = if header.int(1) == Some(3) {
            // The levels of version 2 are never packed.
            let levels =
                inner.size(5).filter(|&levels| inner.int(6) == Some(0) && levels <= packed.len().min(size)).ok_or(damaged)?;
            let (before, packed) = packed.split_at(levels);
            let codec = if inner.bool(7) == Some(false) { UNPACKED } else { self.codec };
            (before, self.unpack(codec, packed, size - levels)?)
        } else {
            (&[], self.unpack(self.codec, packed, size)?)
        };
        Ok(Page { kind, values, encoding, apart: header.int(1) == Some(3), levels, content })
    }

    fn unpack(&self, codec: i64, packed: &'a [u8], size: usize) -> Result<Cow<'a, [u8]>, String> {
        let spent = |left: u64| left.checked_sub(size as u64);
        if self.budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spent).is_err() {
            return Err("pages that unpack to more than is reasonable for a file of this size: refused".into());
        }
        if size == 0 {
            return Ok(Cow::Borrowed(&[]));
        }
        let unpacked = match codec {
            UNPACKED => Some(Cow::Borrowed(packed)),
            1 => snappy(packed, size).map(Cow::Owned),
            2 => gzip(packed, size).map(Cow::Owned),
            6 => zstd::bulk::decompress(packed, size).ok().map(Cow::Owned),
            _ => {
                let name = ["LZO", "Brotli", "LZ4", "", "LZ4"].get((codec - 3) as usize).unwrap_or(&"an unknown codec");
                return Err(format!("packed with {name}; zstd, Snappy, gzip and unpacked are read"));
            }
        };
        unpacked.filter(|unpacked| unpacked.len() == size).ok_or_else(|| "a page that does not unpack".into())
    }
}

impl Page<'_> {
    /// The levels, which say what is null, and the values.
    pub fn split(&self, optional: bool) -> Option<(&[u8], &[u8])> {
        match optional && !self.apart {
            true => with_length(&self.content),
            false => Some((self.levels, &self.content)),
        }
    }
}

/// What a length of four bytes stands before, and what follows.
pub(super) fn with_length(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

const UNPACKED: i64 = 0;

fn snappy(packed: &[u8], size: usize) -> Option<Vec<u8>> {
    if snap::raw::decompress_len(packed).ok()? != size {
        return None;
    }
    snap::raw::Decoder::new().decompress_vec(packed).ok()
}

fn gzip(packed: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut unpacked = Vec::new();
    flate2::bufread::MultiGzDecoder::new(packed).take(size as u64 + 1).read_to_end(&mut unpacked).ok()?;
    Some(unpacked)
}
