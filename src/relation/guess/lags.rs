//! The guess where neither times nor the file tell an order: sessions run side by side, and reads tell how far each has come.
//!
//! Every session's events are spread evenly over the whole, and then moved, some at a time: on the whole a read comes as long after the
//! write that it returned as other reads do after theirs. Where a stretch of a session has its own reads early and those of its writes
//! late, it stands too early. A few rounds over a sample of the reads settle that. It is kept only where it makes fewer reads precede
//! what they returned.

use crate::relation::events::{Events, NONE};

/// So many events of one session move together.
const STRETCH: u32 = 64;
/// About so many reads a stretch are looked at.
const SAMPLE: u32 = 16;
const ROUNDS: usize = 6;

/// All events in the guessed order, each session's in sequence.
pub(super) fn guess(events: &Events) -> Vec<u32> {
    let stretches = Stretches::new(events);
    let mut at = stretches.spread(events);
    stretches.balance(events, &mut at);
    stretches.order(events, &at)
}

/// The sessions cut into stretches.
struct Stretches {
    /// By stretch: its first event, and behind the last one how many events there are.
    starts: Vec<u32>,
    /// By event, its stretch.
    of: Vec<u32>,
}

impl Stretches {
    fn new(events: &Events) -> Self {
        let mut stretches = Stretches { starts: Vec::new(), of: Vec::with_capacity(events.len()) };
        for session in events.starts.windows(2) {
            let mut start = session[0];
            while start < session[1] {
                let end = session[1].min(start + STRETCH);
                stretches.of.resize(end as usize, stretches.starts.len() as u32);
                stretches.starts.push(start);
                start = end;
            }
        }
        stretches.starts.push(events.len() as u32);
        stretches
    }

    fn spread(&self, events: &Events) -> Vec<f32> {
        let n = events.len() as f32;
        let mut at = Vec::with_capacity(self.starts.len());
        for session in events.starts.windows(2) {
            let length = (session[1] - session[0]) as f32;
            let mut start = session[0];
            while start < session[1] {
                at.push((start - session[0]) as f32 / length * n);
                start = session[1].min(start + STRETCH);
            }
        }
        at
    }

    /// Moves stretches until reads come after their writes about equally late.
    fn balance(&self, events: &Events, at: &mut Vec<f32>) {
        // (stretch of the write, stretch of the read) of a sample of the reads.
        let step = (STRETCH / SAMPLE) as usize;
        let lags: Vec<(u32, u32)> = (0..events.len())
            .step_by(step)
            .filter(|&r| events.source[r] < NONE)
            .map(|r| (self.of[events.source[r] as usize], self.of[r]))
            .filter(|(w, r)| w != r)
            .collect();
        let backward = |at: &[f32]| lags.iter().filter(|&&(w, r)| at[w as usize] > at[r as usize]).count();
        let mut best = backward(at);
        let mut pull: Vec<(f32, f32)> = Vec::new();
        for _ in 0..ROUNDS {
            let mean = lags.iter().map(|&(w, r)| f64::from(at[r as usize] - at[w as usize])).sum::<f64>() / lags.len().max(1) as f64;
            let mean = mean as f32;
            pull.clear();
            pull.resize(at.len(), (0.0, 0.0));
            for &(w, r) in &lags {
                let late = at[r as usize] - at[w as usize] - mean;
                let (write, read) = (&mut pull[w as usize], ());
                *write = (write.0 + late, write.1 + 1.0);
                let () = read;
                let read = &mut pull[r as usize];
                *read = (read.0 - late, read.1 + 1.0);
            }
            let moved: Vec<f32> = at.iter().zip(&pull).map(|(&at, &(sum, count))| if count > 0.0 { at + sum / count } else { at }).collect();
            let now = backward(&moved);
            if std::env::var("DBG").is_ok() { eprintln!("balance: mean {mean} backward {best} -> {now} of {}", lags.len()); }
            if now >= best {
                return;
            }
            best = now;
            *at = moved;
        }
    }

    /// The events in order; those of a stretch evenly between its place and the next one's.
    fn order(&self, events: &Events, at: &[f32]) -> Vec<u32> {
        let n = events.len();
        // Buckets of a few events each: inside one the order of sessions is as good as any.
        let bucket = |t: f32| (t.max(0.0) as u32).min(n as u32 - 1) / 8;
        let mut bucket_of: Vec<u32> = Vec::with_capacity(n);
        for session in events.starts.windows(2) {
            let mut latest = 0;
            let mut start = session[0];
            while start < session[1] {
                let s = self.of[start as usize] as usize;
                let end = session[1].min(start + STRETCH);
                let next = if end < session[1] { at[s + 1] } else { n as f32 };
                let step = (next - at[s]).max(0.0) / (end - start) as f32;
                for e in start..end {
                    latest = bucket(at[s] + step * (e - start) as f32).max(latest);
                    bucket_of.push(latest);
                }
                start = end;
            }
        }
        super::super::csr::group(n / 8 + 1, bucket_of.iter().copied()).1
    }
}
