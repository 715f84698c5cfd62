//! Histories that were built in parts become one.
//!
//! What parts name, intern and number is named, interned and numbered as if one builder had recorded it all: whoever cuts a file and
//! reads its pieces side by side appends them in the order of the file, and the cuts leave no trace. Cost: O(operations) copied, and a
//! look-up for each name and interned value of the part.

use super::{HistoryBuilder, NO_NODE, NO_TIME, NO_VERSION, ValueId, saw};

impl HistoryBuilder {
    /// Appends what a part recorded. Lines before the part are added to its lines; where it `continues` (asked
    /// with the numbers of its sessions here), its first transaction is more of the open one. Returns those numbers. The part's
    /// workload and the like do not count.
    pub(crate) fn append(&mut self, part: HistoryBuilder, lines: u32, continues: impl FnOnce(&[u32]) -> bool) -> Vec<u32> {
        let values = self.values.absorb(part.values);
        let sessions: Vec<u32> = part.sessions.all().iter().map(|&name| self.sessions.number(values.of(name))).collect();
        let keys: Vec<u32> = part.keys.all().iter().map(|&name| self.keys.number(values.of(name))).collect();
        keys.iter().zip(part.kinds).for_each(|(&key, kinds)| saw(&mut self.kinds, key, kinds));
        let nodes: Vec<u32> = part.nodes.all().iter().map(|&name| self.nodes.number(values.of(name))).collect();
        let (h, part_initial, part) = (&mut self.history, part.initial, part.history);
        let (ops, txns) = (h.op_kind.len(), h.txn_status.len());
        let (part_ops, part_txns) = (part.op_kind.len(), part.txn_status.len());

        h.op_kind.extend_from_slice(&part.op_kind);
        h.op_key.extend(part.op_key.iter().map(|&key| keys[key as usize]));
        match values.is_identity() {
            true => h.op_value.extend_from_slice(&part.op_value),
            false => h.op_value.extend(part.op_value.iter().map(|&value| values.of(value))),
        }
        h.op_line.append(&part.op_line, 0, lines);
        h.cas_to.extend(part.cas_to.iter().map(|&(op, to)| (op + ops as u32, values.of(to))));
        append_sparse(&mut h.op_version, ops, &part.op_version, 0..part_ops, NO_VERSION, |version| version);
        append_sparse(&mut h.op_final, ops, &part.op_final, 0..part_ops, false, |is_final| is_final);

        let skipped = usize::from(continues(&sessions));
        let first_txn = (txns - skipped) as u32;
        let kept = skipped..part_txns;
        h.op_txn.append(&part.op_txn, 0, first_txn);
        h.txn_session.extend(part.txn_session[kept.clone()].iter().map(|&session| sessions[session as usize]));
        h.txn_status.extend_from_slice(&part.txn_status[kept.clone()]);
        h.txn_first.append(&part.txn_first, skipped, ops as u32);
        append_sparse(&mut h.txn_invoke, txns, &part.txn_invoke, kept.clone(), NO_TIME, |time| time);
        append_sparse(&mut h.txn_complete, txns, &part.txn_complete, kept.clone(), NO_TIME, |time| time);
        let node = |node: u32| if node == NO_NODE { node } else { nodes[node as usize] };
        append_sparse(&mut h.txn_node, txns, &part.txn_node, kept, NO_NODE, node);

        h.errors.extend(part.errors.into_iter().map(|(txn, text)| (txn + first_txn, text)));
        h.events.extend(part.events.into_iter().map(|mut event| {
            event.line = event.line.saturating_add(lines);
            event
        }));
        h.warnings.extend(part.warnings);
        h.about = part.about.or(h.about.take());
        if part.initial_default != ValueId::NULL {
            h.initial_default = values.of(part.initial_default);
        }
        self.initial.extend(part_initial.into_iter().map(|(key, value)| (values.of(key), values.of(value))));
        sessions
    }
}

/// Appends a piece of a column that may be empty for want of anything in it.
fn append_sparse<T: Copy + PartialEq>(
    column: &mut Vec<T>,
    length: usize,
    part: &[T],
    piece: std::ops::Range<usize>,
    none: T,
    map: impl Fn(T) -> T,
) {
    if !part.is_empty() {
        column.resize(length, none);
        column.extend(part[piece].iter().map(|&value| map(value)));
    } else if !column.is_empty() {
        column.resize(length + piece.len(), none);
    }
}
