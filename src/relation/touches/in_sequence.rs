//! Rules 1 and 2 in runs of events that follow one another, of a register that is not ordered by versions: the usual case, in one look at
//! each event.

use std::ops::Range;

use crate::model::Guarantees;
use crate::relation::events::NONE;
use crate::relation::graph::Reason;
use crate::relation::one_key::OneKey;

use super::Sight;

/// Each write comes after the last write of the run before it, and after what was read since.
pub(super) fn rule_2(graph: &mut OneKey<'_>, run: Range<usize>) {
    let mut last = None;
    let mut since = run.start;
    for i in run {
        let write = graph.touches[i];
        if !write.is_write {
            continue;
        }
        if let Some(last) = last {
            graph.add_edge(last, write.node, Reason::SessionWrites);
        }
        // Of reads of one write the first says it all.
        let mut known = NONE;
        for j in since..i {
            let read = graph.touches[j];
            if read.node != NONE && read.node != write.node && read.node != known && Some(read.node) != last {
                known = read.node;
                graph.add_edge(read.node, write.node, Reason::ReadThenWrite(read.event));
            }
        }
        (last, since) = (Some(write.node), i + 1);
    }
}

/// Each read comes to terms with the last write that its session wrote (RYW), or saw (MR), before it; what came earlier precedes that.
pub(super) fn rule_1(graph: &mut OneKey<'_>, run: Range<usize>, g: Guarantees, contradictions: &mut Vec<Sight>) {
    let (own, seen) = (g.contains(Guarantees::RYW), g.contains(Guarantees::MR));
    let mut visible = NONE;
    for i in run {
        let touch = graph.touches[i];
        if touch.is_write {
            visible = if own { touch.node } else { visible };
            continue;
        }
        if visible != NONE && touch.node != visible {
            match touch.node {
                NONE => contradictions.push((graph.writes[visible as usize], touch.event)),
                node => graph.add_edge(visible, node, Reason::Stale(touch.event)),
            }
        }
        if seen && touch.node != NONE {
            visible = touch.node;
        }
    }
}
