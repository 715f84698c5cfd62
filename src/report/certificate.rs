//! The certificate file of `--certificate`: for each satisfied model the order that explains the history, to check without searching.

use serde::{Deserialize, Serialize};

use crate::check::{Certificate, CertificateKind};
use crate::history::OpId;

use super::Settings;

/// The certificates of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CertificateFile {
    /// The version of Testimony that wrote it.
    pub testimony: String,
    /// By history.
    pub histories: Vec<CertifiedHistory>,
}

/// The certificates of one history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CertifiedHistory {
    /// The path as given.
    pub path: String,
    /// Of the file's bytes as they are.
    pub sha256: String,
    /// How it was read and judged.
    pub options: Settings,
    /// One per satisfied model.
    pub certificates: Vec<CertificateReport>,
}

/// The proof that a model is satisfied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CertificateReport {
    /// The model.
    pub model: String,
    /// How it proves.
    pub kind: CertificateKind,
    /// Operations by id; see [`Certificate::orders`].
    pub orders: Vec<Vec<u32>>,
}

impl CertificateFile {
    /// A file of the certificates of several histories.
    pub fn new(histories: Vec<CertifiedHistory>) -> Self {
        CertificateFile { testimony: env!("CARGO_PKG_VERSION").to_owned(), histories }
    }
}

impl From<&Certificate> for CertificateReport {
    fn from(certificate: &Certificate) -> Self {
        CertificateReport {
            model: certificate.model.to_owned(),
            kind: certificate.kind,
            orders: certificate
                .orders
                .iter()
                .map(|order: &Vec<OpId>| order.iter().map(|op| op.index() as u32).collect())
                .collect(),
        }
    }
}
