//! Summaries of a document.

use super::{Grounding, Task};

pub(super) fn task() -> Task {
    Task::new(
        "summarization",
        "summaries of a document, held against the document",
        Grounding::Source,
        [
            "length",
            "sentences",
            "ttr",
            "novelty",
            "coverage",
            "fragment_density",
            "repetition_3",
            "readability",
            "unsupported_numbers",
            "unsupported_entities",
        ],
    )
}
