//! `prefactor compare` and `prefactor check`: two runs, and a gate.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args as ClapArgs;
use prefactor::Result;
use prefactor::report::{DriftLimits, Report, RunComparison};

use crate::analyze::write;

#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The report to compare with, as `prefactor analyze --json` writes it.
    baseline: PathBuf,

    /// The report to compare.
    current: PathBuf,

    /// Write the comparison as JSON to this file (`-` for standard output).
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Write the comparison as Markdown to this file (`-` for standard output).
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,

    /// Do not print the comparison.
    #[arg(long, short)]
    quiet: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let comparison = RunComparison::of(&Report::read_file(&args.baseline)?, &Report::read_file(&args.current)?)?;
    if let Some(path) = &args.json {
        write(path, (comparison.to_json()? + "\n").as_bytes())?;
    }
    if let Some(path) = &args.markdown {
        write(path, comparison.to_markdown().as_bytes())?;
    }
    let on_stdout = [&args.json, &args.markdown].into_iter().flatten().any(|path| path.as_os_str() == "-");
    if !args.quiet && !on_stdout {
        print!("{}", comparison.to_text());
    }
    Ok(())
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CheckArgs {
    /// The report of the run to check.
    current: PathBuf,

    /// The report that it is held against.
    #[arg(long, value_name = "REPORT")]
    baseline: PathBuf,

    /// The largest change of a factor's τ14 that is let through.
    #[arg(long, default_value_t = DriftLimits::default().influence, value_name = "SIZE")]
    max_influence: f64,

    /// The largest change of an alignment metric that is let through.
    #[arg(long, default_value_t = DriftLimits::default().metric, value_name = "SIZE")]
    max_metric: f64,

    /// The corrected p-value below which a change is significant.
    #[arg(long, default_value_t = DriftLimits::default().level, value_name = "P")]
    level: f64,

    /// Say nothing; the exit code is the answer.
    #[arg(long, short)]
    quiet: bool,
}

/// The exit code of a check that found a drift.
pub(crate) const DRIFTED: u8 = 4;

pub(crate) fn check(args: &CheckArgs) -> Result<ExitCode> {
    let mut limits = DriftLimits::default();
    (limits.influence, limits.metric, limits.level) = (args.max_influence, args.max_metric, args.level);
    limits.check()?;
    let comparison = RunComparison::of(&Report::read_file(&args.baseline)?, &Report::read_file(&args.current)?)?;
    let drifts = comparison.drifts(&limits);
    if !args.quiet {
        let shared = &comparison.shared;
        println!("{} pairs of {} prompts are in both runs.", shared.pairs, shared.prompts);
        comparison.notes.iter().for_each(|note| println!("Note: {note}."));
        match drifts.as_slice() {
            [] => println!("Nothing moved both beyond chance and by more than the stated size."),
            _ => drifts.iter().for_each(|drift| println!("Drift: {drift}")),
        }
    }
    Ok(if drifts.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DRIFTED) })
}
