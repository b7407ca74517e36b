//! Parquet in and out, from the rows of the other samples.
#![cfg(feature = "parquet")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder, StructBuilder};
use arrow_array::{
    ArrayRef, DictionaryArray, Float64Array, Int64Array, LargeStringArray, RecordBatch, StringArray, types::Int32Type,
};
use arrow_schema::{DataType, Field, Fields};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use prefactor::Analysis;
use prefactor::preference::formats::native::Record;
use prefactor::preference::formats::{Container, ReadOptions};
use prefactor::preference::{Dataset, Judgement, Pair, Preference, Response};
use proptest::prelude::*;

fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn write(name: &str, columns: Vec<(&str, ArrayRef)>) -> PathBuf {
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)));
    let batch = batch.expect("a batch");
    let path = scratch(name);
    let mut writer =
        ArrowWriter::try_new(std::fs::File::create(&path).expect("a file"), batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    path
}

fn shp(name: &str, rows: usize) -> PathBuf {
    let texts =
        |side: &str| Arc::new(StringArray::from_iter_values((0..rows).map(|i| format!("{side}{i}")))) as ArrayRef;
    write(
        name,
        vec![
            (
                "history",
                Arc::new(LargeStringArray::from_iter_values((0..rows).map(|i| format!("q{}", i / 2)))) as ArrayRef,
            ),
            ("human_ref_A", texts("a")),
            ("human_ref_B", texts("b")),
            ("labels", Arc::new(Int64Array::from_iter_values((0..rows).map(|i| (i % 2) as i64)))),
            ("domain", Arc::new((0..rows).map(|_| Some("baking")).collect::<DictionaryArray<Int32Type>>())),
            // Null in the first row, so that the format has to be recognised all the same.
            ("score_ratio", Arc::new(Float64Array::from_iter((0..rows).map(|i| (i > 0).then_some(1.5))))),
            // Not a number, in a column that the format does not read: once the format is recognised by the first row,
            // nobody decodes it.
            (
                "upvote_ratio",
                Arc::new(Float64Array::from_iter_values((0..rows).map(|i| if i > 0 { f64::NAN } else { 1.0 }))),
            ),
        ],
    )
}

fn records(path: &Path) -> Result<Vec<Record>, prefactor::Error> {
    ReadOptions::new().open(path)?.collect()
}

#[test]
fn a_flat_file_is_read_like_its_lines() {
    let path = shp("shp.parquet", 600);
    let reader = ReadOptions::new().open(&path).expect("a reader");
    assert_eq!((reader.recognition().format, reader.recognition().container), ("shp", Container::Parquet));
    let read = records(&path).expect("records");
    let lines: Vec<String> = (0..600)
        .map(|i| {
            let ratio = if i > 0 { ",\"score_ratio\":1.5" } else { "" };
            format!(
                r#"{{"history":"q{}","human_ref_A":"a{i}","human_ref_B":"b{i}","labels":{},"domain":"baking"{ratio}}}"#,
                i / 2,
                i % 2
            )
        })
        .collect();
    let from_lines = ReadOptions::new().read(std::io::Cursor::new(lines.join("\n")), "shp.jsonl").expect("a reader");
    assert_eq!(read, from_lines.collect::<Result<Vec<_>, _>>().expect("records"));
}

#[test]
fn nested_conversations_are_read() {
    let fields: Fields = ["role", "content"].map(|name| Field::new(name, DataType::Utf8, true)).to_vec().into();
    let conversation = |reply: &str| {
        let mut list = ListBuilder::new(StructBuilder::from_fields(fields.clone(), 2));
        for (role, content) in [("user", "Is the sea salty?"), ("assistant", reply)] {
            for (place, text) in [role, content].into_iter().enumerate() {
                list.values().field_builder::<StringBuilder>(place).expect("a field").append_value(text);
            }
            list.values().append(true);
        }
        list.append(true);
        Arc::new(list.finish()) as ArrayRef
    };
    let path = write("trl.parquet", vec![("chosen", conversation("Yes.")), ("rejected", conversation("No."))]);
    let read = records(&path).expect("records");
    let [Record::Pair(pair)] = &read[..] else { panic!("a pair") };
    assert_eq!(
        [pair.prompt.as_deref(), pair.a.text.as_deref(), pair.b.text.as_deref()],
        [Some("Is the sea salty?"), Some("Yes."), Some("No.")]
    );
}

#[test]
fn numbers_that_are_none_name_their_row() {
    let text = |text: &str| Arc::new(StringArray::from(vec![text, text])) as ArrayRef;
    let preference = Arc::new(Float64Array::from(vec![1.0, f64::NAN])) as ArrayRef;
    let columns =
        vec![("instruction", text("i")), ("output_1", text("a")), ("output_2", text("b")), ("preference", preference)];
    let error = records(&write("nan.parquet", columns)).expect_err("an error").to_string();
    assert!(error.contains("nan.parquet:2") && error.contains("field `preference` is NaN"), "{error}");
}

#[test]
fn tables_are_written_with_their_definitions() {
    let pair = |i: usize| {
        let side = |words: usize| Response::new(format!("{i} {}", "word ".repeat(words)));
        let pair = Pair::new(i.to_string(), format!("p{}", i / 2), side(i % 4), side(i % 3));
        if i == 3 { pair } else { pair.judgement(Judgement::new("human", Preference::B).annotator("w").strength(2.0)) }
    };
    let dataset = Dataset::from_pairs((0..9).map(pair)).expect("a data set");
    let analysis = Analysis::new().factors(["length", "ttr"]);
    let (factors, table) =
        (analysis.measure_factors(&dataset).expect("factors"), analysis.table(&dataset).expect("a table"));
    let (mut factor_file, mut table_file, mut csv) = (Vec::new(), Vec::new(), Vec::new());
    factors.write_parquet(&mut factor_file).expect("written");
    table.write_parquet(&mut table_file).expect("written");
    table.write_csv(&mut csv).expect("written");
    let read = |bytes: Vec<u8>| {
        let builder = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).expect("Parquet");
        let metadata = builder.metadata().file_metadata().key_value_metadata().expect("metadata").clone();
        assert!(metadata.iter().any(
            |entry| entry.key == "prefactor.factors" && entry.value.as_ref().is_some_and(|v| v.contains("\"ttr\""))
        ));
        builder.build().expect("a reader").map(|batch| batch.expect("a batch")).next().expect("rows")
    };
    let (factor_rows, table_rows) = (read(factor_file), read(table_file));
    assert_eq!((factor_rows.num_rows(), factor_rows.num_columns()), (factors.responses().len(), 3));
    let csv = String::from_utf8(csv).expect("UTF-8");
    assert_eq!(table_rows.num_rows(), csv.lines().count() - 1);
    let names: Vec<&str> = table_rows.schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names.join(","), csv.lines().next().expect("a header"));
    let strength = table_rows.column_by_name("strength").expect("a column");
    assert_eq!(strength.null_count(), 1, "the pair that nobody judged");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_damage_is_an_error_or_records(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        static GOOD: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
        let good = GOOD.get_or_init(|| std::fs::read(shp("good.parquet", 40)).expect("a file"));
        let mut bytes = good.clone();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        let path = scratch("damaged.parquet");
        std::fs::write(&path, &bytes).expect("written");
        let _ = records(&path);
    }
}
