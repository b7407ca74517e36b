//! Preference factors.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod error;
pub mod factor;
pub mod id;
pub mod influence;
pub mod preference;
pub mod stats;
pub mod table;

pub use error::{Error, Result};
