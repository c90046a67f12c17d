//! Part of Chancery.
fn main() {}
