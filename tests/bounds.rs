//! *Bounds*: histories made to be expensive are given up in time and in memory, and never answered wrongly.
//!
//! Reads that run against the order of the writes contradict n² pairs, and values written again and again give each read n candidates.
//! The allocator counts, so that what is kept of them shows.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use testimony::check::{Judged, Options, check};
use testimony::history::{History, HistoryBuilder, Kind, OpInput, TxnInput, ValueId};
use testimony::model::{Guarantees, MODELS};
use testimony::verdict::Verdict;

/// The system's allocator, counting what is in use and the most that ever was.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is passed on to the system's allocator as it came; only numbers are kept.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let in_use = IN_USE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(in_use, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One history at a time: what is measured is the whole process.
static ALONE: Mutex<()> = Mutex::new(());

const BUDGET: Duration = Duration::from_secs(3);
/// Looking at the clock now and then, on a busy machine.
const GRACE: Duration = Duration::from_secs(12);
/// Of what is asked at once, 4 million pairs; the histories are small beside that.
const MEMORY: usize = 300 << 20;

/// Judges by every model, in time and in memory.
fn judge(ops: &[(i128, Kind, Option<i128>)]) -> Judged {
    timed(ops, BUDGET).0
}

fn timed(ops: &[(i128, Kind, Option<i128>)], budget: Duration) -> (Judged, Duration) {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let history = history(ops);
    let (before, started) = (IN_USE.load(Ordering::Relaxed), Instant::now());
    MOST.store(before, Ordering::Relaxed);
    let judged = check(&history, &Options { models: MODELS.iter().collect(), budget, ..Options::default() });
    let (took, memory) = (started.elapsed(), MOST.load(Ordering::Relaxed) - before);
    println!("{} operations: {took:?}, {} MB", ops.len(), memory >> 20);
    assert!(took < budget + GRACE, "took {took:?}");
    assert!(memory < MEMORY, "took {} MB", memory >> 20);
    (judged, took)
}

/// A session whose operations overlap.
const OVERLAPPING: i128 = 0;

/// (session, kind, value) on one register.
fn history(ops: &[(i128, Kind, Option<i128>)]) -> History {
    let mut builder = HistoryBuilder::new();
    let overlaps = ops.iter().any(|&(session, ..)| session == OVERLAPPING);
    for (at, &(session, kind, value)) in (0..).zip(ops) {
        let takes = if session == OVERLAPPING { 15 } else { 5 };
        let times = [10 * at, 10 * at + takes].map(|time| overlaps.then_some(time));
        let session = builder.values.int(session);
        let value = value.map_or(ValueId::NULL, |value| builder.values.int(value));
        let key = builder.values.string("x");
        builder.begin(TxnInput { invoke_ns: times[0], complete_ns: times[1], ..TxnInput::ok(session) });
        builder.op(OpInput::new(kind, key, value));
    }
    builder.finish().expect("a register")
}

fn verdict(judged: &Judged, model: &str) -> Verdict {
    judged.judgements.iter().find(|judgement| judgement.model == model).expect("every model was asked for").verdict
}

const N: i128 = 30_000;
/// So few that all pairs are looked at in the time there is: what is kept of them then shows.
const FEW: i128 = 8_000;
const LONG: Duration = Duration::from_secs(20);

fn writes(n: i128) -> impl Iterator<Item = (i128, Kind, Option<i128>)> {
    (1..=n).map(|value| (1, Kind::Write, Some(value)))
}

#[test]
fn reads_in_reverse() {
    let reads = |n: i128| (1..=n).rev().map(|value| (2, Kind::Read, Some(value)));
    let judged = judge(&writes(N).chain(reads(N)).collect::<Vec<_>>());
    assert_eq!(verdict(&judged, "monotonic-reads"), Verdict::Violated);
    let (judged, _) = timed(&writes(FEW).chain(reads(FEW)).collect::<Vec<_>>(), LONG);
    assert_eq!(verdict(&judged, "monotonic-reads"), Verdict::Violated);
    assert_eq!(verdict(&judged, "read-your-writes"), Verdict::Satisfied);
}

#[test]
fn reads_in_reverse_one_session_each() {
    // Nothing ties the reads of a value to each other: these are fine, and hard for nobody.
    let reads = (1..=N).rev().map(|value| (1 + value, Kind::Read, Some(value)));
    let judged = judge(&writes(N).chain(reads).collect::<Vec<_>>());
    assert!(judged.judgements.iter().all(|judgement| judgement.verdict != Verdict::Violated));
}

#[test]
fn initial_reads_after_everything_was_seen() {
    let reads = |n: i128| (0..n).map(move |number| (2, Kind::Read, (number == 0).then_some(n)));
    let judged = judge(&writes(N).chain(reads(N)).collect::<Vec<_>>());
    assert_eq!(verdict(&judged, "monotonic-reads"), Verdict::Violated);
    let (judged, _) = timed(&writes(FEW).chain(reads(FEW)).collect::<Vec<_>>(), LONG);
    assert_eq!(verdict(&judged, "monotonic-reads"), Verdict::Violated);
}

#[test]
fn a_thousand_sessions_that_all_fail() {
    let reads = (0..1000).flat_map(|s| [(2 + s, Kind::Read, Some(N)), (2 + s, Kind::Read, Some(5))]);
    let judged = judge(&writes(N).chain(reads).collect::<Vec<_>>());
    assert_eq!(verdict(&judged, "monotonic-reads"), Verdict::Violated);
}

#[test]
fn two_values_again_and_again() {
    let ops = (0..4 * N).map(|number| match number % 2 {
        0 => (1, Kind::Write, Some(number % 4)),
        _ => (2, Kind::Read, Some(number % 4 - 1)),
    });
    let (judged, took) = timed(&ops.collect::<Vec<_>>(), BUDGET);
    assert!(took < BUDGET, "ambiguous reads take no part, so there is nothing to give up");
    assert_eq!(judged.skipped, 2 * N as u64);
    assert_eq!(verdict(&judged, "causal"), Verdict::Unknown);
    assert_eq!(verdict(&judged, "well-formed"), Verdict::Satisfied);
}

#[test]
fn a_value_read_before_it_is_written_again_and_again() {
    let reads = (0..2 * N).map(|_| (1, Kind::Read, Some(1)));
    let writes = (0..2 * N).map(|_| (1, Kind::Write, Some(1)));
    let judged = judge(&reads.chain(writes).collect::<Vec<_>>());
    assert_eq!(verdict(&judged, "well-formed"), Verdict::Unknown);
    assert!(judged.judgements.iter().all(|judgement| judgement.verdict == Verdict::Unknown));
}

#[test]
fn a_stale_read_far_away() {
    // One session writes and reads back, and at the end reads its first value again: no search need cross all that lies between.
    let pairs = (1..=200_000).flat_map(|value| [(1, Kind::Write, Some(value)), (1, Kind::Read, Some(value))]);
    let (judged, took) = timed(&pairs.chain([(1, Kind::Read, Some(1))]).collect::<Vec<_>>(), 2 * LONG);
    assert!(took < 2 * LONG, "took all the time there was");
    for model in MODELS.iter().filter(|model| !["well-formed", "read-committed", "convergence"].contains(&model.name)) {
        assert_eq!(verdict(&judged, model.name), Verdict::Violated, "{}", model.name);
    }
    let minimal = judged.minimal_violated.expect("all sets were judged");
    assert_eq!(minimal, [Guarantees::RYW, Guarantees::MR]);
    assert!(judged.judgements.iter().filter_map(|judgement| judgement.stale_reads).all(|stale| stale == 1));
}

/// One goes on reading a value while another writes ever more, which others read: those between are not gone through for each read. May at
/// the end one read what it knows to be overwritten?
fn stuck(rounds: i128, others: i128, overlapping: bool, stale: bool) {
    let first = [(OVERLAPPING, Kind::Write, Some(-1)), (OVERLAPPING, Kind::Write, Some(-2)), (1, Kind::Write, Some(1))];
    let in_rounds = (2..=rounds).flat_map(|value| {
        let other = (others > 0).then(|| (3 + value % others, Kind::Read, Some(value)));
        [(1, Kind::Write, Some(value)), (2, Kind::Read, Some(1))].into_iter().chain(other)
    });
    let last = [(3, Kind::Read, Some(rounds)), (3, Kind::Read, Some(1))];
    let ops = first[if overlapping { 0 } else { 2 }..].iter().copied().chain(in_rounds).chain(last.into_iter().filter(|_| stale));
    let (judged, took) = timed(&ops.collect::<Vec<_>>(), 2 * LONG);
    assert!(took < LONG, "took the square of what there is");
    for judgement in judged.judgements.iter().filter(|judgement| judgement.model != "convergence") {
        match judgement.verdict {
            Verdict::Satisfied => {}
            Verdict::Violated => assert_eq!(judgement.stale_reads.unwrap_or(1), u64::from(stale), "{}", judgement.model),
            Verdict::Unknown => panic!("{}: {:?}", judgement.model, judgement.reason),
        }
    }
    assert_eq!(verdict(&judged, "causal"), if stale { Verdict::Violated } else { Verdict::Satisfied });
    assert_eq!(verdict(&judged, "read-your-writes"), Verdict::Satisfied);
}

#[test]
fn a_session_that_is_stuck() {
    stuck(300_000, 0, false, false);
}

#[test]
fn a_session_that_is_stuck_among_many_others() {
    stuck(100_000, 400, false, false);
}

#[test]
fn a_session_that_is_stuck_while_another_is_wrong() {
    stuck(100_000, 0, false, true);
    stuck(100_000, 400, false, true);
}

#[test]
fn a_session_that_is_stuck_while_another_overlaps() {
    stuck(100_000, 400, true, false);
    stuck(100_000, 400, true, true);
}

#[test]
fn transactions_of_many_operations() {
    // One writes all keys, others read few of them, and one reads all again: neither side may be gone through for each of the other.
    const KEYS: i128 = 200_000;
    let mut builder = HistoryBuilder::new();
    let mut begin = |session: i128, ops: &mut dyn Iterator<Item = (Kind, i128, i128)>| {
        let session = builder.values.int(session);
        builder.begin(TxnInput::ok(session));
        for (kind, key, value) in ops {
            let (key, value) = (builder.values.int(key), builder.values.int(value));
            builder.op(OpInput::new(kind, key, value));
        }
    };
    begin(0, &mut (0..KEYS).map(|key| (Kind::Write, key, 1)));
    for reader in 0..KEYS / 2 {
        begin(1 + reader % 100, &mut [(Kind::Read, 2 * reader, 1), (Kind::Read, 2 * reader + 1, 1)].into_iter());
    }
    begin(101, &mut (0..KEYS).map(|key| (Kind::Read, key, 1)));
    let history = builder.finish().expect("registers");
    let models = MODELS.iter().filter(|model| model.name == "transactional-causal" || model.name == "read-committed");
    let started = Instant::now();
    let judged = check(&history, &Options { models: models.collect(), budget: LONG, ..Options::default() });
    println!("{} operations: {:?}", history.operations(), started.elapsed());
    assert!(judged.judgements.iter().all(|judgement| judgement.verdict == Verdict::Satisfied));
}
