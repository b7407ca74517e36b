//! Answers to a question about documents.

use super::{Grounding, Task};

pub(super) fn task() -> Task {
    Task::new(
        "document_qa",
        "answers to a question, held against the passages, or against the reference answer where there are none",
        Grounding::SourceOrReference,
        [
            "length",
            "sentences",
            "ttr",
            "novelty",
            "coverage",
            "question_overlap",
            "repetition_3",
            "readability",
            "numbers",
            "unsupported_numbers",
            "unsupported_entities",
            "citations",
            "hedges",
        ],
    )
}
