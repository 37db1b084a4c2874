//! What gates say of an image.

use crate::diff::WasteVerdict;
use crate::lineage::Verdict;
use serde::Serialize;

/// What a gate says.
#[derive(Clone, Debug, Serialize)]
pub struct GateReport {
    /// `require-base`, `forbid-base` or `max-behind`; of layers `min-efficiency` or `max-wasted`.
    pub gate: &'static str,
    /// Whether the image passed it.
    pub passed: bool,
    /// Why, in words that may change.
    pub reason: String,
}

impl From<Verdict> for GateReport {
    fn from(verdict: Verdict) -> Self {
        let Verdict { gate, passed, reason } = verdict;
        Self { gate: gate.name(), passed, reason }
    }
}

impl From<WasteVerdict> for GateReport {
    fn from(verdict: WasteVerdict) -> Self {
        let WasteVerdict { gate, passed, reason } = verdict;
        Self { gate: gate.name(), passed, reason }
    }
}
