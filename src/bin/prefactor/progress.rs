//! Progress on stderr, off where that is no terminal.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use prefactor::Stage;

/// A callback that draws a bar; nothing where stderr is no terminal or `quiet`.
pub(crate) fn bar(quiet: bool) -> impl Fn(Stage, usize, usize) + Send + Sync + 'static {
    let bar = if quiet || !std::io::stderr().is_terminal() { ProgressBar::hidden() } else { ProgressBar::new(0) };
    if let Ok(style) = ProgressStyle::with_template("{msg:10} [{wide_bar}] {pos}/{len}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    move |stage, done, total| {
        bar.set_message(match stage {
            Stage::Measuring => "measuring",
            _ => "fitting",
        });
        bar.set_length(total as u64);
        bar.set_position(done as u64);
        if stage == Stage::Fitting && done == total {
            bar.finish_and_clear();
        }
    }
}

/// The same for items that are sent to a model.
#[cfg(feature = "llm")]
pub(crate) fn items(quiet: bool) -> impl Fn(&prefactor::llm::Progress) + Send + Sync + 'static {
    let bar = if quiet || !std::io::stderr().is_terminal() { ProgressBar::hidden() } else { ProgressBar::new(0) };
    if let Ok(style) = ProgressStyle::with_template("asking [{wide_bar}] {pos} done, {msg}") {
        bar.set_style(style);
    }
    move |progress| {
        bar.set_length(progress.total.unwrap_or(progress.done + progress.in_flight) as u64);
        bar.set_position(progress.done as u64);
        bar.set_message(format!("{} failed", progress.failed));
        if progress.total == Some(progress.done) {
            bar.finish_and_clear();
        }
    }
}
