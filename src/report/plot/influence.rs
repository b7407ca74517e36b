//! The forest plot: the influence of every factor on some agents, side by side.

use kuva::plot::legend::LegendShape;
use kuva::plot::scatter::ScatterPlot;
use kuva::render::annotations::ReferenceLine;
use kuva::render::layout::Layout;
use kuva::render::plots::Plot as Series;

use super::label::fit;
use super::palette::MARKERS;
use super::{Plot, WIDTH, banded, below, framed, scene, with_legend};
use crate::error::{Error, Place, Result};
use crate::id::AgentId;

use crate::report::{Report, outline};

/// Pixels of one marker, and of the space between two factors.
const MARKER: f64 = 13.0;
const SPACE: f64 = 12.0;

/// One estimate with its interval, and where it stands.
struct Point {
    x: f64,
    y: f64,
    below: f64,
    above: f64,
}

impl Plot {
    /// The influence τ14 of every factor on these agents, with intervals: the factor that drives the reference most on
    /// top, the first agent in the darkest colour.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownId`] for an agent that is not in the report, [`Error::Empty`] without agents or estimates.
    pub fn influence(report: &Report, agents: &[AgentId]) -> Result<Self> {
        let factors = outline::by_reference(report);
        let count = factors.len();
        let mut series: Vec<(String, Vec<Point>)> = Vec::new();
        for (place, agent) in agents.iter().enumerate() {
            let entry = known(report, agent)?;
            // Agents stand one below the other inside the row of a factor.
            let shift = (agents.len() as f64 - 1.0) / 2.0 - place as f64;
            let step = MARKER / row_height(agents.len());
            let points = factors.iter().enumerate().filter_map(|(row, spec)| {
                let tau = entry.influence.tau14.get(&spec.id)?.estimate;
                let x = tau.estimate?;
                Some(Point {
                    x,
                    y: (count - row) as f64 + shift * step,
                    below: x - tau.ci_low.unwrap_or(x),
                    above: tau.ci_high.unwrap_or(x) - x,
                })
            });
            series.push((fit(agent.as_str(), 36), points.collect()));
        }
        let range = series.iter().flat_map(|(_, points)| points).fold(None, |range: Option<(f64, f64)>, point| {
            let (low, high) = range.unwrap_or((0.0, 0.0));
            Some((low.min(point.x - point.below), high.max(point.x + point.above)))
        });
        let Some((low, high)) = range else {
            return Err(Error::Empty {
                what: "estimates of influence to draw".into(),
                remedy: "choose agents that prefer a side on some pair".into(),
            });
        };
        let names: Vec<String> = factors.iter().rev().map(|spec| fit(spec.id.as_str(), 28)).collect();
        let title = "Influence of each factor";
        let of = agents.iter().map(|agent| agent.as_str()).collect::<Vec<_>>().join(", ");
        let description =
            format!("τ14 with intervals of {count} factors for {of}; the table beside it has the numbers.");
        let height = count as f64 * row_height(agents.len());
        Ok(Self::new(title, description, move |palette| {
            let entries = series.iter().enumerate().map(|(place, (name, _))| {
                let color = palette.series[place % palette.series.len()].to_owned();
                (name.clone(), color, LegendShape::Marker(MARKERS[place % MARKERS.len()]))
            });
            let layout = Layout::new(outward(low, high), (0.5, count as f64 + 0.5))
                .with_x_label("τ14: less of the factor preferred ←  → more preferred")
                .with_reference_line(ReferenceLine::vertical(0.0).with_color(palette.muted).with_dasharray("4 3"));
            let layout = framed(layout, &names, WIDTH, height, below(series.len()));
            let layout = with_legend(banded(layout, count, palette), entries);
            let drawn = series.iter().enumerate().map(|(place, (_, points))| {
                let errors = points.iter().map(|point| (point.below, point.above));
                Series::Scatter(
                    ScatterPlot::new()
                        .with_data(points.iter().map(|point| (point.x, point.y)))
                        .with_x_err_asymmetric(errors)
                        .with_color(palette.series[place % palette.series.len()])
                        .with_marker(MARKERS[place % MARKERS.len()])
                        .with_size(4.0),
                )
            });
            scene(drawn.collect(), layout, palette)
        }))
    }
}

fn row_height(agents: usize) -> f64 {
    MARKER * agents as f64 + SPACE
}

/// The agent's part of the report.
pub(super) fn known<'a>(report: &'a Report, agent: &AgentId) -> Result<&'a crate::report::AgentReport> {
    report.agents.get(agent).ok_or_else(|| {
        let known: Vec<String> = report.agents.keys().map(|known| format!("`{known}`")).collect();
        Error::UnknownId {
            place: Place::memory(),
            kind: "agent",
            id: agent.as_str().to_owned(),
            remedy: format!("known: {}", known.join(", ")),
        }
    })
}

/// A range a little wider than the data, ending on tenths.
pub(super) fn outward(low: f64, high: f64) -> (f64, f64) {
    let pad = 0.02 * (high - low).max(0.05);
    (((low - pad) * 10.0).floor() / 10.0, ((high + pad) * 10.0).ceil() / 10.0)
}
