//! Compressed sparse rows: items grouped by a small number with a counting sort. O(n), two passes, no hashing.

/// Groups 0, 1, 2, … by the row of each. Row r is `items[starts[r]..starts[r + 1]]`, ascending. Rows ≥ `rows` are left out.
pub(crate) fn group(rows: usize, row_of: impl Iterator<Item = u32> + Clone) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0u32; rows + 1];
    for row in row_of.clone() {
        if (row as usize) < rows {
            starts[row as usize + 1] += 1;
        }
    }
    for row in 0..rows {
        starts[row + 1] += starts[row];
    }
    let mut items = vec![0u32; starts[rows] as usize];
    let mut next = starts.clone();
    for (item, row) in row_of.enumerate() {
        if (row as usize) < rows {
            items[next[row as usize] as usize] = item as u32;
            next[row as usize] += 1;
        }
    }
    (starts, items)
}

#[cfg(test)]
mod tests {
    #[test]
    fn groups_keep_their_order() {
        let (starts, items) = super::group(3, [2, 0, 2, 9, 0].into_iter());
        assert_eq!((starts, items), (vec![0, 2, 2, 4], vec![1, 4, 0, 2]));
    }
}
