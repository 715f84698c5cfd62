//! The sources of those who ask, each with a bit of a pass for as long as it has readers to come; then another may have the bit.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::relation::events::NONE;

use super::{Asked, WIDTH};

/// A source whose readers ask, or the initial value of a key.
pub(super) struct Lane {
    pub(super) key: u32,
    pub(super) source: u32,
    /// Where it begins, and where its last reader stands.
    pub(super) first: u32,
    pub(super) last: u32,
    /// Its readers in the list of those who ask.
    pub(super) asked: std::ops::Range<usize>,
    /// Which of all bits it has.
    seat: usize,
}

impl Lane {
    /// Its bit in its pass.
    pub(super) fn bit(&self) -> u64 {
        1 << (self.seat % WIDTH)
    }
}

/// The sources of those who ask, numbered by source, in passes to be made side by side by so many threads along an order of so many
/// nodes; in each the sources by where they begin.
pub(super) fn passes(asked: &[Asked], by_source: &[usize], place: &[u32], nodes: usize, threads: usize) -> Vec<Vec<Lane>> {
    let mut lanes: Vec<Lane> = Vec::new();
    for (i, &read) in by_source.iter().enumerate() {
        let Asked { node, key, source } = asked[read];
        let at = place[node as usize];
        match lanes.last_mut() {
            Some(lane) if (lane.source, lane.key) == (source, key) => {
                lane.last = lane.last.max(at);
                lane.asked.end = i + 1;
            }
            _ => {
                let first = if source == NONE { 0 } else { place[source as usize] };
                lanes.push(Lane { key, source, first, last: at, asked: i..i + 1, seat: 0 });
            }
        }
    }
    lanes.sort_unstable_by_key(|lane| (lane.first, lane.source, lane.key));
    let seats = seat(&mut lanes);
    let mut layers: Vec<Vec<Lane>> = (0..seats.div_ceil(WIDTH)).map(|_| Vec::new()).collect();
    lanes.into_iter().for_each(|lane| layers[lane.seat / WIDTH].push(lane));
    let parts = threads.div_ceil(layers.len().max(1));
    let part = |lane: &Lane| lane.first as usize * parts / nodes;
    let mut passes: Vec<Vec<Lane>> = Vec::new();
    for layer in layers {
        // A layer is parted where nobody has readers to come, and so that every thread has something to do.
        let (mut end, mut of) = (None, 0);
        for lane in layer {
            match passes.last_mut() {
                Some(pass) if end.is_some_and(|end| lane.first <= end) && of == part(&lane) => {
                    end = end.max(Some(lane.last));
                    pass.push(lane);
                }
                _ => {
                    (end, of) = (Some(lane.last), part(&lane));
                    passes.push(vec![lane]);
                }
            }
        }
    }
    passes
}

/// Gives each the first seat that is free where it begins; how many seats that takes.
fn seat(lanes: &mut [Lane]) -> usize {
    let (mut taken, mut free, mut seats) = (BinaryHeap::new(), BinaryHeap::new(), 0);
    for lane in lanes {
        while let Some(&Reverse((last, seat))) = taken.peek()
            && last < lane.first
        {
            taken.pop();
            free.push(Reverse(seat));
        }
        lane.seat = match free.pop() {
            Some(Reverse(seat)) => seat,
            None => {
                seats += 1;
                seats - 1
            }
        };
        taken.push(Reverse((lane.last, lane.seat)));
    }
    seats
}
