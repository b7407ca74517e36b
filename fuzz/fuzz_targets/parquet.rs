//! Any bytes as a Parquet file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prefactor::preference::formats::ReadOptions;

fuzz_target!(|bytes: &[u8]| {
    let path = std::env::temp_dir().join(format!("prefactor-fuzz-{}.parquet", std::process::id()));
    let file = if bytes.starts_with(b"PAR1") { bytes.to_vec() } else { [b"PAR1", bytes].concat() };
    if std::fs::write(&path, file).is_ok()
        && let Ok(reader) = ReadOptions::new().lenient(true).open(&path)
    {
        reader.for_each(drop);
    }
});
