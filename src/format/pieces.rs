//! Content cut at line ends and read by all threads; what comes of it is taken in the order of the content.
//!
//! Whoever has read a piece takes all that come next, unless another thread is at it. No thread waits for another but where it is a few
//! pieces ahead of what was taken, so that what the pieces become is never all in memory at once. Where the cuts are depends on the
//! content alone.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

/// How long a piece is, without the rest of its last line.
const LENGTH: usize = 512 << 10;

/// A piece of the content: whole lines.
#[derive(Clone, Copy)]
pub(super) struct Piece<'a> {
    pub bytes: &'a [u8],
    /// Its offset in the content.
    pub at: usize,
}

/// Reads pieces and takes what they become. Of several errors the first in the content is told.
pub(super) fn read<'a, T: Send, E: Send>(
    content: &'a [u8],
    read: impl Fn(Piece<'a>) -> Result<T, E> + Sync,
    mut take: impl FnMut(T, Piece<'a>) -> Result<(), E> + Send,
) -> Result<(), E> {
    let pieces = pieces(content, LENGTH);
    let threads = rayon::current_num_threads().min(pieces.len());
    if threads == 1 {
        return pieces.into_iter().try_for_each(|piece| take(read(piece)?, piece));
    }
    let line = Line {
        results: pieces.iter().map(|_| Mutex::new(None)).collect(),
        next: AtomicUsize::new(0),
        taking: Mutex::new(Taking { take, outcome: Ok(()) }),
        pieces,
    };
    let claimed = AtomicUsize::new(0);
    (0..threads).into_par_iter().with_max_len(1).for_each(|_| {
        let _panics = StopOnPanic(&line.next);
        loop {
            let i = claimed.fetch_add(1, Ordering::Relaxed);
            let Some(&piece) = line.pieces.get(i) else { return };
            while i >= line.next.load(Ordering::Acquire).saturating_add(AHEAD * threads) {
                std::thread::yield_now();
            }
            if line.next.load(Ordering::Acquire) == STOPPED {
                return;
            }
            *lock(&line.results[i]) = Some(read(piece));
            line.take();
        }
    });
    line.taking.into_inner().unwrap_or_else(PoisonError::into_inner).outcome
}

/// So many pieces a thread may be read before one that is not taken yet.
const AHEAD: usize = 4;

/// In [`Line::next`]: nothing is taken any more.
const STOPPED: usize = usize::MAX;

/// Pieces, and what they became on its way to be taken.
struct Line<'a, T, E, F> {
    pieces: Vec<Piece<'a>>,
    results: Vec<Mutex<Option<Result<T, E>>>>,
    /// The piece that is to be taken next, or [`STOPPED`].
    next: AtomicUsize,
    taking: Mutex<Taking<E, F>>,
}

struct Taking<E, F> {
    take: F,
    outcome: Result<(), E>,
}

impl<'a, T, E, F: FnMut(T, Piece<'a>) -> Result<(), E>> Line<'a, T, E, F> {
    /// Takes all that come next, unless another thread is at it: that one looks once more when it has let go.
    fn take(&self) {
        while self.next_result().is_some_and(|result| lock(result).is_some()) {
            let Ok(mut taking) = self.taking.try_lock() else { return };
            while let Some(result) = self.next_result().and_then(|result| lock(result).take()) {
                let next = self.next.load(Ordering::Acquire);
                let taken = result.and_then(|read| (taking.take)(read, self.pieces[next]));
                self.next.store(if taken.is_ok() { next + 1 } else { STOPPED }, Ordering::Release);
                taking.outcome = taken;
            }
        }
    }

    fn next_result(&self) -> Option<&Mutex<Option<Result<T, E>>>> {
        self.results.get(self.next.load(Ordering::Acquire))
    }
}

/// Lets nobody wait for a thread that panicked.
struct StopOnPanic<'n>(&'n AtomicUsize);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(STOPPED, Ordering::Release);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Cuts after the first line end that is this far on; one piece at least.
fn pieces(content: &[u8], length: usize) -> Vec<Piece<'_>> {
    let mut pieces = Vec::with_capacity(content.len() / length + 1);
    let mut at = 0;
    loop {
        let newline = content.get(at + length..).and_then(|rest| memchr::memchr(b'\n', rest));
        let end = newline.map_or(content.len(), |newline| at + length + newline + 1);
        pieces.push(Piece { bytes: &content[at..end], at });
        if end == content.len() {
            return pieces;
        }
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_whole_lines_and_all_of_the_content() {
        for content in ["", "a", "\n", "one\ntwo\nthree", "one\ntwo\n\n\n", "a line longer than a piece\nx\ny\n"] {
            for length in 1..12 {
                let pieces = pieces(content.as_bytes(), length);
                let mut at = 0;
                for (i, piece) in pieces.iter().enumerate() {
                    assert_eq!(piece.at, at);
                    assert!(i + 1 == pieces.len() || piece.bytes.len() > length && piece.bytes.ends_with(b"\n"));
                    at += piece.bytes.len();
                }
                assert_eq!(at, content.len());
            }
        }
    }

    #[test]
    fn what_was_read_is_taken_in_order_up_to_the_first_fault() {
        let content = "0123456\n".repeat(1 << 20);
        let mut taken = 0;
        let all: Result<(), usize> = read(
            content.as_bytes(),
            |piece| Ok(piece.bytes.len()),
            |length, piece| {
                assert_eq!(piece.at, taken);
                taken += length;
                Ok(())
            },
        );
        assert_eq!((all, taken), (Ok(()), content.len()));
        let mut taken = 0;
        let some = read(
            content.as_bytes(),
            |piece| if piece.at > 3 << 20 { Err(piece.at) } else { Ok(()) },
            |(), piece| {
                taken += piece.bytes.len();
                Ok(())
            },
        );
        assert_eq!(some, Err(taken));
    }
}
