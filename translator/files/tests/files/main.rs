//! A directory of Gateway API objects as its users treat it: read once, and edited while it is watched.

mod live;
mod once;
mod scene;
mod statuses;
