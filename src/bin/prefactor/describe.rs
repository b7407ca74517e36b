//! `prefactor describe`.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use prefactor::preference::{Dataset, FileSummary, Leakage};
use prefactor::{Error, Result};

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
    let load = |path: &PathBuf| {
        let mut builder = Dataset::builder();
        options.open(path)?.read_into(&mut builder)?;
        builder.build()
    };
    let other = args.against.as_ref().map(load).transpose()?;
    for (place, path) in args.inputs.iter().enumerate() {
        let summary = FileSummary::of(options.open(path)?)?;
        if args.json {
            let json = serde_json::to_string(&summary).map_err(|source| Error::Serialization {
                what: "the summary cannot be written".into(),
                source: Box::new(source),
            })?;
            println!("{json}");
            continue;
        }
        println!("{}{}", if place > 0 { "\n" } else { "" }, path.display());
        print!("{summary}");
        if let (Some(other), Some(name)) = (&other, &args.against) {
            let leakage = Leakage::between(other, &load(path)?);
            println!(
                "shared      with {}: {} prompts, {} more prompts by their text, {} responses of ten words or more",
                name.display(),
                leakage.prompts.len(),
                leakage.prompt_texts.len(),
                leakage.responses
            );
        }
    }
    Ok(())
}
