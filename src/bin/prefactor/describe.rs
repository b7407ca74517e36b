//! `prefactor describe`.

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use prefactor::preference::formats::ReadOptions;
use prefactor::preference::{Dataset, FileSummary, Leakage};
use prefactor::{Error, Result};
use serde::Serialize;

use crate::reading::Reading;

#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// Files of preferences, of any known format.
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,

    #[command(flatten)]
    reading: Reading,

    /// Say what each input shares with this file: prompts and long responses. For splits that should share nothing.
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,

    /// As JSON, one object an input.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let options = args.reading.options()?;
    let mut teller = args.reading.teller()?;
    let load = |path: &PathBuf| {
        let mut builder = Dataset::builder();
        options.open(path)?.read_into(&mut builder)?;
        builder.build()
    };
    let other = args.against.as_ref().map(load).transpose()?;
    for (place, path) in args.inputs.iter().enumerate() {
        let summary = describe(&options, path)?;
        teller.report(path, &summary.rejections)?;
        let leakage = match &other {
            Some(other) => Some(Leakage::between(other, &load(path)?)),
            None => None,
        };
        if args.json {
            println!("{}", json(&Described { file: path, summary: &summary, shared: leakage.as_ref() })?);
            continue;
        }
        println!("{}{}", if place > 0 { "\n" } else { "" }, path.display());
        print!("{summary}");
        if let (Some(leakage), Some(name)) = (leakage, &args.against) {
            println!(
                "shared      with {}: {} prompts, {} more prompts by their text, {} responses of ten words or more",
                name.display(),
                leakage.prompts.len(),
                leakage.prompt_texts.len(),
                leakage.responses
            );
            if !leakage.is_none() {
                println!("            `prefactor convert --not-in {}` leaves these prompts out", name.display());
            }
        }
    }
    Ok(())
}

#[derive(Serialize)]
struct Described<'a> {
    file: &'a Path,
    #[serde(flatten)]
    summary: &'a FileSummary,
    #[serde(skip_serializing_if = "Option::is_none")]
    shared: Option<&'a Leakage>,
}

fn json(described: &Described<'_>) -> Result<String> {
    serde_json::to_string(described).map_err(|source| Error::Serialization {
        what: "the summary cannot be written".into(),
        source: Box::new(source),
    })
}

/// Counts what can be read and lists what cannot; a file of which nothing can be read is an error.
fn describe(options: &ReadOptions, path: &Path) -> Result<FileSummary> {
    let summary = FileSummary::of(options.clone().lenient(true).open(path)?)?;
    if summary.pairs + summary.responses + summary.sources > 0 || summary.rejections.count() == 0 {
        return Ok(summary);
    }
    FileSummary::of(options.clone().lenient(false).open(path)?)
}
