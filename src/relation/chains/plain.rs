//! What the passes along chains say, held against its definition: hb as a table of all pairs, slow and plain.

use std::time::Duration;

use fastrand::Rng;

use super::explain::{Swept, overwriting, overwritten_in_past};
use super::key_order::places;
use super::mend::{Mended, Mending};
use super::order::{Edges, by_level, lay_out};
use super::sweep::{self, Unexplained};
use super::walk::{Search, Walker};
use super::{Did, Hb, Nodes, Read};
use crate::relation::budget::Budget;
use crate::relation::events::NONE;
use crate::relation::graph::{Constraints, Extra, Reason};
use crate::relation::overwritten::{Asked, Ordered, Told};

const HISTORIES: u64 = 3_000;

/// A small history: node by node its chain, and what it does to one key.
struct Plain {
    starts: Vec<u32>,
    chain: Vec<usize>,
    key: Vec<u32>,
    /// By node: what it read; `None` for a write.
    source: Vec<Option<u32>>,
    key_starts: Vec<u32>,
    key_writes: Vec<u32>,
    /// As everything happened: an order that extends hb.
    happened: Vec<u32>,
    /// `past[b][a]`: a hb b.
    past: Vec<Vec<bool>>,
}

impl Plain {
    fn random(rng: &mut Rng) -> Self {
        let (keys, chains) = (rng.u32(1..4), rng.usize(1..9));
        let mut starts = vec![0u32];
        let mut chain = Vec::new();
        for c in 0..chains {
            chain.extend(std::iter::repeat_n(c, rng.usize(1..12)));
            starts.push(chain.len() as u32);
        }
        let n = chain.len();
        let mut this = Plain {
            starts: starts.clone(),
            chain,
            key: (0..n).map(|_| rng.u32(..keys)).collect(),
            source: vec![None; n],
            key_starts: Vec::new(),
            key_writes: Vec::new(),
            happened: Vec::new(),
            past: vec![vec![false; n]; n],
        };
        let mut next = starts.clone();
        while this.happened.len() < n {
            let c = rng.usize(..chains);
            if next[c] < starts[c + 1] {
                this.happen(rng, next[c]);
                next[c] += 1;
            }
        }
        let mut starts = vec![0];
        for key in 0..keys {
            let of_key = |e: &u32| this.key[*e as usize] == key && this.source[*e as usize].is_none();
            this.key_writes.extend((0..n as u32).filter(of_key));
            starts.push(this.key_writes.len() as u32);
        }
        this.key_starts = starts;
        this
    }

    fn happen(&mut self, rng: &mut Rng, e: u32) {
        let node = e as usize;
        if rng.bool() {
            let written = self
                .happened
                .iter()
                .copied()
                .filter(|&w| self.key[w as usize] == self.key[node] && self.source[w as usize].is_none());
            self.source[node] = Some(rng.choice(written.collect::<Vec<_>>()).filter(|_| rng.u32(..8) > 0).unwrap_or(NONE));
        }
        let before = (e > self.starts[self.chain[node]]).then(|| e - 1);
        for from in before.into_iter().chain(self.source[node].filter(|&source| source != NONE)) {
            self.past[node][from as usize] = true;
            for a in 0..self.past.len() {
                self.past[node][a] |= self.past[from as usize][a];
            }
        }
        self.happened.push(e);
    }

    /// A few edges more that an order extends, and `past` with them.
    fn with_extra(&self, rng: &mut Rng, order: &[u32]) -> (Extra, Vec<Vec<bool>>) {
        let mut extra = Extra::new(order.len());
        let mut past = self.past.clone();
        for (i, &b) in order.iter().enumerate() {
            let earlier = if rng.u32(..4) == 0 { rng.choice(&order[..i]) } else { None };
            let Some(&a) = earlier else { continue };
            extra.add(a, b, Reason::Version);
            past[b as usize][a as usize] = true;
        }
        for &b in order {
            let mut all = past[b as usize].clone();
            for (before, _) in past.iter().zip(&past[b as usize]).filter(|(_, is)| **is) {
                all.iter_mut().zip(before).for_each(|(all, before)| *all |= before);
            }
            past[b as usize] = all;
        }
        (extra, past)
    }

    fn extends_hb(&self, order: &[u32]) -> bool {
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        let pairs = || order.iter().enumerate().flat_map(|(i, &a)| order[i + 1..].iter().map(move |&b| (a, b)));
        sorted.iter().copied().eq(0..self.chain.len() as u32) && pairs().all(|(a, b)| !self.past[a as usize][b as usize])
    }

    /// By the definition, sorted: of each read and chain the last write of its key between what it returned and itself that is hb-before
    /// it; of a read of the initial value the last of all.
    fn unexplained(&self, order: &[u32]) -> Unexplained {
        let mut found = Unexplained::default();
        for (i, &read) in order.iter().enumerate() {
            let Some(source) = self.source[read as usize] else { continue };
            let counts = |&&x: &&u32| {
                self.source[x as usize].is_none()
                    && self.key[x as usize] == self.key[read as usize]
                    && self.past[read as usize][x as usize]
            };
            let between = order[..i].iter().rev().take_while(|&&x| x != source).filter(counts);
            let mut chains = Vec::new();
            for &x in between {
                if source == NONE {
                    found.initial.push((x, read));
                    break;
                }
                if !chains.contains(&self.chain[x as usize]) {
                    chains.push(self.chain[x as usize]);
                    found.overwritten.push((source, x, read));
                }
            }
        }
        found.initial.sort_unstable_by_key(|&(_, read)| read);
        found.overwritten.sort_unstable();
        found
    }
}

impl Nodes for Plain {
    fn len(&self) -> usize {
        self.chain.len()
    }

    fn chains(&self) -> usize {
        self.starts.len() - 1
    }

    fn chain(&self, node: u32) -> usize {
        self.chain[node as usize]
    }

    fn start(&self, chain: usize) -> u32 {
        self.starts[chain]
    }

    fn end(&self, chain: usize) -> u32 {
        self.starts[chain + 1]
    }

    fn follows(&self, _: u32) -> Option<u32> {
        None
    }

    fn did(&self, node: u32, each: impl FnMut(Did)) {
        self.reads(node).map(Did::Read).chain(self.writes(node).map(Did::Write)).for_each(each);
    }

    fn cross(&self, node: u32) -> impl Iterator<Item = u32> + '_ {
        self.source[node as usize].filter(|&source| source != NONE).into_iter()
    }

    fn reads(&self, node: u32) -> impl Iterator<Item = Read> + '_ {
        let key = self.key[node as usize];
        self.source[node as usize].map(|source| Read { event: node, key, source }).into_iter()
    }

    fn writes(&self, node: u32) -> impl Iterator<Item = u32> + '_ {
        self.source[node as usize].is_none().then(|| self.key[node as usize]).into_iter()
    }

    fn key_starts(&self) -> &[u32] {
        &self.key_starts
    }

    fn writes_of(&self, key: u32) -> &[u32] {
        &self.key_writes[self.key_starts[key as usize] as usize..self.key_starts[key as usize + 1] as usize]
    }
}

fn each(mut test: impl FnMut(&Plain, &mut Rng, &Budget)) {
    let budget = Budget::new(Duration::from_secs(600));
    for seed in 0..HISTORIES {
        let mut rng = Rng::with_seed(seed);
        let plain = Plain::random(&mut rng);
        println!("seed {seed}");
        test(&plain, &mut rng, &budget);
    }
}

/// Some order that extends hb.
fn any_order(plain: &Plain, rng: &mut Rng, budget: &Budget) -> Vec<u32> {
    let mut guess: Vec<u32> = (0..plain.len() as u32).collect();
    rng.shuffle(&mut guess);
    lay_out(plain, guess.into_iter(), &Edges::new(plain.len()), budget).unwrap().expect("hb is acyclic")
}

#[test]
fn orders_extend_hb() {
    each(|plain, rng, budget| {
        let order = any_order(plain, rng, budget);
        assert!(plain.extends_hb(&order));
        assert!(plain.extends_hb(&by_level(plain, &order)));
    });
}

#[test]
fn clocks_and_walks_find_what_is_unexplained() {
    let (mut some, mut partial) = (0, 0);
    each(|plain, rng, budget| {
        let order = any_order(plain, rng, budget);
        let expected = plain.unexplained(&order);
        some += usize::from(!expected.overwritten.is_empty());
        for walks in [false, true] {
            let mut found = Unexplained::default();
            let sort = |x: u32, read: Read| match read.source {
                NONE => found.initial.push((x, read.event)),
                w => found.overwritten.push((w, x, read.event)),
            };
            let mut partly = Vec::new();
            match walks {
                true => sweep::with_walks(plain, &order, budget, &mut partly, sort).unwrap(),
                false => sweep::with_clocks(plain, &order, &sweep::joiners(plain), budget, sort).unwrap(),
            };
            found.initial.sort_unstable_by_key(|&(_, read)| read);
            found.overwritten.sort_unstable();
            assert_eq!(found.initial, expected.initial);
            // A read that was only partly looked at has some of its own.
            let partly: Vec<u32> = partly.iter().map(|(_, read)| read.event).collect();
            partial += partly.len();
            let whole = |all: &[(u32, u32, u32)]| all.iter().copied().filter(|all| !partly.contains(&all.2)).collect::<Vec<_>>();
            assert_eq!(whole(&found.overwritten), whole(&expected.overwritten));
            assert!(found.overwritten.iter().all(|found| expected.overwritten.binary_search(found).is_ok()));
            assert!(partly.iter().all(|&read| found.overwritten.iter().any(|found| found.2 == read)));
        }
    });
    assert!(some > HISTORIES as usize / 10 && some < HISTORIES as usize, "{some} histories with something unexplained");
    assert!(partial > 100, "{partial} reads partly looked at");
}

#[test]
fn answers_are_those_of_hb() {
    each(|plain, rng, budget| {
        let order = any_order(plain, rng, budget);
        let place = places(&order);
        let mut questions: Vec<(u32, u32)> =
            (0..20).map(|_| (rng.u32(..order.len() as u32), rng.u32(..order.len() as u32))).collect();
        questions.retain(|&(a, b)| place[a as usize] < place[b as usize]);
        questions.sort_unstable_by_key(|&(a, b)| (b, a));
        questions.dedup();
        let expected: Vec<bool> = questions.iter().map(|&(a, b)| plain.past[b as usize][a as usize]).collect();
        let mut search = Search::new(plain, &place, usize::MAX);
        let searched: Vec<bool> = questions.iter().map(|&(a, b)| search.leads(a, b).unwrap()).collect();
        assert_eq!(searched, expected);
        let mut walker = Walker::new(plain, budget);
        for (&(a, b), &expected) in questions.iter().zip(&expected) {
            walker.walk(&place, b, place[a as usize]).unwrap();
            assert_eq!(walker.met(a), expected);
        }
    });
}

#[test]
fn reads_are_told_what_they_saw() {
    let (mut newer, mut overwritten) = (0, 0);
    each(|plain, rng, budget| {
        let order = any_order(plain, rng, budget);
        let place = places(&order);
        let n = plain.len() as u32;
        let asked = |node: u32| Some(Asked { node, key: plain.key[node as usize], source: plain.source[node as usize]? });
        let mut asked: Vec<Asked> = (0..n).filter_map(asked).collect();
        asked.retain(|_| rng.u32(..4) > 0);
        rng.shuffle(&mut asked);
        let (extra, after) = plain.with_extra(rng, &order);
        let (keys, writes) = (plain.key_starts.len() - 1, |node| plain.writes(node));
        let ordered = Ordered { graph: &Hb(plain), extra: Some(&extra), order: &order, place: &place, keys, writes };
        let past = |a: u32, b: u32| plain.past[b as usize][a as usize];
        let expected = asked.iter().map(|&Asked { node, key, source }| {
            let seen = || (0..n).filter(|&x| plain.writes(x).any(|of| of == key) && past(x, node));
            let behind = |x: u32| source == NONE || place[x as usize] > place[source as usize];
            Told { newer: seen().any(behind), overwritten: source != NONE && seen().any(|x| after[x as usize][source as usize]) }
        });
        let expected: Vec<Told> = expected.collect();
        newer += expected.iter().filter(|told| told.newer).count();
        overwritten += expected.iter().filter(|told| told.overwritten).count();
        assert_eq!(ordered.tell(&asked, budget).unwrap(), expected);
    });
    assert!(newer > overwritten && overwritten > 1_000, "{newer} newer, {overwritten} overwritten");
}

#[test]
fn reads_are_overwritten_in_their_past_by_definition() {
    let mut looked_for = 0;
    each(|plain, rng, budget| {
        let order = any_order(plain, rng, budget);
        let all = match rng.bool() {
            true => plain.unexplained(&order),
            false => {
                let mut all = Unexplained::default();
                let mut partly = Vec::new();
                let each = |x: u32, read: Read| {
                    if read.source != NONE {
                        all.overwritten.push((read.source, x, read.event))
                    }
                };
                sweep::with_walks(plain, &order, budget, &mut partly, each).unwrap();
                Unexplained { partly, ..all }
            }
        };
        let swept = Swept::new(order, all);
        let mut found = overwritten_in_past(plain, &swept, budget).unwrap();
        let past = |a: u32, b: u32| plain.past[b as usize][a as usize];
        for (read, w, x) in &mut found {
            if *x == NONE {
                *x = overwriting(plain, &swept, *w, *read, budget).unwrap();
                looked_for += 1;
            }
        }
        let is = |read: u32, source: u32| {
            let writes = (0..plain.len() as u32).filter(|&x| plain.source[x as usize].is_none());
            let of_key = |&x: &u32| plain.key[x as usize] == plain.key[read as usize];
            writes.filter(of_key).any(|x| past(source, x) && past(x, read))
        };
        let reads = (0..plain.len() as u32).filter_map(|e| Some((e, plain.source[e as usize]?)));
        let expected: Vec<u32> = reads.filter(|&(e, source)| source != NONE && is(e, source)).map(|(e, _)| e).collect();
        assert_eq!(found.iter().map(|found| found.0).collect::<Vec<_>>(), expected);
        assert!(found.iter().all(|&(read, w, x)| plain.source[read as usize] == Some(w) && past(w, x) && past(x, read)));
    });
    assert!(looked_for > 100, "{looked_for} looked for");
}

#[test]
fn mending_finds_what_comes_to_be_unexplained() {
    let (mut mended, mut anew, mut cyclic) = (0, 0, 0);
    each(|plain, rng, budget| {
        let order = any_order(plain, rng, budget);
        let mut unexplained = Unexplained::default();
        let each = |x: u32, read: Read| {
            if read.source != NONE {
                unexplained.overwritten.push((read.source, x, read.event))
            }
        };
        let mut partly = Vec::new();
        let keys = match rng.bool() {
            true => sweep::with_clocks(plain, &order, &sweep::joiners(plain), budget, each).unwrap(),
            false => sweep::with_walks(plain, &order, budget, &mut partly, each).unwrap(),
        };
        let mut edges = Edges::new(plain.len());
        edges.add(&unexplained.overwritten);
        let partly = partly.into_iter().map(|(_, read)| read.event);
        let mut mending = Mending::new(plain, budget, order, keys, partly);
        let before = mending.order.clone();
        let outcome = mending.mend(&edges, &unexplained.overwritten).unwrap();
        let place = places(&mending.order);
        let extends = |&(w, x, _): &(u32, u32, u32)| place[x as usize] < place[w as usize];
        match outcome {
            Mended::Cyclic => {
                cyclic += 1;
                assert_eq!(mending.order, before);
                assert!(lay_out(plain, before.into_iter(), &edges, budget).unwrap().is_none());
                return;
            }
            Mended::TooMuch => anew += 1,
            Mended::Unexplained(mut found) => {
                mended += 1;
                // Of one chain it may name more than the last; the last is among them.
                let expected = plain.unexplained(&mending.order).overwritten;
                found.sort_unstable();
                assert!(expected.iter().all(|all| found.binary_search(all).is_ok()), "{expected:?} in {found:?}");
            }
        }
        assert!(plain.extends_hb(&mending.order));
        assert!(edges.list.iter().all(extends));
    });
    assert!(anew > HISTORIES as usize / 10 && cyclic > HISTORIES as usize / 10, "{anew} looked at anew, {cyclic} cyclic");
    assert!(mended > HISTORIES as usize / 10, "{mended} orders mended");
}
