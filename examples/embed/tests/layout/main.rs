//! The rules of the workspace a program can check: arrows between packages, what sources may say, what is linked in.

mod arrows;
mod rules;
mod sources;
mod supply;
mod workspace;
