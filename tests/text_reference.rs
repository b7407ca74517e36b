//! Concordant, discordant and tied pairs of the reference factors on real data, exactly.
//!
//! Runs where the data is; `PREFACTOR_SHARED` says where.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;

use prefactor::factor::Item;
use prefactor::factor::text::{TextFactors, Tokenizer};
use prefactor::id::ResponseId;
use serde_json::Value;

const FACTORS: [&str; 5] = ["length", "sentences", "ttr", "novelty", "coverage"];

fn shared() -> PathBuf {
    std::env::var_os("PREFACTOR_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared")), PathBuf::from)
}

fn json_lines(name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(shared().join("data").join(name)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text<'v>(value: &'v Value, field: &str) -> Option<&'v str> {
    value.get(field).and_then(Value::as_str)
}

/// Compares with the golden counts of the data set, for every agent it has.
fn check(dataset: &str, source: impl Fn(&Value) -> String) {
    if !shared().join("data").is_dir() {
        let _ = writeln!(std::io::stderr(), "skipped: no reference data at {}", shared().display());
        return;
    }
    let pairs = json_lines(&format!("{dataset}.pairs.jsonl"));
    let sources: Vec<String> = pairs.iter().map(source).collect();
    let id = ResponseId::from("any");
    let items: Vec<Item<'_>> = pairs
        .iter()
        .zip(&sources)
        .flat_map(|(pair, source)| {
            ["a", "b"].map(|side| Item {
                id: &id,
                text: text(&pair[side], "text").unwrap(),
                prompt: None,
                source: Some(source),
            })
        })
        .collect();
    let factors = TextFactors::select(&FACTORS).unwrap().with_tokenizer(Tokenizer::AsciiAlnum);
    let values = factors.measure(&items).unwrap().values;

    let golden = std::fs::read_to_string(shared().join("golden").join(format!("real_{dataset}.json"))).unwrap();
    let golden: Value = serde_json::from_str(&golden).unwrap();
    let mut compared = 0;
    for (agent, expected) in golden["tau14"].as_object().unwrap() {
        for (factor, column) in FACTORS.iter().zip(&values) {
            let (mut concordant, mut discordant, mut tied) = (0, 0, 0);
            for (row, pair) in pairs.iter().enumerate() {
                let judgements = pair["judgements"].as_array().unwrap();
                let judgement = judgements.iter().find(|judgement| text(judgement, "agent") == Some(agent));
                let preference = match judgement.and_then(|judgement| text(judgement, "preference")) {
                    Some("a") => 1.0,
                    Some("b") => -1.0,
                    _ => continue,
                };
                let difference = column[2 * row].unwrap() - column[2 * row + 1].unwrap();
                if difference == 0.0 {
                    tied += 1;
                } else if difference * preference > 0.0 {
                    concordant += 1;
                } else {
                    discordant += 1;
                }
            }
            let expected = &expected[factor];
            let expected = ["C", "D", "T"].map(|count| expected[count].as_i64().unwrap());
            assert_eq!([concordant, discordant, tied], expected, "{dataset}, {agent}, {factor}");
            compared += 1;
        }
    }
    assert!(compared > 0);
}

#[test]
fn pandalm() {
    check("pandalm", |pair| {
        format!("{} {}", text(pair, "prompt").unwrap_or_default(), text(pair, "source").unwrap_or_default())
    });
}

#[test]
fn ragchecker() {
    check("ragchecker", |pair| text(pair, "reference").unwrap_or_default().to_owned());
}

#[test]
fn finegrained_qa() {
    let file = shared().join("data").join("finegrained_qa.sources.jsonl");
    let sources = if file.is_file() { json_lines("finegrained_qa.sources.jsonl") } else { Vec::new() };
    let sources: HashMap<&str, &str> =
        sources.iter().map(|source| (text(source, "id").unwrap(), text(source, "text").unwrap())).collect();
    check("finegrained_qa", |pair| sources[text(pair, "source_id").unwrap()].to_owned());
}
