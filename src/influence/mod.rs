//! How much each factor drives an agent's preferences.

pub mod logistic;
