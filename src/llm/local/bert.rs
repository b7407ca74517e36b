//! The BERT encoder: token numbers in, one state a token out.

use std::collections::HashMap;

use candle_core::{Device, Tensor};
use candle_nn::ops::{layer_norm, softmax_last_dim};
use serde::Deserialize;

/// What `config.json` says of the model.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Config {
    pub(super) model_type: String,
    pub(super) vocab_size: usize,
    pub(super) hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    hidden_act: String,
    pub(super) max_position_embeddings: usize,
    type_vocab_size: usize,
    layer_norm_eps: f64,
}

impl Config {
    /// What of it cannot be computed here.
    pub(super) fn problem(&self) -> Option<String> {
        if self.model_type != "bert" {
            return Some(format!("the model is of type `{}`, and only `bert` is computed here", self.model_type));
        }
        if self.hidden_act != "gelu" {
            return Some(format!("activation `{}` is not computed here, only `gelu`", self.hidden_act));
        }
        let heads = self.num_attention_heads;
        let sized = heads > 0
            && self.hidden_size > 0
            && self.hidden_size.is_multiple_of(heads)
            && self.max_position_embeddings > 2;
        (!sized).then(|| format!("{heads} heads cannot share {} numbers", self.hidden_size))
    }
}

struct Linear {
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        x.matmul(&self.weight.t()?)?.broadcast_add(&self.bias)
    }
}

struct Norm {
    weight: Tensor,
    bias: Tensor,
}

struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    attention_norm: Norm,
    up: Linear,
    down: Linear,
    norm: Norm,
}

/// A BERT encoder in 32-bit floats.
pub(super) struct Bert {
    config: Config,
    words: Tensor,
    positions: Tensor,
    /// The row of the only segment there is here.
    segment: Tensor,
    norm: Norm,
    layers: Vec<Layer>,
}

/// Takes tensors by name, and says which is missing or of another shape.
struct Tensors(HashMap<String, Tensor>);

impl Tensors {
    fn take(&mut self, name: &str, shape: &[usize]) -> Result<Tensor, String> {
        let tensor = self.0.remove(name).or_else(|| self.0.remove(&format!("bert.{name}")));
        let tensor = tensor.ok_or_else(|| format!("tensor `{name}` is missing"))?;
        if tensor.dims() != shape {
            return Err(format!("tensor `{name}` is of shape {:?}, not {shape:?}", tensor.dims()));
        }
        tensor.to_dtype(candle_core::DType::F32).map_err(|error| format!("tensor `{name}`: {error}"))
    }

    fn linear(&mut self, name: &str, outputs: usize, inputs: usize) -> Result<Linear, String> {
        let weight = self.take(&format!("{name}.weight"), &[outputs, inputs])?;
        Ok(Linear { weight, bias: self.take(&format!("{name}.bias"), &[outputs])? })
    }

    fn norm(&mut self, name: &str, width: usize) -> Result<Norm, String> {
        let weight = self.take(&format!("{name}.weight"), &[width])?;
        Ok(Norm { weight, bias: self.take(&format!("{name}.bias"), &[width])? })
    }
}

impl Bert {
    pub(super) fn new(config: Config, tensors: HashMap<String, Tensor>) -> Result<Self, String> {
        let mut tensors = Tensors(tensors);
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        let words = tensors.take("embeddings.word_embeddings.weight", &[config.vocab_size, width])?;
        let positions =
            tensors.take("embeddings.position_embeddings.weight", &[config.max_position_embeddings, width])?;
        let segments = tensors.take("embeddings.token_type_embeddings.weight", &[config.type_vocab_size, width])?;
        let norm = tensors.norm("embeddings.LayerNorm", width)?;
        let layers = (0..config.num_hidden_layers).map(|layer| {
            let name = |part: &str| format!("encoder.layer.{layer}.{part}");
            Ok(Layer {
                query: tensors.linear(&name("attention.self.query"), width, width)?,
                key: tensors.linear(&name("attention.self.key"), width, width)?,
                value: tensors.linear(&name("attention.self.value"), width, width)?,
                output: tensors.linear(&name("attention.output.dense"), width, width)?,
                attention_norm: tensors.norm(&name("attention.output.LayerNorm"), width)?,
                up: tensors.linear(&name("intermediate.dense"), inner, width)?,
                down: tensors.linear(&name("output.dense"), width, inner)?,
                norm: tensors.norm(&name("output.LayerNorm"), width)?,
            })
        });
        let layers = layers.collect::<Result<Vec<Layer>, String>>()?;
        let segment = segments.narrow(0, 0, 1).map_err(|error| error.to_string())?;
        Ok(Self { config, words, positions, segment, norm, layers })
    }

    fn normalise(&self, x: &Tensor, norm: &Norm) -> candle_core::Result<Tensor> {
        layer_norm(x, &norm.weight, &norm.bias, self.config.layer_norm_eps as f32)
    }

    /// The sum of the last states of these tokens.
    pub(super) fn sum_of_states(&self, tokens: &[u32]) -> candle_core::Result<Vec<f32>> {
        let n = tokens.len();
        let (width, heads) = (self.config.hidden_size, self.config.num_attention_heads);
        let head = width / heads;
        let tokens = Tensor::new(tokens, &Device::Cpu)?;
        let x = (self.words.index_select(&tokens, 0)? + self.positions.narrow(0, 0, n)?)?;
        let mut x = self.normalise(&x.broadcast_add(&self.segment)?, &self.norm)?;
        for layer in &self.layers {
            let split = |x: Tensor| x.reshape((n, heads, head))?.transpose(0, 1)?.contiguous();
            let query = (split(layer.query.forward(&x)?)? / (head as f64).sqrt())?;
            let key = split(layer.key.forward(&x)?)?;
            let value = split(layer.value.forward(&x)?)?;
            let weights = softmax_last_dim(&query.matmul(&key.t()?)?)?;
            let attended = weights.matmul(&value)?.transpose(0, 1)?.reshape((n, width))?;
            x = self.normalise(&(layer.output.forward(&attended)? + x)?, &layer.attention_norm)?;
            let fed = layer.down.forward(&layer.up.forward(&x)?.gelu_erf()?)?;
            x = self.normalise(&(fed + x)?, &layer.norm)?;
        }
        x.sum(0)?.to_vec1()
    }
}
