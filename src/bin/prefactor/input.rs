//! What every subcommand reads.

use std::path::PathBuf;

use clap::Args;
use prefactor::Result;
use prefactor::factor::text::Tokenizer;
use prefactor::preference::formats::native;
use prefactor::preference::{Dataset, RatingRules};
use prefactor::task::Task;

#[derive(Debug, Args)]
pub(crate) struct Input {
    /// Files of pairs or of rated responses.
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,

    /// A file of source texts that the inputs refer to by `source_id`. May be repeated.
    #[arg(long, value_name = "FILE")]
    sources: Vec<PathBuf>,

    /// The task: chooses the factors and what counts as the source (summarization: the source;
    /// helpful_response: the prompt and the source; document_qa: the source, or the reference where there is none).
    #[arg(long, value_name = "TASK")]
    pub(crate) task: Option<Task>,

    /// How text becomes tokens: `unicode` (UAX 29) or `ascii-alnum` (runs of ASCII letters and digits).
    #[arg(long, default_value = "unicode")]
    pub(crate) tokenizer: Tokenizer,

    /// Factors to use, by name, separated by commas; those of the task by default.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) factors: Option<Vec<String>>,

    /// Which scores make an agent's preference: `human=overall`, `gpt-4=mean(coherence,fluency)`, `*=overall` for
    /// all agents, with a tie band as in `*=overall+-0.5`. May be repeated. By default `overall` where it was
    /// rated, else the mean of all dimensions.
    #[arg(long, value_name = "AGENT=SCORES")]
    preference: Vec<String>,
}

impl Input {
    pub(crate) fn rules(&self) -> Result<RatingRules> {
        let mut rules = RatingRules::default();
        self.preference.iter().try_for_each(|assignment| rules.set(assignment))?;
        Ok(rules)
    }

    /// Sources first, so that records can be checked against them.
    pub(crate) fn read(&self) -> Result<Dataset> {
        let mut builder = Dataset::builder();
        builder.rating_rules(self.rules()?);
        for file in self.sources.iter().chain(&self.inputs) {
            native::read_file(file, &mut builder)?;
        }
        builder.build()
    }
}
