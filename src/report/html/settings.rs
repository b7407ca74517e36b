//! Models that judge, and models seen both judging and writing.

use super::influence::{drawn, level};
use super::page::{Cell, Figure, Part, Section, Table};
use crate::alignment::{Score, SettingsComparison};
use crate::error::Result;
use crate::influence::Estimate;
use crate::report::{Plot, Report};

/// Judges beside rules of thumb, and the gap between what a model does when it judges and what it does when it writes.
pub(super) fn section(report: &Report) -> Result<Section> {
    let mut section = Section::new("settings", "Judging and writing", "Models that judge and write");
    if !report.judges.is_empty() {
        section.parts.push(Part::heading("Judges"));
        section.parts.extend(judges(report));
    }
    section.parts.push(Part::heading("The generation–evaluation gap"));
    if report.settings.is_empty() {
        section.parts.push(Part::note("No agent of this report was seen both judging and writing."));
    }
    for (place, comparison) in report.settings.iter().enumerate() {
        section.parts.extend(gap(report, comparison, place + 1)?);
    }
    Ok(section)
}

fn share(score: &Score) -> Cell {
    Cell::share(score.estimate, score.ci_low, score.ci_high)
}

/// An estimate that is sure where this p-value says so.
fn estimate(estimate: &Estimate, p_value: Option<f64>) -> Cell {
    Cell::estimate(estimate.estimate, estimate.ci_low, estimate.ci_high, p_value)
}

fn judges(report: &Report) -> Vec<Part> {
    let mut orders = Table::new("judges-table", "Judges in both orders", "judge")
        .caption(
            "Each judge was shown pairs in both orders. \"Same\": it says the same in both. \"Flips\": it names the same \
             place both times. \"First place\": answers for the text shown first less those for the second; 0 without \
             position bias, bold with * beyond chance.",
        )
        .numbers(["answers", "failed", "pairs", "same", "flips", "first place"]);
    let mut rules = Table::new("judge-rules-table", "Judges beside rules of thumb", "judge")
        .caption(format!(
            "Agreement with `{}` on the pairs that both decide, beside rules on the same pairs. A judge that is not above \
             the best of them shows no judgement of its own.",
            report.reference
        ))
        .numbers(["pairs", "agreement", "the longer", "the first", "one side", "over the best"]);
    for (agent, judge) in &report.judges {
        let order = &judge.order;
        let bias = estimate(&order.position_bias, order.position_bias.p_value);
        let counts = [order.asked, order.failed, order.pairs].map(Cell::count);
        orders.row(
            format!("`{agent}`"),
            counts.into_iter().chain([share(&order.consistency), share(&order.flip_rate), bias]),
        );
        if let Some(found) = &judge.agreement {
            let shares = [&found.agreement, &found.longer, &found.first, &found.majority].map(share);
            let cells = std::iter::once(Cell::count(found.pairs)).chain(shares).chain([Cell::score(&found.over_best)]);
            rules.row(format!("`{agent}`"), cells);
        }
    }
    let with_rules = !rules.rows.is_empty();
    std::iter::once(orders.part()).chain(with_rules.then(|| rules.part())).collect()
}

/// One model in both settings.
fn gap(report: &Report, comparison: &SettingsComparison, number: usize) -> Result<Vec<Part>> {
    let SettingsComparison { reference, evaluation, generation, .. } = comparison;
    let both = format!("`{evaluation}` and `{generation}`, beside `{reference}`");
    if comparison.factors.is_empty() {
        let why = "one of the three never prefers a side on pairs whose factors are known";
        return Ok(vec![Part::note(format!("{both}: they cannot be compared, because {why}."))]);
    }
    let mut parts = vec![Part::paragraph(format!(
        "Does the model write what it says it prefers? {both}: {} factors, {} prompts on which all three decided something.",
        comparison.factors.len(),
        comparison.shared_prompts
    ))];
    let findings = comparison.findings();
    if !findings.is_empty() {
        parts.push(Part::List { items: findings });
    }
    if let Some(plot) = drawn(Plot::influence(report, &[reference.clone(), evaluation.clone(), generation.clone()]))? {
        let caption = format!("τ14 of `{reference}`, and of the model when it judges and when it writes.");
        parts.push(Part::Figures { figures: vec![Figure::new(&plot, caption)] });
    }
    let mut metrics = Table::new(format!("settings-{number}-metrics-table"), "Alignment in both settings", "alignment")
        .caption(format!(
            "Alignment of the factor vectors with `{reference}`. The gap is that of judging less that of writing, with {} \
             intervals over prompts; positive where the model is closer when it judges, bold with * beyond chance.",
            level(report)
        ))
        .numbers(["judging", "writing", "gap"]);
    for (name, found) in &comparison.metrics {
        let cells =
            [Cell::score(&found.evaluation), Cell::score(&found.generation), estimate(&found.gap, found.gap.p_value)];
        metrics.row(name.replace('_', " "), cells);
    }
    let mut factors = Table::new(format!("settings-{number}-factors-table"), "Factors in both settings", "factor")
        .caption(
            "τ14 of each. \"Shift\": writing less judging. \"Further off\": how much further from the reference the model \
             is when it writes. Bold with * is beyond chance after correcting for the number of factors.",
        )
        .filter("factors")
        .numbers([format!("`{reference}`"), "judging".into(), "writing".into(), "shift".into(), "further off".into()]);
    for factor in &comparison.factors {
        let tau = |value: f64| Cell::estimate(Some(value), None, None, None);
        let cells = [
            tau(factor.reference),
            tau(factor.evaluation),
            tau(factor.generation),
            Cell::of(&factor.shift),
            Cell::of(&factor.gap),
        ];
        factors.row(format!("`{}`", factor.factor), cells);
    }
    parts.extend([metrics.part(), factors.part()]);
    Ok(parts)
}
