//! Helpful responses to an instruction.

use super::{Grounding, Task};

pub(super) fn task() -> Task {
    Task::new(
        "helpful_response",
        "helpful responses to an instruction, held against the instruction and its input",
        Grounding::PromptAndSource,
        [
            "length",
            "sentences",
            "ttr",
            "novelty",
            "coverage",
            "question_overlap",
            "repetition_3",
            "readability",
            "formality",
            "lists",
            "numbers",
            "hedges",
        ],
    )
}
