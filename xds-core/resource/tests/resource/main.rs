//! The tests of this package that need whole messages.

mod canonical;
mod descriptors;
mod encode;
mod random;
mod references;
mod text;
mod validate;
