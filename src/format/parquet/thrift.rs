//! Thrift's compact protocol, in which Parquet's footer and page headers are written, read into a tree of what is there.
//!
//! Every item of a list takes at least a byte, so counts are checked against what is left before anything is allocated: the tree is as
//! large as the bytes times a constant. Structures nest at most [`DEPTH`] deep; Parquet's own nest eight. Source: the Apache Thrift
//! compact protocol specification.

/// How deep structures and lists may nest.
const DEPTH: usize = 16;

/// An item. Integers of all widths are one kind.
#[derive(Debug, PartialEq)]
pub(super) enum Item<'a> {
    Bool(bool),
    Int(i64),
    /// Nothing that is read here is a floating-point number.
    Double,
    Bytes(&'a [u8]),
    List(Vec<Item<'a>>),
    /// Fields by their number, in the order written.
    Struct(Vec<(i16, Item<'a>)>),
}

/// The structure that bytes begin with, and how long it is; `None` where there is none.
pub(super) fn parse(bytes: &[u8]) -> Option<(Item<'_>, usize)> {
    let mut cursor = Cursor { bytes, at: 0 };
    let item = cursor.structure(DEPTH)?;
    Some((item, cursor.at))
}

impl<'a> Item<'a> {
    /// A field of a structure.
    pub fn field(&self, number: i16) -> Option<&Item<'a>> {
        match self {
            Item::Struct(fields) => fields.iter().find(|(other, _)| *other == number).map(|(_, item)| item),
            _ => None,
        }
    }

    /// An integer field.
    pub fn int(&self, number: i16) -> Option<i64> {
        match self.field(number)? {
            Item::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// An integer field that is an offset, a length or a count.
    pub fn size(&self, number: i16) -> Option<usize> {
        self.int(number)?.try_into().ok()
    }

    pub fn bool(&self, number: i16) -> Option<bool> {
        match self.field(number)? {
            Item::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// A text field.
    pub fn text(&self, number: i16) -> Option<&'a str> {
        match self.field(number)? {
            Item::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// The items of a list field.
    pub fn list(&self, number: i16) -> Option<&[Item<'a>]> {
        match self.field(number)? {
            Item::List(items) => Some(items),
            _ => None,
        }
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let (value, length) = varint(&self.bytes[self.at..])?;
        self.at += length;
        Some(value)
    }

    fn structure(&mut self, depth: usize) -> Option<Item<'a>> {
        let depth = depth.checked_sub(1)?;
        let mut fields = Vec::new();
        let mut number = 0i16;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Some(Item::Struct(fields));
            }
            number = match head >> 4 {
                0 => i16::try_from(zigzag(self.varint()?)).ok()?,
                delta => number.checked_add(delta.into())?,
            };
            // The value of a boolean field is in its head.
            let item = match head & 15 {
                1 => Item::Bool(true),
                2 => Item::Bool(false),
                kind => self.item(kind, depth)?,
            };
            fields.push((number, item));
        }
    }

    fn item(&mut self, kind: u8, depth: usize) -> Option<Item<'a>> {
        Some(match kind {
            1 | 2 => Item::Bool(self.byte()? == 1),
            3 => Item::Int((self.byte()? as i8).into()),
            4..=6 => Item::Int(zigzag(self.varint()?)),
            7 => {
                self.take(8)?;
                Item::Double
            }
            8 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Item::Bytes(self.take(length)?)
            }
            9 | 10 => self.list(depth)?,
            12 => self.structure(depth)?,
            // Parquet has no maps.
            _ => return None,
        })
    }

    fn list(&mut self, depth: usize) -> Option<Item<'a>> {
        let depth = depth.checked_sub(1)?;
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => usize::try_from(self.varint()?).ok()?,
            count => count.into(),
        };
        if count > self.bytes.len() - self.at {
            return None;
        }
        let items: Option<Vec<Item>> = (0..count).map(|_| self.item(head & 15, depth)).collect();
        Some(Item::List(items?))
    }
}

/// An unsigned integer of variable length, and how long it is.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for (i, &byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some((value, i + 1));
        }
    }
    None
}

/// A signed integer from an unsigned one whose last bit is the sign.
pub(super) fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_structure_is_what_is_written() {
        // {1: 21, 2: true, 3: "ab", 4: [-1, 1], 20: {}}
        let bytes = [0x15, 42, 0x11, 0x18, 2, b'a', b'b', 0x19, 0x25, 1, 2, 0x0c, 40, 0, 0, 99];
        let (item, length) = parse(&bytes).unwrap();
        assert_eq!(length, bytes.len() - 1);
        assert_eq!((item.int(1), item.bool(2), item.text(3)), (Some(21), Some(true), Some("ab")));
        assert_eq!(item.list(4), Some(&[Item::Int(-1), Item::Int(1)][..]));
        assert_eq!(item.field(20), Some(&Item::Struct(vec![])));
        for cut in 0..length {
            assert_eq!(parse(&bytes[..cut]), None, "{cut}");
        }
    }

    #[test]
    fn what_does_not_fit_the_bytes_is_refused() {
        // A list of 2^31 booleans; a text of 2^63 bytes; structures without end; a varint without end.
        assert_eq!(parse(&[0x19, 0xf1, 0x80, 0x80, 0x80, 0x80, 8, 0]), None);
        assert_eq!(parse(&[0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0]), None);
        assert_eq!(parse(&[0x1c; 1 << 20]), None);
        assert_eq!(parse(&[[0x16].as_slice(), &[0xff; 20]].concat()), None);
    }
}
