//! What can go wrong between a query and its answer, and what to do about it.

use datafusion::error::DataFusionError;
use datafusion::object_store::Error as StoreError;

/// Where an engine did not answer.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No scheduler.
    #[error("no scheduler answers at {url} ({detail}); start one there, or give its address with --cluster")]
    Unreachable { url: String, detail: String },
    /// An executor went away with its part of the work, and the engine could not make up for it.
    #[error(
        "an executor was lost in the query of {what} (attempts: {attempts}; {detail}); see that executors run and that the scheduler knows them, then start again"
    )]
    ExecutorLost { what: String, attempts: u32, detail: String },
    /// A path that someone who must read it does not see.
    #[error(
        "a file of {path} cannot be read by everyone who must ({detail}); client, scheduler and every executor need the same path: put the files on a shared disk or in an object store"
    )]
    PathNotVisible { path: String, detail: String },
    /// Too little memory, even with spilling.
    #[error(
        "the query of {what} needs more memory than it may have ({detail}); raise --memory, or lower --partitions: each partition needs a share"
    )]
    OutOfMemory { what: String, detail: String },
    /// No room for what was spilled.
    #[error("the query of {what} filled the disk it spills to ({detail}); name a larger one with --spill")]
    DiskFull { what: String, detail: String },
    /// Anything else.
    #[error("the query of {what} failed: {detail}")]
    Query { what: String, detail: String },
}

/// What the texts of errors say that come over the network: they arrive as nothing but text.
fn mentions(text: &str, any: &[&str]) -> bool {
    any.iter().any(|words| text.contains(words))
}

/// The error without what only its engine's authors want to see.
fn brief(error: &DataFusionError) -> String {
    let text = error.strip_backtrace();
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    line.chars().take(400).collect()
}

impl EngineError {
    /// Which of these an engine's error is, in the query of `what` over files at `path`.
    pub fn of(error: &DataFusionError, what: &str, path: &str, cluster: Option<&str>) -> Self {
        let (what, path, detail) = (what.to_owned(), path.to_owned(), brief(error));
        match error.find_root() {
            DataFusionError::ResourcesExhausted(_) if mentions(&detail, &["disk", "Disk"]) => {
                return Self::DiskFull { what, detail };
            }
            DataFusionError::ResourcesExhausted(_) => return Self::OutOfMemory { what, detail },
            DataFusionError::ObjectStore(error) if matches!(**error, StoreError::NotFound { .. }) => {
                return Self::PathNotVisible { path, detail };
            }
            DataFusionError::IoError(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Self::PathNotVisible { path, detail };
            }
            _ => {}
        }
        let text = error.to_string();
        let Some(url) = cluster else { return Self::Query { what, detail } };
        if mentions(&text, &["NotFound", "not found: ", "No such file", "Permission denied"]) {
            Self::PathNotVisible { path, detail }
        } else if mentions(&text, &["Resources exhausted", "ResourcesExhausted"]) {
            Self::OutOfMemory { what, detail }
        } else if mentions(&text, &["FetchFailed", "FetchPartition", "ExecutorLost", "executor", "Executor", "Flight"])
        {
            Self::ExecutorLost { what, attempts: 1, detail }
        } else if mentions(&text, &["ConnectError", "tcp connect", "transport error", "GrpcConnection"]) {
            Self::Unreachable { url: url.to_owned(), detail }
        } else {
            Self::Query { what, detail }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_from_a_cluster_are_told_apart() {
        let of = |text: &str| {
            EngineError::of(&DataFusionError::Execution(text.into()), "counts", "/data", Some("df://localhost:50050"))
        };
        assert!(matches!(
            of("Job x failed: Object at location /data/part-000.parquet not found: No such file or directory"),
            EngineError::PathNotVisible { .. }
        ));
        assert!(matches!(of("Job x failed: no executor is left"), EngineError::ExecutorLost { attempts: 1, .. }));
        assert!(matches!(
            of("tonic::transport::Error(Transport, ConnectError(\"tcp connect error\"))"),
            EngineError::Unreachable { .. }
        ));
        assert!(matches!(of("Schema error: No field named x"), EngineError::Query { .. }));
        let full = DataFusionError::ResourcesExhausted("Failed to allocate additional 3 MB".into());
        assert!(matches!(EngineError::of(&full, "scores", "/data", None), EngineError::OutOfMemory { .. }));
    }
}
