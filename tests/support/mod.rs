//! What integration tests share: where real data and reference numbers are, if they are there.
#![allow(dead_code, reason = "each test crate uses a part of it")]

pub(crate) mod formats;

use std::path::PathBuf;

use serde_json::Value;

/// The folder with real data and reference numbers, which is not part of the package.
///
/// `PREFACTOR_SHARED` names it; by default it stands beside the package. Where it is not there, the test says
/// that it was skipped (past the capture of the test harness) and returns.
pub(crate) fn shared(test: &str) -> Option<PathBuf> {
    use std::io::Write;
    let folder = std::env::var_os("PREFACTOR_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared")), PathBuf::from);
    if folder.join("golden").is_dir() && folder.join("data").is_dir() {
        return Some(folder);
    }
    let _ = writeln!(std::io::stderr(), "skipped {test}: no reference data at {}", folder.display());
    None
}

/// A file of reference numbers.
pub(crate) fn golden(folder: &std::path::Path, name: &str) -> Value {
    let path = folder.join("golden").join(format!("{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(&path).expect("a readable golden file")).expect("valid JSON")
}
