//! Zeros in memory that is there already, for what is counted at random.
//!
//! The pages of a `vec![0; n]` are made as they are touched: for whoever reads one first, as a view of one page of zeros, and once more when
//! it is written. The second time every other thread must hear of it, which takes longer than all the rest: to count 500,000 random
//! bytes of a megabyte took 9 ms, and 4 ms where the pages were there. What is written before it is read needs none of this.

use std::hint::black_box;

/// So many zeros. One write more for each.
pub(crate) fn zeroed<T: Copy + Default>(count: usize) -> Vec<T> {
    let mut zeros = Vec::with_capacity(count);
    // (Else the compiler would make a `vec![0; n]` of it.)
    black_box(&mut zeros).resize(count, T::default());
    zeros
}
