//! *Differential*: this reader and `clojure-reader` read the same values, from random texts (fixed seeds) and from every EDN file of
//! other projects that is at hand.
//!
//! Left out of the random texts is what `clojure-reader` does not read, or reads unlike Clojure: metadata, namespaced maps, octal,
//! ratios not in lowest terms, and what needs more than its 64 bits.

use std::{fs, path::Path};

use clojure_reader::edn::{Edn, read as read_theirs};

use super::Reader;
use crate::format::{
    form::Tape,
    intern::{edn_string, edn_text},
};

/// Every form of a text in canonical text, by this reader.
fn ours(text: &str) -> Result<Vec<String>, String> {
    let mut reader = Reader::new(text);
    let mut tape = Tape::default();
    let mut forms = Vec::new();
    let shown = |fault: crate::format::Fault| format!("at {}: {}", fault.at, fault.message);
    while let Some(index) = reader.form(&mut tape).map_err(shown)? {
        forms.push(edn_text(&tape, index).map_err(shown)?);
    }
    match reader.token().map_err(shown)? {
        None => Ok(forms),
        Some((token, at)) => Err(format!("at {at}: {token:?}")),
    }
}

/// The same by `clojure-reader`.
fn theirs(text: &str) -> Result<Vec<String>, String> {
    let mut rest = text;
    let mut forms = Vec::new();
    loop {
        match read_theirs(rest) {
            Ok((form, after)) => {
                forms.push(canonical(&form));
                rest = after;
            }
            Err(error) if error.code == clojure_reader::error::Code::UnexpectedEOF && is_blank(rest) => return Ok(forms),
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// Whitespace and comments only.
fn is_blank(text: &str) -> bool {
    text.lines().all(|line| line.trim_matches([' ', ',', '\t', '\r']).is_empty() || line.trim_start().starts_with(';'))
}

fn canonical(form: &Edn<'_>) -> String {
    let sequence = |forms: &[Edn<'_>]| forms.iter().map(canonical).collect::<Vec<_>>().join(" ");
    let sorted = |mut parts: Vec<String>| {
        parts.sort_unstable();
        parts.join(" ")
    };
    match form {
        Edn::Vector(forms) | Edn::List(forms) => format!("[{}]", sequence(forms)),
        Edn::Set(forms) => format!("#{{{}}}", sorted(forms.iter().map(canonical).collect())),
        Edn::Map(entries) => {
            let mut parts: Vec<(String, String)> =
                entries.iter().map(|(key, value)| (canonical(key), canonical(value))).collect();
            parts.sort_unstable();
            let parts: Vec<String> = parts.into_iter().map(|(key, value)| format!("{key} {value}")).collect();
            format!("{{{}}}", parts.join(" "))
        }
        Edn::Key(name) => format!(":{name}"),
        Edn::Symbol(name) => name.to_string(),
        Edn::Str(text) => edn_string(text),
        Edn::Int(value) => value.to_string(),
        Edn::Tagged(tag, form) => format!("#{tag} {}", canonical(form)),
        Edn::Double(value) => format!("{:?}", value.into_inner()),
        Edn::Rational((top, bottom)) => format!("{top}/{bottom}"),
        Edn::Char('\n') => "\\newline".into(),
        Edn::Char('\r') => "\\return".into(),
        Edn::Char('\t') => "\\tab".into(),
        Edn::Char(' ') => "\\space".into(),
        Edn::Char(c) => format!("\\{c}"),
        Edn::Bool(value) => value.to_string(),
        Edn::Nil => "nil".into(),
        other => panic!("not made here: {other:?}"),
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % n as u64) as usize
    }
}

const SCALARS: [&str; 36] = [
    "nil",
    "true",
    "false",
    "0",
    "7",
    "-42",
    "+5",
    "9223372036854775807",
    "-9223372036854775808",
    "0x1F",
    "2r1011",
    "36rZZ",
    "1.5",
    "-2.25e10",
    "1e-7",
    "3.0",
    "1/3",
    "-7/2",
    "\"\"",
    "\"plain\"",
    "\"a \\\"b\\\\ \\n\\t\\r ; [ é😀\"",
    "\\a",
    "\\newline",
    "\\space",
    "\\(",
    "\\é",
    ":a",
    ":ns/b",
    ":a.b-c?",
    ":1",
    "x",
    "ns/y",
    "+",
    "->",
    "*z*!",
    "nilly",
];
const SPACES: [&str; 8] = [" ", ",", "\n", "\r\n", " ; comment ] \"\n", "\t", " #_ skipped ", " #_ #_ [1 {}] \"x\" "];
const TAGS: [&str; 3] = ["#inst ", "#jepsen.history.Op", "#a/b\n"];

/// One form; keys and members are numbered, so that none is there twice.
fn form(random: &mut Random, depth: usize, out: &mut String) {
    let kind = random.below(if depth == 0 { 6 } else { 12 });
    if kind < 6 {
        out.push_str(SCALARS[random.below(SCALARS.len())]);
        return;
    }
    let (open, close) = [("(", ")"), ("[", "]"), ("{", "}"), ("#{", "}"), ("", ""), ("[", "]")][kind - 6];
    if open.is_empty() {
        out.push_str(TAGS[random.below(TAGS.len())]);
        // A tag needs a space before a word.
        out.push(' ');
        return form(random, depth - 1, out);
    }
    out.push_str(open);
    for i in 0..random.below(5) {
        let space = |random: &mut Random, out: &mut String| out.push_str(SPACES[random.below(SPACES.len())]);
        space(random, out);
        match open {
            "#{" => out.push_str(&format!("[{i} ")),
            "{" => out.push_str(&format!(":k{i} ")),
            _ => {}
        }
        form(random, depth - 1, out);
        if open == "#{" {
            out.push(']');
        }
        space(random, out);
    }
    out.push_str(close);
}

#[test]
fn random_texts_are_read_alike() {
    let mut composite = 0;
    for seed in 0..20_000 {
        let mut random = Random(seed);
        let mut text = String::new();
        for _ in 0..1 + random.below(3) {
            text.push_str(SPACES[random.below(SPACES.len())]);
            form(&mut random, 5, &mut text);
            text.push('\n');
        }
        let ours = ours(&text).unwrap_or_else(|error| panic!("seed {seed}: {error}\n{text}"));
        composite += usize::from(ours.iter().any(|form| form.len() > 20));
        assert_eq!(Ok(ours), theirs(&text), "seed {seed}\n{text}");
    }
    assert!(composite > 5_000, "only {composite} texts say anything");
}

#[test]
fn broken_texts_are_refused_alike() {
    for text in [
        "[1 2",
        "[1 2)",
        "{:a}",
        "\"abc",
        "#{1",
        "}",
        "(]",
        "\"\\q\"",
        ":",
        "1x",
        "0xg",
        "99r1",
        "\\newlines",
        "#_",
        "#",
        "{1 2 3}",
        "[#t]",
        "1.2.3",
        "{:a 1 :a 2}",
        "#{1 1}",
    ] {
        assert!(ours(text).is_err(), "{text}");
        assert!(theirs(text).is_err(), "{text}");
    }
}

#[test]
fn other_projects_files_are_read_alike() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(1).map(|folder| folder.join("shared/data/peers"));
    let Some(peers) = beside.into_iter().find(|folder| folder.is_dir()) else {
        println!("skipped: no shared/data/peers beside this checkout");
        return;
    };
    let mut folders = vec![peers];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(".edn") || path.to_string_lossy().ends_with(".edn.gz") {
                let bytes = fs::read(&path).unwrap();
                let unpacked = crate::format::packed::unpack(&bytes).unwrap();
                let text = std::str::from_utf8(&unpacked).unwrap();
                let (ours, theirs) = (ours(text), theirs(text));
                assert!(ours.as_ref().is_ok_and(|forms| !forms.is_empty()), "{}: {ours:?}", path.display());
                assert!(ours == theirs, "{} is read otherwise by clojure-reader", path.display());
                files += 1;
            }
        }
    }
    assert!(files > 40, "only {files} files");
}
