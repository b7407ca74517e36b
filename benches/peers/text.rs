//! All rule-based factors of `responses.json`: `[{"text": …, "prompt": …, "source": …}, …]`.

use std::hint::black_box;
use std::path::Path;

use prefactor::factor::Item;
use prefactor::factor::text::{TextFactors, Tokenizer};
use prefactor::id::ResponseId;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::measure::median;

#[derive(Deserialize)]
struct Response {
    text: String,
    prompt: String,
    source: String,
}

pub fn measure(directory: &Path) -> Value {
    let file = std::fs::read_to_string(directory.join("responses.json")).expect("a data file");
    let responses: Vec<Response> = serde_json::from_str(&file).expect("responses");
    let id = ResponseId::from("any");
    let items: Vec<Item<'_>> = responses
        .iter()
        .map(|response| Item {
            id: &id,
            text: &response.text,
            prompt: Some(&response.prompt),
            source: Some(&response.source),
        })
        .collect();
    let mut found = serde_json::Map::new();
    for tokenizer in [Tokenizer::AsciiAlnum, Tokenizer::Unicode] {
        let factors = TextFactors::all().with_tokenizer(tokenizer);
        let (cpu, _) = median(|| {
            black_box(factors.measure(black_box(&items)).expect("values"));
        });
        found.insert(format!("{tokenizer}_ms"), json!(cpu));
    }
    let factors = TextFactors::all().with_tokenizer(Tokenizer::AsciiAlnum).measure(&items).expect("values");
    let names: Vec<&str> = factors.specs.iter().map(|spec| spec.id.as_str()).collect();
    found.insert("bytes".into(), json!(responses.iter().map(|response| response.text.len()).sum::<usize>()));
    found.insert("factors".into(), json!(names));
    found.insert("values".into(), json!(factors.values));
    Value::Object(found)
}
