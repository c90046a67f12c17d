//! What the fuzz targets of the sessions share: a peer that says anything at all, and what must hold whatever it says.

mod script;
mod side;

pub use script::play;
pub use side::{Delta, Side, Sotw};
