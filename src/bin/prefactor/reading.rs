//! How files are read: format, map of columns, strictness.

use clap::Args;
use prefactor::Result;
use prefactor::preference::formats::{ColumnMap, ReadOptions, ReadSummary};

#[derive(Debug, Clone, Args)]
pub(crate) struct Reading {
    /// Read every input as this format, instead of recognising it by its first record; `prefactor describe` names
    /// what it takes a file for.
    #[arg(long, value_name = "NAME")]
    format: Option<String>,

    /// Read every input by its columns: `prompt=q,a=left,b=right,preference=better,is_a=L,is_b=R`.
    #[arg(long, value_name = "MEANING=COLUMN,…", conflicts_with = "format")]
    columns: Option<ColumnMap>,

    /// Set records aside that cannot be read, and say so, instead of stopping at the first.
    #[arg(long)]
    lenient: bool,
}

impl Reading {
    pub(crate) fn options(&self) -> Result<ReadOptions> {
        let mut options = ReadOptions::new().lenient(self.lenient);
        if let Some(format) = &self.format {
            options = options.format(format)?;
        }
        if let Some(map) = &self.columns {
            options = options.columns(map.clone());
        }
        Ok(options)
    }
}

/// Tells what a lenient reading set aside, and what a published format repeated.
pub(crate) fn tell(file: &std::path::Path, summary: &ReadSummary) {
    let rejected = summary.rejections.count();
    if rejected > 0 {
        eprintln!("prefactor: {}: {rejected} records were set aside; the first of them:", file.display());
        summary.rejections.first().iter().take(5).for_each(|rejection| eprintln!("  {}", rejection.reason));
    }
    if summary.repeated > 0 {
        eprintln!("prefactor: {}: {} records repeat others and were left out", file.display(), summary.repeated);
    }
}
