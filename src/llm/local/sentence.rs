//! Sentence embeddings: a folder of the sentence-transformers layout, read and run.

use std::path::{Path, PathBuf};

use candle_core::Device;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokenizers::Tokenizer;

use super::bert::{Bert, Config};
use super::gguf::malformed;
use crate::error::{Error, LlmError, Result};
use crate::parallel::ordered_map;

/// A BERT encoder with mean pooling, and its tokenizer.
pub(super) struct SentenceModel {
    name: String,
    bert: Bert,
    tokenizer: Tokenizer,
    dimensions: usize,
    /// The tokens before and after every text.
    around: (u32, u32),
    /// Tokens read at once, without the two around them.
    window: usize,
}

#[derive(Deserialize)]
struct Pooling {
    pooling_mode_mean_tokens: bool,
    #[serde(default)]
    pooling_mode_cls_token: bool,
    #[serde(default)]
    pooling_mode_max_tokens: bool,
}

#[derive(Deserialize)]
struct Reading {
    max_seq_length: usize,
}

impl SentenceModel {
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let path = |name: &str| folder.join(name);
        let (config_path, weights) = (path("config.json"), path("model.safetensors"));
        let config: Config = json(&config_path)?;
        if let Some(problem) = config.problem() {
            return Err(malformed(
                &config_path,
                "model_type",
                problem,
                "give a sentence-embedding model of the BERT kind",
            ));
        }
        let pooling_path = path("1_Pooling/config.json");
        if pooling_path.exists() {
            let pooling: Pooling = json(&pooling_path)?;
            if !pooling.pooling_mode_mean_tokens || pooling.pooling_mode_cls_token || pooling.pooling_mode_max_tokens {
                let (problem, remedy) = ("the model does not pool by the mean", "give a model with mean pooling");
                return Err(malformed(&pooling_path, "pooling_mode_mean_tokens", problem, remedy));
            }
        }
        let reading_path = path("sentence_bert_config.json");
        let most = config.max_position_embeddings;
        let window =
            if reading_path.exists() { json::<Reading>(&reading_path)?.max_seq_length.min(most) } else { most };
        let tokenizer_path = path("tokenizer.json");
        let mut tokenizer = Tokenizer::from_file(&tokenizer_path).map_err(|error| {
            malformed(
                &tokenizer_path,
                "model",
                format!("this is no readable tokenizer: {error}"),
                "give the model's own file",
            )
        })?;
        // Neither cut nor filled: a text is read in windows, by itself.
        tokenizer.with_padding(None);
        tokenizer
            .with_truncation(None)
            .map_err(|source| Error::External { what: "setting up a tokenizer".to_owned(), source })?;
        let marker = |name: &str| {
            let id = tokenizer.token_to_id(name).filter(|&id| (id as usize) < config.vocab_size);
            id.ok_or_else(|| malformed(&tokenizer_path, name, "this token is missing", "give the model's own file"))
        };
        let around = (marker("[CLS]")?, marker("[SEP]")?);
        let remedy = "give an undamaged model";
        let bytes = std::fs::read(&weights).map_err(Error::io(&weights, "read"))?;
        let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).map_err(|error| {
            malformed(&weights, "header", format!("this is no readable safetensors file: {error}"), remedy)
        })?;
        let dimensions = config.hidden_size;
        let bert = Bert::new(config, tensors).map_err(|problem| malformed(&weights, "tensors", problem, remedy))?;
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self { name, bert, tokenizer, dimensions, around, window: window.saturating_sub(2).max(1) })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// A vector of length 1 for each text; each text by itself, so that it does not depend on the others.
    pub(super) fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, LlmError> {
        ordered_map(texts.len(), true, |text| self.vector(&texts[text])).into_iter().collect()
    }

    fn vector(&self, text: &str) -> Result<Vec<f32>, LlmError> {
        let encoding = self.tokenizer.encode_fast(text, false);
        let encoding =
            encoding.map_err(|error| LlmError::Invalid { message: format!("tokenizing a text: {error}") })?;
        let ids = encoding.get_ids();
        // An empty text has the two markers alone.
        let windows: Vec<&[u32]> = if ids.is_empty() { vec![&[]] } else { ids.chunks(self.window).collect() };
        let mut sum = vec![0.0_f64; self.dimensions];
        for window in windows {
            let mut tokens = vec![self.around.0];
            tokens.extend(window);
            tokens.push(self.around.1);
            let states = self.bert.sum_of_states(&tokens).map_err(super::failed)?;
            sum.iter_mut().zip(states).for_each(|(sum, state)| *sum += f64::from(state));
        }
        // The mean of the states, scaled to length 1: the number of tokens cancels out.
        let length = sum.iter().map(|value| value * value).sum::<f64>().sqrt();
        if !(length.is_finite() && length > 0.0) {
            let problem = "the model gives a vector without a direction".to_owned();
            return Err(LlmError::Malformed { problem, raw: String::new() });
        }
        Ok(sum.into_iter().map(|value| (value / length) as f32).collect())
    }
}

fn json<T: DeserializeOwned>(path: &PathBuf) -> Result<T> {
    let bytes = std::fs::read(path).map_err(Error::io(path, "read"))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| malformed(path, "json", error.to_string(), "give the model's own file"))
}
