//! gzip (one member or many) and zstd (one frame or many), recognised by their magic bytes and unpacked into memory.
//!
//! A small file can unpack to terabytes, so growth is bounded: to 1 GiB, or to 500 times the packed size where that is more, and never
//! beyond 64 GiB. Recordings shrink ten- to fiftyfold.

use std::{
    borrow::Cow,
    io::{self, Read},
};

use super::ReadError;

const GENEROUS: u64 = 1 << 30;
const RATIO: u64 = 500;
const MOST: u64 = 64 << 30;

/// The content of bytes as stored.
pub(super) fn unpack(bytes: &[u8]) -> Result<Cow<'_, [u8]>, ReadError> {
    unpack_to(bytes, limit(bytes.len()))
}

/// What so many bytes may unpack to.
pub(super) fn limit(stored: usize) -> u64 {
    (stored as u64).saturating_mul(RATIO).clamp(GENEROUS, MOST)
}

fn unpack_to(bytes: &[u8], limit: u64) -> Result<Cow<'_, [u8]>, ReadError> {
    if bytes.starts_with(b"\x1f\x8b") {
        drain("gzip", flate2::bufread::MultiGzDecoder::new(bytes), bytes.len(), limit).map(Cow::Owned)
    } else if bytes.starts_with(b"\x28\xb5\x2f\xfd") {
        let decoder = zstd::stream::read::Decoder::with_buffer(bytes).map_err(|error| broken("zstd", &error))?;
        drain("zstd", decoder, bytes.len(), limit).map(Cow::Owned)
    } else {
        Ok(Cow::Borrowed(bytes))
    }
}

fn drain(name: &str, decoder: impl Read, packed: usize, limit: u64) -> Result<Vec<u8>, ReadError> {
    let mut content = Vec::with_capacity(packed.saturating_mul(4).min(GENEROUS as usize));
    decoder.take(limit + 1).read_to_end(&mut content).map_err(|error| broken(name, &error))?;
    if content.len() as u64 > limit {
        return Err(ReadError::whole(format!(
            "{name}: {packed} bytes unpack to more than {limit}: refused; unpack the file first"
        )));
    }
    Ok(content)
}

fn broken(name: &str, error: &io::Error) -> ReadError {
    ReadError::whole(match error.kind() {
        io::ErrorKind::UnexpectedEof => format!("{name}: the packed file is cut off"),
        _ => format!("{name}: the packed file is damaged: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn packed_bytes_are_unpacked_and_others_left_alone() {
        let members = [gzip(b"one "), gzip(b"two")].concat();
        assert_eq!(&*unpack(&members).unwrap(), b"one two");
        let frames = [zstd::encode_all(&b"one "[..], 1).unwrap(), zstd::encode_all(&b"two"[..], 1).unwrap()].concat();
        assert_eq!(&*unpack(&frames).unwrap(), b"one two");
        assert!(matches!(unpack(b"plain"), Ok(Cow::Borrowed(b"plain"))));
    }

    #[test]
    fn cut_and_damaged_files_are_refused() {
        let plain: Vec<u8> = (0..10_000u32).flat_map(|i| (i.wrapping_mul(2_654_435_761)).to_le_bytes()).collect();
        let gz = gzip(&plain);
        let zst = zstd::encode_all(&plain[..], 1).unwrap();
        for (name, packed) in [("gzip", &gz), ("zstd", &zst)] {
            for cut in [5, packed.len() / 2, packed.len() - 1] {
                let error = unpack(&packed[..cut]).unwrap_err();
                assert_eq!(error.message, format!("{name}: the packed file is cut off"), "{cut}");
            }
        }
        let mut damaged = gz.clone();
        let end = damaged.len() - 6;
        damaged[end] ^= 1;
        assert!(unpack(&damaged).unwrap_err().message.starts_with("gzip: the packed file is damaged: "));
        let mut damaged = zst;
        damaged[4] ^= 0xff;
        assert!(unpack(&damaged).unwrap_err().message.starts_with("zstd: the packed file is "));
    }

    #[test]
    fn growth_is_bounded() {
        let bomb = gzip(&vec![b' '; 1 << 20]);
        assert_eq!(unpack_to(&bomb, 1 << 20).unwrap().len(), 1 << 20);
        let message = unpack_to(&bomb, (1 << 20) - 1).unwrap_err().message;
        assert_eq!(
            message,
            format!("gzip: {} bytes unpack to more than {}: refused; unpack the file first", bomb.len(), (1 << 20) - 1)
        );
    }
}
