//! The joint models: coefficients, what they are worth, and whether their factors can be told apart.

use super::influence::{agents, drawn, groups, level};
use super::page::{Cell, Figure, Part, Section, Table};
use crate::error::Result;
use crate::id::AgentId;
use crate::influence::{Baselines, Estimate, FitQuality, Quality};
use crate::report::{LogisticReport, Plot, Report, outline};

pub(super) fn coefficients(report: &Report) -> Section {
    let all = agents(report);
    let fit = |agent: &AgentId| report.agents.get(agent).map(|entry| &entry.influence.logistic);
    let columns = || all.iter().map(|agent| format!("`{agent}`"));
    let mut table = Table::new("coefficients-table", "Coefficients of the joint models", "factor")
        .caption(format!(
            "Log-odds of being preferred per typical difference of the factor, all others equal, with {} intervals. Bold \
             with * is beyond chance after correcting for the number of factors.",
            level(report)
        ))
        .filter("factors")
        .numbers(columns());
    let mut shares = Table::new("shares-table", "Shares of what the models explain", "factor")
        .caption(
            "Whose credit it is: each factor's Shapley share of McFadden's R², which factors that move together share \
             evenly. Bold with * is what the model would miss (likelihood-ratio test of leaving it out, at 5 %).",
        )
        .filter("factors")
        .numbers(columns());
    for spec in outline::by_reference(report) {
        let beta = |agent: &AgentId| {
            let beta = fit(agent)?.coefficients.get(&spec.id)?;
            Some(Cell::estimate(Some(beta.estimate), beta.ci_low, beta.ci_high, beta.q_value.or(beta.p_value)))
        };
        table.row(format!("`{}`", spec.id), all.iter().map(|agent| beta(agent).unwrap_or_else(Cell::none)));
        let share = |agent: &AgentId| {
            let entry = fit(agent)?.importance.as_ref()?.factor(&spec.id)?;
            let cell = Cell::percent(entry.share);
            Some(if entry.drop_one.p < outline::LEVEL { cell.sure() } else { cell })
        };
        shares.row(format!("`{}`", spec.id), all.iter().map(|agent| share(agent).unwrap_or_else(Cell::none)));
    }
    let mut fits =
        Table::new("fits-table", "The fits", "figure").caption("The fits behind the coefficients.").numbers(columns());
    let mut figure = |name: &str, of: &dyn Fn(&LogisticReport) -> Cell| {
        fits.row(name, all.iter().map(|agent| fit(agent).map_or_else(Cell::none, of)));
    };
    figure("judgements in the fit", &|fit| Cell::count(fit.rows));
    figure("prompts", &|fit| Cell::count(fit.clusters));
    figure("left out, a factor missing", &|fit| Cell::count(fit.missing));
    figure("log-likelihood", &|fit| Cell::number(fit.log_likelihood, 1));
    figure("McFadden's R²", &|fit| Cell::number(fit.mcfadden_r2, 3));
    figure("AIC", &|fit| Cell::number(fit.aic, 1));
    figure("BIC", &|fit| Cell::number(fit.bic, 1));
    figure("p that no factor matters", &|fit| Cell::p_value(fit.joint_test.map(|test| test.p)));
    figure("largest leverage of a row", &|fit| Cell::number(fit.leverage.map(|leverage| leverage.largest), 3));
    let refusals: Vec<String> =
        all.iter().filter_map(|agent| Some(format!("`{agent}`: {}", fit(agent)?.detail.as_ref()?))).collect();
    let mut section = Section::new("joint", "Joint models", "All factors together").with([
        Part::paragraph(
            "A factor's own share once all others are held equal. Factors that move together share their influence here, so \
             a figure can differ from τ14 in size and even in sign.",
        ),
        table.part(),
    ]);
    if !refusals.is_empty() {
        section.parts.push(Part::List { items: refusals });
    }
    let known =
        |agent: &AgentId| fit(agent).is_some_and(|fit| fit.importance.as_ref().is_some_and(|i| !i.factors.is_empty()));
    if all.iter().any(known) {
        section.parts.push(shares.part());
    }
    section.parts.push(fits.part());
    section
}

pub(super) fn correlations(report: &Report) -> Result<Section> {
    let section = Section::new("correlations", "Correlations", "How the factors move together");
    let of = |agent: &AgentId| report.agents.get(agent)?.influence.logistic.collinearity.as_ref();
    let Some((agent, found)) = agents(report).into_iter().find_map(|agent| of(&agent).map(|found| (agent, found)))
    else {
        return Ok(section.with([Part::note("No joint model could say how the factors move together.")]));
    };
    let plot = Plot::correlations(&found.factors, &found.correlations)?;
    let caption =
        "Pearson correlations of the differences between the two responses; blue for positive, orange for negative.";
    let mut table = Table::new("vif-table", "Variance inflation", "factor")
        .caption("How many times the others inflate the variance of a factor's coefficient: above about 10 it is hard to tell apart.")
        .filter("factors")
        .numbers(["variance inflation"]);
    for (factor, vif) in found.factors.iter().zip(&found.vif) {
        table.row(format!("`{factor}`"), [Cell::number(*vif, 2)]);
    }
    let condition = found.condition_number.map_or_else(
        || "Some factors are combinations of others: their coefficients cannot be told apart.".to_owned(),
        |number| format!("Condition number {number:.1}; above about 30 coefficients are hard to tell apart."),
    );
    Ok(section.with([
        Part::paragraph(format!("Over the pairs that `{agent}` decided. {condition}")),
        Part::Figures { figures: vec![Figure::new(&plot, caption)] },
        table.part(),
    ]))
}

pub(super) fn quality(report: &Report) -> Result<Section> {
    let section = Section::new("quality", "Quality of the fits", "What the joint models are worth");
    let all = agents(report);
    let of = |agent: &AgentId| report.agents.get(agent)?.baselines.as_ref();
    if !all.iter().any(|agent| of(agent).is_some()) {
        return Ok(section.with([Part::note("This report holds no figures of quality.")]));
    }
    let mut rules = Table::new("rules-table", "Beside rules of thumb", "agent")
        .caption(format!(
            "How often each predicts the side that the agent prefers, with {} intervals. \"Unseen\": each judgement predicted \
             by a model that saw no pair of its prompt.",
            level(report)
        ))
        .numbers(["the longer wins", "the first wins", "the more frequent side", "model, in sample", "model, unseen"]);
    let mut figures = Table::new("quality-table", "Quality of the probabilities", "agent")
        .caption("On unseen prompts where that was possible, else in sample. A calibration slope below 1 is too sure of itself.")
        .numbers(["AUC", "Brier score", "log-loss", "Tjur's R²", "calibration slope"]);
    for agent in &all {
        let Some(baselines) = of(agent) else { continue };
        rules.row(format!("`{agent}`"), rules_of(baselines));
        figures.row(format!("`{agent}`"), figures_of(&baselines.model));
    }
    let mut pictures = Vec::new();
    for some in &groups(report) {
        if let Some(plot) = drawn(Plot::calibration(report, some))? {
            let caption = "On the diagonal what is predicted happens as often as it should; a flatter line is too sure of itself.";
            pictures.push(Figure::new(&plot, caption));
        }
        if let Some(plot) = drawn(Plot::roc(report, some))? {
            let caption = "The further above the diagonal, the better the model tells which side is preferred.";
            pictures.push(Figure::new(&plot, caption));
        }
    }
    Ok(section.with([
        Part::paragraph("A model that predicts no better than a rule of thumb explains nothing beyond it."),
        rules.part(),
        figures.part(),
        Part::Figures { figures: pictures },
    ]))
}

fn rules_of(baselines: &Baselines) -> [Cell; 5] {
    let rule = |estimate: &Estimate| Cell::share(estimate.estimate, estimate.ci_low, estimate.ci_high);
    let model = &baselines.model;
    let accuracy = |quality: &Option<Quality>| quality.as_ref().and_then(|quality| quality.accuracy);
    let ends = model.cross_validated_intervals.as_ref();
    [
        baselines.longer_wins.as_ref().map_or_else(Cell::none, |longer| rule(&longer.accuracy)),
        rule(&baselines.first_wins),
        rule(&baselines.majority),
        Cell::percent(accuracy(&model.in_sample)),
        Cell::share(
            accuracy(&model.cross_validated),
            ends.and_then(|ends| ends.low.accuracy),
            ends.and_then(|ends| ends.high.accuracy),
        ),
    ]
}

fn figures_of(model: &FitQuality) -> [Cell; 5] {
    let quality = model.cross_validated.or(model.in_sample).unwrap_or_default();
    let ends = model.cross_validated.and(model.cross_validated_intervals.as_ref());
    let cell = |of: fn(&Quality) -> Option<f64>| {
        Cell::estimate(of(&quality), ends.and_then(|ends| of(&ends.low)), ends.and_then(|ends| of(&ends.high)), None)
    };
    [cell(|q| q.auc), cell(|q| q.brier), cell(|q| q.log_loss), cell(|q| q.tjur_r2), cell(|q| q.calibration_slope)]
}
