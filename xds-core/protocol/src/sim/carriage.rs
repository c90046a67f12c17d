//! How messages travel between a session and its client: as they are, or through something that is to be tested too.

use alloc::vec::Vec;

use super::Offence;
use super::network::{Downward, Upward};
use crate::{DeltaResponse, SotwResponse, View};

/// Carries messages. What arrives may be made of nothing but what was carried.
///
/// Real implementers: [`Direct`]; the translator's test `simulation`, which carries them as the bytes of the wire.
pub trait Carriage<V: View> {
    /// A client speaks; `first` on its stream.
    ///
    /// # Errors
    /// When what would arrive is not what was said.
    fn request(&mut self, client: usize, first: bool, request: Upward) -> Result<Upward, Offence> {
        let _ = (client, first);
        Ok(request)
    }

    /// A state-of-the-world session answers, from this view.
    ///
    /// # Errors
    /// When what would arrive is not what was said.
    fn sotw(&mut self, client: usize, response: SotwResponse, view: &V) -> Result<Downward, Offence>;

    /// A delta session answers, from this view.
    ///
    /// # Errors
    /// When what would arrive is not what was said.
    fn delta(&mut self, client: usize, response: DeltaResponse, view: &V) -> Result<Downward, Offence>;
}

/// Messages arrive as they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Direct;

impl<V: View> Carriage<V> for Direct {
    fn sotw(&mut self, _client: usize, response: SotwResponse, view: &V) -> Result<Downward, Offence> {
        Ok(Downward {
            resources: response.payload.resources(&response.type_url, view).cloned().collect(),
            type_url: response.type_url,
            nonce: response.nonce,
            version: response.version,
            removed: Vec::new(),
            dress: response.dress,
        })
    }

    fn delta(&mut self, _client: usize, response: DeltaResponse, view: &V) -> Result<Downward, Offence> {
        Ok(Downward {
            resources: response.payload.resources(&response.type_url, view).cloned().collect(),
            type_url: response.type_url,
            nonce: response.nonce,
            version: response.system_version,
            removed: response.removed,
            dress: response.dress,
        })
    }
}
