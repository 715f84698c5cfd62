//! Certificates against the definitions: of small random histories every order of the right operations is offered, and the verifier takes
//! exactly those that the definitions take.

use std::ops::ControlFlow;

use testimony::check::{Certificate, CertificateKind, Options, WriteOrder};
use testimony::history::{History, HistoryBuilder, Kind, OpId, OpInput, SessionId, Status, TxnInput, ValueId};
use testimony::model::{Checker, MODELS, Model, find};
use testimony::witness::Verifier;

use crate::definition::Definition;
use crate::mutate::certificate_mutants;
use crate::scenario::{history, op, options};

const SEED: u64 = 0x7e57_1a0e;
const WRITE_ORDERS: [WriteOrder; 3] = [WriteOrder::Session, WriteOrder::RealTime, WriteOrder::Version];

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// Bare operations on two keys, at most `writes` of them writes, with unique values; reads return anything written, or nothing. Some
/// histories have times (sessions may overlap in them), some lack a few; some have versions, most of them in the order of writing.
fn random_history(random: &mut Random, operations: usize, writes: u64) -> History {
    let mut builder = HistoryBuilder::new();
    let (sessions, timed, lacking, versions) = (2 + random.below(2), random.chance(60), random.chance(30), random.chance(70));
    let overlap = random.below(3) * 4;
    let keys = 1 + random.below(2);
    let mut written: Vec<Vec<u64>> = vec![Vec::new(); keys as usize];
    let mut clock = 0i64;
    let mut lines: Vec<(TxnInput, OpInput)> = Vec::new();
    for i in 0..operations {
        let key = random.below(keys);
        let value = 1 + written.iter().map(|w| w.len() as u64).sum::<u64>();
        // Any value of the key so far, the next one (which may be written later), or nothing.
        let returned = |random: &mut Random| match random.below(written[key as usize].len() as u64 + 1) as usize {
            0 if random.chance(10) => ValueId(value as u32),
            0 => ValueId::NULL,
            n => ValueId(written[key as usize][n - 1] as u32),
        };
        let kind = match random.chance(50) && value <= writes {
            true if random.chance(20) => Kind::Cas,
            true => Kind::Write,
            false => Kind::Read,
        };
        let value_read_or_written = if kind.reads() { returned(random) } else { ValueId(value as u32) };
        let mut input = OpInput { to: ValueId(value as u32), ..OpInput::new(kind, ValueId(key as u32), value_read_or_written) };
        let version = if random.chance(20) { random.below(6) as i128 } else { value as i128 };
        input.version = (versions && random.chance(if kind == Kind::Read { 45 } else { 90 })).then_some(version);
        input.line = i as u32 + 1;
        let mut txn = TxnInput::ok(ValueId(100 + random.below(sessions) as u32));
        if random.chance(12) {
            txn.status = Status::Info;
        }
        if timed {
            clock += 1 + random.below(3) as i64;
            let done = clock + random.below(2 + overlap) as i64;
            txn.invoke_ns = (!lacking || random.chance(70)).then_some(clock);
            txn.complete_ns = (!lacking || random.chance(80)).then_some(done);
        }
        if kind != Kind::Read {
            written[key as usize].push(value);
        }
        lines.push((txn, input));
    }
    // Times win over the file's order; without them that is all there is.
    if timed && random.chance(30) {
        for i in (1..lines.len()).rev() {
            lines.swap(i, random.below(i as u64 + 1) as usize);
        }
    }
    for (txn, input) in lines {
        builder.begin(txn);
        builder.op(input);
    }
    builder.finish().expect("a history")
}

/// Every order of `items`, until told to stop.
pub fn permutations(items: &mut [OpId], visit: &mut dyn FnMut(&[OpId]) -> ControlFlow<()>) {
    // Heap's algorithm, iteratively.
    let mut counters = vec![0; items.len()];
    if visit(items).is_break() {
        return;
    }
    let mut i = 0;
    while i < items.len() {
        if counters[i] < i {
            items.swap(if i % 2 == 0 { 0 } else { counters[i] }, i);
            if visit(items).is_break() {
                return;
            }
            counters[i] += 1;
            i = 0;
        } else {
            counters[i] = 0;
            i += 1;
        }
    }
}

/// A read that is ambiguous, or ill-formed, leaves nothing to prove; such histories have their own tests.
fn plain(h: &History, definition: &Definition) -> bool {
    let wrote = |r: OpId| definition.writer[r.index()].is_some() || h.read_value(r) == Some(ValueId::NULL);
    definition.well_formed() && h.ops().all(|r| !definition.reads(r) || wrote(r))
}

#[test]
fn one_order_certificates_are_what_the_definition_says() {
    println!("seed {SEED:#x}");
    let mut random = Random(SEED);
    let (mut stand, mut fall) = ([0usize; 3], [0usize; 3]);
    for _ in 0..2500 {
        let operations = 4 + random.below(6) as usize;
        let h = random_history(&mut random, operations, 4);
        let definition = Definition::new(&h);
        if !plain(&h, &definition) {
            continue;
        }
        for (o, &write_order) in WRITE_ORDERS.iter().enumerate() {
            let options = options(write_order);
            let verifier = Verifier::new(&h, &options);
            for model in MODELS {
                let Checker::Guarantees(g) = model.checker else { continue };
                let mut writes: Vec<OpId> = h.ops().filter(|&op| definition.writes(op)).collect();
                permutations(&mut writes, &mut |order| {
                    let expected = definition.explained(g, write_order, order);
                    let certificate =
                        Certificate { model: model.name, kind: CertificateKind::OneOrder, orders: vec![order.to_vec()] };
                    let answer = verifier.verify_certificate(&certificate);
                    assert_eq!(answer.is_ok(), expected, "{} {write_order:?} {order:?}: {answer:?}\n{}", model.name, show(&h));
                    *(if expected { &mut stand } else { &mut fall }).get_mut(o).unwrap() += 1;
                    if expected && random.chance(5) {
                        none_stands(&h, &verifier, &certificate);
                    }
                    ControlFlow::Continue(())
                });
            }
        }
    }
    println!("{stand:?} stand, {fall:?} fall");
    assert!(stand.iter().chain(&fall).all(|&n| n > 2000));
}

#[test]
fn per_session_certificates_are_what_the_definition_says() {
    println!("seed {SEED:#x}");
    let mut random = Random(SEED);
    let (mut stand, mut fall) = (0, 0);
    for _ in 0..1500 {
        let operations = 4 + random.below(4) as usize;
        let h = random_history(&mut random, operations, 3);
        let definition = Definition::new(&h);
        if !plain(&h, &definition) {
            continue;
        }
        let options = Options::default();
        let verifier = Verifier::new(&h, &options);
        for (model, classic) in [("causal-memory", false), ("pram-classic", true)] {
            let Some(certificate) = per_session(&h, &definition, model, classic) else { continue };
            verifier
                .verify_certificate(&certificate)
                .unwrap_or_else(|refusal| panic!("{model}: {refusal}\n{certificate:?}\n{}", show(&h)));
            if random.chance(20) {
                none_stands(&h, &verifier, &certificate);
            }
            for session in 0..h.sessions() {
                let mut items = certificate.orders[session].clone();
                permutations(&mut items, &mut |order| {
                    let mut certificate = certificate.clone();
                    certificate.orders[session] = order.to_vec();
                    let expected = definition.explained_to(SessionId::new(session), classic, order);
                    let answer = verifier.verify_certificate(&certificate);
                    assert_eq!(answer.is_ok(), expected, "{model} {session} {order:?}: {answer:?}\n{}", show(&h));
                    *(if expected { &mut stand } else { &mut fall }) += 1;
                    ControlFlow::Continue(())
                });
            }
        }
    }
    println!("{stand} stand, {fall} fall");
    assert!(stand > 1000 && fall > 1000);
}

/// A certificate by the definition: the first order of each session that explains its reads, if all have one.
fn per_session(h: &History, definition: &Definition, model: &'static str, classic: bool) -> Option<Certificate> {
    let hb = definition.hb(None);
    if !classic && h.ops().any(|op| hb[op.index()][op.index()]) {
        return None;
    }
    let mut orders = Vec::new();
    for session in (0..h.sessions()).map(SessionId::new) {
        if !h.ops().any(|op| h.session(op) == session && definition.reads(op)) {
            orders.push(Vec::new());
            continue;
        }
        let mut found = None;
        permutations(&mut definition.view(session, classic), &mut |order| {
            if definition.explained_to(session, classic, order) {
                found = Some(order.to_vec());
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        orders.push(found?);
    }
    Some(Certificate { model, kind: CertificateKind::PerSession, orders })
}

#[test]
fn acyclic_hb_certificates_are_what_the_definition_says() {
    println!("seed {SEED:#x}");
    let mut random = Random(SEED);
    let (mut stand, mut fall) = (0, 0);
    for _ in 0..6000 {
        let operations = 4 + random.below(12) as usize;
        let h = random_history(&mut random, operations, 8);
        let definition = Definition::new(&h);
        if !plain(&h, &definition) {
            continue;
        }
        let expected = definition.weakly_causal();
        let options = Options::default();
        let certificate = Certificate { model: "causal-weak", kind: CertificateKind::AcyclicHb, orders: Vec::new() };
        let verifier = Verifier::new(&h, &options);
        let answer = verifier.verify_certificate(&certificate);
        assert_eq!(answer.is_ok(), expected, "{answer:?}\n{}", show(&h));
        if expected {
            none_stands(&h, &verifier, &certificate);
        }
        *(if expected { &mut stand } else { &mut fall }) += 1;
    }
    println!("{stand} stand, {fall} fall");
    assert!(stand > 500 && fall > 500);
}

/// No mutant of the certificate stands.
pub fn none_stands(h: &History, verifier: &Verifier, certificate: &Certificate) {
    for (what, mutant) in certificate_mutants(h, certificate) {
        assert!(verifier.verify_certificate(&mutant).is_err(), "{what}: {mutant:?}\n{}", show(h));
    }
}

/// The history as text.
fn show(h: &History) -> String {
    let line = |o: OpId| {
        let txn = h.txn(o);
        let (read, written) = (h.read_value(o).map(|v| h.value_text(v)), h.written_value(o).map(|v| h.value_text(v)));
        let times = (h.invoked(txn), h.completed(txn));
        let (session, key) = (h.session(o), h.key_text(h.key(o)));
        format!("{o:?} {session:?} {:?} {key} {read:?} {written:?} {:?} {times:?} {:?}\n", h.kind(o), h.status(o), h.version(o))
    };
    h.ops().map(line).collect()
}

fn holds(model: &'static Model, text: &str, order: &[usize]) -> bool {
    let h = history(text);
    let orders = vec![order.iter().map(|&i| op(i)).collect()];
    let certificate = Certificate { model: model.name, kind: CertificateKind::OneOrder, orders };
    Verifier::new(&h, &Options::default()).verify_certificate(&certificate).is_ok()
}

/// Holds a certificate to lists, sets and counters; no mutant of one that stands does.
fn holds_with(model: &'static str, text: &str, kind: CertificateKind, orders: &[&[usize]]) -> bool {
    let h = history(text);
    let orders = orders.iter().map(|order| order.iter().map(|&i| op(i)).collect()).collect();
    let certificate = Certificate { model, kind, orders };
    let options = Options::default();
    let verifier = Verifier::new(&h, &options);
    let stands = verifier.verify_certificate(&certificate).is_ok();
    if stands {
        none_stands(&h, &verifier, &certificate);
    }
    stands
}

#[test]
fn one_order_explains_lists_sets_and_counters() {
    let cases: &[(&str, &str, &[usize], bool)] = &[
        ("causal", "a append x 1 \n b append x 2 \n c r x [2,1]", &[1, 0], true),
        ("causal", "a append x 1 \n b append x 2 \n c r x [2,1]", &[0, 1], false),
        ("causal", "a append x 1 \n b append x 2 \n c r x [2] \n d r x [1]", &[0, 1], true),
        ("read-your-writes", "a append x 1 \n a append x 2 \n c r x [1,2]", &[1, 0], false),
        ("read-your-writes", "a append x 1 \n a r x []", &[0], false),
        ("monotonic-reads", "a append x 1 \n a r x []", &[0], true),
        ("monotonic-reads", "a append x 1 \n b r x [1] \n b r x []", &[0], false),
        ("read-your-writes", "a append x 1 \n b r x [1] \n b r x []", &[0], true),
        ("monotonic-writes", "a append x 1 \n a append x 2 \n b r x [2]", &[0, 1], false),
        ("writes-follow-reads", "a append x 1 \n a append x 2 \n b r x [2]", &[0, 1], true),
        ("read-your-writes", "a append x 1 \n a append x 2 \n b r x [2]", &[0, 1], true),
        ("read-your-writes", "a append x 1 info \n a r x []", &[], true),
        ("read-your-writes", "a r x [1] \n a append x 1", &[1], false),
        ("causal", "a append x 1 \n b append x 1 \n c r x [1]", &[0, 1], false),
        ("read-your-writes", "a append x 1 \n b append x 1 \n c r x [1]", &[0, 1], false),
        ("causal", "a append x 1 \n c r x [1,1]", &[0], false),
        ("causal", "a add x 1 \n a r x [] \n b remove x 1", &[0, 2], true),
        ("causal", "a add x 1 \n a r x [] \n b remove x 1 info", &[0], true),
        ("causal", "a add x 1 \n a r x [] \n b remove x 1 fail", &[0], false),
        ("causal", "a remove x 1 \n a add x 1 \n a r x []", &[0, 1], false),
        ("monotonic-reads", "a remove x 1 \n a add x 1 \n a r x []", &[0, 1], true),
        ("causal", "a add x 1 \n a remove x 1 \n a r x [1]", &[0, 1], false),
        ("causal", "a add x 1 \n a remove x 1 \n a r x [1] \n b add x 1", &[0, 1, 3], true),
        ("monotonic-reads", "a add x 1 \n a remove x 1 \n a r x [1]", &[0, 1], true),
        ("causal", "a add x 1 \n b add x 1 \n c r x [1]", &[0, 1], true),
        ("causal", "a w x 1 \n a add y 1 \n a w x 2", &[1, 0, 2], true),
        ("causal", "a w x 1 \n a add y 1 \n a w x 2", &[0, 2, 1], true),
        ("causal", "a w x 1 \n a add y 1 \n a w x 2", &[2, 1, 0], false),
        ("causal", "a w x 1 \n a add y 1 \n a w x 2", &[0, 2], false),
        ("causal", "a increment x 2 \n a r x 2 \n b increment x 3", &[0, 2], true),
        ("causal", "a increment x 2 \n a r x 5 \n b increment x 3", &[0, 2], true),
        ("causal", "a increment x 2 \n a r x 6 \n b increment x 3", &[0, 2], false),
        ("causal", "a increment x 2 \n a r x 1 \n b increment x 3", &[0, 2], false),
        ("monotonic-reads", "a increment x 2 \n a r x 1 \n b increment x 3", &[0, 2], true),
        ("monotonic-reads", "a increment x 2 \n b r x 2 \n b r x 1", &[0], false),
        ("read-your-writes", "a increment x 2 \n b r x 2 \n b r x 1", &[0], true),
        ("read-your-writes", "a increment x 2 \n b r x 3", &[0], false),
    ];
    for &(model, text, order, stands) in cases {
        assert_eq!(holds_with(model, text, CertificateKind::OneOrder, &[order]), stands, "{model} {order:?}: {text}");
    }
}

#[test]
fn an_order_a_session_explains_lists_sets_and_counters() {
    // a's write of x comes before b's in b's view, and with it what a did to z before.
    let forced = |z: &str, found: &str| format!("a {z} \n a w x 1 \n a w y 1 \n b w x 2 \n b r z {found} \n b r y 1 \n b r x 2");
    let late: &[usize] = &[0, 1, 3, 4, 2, 5, 6];
    let (added, counted, lists) = ("add z 1", "increment z 4", "a append x 1 \n b append x 2 \n c r x [2,1] \n c r x [2,1]");
    let cases: &[(&str, &[&[usize]], bool)] = &[
        ("a append x 1 \n b r x []", &[&[], &[1, 0]], true),
        ("a append x 1 \n b r x []", &[&[], &[0, 1]], false),
        (lists, &[&[], &[], &[1, 0, 2, 3]], true),
        (lists, &[&[], &[], &[0, 1, 2, 3]], false),
        (lists, &[&[], &[], &[1, 2, 0, 3]], false),
        ("a append x 1 \n a r x []", &[&[1, 0]], false),
        ("a add x 1 \n b r x []", &[&[], &[0, 1]], true),
        ("a add x 1 \n a r x []", &[&[0, 1]], false),
        ("a add x 1 \n a r x [] \n b remove x 1", &[&[0, 1, 2], &[]], true),
        (&forced(added, "[1]"), &[&[], late], true),
        (&forced(added, "[]"), &[&[], late], false),
        (&forced(counted, "4"), &[&[], late], true),
        (&forced(counted, "3"), &[&[], late], false),
        ("a increment x 4 info \n b r x 4 \n b r x 3", &[&[], &[1, 2]], false),
    ];
    for &(text, orders, stands) in cases {
        assert_eq!(holds_with("pram-classic", text, CertificateKind::PerSession, orders), stands, "{orders:?}: {text}");
    }
}

#[test]
fn an_acyclic_hb_explains_lists_sets_and_counters() {
    let cases: &[(&str, bool)] = &[
        ("a append x 1 \n b append x 2 \n c r x [2,1] \n d r x [1,2]", true),
        ("a append x 1 \n a append x 2 \n c r x [2,1]", false),
        ("a append x 1 \n b r x [1] \n b append x 2 \n c append x 3 \n d r x [3,1,2]", true),
        ("a append x 1 \n b r x [1] \n b append x 2 \n c append x 3 \n d r x [2,3,1]", false),
        ("a append x 1 \n a append x 2 \n c r x [1]", true),
        ("a append x 1 \n a append x 2 \n c r x [2]", false),
        ("a add x 1 \n a remove x 1 \n a add y 1 \n c r y [1] \n c r x [1]", false),
        ("a add x 1 \n a remove x 1 \n a add y 1 \n c r x [1] \n c r y [1]", true),
        ("a increment x 1 \n a add y 1 \n c r y [1] \n c r x 0", false),
        ("a increment x 1 \n a add y 1 \n c r x 0 \n c r y [1]", true),
        ("a r x [1] \n a append x 1", false),
    ];
    for &(text, stands) in cases {
        assert_eq!(holds_with("causal-weak", text, CertificateKind::AcyclicHb, &[]), stands, "{text}");
    }
}

#[test]
fn ambiguous_reads_prove_nothing_where_they_could_matter() {
    let ryw_alone = "a w x 1 \n b w x 1 \n c r x 1";
    let own_write = "a w x 1 \n b w x 1 \n c w x 2 \n c r x 1";
    let written_later = "a w x 1 \n b w x 1 \n c r x 1 \n c w x 2";
    let read_before = "a w x 1 \n b w x 1 \n c r x - \n c r x 1";
    let [ryw, mr, causal] = ["read-your-writes", "monotonic-reads", "causal"].map(|name| find(name).expect("a model"));
    assert!(holds(ryw, ryw_alone, &[0, 1]) && holds(mr, ryw_alone, &[1, 0]) && !holds(causal, ryw_alone, &[0, 1]));
    assert!(!holds(ryw, own_write, &[0, 1, 2]) && !holds(ryw, written_later, &[0, 1, 3]));
    assert!(holds(ryw, read_before, &[0, 1]) && !holds(mr, read_before, &[0, 1]));
}

#[test]
fn transactions_hide_what_they_overwrite() {
    let text = "a w x 1 \n a w x 2 + \n a r x 2 + \n b r x 2 \n b w x 3 \n b r x 3";
    let causal = find("causal").expect("a model");
    assert!(holds(causal, text, &[1, 4]));
    assert!(!holds(causal, text, &[0, 1, 4]) && !holds(causal, text, &[4, 1]));
    let one_transaction = "a w x 1 \n b r x 1 \n b w x 2 +";
    let monotonic_reads = find("monotonic-reads").expect("a model");
    assert!(holds(monotonic_reads, one_transaction, &[0, 2]) && !holds(monotonic_reads, one_transaction, &[2, 0]));
}

#[test]
fn a_long_session_overflows_nothing() {
    let mut builder = HistoryBuilder::new();
    let mut order = Vec::new();
    for i in 0..400_000u32 {
        builder.begin(TxnInput::ok(ValueId(i % 2)));
        let kind = if i % 4 < 2 { Kind::Write } else { Kind::Read };
        builder.op(OpInput::new(kind, ValueId(0), ValueId(if kind == Kind::Read { i - 2 } else { i })));
        if kind == Kind::Write {
            order.push(OpId::new(i as usize));
        }
    }
    let h = builder.finish().expect("a history");
    let options = Options::default();
    let verifier = Verifier::new(&h, &options);
    let one_order = |model| Certificate { model, kind: CertificateKind::OneOrder, orders: vec![order.clone()] };
    for model in ["read-your-writes", "pram", "causal"] {
        verifier.verify_certificate(&one_order(model)).unwrap_or_else(|refusal| panic!("{model}: {refusal}"));
    }
    let weak = Certificate { model: "causal-weak", kind: CertificateKind::AcyclicHb, orders: Vec::new() };
    verifier.verify_certificate(&weak).expect("it stands");
}
