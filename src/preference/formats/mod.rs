//! Files of preferences; one format a module.

mod jsonl;
pub mod native;

pub(crate) use jsonl::{LineReader, parse_line};
