//! Preference factors.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod error;
pub mod factor;
pub mod id;
pub mod influence;
pub mod stats;

pub use error::{Error, Result};
