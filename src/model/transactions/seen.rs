//! What each transaction of `read-committed` and `read-atomic` saw: all constraints there are, enumerated.
//!
//! `read-committed`: t3 saw what it had read from. Reads of one key are enough taken one after another, since each makes way for the next;
//! so a transaction is gone through backwards, with the next read of each key at hand. `read-atomic`: t3 saw what it read from at all, and
//! its session's last earlier writer of the key, which comes after the others.
//!
//! Where t3 has few reads, each is compared with each other: does what it read from write the other's key? Else which keys t2 writes and
//! t3 reads is looked up from the side that has fewer. Cost: O(n) for transactions of bounded size, O(n^1.5) for
//! any (Møldrup & Pavlogiannis, PLDI'25); where a session overlaps, times how many of its transactions do at once.

use std::ops::Range;
use std::slice::SliceIndex;

use rayon::prelude::*;

use crate::history::SessionId;
use crate::model::Isolation;
use crate::relation::budget::{Budget, OutOfBudget};
use crate::relation::events::NONE;
use crate::relation::session_order::Moment;
use crate::relation::transactions::{Read, Transactions};

use super::Sight;

/// Every sight of `read-committed` or `read-atomic` that is wanted, in the order of the readers. The sessions are shared out to the threads.
pub(super) fn sights(
    transactions: &Transactions<'_>,
    isolation: Isolation,
    budget: &Budget,
    wanted: impl Fn(&Sight) -> bool + Sync,
) -> Result<Vec<Sight>, OutOfBudget> {
    if isolation == Isolation::ReadCommitted && transactions.history.all_bare() {
        return Ok(Vec::new()); // Nobody read twice.
    }
    let written = Written::new(transactions);
    let shares: Vec<Range<usize>> = shares(transactions, rayon::current_num_threads());
    let found: Result<Vec<Vec<Sight>>, OutOfBudget> = shares
        .into_par_iter()
        .map(|sessions| {
            let mut found = Vec::new();
            let each = |sight: Sight| {
                if wanted(&sight) {
                    found.push(sight);
                }
            };
            let scan = Scan::new(transactions, &written, budget);
            match isolation {
                Isolation::ReadCommitted => by_earlier_reads(scan, sessions, each)?,
                _ => directly(scan, sessions, each)?,
            }
            Ok(found)
        })
        .collect();
    Ok(found?.concat())
}

/// The sessions in so many neighbouring shares of about as many transactions each.
fn shares(transactions: &Transactions<'_>, number: usize) -> Vec<Range<usize>> {
    let up_to = |s: usize| transactions.bounds(SessionId::new(s)).2 as usize;
    let mut first = 0;
    (1..=number)
        .map(|share| {
            let start = first;
            while first < transactions.sessions() && (share == number || up_to(first) <= transactions.len() * share / number) {
                first += 1;
            }
            start..first
        })
        .collect()
}

/// `read-committed`.
fn by_earlier_reads(mut scan: Scan<'_>, sessions: Range<usize>, mut each: impl FnMut(Sight)) -> Result<(), OutOfBudget> {
    let transactions = scan.transactions;
    for session in sessions.map(SessionId::new) {
        let (start, chain_end, _) = transactions.bounds(session);
        for reader in start..chain_end {
            scan.begin(reader)?;
            if scan.reads.len() <= FEW {
                (0..scan.reads.len()).for_each(|i| scan.seen_by(i, i + 1.., &mut each));
                continue;
            }
            let Scan { reads, fresh, at, written, .. } = &mut scan;
            for (i, read) in reads.iter().enumerate().rev() {
                if read.source != NONE {
                    let mut saw = |key: u32| {
                        if let Some(next) = reads.get(at[key as usize] as usize).filter(|next| next.source != read.source) {
                            each(Sight { read: next.op, source: next.source, seen: read.source });
                        }
                    };
                    if fresh[i] { written.common(transactions, read.source, &reads[i + 1..], saw) } else { saw(read.key) }
                }
                at[read.key as usize] = i as u32;
            }
            scan.end();
        }
    }
    Ok(())
}

/// `read-atomic`.
fn directly(mut scan: Scan<'_>, sessions: Range<usize>, mut each: impl FnMut(Sight)) -> Result<(), OutOfBudget> {
    let transactions = scan.transactions;
    let bare = transactions.history.all_bare();
    // By key: its latest writer in the session.
    let mut last = vec![NONE; transactions.history.keys()];
    for session in sessions.map(SessionId::new) {
        let (start, chain_end, _) = transactions.bounds(session);
        let writers = transactions.overlap(session).then(|| Writers::new(transactions, session));
        for reader in start..chain_end {
            // What its session wrote last,
            let mut seen_by_session = |read: Read| {
                let mut saw = |seen: u32| {
                    if seen != read.source {
                        each(Sight { read: read.op, source: read.source, seen });
                    }
                };
                match &writers {
                    Some(writers) => writers.latest(transactions, read.key, reader, saw),
                    None => {
                        let latest = last[read.key as usize];
                        if latest != NONE && latest >= start {
                            saw(latest);
                        }
                    }
                }
            };
            // and what it read from, if it read twice.
            if bare {
                if reader % 1024 == 0 {
                    scan.budget.check()?;
                }
                transactions.reads_of(reader).for_each(seen_by_session);
            } else {
                scan.begin(reader)?;
                scan.reads.iter().copied().for_each(&mut seen_by_session);
                if scan.reads.len() <= FEW {
                    (0..scan.reads.len()).for_each(|i| scan.seen_by(i, .., &mut each));
                } else {
                    seen_by_reading(&mut scan, &mut each);
                    scan.end();
                }
            }
            if writers.is_none() {
                transactions.writes_of(reader).for_each(|(_, key)| last[key as usize] = reader);
            }
        }
    }
    Ok(())
}

/// A transaction saw all of what it read from.
fn seen_by_reading(scan: &mut Scan<'_>, each: &mut impl FnMut(Sight)) {
    let Scan { transactions, reads, fresh, at, other, written, .. } = scan;
    for (i, read) in (0u32..).zip(&*reads) {
        match reads.get(at[read.key as usize] as usize) {
            None => at[read.key as usize] = i,
            // Two are enough: they contradict each other.
            Some(first) if first.source != read.source => other[read.key as usize] = i,
            Some(_) => {}
        }
    }
    for (_, read) in fresh.iter().zip(&*reads).filter(|&(&fresh, read)| fresh && read.source != NONE) {
        written.common(transactions, read.source, reads, |key| {
            for i in [at[key as usize], other[key as usize]] {
                if let Some(next) = reads.get(i as usize).filter(|next| next.source != read.source) {
                    each(Sight { read: next.op, source: next.source, seen: read.source });
                }
            }
        });
    }
}

/// The reads of one transaction after another.
struct Scan<'a> {
    transactions: &'a Transactions<'a>,
    written: &'a Written,
    budget: &'a Budget,
    begun: u32,
    reads: Vec<Read>,
    // Where they are more than a few:
    /// Is it the transaction's first from where it read?
    fresh: Vec<bool>,
    /// By node: the last such transaction that read from it. Empty where there was none.
    reader: Vec<u32>,
    /// By key: a read of it, and another from elsewhere.
    at: Vec<u32>,
    other: Vec<u32>,
}

impl<'a> Scan<'a> {
    fn new(transactions: &'a Transactions<'a>, written: &'a Written, budget: &'a Budget) -> Self {
        let keys = transactions.history.keys();
        Scan {
            transactions,
            written,
            budget,
            begun: 0,
            reads: Vec::new(),
            fresh: Vec::new(),
            reader: Vec::new(),
            at: vec![NONE; keys],
            other: vec![NONE; keys],
        }
    }

    #[inline]
    fn begin(&mut self, reader: u32) -> Result<(), OutOfBudget> {
        self.begun += 1;
        if self.begun.is_multiple_of(1024) {
            self.budget.check()?;
        }
        self.reads.clear();
        self.reads.extend(self.transactions.reads_of(reader));
        if self.reads.len() > FEW {
            self.reader.resize(self.transactions.len(), NONE);
            let mut fresh = |last: &mut u32| std::mem::replace(last, reader) != reader;
            let all = self.reads.iter().map(|read| self.reader.get_mut(read.source as usize).is_some_and(&mut fresh));
            self.fresh.extend(all);
        }
        Ok(())
    }

    /// Where reads are few: whoever read what one of them read from saw it, too, as some others of them know.
    #[inline]
    fn seen_by(&self, i: usize, others: impl SliceIndex<[Read], Output = [Read]>, each: &mut impl FnMut(Sight)) {
        let seen = self.reads[i].source;
        if seen == NONE {
            return;
        }
        for other in self.reads[others].iter().filter(|other| other.source != seen) {
            if self.written.writes(self.transactions, seen, other.key) {
                each(Sight { read: other.op, source: other.source, seen });
            }
        }
    }

    /// Where they were more than a few: forgets them.
    fn end(&mut self) {
        for read in &self.reads {
            self.at[read.key as usize] = NONE;
            self.other[read.key as usize] = NONE;
        }
        self.fresh.clear();
    }
}

/// So few reads are compared with one another faster than remembered.
const FEW: usize = 16;

/// What transactions write, for those that read from them.
struct Written {
    /// By node: of each key that it writes one bit of 64. Empty where every transaction is one operation, for then nobody asks.
    bits: Vec<u64>,
    /// The (node, key) of each write of the transactions that are long, ascending.
    long: Vec<(u32, u32)>,
}

/// Transactions of more operations are long.
const SHORT: usize = 64;

/// The bit of a key: Fibonacci hashing (Knuth, TAOCP 3, 6.4).
#[inline]
fn bit(key: u32) -> u64 {
    1 << (key.wrapping_mul(0x9E37_79B1) >> 26)
}

impl Written {
    fn new(transactions: &Transactions<'_>) -> Self {
        if transactions.history.all_bare() {
            return Written { bits: Vec::new(), long: Vec::new() };
        }
        let nodes = (0..transactions.len() as u32).into_par_iter().with_min_len(1 << 12);
        let bits = nodes.map(|node| transactions.writes_of(node).fold(0, |bits, (_, key)| bits | bit(key))).collect();
        let mut long = Vec::new();
        for node in (0..transactions.len() as u32).filter(|&node| transactions.ops(node).len() > SHORT) {
            let first = long.len();
            long.extend(transactions.writes_of(node).map(|(_, key)| (node, key)));
            long[first..].sort_unstable();
        }
        Written { bits, long }
    }

    /// Does a transaction write a key?
    #[inline]
    fn writes(&self, transactions: &Transactions<'_>, node: u32, key: u32) -> bool {
        self.bits[node as usize] & bit(key) != 0
            && match transactions.ops(node).len() > SHORT {
                true => self.long.binary_search(&(node, key)).is_ok(),
                false => transactions.written_by(node).contains(&key),
            }
    }

    /// Calls back with the keys that a transaction writes and that are among those of the reads, or, where it has few, with all.
    #[inline]
    fn common(&self, transactions: &Transactions<'_>, node: u32, reads: &[Read], mut each: impl FnMut(u32)) {
        let ops = transactions.ops(node).len();
        if ops <= SHORT || ops <= reads.len() {
            transactions.writes_of(node).for_each(|(_, key)| each(key));
        } else {
            let written = |read: &&Read| self.writes(transactions, node, read.key);
            reads.iter().filter(written).for_each(|read| each(read.key));
        }
    }
}

/// The writers of each key in a session that overlaps.
struct Writers {
    /// Key, writer, and when the last of the writers up to this one to begin began; ascending by key and by when the writer ends.
    ends: Vec<(u32, u32, Moment)>,
}

impl Writers {
    fn new(transactions: &Transactions<'_>, session: SessionId) -> Self {
        let (start, chain_end, _) = transactions.bounds(session);
        let writes = |node| transactions.writes_of(node).map(move |(_, key)| (key, node, transactions.begins_at(node)));
        let mut ends: Vec<(u32, u32, Moment)> = (start..chain_end).flat_map(writes).collect();
        ends.sort_unstable_by_key(|&(key, node, _)| (key, transactions.ends_at(node)));
        for i in 1..ends.len() {
            if ends[i - 1].0 == ends[i].0 {
                ends[i].2 = ends[i].2.max(ends[i - 1].2);
            }
        }
        Writers { ends }
    }

    /// Calls back with the writers of a key that had ended when the reader began, but for those that another one follows.
    fn latest(&self, transactions: &Transactions<'_>, key: u32, reader: u32, each: impl FnMut(u32)) {
        let begins = transactions.begins_at(reader);
        let ended = self.ends.partition_point(|&(of, node, _)| of < key || of == key && transactions.ends_at(node) < begins);
        let ended = self.ends[..ended].iter().rev().take_while(|&&(of, ..)| of == key);
        let Some(&(.., latest)) = ended.clone().next() else { return };
        ended.map(|&(_, node, _)| node).take_while(|&node| transactions.ends_at(node) >= latest).for_each(each);
    }
}
