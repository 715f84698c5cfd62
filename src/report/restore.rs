//! From a report back to witnesses and certificates of a history: the first half of `testimony verify`.
//!
//! A report is somebody's claim. Before its steps are re-checked, its operations must be those of the history, field by field, and
//! every id must be one.

use rustc_hash::FxHashMap;

use crate::check::Certificate;
use crate::history::{History, OpId, SessionId};
use crate::model;
use crate::verdict::{Step, Witness};

use super::{CertificateReport, StepReport, WitnessReport, operation};

/// Why a part of a report is not about the history.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Foreign {
    /// An id beyond the history's operations.
    #[error("operation {0} is not in the history")]
    Operation(u32),
    /// A field that the history has otherwise.
    #[error("operation {0} is not as the history has it: {1}")]
    Field(u32, String),
    /// A session without an operation in the witness.
    #[error("session {0} has no operation in the witness")]
    Session(String),
    /// A hop of a path with a path of its own.
    #[error("the hop from {0} to {1} has a path of its own")]
    Nested(u32, u32),
    /// A model that this version does not know.
    #[error("there is no model `{0}`")]
    Model(String),
}

impl WitnessReport {
    /// The witness, if its operations are the history's.
    pub fn restore(&self, history: &History) -> Result<Witness, Foreign> {
        let mut operations = Vec::with_capacity(self.operations.len());
        let mut sessions: FxHashMap<String, SessionId> = FxHashMap::default();
        for shown in &self.operations {
            let op = op(history, shown.id)?;
            let recorded = operation(history, op);
            if *shown != recorded {
                let text = serde_json::to_string(&recorded).expect("an operation is JSON");
                return Err(Foreign::Field(shown.id, format!("that has {text}")));
            }
            sessions.insert(recorded.session.to_string(), history.session(op));
            operations.push(op);
        }
        let session =
            |name: &serde_json::Value| sessions.get(&name.to_string()).copied().ok_or_else(|| Foreign::Session(name.to_string()));
        Ok(Witness {
            anomaly: self.anomaly,
            sessions: self.sessions.iter().map(session).collect::<Result<_, _>>()?,
            assumes: self.assumes.clone(),
            operations,
            transactions: self.transactions,
            view: self.view.as_ref().map(session).transpose()?,
            derived: steps(history, &self.derived)?,
            steps: steps(history, &self.steps)?,
        })
    }
}

impl CertificateReport {
    /// The certificate, if its operations are in the history.
    pub fn restore(&self, history: &History) -> Result<Certificate, Foreign> {
        let model = model::find(&self.model).ok_or_else(|| Foreign::Model(self.model.clone()))?.name;
        let order = |ids: &Vec<u32>| ids.iter().map(|&id| op(history, id)).collect::<Result<Vec<OpId>, Foreign>>();
        Ok(Certificate { model, kind: self.kind, orders: self.orders.iter().map(order).collect::<Result<_, _>>()? })
    }
}

fn steps(history: &History, shown: &[StepReport]) -> Result<Vec<Step>, Foreign> {
    let flat = |step: &StepReport| -> Result<Step, Foreign> {
        let read = step.read.map(|id| op(history, id)).transpose()?;
        Ok(Step { read, ..Step::new(op(history, step.from)?, op(history, step.to)?, step.relation, step.because) })
    };
    let hop = |step: &StepReport| if step.via.is_empty() { flat(step) } else { Err(Foreign::Nested(step.from, step.to)) };
    shown.iter().map(|step| Ok(Step { via: step.via.iter().map(hop).collect::<Result<_, _>>()?, ..flat(step)? })).collect()
}

fn op(history: &History, id: u32) -> Result<OpId, Foreign> {
    if (id as usize) < history.operations() { Ok(OpId::new(id as usize)) } else { Err(Foreign::Operation(id)) }
}
