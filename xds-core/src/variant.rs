//! What differs between the two forms of the protocol, as far as a stream's task is concerned.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use chancery_protocol::{
    Base, Capabilities, DeltaRequest, DeltaResponse, Payload, Reply, ResourceName, Session, Settings, SotwRequest,
    SotwResponse, TypeUrl, View,
};

use crate::Sessions;
use crate::bodies::{Bodies, BodyKey, Form, SharedBody};
use crate::wire::{self, Decoded, DeltaPartial, LastNames, Malformed, Place, Rules, SotwPartial};

/// One form of the protocol.
pub(crate) trait Variant: Send + 'static {
    type Request: Send;
    type Response: Send;
    /// A request of which not all has come yet. Default: nothing of it.
    type Partial: Default + Send;
    /// What is remembered of a stream's requests to read the next. Default: nothing yet.
    type Memory: Default + Send;

    /// The session of a new stream.
    fn session<E: Sessions>(
        sessions: &E,
        settings: Settings,
    ) -> impl Session<Request = Self::Request, Response = Self::Response> + 'static;

    /// Takes in some fields of a request, whole ones.
    fn absorb(partial: &mut Self::Partial, bytes: &[u8], rules: Rules<'_>, place: Place) -> Result<(), Malformed>;

    /// Takes in a whole later request; `recalls` tells of which types the session recalls the names.
    fn absorb_whole(
        partial: &mut Self::Partial,
        memory: &mut Self::Memory,
        bytes: &[u8],
        rules: Rules<'_>,
        recalls: impl FnOnce(&TypeUrl) -> bool,
    ) -> Result<(), Malformed>;

    /// The request, all of which was taken in.
    fn finish(
        partial: Self::Partial,
        memory: &mut Self::Memory,
        rules: Rules<'_>,
        place: Place,
    ) -> Result<Decoded<Self::Request>, Malformed>;

    /// The type a request asks for.
    fn asked(request: &Self::Request) -> &TypeUrl;

    /// What a request replies to.
    fn reply(request: Self::Request) -> Reply;

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
    type Memory = LastNames;

    fn session<E: Sessions>(
        sessions: &E,
        settings: Settings,
    ) -> impl Session<Request = SotwRequest, Response = SotwResponse> + 'static {
        sessions.sotw(settings)
    }

    fn absorb(partial: &mut SotwPartial, bytes: &[u8], rules: Rules<'_>, place: Place) -> Result<(), Malformed> {
        partial.absorb(bytes, rules, place)
    }

    fn absorb_whole(
        partial: &mut SotwPartial,
        memory: &mut LastNames,
        bytes: &[u8],
        rules: Rules<'_>,
        recalls: impl FnOnce(&TypeUrl) -> bool,
    ) -> Result<(), Malformed> {
        partial.absorb_whole(bytes, rules, memory, recalls)
    }

    fn finish(
        partial: SotwPartial,
        memory: &mut LastNames,
        rules: Rules<'_>,
        place: Place,
    ) -> Result<Decoded<SotwRequest>, Malformed> {
        partial.finish_after(memory, rules, place)
    }

    fn asked(request: &SotwRequest) -> &TypeUrl {
        &request.type_url
    }

    fn reply(request: SotwRequest) -> Reply {
        request.reply
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
    type Memory = ();

    fn session<E: Sessions>(
        sessions: &E,
        settings: Settings,
    ) -> impl Session<Request = DeltaRequest, Response = DeltaResponse> + 'static {
        sessions.delta(settings)
    }

    fn absorb(partial: &mut DeltaPartial, bytes: &[u8], rules: Rules<'_>, place: Place) -> Result<(), Malformed> {
        partial.absorb(bytes, rules, place)
    }

    fn absorb_whole(
        partial: &mut DeltaPartial,
        (): &mut (),
        bytes: &[u8],
        rules: Rules<'_>,
        _: impl FnOnce(&TypeUrl) -> bool,
    ) -> Result<(), Malformed> {
        partial.absorb(bytes, rules, Place::Later)
    }

    fn finish(
        partial: DeltaPartial,
        (): &mut (),
        rules: Rules<'_>,
        place: Place,
    ) -> Result<Decoded<DeltaRequest>, Malformed> {
        partial.finish(rules, place)
    }

    fn asked(request: &DeltaRequest) -> &TypeUrl {
        &request.type_url
    }

    fn reply(request: DeltaRequest) -> Reply {
        request.reply
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
