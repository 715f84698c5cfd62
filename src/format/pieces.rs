//! Content cut at line ends and read by all threads; what comes of it is taken in the order of the content.
//!
//! A few pieces a thread are in flight: while they are read, those before are taken, so that what the pieces become is never all in
//! memory at once. Where the cuts are depends on the content alone.

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
    let read = |piece: &Piece<'a>| read(*piece).map(|read| (read, *piece));
    if let [piece] = pieces[..] {
        let (read, piece) = read(&piece)?;
        return take(read, piece);
    }
    let mut waiting: Vec<Result<(T, Piece<'a>), E>> = Vec::new();
    let mut waves = pieces.chunks(3 * rayon::current_num_threads());
    loop {
        let wave = waves.next().unwrap_or_default();
        let (taken, next) = rayon::join(
            || waiting.drain(..).try_for_each(|read| read.and_then(|(read, piece)| take(read, piece))),
            || wave.par_iter().with_max_len(1).map(read).collect(),
        );
        taken?;
        waiting = next;
        if waiting.is_empty() {
            return Ok(());
        }
    }
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
