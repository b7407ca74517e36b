//! Two reports, number by number.

use serde_json::Value;

/// How far two reports are apart.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Numbers compared.
    pub numbers: usize,
    /// The largest relative difference, and where.
    pub largest: (f64, String),
    /// What is not the same: whole numbers, texts, shapes, τ14, or a difference beyond the tolerance.
    pub differences: Vec<String>,
}

/// The parts of a report that are results; times and memory are not.
const RESULTS: [&str; 3] = ["tau14", "logistic", "bootstrap"];

impl Comparison {
    /// Compares the results of two reports: counts, τ14 and resamples exactly, other numbers to a relative tolerance.
    pub fn of(a: &Value, b: &Value, tolerance: f64) -> Self {
        let mut comparison = Self::default();
        RESULTS.iter().for_each(|part| comparison.walk(part, &a[part], &b[part], tolerance));
        comparison
    }

    fn walk(&mut self, path: &str, a: &Value, b: &Value, tolerance: f64) {
        match (a, b) {
            (Value::Object(one), Value::Object(other)) if one.keys().eq(other.keys()) => {
                one.iter().for_each(|(key, a)| self.walk(&format!("{path}.{key}"), a, &other[key], tolerance));
            }
            (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
                let pairs = one.iter().zip(other).enumerate();
                pairs.for_each(|(i, (a, b))| self.walk(&format!("{path}[{i}]"), a, b, tolerance));
            }
            (Value::Number(one), Value::Number(other)) => {
                self.numbers += 1;
                let exact = path.starts_with("bootstrap") || path.starts_with("tau14") && path.ends_with(".estimate");
                let (Some(x), Some(y)) = (one.as_f64(), other.as_f64()) else { return };
                // To the size of the number, or to 1 where it is smaller: p-values and covariances end near 0.
                let apart = (x - y).abs() / x.abs().max(y.abs()).max(1.0);
                if apart > self.largest.0 {
                    self.largest = (apart, path.to_owned());
                }
                let exact = exact || one.is_u64() || other.is_u64();
                if exact && x != y || !(apart <= tolerance) {
                    self.differences.push(format!("{path}: {one} and {other}"));
                }
            }
            (a, b) if a == b => {}
            (a, b) => self.differences.push(format!("{path}: {a} and {b}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn counts_and_tau_must_be_equal_and_the_rest_close() {
        let report = |tau: f64, error: f64, count: u64| json!({"tau14": {"factors": [{"estimate": tau, "std_error": error, "concordant": count}]}, "seconds": error});
        let one = report(0.25, 0.1, 7);
        let same = Comparison::of(&one, &report(0.25, 0.1 + 1e-12, 7), 1e-9);
        assert!(same.differences.is_empty() && same.numbers == 3 && same.largest.0 > 0.0, "{same:?}");
        for other in [report(0.25 + 1e-12, 0.1, 7), report(0.25, 0.1 + 1e-6, 7), report(0.25, 0.1, 8)] {
            assert_eq!(Comparison::of(&one, &other, 1e-9).differences.len(), 1);
        }
        assert_eq!(Comparison::of(&one, &json!({}), 1e-9).differences.len(), 1);
    }
}
