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

/// Looks the paths up, in the order given. A folder inside a folder that cannot be entered follows it with its error.
pub fn expand(paths: &[PathBuf]) -> Vec<Named> {
    let mut found = Vec::new();
    for path in paths {
        if is_standard_input(path) || !path.is_dir() {
            found.push(Named { path: path.clone(), inputs: Ok(vec![Input { path: path.clone(), found: false }]) });
        } else {
            walk(path, &mut found);
        }
    }
    found
}

/// Is it `-`?
pub fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn walk(root: &Path, found: &mut Vec<Named>) {
    let mut files = Vec::new();
    let mut closed = Vec::new();
    let mut entered = HashSet::new();
    let mut ahead = VecDeque::from([root.to_owned()]);
    while let Some(folder) = ahead.pop_front() {
        if let Err(error) = enter(&folder, &mut entered, &mut ahead, &mut files) {
            closed.push(Named { path: folder, inputs: Err(error) });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    closed.sort_by(|a, b| a.path.cmp(&b.path));
    // The root's own error says all.
    if closed.first().is_none_or(|first| first.path != root) {
        found.push(Named { path: root.to_owned(), inputs: Ok(files) });
    }
    found.append(&mut closed);
}

fn enter(folder: &Path, entered: &mut HashSet<PathBuf>, ahead: &mut VecDeque<PathBuf>, files: &mut Vec<Input>) -> io::Result<()> {
    if !entered.insert(folder.canonicalize()?) {
        return Ok(());
    }
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
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
    Ok(())
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

    /// Root enters every folder; then only the one that is not there is closed.
    #[cfg(unix)]
    #[test]
    fn a_folder_that_cannot_be_entered_hides_no_other() {
        use std::os::unix::fs::PermissionsExt;
        let root = std::env::temp_dir().join(format!("testimony-paths-{}", std::process::id()));
        let (sub, gone) = (root.join("sub"), root.join("gone"));
        fs::create_dir_all(&sub).unwrap();
        fs::write(root.join("a.jsonl"), "").unwrap();
        fs::set_permissions(&sub, fs::Permissions::from_mode(0o000)).unwrap();
        let closed = fs::read_dir(&sub).is_err();
        let mut found = Vec::new();
        walk(&root, &mut found);
        walk(&gone, &mut found);
        fs::set_permissions(&sub, fs::Permissions::from_mode(0o700)).unwrap();
        fs::remove_dir_all(&root).unwrap();
        let files = |named: &Named| (named.path.clone(), named.inputs.as_ref().ok().map(Vec::len));
        let mut expected = vec![(root, Some(1)), (sub, None), (gone, None)];
        expected.retain(|(path, _)| closed || !path.ends_with("sub"));
        assert_eq!(found.iter().map(files).collect::<Vec<_>>(), expected);
    }

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
