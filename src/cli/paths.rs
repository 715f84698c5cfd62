//! Which files the paths on the command line mean.
//!
//! A file named is taken whatever it is called. In folders, recordings are known by their names; hidden files and folders are passed
//! over. Symbolic links to folders are followed after the folders themselves, and no folder is entered twice, which bounds loops.

use std::collections::{HashSet, VecDeque};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A file to read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Input {
    /// As given; for a folder: the folder as given, joined with the file's place in it.
    pub path: PathBuf,
    /// Was it found in a folder? Then content that no format claims is only worth a note.
    pub found: bool,
}

/// A path on the command line, and what it led to.
pub struct Named {
    pub path: PathBuf,
    pub inputs: io::Result<Vec<Input>>,
}

/// Looks the paths up, in the order given.
pub fn expand(paths: &[PathBuf]) -> Vec<Named> {
    paths
        .iter()
        .map(|path| {
            let is_folder = !is_standard_input(path) && path.is_dir();
            let inputs = if is_folder { walk(path) } else { Ok(vec![Input { path: path.clone(), found: false }]) };
            Named { path: path.clone(), inputs }
        })
        .collect()
}

/// Is it `-`?
pub fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn walk(folder: &Path) -> io::Result<Vec<Input>> {
    let mut files = Vec::new();
    let mut entered = HashSet::new();
    let mut ahead = VecDeque::from([folder.to_owned()]);
    while let Some(folder) = ahead.pop_front() {
        if !entered.insert(folder.canonicalize()?) {
            continue;
        }
        let mut entries = fs::read_dir(&folder)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let path = folder.join(entry.file_name());
            // Follows links; one that leads nowhere is nothing.
            let Ok(target) = fs::metadata(&path) else { continue };
            if target.is_dir() && entry.file_type()?.is_symlink() {
                ahead.push_back(path);
            } else if target.is_dir() {
                ahead.push_front(path);
            } else if target.is_file() && named_like_a_history(&entry.file_name()) {
                files.push(Input { path, found: true });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn named_like_a_history(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_lowercase();
    let plain = name.strip_suffix(".gz").or(name.strip_suffix(".zst")).unwrap_or(&name);
    !plain.ends_with(".expected.json")
        && [".jsonl", ".edn", ".json", ".plume", ".parquet", ".txt", ".log"].iter().any(|extension| plain.ends_with(extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_are_known_by_their_names() {
        for name in ["a.jsonl", "history.edn.gz", "x.json.zst", "1.plume", "h.parquet", "a.TXT", "store.log", "expected.json"] {
            assert!(named_like_a_history(OsStr::new(name)), "{name}");
        }
        for name in ["a.expected.json", "a.expected.json.gz", "README.md", "a.csv", "jsonl", "a.gz", "a.jsonl.bak"] {
            assert!(!named_like_a_history(OsStr::new(name)), "{name}");
        }
    }
}
