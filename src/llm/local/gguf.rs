//! A GGUF file: its metadata and tensors, read with errors that name the file and the key.

use std::fs::File;
use std::io::BufReader;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file::{Content, Value};
use candle_core::{Device, Tensor};

use crate::error::{Error, Place, Result};

/// An open GGUF file.
pub(super) struct Gguf {
    path: PathBuf,
    content: Content,
    reader: BufReader<File>,
}

impl Gguf {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io(path, "open"))?;
        let mut reader = BufReader::new(file);
        let unreadable = |problem: String| {
            let problem = format!("this is no readable GGUF file: {problem}");
            malformed(path, "header", problem, "give a file in the GGUF format")
        };
        // candle divides by the alignment that the file states, and panics where it is 0.
        let content = catch_unwind(AssertUnwindSafe(|| Content::read(&mut reader)));
        let content = content.map_err(|_| unreadable("its header makes no sense".to_owned()))?;
        let content = content.map_err(|error| unreadable(error.to_string()))?;
        Ok(Self { path: path.to_path_buf(), content, reader })
    }

    /// What is wrong with this key, and what to do.
    pub(super) fn refuse(&self, key: &str, problem: impl Into<String>, remedy: &str) -> Error {
        malformed(&self.path, key, problem, remedy)
    }

    fn missing(&self, key: &str) -> Error {
        self.refuse(key, "this key is missing", "convert the model again with a current converter")
    }

    fn wrong_type(&self, key: &str) -> Error {
        self.refuse(key, "this key has a value of another type", "convert the model again with a current converter")
    }

    fn read<T>(&self, key: &str, read: impl FnOnce(&Value) -> Option<T>) -> Result<Option<T>> {
        match self.content.metadata.get(key) {
            None => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| self.wrong_type(key)),
        }
    }

    /// A text, where the key is there.
    pub(super) fn text(&self, key: &str) -> Result<Option<String>> {
        self.read(key, |value| value.to_string().ok().cloned())
    }

    /// A switch, where the key is there.
    pub(super) fn switch(&self, key: &str) -> Result<Option<bool>> {
        self.read(key, |value| value.to_bool().ok())
    }

    /// A number, where the key is there.
    pub(super) fn float(&self, key: &str) -> Result<Option<f64>> {
        self.read(key, |value| value.to_f64().ok().or_else(|| value.to_f32().ok().map(f64::from)))
    }

    /// A whole number from 0 to 2³², where the key is there.
    pub(super) fn count(&self, key: &str) -> Result<Option<usize>> {
        self.read(key, count)
    }

    /// A whole number that must be there, from 1 to `most`.
    pub(super) fn size(&self, key: &str, most: usize) -> Result<usize> {
        let size = self.count(key)?.ok_or_else(|| self.missing(key))?;
        if (1..=most).contains(&size) {
            return Ok(size);
        }
        Err(self.refuse(key, format!("this is {size}, and 1 to {most} can be"), "give an undamaged model"))
    }

    /// A list that must be there.
    pub(super) fn list<T>(&self, key: &str, element: impl Fn(&Value) -> Option<T>) -> Result<Vec<T>> {
        self.read(key, |value| value.to_vec().ok()?.iter().map(&element).collect())?.ok_or_else(|| self.missing(key))
    }

    /// A list of texts that must be there.
    pub(super) fn texts(&self, key: &str) -> Result<Vec<String>> {
        self.list(key, |value| value.to_string().ok().cloned())
    }

    /// A list of whole numbers that must be there.
    pub(super) fn counts(&self, key: &str) -> Result<Vec<usize>> {
        self.list(key, count)
    }

    /// The names of all tensors.
    pub(super) fn tensors(&self) -> impl Iterator<Item = &str> {
        self.content.tensor_infos.keys().map(String::as_str)
    }

    /// Whether there is such a tensor.
    pub(super) fn has(&self, name: &str) -> bool {
        self.content.tensor_infos.contains_key(name)
    }

    /// A tensor of this shape, as 32-bit floats.
    pub(super) fn tensor(&mut self, name: &str, shape: &[usize]) -> Result<Tensor> {
        let Some(info) = self.content.tensor_infos.get(name) else {
            return Err(self.refuse(name, "this tensor is missing", "give a complete model"));
        };
        // Checked before reading: the product of hostile dimensions would overflow.
        if info.shape.dims() != shape {
            let problem = format!("this tensor is of shape {:?}, not {shape:?}", info.shape.dims());
            return Err(self.refuse(name, problem, "give an undamaged model"));
        }
        let read = self.content.tensor(&mut self.reader, name, &Device::Cpu);
        read.and_then(|tensor| tensor.dequantize(&Device::Cpu)).map_err(|error| {
            self.refuse(name, format!("this tensor cannot be read: {error}"), "give an undamaged model")
        })
    }
}

fn count(value: &Value) -> Option<usize> {
    let number = value.to_u64().ok().or_else(|| value.to_i64().ok().and_then(|number| number.try_into().ok()));
    let number = number.or_else(|| value.to_i32().ok().and_then(|number| number.try_into().ok()))?;
    u32::try_from(number).ok().map(|number| number as usize)
}

/// An error of a model file.
pub(super) fn malformed(path: &Path, key: &str, problem: impl Into<String>, remedy: &str) -> Error {
    Error::Malformed { place: Place::file(path).field(key), problem: problem.into(), remedy: remedy.to_owned() }
}
