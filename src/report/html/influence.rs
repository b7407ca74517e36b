//! What drives whom, factor by factor.

use super::page::{Cell, Figure, Part, Section, Table};
use crate::alignment::Reading;
use crate::error::Result;
use crate::id::AgentId;
use crate::influence::FactorStatus;
use crate::report::{Plot, Report, outline};

/// Agents besides the reference that one picture can hold.
const BESIDE: usize = 4;

/// The reference, then the others.
pub(super) fn agents(report: &Report) -> Vec<AgentId> {
    outline::agents(report).into_iter().cloned().collect()
}

/// The agents picture by picture, the reference in each.
pub(super) fn groups(report: &Report) -> Vec<Vec<AgentId>> {
    let all = agents(report);
    let (reference, others) = all.split_at(usize::from(report.agents.contains_key(&report.reference)));
    if others.is_empty() {
        return vec![all];
    }
    others.chunks(BESIDE).map(|some| [reference, some].concat()).collect()
}

pub(super) fn level(report: &Report) -> String {
    format!("{:.0} %", 100.0 * report.provenance.resampling.level)
}

pub(super) fn forest(report: &Report) -> Result<Section> {
    let all = agents(report);
    let mut figures = Vec::new();
    for group in groups(report) {
        if let Some(plot) = drawn(Plot::influence(report, &group))? {
            let caption = format!(
                "τ14 with {} intervals over prompts; the strongest driver of `{}` on top.",
                level(report),
                report.reference
            );
            figures.push(Figure::new(&plot, caption));
        }
    }
    let mut table = Table::new("influence-table", "Influence of each factor", "factor")
        .caption(format!(
            "τ14 of each factor and agent with {} intervals. Bold with * is beyond chance after correcting for the number \
             of factors.",
            level(report)
        ))
        .filter("factors")
        .numbers(all.iter().map(|agent| format!("`{agent}`")));
    for spec in outline::by_reference(report) {
        let cells = all.iter().map(|agent| {
            let entry = report.agents.get(agent).and_then(|agent| agent.influence.tau14.get(&spec.id));
            match entry {
                Some(entry) if entry.status == FactorStatus::NeverDiffers => Cell::text("never differs"),
                Some(entry) => Cell::of(&entry.estimate),
                None => Cell::none(),
            }
        });
        table.row(format!("`{}`", spec.id), cells);
    }
    let drivers = all.iter().filter_map(|agent| outline::drivers(report, agent)).collect();
    Ok(Section::new("influence", "Influence", "What drives each agent").with([
        Part::paragraph(
            "τ14 is the share of pairs in which the preferred response has more of the factor, less the share in which it \
             has less: +1 always more, −1 always less, 0 no influence. Each factor is looked at on its own.",
        ),
        Part::List { items: drivers },
        Part::Figures { figures },
        table.part(),
    ]))
}

/// A picture, or nothing where there is nothing to draw.
pub(super) fn drawn(plot: Result<Plot>) -> Result<Option<Plot>> {
    match plot {
        Ok(plot) => Ok(Some(plot)),
        Err(crate::Error::Empty { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn gaps(report: &Report) -> Result<Section> {
    let mut section = Section::new("gaps", "Gaps", "Where the others part from the reference").with([Part::paragraph(
        format!(
            "The gap of a factor is its τ14 on an agent less that on `{}`, paired over the prompts they share. Its share says \
             how much of the squared distance between the two it carries.",
            report.reference
        ),
    )]);
    let compared = report.alignment.get(&report.reference);
    if compared.is_none_or(|agents| agents.is_empty()) {
        return Ok(section.with([Part::note("There is no other agent to compare.")]));
    }
    for (place, (agent, alignment)) in compared.into_iter().flatten().enumerate() {
        section.parts.push(Part::heading(format!("`{agent}`")));
        if alignment.findings.is_empty() {
            section.parts.push(Part::paragraph(format!(
                "No factor's influence on `{agent}` differs from that on `{}` beyond chance.",
                report.reference
            )));
        }
        if let Some(plot) = drawn(Plot::gaps(report, agent))? {
            let caption = format!("Gaps with {} intervals, the largest on top.", level(report));
            section.parts.push(Part::Figures { figures: vec![Figure::new(&plot, caption)] });
        }
        let mut table = Table::new(format!("gaps-table-{place}"), format!("Gaps of {agent}"), "factor")
            .caption("Bold with * is beyond chance after correcting for the number of factors.")
            .filter("factors")
            .numbers([
                format!("`{}`", report.reference),
                format!("`{agent}`"),
                "gap".into(),
                "q".into(),
                "share".into(),
            ])
            .words(["reading"]);
        for gap in alignment.order.iter().filter_map(|factor| alignment.gaps.get(factor)) {
            let reading = match gap.reading {
                Reading::OverWeighted => "weighs it more",
                Reading::UnderWeighted => "weighs it less",
                Reading::Opposed => "opposed",
                Reading::Equal => "equal",
            };
            table.row(
                format!("`{}`", gap.factor),
                [
                    Cell::number(Some(gap.reference), 2),
                    Cell::number(Some(gap.model), 2),
                    Cell::of(&gap.gap),
                    Cell::p_value(gap.gap.q_value),
                    Cell::percent(Some(gap.share)),
                    Cell::text(reading),
                ],
            );
        }
        section.parts.push(table.part());
    }
    Ok(section)
}

pub(super) fn heat_map(report: &Report) -> Result<Section> {
    let caption = "τ14 of each factor and agent: blue for more, orange for less, the stronger the further from 0.";
    let figures = drawn(Plot::heat_map(report))?.map(|plot| Figure::new(&plot, caption)).into_iter().collect();
    Ok(Section::new("heat-map", "Heat map", "All factors and agents at a glance").with([Part::Figures { figures }]))
}
