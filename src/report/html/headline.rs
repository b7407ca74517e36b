//! What a reader should know first.

use super::page::{Fact, Part, Section};
use crate::alignment::FactorGap;
use crate::id::AgentId;
use crate::report::outline::{self, LEVEL};
use crate::report::{AlignmentReport, Report};

/// Agents that the headline speaks of; the others are in the tables.
const MOST: usize = 6;

pub(super) fn lead(report: &Report) -> String {
    let task = report.provenance.task.as_ref().map_or_else(String::new, |task| format!(" Task: {}.", task.description));
    let others: Vec<String> =
        report.agents.keys().filter(|agent| **agent != report.reference).map(|agent| format!("`{agent}`")).collect();
    match others.as_slice() {
        [] => format!("Which factors drive the preferences of `{}`.{task}", report.reference),
        others => format!(
            "Which factors drive the preferences of `{}`, and where {} from it.{task}",
            report.reference,
            match others {
                [only] => format!("{only} parts"),
                others if others.len() <= 4 => format!("{} part", others.join(", ")),
                others => format!("{} other agents part", others.len()),
            }
        ),
    }
}

pub(super) fn section(report: &Report) -> Section {
    let provenance = &report.provenance;
    let mut section = Section::new("summary", "Summary", "In short");
    section.facts = vec![
        Fact { value: grouped(provenance.pairs), label: "pairs" },
        Fact { value: grouped(provenance.prompts), label: "prompts" },
        Fact { value: report.factors.len().to_string(), label: "factors" },
        Fact { value: report.agents.len().to_string(), label: "agents" },
    ];
    let mut items: Vec<String> = outline::drivers(report, &report.reference).into_iter().collect();
    let compared = report.alignment.get(&report.reference);
    let mut agents: Vec<(&AgentId, &AlignmentReport)> = compared.into_iter().flatten().collect();
    let rate = |alignment: &AlignmentReport| alignment.agreement.rate.unwrap_or(-1.0);
    agents.sort_by(|a, b| rate(b.1).total_cmp(&rate(a.1)));
    items.extend(agents.iter().take(MOST).map(|(agent, alignment)| alignment_in_words(report, agent, alignment)));
    let left_out = agents.len().saturating_sub(MOST);
    let mut parts = vec![Part::Headline { items }];
    if left_out > 0 {
        parts.push(Part::note(format!("{left_out} more agents are in the tables below.")));
    }
    let mut notes: Vec<String> =
        report.refused.iter().map(|(agent, why)| format!("`{agent}` was left out: {why}")).collect();
    notes.extend(report.notes.iter().cloned());
    if !notes.is_empty() {
        parts.push(Part::heading("Before you use these figures"));
        parts.push(Part::List { items: notes });
    }
    section.with(parts)
}

/// "`judge` agrees with `human` on 62.0 % of 894 pairs … It weighs `length` more, …"
fn alignment_in_words(report: &Report, agent: &AgentId, alignment: &AlignmentReport) -> String {
    let (reference, agreement) = (&report.reference, &alignment.agreement);
    let mut words = match agreement.rate {
        Some(rate) => format!(
            "`{agent}` agrees with `{reference}` on {:.1} % of the {} pairs that both decide",
            100.0 * rate,
            grouped(agreement.shared.both_decided)
        ),
        None => format!("There is no pair that both `{agent}` and `{reference}` decide"),
    };
    match agreement.ceiling.and_then(|ceiling| ceiling.estimate) {
        Some(ceiling) if agreement.rate.is_some() => {
            words.push_str(&format!("; an annotator agrees with the others on {:.1} %. ", 100.0 * ceiling));
        }
        _ => words.push_str(". "),
    }
    let beyond: Vec<&FactorGap> = alignment
        .order
        .iter()
        .filter_map(|factor| alignment.gaps.get(factor))
        .filter(|gap| gap.is_significant(LEVEL))
        .collect();
    if beyond.is_empty() {
        words.push_str("On no factor do the two part beyond chance.");
        return words;
    }
    let named = beyond.iter().take(3).map(|gap| {
        let direction = if gap.model > gap.reference { "more" } else { "less" };
        format!("{direction} in favour of `{}`", gap.factor)
    });
    words.push_str(&format!("It is {}", named.collect::<Vec<_>>().join(", ")));
    if beyond.len() > 3 {
        let more = beyond.len() - 3;
        words.push_str(&format!(", and parts on {more} more factor{}", if more == 1 { "" } else { "s" }));
    }
    words.push('.');
    words
}

/// A count with a comma between thousands.
pub(super) fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
