//! The command from outside: every exit status, every error message, and what goes to which stream.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const STALE: &str = r#"{"session":"bob","op":"write","key":"photo","value":"v1"}
{"session":"bob","op":"write","key":"photo","value":"v2"}
{"session":"bob","op":"read","key":"photo","value":"v1"}
"#;
const GOOD: &str = r#"{"session":"bob","op":"write","key":"photo","value":"v1"}
{"session":"bob","op":"read","key":"photo","value":"v1"}
"#;
/// Both may have written what carol read.
const AMBIGUOUS: &str = r#"{"session":"alice","op":"write","key":"photo","value":"v1"}
{"session":"bob","op":"write","key":"photo","value":"v1"}
{"session":"carol","op":"read","key":"photo","value":"v1"}
"#;
const BAD: &str = r#"{"session":"bob","op":"write","key":"photo","value":"v1"}
{"session":"bob","op":"wriite","key":"photo","value":"v2"}
"#;

/// A folder of one test's own, with files in it.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str, files: &[(&str, &str)]) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli").join(test);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        for (name, content) in files {
            fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
            fs::write(folder.join(name), content).unwrap();
        }
        Folder(folder)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_testimony"));
        command.args(args).current_dir(&self.0).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        Ran::new(self.command(args).output().unwrap())
    }

    fn run_with(&self, args: &[&str], input: &str) -> Ran {
        let mut child = self.command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Ran::new(child.wait_with_output().unwrap())
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }
}

struct Ran {
    status: i32,
    out: String,
    err: String,
}

impl Ran {
    fn new(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8 out");
        Ran { status: output.status.code().expect("no signal"), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The exit status, and a part of what was said on standard error.
    #[track_caller]
    fn says(&self, status: i32, err: &str) {
        assert_eq!(self.status, status, "out: {}\nerr: {}", self.out, self.err);
        assert!(self.err.contains(err), "expected {err:?} in {:?}", self.err);
        assert!(!self.err.contains("panicked"), "{}", self.err);
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {} {}", self.out, self.err))
    }
}

#[test]
fn the_four_exit_statuses_of_check() {
    let files = [("good.jsonl", GOOD), ("stale.jsonl", STALE), ("ambiguous.jsonl", AMBIGUOUS), ("bad.jsonl", BAD)];
    let folder = Folder::new("statuses", &files);
    for (paths, status) in [
        (&["good.jsonl"][..], 0),
        (&["stale.jsonl"], 1),
        (&["bad.jsonl"], 2),
        (&["ambiguous.jsonl"], 3),
        (&["good.jsonl", "stale.jsonl"], 1),
        (&["good.jsonl", "ambiguous.jsonl"], 3),
        (&["ambiguous.jsonl", "stale.jsonl"], 1),
        (&["stale.jsonl", "ambiguous.jsonl", "bad.jsonl"], 2),
        (&["."], 2),
    ] {
        let ran = folder.run(&[&["check"][..], paths].concat());
        assert_eq!(ran.status, status, "{paths:?}: {} {}", ran.out, ran.err);
    }
}

#[test]
fn a_violation_is_shown_on_standard_output_alone() {
    let ran = Folder::new("violation", &[("stale.jsonl", STALE)]).run(&["check", "stale.jsonl"]);
    ran.says(1, "");
    assert_eq!(ran.err, "");
    insta::assert_snapshot!(ran.out);
}

#[test]
fn a_model_can_be_chosen_and_a_wrong_name_is_corrected() {
    let folder = Folder::new("models", &[("stale.jsonl", STALE)]);
    folder.run(&["check", "--model", "causal-week", "stale.jsonl"]).says(2, "a similar value exists: 'causal-weak'");
    folder.run(&["check", "--model", "monotonic-writes", "stale.jsonl"]).says(0, "");
    let models = |arg: &str| -> Vec<String> {
        let json = folder.run(&["check", "--report", "json", "--model", arg, "stale.jsonl"]).json();
        let verdicts = json["histories"][0]["verdicts"].as_array().unwrap().clone();
        verdicts.iter().map(|verdict| verdict["model"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(models("causal,read-your-writes"), ["read-your-writes", "causal"]);
    assert_eq!(models("all"), testimony::model::MODELS.iter().map(|model| model.name).collect::<Vec<_>>());
}

#[test]
fn usage_errors_are_status_2() {
    let folder = Folder::new("usage", &[("good.jsonl", GOOD)]);
    for (args, message) in [
        (&["check"][..], "<PATH>..."),
        (&["chekc", "good.jsonl"], "similar subcommands exist: 'schema', 'check'"),
        (&["check", "--modle", "pram", "good.jsonl"], "a similar argument exists: '--model'"),
        (&["check", "--report", "xml", "good.jsonl"], "no report format `xml`; there are: text, json"),
        (&["check", "--report", "json=", "good.jsonl"], "a file name must follow the ="),
        (&["check", "--report", "json", "--report", "text", "good.jsonl"], "only one report can go to standard output"),
        (&["check", "--budget", "10", "good.jsonl"], "expected a number and a unit: 500ms, 10s, 5m"),
        (&["check", "--max-witnesses", "0", "good.jsonl"], "0 is not in 1.."),
        (&["check", "-j", "0", "good.jsonl"], "0 is not in 1.."),
        (&["check", "--write-order", "versions", "good.jsonl"], "a similar value exists: 'version'"),
        (&["check", "--format", "jsonll", "good.jsonl"], "a similar value exists: 'jsonl'"),
        (&["check", "--workload", "queue", "good.jsonl"], "[possible values: register, list, set, counter]"),
        (&["check", "--initial", "x=99999999999999999999", "good.jsonl"], "beyond 64 bits"),
        (&["check", "-q", "-v", "good.jsonl"], "cannot be used with"),
        (&["check", "-", "-"], "standard input (-) can only be read once"),
        (&["check", "--report", "json=no/such/folder.json", "good.jsonl"], "cannot write no/such/folder.json"),
        (&["explain", "good.jsonl"], "--model <MODEL>"),
        (&["explain", ".", "--model", "pram"], "is a folder; explain takes one history"),
        (&["verify", "good.jsonl"], "which history?"),
        (&["man", "chekc"], "no subcommand `chekc`"),
        (&["convert", "good.jsonl", "-"], "which format? give --to FORMAT"),
        (&["convert", "good.jsonl", "out.xyz"], "the name does not say which format"),
    ] {
        let ran = folder.run(args);
        ran.says(2, message);
        assert_eq!(ran.out.lines().filter(|line| line.starts_with("error")).count(), 0, "errors go to standard error");
    }
}

#[test]
fn an_unreadable_line_is_shown_with_a_caret_and_nothing_of_it_is_judged() {
    let folder = Folder::new("caret", &[("bad.jsonl", BAD), ("good.jsonl", GOOD)]);
    let ran = folder.run(&["check", "--report", "json", "bad.jsonl", "good.jsonl"]);
    ran.says(2, "--> bad.jsonl:2:23\n");
    let lines: Vec<&str> = ran.err.lines().collect();
    let line = lines.iter().position(|line| line.starts_with("2 | {\"session\":\"bob\",\"op\":\"wriite\"")).expect("the line");
    assert_eq!(lines[line].find("\"wriite\"").map(|i| i + 1), lines[line + 1].find('^').map(|i| i + 1));
    let json = ran.json();
    assert_eq!(json["verdict"], "satisfied");
    assert_eq!(json["histories"].as_array().unwrap().len(), 1, "the readable one is judged");
    let error = &json["errors"][0];
    assert_eq!((&error["path"], &error["line"], &error["column"]), (&"bad.jsonl".into(), &2.into(), &23.into()));
    assert!(error["message"].as_str().unwrap().contains("wriite"));
}

#[test]
fn inputs_that_are_no_histories() {
    let folder = Folder::new("inputs", &[("empty.jsonl", ""), ("words.txt", "hello\n"), ("cut.jsonl.gz", "\u{1f}")]);
    fs::write(folder.0.join("cut.jsonl.gz"), [0x1f, 0x8b, 8, 0, 0, 0]).unwrap();
    fs::create_dir(folder.0.join("nothing")).unwrap();
    for (path, message) in [
        ("empty.jsonl", "empty: there is no history in it"),
        ("words.txt", "no format recognises this content"),
        ("nope.jsonl", "no such file or folder"),
        ("nothing", "no history in this folder"),
        ("cut.jsonl.gz", "cut.jsonl.gz"),
    ] {
        let ran = folder.run(&["check", "--report", "json", path]);
        ran.says(2, message);
        let json = ran.json();
        assert_eq!((&json["verdict"], &json["errors"][0]["path"]), (&"unknown".into(), &path.into()));
    }
}

#[cfg(unix)]
#[test]
fn devices_are_refused_and_a_fifo_is_read() {
    let folder = Folder::new("fifo", &[]);
    folder.run(&["check", "/dev/zero"]).says(2, "is a device, not a file");
    let fifo = folder.0.join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let writer = std::thread::spawn({
        let fifo = fifo.clone();
        move || fs::write(fifo, STALE).unwrap()
    });
    folder.run(&["check", "fifo"]).says(1, "");
    writer.join().unwrap();
    // In a folder it is passed over: nobody may ever write to it.
    folder.run(&["check", "."]).says(2, "no history in this folder");
}

#[test]
fn folders_are_walked_in_order() {
    let files = [
        ("runs/b.jsonl", GOOD),
        ("runs/a/z.log", STALE),
        ("runs/a/z.expected.json", "{}"),
        ("runs/a.txt", "just notes\n"),
        ("runs/README.md", "# no"),
        ("runs/.hidden/x.jsonl", BAD),
    ];
    let folder = Folder::new("walk", &files);
    #[cfg(unix)]
    std::os::unix::fs::symlink("..", folder.0.join("runs/a/loop")).unwrap();
    let ran = folder.run(&["check", "--report", "json", "runs"]);
    ran.says(1, "note: runs/a.txt: no format recognises this content");
    assert!(!ran.err.contains("expected.json"), "{}", ran.err);
    let json = ran.json();
    let paths: Vec<&str> = json["histories"].as_array().unwrap().iter().map(|h| h["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["runs/a/z.log", "runs/b.jsonl"]);
    assert_eq!(json["errors"].as_array().unwrap().len(), 0);
}

#[test]
fn standard_input_is_a_dash() {
    let folder = Folder::new("stdin", &[]);
    folder.run_with(&["check", "-"], STALE).says(1, "");
    folder.run_with(&["check", "-"], GOOD).says(0, "");
    folder.run_with(&["check", "-"], "").says(2, "empty: there is no history in it");
}

#[test]
fn reports_go_where_they_are_sent() {
    let folder = Folder::new("targets", &[("stale.jsonl", STALE)]);
    let ran = folder.run(&["check", "--report", "json=out.json", "stale.jsonl"]);
    ran.says(1, "");
    assert!(ran.out.starts_with("stale.jsonl: 3 operations"), "text still goes to standard output");
    let json: serde_json::Value = serde_json::from_str(&folder.read("out.json")).unwrap();
    assert_eq!(json["verdict"], "violated");
    folder.run(&["check", "--color", "always", "--report", "text=out.txt", "stale.jsonl"]).says(1, "");
    assert!(!folder.read("out.txt").contains('\u{1b}'), "no colours in a file");
}

#[test]
fn colours_and_volume() {
    let folder = Folder::new("volume", &[("stale.jsonl", STALE), ("notes.txt", "hello\n")]);
    let plain = folder.run(&["check", "stale.jsonl"]).out;
    assert!(!plain.contains('\u{1b}'));
    assert!(folder.run(&["check", "--color", "always", "stale.jsonl"]).out.contains("\u{1b}["));
    let no_color = folder.command(&["check", "stale.jsonl"]).env("NO_COLOR", "1").env("CLICOLOR_FORCE", "1").output().unwrap();
    assert_eq!(String::from_utf8(no_color.stdout).unwrap(), plain);
    let quiet = folder.run(&["check", "-q", "."]);
    assert_eq!((quiet.status, quiet.err.as_str()), (1, ""));
    assert_eq!(quiet.out, "./stale.jsonl: 3 operations, 1 session, 1 key: violated\n");
    assert!(folder.run(&["check", "-v", "stale.jsonl"]).out.contains("a session sees its own earlier writes"));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = Folder::new("pipe", &[("stale.jsonl", STALE)]);
    for (args, status) in [(&["check", "stale.jsonl"][..], 1), (&["models"], 0), (&["schema"], 0)] {
        let mut child = folder.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        Ran::new(child.wait_with_output().unwrap()).says(status, "");
    }
}

#[test]
fn threads_change_nothing() {
    let folder = Folder::new("threads", &[("a.jsonl", STALE), ("b.jsonl", GOOD), ("c.jsonl", AMBIGUOUS)]);
    let with = |threads: &str| folder.run(&["check", "-j", threads, "--model", "all", "."]).out;
    assert_eq!(with("1"), with("4"));
}

#[test]
fn initial_values_are_declared_on_the_command_line() {
    let read = r#"{"session":"a","op":"read","key":"x","value":0}
{"session":"a","op":"read","key":"y","value":0}
"#;
    let declared = format!("{{\"testimony\":1,\"initial\":{{\"x\":7}}}}\n{read}");
    let folder = Folder::new("initial", &[("read.jsonl", read), ("declared.jsonl", declared.as_str())]);
    folder.run(&["check", "read.jsonl"]).says(1, "");
    folder.run(&["check", "--initial", "x=0", "read.jsonl"]).says(1, "");
    folder.run(&["check", "--initial", "x=0", "--initial", "y=0", "read.jsonl"]).says(0, "");
    folder.run(&["check", "--initial", "0", "read.jsonl"]).says(0, "");
    folder.run(&["check", "--initial", "y=0", "declared.jsonl"]).says(1, "");
    folder.run(&["check", "--initial", "0", "declared.jsonl"]).says(0, "");
    folder.run(&["check", "--initial", "7", "--initial", "x=0", "--initial", "y=0", "declared.jsonl"]).says(0, "");
    folder.run(&["check", "--initial", "0", "--initial", "z=1", "read.jsonl"]).says(0, "key \"z\", which no operation is on");
    folder.run(&["check", "--unmatched-reads", "ignore", "read.jsonl"]).says(0, "");
    let json = folder.run(&["check", "--report", "json", "--initial", "1", "--initial", "x=0", "read.jsonl"]).json();
    let options = &json["histories"][0]["options"];
    assert_eq!((&options["initial"]["x"], &options["initial_all"]), (&0.into(), &1.into()));
}

#[test]
fn explain_shows_every_step() {
    let folder = Folder::new("explain", &[("stale.jsonl", STALE), ("good.jsonl", GOOD)]);
    let ran = folder.run(&["explain", "stale.jsonl", "--model", "causal"]);
    ran.says(1, "");
    assert!(ran.out.contains("error[causal]: bob does not see its own write of photo"), "{}", ran.out);
    assert!(ran.out.contains("line 2 → line 3 (same session: read your writes)"), "{}", ran.out);
    folder.run(&["explain", "good.jsonl", "--model", "causal"]).says(0, "");
    folder.run(&["explain", "nope.jsonl", "--model", "causal"]).says(2, "no such file or folder");
}

#[test]
fn verify_holds_reports_against_histories() {
    let folder = Folder::new("verify", &[("stale.jsonl", STALE), ("good.jsonl", GOOD), ("runs/notes.txt", "hello\n")]);
    fs::copy(folder.0.join("stale.jsonl"), folder.0.join("runs/copy.jsonl")).unwrap();
    folder.run(&["check", "--report", "json=r.json", "stale.jsonl"]).says(1, "");
    let ran = folder.run(&["verify", "r.json", "stale.jsonl"]);
    ran.says(0, "");
    assert!(ran.out.contains("witnesses stand"), "{}", ran.out);
    folder.run(&["verify", "r.json", "runs"]).says(0, "");
    folder.run(&["verify", "r.json", "good.jsonl"]).says(2, "says nothing of this history");
    folder.run(&["verify", "r.json", "stale.jsonl", "good.jsonl"]).says(2, "says nothing of this history");
    folder.run(&["verify", "r.json", "nope.jsonl"]).says(2, "no such file or folder");
    folder.run(&["verify", "nope.json", "stale.jsonl"]).says(2, "cannot read nope.json");
    folder.run(&["verify", "stale.jsonl", "stale.jsonl"]).says(2, "not a report of testimony");
}

/// Every way of tampering that a report can be caught at without searching.
#[test]
fn verify_refuses_what_was_tampered_with() {
    let folder = Folder::new("tampered", &[("stale.jsonl", STALE)]);
    folder.run(&["check", "--report", "json=r.json", "--model", "read-your-writes", "stale.jsonl"]).says(1, "");
    let report: serde_json::Value = serde_json::from_str(&folder.read("r.json")).unwrap();
    let at = |path: &str| format!("/histories/0/verdicts/0{path}");
    type Change = (&'static str, serde_json::Value, &'static str);
    let changes: &[Change] = &[
        ("/witnesses", serde_json::json!([]), "violated, but no witness says why"),
        ("/verdict", "satisfied".into(), "but there is a witness of a violation"),
        ("/model", "read-my-mind".into(), "there is no such model"),
        ("/implied_by", serde_json::json!(["causal"]), "said to imply causal, which it does not"),
        ("/witnesses/0/operations/0/value", "v9".into(), "is not as the history has it"),
        ("/witnesses/0/operations/0/line", 7.into(), "is not as the history has it"),
        ("/witnesses/0/operations/0/id", 99.into(), "operation 99 is not in the history"),
        ("/witnesses/0/sessions/0", "eve".into(), "session \"eve\" has no operation in the witness"),
        ("/witnesses/0/steps/0/from", 2.into(), "witness 1"),
        ("/witnesses/0/steps/0/because", "monotonic-writes".into(), "witness 1"),
        ("/witnesses/0/steps", serde_json::json!([]), "witness 1"),
    ];
    for (path, value, message) in changes {
        let mut tampered = report.clone();
        *tampered.pointer_mut(&at(path)).unwrap_or_else(|| panic!("{path}")) = value.clone();
        fs::write(folder.0.join("t.json"), tampered.to_string()).unwrap();
        folder.run(&["verify", "t.json", "stale.jsonl"]).says(1, message);
    }
    let mut tampered = report.clone();
    tampered["verdict"] = "satisfied".into();
    fs::write(folder.0.join("t.json"), tampered.to_string()).unwrap();
    folder.run(&["verify", "t.json", "stale.jsonl"]).says(1, "the report says satisfied");
    let mut foreign = report;
    foreign["histories"][0]["options"]["format"] = "morse".into();
    fs::write(folder.0.join("t.json"), foreign.to_string()).unwrap();
    folder.run(&["verify", "t.json", "stale.jsonl"]).says(2, "no format `morse`");
    fs::write(folder.0.join("t.json"), r#"{"testimony":"0.1.0","verdict":"unknown","errors":[],"histories":[]}"#).unwrap();
    folder.run(&["verify", "t.json", "stale.jsonl"]).says(2, "nothing to verify");
}

#[test]
fn certificates_are_written_and_checked() {
    let folder = Folder::new("certificates", &[("good.jsonl", GOOD), ("stale.jsonl", STALE)]);
    folder.run(&["check", "--certificate", "proof.json", "good.jsonl"]).says(0, "");
    let ran = folder.run(&["verify", "--certificate", "proof.json", "good.jsonl"]);
    ran.says(0, "");
    assert!(ran.out.contains("certificates stand"), "{}", ran.out);
    folder.run(&["verify", "--certificate", "proof.json", "stale.jsonl"]).says(2, "says nothing of this history");
    let mut proof: serde_json::Value = serde_json::from_str(&folder.read("proof.json")).unwrap();
    let certificates = proof["histories"][0]["certificates"].as_array_mut().unwrap();
    let ordered = certificates.iter_mut().find(|c| c["kind"] == "one-order").expect("one order of the writes");
    ordered["orders"] = serde_json::json!([[]]);
    fs::write(folder.0.join("proof.json"), proof.to_string()).unwrap();
    folder.run(&["verify", "--certificate", "proof.json", "good.jsonl"]).says(1, "good.jsonl: ");
}

#[test]
fn the_smaller_commands() {
    let folder = Folder::new("smaller", &[("stale.jsonl", STALE), ("bad.jsonl", BAD)]);
    assert_eq!(folder.run(&["--version"]).out, format!("testimony {}\n", env!("CARGO_PKG_VERSION")));
    let models = folder.run(&["models"]).out;
    for model in testimony::model::MODELS {
        assert!(models.contains(model.name) && models.contains(model.citation), "{}", model.name);
    }
    assert!(!folder.run(&["models", "pram"]).out.contains("causal-memory"));
    assert_eq!(folder.run(&["schema"]).out, testimony::report::schema());
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(folder.run(&["completions", shell]).out.contains("testimony"), "{shell}");
    }
    assert!(folder.run(&["man"]).out.contains(".TH testimony"));
    assert!(folder.run(&["man", "check"]).out.contains("max\\-witnesses"));
    let info = folder.run(&["info", "stale.jsonl"]);
    info.says(0, "");
    assert!(info.out.contains("3: 1 read, 2 write"), "{}", info.out);
    folder.run(&["info", "bad.jsonl"]).says(2, "bad.jsonl:2:");
    for command in ["check", "explain", "models", "verify", "info", "convert", "schema", "completions", "man"] {
        folder.run(&[command, "--help"]).says(0, "");
    }
}

#[test]
fn convert_goes_between_formats_and_names_what_does_not_fit() {
    let with_node = r#"{"session":"bob","node":"n1","op":"write","key":"photo","value":1}
"#;
    let folder = Folder::new("convert", &[("stale.jsonl", STALE), ("node.jsonl", with_node)]);
    folder.run(&["convert", "stale.jsonl", "packed.jsonl.gz"]).says(0, "");
    folder.run(&["convert", "packed.jsonl.gz", "packed.jsonl.zst"]).says(0, "");
    folder.run(&["convert", "packed.jsonl.zst", "back.jsonl"]).says(0, "");
    assert_eq!(folder.run(&["check", "back.jsonl"]).out.replace("back", "stale"), folder.run(&["check", "stale.jsonl"]).out);
    folder.run(&["convert", "node.jsonl", "out.plume"]).says(2, "plume cannot hold `node` (--lossy leaves it out)");
    assert!(!folder.0.join("out.plume").exists(), "nothing half-written");
    folder.run(&["convert", "--lossy", "node.jsonl", "out.plume"]).says(0, "");
    let out = folder.run(&["convert", "--to", "jsonl", "stale.jsonl", "-"]);
    out.says(0, "");
    assert_eq!(out.out.lines().count(), 3);
    folder.run(&["convert", "nope.jsonl", "out.jsonl"]).says(2, "no such file or folder");
}
