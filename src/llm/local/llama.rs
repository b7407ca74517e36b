//! The llama architecture: token numbers in, logits out.
//!
//! Written here rather than taken from candle-transformers, whose quantized llama gives the logits of the last
//! position only: scoring a text needs those of every position.

use candle_core::{DType, Device, Tensor};
use candle_nn::ops::{rms_norm, silu, softmax_last_dim};
use candle_nn::rotary_emb::rope_i;

use super::failed;
use super::gguf::Gguf;
use crate::error::{Error, LlmError, Result};

/// Tokens that go through the model at once: bounds the memory of attention.
const BLOCK: usize = 256;

/// Weights of a matrix product, a row an output.
struct Linear(Tensor);

impl Linear {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        x.matmul(&self.0.t()?)
    }
}

struct Layer {
    attention_norm: Tensor,
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    feed_norm: Tensor,
    gate: Linear,
    up: Linear,
    down: Linear,
}

/// The sizes of a model.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    heads: usize,
    key_heads: usize,
    head: usize,
    context: usize,
    norm_epsilon: f32,
}

/// A model of the llama architecture, in 32-bit floats.
pub(super) struct Llama {
    sizes: Sizes,
    embedding: Tensor,
    layers: Vec<Layer>,
    norm: Tensor,
    output: Linear,
    frequencies: Tensor,
}

/// What the model remembers of the tokens it has seen: keys and values of each layer.
#[derive(Clone, Default)]
pub(super) struct Memory {
    layers: Vec<(Tensor, Tensor)>,
    tokens: usize,
}

impl Memory {
    /// How many tokens it holds.
    pub(super) fn tokens(&self) -> usize {
        self.tokens
    }
}

impl Llama {
    pub(super) fn from_gguf(gguf: &mut Gguf, vocabulary: usize) -> Result<Self> {
        check_architecture(gguf)?;
        let key = |name: &str| format!("llama.{name}");
        let width = gguf.size(&key("embedding_length"), 1 << 16)?;
        let heads = gguf.size(&key("attention.head_count"), 1 << 10)?;
        let key_heads = gguf.count(&key("attention.head_count_kv"))?.unwrap_or(heads);
        let head = gguf.count(&key("attention.key_length"))?.unwrap_or(width / heads);
        if key_heads == 0 || !heads.is_multiple_of(key_heads) || head == 0 || !head.is_multiple_of(2) || head > 1 << 12
        {
            let problem = format!("{heads} heads of {head} cannot share {key_heads} heads of keys");
            return Err(gguf.refuse(&key("attention.head_count_kv"), problem, "give an undamaged model"));
        }
        let sizes = Sizes {
            heads,
            key_heads,
            head,
            context: gguf.size(&key("context_length"), 1 << 24)?,
            norm_epsilon: gguf.float(&key("attention.layer_norm_rms_epsilon"))?.unwrap_or(1e-5) as f32,
        };
        let (inner, blocks) =
            (gguf.size(&key("feed_forward_length"), 1 << 18)?, gguf.size(&key("block_count"), 1 << 10)?);
        let (all, shared) = (heads * head, key_heads * head);
        let mut used =
            vec!["token_embd.weight".to_owned(), "output_norm.weight".to_owned(), "rope_freqs.weight".to_owned()];
        let mut layers = Vec::with_capacity(blocks);
        for block in 0..blocks {
            let mut tensor = |name: &str, shape: &[usize]| {
                let name = format!("blk.{block}.{name}.weight");
                let tensor = gguf.tensor(&name, shape);
                used.push(name);
                tensor
            };
            layers.push(Layer {
                attention_norm: tensor("attn_norm", &[width])?,
                query: Linear(tensor("attn_q", &[all, width])?),
                key: Linear(tensor("attn_k", &[shared, width])?),
                value: Linear(tensor("attn_v", &[shared, width])?),
                output: Linear(tensor("attn_output", &[width, all])?),
                feed_norm: tensor("ffn_norm", &[width])?,
                gate: Linear(tensor("ffn_gate", &[inner, width])?),
                up: Linear(tensor("ffn_up", &[inner, width])?),
                down: Linear(tensor("ffn_down", &[width, inner])?),
            });
        }
        let embedding = gguf.tensor("token_embd.weight", &[vocabulary, width])?;
        // Without an output matrix the embedding is one: the two are tied.
        let output = "output.weight";
        let tied = !gguf.has(output);
        let output = Linear(if tied { embedding.clone() } else { gguf.tensor(output, &[vocabulary, width])? });
        used.push("output.weight".to_owned());
        if let Some(unknown) = gguf.tensors().find(|name| !used.iter().any(|used| used == name)) {
            let problem = "this tensor would be left out: the model is not of the plain llama architecture";
            return Err(gguf.refuse(unknown, problem, "give a plain llama model (no biases, no experts)"));
        }
        let norm = gguf.tensor("output_norm.weight", &[width])?;
        let frequencies = frequencies(gguf, head)?;
        Ok(Self { sizes, embedding, layers, norm, output, frequencies })
    }

    /// The most tokens it can hold.
    pub(super) fn context(&self) -> usize {
        self.sizes.context
    }

    /// Reads tokens into the memory, and calls `logits(rows)` with a matrix of the logits after each of the tokens that
    /// `wanted` holds, block by block.
    ///
    /// The caller sees to it that memory and tokens fit the context.
    pub(super) fn read(
        &self,
        memory: &mut Memory,
        tokens: &[u32],
        wanted: std::ops::Range<usize>,
        mut logits: impl FnMut(&[Vec<f32>]),
    ) -> Result<(), LlmError> {
        for (block, tokens) in tokens.chunks(BLOCK).enumerate() {
            let start = block * BLOCK;
            let from = wanted.start.clamp(start, start + tokens.len()) - start;
            let to = wanted.end.clamp(start, start + tokens.len()) - start;
            let states = self.block(memory, tokens);
            let rows = states.and_then(|states| {
                if from >= to {
                    return Ok(Vec::new());
                }
                let states = states.narrow(0, from, to - from)?;
                let states = rms_norm(&states.contiguous()?, &self.norm, self.sizes.norm_epsilon)?;
                self.output.forward(&states)?.to_vec2::<f32>()
            });
            let rows = rows.map_err(failed)?;
            if !rows.is_empty() {
                logits(&rows);
            }
        }
        Ok(())
    }

    /// The states after each of a block of tokens; the memory grows by them.
    fn block(&self, memory: &mut Memory, tokens: &[u32]) -> candle_core::Result<Tensor> {
        let past = memory.tokens;
        let tokens = Tensor::new(tokens, &Device::Cpu)?;
        let n = tokens.dim(0)?;
        let (cosines, sines) = self.rotations(past, n)?;
        let mask = causal_mask(n, past)?;
        let epsilon = self.sizes.norm_epsilon;
        let mut x = self.embedding.index_select(&tokens, 0)?;
        for (place, layer) in self.layers.iter().enumerate() {
            let h = rms_norm(&x, &layer.attention_norm, epsilon)?;
            let attended = self.attention(layer, &h, memory, place, (&cosines, &sines), &mask)?;
            x = (x + layer.output.forward(&attended)?)?;
            let h = rms_norm(&x, &layer.feed_norm, epsilon)?;
            let h = (silu(&layer.gate.forward(&h)?)? * layer.up.forward(&h)?)?;
            x = (x + layer.down.forward(&h)?)?;
        }
        memory.tokens += n;
        Ok(x)
    }

    fn attention(
        &self,
        layer: &Layer,
        h: &Tensor,
        memory: &mut Memory,
        place: usize,
        (cosines, sines): (&Tensor, &Tensor),
        mask: &Tensor,
    ) -> candle_core::Result<Tensor> {
        let Sizes { heads, key_heads, head, .. } = self.sizes;
        let n = h.dim(0)?;
        // (tokens, heads · head) to (heads, tokens, head).
        let split = |x: Tensor, heads: usize| x.reshape((n, heads, head))?.transpose(0, 1)?.contiguous();
        let turn = |x: &Tensor| rope_i(&x.unsqueeze(0)?, cosines, sines)?.squeeze(0);
        let query = turn(&split(layer.query.forward(h)?, heads)?)?;
        let mut key = turn(&split(layer.key.forward(h)?, key_heads)?)?;
        let mut value = split(layer.value.forward(h)?, key_heads)?;
        if let Some((past_key, past_value)) = memory.layers.get(place) {
            key = Tensor::cat(&[past_key, &key], 1)?;
            value = Tensor::cat(&[past_value, &value], 1)?;
        }
        let seen = key.dim(1)?;
        // The heads that share a head of keys stand together, so they are one matrix.
        let group = heads / key_heads;
        let query = (query.reshape((key_heads, group * n, head))? / (head as f64).sqrt())?;
        let weights = query.matmul(&key.t()?)?.reshape((heads, n, seen))?.broadcast_add(mask)?;
        let weights = softmax_last_dim(&weights)?.reshape((key_heads, group * n, seen))?;
        let attended =
            weights.matmul(&value)?.reshape((heads, n, head))?.transpose(0, 1)?.reshape((n, heads * head))?;
        match memory.layers.get_mut(place) {
            Some(kept) => *kept = (key, value),
            None => memory.layers.push((key, value)),
        }
        Ok(attended)
    }

    /// Cosine and sine of the angle of each position and frequency.
    fn rotations(&self, past: usize, n: usize) -> candle_core::Result<(Tensor, Tensor)> {
        let positions = Tensor::arange(past as u32, (past + n) as u32, &Device::Cpu)?.to_dtype(DType::F32)?;
        let angles = positions.unsqueeze(1)?.matmul(&self.frequencies)?;
        Ok((angles.cos()?, angles.sin()?))
    }
}

/// Refuses what is not the llama architecture, or a variant of it that would be computed wrongly.
fn check_architecture(gguf: &Gguf) -> Result<()> {
    let architecture = gguf.text("general.architecture")?.unwrap_or_default();
    if architecture != "llama" {
        let mut problem =
            format!("the model is of the architecture `{architecture}`, and only `llama` is computed here");
        if architecture.starts_with("gemma") {
            problem.push_str(" (the engine underneath computes Gemma models wrongly: their figures would mislead)");
        }
        let remedy = "give a GGUF model of the llama architecture, or serve this one and use a client";
        return Err(gguf.refuse("general.architecture", problem, remedy));
    }
    if gguf.count("llama.expert_count")?.unwrap_or(0) > 0 {
        let remedy = "give a model without experts";
        return Err(gguf.refuse("llama.expert_count", "mixtures of experts are not computed here", remedy));
    }
    match gguf.text("llama.rope.scaling.type")? {
        Some(scaling) if scaling != "none" => {
            let problem = format!("rotations scaled in the way `{scaling}` are not computed here");
            Err(gguf.refuse("llama.rope.scaling.type", problem, "give a model without scaled rotations"))
        }
        _ => Ok(()),
    }
}

/// The frequency of each pair of a head's numbers, as one row.
fn frequencies(gguf: &mut Gguf, head: usize) -> Result<Tensor> {
    let key = "llama.rope.dimension_count";
    let turned = gguf.count(key)?.unwrap_or(head);
    if turned != head {
        let problem = format!("{turned} of {head} numbers of a head are turned, and only all of them can be");
        return Err(gguf.refuse(key, problem, "give a plain llama model"));
    }
    let base = gguf.float("llama.rope.freq_base")?.unwrap_or(10_000.0) as f32;
    let mut frequencies: Vec<f32> =
        (0..head).step_by(2).map(|place| 1.0 / base.powf(place as f32 / head as f32)).collect();
    // Llama 3 stretches its context by a divisor for each frequency.
    if gguf.has("rope_freqs.weight") {
        let divisors = gguf.tensor("rope_freqs.weight", &[head / 2])?.to_vec1::<f32>().map_err(engine)?;
        frequencies.iter_mut().zip(divisors).for_each(|(frequency, divisor)| *frequency /= divisor);
    }
    Tensor::from_vec(frequencies, (1, head / 2), &Device::Cpu).map_err(engine)
}

/// 0 where a token may look, −∞ where the other one comes later.
fn causal_mask(n: usize, past: usize) -> candle_core::Result<Tensor> {
    let row = |at: usize| (0..past + n).map(move |other| if other <= past + at { 0.0 } else { f32::NEG_INFINITY });
    let mask: Vec<f32> = (0..n).flat_map(row).collect();
    Tensor::from_vec(mask, (n, past + n), &Device::Cpu)
}

fn engine(error: candle_core::Error) -> Error {
    Error::External { what: "running the model".to_owned(), source: error.into() }
}
