//! How Parquet packs integers: runs and bit-packed groups (levels, dictionary codes, booleans), and differences (delta).
//!
//! Written here because the `parquet` crate hides dictionary codes behind values. All take a count that the caller has bounded, and give
//! `None` where the bytes do not hold as many. Cost: O(count). Source: the Apache Parquet format, `Encodings.md`.

use super::thrift::{varint, zigzag};

/// Appends `count` integers of `width` bits (at most 32) from runs and bit-packed groups.
pub(super) fn runs(mut bytes: &[u8], width: usize, count: usize, out: &mut Vec<u32>) -> Option<()> {
    if width > 32 {
        return None;
    }
    let end = out.len() + count;
    out.reserve(count);
    while out.len() < end {
        let left = end - out.len();
        let (head, length) = varint(bytes)?;
        bytes = &bytes[length..];
        let many = usize::try_from(head >> 1).ok()?;
        if head & 1 == 1 {
            // So many groups of eight; the last may go beyond the count.
            let length = many.checked_mul(width)?;
            let packed = bytes.get(..length.min(bytes.len()))?;
            let taken = left.min(many.checked_mul(8)?);
            unpack(packed, width, taken, |value| out.push(value as u32))?;
            bytes = &bytes[packed.len()..];
        } else {
            let length = width.div_ceil(8);
            let value = bytes.get(..length)?.iter().rev().fold(0u32, |value, &byte| value << 8 | u32::from(byte));
            bytes = &bytes[length..];
            out.resize(out.len() + left.min(many), value);
        }
    }
    Some(())
}

/// Calls with each of `count` integers of `width` bits (at most 64), least bit first.
#[inline]
fn unpack(bytes: &[u8], width: usize, count: usize, mut each: impl FnMut(u64)) -> Option<()> {
    if bytes.len() < count.checked_mul(width)?.div_ceil(8) {
        return None;
    }
    let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
    // Eight bytes hold a value that begins anywhere in the first of them, where it has at most 57 bits.
    let quick = if width <= 57 && bytes.len() >= 8 && width > 0 { ((bytes.len() - 8) * 8 / width).min(count) } else { 0 };
    for i in 0..quick {
        let bit = i * width;
        let word = u64::from_le_bytes(bytes[bit / 8..bit / 8 + 8].try_into().expect("eight bytes"));
        each(word >> (bit % 8) & mask);
    }
    for i in quick..count {
        let bit = i * width;
        let end = (bit + width).div_ceil(8);
        let word = bytes[bit / 8..end].iter().rev().fold(0u128, |word, &byte| word << 8 | u128::from(byte));
        each((word >> (bit % 8)) as u64 & mask);
    }
    Some(())
}

/// Appends `count` integers from differences; how many bytes they took.
pub(super) fn delta(bytes: &[u8], count: usize, out: &mut Vec<i64>) -> Option<usize> {
    let mut at = 0;
    let mut next = || {
        let (value, length) = varint(&bytes[at..])?;
        at += length;
        Some(value)
    };
    let (block, miniblocks, total) = (next()?, next()?, next()?);
    let mut value = zigzag(next()?);
    let per = block.checked_div(miniblocks)?;
    if total != count as u64 || per == 0 || per % 8 != 0 || per * miniblocks != block || block > 1 << 20 {
        return None;
    }
    let (miniblocks, per) = (miniblocks as usize, per as usize);
    let mut left = count;
    if left > 0 {
        out.reserve(count);
        out.push(value);
        left -= 1;
    }
    while left > 0 {
        let (least, length) = varint(&bytes[at..])?;
        at += length;
        let least = zigzag(least);
        let widths = bytes.get(at..at + miniblocks)?;
        at += miniblocks;
        for &width in widths {
            if left == 0 {
                break;
            }
            let width = usize::from(width);
            let length = per.checked_mul(width).filter(|_| width <= 64)? / 8;
            // A last miniblock may be cut where its values end.
            let packed = &bytes[at..(at + length).min(bytes.len())];
            let taken = left.min(per);
            unpack(packed, width, taken, |difference| {
                value = value.wrapping_add(least).wrapping_add(difference as i64);
                out.push(value);
            })?;
            at += packed.len();
            left -= taken;
        }
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unrun(bytes: &[u8], width: usize, count: usize) -> Option<Vec<u32>> {
        let mut out = Vec::new();
        runs(bytes, width, count, &mut out).map(|()| out)
    }

    #[test]
    fn runs_and_groups_alternate() {
        // A run of five 3s; the group of Encodings.md: 0 to 7 in three bits each.
        let bytes = [10, 3, 3, 0b1000_1000, 0b1100_0110, 0b1111_1010];
        assert_eq!(unrun(&bytes, 3, 13), Some(vec![3, 3, 3, 3, 3, 0, 1, 2, 3, 4, 5, 6, 7]));
        assert_eq!(unrun(&bytes, 3, 7), Some(vec![3, 3, 3, 3, 3, 0, 1]));
        assert_eq!(unrun(&bytes, 3, 14), None);
        assert_eq!(unrun(&bytes[..5], 3, 13), None);
        assert_eq!(unrun(&[], 3, 0), Some(vec![]));
        assert_eq!(unrun(&[6], 0, 3), Some(vec![0, 0, 0]));
        assert_eq!(unrun(&[6, 1, 2, 3, 4, 5], 33, 3), None);
    }

    #[test]
    fn every_width_unpacks() {
        for width in 0..=64usize {
            let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
            let values: Vec<u64> = (0..40u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) & mask).collect();
            let mut bytes = vec![0u8; (40 * width).div_ceil(8)];
            for (i, value) in values.iter().enumerate() {
                (0..width)
                    .filter(|bit| value >> bit & 1 == 1)
                    .for_each(|bit| bytes[(i * width + bit) / 8] |= 1 << ((i * width + bit) % 8));
            }
            let mut out = Vec::new();
            assert_eq!(unpack(&bytes, width, 40, |value| out.push(value)), Some(()));
            assert_eq!(out, values, "{width}");
            assert!(width == 0 || unpack(&bytes[1..], width, 40, |_| ()).is_none(), "{width}");
        }
    }

    #[test]
    fn differences_add_up() {
        // Encodings.md: 1, 2, 3, 4, 5 in a block of 128 with four miniblocks.
        let mut out = Vec::new();
        assert_eq!(delta(&[128, 1, 4, 5, 2, 2, 0, 0, 0, 0], 5, &mut out), Some(10));
        assert_eq!(out, [1, 2, 3, 4, 5]);
        assert_eq!(delta(&[128, 1, 4, 5, 2, 2, 0, 0, 0], 5, &mut out), None);
        assert_eq!(delta(&[128, 1, 4, 5, 2, 2, 0, 0, 0, 0], 6, &mut out), None);
        assert_eq!(delta(&[128, 1, 0, 5, 2, 2, 0, 0, 0, 0], 5, &mut out), None);
        assert_eq!(delta(&[128, 1, 4, 5, 2, 2, 65, 0, 0, 0], 5, &mut out), None);
    }
}
