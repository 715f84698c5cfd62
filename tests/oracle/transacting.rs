//! Random small histories of transactions with several reads and writes, to be decorated by [`crate::decorate`].

use crate::rng::Rng;
use crate::toy::{Act, Toy, Txn};

/// How transactions reach the readers, and what readers make of it.
struct Manners {
    sessions: usize,
    keys: usize,
    writers: usize,
    /// Does a transaction arrive as a whole, or write by write?
    whole: bool,
    /// Percent of reads that return anything.
    wild: usize,
    /// Percent of reading transactions that look anew at each read, and of looks that may go back.
    again: usize,
    back: usize,
    /// Percent of writing transactions that read first.
    read_first: usize,
}

impl Manners {
    fn random(rng: &mut Rng) -> Self {
        Manners {
            sessions: rng.between(2, 4),
            keys: *rng.pick(&[2, 2, 3]),
            writers: *rng.pick(&[1, 1, 2]),
            whole: false,
            wild: 0,
            again: *rng.pick(&[0, 20, 60]),
            back: 0,
            read_first: *rng.pick(&[0, 0, 40]),
        }
    }
}

/// Readers see a beginning of one log of writes that may end inside a transaction: half of it is seen.
pub fn torn(rng: &mut Rng) -> Toy {
    let manners = Manners::random(rng);
    Log::new(manners).run(rng)
}

/// The same, but readers go back.
pub fn wandering(rng: &mut Rng) -> Toy {
    let manners = Manners { back: rng.between(50, 100), ..Manners::random(rng) };
    Log::new(manners).run(rng)
}

/// Readers see whole transactions, mostly.
pub fn atomic(rng: &mut Rng) -> Toy {
    let manners = Manners { whole: true, ..Manners::random(rng) };
    Log::new(manners).run(rng)
}

/// Readers see anything.
pub fn wild(rng: &mut Rng) -> Toy {
    let manners = Manners { wild: rng.between(50, 100), back: 50, ..Manners::random(rng) };
    Log::new(manners).run(rng)
}

/// What was written, in one order.
struct Log {
    manners: Manners,
    keys: Vec<u8>,
    /// Where transactions end.
    ends: Vec<usize>,
    /// By session: how much of the log it has seen.
    seen: Vec<usize>,
    toy: Toy,
}

impl Log {
    fn new(manners: Manners) -> Self {
        Log { keys: vec![], ends: vec![0], seen: vec![0; manners.sessions], toy: Toy::default(), manners }
    }

    fn run(mut self, rng: &mut Rng) -> Toy {
        let (writing, reading) = (rng.between(2, 3), rng.between(3, 5));
        let mut plan: Vec<bool> = (0..writing + reading).map(|i| i < writing).collect();
        rng.shuffle(&mut plan[1..]);
        for writes in plan {
            if writes { self.write(rng) } else { self.read(rng) }
        }
        self.toy
    }

    /// Some of the keys, in any order.
    fn some_keys(&self, rng: &mut Rng, at_least: usize) -> Vec<u8> {
        let mut keys: Vec<u8> = (0..self.manners.keys as u8).collect();
        rng.shuffle(&mut keys);
        keys.truncate(rng.between(at_least, keys.len()));
        keys
    }

    fn write(&mut self, rng: &mut Rng) {
        let session = rng.below(self.manners.writers);
        let mut acts = vec![];
        if rng.chance(self.manners.read_first) {
            let key = rng.below(self.manners.keys) as u8;
            acts.push((Act::Read(self.last(key, self.keys.len())), key));
        }
        let at_least = rng.between(1, 2);
        for key in self.some_keys(rng, at_least) {
            self.keys.push(key);
            acts.push((Act::Write(Some(self.keys.len() as i64)), key));
        }
        self.ends.push(self.keys.len());
        self.seen[session] = self.keys.len();
        self.push(session, acts);
    }

    fn read(&mut self, rng: &mut Rng) {
        let session = rng.below(self.manners.sessions);
        let (mut upto, again) = (self.look(rng, session), rng.chance(self.manners.again));
        let mut keys = self.some_keys(rng, 2);
        // What came last is read first, so that what is behind it may be missed.
        if let Some(newest) = upto.checked_sub(1).map(|last| self.keys[last]).filter(|_| rng.chance(70)) {
            keys.retain(|&key| key != newest);
            keys.insert(0, newest);
        }
        let mut acts = vec![];
        for key in keys {
            if again {
                upto = self.look(rng, session);
            }
            let value = if rng.chance(self.manners.wild) { self.any(rng, key) } else { self.last(key, upto) };
            acts.push((Act::Read(value), key));
        }
        self.push(session, acts);
    }

    /// Goes on to some place in the log, or back.
    fn look(&mut self, rng: &mut Rng, session: usize) -> usize {
        let from = if rng.chance(self.manners.back) { 0 } else { self.seen[session] };
        let inside = |place: &usize| !self.ends.contains(place);
        let anywhere: Vec<usize> = (from..=self.keys.len()).collect();
        let fitting: Vec<usize> = anywhere.iter().copied().filter(|place| inside(place) != self.manners.whole).collect();
        let any = fitting.is_empty() || rng.chance(15) && !self.manners.whole;
        let upto = *rng.pick(if any { &anywhere } else { &fitting });
        self.seen[session] = self.seen[session].max(upto);
        upto
    }

    /// The last value of a key in the beginning of the log.
    fn last(&self, key: u8, upto: usize) -> Option<i64> {
        (0..upto).rev().find(|&w| self.keys[w] == key).map(|w| w as i64 + 1)
    }

    fn any(&self, rng: &mut Rng, key: u8) -> Option<i64> {
        let upto = rng.between(0, self.keys.len());
        self.last(key, upto)
    }

    fn push(&mut self, session: usize, acts: Vec<(Act, u8)>) {
        let mut ops = vec![];
        for (act, key) in acts {
            self.toy.push(session as u8, act, key);
            ops.extend(self.toy.txns.pop().expect("just pushed").ops);
        }
        self.toy.txns.push(Txn {
            session: session as u8,
            status: testimony::history::Status::Ok,
            invoke: None,
            complete: None,
            ops,
        });
    }
}
