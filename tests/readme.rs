//! What the README and the pages under `docs/` and `histories/` show is so: outputs, models, formats, paths, links and pasted histories.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use testimony::check::{Options, check};
use testimony::format::{FORMATS, ReadOptions, read};
use testimony::model::{self, MODELS};
use testimony::verdict::Verdict;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every page of the repository: path and text.
fn pages() -> Vec<(PathBuf, String)> {
    let mut folders = vec![root().join("docs"), root().join("histories")];
    let mut found = vec![root().join("README.md"), root().join("CHANGELOG.md")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match entry.extension() {
                None if entry.is_dir() => folders.push(entry),
                Some(extension) if extension == "md" => found.push(entry),
                _ => (),
            }
        }
    }
    found.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// What stands between each `open` and the next `close`.
fn between<'t>(text: &'t str, open: &str, close: &str) -> Vec<&'t str> {
    text.split(open).skip(1).filter_map(|rest| rest.split_once(close).map(|(inside, _)| inside)).collect()
}

/// The first cells of the table under a heading line of these words, without backticks.
fn first_cells<'t>(text: &'t str, heading: &str) -> Vec<&'t str> {
    let start = text.find(heading).unwrap_or_else(|| panic!("no table {heading}"));
    text[start..].lines().skip(2).take_while(|line| line.starts_with('|')).flat_map(|line| line.split('|').nth(1)).collect()
}

fn in_backticks(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// What the command prints to standard output in the root of the repository, and its exit status.
#[cfg(feature = "cli")]
fn run(args: &str) -> (String, i32) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_testimony"));
    let run = command.args(args.split_whitespace()).current_dir(root()).env("NO_COLOR", "1").output().unwrap();
    (String::from_utf8(run.stdout).unwrap(), run.status.code().unwrap())
}

#[cfg(feature = "cli")]
#[test]
fn shown_outputs_are_what_the_command_prints() {
    let mut shown = 0;
    for (path, text) in pages() {
        for block in between(&text, "<!-- output of: ", "\n```\n") {
            let (command, output) = block.split_once(" -->\n```text\n").expect("a text block right behind the comment");
            let args = command.strip_prefix("cargo run --release -- ").expect("a command of a clean checkout");
            assert_eq!(output.trim_end(), run(args).0.trim_end(), "{}: {command}", path.display());
            assert!(text.contains(&format!("```sh\n{command}\n```")), "{}: {command} is not shown", path.display());
            shown += 1;
        }
    }
    assert!(shown > 0, "the README shows no output");
}

/// `$ command`, `? exit status`, output.
#[cfg(feature = "cli")]
#[test]
fn shown_sessions_are_what_the_command_does() {
    let mut shown = 0;
    for (path, text) in pages() {
        for block in between(&text, "```console\n$ testimony ", "\n```\n") {
            let (args, rest) = block.split_once("\n? ").expect("a line with the exit status");
            let (status, output) = rest.split_once('\n').expect("output");
            let (printed, exit) = run(args);
            assert_eq!((output.trim_end(), status), (printed.trim_end(), &*exit.to_string()), "{}: {args}", path.display());
            shown += 1;
        }
    }
    assert!(shown > 0, "docs/reports.md shows a session");
}

#[test]
fn the_readme_lists_every_model_and_format() {
    let readme = page("README.md");
    let models: Vec<&str> = first_cells(&readme, "| model | promise |").into_iter().flat_map(in_backticks).collect();
    assert_eq!(models, MODELS.iter().map(|model| model.name).collect::<Vec<_>>());
    let formats: BTreeSet<&str> = first_cells(&readme, "| format | what |").into_iter().flat_map(in_backticks).collect();
    // The README lists it for builds without the feature too.
    assert_eq!(formats, FORMATS.iter().map(|format| format.name()).chain(["parquet"]).collect());
}

#[test]
fn the_readme_names_the_minimum_rust_version() {
    let sentence = format!("minimum supported Rust version is {},", env!("CARGO_PKG_RUST_VERSION"));
    assert!(page("README.md").contains(&sentence), "{sentence}");
}

#[test]
fn each_model_is_defined_with_a_history_that_breaks_it_alone() {
    let text = page("docs/models.md");
    for model in MODELS {
        let sections = between(&text, &format!("\n### `{}`\n", model.name), "\n#");
        let section = sections.first().unwrap_or_else(|| panic!("docs/models.md has no section on {}", model.name));
        let [history] = between(section, "```json\n", "```")[..] else { panic!("{} has not one history", model.name) };
        let recording = read(history.as_bytes(), &ReadOptions::default()).unwrap();
        let judged = check(&recording.history, &Options { models: MODELS.iter().collect(), ..Options::default() });
        for judgement in judged.judgements {
            if judgement.model == model.name {
                assert_eq!(judgement.verdict, Verdict::Violated, "{}", model.name);
            } else if model.implies.contains(&judgement.model) {
                assert_eq!(judgement.verdict, Verdict::Satisfied, "{}, which {} implies", judgement.model, model.name);
            }
        }
    }
}

#[test]
fn each_anomaly_of_convergence_has_a_history_that_shows_it() {
    let text = page("docs/models.md");
    let [page] = between(&text, "\n### `convergence`\n", "\n## ")[..] else { panic!("no section on convergence") };
    let sections: Vec<&str> = page.split("\n#### `").skip(1).collect();
    let mut shown = Vec::new();
    for section in sections {
        let (name, rest) = section.split_once('`').expect("a name");
        let [history] = between(rest.split("\n#### ").next().expect("a part"), "```json\n", "```")[..] else {
            panic!("{name} has not one history");
        };
        assert_eq!(history.lines().count(), 4, "{name}");
        let recording = read(history.as_bytes(), &ReadOptions::default()).unwrap();
        let judged = check(
            &recording.history,
            &Options { models: model::find("convergence").into_iter().collect(), ..Options::default() },
        );
        let anomalies: Vec<String> = judged.judgements[0]
            .witnesses
            .iter()
            .map(|witness| serde_json::to_value(witness.anomaly).unwrap().as_str().expect("a name").to_owned())
            .collect();
        assert!(anomalies.iter().any(|anomaly| anomaly == name), "{name}: {anomalies:?}");
        shown.push(name);
    }
    assert_eq!(shown, ["divergent", "stale-forever", "lost-write", "resurrected", "duplicate-element", "out-of-bounds"]);
}

#[test]
fn each_anomaly_of_lists_sets_and_counters_has_a_history_that_shows_it() {
    let text = page("docs/models.md");
    for name in ["missing-element", "phantom-member", "impossible-sum", "incompatible-order", "repeated-element"] {
        let sections = between(&text, &format!("\n### `{name}`\n"), "\n#");
        let section = sections.first().unwrap_or_else(|| panic!("docs/models.md has no section on {name}"));
        let pasted = between(section, "```json\n", "```");
        let [lines] = pasted[..] else { panic!("{name} has no one history") };
        let history = testimony::format::read(lines.as_bytes(), &Default::default()).expect("it reads").history;
        let judged = testimony::check::check(&history, &Default::default());
        let anomalies = judged.judgements.iter().flat_map(|judgement| &judgement.witnesses);
        let names: Vec<String> = anomalies.map(|w| serde_json::to_value(w.anomaly).expect("a name").to_string()).collect();
        assert!(names.contains(&format!("\"{name}\"")), "{name}: {names:?}");
    }
}

#[test]
fn the_table_of_implications_is_the_lattice() {
    let text = page("docs/models.md");
    let start = text.find("| model | implies directly |").expect("the table");
    let mut listed = BTreeSet::new();
    for row in text[start..].lines().skip(2).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.split('|').collect();
        for model in in_backticks(cells[1]) {
            listed.extend(in_backticks(cells[2]).into_iter().map(|implied| (model, implied)));
        }
    }
    let lattice: BTreeSet<_> = MODELS.iter().flat_map(|m| m.implies.iter().map(move |&implied| (m.name, implied))).collect();
    assert_eq!(listed, lattice);
}

#[test]
fn models_in_commands_exist() {
    for (path, text) in pages() {
        for (_, rest) in text.match_indices("--model ").map(|(at, option)| text.split_at(at + option.len())) {
            let names = rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != ',').next().unwrap_or_default();
            for name in names.split(',').filter(|&name| name != "all" && name != "NAME") {
                assert!(model::find(name).is_some(), "{}: --model {name}", path.display());
            }
        }
    }
}

#[test]
fn paths_and_links_lead_somewhere() {
    for (page, text) in pages() {
        for target in between(&text, "](", ")").into_iter().filter(|target| !target.starts_with("http")) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            assert!(path.exists(), "{}: {target}", page.display());
            if !anchor.is_empty() {
                let there = fs::read_to_string(&path).unwrap().lines().any(|line| line.starts_with('#') && slug(line) == anchor);
                assert!(there, "{}: no heading for {target}", page.display());
            }
        }
        for word in text.split(|c: char| c.is_whitespace() || "`()".contains(c)) {
            if ["histories/", "src/", "tests/"].iter().any(|folder| word.starts_with(folder)) {
                assert!(root().join(word.trim_end_matches(['.', ',', ';', ':'])).exists(), "{}: {word}", page.display());
            }
        }
    }
}

/// The files of the folder that a page lists in backticks, and those that are there, are the same.
#[test]
fn the_pages_of_the_corpus_list_their_files() {
    for folder in ["textbook", "handmade", "formats"] {
        let text = page(&format!("histories/{folder}/README.md"));
        let (_, table) = text.split_once("|---|---|\n").expect("a table");
        let names = in_backticks(table).into_iter().filter(|&word| word != "null" && word != "unknown");
        let listed: BTreeSet<String> = names.map(str::to_owned).collect();
        let there = fs::read_dir(root().join("histories").join(folder)).unwrap().filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name.strip_suffix(".expected.json").map(str::to_owned)
        });
        assert_eq!(listed, there.collect(), "{folder}");
    }
}

/// The anchor that GitHub gives to a heading.
fn slug(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}
