//! Any bytes as factor and comparison tables.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prefactor::table::{ComparisonTable, FactorTable};

fuzz_target!(|bytes: &[u8]| {
    let _ = FactorTable::read_jsonl(bytes, "in");
    let _ = FactorTable::read_csv(bytes, "in");
    let _ = ComparisonTable::read_jsonl(bytes, "in");
    let _ = ComparisonTable::read_csv(bytes, "in");
});
