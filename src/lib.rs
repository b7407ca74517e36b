//! Preference factors.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod alignment;
mod analysis;
pub mod error;
pub mod factor;
pub mod id;
pub mod influence;
pub mod preference;
pub mod report;
pub mod stats;
pub mod table;
pub mod task;

pub use analysis::{Analysis, Stage};
pub use error::{Error, Result};
pub use report::Report;
