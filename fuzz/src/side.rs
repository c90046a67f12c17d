//! The two variants, as far as a script must tell them apart.

use arbitrary::{Result, Unstructured};
use chancery_protocol::sim::Picture;
use chancery_protocol::{
    DeltaRequest, DeltaResponse, DeltaSession, Dress, HeldVersion, Nonce, Reply, ResourceName, Session, Settings,
    SotwRequest, SotwResponse, SotwSession, TypeUrl, View,
};

/// What a script looks at in a response.
pub struct Seen {
    pub type_url: TypeUrl,
    pub nonce: Nonce,
    pub dress: Dress,
    pub names: Vec<ResourceName>,
    pub removed: Vec<ResourceName>,
}

/// One variant of the protocol.
pub trait Side {
    type Session: Session;

    fn session(settings: Settings) -> Self::Session;

    fn request(
        input: &mut Unstructured<'_>,
        type_url: TypeUrl,
        names: [Vec<ResourceName>; 2],
        reply: Reply,
        view: &Picture,
    ) -> Result<<Self::Session as Session>::Request>;

    /// The acceptance of a response by a peer that wants what it wanted before.
    fn ack(seen: &Seen, names: &[ResourceName]) -> <Self::Session as Session>::Request;

    fn see(response: &<Self::Session as Session>::Response, view: &Picture) -> Seen;
}

/// State of the world.
pub struct Sotw;

/// Incremental.
pub struct Delta;

fn held(input: &mut Unstructured<'_>, type_url: &TypeUrl, view: &Picture) -> Result<Option<HeldVersion>> {
    Ok(match input.int_in_range(0..=3)? {
        0 => None,
        1 => Some(HeldVersion::Foreign),
        2 => Some(HeldVersion::Known(view.digest(type_url).version())),
        _ => HeldVersion::parse("0123456789abcdef"),
    })
}

impl Side for Sotw {
    type Session = SotwSession;

    fn session(settings: Settings) -> SotwSession {
        SotwSession::new(settings)
    }

    fn request(
        input: &mut Unstructured<'_>,
        type_url: TypeUrl,
        [names, _]: [Vec<ResourceName>; 2],
        reply: Reply,
        view: &Picture,
    ) -> Result<SotwRequest> {
        let version = held(input, &type_url, view)?;
        Ok(SotwRequest { type_url, version, names, reply })
    }

    fn ack(seen: &Seen, names: &[ResourceName]) -> SotwRequest {
        SotwRequest {
            type_url: seen.type_url.clone(),
            version: Some(HeldVersion::Foreign),
            names: names.to_vec(),
            reply: Reply::Ack(seen.nonce),
        }
    }

    fn see(response: &SotwResponse, view: &Picture) -> Seen {
        let resources = response.payload.resources(&response.type_url, view);
        Seen {
            type_url: response.type_url.clone(),
            nonce: response.nonce,
            dress: response.dress,
            names: resources.map(|resource| resource.name().clone()).collect(),
            removed: Vec::new(),
        }
    }
}

impl Side for Delta {
    type Session = DeltaSession;

    fn session(settings: Settings) -> DeltaSession {
        DeltaSession::new(settings)
    }

    fn request(
        input: &mut Unstructured<'_>,
        type_url: TypeUrl,
        [subscribe, unsubscribe]: [Vec<ResourceName>; 2],
        reply: Reply,
        view: &Picture,
    ) -> Result<DeltaRequest> {
        let mut initial_versions = Vec::new();
        for name in &unsubscribe {
            let known = view.get(&type_url, name).map(|resource| HeldVersion::Known(resource.version()));
            let version = if input.ratio(1, 2)? { known } else { held(input, &type_url, view)? };
            initial_versions.push((name.clone(), version.unwrap_or(HeldVersion::Foreign)));
        }
        let unsubscribe = if input.ratio(1, 2)? { unsubscribe } else { Vec::new() };
        Ok(DeltaRequest { type_url, subscribe, unsubscribe, initial_versions, reply })
    }

    fn ack(seen: &Seen, _names: &[ResourceName]) -> DeltaRequest {
        DeltaRequest { reply: Reply::Ack(seen.nonce), ..DeltaRequest::first(seen.type_url.clone(), &[]) }
    }

    fn see(response: &DeltaResponse, view: &Picture) -> Seen {
        let resources = response.payload.resources(&response.type_url, view);
        Seen {
            type_url: response.type_url.clone(),
            nonce: response.nonce,
            dress: response.dress,
            names: resources.map(|resource| resource.name().clone()).collect(),
            removed: response.removed.clone(),
        }
    }
}
