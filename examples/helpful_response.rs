//! What makes annotators, and what makes LLM judges, prefer one response to an instruction over another?
//!
//! `cargo run --example helpful_response`, or with your own file
//! `cargo run --example helpful_response -- --pairs FILE`.

mod support;

use prefactor::task::Task;

fn main() -> prefactor::Result<()> {
    support::run(support::Example {
        question: "What makes annotators, and what makes LLM judges, prefer one response to an instruction over another?",
        about: "Embedded: PandaLM's test set, 999 pairs of responses to 170 instructions. `human` is the majority of \
                three annotators (`human-votes`, one by one); the judges are gpt-3.5-turbo and pandalm-7b.",
        task: Task::helpful_response(),
        embedded: ("pandalm.pairs.jsonl", include_str!("data/pandalm.pairs.jsonl")),
        configure: |analysis| analysis.agents(["human", "gpt-3.5-turbo", "pandalm-7b"]),
    })
}
