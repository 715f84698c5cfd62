//! An order of the writes that something suggests: versions, times, the file, or values that count. It mostly agrees with every constraint
//! there is, and whether it does one look at each event tells; nothing is gathered by key then. O(n).

use std::borrow::Cow;

use rayon::prelude::*;

use crate::model::Guarantees;
use crate::relation::chains::key_order::places;
use crate::relation::events::{Events, NONE, WRITE};
use crate::relation::facts::Facts;

/// The suggested order, if it is an arbitration for this subset of {RYW, MR}.
pub(super) fn arbitration(facts: &Facts<'_>, g: Guarantees) -> Option<Vec<u32>> {
    let events = facts.events();
    if facts.so.overlapping_sessions() > 0 || events.any_info() {
        return None;
    }
    let suggested = if facts.recorded().is_empty() { Suggested::guess(facts)? } else { Suggested::by_version(facts)? };
    let table = || vec![Seen { session: NONE, visible: 0, touched: 0 }; facts.history.keys()];
    let sessions = (0..events.chain_ends.len() as u32).into_par_iter();
    let agrees = sessions.map_init(table, |table, session| suggested.agrees(events, session, g, table)).all(|agrees| agrees);
    agrees.then(|| suggested.order.into_owned())
}

/// An order of writes, maybe with other events in it.
struct Suggested<'f> {
    order: Cow<'f, [u32]>,
    /// By event: where it stands in the order among those of its key.
    place: Cow<'f, [u32]>,
    /// Is it the recorded one, to which sessions add nothing (rule 2)?
    recorded: bool,
}

/// What a session has come to know of a key.
#[derive(Clone, Copy)]
struct Seen {
    session: u32,
    /// One past the last place of a write that is visible to its reads, if there is any.
    visible: u32,
    /// The same of a write that it made or read.
    touched: u32,
}

impl<'f> Suggested<'f> {
    /// The order in which `causal` failed, which extends hb, or else a guess.
    fn guess(facts: &'f Facts<'_>) -> Option<Self> {
        if let Some(swept) = facts.known_swept() {
            return Some(Suggested { order: Cow::Borrowed(&swept.order), place: Cow::Borrowed(&swept.place), recorded: false });
        }
        if facts.guessed_as_filed() {
            let (order, place) = (&facts.so.place[..], &facts.so.sequence[..]);
            return Some(Suggested { order: Cow::Borrowed(order), place: Cow::Borrowed(place), recorded: false });
        }
        let order = facts.recorded_guess()?;
        Some(Suggested { order: Cow::Borrowed(order), place: Cow::Owned(places(order)), recorded: false })
    }

    /// Key by key, where every write has a version of its own.
    fn by_version(facts: &'f Facts<'_>) -> Option<Self> {
        let (events, recorded) = (facts.events(), facts.recorded());
        let mut order = vec![NONE; events.writes()];
        let mut place = vec![0; events.len()];
        for w in (0..events.len() as u32).filter(|&e| events.is_write(e)) {
            let version = recorded.version(w)?;
            place[w as usize] = version - 1;
            order[(events.key_starts[events.key[w as usize] as usize] + version - 1) as usize] = w;
        }
        order.iter().all(|&w| w != NONE).then_some(Suggested {
            order: Cow::Owned(order),
            place: Cow::Owned(place),
            recorded: true,
        })
    }

    /// Does it put every write that is visible to a read of the session no later than what that returned, and each write of the session
    /// after what the session wrote and read of the key before?
    fn agrees(&self, events: &Events, session: u32, g: Guarantees, table: &mut [Seen]) -> bool {
        let (own, seen) = (g.contains(Guarantees::RYW), g.contains(Guarantees::MR));
        let mut chain = events.starts[session as usize]..events.chain_ends[session as usize];
        chain.all(|e| {
            let key = &mut table[events.key[e as usize] as usize];
            if key.session != session {
                *key = Seen { session, visible: 0, touched: 0 };
            }
            let (at, shows, agrees) = match events.source[e as usize] {
                WRITE => {
                    let at = self.place[e as usize] + 1;
                    (at, own, self.recorded || key.touched < at)
                }
                source => {
                    let at = if source == NONE { 0 } else { self.place[source as usize] + 1 };
                    (at, seen, key.visible <= at)
                }
            };
            if shows {
                key.visible = key.visible.max(at);
            }
            key.touched = key.touched.max(at);
            agrees
        })
    }
}
