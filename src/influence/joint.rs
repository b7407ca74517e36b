//! placeholder
use crate::error::Result;
use crate::id::AgentId;
use crate::report::LogisticReport;
use crate::table::ComparisonTable;

/// The joint logistic model.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LogisticInfluence {
    /// Level.
    pub level: f64,
    /// Order effect.
    pub order_effect: bool,
}
impl Default for LogisticInfluence {
    fn default() -> Self {
        Self { level: 0.95, order_effect: false }
    }
}
impl LogisticInfluence {
    pub(crate) fn report(&self, _table: &ComparisonTable, _agent: &AgentId) -> Result<LogisticReport> {
        Ok(LogisticReport::default())
    }
}
