//! Factors measured from the text alone, with no model.

mod document;

pub use document::Document;
