//! Two passes over the same things at once: one makes them, part by part, and the other uses them up in the same order.
//!
//! Two threads take whichever of the two is to be done and nobody is at. So they need not wait for each other as long as a few parts are
//! between them, and one thread alone does both. Neither of the two may share out work of its own: whoever waits for that could be given
//! the other's, and wait for himself.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// So many parts are between the two at most.
const BETWEEN: usize = 4;

struct Queue<T> {
    ready: VecDeque<T>,
    /// Used up, for their memory.
    spare: Vec<T>,
    all_made: bool,
}

/// `make` makes the next part of what an earlier one has left, or says that there is none; `use_up` gets each in turn.
pub(crate) fn pipeline<T: Default + Send>(make: impl FnMut(&mut T) -> bool + Send, use_up: impl FnMut(&T) + Send) {
    let queue = Mutex::new(Queue { ready: VecDeque::new(), spare: Vec::new(), all_made: false });
    let (make, use_up) = (Mutex::new(make), Mutex::new(use_up));
    let next = || lock(&queue).ready.pop_front();
    let using = || {
        let Ok(mut use_up) = use_up.try_lock() else { return };
        while let Some(part) = next() {
            use_up(&part);
            lock(&queue).spare.push(part);
        }
    };
    // Is there nothing that this thread could make?
    let making = || {
        let Ok(mut make) = make.try_lock() else { return true };
        let mut part = match lock(&queue) {
            queue if queue.all_made || queue.ready.len() == BETWEEN => return true,
            mut queue => queue.spare.pop().unwrap_or_default(),
        };
        let made = make(&mut part);
        let mut queue = lock(&queue);
        match made {
            true => queue.ready.push_back(part),
            false => queue.all_made = true,
        }
        false
    };
    let work = || {
        loop {
            using();
            let idle = making();
            let ended = |queue: MutexGuard<'_, Queue<T>>| queue.all_made && queue.ready.is_empty();
            if ended(lock(&queue)) || make.is_poisoned() || use_up.is_poisoned() {
                return;
            }
            if idle {
                std::thread::yield_now();
            }
        }
    };
    rayon::join(work, work);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::pipeline;

    #[test]
    fn parts_are_used_up_in_the_order_in_which_they_are_made() {
        for threads in 1..4 {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let (mut made, mut used): (u32, Vec<u32>) = (0, Vec::new());
            let make = |part: &mut Vec<u32>| {
                part.clear();
                part.extend(made..made + 3);
                made += 3;
                made < 3_000
            };
            pool.install(|| pipeline(make, |part: &Vec<u32>| used.extend(part)));
            assert_eq!(used, (0..2_997).collect::<Vec<_>>());
        }
    }

    #[test]
    #[should_panic(expected = "the fifth")]
    fn a_panic_lets_nobody_wait() {
        let mut made = 0;
        let make = |part: &mut u32| {
            made += 1;
            *part = made;
            true
        };
        pipeline(make, |&part: &u32| assert_ne!(part, 5, "the fifth"));
    }
}
