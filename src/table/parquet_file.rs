//! Factor and comparison tables as Parquet.

use std::io::Write;
use std::sync::Arc;

use arrow_array::builder::{Float64Builder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use crate::error::{Error, Result};
use crate::factor::FactorSpec;
use crate::preference::Preference;
use crate::table::comparison_file::COLUMNS;
use crate::table::{ComparisonTable, FactorTable};

/// Rows encoded at a time.
const BATCH: usize = 8192;

/// The key under which the definitions of the factors stand in the file's metadata, as JSON.
const FACTORS: &str = "prefactor.factors";

fn failed<E: std::error::Error + Send + Sync + 'static>(error: E) -> Error {
    Error::serialization("a table cannot be written as Parquet")(error)
}

/// A writer of rows with some columns of text, then numbers.
struct Rows<W: Write + Send> {
    writer: ArrowWriter<W>,
    schema: Arc<Schema>,
    texts: Vec<StringBuilder>,
    numbers: Vec<Float64Builder>,
    rows: usize,
}

impl<W: Write + Send> Rows<W> {
    fn new<'a>(
        writer: W,
        texts: &[&str],
        numbers: impl Iterator<Item = &'a str>,
        specs: Vec<&FactorSpec>,
    ) -> Result<Self> {
        let text = |name: &&str| Field::new(*name, DataType::Utf8, true);
        let mut fields: Vec<Field> = texts.iter().map(text).collect();
        fields.extend(numbers.map(|name| Field::new(name, DataType::Float64, true)));
        let count = fields.len() - texts.len();
        let json = serde_json::to_string(&specs).map_err(failed)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_key_value_metadata(Some(vec![KeyValue::new(FACTORS.to_owned(), json)]))
            .set_max_row_group_row_count(Some(1 << 17))
            .build();
        let schema = Arc::new(Schema::new(fields));
        let writer = ArrowWriter::try_new(writer, Arc::clone(&schema), Some(properties)).map_err(failed)?;
        Ok(Self {
            writer,
            schema,
            texts: texts.iter().map(|_| StringBuilder::new()).collect(),
            numbers: (0..count).map(|_| Float64Builder::new()).collect(),
            rows: 0,
        })
    }

    fn push<'a>(
        &mut self,
        texts: impl Iterator<Item = Option<&'a str>>,
        numbers: impl Iterator<Item = Option<f64>>,
    ) -> Result<()> {
        self.texts.iter_mut().zip(texts).for_each(|(column, text)| column.append_option(text));
        self.numbers.iter_mut().zip(numbers).for_each(|(column, number)| column.append_option(number));
        self.rows += 1;
        if self.rows == BATCH { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        if self.rows > 0 {
            let texts = self.texts.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef);
            let numbers = self.numbers.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef);
            let columns = texts.chain(numbers).collect();
            let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(failed)?;
            self.writer.write(&batch).map_err(failed)?;
            self.rows = 0;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        self.flush()?;
        self.writer.close().map(|_| ()).map_err(failed)
    }
}

fn known(value: f64) -> Option<f64> {
    Some(value).filter(|value| !value.is_nan())
}

impl FactorTable {
    /// Writes the table as Parquet: `response_id` and a column a factor; a missing value is null. The definitions are
    /// in the metadata of the file, as JSON under `prefactor.factors`.
    ///
    /// # Errors
    ///
    /// [`Error::Serialization`] where the writer fails.
    pub fn write_parquet(&self, writer: impl Write + Send) -> Result<()> {
        let names = self.specs().map(|spec| spec.id.as_str());
        let mut rows = Rows::new(writer, &["response_id"], names, self.specs().collect())?;
        for (place, id) in self.responses().iter().enumerate() {
            let values = self.raw_columns().map(|(_, values)| known(values[place]));
            rows.push(std::iter::once(Some(id.as_str())), values)?;
        }
        rows.finish()
    }
}

impl ComparisonTable {
    /// Writes the table as Parquet, with the rows and columns of [`ComparisonTable::write_csv`]; what is missing is
    /// null. The definitions are in the metadata of the file, as JSON under `prefactor.factors`.
    ///
    /// # Errors
    ///
    /// [`Error::Serialization`] where the writer fails.
    pub fn write_parquet(&self, writer: impl Write + Send) -> Result<()> {
        let (texts, numbers) = COLUMNS.split_at(7);
        let names = numbers.iter().copied().chain(self.specs().map(|spec| spec.id.as_str()));
        let mut rows = Rows::new(writer, texts, names, self.specs().collect())?;
        let mut cursors = vec![0usize; self.agents().len()];
        for (place, pair) in self.pairs().iter().enumerate() {
            let start =
                [Some(pair.id.as_str()), Some(self.prompts()[pair.prompt as usize].as_str()), pair.domain.as_deref()];
            let differences = || self.columns().iter().map(|column| known(column.raw()[place]));
            let judgements = self.judgements_at(place, &mut cursors);
            if judgements.is_empty() {
                rows.push(start.into_iter().chain([None; 4]), [None; 2].into_iter().chain(differences()))?;
            }
            for judgement in judgements {
                let (preference, failure) = match &judgement.preference {
                    Preference::A => (Some("a"), None),
                    Preference::B => (Some("b"), None),
                    Preference::Tie => (Some("tie"), None),
                    Preference::BothBad => (Some("both_bad"), None),
                    Preference::Abstained => (Some("abstain"), None),
                    Preference::Failed(failure) => (None, Some(failure.kind.name())),
                };
                let annotator = judgement.annotator.as_ref().map(|annotator| annotator.as_str());
                let said = [Some(judgement.agent.as_str()), annotator, preference, failure];
                let numbers = [judgement.strength, judgement.weight];
                rows.push(start.into_iter().chain(said), numbers.into_iter().chain(differences()))?;
            }
        }
        rows.finish()
    }
}
