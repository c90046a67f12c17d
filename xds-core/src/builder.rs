//! How a server is put together.

use std::sync::Arc;

use chancery_protocol::{Settings, Source, TypeUrl};
use tonic::service::Routes;

use crate::observer::Unobserved;
use crate::server::Plaintext;
use crate::shared::{Parts, Shared};
use crate::{Authorizer, Health, Limits, Observer, ServeError, Server, Sessions, StandardSessions, Tls};

/// Puts a [`Server`] together; every method but the constructor is optional.
#[must_use = "a builder does nothing until `build` is called"]
pub struct ServerBuilder<S, A, E = StandardSessions> {
    parts: Parts<S, A, E>,
    tls: Option<Tls>,
    health: Option<Health>,
    descriptors: Option<Vec<u8>>,
    plaintext: Plaintext,
}

impl<S: Source, A: Authorizer> ServerBuilder<S, A> {
    pub(crate) fn new(source: S, authorizer: A) -> Self {
        let parts = Parts {
            source,
            authorizer,
            sessions: StandardSessions,
            settings: Settings::default(),
            limits: Limits::default(),
            identifier: "".into(),
            types: Vec::new(),
            observer: Arc::new(Unobserved),
        };
        ServerBuilder { parts, tls: None, health: None, descriptors: None, plaintext: Plaintext::Loopback }
    }
}

impl<S: Source, A: Authorizer, E: Sessions> ServerBuilder<S, A, E> {
    /// What peers may use up. Default: [`Limits::default`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.parts.limits = limits;
        self
    }

    /// How sessions behave. `services` and `capabilities` are set per stream, whatever is given here.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.parts.settings = settings;
        self
    }

    /// Who this server says it is, on every response (`control_plane.identifier`). Default: it does not say.
    pub fn identifier(mut self, identifier: &str) -> Self {
        self.parts.identifier = identifier.into();
        self
    }

    /// Types with traits of your own, made by [`TypeUrl::described`]. Other types need not be named to be served.
    pub fn types(mut self, types: impl IntoIterator<Item = TypeUrl>) -> Self {
        self.parts.types.extend(types);
        self
    }

    /// Who is told of everything that happens on the streams.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.parts.observer = Arc::new(observer);
        self
    }

    /// Drives the streams with other sessions than the standard ones.
    pub fn sessions<F: Sessions>(self, sessions: F) -> ServerBuilder<S, A, F> {
        let Parts { source, authorizer, settings, limits, identifier, types, observer, .. } = self.parts;
        ServerBuilder {
            parts: Parts { source, authorizer, sessions, settings, limits, identifier, types, observer },
            tls: self.tls,
            health: self.health,
            descriptors: self.descriptors,
            plaintext: self.plaintext,
        }
    }

    /// Serves TLS. Default: plain text, on loopback addresses only.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Allows plain text beyond the loopback interface. Everything served, private keys included, can then be read on
    /// the way; use it behind something that encrypts.
    pub fn insecure_plaintext(mut self) -> Self {
        self.plaintext = Plaintext::Anywhere;
        self
    }

    /// Serves `grpc.health.v1.Health`.
    pub fn health(mut self, health: Health) -> Self {
        self.health = Some(health);
        self
    }

    /// Serves gRPC reflection from this encoded `FileDescriptorSet`.
    pub fn reflection(mut self, file_descriptor_set: impl Into<Vec<u8>>) -> Self {
        self.descriptors = Some(file_descriptor_set.into());
        self
    }

    /// The server.
    ///
    /// # Errors
    /// When the descriptors for the reflection service cannot be used.
    pub fn build(self) -> Result<Server<S, A, E>, ServeError> {
        let ServerBuilder { parts, tls, health, descriptors, plaintext } = self;
        let shared = Arc::new(Shared::new(parts));
        let mut routes = Server::mount(&shared, Routes::default());
        if let Some(health) = &health {
            routes = routes.add_service(health.service());
        }
        if let Some(descriptors) = &descriptors {
            let unusable = |error: tonic_reflection::server::Error| ServeError::Descriptors(error.to_string());
            let reflection =
                || tonic_reflection::server::Builder::configure().register_encoded_file_descriptor_set(descriptors);
            routes = routes.add_service(reflection().build_v1().map_err(unusable)?);
            routes = routes.add_service(reflection().build_v1alpha().map_err(unusable)?);
        }
        Ok(Server { shared, routes, tls, health, plaintext })
    }
}
