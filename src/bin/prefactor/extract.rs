//! `prefactor extract`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args as ClapArgs;
use prefactor::id::{AgentId, FactorId, ResponseId};
use prefactor::preference::formats::native::{self, Record};
use prefactor::table::FactorTable;
use prefactor::{Analysis, Result};

use crate::analyze::write;
use crate::input::Input;

#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    input: Input,

    /// Leave texts out: identifiers, factors, ratings and judgements only.
    #[arg(long)]
    numbers_only: bool,

    /// Round factor values to this many decimals (nine keeps every comparison as it is).
    #[arg(long, value_name = "N")]
    decimals: Option<u8>,

    /// Keep the ratings and judgements of these agents only, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "AGENTS")]
    agents: Option<Vec<String>>,

    /// The file to write (`-` for standard output).
    #[arg(long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let dataset = args.input.read()?;
    let mut analysis = Analysis::new().tokenizer(args.input.tokenizer);
    if let Some(task) = &args.input.task {
        analysis = analysis.task(task.clone());
    }
    if let Some(factors) = &args.input.factors {
        analysis = analysis.factors(factors.iter().map(String::as_str));
    }
    let table = analysis.measure_factors(&dataset)?;
    let keep = |agent: &AgentId| args.agents.as_ref().is_none_or(|agents| agents.iter().any(|a| a == agent.as_str()));
    let mut bytes = Vec::new();
    for record in dataset.records() {
        match record {
            Record::Pair(mut pair) => {
                for side in [&mut pair.a, &mut pair.b] {
                    if let Some(id) = &side.id {
                        side.factors = args.values(&table, id);
                    }
                    if args.numbers_only {
                        (side.text, side.id) = (None, None);
                    }
                }
                if args.numbers_only {
                    (pair.prompt, pair.source, pair.reference) = (None, None, None);
                }
                pair.judgements.retain(|judgement| keep(&judgement.agent));
                native::write(&mut bytes, [pair])?;
            }
            Record::Response(mut response) => {
                response.factors = args.values(&table, &response.id);
                if args.numbers_only {
                    (response.text, response.prompt, response.source, response.reference) = (None, None, None, None);
                }
                response.ratings.retain(|rating| keep(&rating.agent));
                native::write(&mut bytes, [response])?;
            }
            Record::Source(source) => native::write(&mut bytes, [source])?,
        }
    }
    write(&args.out, &bytes)
}

impl Args {
    fn values(&self, table: &FactorTable, response: &ResponseId) -> BTreeMap<FactorId, f64> {
        let mut values = table.values(response);
        if let Some(decimals) = self.decimals {
            let unit = 10f64.powi(decimals.into());
            values.values_mut().for_each(|value| *value = (*value * unit).round() / unit);
        }
        values
    }
}
