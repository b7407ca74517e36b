//! Comparisons with planted weights: each row is a function of the seed and its number, whatever file it stands in.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::array::{ArrayRef, Int8Array, Int16Array, Int64Array, RecordBatch, StringArray, new_null_array};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, Encoding, ZstdLevel};
use datafusion::parquet::file::metadata::KeyValue;
use datafusion::parquet::file::properties::WriterProperties;
use prefactor::factor::FactorSpec;

/// What to make.
#[derive(Debug, Clone, clap::Args)]
pub struct Plan {
    /// Pairs, each judged once.
    #[arg(long)]
    pub rows: u64,
    /// Factors in all.
    #[arg(long, default_value_t = 14)]
    pub factors: usize,
    /// How many of them are sizes, whole numbers up to some hundreds; the others are signs.
    #[arg(long, default_value_t = 2)]
    pub sizes: usize,
    /// Pairs of a prompt.
    #[arg(long, default_value_t = 10)]
    pub pairs_a_prompt: u64,
    /// How much the pairs of a prompt have in common: the standard deviation, in log-odds, of what prefers A or B on all
    /// of them. Above 0, planted weights are a little larger than what the pairs as a whole show.
    #[arg(long, default_value_t = 0.5)]
    pub cluster_sd: f64,
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Rows of a file, of a row group, and of a batch.
const FILE: u64 = 5_000_000;
const GROUP: usize = 1 << 18;
const BATCH: u64 = 1 << 16;

/// The spread of a factor that is a size.
const SPREAD: f64 = 40.0;

/// Bits of a row, or of anything else with a number: the finaliser of SplitMix64 (Steele, Lea and Flood 2014,
/// doi:10.1145/2660193.2660195).
fn bits(seed: u64, purpose: u64, number: u64) -> u64 {
    let mut z = seed.wrapping_mul(0xD6E8_FEB8_6659_FD93) ^ purpose.wrapping_mul(0xA076_1D64_78BD_642F);
    z = z.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Between 0 and 1.
fn uniform(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// About normal with variance 1: eight bytes added up.
fn bell(bits: u64) -> f64 {
    let sum: u32 = bits.to_le_bytes().iter().map(|&byte| u32::from(byte)).sum();
    // The variance of a byte is (256² − 1)/12.
    (f64::from(sum) - 1020.0) / (8.0_f64 * 65535.0 / 12.0).sqrt()
}

impl Plan {
    /// The names of the factors, sizes first.
    pub fn names(&self) -> Vec<String> {
        (0..self.factors).map(|k| format!("{}_{k:02}", if k < self.sizes { "size" } else { "sign" })).collect()
    }

    /// The planted weights, in log-odds per sign or per [`SPREAD`] of a size: from 0.6 down, with changing signs, the last 0.
    pub fn weights(&self) -> Vec<f64> {
        let last = self.factors.saturating_sub(1).max(1) as f64;
        let sign = |k: usize| if k % 2 == 0 { 1.0 } else { -1.0 };
        (0..self.factors).map(|k| 0.6 * sign(k) * (1.0 - k as f64 / last)).collect()
    }

    fn schema(&self) -> Schema {
        let text = |name: &str| Field::new(name, DataType::Utf8, true);
        let texts = ["pair_id", "prompt_id", "domain", "agent", "annotator", "preference", "failure"];
        let mut fields: Vec<Field> = texts.map(text).into();
        fields.extend(["strength", "weight"].map(|name| Field::new(name, DataType::Float64, true)));
        fields.push(Field::new("prompt_number", DataType::Int64, false));
        let of = |(k, name): (usize, String)| {
            Field::new(name, if k < self.sizes { DataType::Int16 } else { DataType::Int8 }, true)
        };
        fields.extend(self.names().into_iter().enumerate().map(of));
        Schema::new(fields)
    }

    fn batch(&self, schema: &Arc<Schema>, rows: std::ops::Range<u64>) -> RecordBatch {
        let weights = self.weights();
        let count = rows.clone().count();
        let mut sizes = vec![Vec::with_capacity(count); self.sizes];
        let mut signs = vec![Vec::with_capacity(count); self.factors - self.sizes];
        let (mut preferences, mut failures) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for row in rows.clone() {
            let prompt = row / self.pairs_a_prompt;
            let mut eta = self.cluster_sd * bell(bits(self.seed, 1, prompt));
            for (k, column) in sizes.iter_mut().enumerate() {
                let size = (SPREAD * bell(bits(self.seed, 100 + k as u64, row))).round();
                eta += weights[k] * size / SPREAD;
                column.push(Some(size as i16));
            }
            let mut drawn = 0;
            for (k, column) in signs.iter_mut().enumerate() {
                // Sixteen signs from the bits of a draw: three eighths for each side, the rest ties.
                if k % 16 == 0 {
                    drawn = bits(self.seed, 1000 + k as u64, row);
                }
                let sign: i8 = match drawn & 15 {
                    0..6 => -1,
                    6..12 => 1,
                    _ => 0,
                };
                drawn >>= 4;
                eta += weights[self.sizes + k] * f64::from(sign);
                // The last factor is not always known.
                let known = k + 1 < self.factors - self.sizes || bits(self.seed, 2, row) % 100 > 0;
                column.push(known.then_some(sign));
            }
            let says = match bits(self.seed, 3, row) % 100 {
                0..8 => (Some("tie"), None),
                8 => (Some("abstain"), None),
                9 => (None, Some("refused")),
                _ => {
                    (Some(if uniform(bits(self.seed, 4, row)) < 1.0 / (1.0 + (-eta).exp()) { "a" } else { "b" }), None)
                }
            };
            preferences.push(says.0);
            failures.push(says.1);
        }
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(rows.clone().map(|row| format!("pair-{row:010}")))),
            Arc::new(StringArray::from_iter_values(
                rows.clone().map(|row| format!("prompt-{:09}", row / self.pairs_a_prompt)),
            )),
            new_null_array(&DataType::Utf8, count),
            Arc::new(StringArray::from_iter_values(rows.clone().map(|_| "human"))),
            new_null_array(&DataType::Utf8, count),
            Arc::new(StringArray::from(preferences)),
            Arc::new(StringArray::from(failures)),
            new_null_array(&DataType::Float64, count),
            new_null_array(&DataType::Float64, count),
            Arc::new(Int64Array::from_iter_values(rows.map(|row| (row / self.pairs_a_prompt) as i64))),
        ];
        columns.extend(sizes.into_iter().map(|column| Arc::new(Int16Array::from(column)) as ArrayRef));
        columns.extend(signs.into_iter().map(|column| Arc::new(Int8Array::from(column)) as ArrayRef));
        RecordBatch::try_new(Arc::clone(schema), columns).expect("columns of the schema")
    }

    fn file(&self, path: &Path, rows: std::ops::Range<u64>) -> datafusion::error::Result<()> {
        let schema = Arc::new(self.schema());
        let specs: Vec<FactorSpec> = self.names().into_iter().map(|name| FactorSpec::given(name, "planted")).collect();
        let specs = serde_json::to_string(&specs)
            .map_err(|error| datafusion::error::DataFusionError::External(error.into()))?;
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_key_value_metadata(Some(vec![KeyValue::new("prefactor.factors".to_owned(), specs)]))
            .set_max_row_group_row_count(Some(GROUP));
        // Identifiers count up: nearly nothing as differences.
        for (column, encoding) in [
            ("pair_id", Encoding::DELTA_BYTE_ARRAY),
            ("prompt_id", Encoding::DELTA_BYTE_ARRAY),
            ("prompt_number", Encoding::DELTA_BINARY_PACKED),
        ] {
            properties = properties.set_column_dictionary_enabled(column.into(), false);
            properties = properties.set_column_encoding(column.into(), encoding);
        }
        let mut writer = ArrowWriter::try_new(File::create(path)?, Arc::clone(&schema), Some(properties.build()))?;
        for first in rows.clone().step_by(BATCH as usize) {
            writer.write(&self.batch(&schema, first..(first + BATCH).min(rows.end)))?;
        }
        writer.close()?;
        Ok(())
    }

    /// Writes the files of a directory, on all cores, and gives their bytes.
    pub fn write(&self, directory: &Path) -> datafusion::error::Result<u64> {
        std::fs::create_dir_all(directory)?;
        let files = self.rows.div_ceil(FILE);
        let next = AtomicU64::new(0);
        let work = || -> datafusion::error::Result<u64> {
            let mut bytes = 0;
            loop {
                let file = next.fetch_add(1, Ordering::Relaxed);
                if file >= files {
                    return Ok(bytes);
                }
                let path = directory.join(format!("part-{file:04}.parquet"));
                self.file(&path, file * FILE..((file + 1) * FILE).min(self.rows))?;
                bytes += path.metadata()?.len();
                eprintln!("{} of {files} files", file + 1);
            }
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
            workers.into_iter().map(|worker| worker.join().expect("a writer that does not panic")).sum()
        })
    }
}
