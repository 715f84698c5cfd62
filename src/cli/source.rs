//! Opens what is to be read, and takes its digest.
//!
//! Regular files are mapped, so that a plain history of gigabytes is never copied; pipes, FIFOs and standard input are read to their end.

use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::Deref;
use std::path::Path;

use memmap2::Mmap;
use sha2::{Digest, Sha256};

use super::paths::is_standard_input;

/// The bytes of an input, as stored.
pub enum Source {
    Mapped(Mmap),
    Read(Vec<u8>),
}

impl Deref for Source {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Source::Mapped(map) => map,
            Source::Read(bytes) => bytes,
        }
    }
}

/// Opens a path; `-` is standard input.
pub fn open(path: &Path) -> io::Result<Source> {
    if is_standard_input(path) {
        return all_of(io::stdin().lock());
    }
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(io::Error::other("is a folder"));
    }
    if is_device(&metadata) {
        return Err(io::Error::other("is a device, not a file"));
    }
    let file = File::open(path)?;
    // An empty file cannot be mapped, and the files of /proc say that they are empty.
    if !metadata.is_file() || metadata.len() == 0 {
        return all_of(file);
    }
    // SAFETY: the map is only read. A recording that another program cuts short meanwhile is not supported, here or in ripgrep.
    match unsafe { Mmap::map(&file) } {
        Ok(map) => {
            #[cfg(unix)]
            let _ = map.advise(memmap2::Advice::Sequential);
            Ok(Source::Mapped(map))
        }
        Err(_) => all_of(file),
    }
}

fn all_of(mut reader: impl Read) -> io::Result<Source> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes)?;
    Ok(Source::Read(bytes))
}

/// A device such as /dev/zero never ends.
#[cfg(unix)]
fn is_device(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    metadata.file_type().is_char_device() || metadata.file_type().is_block_device()
}

#[cfg(not(unix))]
fn is_device(_metadata: &fs::Metadata) -> bool {
    false
}

/// The SHA-256 of bytes, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_what_sha256sum_says() {
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
