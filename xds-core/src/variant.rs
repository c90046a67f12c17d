//! What differs between the two forms of the protocol, as far as a stream's task is concerned.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use chancery_protocol::{
    Base, Capabilities, DeltaRequest, DeltaResponse, Payload, ResourceName, Session, Settings, SotwRequest,
    SotwResponse, TypeUrl, View,
};

use crate::Sessions;
use crate::bodies::{Bodies, BodyKey, Form, SharedBody};
use crate::wire::{self, Decoded, DeltaPartial, Malformed, Place, Rules, SotwPartial};

/// One form of the protocol.
pub(crate) trait Variant: Send + 'static {
    type Request: Send;
    type Response: Send;
    /// A request of which not all has come yet. Default: nothing of it.
    type Partial: Default + Send;

    /// The session of a new stream.
    fn session<E: Sessions>(
        sessions: &E,
        settings: Settings,
    ) -> impl Session<Request = Self::Request, Response = Self::Response> + 'static;

    /// Takes in some fields of a request, whole ones.
    fn absorb(partial: &mut Self::Partial, bytes: &[u8], rules: Rules<'_>, place: Place) -> Result<(), Malformed>;

    /// The request, all of which was taken in.
    fn finish(partial: Self::Partial, rules: Rules<'_>, place: Place) -> Result<Decoded<Self::Request>, Malformed>;

    /// The type a request asks for.
    fn asked(request: &Self::Request) -> &TypeUrl;

    /// The type a response answers.
    fn answered(response: &Self::Response) -> &TypeUrl;

    /// What the response's body is shared by.
    fn key<V: View>(response: &Self::Response, view: &V, class: &Arc<str>) -> BodyKey;

    fn body<V: View>(response: &Self::Response, view: &V, identifier: &str) -> Vec<u8>;

    fn tail(response: &Self::Response, unsupported: &[ResourceName]) -> Vec<u8>;

    /// The response's body: what another stream was sent, or encoded now.
    fn shared_body<V: View>(
        bodies: &Bodies,
        response: &Self::Response,
        view: &V,
        class: &Arc<str>,
        identifier: &str,
    ) -> SharedBody {
        bodies.get(Self::key(response, view, class), || Self::body(response, view, identifier))
    }
}

/// What the TTLs of a response's wildcard set hash to; those of listed resources are in its content.
fn ttls<V: View>(payload: &Payload, type_url: &TypeUrl, capabilities: Capabilities, view: &V) -> u64 {
    if payload.base == Base::Nothing || !capabilities.ttl {
        return 0;
    }
    let mut hasher = DefaultHasher::new();
    for resource in view.iter_with_ttl(type_url) {
        (resource.name(), resource.ttl()).hash(&mut hasher);
    }
    hasher.finish()
}

/// State of the world.
pub(crate) struct Sotw;

impl Variant for Sotw {
    type Request = SotwRequest;
    type Response = SotwResponse;
    type Partial = SotwPartial;

    fn session<E: Sessions>(
        sessions: &E,
        settings: Settings,
    ) -> impl Session<Request = SotwRequest, Response = SotwResponse> + 'static {
        sessions.sotw(settings)
    }

    fn absorb(partial: &mut SotwPartial, bytes: &[u8], rules: Rules<'_>, place: Place) -> Result<(), Malformed> {
        partial.absorb(bytes, rules, place)
    }

    fn finish(partial: SotwPartial, rules: Rules<'_>, place: Place) -> Result<Decoded<SotwRequest>, Malformed> {
        partial.finish(rules, place)
    }

    fn asked(request: &SotwRequest) -> &TypeUrl {
        &request.type_url
    }

    fn answered(response: &SotwResponse) -> &TypeUrl {
        &response.type_url
    }

    fn key<V: View>(response: &SotwResponse, view: &V, class: &Arc<str>) -> BodyKey {
        BodyKey {
            form: Form::Sotw,
            type_url: response.type_url.clone(),
            dress: response.dress,
            capabilities: response.capabilities,
            class: Arc::clone(class),
            content: response.content,
            ttls: ttls(&response.payload, &response.type_url, response.capabilities, view),
        }
    }

    fn body<V: View>(response: &SotwResponse, view: &V, identifier: &str) -> Vec<u8> {
        wire::sotw_body(response, view, identifier)
    }

    fn tail(response: &SotwResponse, unsupported: &[ResourceName]) -> Vec<u8> {
        wire::sotw_tail(response, unsupported)
    }
}

/// Incremental.
pub(crate) struct Delta;

impl Variant for Delta {
    type Request = DeltaRequest;
    type Response = DeltaResponse;
    type Partial = DeltaPartial;

    fn session<E: Sessions>(
        sessions: &E,
        settings: Settings,
    ) -> impl Session<Request = DeltaRequest, Response = DeltaResponse> + 'static {
        sessions.delta(settings)
    }

    fn absorb(partial: &mut DeltaPartial, bytes: &[u8], rules: Rules<'_>, place: Place) -> Result<(), Malformed> {
        partial.absorb(bytes, rules, place)
    }

    fn finish(partial: DeltaPartial, rules: Rules<'_>, place: Place) -> Result<Decoded<DeltaRequest>, Malformed> {
        partial.finish(rules, place)
    }

    fn asked(request: &DeltaRequest) -> &TypeUrl {
        &request.type_url
    }

    fn answered(response: &DeltaResponse) -> &TypeUrl {
        &response.type_url
    }

    fn key<V: View>(response: &DeltaResponse, view: &V, class: &Arc<str>) -> BodyKey {
        BodyKey {
            form: Form::Delta,
            type_url: response.type_url.clone(),
            dress: response.dress,
            capabilities: response.capabilities,
            class: Arc::clone(class),
            content: response.content,
            ttls: ttls(&response.payload, &response.type_url, response.capabilities, view),
        }
    }

    fn body<V: View>(response: &DeltaResponse, view: &V, identifier: &str) -> Vec<u8> {
        wire::delta_body(response, view, identifier)
    }

    fn tail(response: &DeltaResponse, unsupported: &[ResourceName]) -> Vec<u8> {
        wire::delta_tail(response, unsupported)
    }
}
