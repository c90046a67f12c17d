//! The way of a response to its bytes, for tests that run sessions without a server. Not part of the interface.
//!
//! What a stream's task does with a response, with the same functions: its body from the shared ones, its own tail, and
//! the frame around both.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use chancery_protocol::{DeltaResponse, SotwResponse, View};

use crate::bodies::Bodies;
use crate::frame::Message;
use crate::variant::{Delta, Sotw, Variant};

/// The response bodies streams share.
pub struct SharedBodies {
    bodies: Bodies,
    identifier: String,
}

/// A response as it is handed to the transport.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The gRPC frame: header, tail and body.
    pub frame: Vec<u8>,
    /// The body in it, as it is shared.
    pub body: Bytes,
}

impl SharedBodies {
    /// None yet. Up to this many bytes are kept of bodies nobody is sending.
    pub fn new(kept_bytes: usize, identifier: &str) -> SharedBodies {
        SharedBodies { bodies: Bodies::new(kept_bytes), identifier: identifier.to_owned() }
    }

    /// What a stream of this grant class is sent. `None`: it is too large.
    pub fn sotw<V: View>(&self, response: &SotwResponse, view: &V, class: &Arc<str>) -> Option<Sent> {
        self.send::<Sotw, V>(response, view, class)
    }

    /// The same, in the delta variant.
    pub fn delta<V: View>(&self, response: &DeltaResponse, view: &V, class: &Arc<str>) -> Option<Sent> {
        self.send::<Delta, V>(response, view, class)
    }

    fn send<F: Variant, V: View>(&self, response: &F::Response, view: &V, class: &Arc<str>) -> Option<Sent> {
        let body = F::shared_body(&self.bodies, response, view, class, &self.identifier);
        let message = Message::assemble(&F::tail(response, &[]), body.clone())?;
        let mut frame = message.head.to_vec();
        frame.extend_from_slice(message.body.as_deref().unwrap_or_default());
        Some(Sent { frame, body: body.into() })
    }
}

impl fmt::Debug for SharedBodies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedBodies").field("identifier", &self.identifier).finish_non_exhaustive()
    }
}
