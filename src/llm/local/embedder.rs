//! A sentence-embedding model as an embedder.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

use super::sentence::SentenceModel;
use super::worker::Worker;
use crate::error::{LlmError, Result};
use crate::llm::{Embedder, Identity};

/// Sentence embeddings by a BERT encoder with mean pooling, run in this process.
///
/// Reads a folder of the sentence-transformers layout (`config.json`, `tokenizer.json`, `model.safetensors`), such as
/// that of all-MiniLM-L6-v2 (Reimers and Gurevych 2019, <https://doi.org/10.18653/v1/D19-1410>). A text that is longer
/// than the model reads at once is read in pieces of that length, and the mean runs over all its tokens: nothing is
/// cut off. The vector of a text does not depend on the texts beside it. Cloning is a reference count.
///
/// ```no_run
/// use prefactor::llm::local::LocalEmbedder;
/// use prefactor::llm::Embedder;
/// # async fn example() -> prefactor::Result<()> {
/// let embedder = LocalEmbedder::open("all-MiniLM-L6-v2")?;
/// let vectors = embedder.embed(&["A cat sat down.", "A cat took a seat."]).await?;
/// let cosine: f32 = vectors[0].iter().zip(&vectors[1]).map(|(a, b)| a * b).sum();
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct LocalEmbedder {
    model: Arc<SentenceModel>,
    worker: Worker,
}

impl LocalEmbedder {
    /// Reads a model.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io) where a file cannot be read, [`Error::Malformed`](crate::Error::Malformed) where it
    /// is damaged or the model is of a kind that is not computed here.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self> {
        Ok(Self { model: Arc::new(SentenceModel::open(folder.as_ref())?), worker: Worker::default() })
    }
}

impl fmt::Debug for LocalEmbedder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalEmbedder")
            .field("name", &self.model.name())
            .field("dimensions", &self.model.dimensions())
            .finish()
    }
}

#[async_trait]
impl Embedder for LocalEmbedder {
    fn identity(&self) -> Identity {
        Identity::new("local", self.model.name())
    }

    fn dimensions(&self) -> usize {
        self.model.dimensions()
    }

    async fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, LlmError> {
        let texts: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
        let model = Arc::clone(&self.model);
        self.worker.run(move |_| model.embed(&texts)).await
    }
}
