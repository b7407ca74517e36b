//! A tokenized response with its source.

/// A response tokenized once, with its source, for every factor to read.
#[derive(Debug)]
pub struct Document<'a> {
    text: &'a str,
}

impl<'a> Document<'a> {
    /// The response as it was given.
    pub fn text(&self) -> &'a str {
        self.text
    }
}
