//! What is explained, rule by rule.

mod forwarding;
mod matching;
mod routing;
mod world;
