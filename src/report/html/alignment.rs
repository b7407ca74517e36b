//! How far the others are from the reference.

use super::influence::level;
use super::page::{Cell, Part, Section, Table};
use crate::id::AgentId;
use crate::report::{AlignmentReport, Report};

pub(super) fn section(report: &Report) -> Section {
    let reference = &report.reference;
    let section = Section::new("alignment", "Alignment", "How far the others are from the reference");
    let compared: Vec<(&AgentId, &AlignmentReport)> = report.alignment.get(reference).into_iter().flatten().collect();
    if compared.is_empty() {
        return section.with([Part::note("There is no other agent to compare.")]);
    }
    let mut table = Table::new("alignment-table", "Alignment beside its ceiling and rules of thumb", "agent")
        .caption(format!(
            "Agreement on the pairs that both decide, with {} intervals over prompts; beside it the ceiling (one annotator \
             against the majority of the others), and how often \"the longer wins\" is the side of `{reference}`: an agent \
             below that knows less than a ruler.",
            level(report)
        ))
        .numbers(["agreement", "ceiling", "the longer wins", "pairs both decide", "Kendall τ_b", "Cohen κ", "p, all coefficients alike"]);
    let longer = report.agents.get(reference).and_then(|entry| entry.baselines.as_ref()?.longer_wins.as_ref());
    for (agent, alignment) in &compared {
        let metric = |name: &str| alignment.metrics.get(name).map_or_else(Cell::none, Cell::score);
        let rate = alignment.metrics.get("agreement_rate");
        let agreement = &alignment.agreement;
        table.row(
            format!("`{agent}`"),
            [
                Cell::share(agreement.rate, rate.and_then(|rate| rate.ci_low), rate.and_then(|rate| rate.ci_high)),
                agreement.ceiling.map_or_else(Cell::none, |c| Cell::share(c.estimate, c.ci_low, c.ci_high)),
                longer.map_or_else(Cell::none, |l| {
                    Cell::share(l.accuracy.estimate, l.accuracy.ci_low, l.accuracy.ci_high)
                }),
                Cell::count(agreement.shared.both_decided),
                metric("kendall_tau_b"),
                metric("cohen_kappa"),
                Cell::p_value(alignment.coefficient_gaps.joint.map(|test| test.p)),
            ],
        );
    }
    let mut names: Vec<&String> = compared.iter().flat_map(|(_, alignment)| alignment.metrics.keys()).collect();
    names.sort();
    names.dedup();
    let mut metrics = Table::new("metrics-table", "All metrics of alignment", "metric")
        .caption("Of factor vectors (τ14): Kendall, Spearman, Pearson, cosine, concordance, sign agreement. Of judgements: the others.")
        .filter("metrics")
        .numbers(compared.iter().map(|(agent, _)| format!("`{agent}`")));
    for name in names {
        let cells =
            compared.iter().map(|(_, alignment)| alignment.metrics.get(name).map_or_else(Cell::none, Cell::score));
        metrics.row(name.replace('_', " "), cells);
    }
    let mut section = section.with([table.part(), metrics.part()]);
    if compared.iter().any(|(_, alignment)| alignment.agreement.panel.is_some()) {
        let mut panel = Table::new("panel-table", "Beside the annotators", "agent")
            .caption(
                "Agent and annotators on equal terms: how often each prefers the side of the majority of the other annotators. \
                 A positive difference makes the agent the better stand-in for the panel.",
            )
            .numbers(["agent", "annotator", "difference", "comparisons"]);
        for (agent, alignment) in &compared {
            if let Some(found) = &alignment.agreement.panel {
                let share = |score: &crate::alignment::Score| Cell::share(score.estimate, score.ci_low, score.ci_high);
                let cells = [
                    share(&found.model),
                    share(&found.annotator),
                    share(&found.difference),
                    Cell::count(found.comparisons),
                ];
                panel.row(format!("`{agent}`"), cells);
            }
        }
        section.parts.push(panel.part());
    }
    section.parts.push(coefficient_gaps(report, &compared));
    if !report.annotators.is_empty() {
        section.parts.push(annotators(report));
    }
    section
}

/// The gaps of the joint models' coefficients.
fn coefficient_gaps(report: &Report, compared: &[(&AgentId, &AlignmentReport)]) -> Part {
    let mut table = Table::new("coefficient-gaps-table", "Gaps of coefficients", "factor")
        .caption(format!(
            "The same with all factors held equal at once: coefficient of the agent less that of `{}`, from one stacked model \
             clustered by prompt. Bold with * is beyond chance.",
            report.reference
        ))
        .filter("factors")
        .numbers(compared.iter().map(|(agent, _)| format!("`{agent}`")));
    for spec in crate::report::outline::by_reference(report) {
        let gap =
            |alignment: &AlignmentReport| alignment.coefficient_gaps.factor(&spec.id).map(|gap| Cell::of(&gap.gap));
        let cells = compared.iter().map(|(_, alignment)| gap(alignment).unwrap_or_else(Cell::none));
        table.row(format!("`{}`", spec.id), cells);
    }
    table.part()
}

/// How far annotators agree among themselves.
fn annotators(report: &Report) -> Part {
    let mut table = Table::new("annotators-table", "Annotators among themselves", "agent")
        .caption("How far the annotators of an agent agree among themselves.")
        .numbers(["pairs", "one against the others", "two annotators", "Krippendorff α", "Fleiss κ"]);
    for (agent, found) in &report.annotators {
        let share = |score: &crate::alignment::Score| Cell::share(score.estimate, score.ci_low, score.ci_high);
        table.row(
            format!("`{agent}`"),
            [
                Cell::count(found.pairs),
                share(&found.leave_one_out),
                share(&found.agreement_rate),
                Cell::score(&found.krippendorff_alpha),
                Cell::score(&found.fleiss_kappa),
            ],
        );
    }
    table.part()
}
