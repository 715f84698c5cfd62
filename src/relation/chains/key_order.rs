//! The writes of each key in an order of all nodes.

use std::sync::atomic::Ordering;

use rayon::prelude::*;

use crate::relation::csr;
use crate::relation::zeroed::zeroed;

use super::Nodes;

/// The place of each node in an order of all nodes.
pub(crate) fn places(order: &[u32]) -> Vec<u32> {
    let place = csr::zeros(order.len());
    let each = order.par_iter().enumerate().with_min_len(1 << 14);
    each.for_each(|(i, &e)| place[e as usize].store(i as u32, Ordering::Relaxed));
    csr::plain(place)
}

/// The writes of each key that were placed so far, as nodes, in the order of their places.
pub(crate) struct KeyOrder<'a> {
    starts: &'a [u32],
    counts: Vec<u32>,
    writes: Vec<u32>,
}

impl<'a> KeyOrder<'a> {
    pub(crate) fn new(nodes: &'a impl Nodes) -> Self {
        let starts = nodes.key_starts();
        let writes = starts[starts.len() - 1] as usize;
        KeyOrder { starts, counts: zeroed(starts.len() - 1), writes: vec![0; writes] }
    }

    /// Every write.
    pub(crate) fn of_all(nodes: &'a impl Nodes, order: &[u32]) -> Self {
        let mut all = KeyOrder::new(nodes);
        order.iter().for_each(|&e| nodes.writes(e).for_each(|key| all.place(key as usize, e)));
        all
    }

    /// How many keys.
    pub(crate) fn keys(&self) -> usize {
        self.counts.len()
    }

    /// The next write of a key.
    #[inline]
    pub(crate) fn place(&mut self, key: usize, write: u32) {
        self.writes[(self.starts[key] + self.counts[key]) as usize] = write;
        self.counts[key] += 1;
    }

    #[inline]
    pub(crate) fn of(&self, key: usize) -> &[u32] {
        let start = self.starts[key] as usize;
        &self.writes[start..start + self.counts[key] as usize]
    }

    pub(crate) fn of_mut(&mut self, key: usize) -> &mut [u32] {
        let start = self.starts[key] as usize;
        &mut self.writes[start..start + self.counts[key] as usize]
    }
}
