//! The kit held against the real parts it drives, and against a small server of its own.

mod management;
mod proxies;
mod scripted;
mod traffic;
