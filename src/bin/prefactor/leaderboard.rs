//! `prefactor leaderboard`.

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use prefactor::Result;
use prefactor::id::AgentId;
use prefactor::improve::{Battles, ControlledParams, ControlledWinRates, Leaderboard};
use prefactor::influence::logistic::{LogisticParams, Penalty};
use prefactor::influence::{LogisticInfluence, Scale, TiePolicy};
use prefactor::preference::{Aggregation, Dataset};
use prefactor::stats::Resampling;
use prefactor::table::{ComparisonTable, FactorTable};
use prefactor::task::Task;

use crate::analyze::write;
use crate::input::{Input, Loaded};

#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The data; its `--factors` are what is held equal (those of the task by default, `--factors ''` for none).
    #[command(flatten)]
    input: Input,

    /// Whose judgements decide the battles.
    #[arg(long, value_name = "AGENT", default_value = "human")]
    agent: AgentId,

    /// How several annotators become one judgement a pair: `majority`, `signed-mean` or `each`.
    #[arg(long, default_value = "majority")]
    aggregation: Aggregation,

    /// Leave ties out, instead of counting half a win for each side.
    #[arg(long)]
    without_ties: bool,

    /// Factors in their own units, instead of typical differences.
    #[arg(long)]
    raw_units: bool,

    /// A ridge of this strength on ratings and factors: finite ratings for systems that always win or lose.
    #[arg(long, value_name = "LAMBDA")]
    ridge: Option<f64>,

    /// Estimate the advantage of standing first, too.
    #[arg(long)]
    order_effect: bool,

    /// The level of the intervals.
    #[arg(long, default_value_t = 0.95)]
    level: f64,

    /// Add win rates, raw and controlled.
    #[arg(long)]
    win_rates: bool,

    /// Hold only these factors equal in the win rates, separated by commas; all by default.
    #[arg(long, value_delimiter = ',', value_name = "NAMES", requires = "win_rates")]
    equal: Option<Vec<String>>,

    /// Add intervals of the win rates from so many resamples of prompts.
    #[arg(long, value_name = "REPLICATES", requires = "win_rates")]
    bootstrap: Option<usize>,

    /// The seed of the resamples.
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// Write the leaderboard as JSON to this file (`-` for standard output).
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Markdown instead of text on standard output.
    #[arg(long)]
    markdown: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let Loaded { builder, task } = args.input.load()?;
    let dataset = builder.build()?;
    let table = table(args, task.as_ref(), &dataset)?.aggregated(args.aggregation);
    let mut params = LogisticParams::new().order_effect(args.order_effect).level(args.level);
    if let Some(lambda) = args.ridge {
        params = params.penalty(Penalty::Ridge { lambda });
    }
    let mut settings = LogisticInfluence::new(params.clone());
    settings.ties = if args.without_ties { TiePolicy::Excluded } else { TiePolicy::Half };
    settings.scale = if args.raw_units { Scale::Raw } else { Scale::RootMeanSquare };
    let battles = Battles::of(&dataset, &table, &args.agent, &settings)?;
    let board = Leaderboard::of(&battles, &params)?;
    if let Some(path) = &args.json {
        write(path, (board.to_json()? + "\n").as_bytes())?;
        if path == Path::new("-") {
            return Ok(());
        }
    }
    print!("{}", if args.markdown { board.to_markdown() } else { board.to_text() });
    if args.win_rates {
        let mut controlled = ControlledParams::new().logistic(params);
        if let Some(factors) = &args.equal {
            controlled = controlled.factors(factors.iter().map(String::as_str));
        }
        if let Some(replicates) = args.bootstrap {
            let resampling = Resampling { replicates, seed: args.seed, level: args.level, ..Resampling::default() };
            controlled = controlled.bootstrap(resampling);
        }
        let rates = ControlledWinRates::of(&battles, &controlled)?;
        print!("{}", if args.markdown { rates.to_markdown() } else { rates.to_text() });
    }
    Ok(())
}

/// The comparisons with the chosen factors; with none where none is wanted.
fn table(args: &Args, task: Option<&Task>, dataset: &Dataset) -> Result<ComparisonTable> {
    if args.input.factors.as_ref().is_some_and(|factors| factors.iter().all(String::is_empty)) {
        let none = FactorTable::new(dataset.responses().iter().map(|response| response.id.clone()))?;
        return ComparisonTable::new(dataset, &none, Vec::new());
    }
    args.input.analysis(task).table(dataset)
}
