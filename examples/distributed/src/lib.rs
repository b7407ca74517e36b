//! The statistics of `prefactor` over data that no one machine holds: the library writes SQL and reads sums; DataFusion
//! runs the SQL in this process, or Ballista on a cluster.

pub mod analysis;
pub mod compare;
pub mod engine;
pub mod error;
pub mod generate;
