//! Two things at once that both ask facts which are found when first asked for.
//!
//! Not `rayon::join`: a thread of its pool that finds a fact, and waits for others to do their share of it, may be given the other thing
//! to do meanwhile, which may ask for that very fact, and wait for ever. A thread outside of the pool is given nothing.

use std::thread;

/// Does both, the other in a thread of its own where there are to be more than one.
pub(crate) fn side_by_side<A, B: Send>(one: impl FnOnce() -> A, other: impl FnOnce() -> B + Send) -> (A, B) {
    // Who waits in the pool for a thread that waits for the pool may wait for ever, too.
    if rayon::current_thread_index().is_some() || rayon::current_num_threads() == 1 {
        return (one(), other());
    }
    thread::scope(|scope| {
        let other = scope.spawn(other);
        let one = one();
        (one, other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}
