//! Counts, definitions and how the report was made.

use super::headline::grouped;
use super::influence::agents;
use super::page::{Cell, Part, Section, Table};
use crate::report::Report;

pub(super) fn counts(report: &Report) -> Section {
    let mut table = Table::new("counts-table", "Judgements", "agent")
        .caption("A failed judgement is never a tie, and a missing one never counts.")
        .numbers(["judged", "prefers a side", "tie", "both bad", "abstained", "failed", "prompts with a preference"]);
    let mut failures =
        Table::new("failures-table", "Failures by kind", "agent").words(["kind"]).numbers(["judgements"]);
    for agent in agents(report) {
        let Some(entry) = report.agents.get(&agent) else { continue };
        let counts = &entry.counts;
        let figures =
            [counts.judged, counts.used, counts.tied, counts.both_bad, counts.abstained, counts.failed, counts.prompts];
        table.row(format!("`{agent}`"), figures.map(Cell::count));
        for (kind, count) in &counts.failures {
            failures.row(format!("`{agent}`"), [Cell::text(kind.name()), Cell::count(*count)]);
        }
    }
    let mut section = Section::new("counts", "Counts", "Counts and failures").with([table.part()]);
    section.parts.push(if failures.rows.is_empty() {
        Part::note("No judgement failed.")
    } else {
        failures.caption("What went wrong, and how often.").part()
    });
    section
}

pub(super) fn factors(report: &Report) -> Section {
    let mut table = Table::new("factors-table", "Definitions", "factor")
        .caption("What was measured; higher values mean more of the factor.")
        .filter("factors")
        .words(["definition", "unit", "category"]);
    for spec in &report.factors {
        let cells = [spec.definition.clone(), spec.unit.clone(), spec.category.name().to_owned()].map(Cell::text);
        table.row(format!("`{}`", spec.id), cells);
    }
    Section::new("factors", "Factors", "What the factors are").with([table.part()])
}

pub(super) fn section(report: &Report) -> Section {
    let provenance = &report.provenance;
    let resampling = &provenance.resampling;
    let mut pairs: Vec<(String, String)> = [
        ("Version", format!("prefactor {}", provenance.version)),
        ("Report schema", report.schema.clone()),
        ("Seed", provenance.seed.to_string()),
        ("Data", format!("{} pairs, {} prompts", grouped(provenance.pairs), grouped(provenance.prompts))),
        ("Reference", format!("`{}`", report.reference)),
        ("Tokenizer", provenance.tokenizer.clone()),
        ("Annotators became one judgement by", word(&provenance.aggregation)),
        ("Correction for many factors", word(&provenance.correction)),
        (
            "Intervals",
            format!(
                "{:.0} %, {} resamples of prompts, {}",
                100.0 * resampling.level,
                grouped(resampling.replicates),
                word(&resampling.method)
            ),
        ),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    if let Some(task) = &provenance.task {
        pairs.insert(2, ("Task".into(), format!("{}: {}", task.name, task.description)));
    }
    for input in &provenance.inputs {
        let digest = input.sha256.as_ref().map_or_else(String::new, |digest| format!(", SHA-256 `{digest}`"));
        pairs.push(("Input".into(), format!("`{}`, {} records{digest}", input.name, grouped(input.records))));
    }
    Section::new("provenance", "Provenance", "How this report was made").with([Part::Pairs { pairs }])
}

/// A setting as it stands in files.
fn word(setting: &impl serde::Serialize) -> String {
    match serde_json::to_value(setting) {
        Ok(serde_json::Value::String(name)) => name.replace('_', " "),
        Ok(other) => other.to_string(),
        Err(_) => "–".into(),
    }
}
