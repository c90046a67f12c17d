//! What the translation promises, on worlds written down here.

mod churn;
mod conditions;
mod determinism;
mod isolation;
mod shop;
mod world;
