//! Tiny models with random weights, written as files, and the same models computed plainly in 64-bit floats.

use std::collections::BTreeMap;
use std::path::Path;

use prefactor::stats::{normal, rng};

/// A matrix of a model: its shape and its numbers, row by row.
#[derive(Clone)]
pub(crate) struct Matrix {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f32>,
}

/// Named matrices.
pub(crate) type Weights = BTreeMap<String, Matrix>;

/// Random weights of these shapes; norms lie around 1.
pub(crate) fn weights(seed: u64, shapes: &[(String, Vec<usize>)]) -> Weights {
    let mut rng = rng(seed);
    let mut matrix = |name: &str, shape: &[usize]| {
        let centre = if name.contains("norm") || name.contains("LayerNorm.weight") { 1.0 } else { 0.0 };
        let values = (0..shape.iter().product()).map(|_| (centre + 0.3 * normal(&mut rng)) as f32).collect();
        Matrix { shape: shape.to_vec(), values }
    };
    shapes.iter().map(|(name, shape)| (name.clone(), matrix(name, shape))).collect()
}

/// Rows of numbers.
pub(crate) type Rows = Vec<Vec<f64>>;

fn product(x: &Rows, weight: &Matrix) -> Rows {
    let inputs = weight.shape[1];
    let dot = |x: &[f64], row: &[f32]| x.iter().zip(row).map(|(a, &b)| a * f64::from(b)).sum();
    x.iter().map(|x| weight.values.chunks(inputs).map(|row| dot(x, row)).collect()).collect()
}

fn shifted(mut x: Rows, bias: &Matrix) -> Rows {
    for x in &mut x {
        x.iter_mut().zip(&bias.values).for_each(|(x, &bias)| *x += f64::from(bias));
    }
    x
}

fn sum(a: &Rows, b: &Rows) -> Rows {
    a.iter().zip(b).map(|(a, b)| a.iter().zip(b).map(|(a, b)| a + b).collect()).collect()
}

pub(crate) fn log_softmax(x: &[f64]) -> Vec<f64> {
    let most = x.iter().copied().fold(f64::MIN, f64::max);
    let norm = most + x.iter().map(|x| (x - most).exp()).sum::<f64>().ln();
    x.iter().map(|x| x - norm).collect()
}

/// Attention of `heads` heads whose keys and values `shared` heads hold; each token sees those for which `sees` says so.
fn attention(
    query: &Rows,
    key: &Rows,
    value: &Rows,
    heads: usize,
    shared: usize,
    sees: impl Fn(usize, usize) -> bool,
) -> Rows {
    let head = query[0].len() / heads;
    let mut out = vec![vec![0.0; heads * head]; query.len()];
    for (at, out) in out.iter_mut().enumerate() {
        for h in 0..heads {
            let (own, other) = (h * head, h / (heads / shared) * head);
            let seen: Vec<usize> = (0..key.len()).filter(|&to| sees(at, to)).collect();
            let dot = |to: &usize| -> f64 { (0..head).map(|i| query[at][own + i] * key[*to][other + i]).sum() };
            let scores: Vec<f64> = seen.iter().map(|to| dot(to) / (head as f64).sqrt()).collect();
            for (&to, log) in seen.iter().zip(log_softmax(&scores)) {
                (0..head).for_each(|i| out[own + i] += log.exp() * value[to][other + i]);
            }
        }
    }
    out
}

pub(crate) const LLAMA: Llama =
    Llama { width: 16, heads: 4, shared: 2, inner: 24, layers: 2, vocabulary: 261, context: 512 };

/// The sizes of a tiny llama.
#[derive(Clone, Copy)]
pub(crate) struct Llama {
    pub(crate) width: usize,
    pub(crate) heads: usize,
    pub(crate) shared: usize,
    pub(crate) inner: usize,
    pub(crate) layers: usize,
    pub(crate) vocabulary: usize,
    pub(crate) context: usize,
}

impl Llama {
    pub(crate) fn weights(&self) -> Weights {
        let (width, shared) = (self.width, self.width / self.heads * self.shared);
        let mut shapes = vec![
            ("token_embd.weight".to_owned(), vec![self.vocabulary, width]),
            ("output_norm.weight".to_owned(), vec![width]),
        ];
        for layer in 0..self.layers {
            for (name, shape) in [
                ("attn_norm", vec![width]),
                ("attn_q", vec![width, width]),
                ("attn_k", vec![shared, width]),
                ("attn_v", vec![shared, width]),
                ("attn_output", vec![width, width]),
                ("ffn_norm", vec![width]),
                ("ffn_gate", vec![self.inner, width]),
                ("ffn_up", vec![self.inner, width]),
                ("ffn_down", vec![width, self.inner]),
            ] {
                shapes.push((format!("blk.{layer}.{name}.weight"), shape));
            }
        }
        weights(1, &shapes)
    }

    /// The log-probabilities of all tokens after each of these.
    pub(crate) fn log_probabilities(&self, weights: &Weights, tokens: &[usize]) -> Rows {
        let embedding = &weights["token_embd.weight"];
        let mut x: Rows = tokens
            .iter()
            .map(|&token| embedding.values[token * self.width..][..self.width].iter().map(|&v| f64::from(v)).collect())
            .collect();
        for layer in 0..self.layers {
            let weight = |name: &str| &weights[&format!("blk.{layer}.{name}.weight")];
            let h = self.norm(&x, weight("attn_norm"));
            let (query, key) = (self.turned(product(&h, weight("attn_q"))), self.turned(product(&h, weight("attn_k"))));
            let value = product(&h, weight("attn_v"));
            let attended = attention(&query, &key, &value, self.heads, self.shared, |at, to| to <= at);
            x = sum(&x, &product(&attended, weight("attn_output")));
            let h = self.norm(&x, weight("ffn_norm"));
            let (gate, up) = (product(&h, weight("ffn_gate")), product(&h, weight("ffn_up")));
            let fed: Rows = gate
                .iter()
                .zip(&up)
                .map(|(gate, up)| gate.iter().zip(up).map(|(g, u)| g / (1.0 + (-g).exp()) * u).collect())
                .collect();
            x = sum(&x, &product(&fed, weight("ffn_down")));
        }
        product(&self.norm(&x, &weights["output_norm.weight"]), embedding).iter().map(|x| log_softmax(x)).collect()
    }

    fn norm(&self, x: &Rows, weight: &Matrix) -> Rows {
        let one = |x: &Vec<f64>| {
            let scale = (x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64 + 1e-5).sqrt();
            x.iter().zip(&weight.values).map(|(x, &w)| x / scale * f64::from(w)).collect()
        };
        x.iter().map(one).collect()
    }

    /// Each pair of neighbours of a head turned by position times frequency.
    fn turned(&self, mut x: Rows) -> Rows {
        let head = self.width / self.heads;
        for (position, x) in x.iter_mut().enumerate() {
            for pair in 0..x.len() / 2 {
                let frequency = 10_000_f64.powf(-((2 * pair % head) as f64) / head as f64);
                let (sine, cosine) = (position as f64 * frequency).sin_cos();
                let (a, b) = (x[2 * pair], x[2 * pair + 1]);
                (x[2 * pair], x[2 * pair + 1]) = (a * cosine - b * sine, a * sine + b * cosine);
            }
        }
        x
    }
}

/// The character that byte-level BPE writes a byte as.
pub(crate) fn byte_character(byte: u8) -> char {
    let kept = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    if kept(&byte) {
        return byte as char;
    }
    let place = (0..byte).filter(|byte| !kept(byte)).count() as u32;
    char::from_u32(256 + place).unwrap()
}

/// A value of a GGUF file's metadata.
pub(crate) enum Meta {
    Count(u32),
    Float(f32),
    Text(String),
    Texts(Vec<String>),
    Counts(Vec<u32>),
}

/// The metadata of the tiny llama: a token for each byte, `th` and `the`, and two markers.
pub(crate) fn metadata() -> BTreeMap<String, Meta> {
    let mut tokens: Vec<String> = (0..=255).map(|byte| byte_character(byte).to_string()).collect();
    tokens.extend(["th", "the", "<|s|>", "<|e|>", "12"].map(str::to_owned));
    let kinds = tokens.iter().map(|token| if token.starts_with("<|") { 3 } else { 1 }).collect();
    let count = |n: usize| Meta::Count(n as u32);
    let text = |text: &str| Meta::Text(text.to_owned());
    let template = "{% for m in messages %}<|s|>{{ m['role'] }}\n{{ m['content'].strip() }}<|e|>\n{% endfor %}<|s|>";
    [
        ("general.architecture", text("llama")),
        ("llama.embedding_length", count(LLAMA.width)),
        ("llama.attention.head_count", count(LLAMA.heads)),
        ("llama.attention.head_count_kv", count(LLAMA.shared)),
        ("llama.feed_forward_length", count(LLAMA.inner)),
        ("llama.block_count", count(LLAMA.layers)),
        ("llama.context_length", count(LLAMA.context)),
        ("llama.attention.layer_norm_rms_epsilon", Meta::Float(1e-5)),
        ("tokenizer.ggml.model", text("gpt2")),
        ("tokenizer.ggml.pre", text("smollm")),
        ("tokenizer.ggml.tokens", Meta::Texts(tokens)),
        ("tokenizer.ggml.token_type", Meta::Counts(kinds)),
        ("tokenizer.ggml.merges", Meta::Texts(["t h", "th e", "1 2"].map(str::to_owned).to_vec())),
        ("tokenizer.ggml.bos_token_id", count(258)),
        ("tokenizer.ggml.eos_token_id", count(259)),
        ("tokenizer.chat_template", text(template)),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}

/// The bytes of a GGUF file of version 3.
pub(crate) fn gguf(metadata: &BTreeMap<String, Meta>, weights: &Weights) -> Vec<u8> {
    let mut out = b"GGUF".to_vec();
    let text = |out: &mut Vec<u8>, text: &str| {
        out.extend((text.len() as u64).to_le_bytes());
        out.extend(text.as_bytes());
    };
    out.extend(3_u32.to_le_bytes());
    out.extend((weights.len() as u64).to_le_bytes());
    out.extend((metadata.len() as u64).to_le_bytes());
    for (key, value) in metadata {
        text(&mut out, key);
        let list = |out: &mut Vec<u8>, kind: u32, length: usize| {
            out.extend(9_u32.to_le_bytes());
            out.extend(kind.to_le_bytes());
            out.extend((length as u64).to_le_bytes());
        };
        match value {
            Meta::Count(n) => out.extend([4_u32.to_le_bytes(), n.to_le_bytes()].concat()),
            Meta::Float(x) => out.extend([6_u32.to_le_bytes(), x.to_le_bytes()].concat()),
            Meta::Text(value) => {
                out.extend(8_u32.to_le_bytes());
                text(&mut out, value);
            }
            Meta::Texts(values) => {
                list(&mut out, 8, values.len());
                values.iter().for_each(|value| text(&mut out, value));
            }
            Meta::Counts(values) => {
                list(&mut out, 4, values.len());
                values.iter().for_each(|value| out.extend(value.to_le_bytes()));
            }
        }
    }
    let mut offset = 0_u64;
    for (name, matrix) in weights {
        text(&mut out, name);
        out.extend((matrix.shape.len() as u32).to_le_bytes());
        matrix.shape.iter().rev().for_each(|&size| out.extend((size as u64).to_le_bytes()));
        out.extend(0_u32.to_le_bytes());
        out.extend(offset.to_le_bytes());
        offset += (4 * matrix.values.len() as u64).next_multiple_of(32);
    }
    for matrix in weights.values() {
        out.resize(out.len().next_multiple_of(32), 0);
        matrix.values.iter().for_each(|value| out.extend(value.to_le_bytes()));
    }
    out.resize(out.len().next_multiple_of(32), 0);
    out
}

pub(crate) const BERT: Bert = Bert { width: 12, heads: 3, inner: 20, layers: 2, positions: 16 };

/// The words of the tiny encoder.
pub(crate) const WORDS: [&str; 8] = ["[UNK]", "[CLS]", "[SEP]", "a", "cat", "dog", "sat", "."];

/// The sizes of a tiny encoder.
#[derive(Clone, Copy)]
pub(crate) struct Bert {
    pub(crate) width: usize,
    pub(crate) heads: usize,
    pub(crate) inner: usize,
    pub(crate) layers: usize,
    pub(crate) positions: usize,
}

impl Bert {
    pub(crate) fn weights(&self) -> Weights {
        let (width, inner) = (self.width, self.inner);
        let mut shapes = vec![
            ("embeddings.word_embeddings.weight".to_owned(), vec![WORDS.len(), width]),
            ("embeddings.position_embeddings.weight".to_owned(), vec![self.positions, width]),
            ("embeddings.token_type_embeddings.weight".to_owned(), vec![2, width]),
        ];
        let mut both = |name: String, weight: Vec<usize>| {
            shapes.push((format!("{name}.bias"), vec![weight[0]]));
            shapes.push((format!("{name}.weight"), weight));
        };
        both("embeddings.LayerNorm".to_owned(), vec![width]);
        for layer in 0..self.layers {
            for (name, shape) in [
                ("attention.self.query", vec![width, width]),
                ("attention.self.key", vec![width, width]),
                ("attention.self.value", vec![width, width]),
                ("attention.output.dense", vec![width, width]),
                ("attention.output.LayerNorm", vec![width]),
                ("intermediate.dense", vec![inner, width]),
                ("output.dense", vec![width, inner]),
                ("output.LayerNorm", vec![width]),
            ] {
                both(format!("encoder.layer.{layer}.{name}"), shape);
            }
        }
        weights(2, &shapes)
    }

    /// The sum of the last states of these tokens.
    pub(crate) fn sum_of_states(&self, weights: &Weights, tokens: &[usize]) -> Vec<f64> {
        let row = |name: &str, row: usize| {
            let values = &weights[name].values[row * self.width..][..self.width];
            values.iter().map(|&value| f64::from(value)).collect::<Vec<f64>>()
        };
        let words: Rows = tokens.iter().map(|&token| row("embeddings.word_embeddings.weight", token)).collect();
        let places: Rows = (0..tokens.len()).map(|at| row("embeddings.position_embeddings.weight", at)).collect();
        let segments = vec![row("embeddings.token_type_embeddings.weight", 0); tokens.len()];
        let linear = |x: &Rows, name: &str| {
            shifted(product(x, &weights[&format!("{name}.weight")]), &weights[&format!("{name}.bias")])
        };
        let norm = |x: &Rows, name: &str| {
            let (weight, bias) = (&weights[&format!("{name}.weight")], &weights[&format!("{name}.bias")]);
            let one = |x: &Vec<f64>| {
                let mean = x.iter().sum::<f64>() / x.len() as f64;
                let scale = (x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64 + 1e-12).sqrt();
                let scaled = x.iter().zip(&weight.values).map(|(x, &w)| (x - mean) / scale * f64::from(w));
                scaled.zip(&bias.values).map(|(x, &bias)| x + f64::from(bias)).collect()
            };
            x.iter().map(one).collect::<Rows>()
        };
        let mut x = norm(&sum(&sum(&words, &places), &segments), "embeddings.LayerNorm");
        for layer in 0..self.layers {
            let name = |part: &str| format!("encoder.layer.{layer}.{part}");
            let [query, key, value] =
                ["query", "key", "value"].map(|part| linear(&x, &name(&format!("attention.self.{part}"))));
            let attended = attention(&query, &key, &value, self.heads, self.heads, |_, _| true);
            x = norm(
                &sum(&linear(&attended, &name("attention.output.dense")), &x),
                &name("attention.output.LayerNorm"),
            );
            let mut fed = linear(&x, &name("intermediate.dense"));
            // The exact GELU: x times the normal distribution function.
            fed.iter_mut().flatten().for_each(|x| *x *= prefactor::stats::normal_cdf(*x));
            x = norm(&sum(&linear(&fed, &name("output.dense")), &x), &name("output.LayerNorm"));
        }
        (0..self.width).map(|column| x.iter().map(|x| x[column]).sum()).collect()
    }

    /// Writes the model in the sentence-transformers layout.
    pub(crate) fn write(&self, folder: &Path, weights: &Weights) {
        let config = serde_json::json!({
            "model_type": "bert", "vocab_size": WORDS.len(), "hidden_size": self.width, "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads, "intermediate_size": self.inner, "hidden_act": "gelu",
            "max_position_embeddings": self.positions, "type_vocab_size": 2, "layer_norm_eps": 1e-12,
        });
        let words: BTreeMap<&str, usize> = WORDS.into_iter().zip(0..).collect();
        let tokenizer = serde_json::json!({
            "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
            "normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": null, "decoder": null,
            "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                      "max_input_chars_per_word": 100, "vocab": words},
        });
        let mut header = serde_json::Map::new();
        let mut data = Vec::new();
        for (name, matrix) in weights {
            let start = data.len();
            matrix.values.iter().for_each(|value| data.extend(value.to_le_bytes()));
            let entry = serde_json::json!({"dtype": "F32", "shape": matrix.shape, "data_offsets": [start, data.len()]});
            header.insert(name.clone(), entry);
        }
        let header = serde_json::to_vec(&header).unwrap();
        let file = [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat();
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
        std::fs::write(folder.join("tokenizer.json"), tokenizer.to_string()).unwrap();
        std::fs::write(folder.join("model.safetensors"), file).unwrap();
    }
}
