//! The tasks, as data: which factors, what counts as the source, and which files belong to it.
//!
//! A [`Task`] is chosen by name or made by hand; adding one is one value, no code.
//!
//! ```
//! use prefactor::task::Task;
//! let task: Task = "summarization".parse()?;
//! assert!(task.factors.iter().any(|factor| factor.as_str() == "coverage"));
//! # Ok::<(), prefactor::Error>(())
//! ```

mod document_qa;
mod grounding;
mod helpful_response;
mod summarization;

pub use grounding::Grounding;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::factor::TaskKind;
use crate::id::FactorId;
use crate::preference::formats::{FORMATS, PreferenceFormat};

/// What is compared, by which factors, against which text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Task {
    /// The name in files and on the command line.
    pub name: String,
    /// What the responses are, in a sentence.
    pub description: String,
    /// What counts as the source of novelty, coverage and support.
    pub grounding: Grounding,
    /// The text factors that are measured unless others are chosen.
    pub factors: Vec<FactorId>,
}

impl Task {
    /// A task of your own.
    pub fn new<F: Into<FactorId>>(
        name: impl Into<String>,
        description: impl Into<String>,
        grounding: Grounding,
        factors: impl IntoIterator<Item = F>,
    ) -> Self {
        Self {
            name: name.into(),
            description: description.into(),
            grounding,
            factors: factors.into_iter().map(Into::into).collect(),
        }
    }

    /// Summaries of a document.
    pub fn summarization() -> Self {
        summarization::task()
    }

    /// Helpful responses to an instruction.
    pub fn helpful_response() -> Self {
        helpful_response::task()
    }

    /// Answers to a question about documents.
    pub fn document_qa() -> Self {
        document_qa::task()
    }
}

impl Task {
    /// The published formats whose records belong to this task, by name: files of them are read as they are, with the
    /// texts where [`grounding`](Self::grounding) looks for them. None for a task of your own.
    ///
    /// ```
    /// use prefactor::task::Task;
    /// assert_eq!(Task::summarization().formats(), ["tldr-comparisons", "tldr-axis"]);
    /// ```
    pub fn formats(&self) -> Vec<&'static str> {
        let of_task = |format: &&&dyn PreferenceFormat| format.task().is_some_and(|kind| kind.name() == self.name);
        FORMATS.iter().filter(of_task).map(|format| format.name()).collect()
    }
}

impl From<TaskKind> for Task {
    fn from(kind: TaskKind) -> Self {
        match kind {
            TaskKind::Summarization => Self::summarization(),
            TaskKind::HelpfulResponse => Self::helpful_response(),
            TaskKind::DocumentQa => Self::document_qa(),
        }
    }
}

impl std::str::FromStr for Task {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match TaskKind::ALL.into_iter().find(|kind| kind.name() == name.replace('-', "_")) {
            Some(kind) => Ok(kind.into()),
            None => Err(Error::Parameter {
                name: "task",
                value: name.to_owned(),
                expected: "summarization, helpful_response or document_qa",
            }),
        }
    }
}
