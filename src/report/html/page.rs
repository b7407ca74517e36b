//! What a page is made of before it is HTML.

use serde::Serialize;

use crate::alignment::{Score, signed};
use crate::influence::Estimate;
use crate::report::Plot;
use crate::report::outline::LEVEL;

/// The whole page.
#[derive(Debug, Serialize)]
pub(super) struct Page {
    pub(super) title: String,
    pub(super) lead: String,
    pub(super) version: String,
    pub(super) policy: String,
    pub(super) style: &'static str,
    pub(super) script: &'static str,
    pub(super) sections: Vec<Section>,
}

/// A part of the page with a name in the contents.
#[derive(Debug, Serialize)]
pub(super) struct Section {
    pub(super) id: &'static str,
    pub(super) label: &'static str,
    pub(super) title: &'static str,
    pub(super) facts: Vec<Fact>,
    pub(super) parts: Vec<Part>,
}

impl Section {
    pub(super) fn new(id: &'static str, label: &'static str, title: &'static str) -> Self {
        Self { id, label, title, facts: Vec::new(), parts: Vec::new() }
    }

    pub(super) fn with(mut self, parts: impl IntoIterator<Item = Part>) -> Self {
        self.parts.extend(parts);
        self
    }
}

/// A figure in large type.
#[derive(Debug, Serialize)]
pub(super) struct Fact {
    pub(super) value: String,
    pub(super) label: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Part {
    Paragraph { text: String },
    Note { text: String },
    Heading { text: String },
    Headline { items: Vec<String> },
    List { items: Vec<String> },
    Figures { figures: Vec<Figure> },
    Table { table: Table },
    Pairs { pairs: Vec<(String, String)> },
    Examples { groups: Vec<ExampleGroup> },
}

impl Part {
    pub(super) fn paragraph(text: impl Into<String>) -> Self {
        Self::Paragraph { text: text.into() }
    }

    pub(super) fn note(text: impl Into<String>) -> Self {
        Self::Note { text: text.into() }
    }

    pub(super) fn heading(text: impl Into<String>) -> Self {
        Self::Heading { text: text.into() }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Figure {
    title: String,
    caption: String,
    svg: String,
}

impl Figure {
    pub(super) fn new(plot: &Plot, caption: impl Into<String>) -> Self {
        Self { title: plot.title().to_owned(), caption: caption.into(), svg: plot.to_page_svg() }
    }
}

/// A table that can be sorted; the first column names its rows.
#[derive(Debug, Serialize)]
pub(super) struct Table {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) caption: String,
    /// What can be filtered, in words; nothing for short tables.
    pub(super) filter: Option<&'static str>,
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
pub(super) struct Column {
    label: String,
    number: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Row {
    head: String,
    cells: Vec<Cell>,
}

/// A cell: what is read, what it is sorted by, its interval, and whether it is beyond chance.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Cell {
    text: String,
    sort: Option<f64>,
    interval: String,
    sure: bool,
}

impl Table {
    /// A table whose first column has words.
    pub(super) fn new(id: impl Into<String>, name: impl Into<String>, head: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            caption: String::new(),
            filter: None,
            columns: vec![Column { label: head.into(), number: false }],
            rows: Vec::new(),
        }
    }

    pub(super) fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    pub(super) fn filter(mut self, what: &'static str) -> Self {
        self.filter = Some(what);
        self
    }

    pub(super) fn numbers<S: Into<String>>(mut self, labels: impl IntoIterator<Item = S>) -> Self {
        self.columns.extend(labels.into_iter().map(|label| Column { label: label.into(), number: true }));
        self
    }

    pub(super) fn words<S: Into<String>>(mut self, labels: impl IntoIterator<Item = S>) -> Self {
        self.columns.extend(labels.into_iter().map(|label| Column { label: label.into(), number: false }));
        self
    }

    pub(super) fn row(&mut self, head: impl Into<String>, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(Row { head: head.into(), cells: cells.into_iter().collect() });
    }

    pub(super) fn part(self) -> Part {
        Part::Table { table: self }
    }
}

impl Cell {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    pub(super) fn none() -> Self {
        Self::text("–")
    }

    pub(super) fn count(count: usize) -> Self {
        Self { text: count.to_string(), sort: Some(count as f64), ..Self::default() }
    }

    /// A number with so many decimals.
    pub(super) fn number(value: Option<f64>, decimals: usize) -> Self {
        value.map_or_else(Self::none, |value| Self {
            text: format!("{value:.decimals$}").replace('-', "−"),
            sort: Some(value),
            ..Self::default()
        })
    }

    /// A share as a percentage.
    pub(super) fn percent(value: Option<f64>) -> Self {
        let text = value.map(|value| format!("{:.1} %", 100.0 * value).replace('-', "−"));
        Self { text: text.unwrap_or_else(|| "–".into()), sort: value, ..Self::default() }
    }

    /// A value with its interval, sure where the corrected p-value says so.
    pub(super) fn estimate(value: Option<f64>, low: Option<f64>, high: Option<f64>, q: Option<f64>) -> Self {
        let Some(value) = value else { return Self::none() };
        Self {
            text: signed(value),
            sort: Some(value),
            interval: interval(low, high, signed),
            sure: q.is_some_and(|q| q < LEVEL),
        }
    }

    pub(super) fn of(estimate: &Estimate) -> Self {
        Self::estimate(estimate.estimate, estimate.ci_low, estimate.ci_high, estimate.q_value)
    }

    pub(super) fn score(score: &Score) -> Self {
        Self::estimate(score.estimate, score.ci_low, score.ci_high, None)
    }

    /// A share with its interval, in per cent.
    pub(super) fn share(value: Option<f64>, low: Option<f64>, high: Option<f64>) -> Self {
        Self {
            interval: interval(low, high, |end| format!("{:.1}", 100.0 * end).replace('-', "−")),
            ..Self::percent(value)
        }
    }

    /// The same, beyond chance.
    pub(super) fn sure(self) -> Self {
        Self { sure: true, ..self }
    }

    /// A p-value.
    pub(super) fn p_value(p: Option<f64>) -> Self {
        let Some(p) = p else { return Self::none() };
        let text = if p < 0.001 { "< 0.001".into() } else { format!("{p:.3}") };
        Self { text, sort: Some(p), ..Self::default() }
    }
}

fn interval(low: Option<f64>, high: Option<f64>, words: impl Fn(f64) -> String) -> String {
    match (low, high) {
        (Some(low), Some(high)) => format!("[{}, {}]", words(low), words(high)),
        _ => String::new(),
    }
}

/// The examples of one factor and agent.
#[derive(Debug, Serialize)]
pub(super) struct ExampleGroup {
    pub(super) title: String,
    pub(super) examples: Vec<Example>,
}

/// One pair.
#[derive(Debug, Serialize)]
pub(super) struct Example {
    pub(super) pair: String,
    pub(super) words: String,
    pub(super) prompt: Option<String>,
    pub(super) sides: [Side; 2],
}

/// One response.
#[derive(Debug, Serialize)]
pub(super) struct Side {
    pub(super) name: &'static str,
    pub(super) value: Option<String>,
    pub(super) preferred_by: Vec<String>,
    pub(super) text: Option<String>,
    /// Characters that were cut.
    pub(super) more: Option<usize>,
}
