//! Reports of hand-made judgements: the text as people see it (snapshots), the JSON against its published schema, and back.

use testimony::check::{Judged, Options, WriteOrder};
use testimony::history::{History, HistoryBuilder, Kind, OpId, OpInput, TxnInput, ValueId};
use testimony::model::Guarantees;
use testimony::report::{self, Detail, HistoryReport, Initial, InputError, Judging, Report, Settings};
use testimony::verdict::Because::{MonotonicReads, ReadYourWrites, ReadsFrom, SessionOrder, StaleRead, WritesFollowReads};
use testimony::verdict::Relation::{Ar, So, View, Vis, Wr};
use testimony::verdict::{
    Anomaly, Assumption, Because, Convergence, ConvergenceTimes, Judgement, Relation, Step, Verdict, Witness,
};

fn op(id: usize) -> OpId {
    OpId::new(id)
}

fn step(from: usize, to: usize, relation: Relation, because: Because) -> Step {
    Step::new(op(from), op(to), relation, because)
}

fn by_read(step: Step, read: usize, via: Vec<Step>) -> Step {
    Step { read: Some(op(read)), via, ..step }
}

fn witness(history: &History, anomaly: Anomaly, operations: &[usize], steps: Vec<Step>, assumes: &[Assumption]) -> Witness {
    let operations: Vec<OpId> = operations.iter().map(|&id| op(id)).collect();
    let mut sessions: Vec<_> = operations.iter().map(|&op| history.session(op)).collect();
    sessions.sort();
    sessions.dedup();
    Witness {
        anomaly,
        sessions,
        assumes: assumes.to_vec(),
        operations,
        transactions: false,
        view: None,
        derived: Vec::new(),
        steps,
    }
}

fn judgement(model: &'static str, verdict: Verdict) -> Judgement {
    Judgement {
        model,
        verdict,
        implied_by: Vec::new(),
        reason: None,
        stale_reads: None,
        reads: 4516,
        stale_sessions: None,
        violations: 0,
        witnesses: Vec::new(),
        convergence: None,
    }
}

fn violated(model: &'static str, witnesses: Vec<Witness>) -> Judgement {
    Judgement { violations: witnesses.len() as u64, witnesses, ..judgement(model, Verdict::Violated) }
}

fn report(path: &str, history: &History, judgements: Vec<Judgement>, minimal: Option<Vec<Guarantees>>) -> HistoryReport {
    let judged = Judged { judgements, minimal_violated: minimal, skipped: 0, warnings: Vec::new(), certificates: Vec::new() };
    let judging = Judging { path: path.into(), sha256: "0".repeat(64), format: "jsonl".into(), ..Judging::default() };
    HistoryReport::new(judging, history, &judged)
}

fn text(histories: Vec<HistoryReport>, view: report::View) -> String {
    let mut out = Vec::new();
    report::find("text").unwrap().render(&Report::new(histories, Vec::new()), view, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn at(detail: Detail) -> report::View {
    report::View { detail, ..report::View::default() }
}

/// s5 writes u5 twice and then reads the older value from a replica.
fn own_write_lost() -> HistoryReport {
    let mut builder = HistoryBuilder::new();
    let rows = [
        (Kind::Write, "s5-11", "primary", 100),
        (Kind::Write, "s5-14", "primary", 1_207),
        (Kind::Read, "s5-11", "replica1", 1_209),
    ];
    for (line, (kind, value, node, ms)) in rows.into_iter().enumerate() {
        let [session, key, value, node] = ["s5", "u5", value, node].map(|text| builder.values.string(text));
        let (invoke, complete) = (Some(ms * 1_000_000), Some(ms * 1_000_000 + 500_000));
        builder.begin(TxnInput { invoke_ns: invoke, complete_ns: complete, node: Some(node), ..TxnInput::ok(session) });
        builder.op(OpInput { line: 180 + 16 * line as u32, ..OpInput::new(kind, key, value) });
    }
    let history = builder.finish().unwrap();
    let steps = vec![step(0, 1, Ar, SessionOrder), by_read(step(1, 0, Ar, StaleRead), 2, vec![step(1, 2, So, ReadYourWrites)])];
    let seen = witness(&history, Anomaly::StaleRead, &[0, 1, 2], steps, &[]);
    let counted =
        Judgement { stale_reads: Some(665), stale_sessions: Some(10), ..violated("read-your-writes", vec![seen.clone()]) };
    let pram = Judgement { implied_by: vec!["read-your-writes"], ..violated("pram", vec![seen.clone()]) };
    let causal = Judgement { implied_by: vec!["read-your-writes", "pram"], ..violated("causal", vec![seen]) };
    let slow = Judgement { reason: Some("budget of 5 m exhausted".into()), ..judgement("causal-memory", Verdict::Unknown) };
    let judgements = vec![judgement("well-formed", Verdict::Satisfied), counted, pram, causal, slow];
    report("photos.jsonl", &history, judgements, Some(vec![Guarantees::RYW]))
}

/// carol sees bob's comment but not the post that it answers.
fn answer_without_question() -> HistoryReport {
    let mut builder = HistoryBuilder::new();
    builder.session("alice").write("post", "p1");
    builder.session("bob").read("post", "p1").write("comment", "c1");
    builder.session("carol").read("comment", "c1").read_none("post");
    let history = builder.finish().unwrap();
    let via = vec![
        step(0, 1, Wr, ReadsFrom),
        step(1, 2, So, WritesFollowReads),
        step(2, 3, Wr, ReadsFrom),
        step(3, 4, So, MonotonicReads),
    ];
    let steps = vec![Step { via, ..step(0, 4, Vis, Because::InitialRead) }];
    let seen = witness(&history, Anomaly::InitialRead, &[0, 1, 2, 3, 4], steps, &[]);
    let minimal = Some(vec![Guarantees::MR.with(Guarantees::WFR)]);
    report("comments.jsonl", &history, vec![violated("writes-follow-reads", vec![seen])], minimal)
}

/// Two readers disagree about the order of two writes: evidence from four sessions.
fn opposite_orders() -> HistoryReport {
    let mut builder = HistoryBuilder::new();
    builder.session("w1").write("x", "1");
    builder.session("w2").write("x", "2");
    builder.session("bob").read("x", "1").read("x", "2");
    builder.session("carol").read("x", "2").read("x", "1");
    let history = builder.finish().unwrap();
    let steps = vec![
        by_read(step(0, 1, Ar, StaleRead), 3, vec![step(0, 2, Wr, ReadsFrom), step(2, 3, So, MonotonicReads)]),
        by_read(step(1, 0, Ar, StaleRead), 5, vec![step(1, 4, Wr, ReadsFrom), step(4, 5, So, MonotonicReads)]),
    ];
    let seen = witness(&history, Anomaly::StaleRead, &[0, 1, 2, 3, 4, 5], steps, &[Assumption::OneOrderPerKey]);
    report("two-primaries.jsonl", &history, vec![violated("monotonic-reads", vec![seen])], Some(vec![Guarantees::MR]))
}

/// A read of a value that nobody wrote; the models above it share the witness.
fn thin_air() -> HistoryReport {
    let mut builder = HistoryBuilder::new();
    builder.session("bob\u{1b}[31m").read("x", "ghost\u{1b}[31m");
    let history = builder.finish().unwrap();
    let seen = witness(&history, Anomaly::ThinAirRead, &[0], Vec::new(), &[]);
    let above = Judgement { implied_by: vec!["well-formed"], ..violated("causal", vec![seen.clone()]) };
    report("ghost.jsonl", &history, vec![violated("well-formed", vec![seen]), above], Some(vec![]))
}

/// A path through forty sessions, each reading the write before it.
fn long_chain() -> HistoryReport {
    let mut builder = HistoryBuilder::new();
    builder.session("s0").write("k0", "v0");
    let mut via = Vec::new();
    for i in 1..40 {
        let (read, write) = (i - 1, i);
        let session = builder.session(&format!("s{i}")).read(&format!("k{read}"), &format!("v{read}"));
        session.write(&format!("k{write}"), &format!("v{write}"));
        via.push(step(2 * i - 2, 2 * i - 1, Wr, ReadsFrom));
        via.push(step(2 * i - 1, 2 * i, So, WritesFollowReads));
    }
    builder.session("s39").read_none("k0");
    via.push(step(78, 79, So, ReadYourWrites));
    let history = builder.finish().unwrap();
    let steps = vec![Step { via, ..step(0, 79, Vis, Because::InitialRead) }];
    let operations: Vec<usize> = (0..80).collect();
    let seen = witness(&history, Anomaly::InitialRead, &operations, steps, &[]);
    report("chain.jsonl", &history, vec![violated("causal", vec![seen])], None)
}

/// Under causal memory one session's view forces an order that closes a circle.
fn view_cycle() -> HistoryReport {
    let mut builder = HistoryBuilder::new();
    builder.session("a").write("x", "1");
    builder.session("b").write("x", "2").read("x", "1").read("x", "2");
    let history = builder.finish().unwrap();
    let derived = vec![
        by_read(step(1, 0, View, StaleRead), 2, vec![step(1, 2, So, SessionOrder)]),
        by_read(step(0, 1, View, StaleRead), 3, vec![step(0, 2, Wr, ReadsFrom), step(2, 3, So, SessionOrder)]),
    ];
    let steps = vec![step(1, 0, View, StaleRead), step(0, 1, View, StaleRead)];
    let seen = witness(&history, Anomaly::ViewCycle, &[0, 1, 2, 3], steps, &[]);
    let seen = Witness { view: Some(history.session(op(1))), derived, ..seen };
    report("views.jsonl", &history, vec![violated("causal-memory", vec![seen])], Some(vec![]))
}

/// A set of which a replica lacks a member, stale on the way; judged by the checker itself.
fn cart_that_differs() -> HistoryReport {
    let mut builder = HistoryBuilder::new();
    let rows: [(&str, Kind, &[&str], &str, i64); 7] = [
        ("a", Kind::Add, &["milk"], "A", 0),
        ("a", Kind::Add, &["eggs"], "A", 1),
        ("b", Kind::Read, &[], "B", 3),
        ("b", Kind::Read, &["milk"], "B", 5),
        ("b", Kind::Remove, &["tea"], "B", 6),
        ("final-A", Kind::Read, &["milk", "eggs"], "A", 90),
        ("final-B", Kind::Read, &["milk"], "B", 91),
    ];
    for (line, (session, kind, members, node, ms)) in rows.into_iter().enumerate() {
        let [session, key, node] = [session, "cart", node].map(|text| builder.values.string(text));
        let members: Vec<ValueId> = members.iter().map(|member| builder.values.string(member)).collect();
        let value = if kind == Kind::Read { builder.values.collection(&members) } else { members[0] };
        let (invoke, complete) = (Some(ms * 1_000_000), Some(ms * 1_000_000 + 500_000));
        builder.begin(TxnInput { invoke_ns: invoke, complete_ns: complete, node: Some(node), ..TxnInput::ok(session) });
        builder.op(OpInput { line: line as u32 + 1, is_final: ms >= 90, ..OpInput::new(kind, key, value) });
    }
    let history = builder.finish().unwrap();
    let models = vec![testimony::model::find("convergence").unwrap()];
    let mut judgements = testimony::check::check(&history, &Options { models, ..Options::default() }).judgements;
    // A key of which all agree, beside.
    let counts = judgements[0].convergence.as_mut().unwrap();
    counts.times = Some(ConvergenceTimes { p50: 3_100_000, p99: 40_700_000, max: 41_000_000 });
    report("cart.jsonl", &history, judgements, None)
}

fn everything() -> Vec<HistoryReport> {
    vec![
        own_write_lost(),
        answer_without_question(),
        opposite_orders(),
        thin_air(),
        long_chain(),
        view_cycle(),
        cart_that_differs(),
    ]
}

#[test]
fn text_for_people() {
    insta::assert_snapshot!("text", text(everything(), at(Detail::Normal)));
}

#[test]
fn text_at_other_details() {
    insta::assert_snapshot!("brief", text(everything(), at(Detail::Brief)));
    insta::assert_snapshot!("verbose", text(vec![own_write_lost()], at(Detail::Verbose)));
    insta::assert_snapshot!("full", text(vec![answer_without_question(), view_cycle()], at(Detail::Full)));
    let lattice = report::View { lattice: true, ..at(Detail::Normal) };
    insta::assert_snapshot!("lattice", text(vec![own_write_lost(), thin_air(), long_chain()], lattice));
}

#[test]
fn a_long_witness_stays_readable_and_is_complete_when_asked_for() {
    let short = text(vec![long_chain()], at(Detail::Normal));
    assert!(short.lines().count() < 30, "{short}");
    let full = text(vec![long_chain()], at(Detail::Full));
    assert!(full.lines().count() > 80 + 79, "{full}");
}

#[test]
fn colours_only_when_asked_for_and_never_from_the_recording() {
    let plain = text(everything(), at(Detail::Normal));
    assert!(!plain.contains('\u{1b}'), "{plain}");
    let coloured = text(everything(), report::View { color: true, ..at(Detail::Normal) });
    assert!(coloured.contains('\u{1b}'));
    assert_eq!(without_codes(&coloured), plain);
}

/// Removes the escape codes that the palette writes.
fn without_codes(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').expect("an escape code ends").1;
    }
    plain + rest
}

fn whole() -> Report {
    let error = InputError { path: "broken.jsonl".into(), line: Some(3), column: None, message: "expected a value".into() };
    Report::new(everything(), vec![error])
}

#[test]
fn the_published_schema_is_the_real_one() {
    let published = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/report.schema.json")).unwrap();
    assert!(published == report::schema(), "regenerate it: cargo run -- schema > docs/report.schema.json");
}

#[test]
fn json_holds_to_the_schema() {
    let schema = serde_json::from_str(&report::schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let json = serde_json::to_value(whole()).unwrap();
    let errors: Vec<String> = validator.iter_errors(&json).map(|error| format!("{error} at {}", error.instance_path())).collect();
    assert_eq!(errors, Vec::<String>::new());
    let mut wrong = json;
    wrong["histories"][0]["verdicts"][0]["verdict"] = "perhaps".into();
    assert!(!validator.is_valid(&wrong));
}

#[test]
fn json_comes_back_as_it_was() {
    let mut out = Vec::new();
    report::find("json").unwrap().render(&whole(), at(Detail::Normal), &mut out).unwrap();
    let back: Report = serde_json::from_slice(&out).unwrap();
    assert_eq!(serde_json::to_string(&back).unwrap(), serde_json::to_string(&whole()).unwrap());
}

#[test]
fn json_of_convergence() {
    let json = serde_json::to_value(cart_that_differs()).unwrap();
    let mut verdict = json["verdicts"][0].clone();
    verdict["witnesses"] = serde_json::Value::Null;
    insta::assert_snapshot!("convergence", serde_json::to_string_pretty(&verdict).unwrap());
    let converged = Judgement {
        verdict: Verdict::Satisfied,
        convergence: Some(Convergence {
            keys: 14,
            times: Some(ConvergenceTimes { p50: 1, p99: 1, max: 41_000_000 }),
            ..Convergence::default()
        }),
        ..judgement("convergence", Verdict::Satisfied)
    };
    let mut builder = HistoryBuilder::new();
    builder.session("a").write("x", "1");
    let shown = text(vec![report("x", &builder.finish().unwrap(), vec![converged], None)], at(Detail::Normal));
    assert!(shown.contains("  ✓ convergence  14 of 14 keys, slowest 41 ms\n"), "{shown}");
}

#[test]
fn json_as_the_contract_shows_it() {
    insta::assert_snapshot!("json", serde_json::to_string_pretty(&Report::new(vec![own_write_lost()], Vec::new())).unwrap());
}

#[test]
fn the_worst_verdict_counts() {
    let one = |verdict| {
        let mut builder = HistoryBuilder::new();
        builder.session("a").write("x", "1");
        report("x", &builder.finish().unwrap(), vec![judgement("pram", verdict)], None)
    };
    let of = |verdicts: &[Verdict]| Report::new(verdicts.iter().map(|&v| one(v)).collect(), Vec::new()).verdict;
    assert_eq!(of(&[Verdict::Satisfied, Verdict::Satisfied]), Verdict::Satisfied);
    assert_eq!(of(&[Verdict::Satisfied, Verdict::Unknown]), Verdict::Unknown);
    assert_eq!(of(&[Verdict::Unknown, Verdict::Violated, Verdict::Satisfied]), Verdict::Violated);
    assert_eq!(of(&[]), Verdict::Unknown);
}

#[test]
fn operations_are_shown_with_every_field_recorded() {
    let mut builder = HistoryBuilder::new();
    let (session, key) = (builder.values.int(7), ValueId::NULL);
    let (from, to) = (ValueId::NULL, builder.values.int(i128::MAX));
    builder.begin(TxnInput { invoke_ns: Some(-5), ..TxnInput::ok(session) });
    builder.op(OpInput { to, version: Some(3), line: 1, ..OpInput::new(Kind::Cas, key, from) });
    let beyond = Some(i128::from(i64::MAX) + 1);
    builder.op(OpInput { version: beyond, is_final: true, line: 1, ..OpInput::new(Kind::Read, key, to) });
    let history = builder.finish().unwrap();
    let shown: Vec<String> = history.ops().map(|op| serde_json::to_string(&report::operation(&history, op)).unwrap()).collect();
    let big = i128::MAX;
    assert_eq!(
        shown,
        [
            format!(
                r#"{{"id":0,"line":1,"session":7,"op":"cas","key":null,"from":null,"to":"{big}","status":"ok","invoke_ns":-5,"version":3,"txn":0}}"#
            ),
            format!(
                r#"{{"id":1,"line":1,"session":7,"op":"read","key":null,"value":"{big}","status":"ok","invoke_ns":-5,"version":"9223372036854775808","txn":0,"final":true}}"#
            ),
        ]
    );
    for op in history.ops() {
        let one = report::operation(&history, op);
        assert_eq!(serde_json::from_str::<report::OperationReport>(&serde_json::to_string(&one).unwrap()).unwrap(), one);
    }
}

#[test]
fn initial_values_keep_1_and_the_string_1_apart() {
    let initial = Initial::new(vec![("x".into(), 0.into())]);
    let named = Settings { write_order: WriteOrder::RealTime, initial, ..Settings::default() };
    let json = r#"{"write_order":"real-time","initial":{"x":0},"unmatched_reads":"violation"}"#;
    assert_eq!(serde_json::to_string(&named).unwrap(), json);
    let pairs = Initial::new(vec![(1.into(), 0.into()), ("1".into(), 5.into())]);
    assert_eq!(serde_json::to_string(&pairs).unwrap(), r#"[[1,0],["1",5]]"#);
    assert_eq!(serde_json::from_str::<Initial>(r#"[[1,0],["1",5]]"#).unwrap(), pairs);
}
