//! `prefactor generate`: a model writes responses of every score level.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use prefactor::Result;
use prefactor::id::AgentId;
use prefactor::llm::layers::Spending;
use prefactor::preference::formats::native;
use prefactor::preference::generation::LevelChecks;
use serde::Serialize;

use crate::console::Console;
use crate::input::Input;
use crate::model::ModelArgs;
use crate::output::Output;
use crate::sample::Sample;

#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    input: Input,

    #[command(flatten)]
    model: ModelArgs,

    #[command(flatten)]
    sample: Sample,

    /// The name of the writer in the output; `MODEL/generation` by default.
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,

    /// Score levels, 2 to 9.
    #[arg(long, default_value_t = 5, value_name = "N")]
    levels: u32,

    /// Responses a level.
    #[arg(long, default_value_t = 1, value_name = "N")]
    samples: u32,

    /// The temperature; the server's own by default.
    #[arg(long, value_name = "T")]
    temperature: Option<f64>,

    /// The most tokens of a response.
    #[arg(long, default_value_t = 1024, value_name = "N")]
    max_tokens: u32,

    /// Keep responses that were cut off at the token limit; they are failures otherwise.
    #[arg(long)]
    keep_truncated: bool,

    /// The file to write: ten pairs a prompt with five levels, packed where its name ends in `.gz`.
    #[arg(long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<()> {
    let loaded = args.input.load(console)?;
    let task = loaded.task.clone().unwrap_or_else(prefactor::task::Task::helpful_response);
    let dataset = args.sample.apply(&loaded.builder.build()?, &task, console)?;
    let stack = args.model.stack(console)?;
    let name = args.agent.clone().unwrap_or_else(|| format!("{}/generation", args.model.name()));
    let mut generator = task.generator(name, stack.model.clone(), &stack.prompts)?;
    let settings = generator.settings_mut();
    (settings.levels, settings.samples, settings.seed) = (args.levels, args.samples, args.sample.seed());
    (settings.temperature, settings.max_tokens) = (args.temperature, args.max_tokens);
    settings.keep_truncated = args.keep_truncated;
    let generator = generator.runner(stack.runner.clone());
    let generated = stack.wait(generator.generate(&dataset))?;
    if stack.tell_plan(console)? {
        return Ok(());
    }
    let console = &console.beside([&args.out])?;
    let mut output = Output::create(&args.out)?;
    native::write(&mut output, &generated.pairs)?;
    output.finish()?;
    for warning in generated.checks.warnings(generator.agent()) {
        console.note(warning);
    }
    stack.tell_spending(console);
    let (pairs, checks) = (generated.pairs.len(), &generated.checks);
    console.outcome("generate", Counts { agent: generator.agent(), pairs, checks, spent: stack.spent() })
}

/// What was written, and what it took.
#[derive(Serialize)]
struct Counts<'a> {
    agent: &'a AgentId,
    pairs: usize,
    checks: &'a LevelChecks,
    spent: Spending,
}
