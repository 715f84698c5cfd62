//! Transactions that are known only at the end, and belong where they began.

use super::{Counting, HistoryBuilder};

impl HistoryBuilder {
    /// Moves the last transactions to earlier places, in their order: each comes behind so many of the others. `behind` rises. Cost: O(1)
    /// where there are none, else O(operations).
    pub(crate) fn weave(&mut self, behind: &[u32]) {
        if behind.is_empty() {
            return;
        }
        let h = &mut self.history;
        let others = h.txn_status.len() - behind.len();
        let mut txns: Vec<u32> = Vec::with_capacity(h.txn_status.len());
        let mut last = (others as u32..).zip(behind).peekable();
        for txn in 0..=others as u32 {
            while let Some((moved, _)) = last.next_if(|&(_, &behind)| behind == txn) {
                txns.push(moved);
            }
            if (txn as usize) < others {
                txns.push(txn);
            }
        }
        let ops: Vec<u32> =
            txns.iter().flat_map(|&txn| h.first_op(txn as usize) as u32..h.first_op(txn as usize + 1) as u32).collect();
        let (mut op_txn, mut txn_first) = (Counting::default(), Counting::default());
        for (place, &txn) in (0..).zip(&txns) {
            txn_first.push(op_txn.len() as u32);
            (h.first_op(txn as usize)..h.first_op(txn as usize + 1)).for_each(|_| op_txn.push(place));
        }
        let mut op_line = Counting::default();
        ops.iter().for_each(|&op| op_line.push(h.op_line.get(op as usize)));
        (h.op_txn, h.op_line, h.txn_first) = (op_txn, op_line, txn_first);
        reorder(&mut h.op_kind, &ops);
        reorder(&mut h.op_key, &ops);
        reorder(&mut h.op_value, &ops);
        reorder(&mut h.op_version, &ops);
        reorder(&mut h.op_final, &ops);
        reorder(&mut h.txn_session, &txns);
        reorder(&mut h.txn_status, &txns);
        reorder(&mut h.txn_invoke, &txns);
        reorder(&mut h.txn_complete, &txns);
        reorder(&mut h.txn_node, &txns);
        renumber(&mut h.cas_to, &ops);
        renumber(&mut h.errors, &txns);
    }
}

/// A column whose row i is now what was in row `rows[i]`. An empty one stays so.
fn reorder<T: Copy>(column: &mut Vec<T>, rows: &[u32]) {
    if !column.is_empty() {
        *column = rows.iter().map(|&row| column[row as usize]).collect();
    }
}

/// The same of rows that only some have something in.
fn renumber<T>(sparse: &mut [(u32, T)], rows: &[u32]) {
    if !sparse.is_empty() {
        let mut place = vec![0; rows.len()];
        (0..).zip(rows).for_each(|(now, &row)| place[row as usize] = now);
        sparse.iter_mut().for_each(|(row, _)| *row = place[*row as usize]);
        sparse.sort_unstable_by_key(|&(row, _)| row);
    }
}

#[cfg(test)]
mod tests {
    use crate::history::{HistoryBuilder, Kind, OpInput, Status, TxnInput};

    /// Records transaction number i: one to three operations, of which some know a version, an error, a node or times.
    fn record(builder: &mut HistoryBuilder, i: i64) {
        let (session, node) = (builder.values.int(i.into()), builder.values.int(i128::from(i % 3)));
        let status = if i % 4 == 0 { Status::Info } else { Status::Ok };
        let invoke_ns = (i % 2 == 0).then_some(i);
        builder.begin(TxnInput { status, invoke_ns, node: (i % 5 == 0).then_some(node), ..TxnInput::ok(session) });
        for op in 0..=i % 3 {
            let kind = [Kind::Cas, Kind::Write, Kind::Read][(i + op) as usize % 3];
            let (key, value) = (builder.values.int(i128::from(op)), builder.values.int(i128::from(10 * i + op)));
            let version = (i % 7 == 0).then_some(i128::from(i));
            let is_final = kind == Kind::Read && i % 2 == 1;
            builder.op(OpInput { line: 3 * i as u32, version, is_final, to: key, ..OpInput::new(kind, key, value) });
        }
        if i % 6 == 0 {
            builder.error(format!("\"{i}\""));
        }
    }

    fn told(builder: HistoryBuilder) -> Vec<String> {
        let history = builder.finish().unwrap();
        let of = |op| {
            let txn = history.txn(op);
            let texts = [history.session_text(history.session(op)), history.key_text(history.key(op))];
            let node = history.node(txn).map(|node| history.value_text(history.node_name(node)));
            let values = (history.op_value[op.index()], history.written_value(op), history.version(op), history.is_final(op));
            let of_txn = (history.status(op), history.invoked(txn), history.error(txn));
            format!("{:?}", (history.line(op), txn, texts, node, history.kind(op), values, of_txn))
        };
        history.ops().map(of).collect()
    }

    #[test]
    fn what_was_recorded_last_stands_where_it_belongs() {
        for every in [1, 2, 3, 5, 40] {
            let (mut in_order, mut woven) = (HistoryBuilder::new(), HistoryBuilder::new());
            (0..30).for_each(|i| record(&mut in_order, i));
            let late = |&i: &i64| i % every == 0 && i > 0;
            (0..30).filter(|i| !late(i)).for_each(|i| record(&mut woven, i));
            (0..30).filter(late).for_each(|i| record(&mut woven, i));
            let behind: Vec<u32> = (0..30).filter(late).map(|i| (0..i).filter(|i| !late(i)).count() as u32).collect();
            woven.weave(&behind);
            assert_eq!(told(woven), told(in_order), "{every}");
        }
    }
}
