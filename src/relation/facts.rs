//! What several models need to know of one history, each fact computed once, when first asked for.

use std::borrow::Cow;
use std::sync::OnceLock;

use rayon::prelude::*;

use crate::check::{Options, WriteOrder};
use crate::history::{DataType, History};
use crate::model::Guarantees;

use super::budget::{Budget, OutOfBudget};
use super::chains::Chains;
use super::chains::explain::{Overwritten, Swept, overwritten_in_past};
use super::chains::key_order::places;
use super::events::{self, Events};
use super::graph::{Constraints, Extra, Graph, Reason};
use super::guess::{self, Guess, Moments};
use super::layout::{Layout, lay_out};
use super::links::{Junctions, Links};
use super::matching::Matching;
use super::one_key::{OneKey, Ranks};
use super::recorded::Recorded;
use super::session_order::SessionOrder;
use super::touches::{ByKey, Touches};

/// The facts of one history under one set of options.
pub(crate) struct Facts<'a> {
    pub(crate) history: &'a History,
    pub(crate) budget: &'a Budget,
    pub(crate) so: SessionOrder,
    pub(crate) matching: Matching,
    /// Are the orders that explain a satisfied model asked for?
    pub(crate) certified: bool,
    write_order: WriteOrder,
    plain: OnceLock<bool>,
    events: OnceLock<Events>,
    recorded: OnceLock<Recorded>,
    own_future_reads: OnceLock<Vec<(u32, u32)>>,
    recorded_guess: OnceLock<Option<Guess>>,
    spread: OnceLock<Vec<u32>>,
    by_key: OnceLock<ByKey>,
    /// With junctions where sessions overlap, and with junctions everywhere.
    links: OnceLock<Links>,
    junction_links: OnceLock<Links>,
    /// Rule 2 with the recorded order, and the recorded order alone.
    base: OnceLock<Result<Extra, OutOfBudget>>,
    recorded_only: OnceLock<Extra>,
    hb_layout: OnceLock<Result<Option<Layout>, OutOfBudget>>,
    swept: OnceLock<Result<Option<Swept>, OutOfBudget>>,
    overwritten: OnceLock<Result<Vec<Overwritten>, OutOfBudget>>,
}

impl<'a> Facts<'a> {
    pub(crate) fn new(history: &'a History, options: &Options, budget: &'a Budget) -> Self {
        let so = SessionOrder::new(history);
        let matching = Matching::new(history, &so, options, budget);
        Facts {
            history,
            budget,
            so,
            matching,
            certified: options.certificates,
            write_order: options.write_order,
            plain: OnceLock::new(),
            events: OnceLock::new(),
            recorded: OnceLock::new(),
            own_future_reads: OnceLock::new(),
            recorded_guess: OnceLock::new(),
            spread: OnceLock::new(),
            by_key: OnceLock::new(),
            links: OnceLock::new(),
            junction_links: OnceLock::new(),
            base: OnceLock::new(),
            recorded_only: OnceLock::new(),
            hb_layout: OnceLock::new(),
            swept: OnceLock::new(),
            overwritten: OnceLock::new(),
        }
    }

    /// Is every transaction one acknowledged write of a register, or read of one that was matched?
    pub(crate) fn plain(&self) -> bool {
        *self.plain.get_or_init(|| events::plain(self.history, &self.matching))
    }

    /// The operations that take part.
    #[inline]
    pub(crate) fn events(&self) -> &Events {
        self.events.get_or_init(|| Events::new(self.history, &self.so, &self.matching, self.plain()))
    }

    /// What is recorded of the order of writes, as far as it is asked for.
    #[inline]
    pub(crate) fn recorded(&self) -> &Recorded {
        self.recorded.get_or_init(|| Recorded::new(self.history, self.write_order, || self.events()))
    }

    /// Reads, with the write that they returned although their own session issued it only later: rule 7.
    pub(crate) fn own_future_reads(&self) -> &[(u32, u32)] {
        self.own_future_reads.get_or_init(|| own_future_reads(self.history, &self.so, self.events()))
    }

    /// The history as chains, where that is all there is to hb: no session overlaps, and every key is a register.
    pub(crate) fn chains(&self) -> Option<Chains<'_>> {
        Chains::new(self.history, &self.so, self.events())
    }

    /// The guessed order of all events.
    pub(crate) fn guess(&self) -> &[u32] {
        self.recorded_guess().unwrap_or_else(|| self.spread())
    }

    /// The guess where nothing suggests an order: each session's events spread evenly.
    pub(crate) fn spread(&self) -> &[u32] {
        self.spread.get_or_init(|| guess::spread(&self.events().starts, |e| self.events().session[e as usize]))
    }

    /// An order that extends hb, if one is kept; else the guess.
    pub(crate) fn best_guess(&self) -> &[u32] {
        self.known_swept().map_or_else(|| self.guess(), |swept| &swept.order)
    }

    /// The places in that order.
    pub(crate) fn best_places(&self) -> Cow<'_, [u32]> {
        match self.known_swept() {
            Some(swept) => Cow::Borrowed(&swept.place),
            None => Cow::Owned(places(self.guess())),
        }
    }

    /// The order that times, the file or values suggest, if they do.
    pub(crate) fn recorded_guess(&self) -> Option<&[u32]> {
        self.recorded_guess.get_or_init(|| self.guess_recorded()).as_ref().map(|guess| &guess.order[..])
    }

    /// The same for whoever needs it once: kept only if it was already.
    pub(crate) fn recorded_guess_once(&self) -> Option<Guess> {
        let kept = self.recorded_guess.get().cloned();
        kept.unwrap_or_else(|| self.guess_recorded())
    }

    /// When each event took effect, as the same suggest.
    pub(crate) fn moments(&self) -> Option<Moments<'_>> {
        match self.recorded_guess.get() {
            Some(guess) => {
                guess.as_ref().map(|guess| Moments { by_node: places(&guess.order).into(), extend_hb: guess.extends_hb })
            }
            None => guess::moments(self.history, &self.so, &self.matching, self.events()),
        }
    }

    fn guess_recorded(&self) -> Option<Guess> {
        guess::recorded(self.history, &self.so, &self.matching, self.events())
    }

    /// Links with junctions where sessions overlap.
    pub(crate) fn links(&self) -> &Links {
        self.links.get_or_init(|| Links::new(self.history, &self.so, self.events(), Junctions::WhereOverlapping))
    }

    /// The links that a set of guarantees needs. Events of a session pass on what came before them only where the guarantees let
    /// reads follow reads (for WFR) and writes follow writes (for RYW); else junctions must.
    pub(crate) fn links_for(&self, g: Guarantees) -> &Links {
        let reads_apart = g.contains(Guarantees::WFR) && !g.contains(Guarantees::MR);
        let writes_apart = g.contains(Guarantees::RYW) && !g.contains(Guarantees::MW);
        if reads_apart || writes_apart {
            self.junction_links.get_or_init(|| Links::new(self.history, &self.so, self.events(), Junctions::Everywhere))
        } else {
            self.links()
        }
    }

    /// What each session does to each key.
    pub(crate) fn touches(&self) -> Touches<'_> {
        let by_key = self.by_key.get_or_init(|| ByKey::new(self.history.keys(), self.events()));
        Touches {
            history: self.history,
            so: &self.so,
            events: self.events(),
            recorded: self.recorded(),
            budget: self.budget,
            by_key,
        }
    }

    /// Visibility under a set of guarantees, as a graph.
    pub(crate) fn visibility(&self, g: Guarantees) -> Graph<'_> {
        Graph { events: self.events(), links: Some(self.links_for(g)), guarantees: g, only_reader: None, extra: None }
    }

    /// The graph of a set of guarantees without session order and write-read.
    pub(crate) fn unlinked(&self, g: Guarantees) -> Graph<'_> {
        Graph { events: self.events(), links: None, guarantees: g, only_reader: None, extra: None }
    }

    /// All events in an order that extends hb; `None` where hb is cyclic.
    pub(crate) fn hb_layout(&self) -> Result<Option<&Layout>, OutOfBudget> {
        let lay_out = || Ok(lay_out(&self.visibility(Guarantees::ALL), self.guess().iter().copied(), self.budget)?.ok());
        self.hb_layout.get_or_init(lay_out).as_ref().map(Option::as_ref).map_err(|&e| e)
    }

    /// Where hb is chains: one sweep along an order that extends it, as kept or else made; `None` where hb is cyclic.
    pub(crate) fn swept(&self, make: impl FnOnce() -> Result<Option<Swept>, OutOfBudget>) -> Result<Option<&Swept>, OutOfBudget> {
        self.swept.get_or_init(make).as_ref().map(Option::as_ref).map_err(|&e| e)
    }

    /// The same, if it is kept.
    pub(crate) fn known_swept(&self) -> Option<&Swept> {
        self.swept.get()?.as_ref().ok()?.as_ref()
    }

    /// What [`overwritten_in_past`](super::chains::explain::overwritten_in_past) finds in that sweep.
    pub(crate) fn overwritten_in_past(&self, chains: &Chains<'_>, swept: &Swept) -> Result<&[Overwritten], OutOfBudget> {
        let found = self.overwritten.get_or_init(|| overwritten_in_past(chains, swept, self.budget));
        found.as_ref().map(Vec::as_slice).map_err(|&e| e)
    }

    /// The constraints on the write order that come from no read's result: rule 2 and what is recorded. MW and WFR together with
    /// reads that returned what they did imply rule 2, so for them only what is recorded is needed.
    pub(crate) fn base(&self, g: Guarantees) -> Result<&Extra, OutOfBudget> {
        let implied = g.contains(Guarantees::MW.with(Guarantees::WFR));
        if implied {
            return Ok(self.recorded_only.get_or_init(|| self.recorded_edges()));
        }
        let base = self.base.get_or_init(|| {
            let mut extra = self.recorded_edges();
            self.each_key(|touches, key, graph| {
                touches.add_rule_2(key, graph)?;
                graph.add_to(&mut extra, &mut []);
                Ok(())
            })?;
            Ok(extra)
        });
        base.as_ref().map_err(|&e| e)
    }

    /// Calls back with each key and its graph, which has no edges yet.
    pub(crate) fn each_key(
        &self,
        mut each: impl FnMut(&Touches<'_>, u32, &mut OneKey<'_>) -> Result<(), OutOfBudget>,
    ) -> Result<(), OutOfBudget> {
        let ranks = Ranks::new(self.events());
        let mut graph = OneKey::new(self.events(), &ranks);
        let touches = self.touches();
        for key in 0..self.history.keys() as u32 {
            self.budget.check()?;
            graph.begin(touches.of(key));
            each(&touches, key, &mut graph)?;
        }
        Ok(())
    }

    /// Adds the order of the elements of every list that was read.
    pub(crate) fn add_list_order(&self, extra: &mut Extra) {
        for collected in &self.events().collected {
            if let Some(before) = self.events().collection(collected.before)
                && self.events().key_type(collected.write) == DataType::List
            {
                extra.add(before.write, collected.write, Reason::ListOrder(collected.read));
            }
        }
    }

    /// The recorded order, as edges that go with either set of links: their auxiliary nodes are numbered behind the junctions of both.
    fn recorded_edges(&self) -> Extra {
        let nodes = self.events().nodes() + self.links_junctions();
        let mut extra = Extra::new(nodes);
        if !self.recorded().is_empty() {
            self.recorded().add_edges(self.history, self.events(), &mut extra);
        }
        extra
    }

    /// The most junctions that any links of this history have.
    fn links_junctions(&self) -> usize {
        if self.recorded().is_empty() {
            return 0;
        }
        let everywhere =
            self.junction_links.get_or_init(|| Links::new(self.history, &self.so, self.events(), Junctions::Everywhere));
        everywhere.junctions.len().max(self.links().junctions.len())
    }
}

/// Reads with a write that they returned although their session issued it only later.
fn own_future_reads(history: &History, so: &SessionOrder, events: &Events) -> Vec<(u32, u32)> {
    let of_session = |s: usize| {
        // Of each session the events are one range, so that most sources are told to be of another without a look at them.
        let own = events.starts[s]..events.starts[s + 1];
        let later = move |r: u32| {
            let w = events.source[r as usize];
            (w > r && own.contains(&w) && events.key_type(r) == DataType::Register && events.so(history, so, r, w))
                .then_some((r, w))
        };
        (events.starts[s]..events.chain_ends[s]).filter_map(later)
    };
    let mut found: Vec<(u32, u32)> = (0..events.chain_ends.len()).into_par_iter().flat_map_iter(of_session).collect();
    let too_early = |r: u32, w: u32| events.session[w as usize] == events.session[r as usize] && events.so(history, so, r, w);
    found.extend(events.collection_reads().filter_map(|r| Some((r, events.shown(r).find(|&w| too_early(r, w))?))));
    found
}
