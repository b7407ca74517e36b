//! How much each factor drives an agent's preferences.
//!
//! An [`InfluenceMeasure`] turns a [`ComparisonTable`](crate::table::ComparisonTable)
//! into an [`InfluenceProfile`], one number a factor with its uncertainty. Two come
//! with the crate: [`Tau14`] looks at one factor after the other and needs no model;
//! the [`logistic`] model looks at all of them together, so that factors which move
//! together share what they explain.

mod agent_moments;
mod agent_sums;
mod baseline;
mod count;
mod detectable;
mod domains;
mod importance;
mod joint;
pub(crate) mod joint_rows;
pub mod logistic;
mod model_sums;
mod pattern_sums;
mod profile;
mod reliability;
mod sign_counts;
mod sign_patterns;
mod sums;
mod tau;

pub use agent_moments::{AgentMoments, PromptMoments};
pub use agent_sums::AgentSums;
pub(crate) use baseline::length_like;
pub use baseline::{BaselineParams, Baselines, Curves, FitQuality, LongerWins, Quality, QualityIntervals};
pub use detectable::{Detectable, DetectableEffect};
pub use domains::{
    DomainCoefficient, DomainCoefficients, DomainEstimate, DomainFactor, DomainInfluence, DomainParams, DomainSize,
};
pub use importance::{FactorImportance, Importance, ImportanceMethod, ImportanceParams};
pub use joint::{Backend, JointFit, LogisticInfluence, Scale, TiePolicy};
pub use model_sums::{Batches, DifferenceSums, FactorDifferences, ModelSums, SumsModel};
pub use pattern_sums::PatternSums;
pub use profile::{Estimate, FactorInfluence, FactorStatus, InfluenceMeasure, InfluenceProfile, Uncertainty};
pub use reliability::{CorrectedInfluence, ErrorModel, corrected_logistic, corrected_tau14};
pub use sign_counts::SignCounts;
pub use sign_patterns::SignPatterns;
pub use sums::PromptSums;
pub use tau::Tau14;
