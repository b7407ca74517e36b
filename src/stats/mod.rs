//! Statistics that know nothing about preferences.
//!
//! Everything here works on plain numbers: resampling of clusters, tests, corrections
//! for many tests, correlation, agreement, classification, power. All randomness comes
//! from an explicit seed ([`derive_seed`]), so a figure is the same bytes on every run
//! and for every number of threads.
//!
//! What cannot be computed (a correlation with a constant, an interval from one cluster)
//! is `None`, never a NaN that travels on unseen.

pub mod bootstrap;
pub mod correlation;
pub mod describe;
pub mod distribution;
pub mod interval;
pub mod multiplicity;
pub mod seed;
pub mod sign_flip;

pub use bootstrap::{IntervalMethod, Replicates, Resampling};
pub use correlation::{KendallCounts, cosine, kendall_tau_b, lin_concordance, pearson, spearman};
pub use distribution::{
    chi2_sf, normal_cdf, normal_quantile, normal_sf, t_cdf, t_quantile, t_sf, two_sided_normal_p, two_sided_t_p,
};
pub use interval::Interval;
pub use multiplicity::Correction;
pub use seed::{Rng, derive_seed, index_below, normal, rng, uniform};
pub use sign_flip::{SignFlipTest, sign_flip_test};
