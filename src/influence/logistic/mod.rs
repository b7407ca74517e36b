//! The joint logistic model.
