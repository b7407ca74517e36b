//! A record of every format, of our own text: also what the fuzz targets start from.

/// A record as it stands in a file of seeds, by the name of its format.
macro_rules! seeds {
    ($($format:literal),* $(,)?) => {
        [$(($format, include_str!(concat!("../../fuzz/seeds/", $format, ".jsonl")))),*]
    };
}

/// A good record of each format.
pub(crate) const GOOD: [(&str, &str); 18] = seeds![
    "prefactor",
    "tldr-comparisons",
    "tldr-axis",
    "shp",
    "webgpt",
    "webgpt-original",
    "hh-rlhf",
    "chatbot-arena",
    "arena-kaggle",
    "arena-votes",
    "mt-bench",
    "ultrafeedback",
    "ultrafeedback-binarized",
    "helpsteer2-ratings",
    "helpsteer2-preference",
    "alpaca-eval",
    "llmbar",
    "trl",
];

/// A document with one comparison.
pub(crate) const DOCUMENT: &str = include_str!("../../fuzz/seeds/annotated-pairs.json");
