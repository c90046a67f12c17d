//! The cache as a whole, from both sides: what publishers put in, what streams see of it.

mod delivery;
mod groups;
mod isolation;
mod layers;
mod model;
mod publishing;
mod sessions;
mod waking;
