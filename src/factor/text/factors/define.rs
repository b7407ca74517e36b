//! How a factor is written down.

/// Defines a unit struct and its [`Factor`](crate::factor::Factor): documentation, specification, measurement.
macro_rules! factor {
    ($(#[$doc:meta])* $name:ident: $spec:expr; |$document:ident| $measure:block) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct $name;

        impl $crate::factor::Factor for $name {
            fn spec(&self) -> FactorSpec {
                $spec
            }

            fn measure(&self, $document: &$crate::factor::text::Document<'_>) -> Option<f64> {
                $measure
            }
        }
    };
}
pub(crate) use factor;

/// One number divided by another; of nothing it is missing.
pub(crate) fn quotient(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}
