//! Histories of every data type, small enough for the oracle, as a plain list of operations.

use testimony::history::{History, HistoryBuilder, Kind, OpInput, Status, TxnInput, ValueId};

/// What was written or shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Val {
    Null,
    Int(i64),
    Many(Vec<i64>),
}

/// A bare operation, or one in the transaction of the operation before it.
#[derive(Clone, PartialEq, Debug)]
pub struct Op {
    pub session: u8,
    pub node: u8,
    pub key: u8,
    pub kind: Kind,
    pub value: Val,
    pub status: Status,
    pub times: Option<(i64, i64)>,
    pub version: Option<i64>,
    pub is_final: bool,
    /// In the transaction of the operation before it.
    pub joins: bool,
}

impl Op {
    /// An acknowledged one.
    pub fn new(session: u8, key: u8, kind: Kind, value: Val) -> Self {
        let status = Status::Ok;
        Op { session, node: session % 3, key, kind, value, status, times: None, version: None, is_final: false, joins: false }
    }

    /// A final read at a node.
    pub fn last(node: u8, key: u8, value: Val) -> Self {
        Op { is_final: true, node, ..Op::new(100 + node, key, Kind::Read, value) }
    }
}

/// A history, in file order.
pub type Toy = Vec<Op>;

/// The transaction of each operation.
pub fn txns(toy: &Toy) -> Vec<usize> {
    let mut count = 0;
    toy.iter()
        .map(|op| {
            count += usize::from(!op.joins);
            count - 1
        })
        .collect()
}

/// The same as the library's history; a line an operation.
pub fn history(toy: &Toy) -> History {
    let mut builder = HistoryBuilder::new();
    for (line, op) in toy.iter().enumerate() {
        if !op.joins {
            let session = builder.values.int(op.session.into());
            let node = Some(builder.values.string(&format!("n{}", op.node)));
            let (invoke_ns, complete_ns) = (op.times.map(|t| t.0), op.times.map(|t| t.1));
            builder.begin(TxnInput { status: op.status, node, invoke_ns, complete_ns, ..TxnInput::ok(session) });
        }
        let key = builder.values.int(op.key.into());
        let value = match &op.value {
            Val::Null => ValueId::NULL,
            Val::Int(number) => builder.values.int((*number).into()),
            Val::Many(elements) => {
                let elements: Vec<ValueId> = elements.iter().map(|&e| builder.values.int(e.into())).collect();
                builder.values.collection(&elements)
            }
        };
        let version = op.version.map(i128::from);
        builder.op(OpInput { version, is_final: op.is_final, line: line as u32 + 1, ..OpInput::new(op.kind, key, value) });
    }
    builder.finish().expect("each key has one type")
}
