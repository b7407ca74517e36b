//! Bytes of response text a second, on generated text: `cargo bench -p prefactor-benches --bench extract`.
//!
//! With `--no-default-features` the figures are those of one thread.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use prefactor::factor::Item;
use prefactor::factor::text::{TextFactors, Tokenizer};
use prefactor::id::ResponseId;

const REFERENCE: [&str; 5] = ["length", "sentences", "ttr", "novelty", "coverage"];

/// xorshift: the same text on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    /// A rank with the skew of words in a text.
    fn rank(&mut self, limit: usize) -> usize {
        let uniform = (self.below(1 << 20) as f64 + 1.0) / f64::from(1 << 20);
        ((limit as f64).powf(uniform) as usize).saturating_sub(1).min(limit - 1)
    }
}

const FUNCTION_WORDS: [&str; 20] = [
    "the", "of", "and", "to", "a", "in", "is", "that", "it", "was", "for", "on", "are", "as", "with", "may", "I", "at",
    "be", "this",
];

fn vocabulary(random: &mut Random, accents: bool) -> Vec<String> {
    const ONSETS: [&str; 12] = ["b", "c", "d", "f", "gr", "l", "m", "n", "pr", "s", "t", "v"];
    const NUCLEI: [&str; 6] = ["a", "e", "i", "o", "u", "ea"];
    let mut words: Vec<String> = FUNCTION_WORDS.iter().map(ToString::to_string).collect();
    while words.len() < 8000 {
        let syllables = 1 + random.below(4);
        let mut word: String =
            (0..syllables).map(|_| format!("{}{}", ONSETS[random.below(12)], NUCLEI[random.below(6)])).collect();
        if accents && random.below(6) == 0 {
            word.push('é');
        }
        if random.below(20) == 0 {
            word = word[..1].to_uppercase() + &word[1..];
        }
        words.push(word);
    }
    words
}

/// Text with sentences, paragraphs, lists, numbers and some markup.
fn text(random: &mut Random, vocabulary: &[String], bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 64);
    while text.len() < bytes {
        match random.below(12) {
            0 => text.push_str("\n\n"),
            1 => text.push_str("\n- "),
            _ => {}
        }
        let words = 5 + random.below(20);
        for at in 0..words {
            let word = &vocabulary[random.rank(vocabulary.len())];
            match random.below(60) {
                0 => text.push_str(&random.below(3000).to_string()),
                1 => text.push_str(&format!("**{word}**")),
                _ if at == 0 => text
                    .extend(word.chars().enumerate().map(|(at, c)| if at == 0 { c.to_ascii_uppercase() } else { c })),
                _ => text.push_str(word),
            }
            text.push_str(if random.below(12) == 0 { ", " } else { " " });
        }
        text.truncate(text.trim_end_matches([' ', ',']).len());
        text.push_str([".", ".", ".", "?", "!"][random.below(5)]);
        text.push(' ');
    }
    text
}

struct Corpus {
    responses: Vec<String>,
    sources: Vec<String>,
}

impl Corpus {
    fn new(responses: usize, bytes: usize, source_bytes: usize, accents: bool) -> Self {
        let mut random = Random(0x2545_f491_4f6c_dd1d);
        let vocabulary = vocabulary(&mut random, accents);
        Self {
            responses: (0..responses).map(|_| text(&mut random, &vocabulary, bytes)).collect(),
            sources: (0..responses / 6).map(|_| text(&mut random, &vocabulary, source_bytes)).collect(),
        }
    }

    fn items<'a>(&'a self, id: &'a ResponseId, with_source: bool) -> Vec<Item<'a>> {
        let source = |at: usize| with_source.then(|| self.sources[(at / 6) % self.sources.len()].as_str());
        let item = |(at, text): (usize, &'a String)| Item {
            id,
            text,
            prompt: Some("What is the effect of a grape on the mind?"),
            source: source(at),
        };
        self.responses.iter().enumerate().map(item).collect()
    }
}

fn bench(criterion: &mut Criterion) {
    let id = ResponseId::from("r");
    let mut group = criterion.benchmark_group("extract");
    group.sample_size(20);
    for (corpus_name, accents) in [("ascii", false), ("accents", true)] {
        // Six responses of 2 kB to a source of 4 kB.
        let corpus = Corpus::new(1200, 2000, 4000, accents);
        let bytes: usize = corpus.responses.iter().map(String::len).sum();
        group.throughput(Throughput::Bytes(bytes as u64));
        for (with_source, source_name) in [(true, "source"), (false, "no source")] {
            let items = corpus.items(&id, with_source);
            for tokenizer in Tokenizer::ALL {
                let reference = TextFactors::select(&REFERENCE).unwrap_or_default();
                for (choice, factors) in [("all", TextFactors::all()), ("reference", reference)] {
                    let factors = factors.with_tokenizer(tokenizer);
                    let name = format!("{choice}, {tokenizer}, {corpus_name}, {source_name}");
                    group.bench_function(&name, |bencher| {
                        bencher.iter(|| factors.measure(black_box(&items)));
                    });
                }
            }
        }
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
