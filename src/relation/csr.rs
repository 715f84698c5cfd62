//! Compressed sparse rows: items grouped by a small number with a counting sort. O(n), two passes, no hashing; the items in a few shares
//! side by side.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

use rayon::prelude::*;

use super::zeroed::zeroed;

/// Groups items by their rows. Row r is `items[starts[r]..starts[r + 1]]`, ascending. Rows ≥ `rows` are left out.
pub(crate) fn group(rows: usize, items: usize, row_of: impl Fn(usize) -> u32 + Sync) -> (Vec<u32>, Vec<u32>) {
    let sort = CountingSort::new(rows, items, |item, counts| {
        if let Some(count) = counts.get_mut(row_of(item) as usize) {
            *count += 1;
        }
    });
    let sorted = zeros(sort.len());
    let starts = sort.fill(|item, next| {
        if let Some(slot) = next.get_mut(row_of(item) as usize) {
            sorted[*slot as usize].store(item as u32, Ordering::Relaxed);
            *slot += 1;
        }
    });
    (starts, plain(sorted))
}

/// The same, and where among the grouped items each is. Every row is < `rows`.
pub(crate) fn group_and_places(
    rows: usize,
    items: usize,
    row_of: impl Fn(usize) -> u32 + Sync,
) -> (Vec<u32>, Vec<u32>, Vec<u32>) {
    let sort = CountingSort::new(rows, items, |item, counts| counts[row_of(item) as usize] += 1);
    let (sorted, places) = (zeros(items), zeros(items));
    let starts = sort.fill(|item, next| {
        let slot = &mut next[row_of(item) as usize];
        sorted[*slot as usize].store(item as u32, Ordering::Relaxed);
        places[item].store(*slot, Ordering::Relaxed);
        *slot += 1;
    });
    (starts, plain(sorted), plain(places))
}

/// The items in the order of their rows, those of one row ascending. Where rows are about as many as items, in two rounds of few: first by
/// the lower half of the row's digits, then by the upper.
pub(crate) fn sorted(rows: usize, items: usize, row_of: impl Fn(usize) -> u32 + Sync) -> Vec<u32> {
    if rows <= items / 4 {
        return group(rows, items, row_of).1;
    }
    let half = (usize::BITS - rows.leading_zeros()).div_ceil(2);
    let by_lower = group(1 << half, items, |item| row_of(item) & ((1 << half) - 1)).1;
    let mut sorted = group((rows >> half) + 1, items, |i| row_of(by_lower[i] as usize) >> half).1;
    sorted.par_iter_mut().with_min_len(1 << 14).for_each(|i| *i = by_lower[*i as usize]);
    sorted
}

/// The rows as slices of their own.
pub(crate) fn split<'a, T>(mut items: &'a mut [T], starts: &[u32]) -> Vec<&'a mut [T]> {
    let lengths = starts.windows(2).map(|row| (row[1] - row[0]) as usize);
    lengths.map(|length| items.split_off_mut(..length).expect("rows are of the items")).collect()
}

/// Numbers that several threads fill in, each its own.
pub(crate) fn zeros(count: usize) -> Vec<AtomicU32> {
    numbers(count, 0)
}

/// The same, from another one than 0.
pub(crate) fn numbers(count: usize, first: u32) -> Vec<AtomicU32> {
    vec![first; count].into_iter().map(AtomicU32::new).collect()
}

/// The same when all are done.
pub(crate) fn plain(filled: Vec<AtomicU32>) -> Vec<u32> {
    filled.into_iter().map(AtomicU32::into_inner).collect()
}

/// A counting sort between its two passes: how many there are in each row is known.
pub(crate) struct CountingSort {
    starts: Vec<u32>,
    /// Of each share of neighbouring items, where the next one of each row goes.
    shares: Vec<(Range<usize>, Vec<u32>)>,
}

impl CountingSort {
    /// `count` counts an item once for each row that it goes to.
    pub(crate) fn new(rows: usize, items: usize, count: impl Fn(usize, &mut [u32]) + Sync) -> Self {
        /// A share has so many items at least, and a few for each row.
        const LEAST: usize = 1 << 15;
        let most = items / LEAST.max(4 * rows);
        let share = items.div_ceil(rayon::current_num_threads().min(most).max(1)).max(1);
        let mut shares: Vec<(Range<usize>, Vec<u32>)> =
            (0..items.div_ceil(share)).map(|s| (s * share..((s + 1) * share).min(items), zeroed(rows))).collect();
        shares.par_iter_mut().for_each(|(range, counts)| range.clone().for_each(|item| count(item, counts)));
        let mut starts = Vec::with_capacity(rows + 1);
        let mut next = 0;
        for row in 0..rows {
            starts.push(next);
            for (_, counts) in &mut shares {
                next += std::mem::replace(&mut counts[row], next);
            }
        }
        starts.push(next);
        CountingSort { starts, shares }
    }

    /// How many items there are in all rows.
    pub(crate) fn len(&self) -> usize {
        self.starts[self.starts.len() - 1] as usize
    }

    /// `put` puts an item where the next one of its rows goes, and moves that on. Returns where each row starts.
    pub(crate) fn fill(mut self, put: impl Fn(usize, &mut [u32]) + Sync) -> Vec<u32> {
        self.shares.par_iter_mut().for_each(|(range, next)| range.clone().for_each(|item| put(item, next)));
        self.starts
    }
}

#[cfg(test)]
mod tests {
    use super::{group, group_and_places, sorted};

    #[test]
    fn groups_keep_their_order() {
        let rows = [2, 0, 2, 9, 0];
        let (starts, items) = group(3, rows.len(), |item| rows[item]);
        assert_eq!((starts, items), (vec![0, 2, 2, 4], vec![1, 4, 0, 2]));
        let grouped = group_and_places(10, rows.len(), |item| rows[item]);
        assert_eq!(grouped, (vec![0, 2, 2, 4, 4, 4, 4, 4, 4, 4, 5], vec![1, 4, 0, 2, 3], vec![2, 0, 3, 4, 1]));
    }

    #[test]
    fn sorting_is_grouping() {
        for (rows, items) in [(1, 5), (3, 100), (100, 100), (1000, 37), (1 << 20, 70_000)] {
            let row_of = |item: usize| ((item as u64 * 0x9E37_79B1) % rows as u64) as u32;
            assert_eq!(sorted(rows, items, row_of), group(rows, items, row_of).1, "{rows}");
        }
    }

    #[test]
    fn shares_leave_no_trace() {
        let (count, rows) = (200_000, 7);
        let row_of = |item: usize| (item as u32).wrapping_mul(0x9E37_79B1) % 9;
        let (starts, items) = group(rows, count, row_of);
        for row in 0..rows {
            let expected: Vec<u32> = (0..count as u32).filter(|&item| row_of(item as usize) == row as u32).collect();
            assert_eq!(items[starts[row] as usize..starts[row + 1] as usize], expected);
        }
    }
}
