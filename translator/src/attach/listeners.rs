//! One listener, of a Gateway or a ListenerSet: what it lets in, and what is wrong with it.

use std::sync::Arc;

use crate::api::{FromNamespaces, GATEWAY_GROUP, Kind, Listener, ObjectId, Protocol, RouteGroupKind, TlsMode};
use crate::host::Host;
use crate::ir::{ClientCertificates, SecretItem, Transport};
use crate::provenance::Origin;
use crate::reasons;

use super::certificates::certificate;
use super::grants::Referrer;
use super::lookup::Lookup;
use super::namespaces;

/// Whose listener it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    Gateway,
    Set(ObjectId),
}

/// Why a listener cannot be served beside another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conflict {
    Hostname,
    Protocol,
}

impl Conflict {
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Conflict::Hostname => reasons::HOSTNAME_CONFLICT,
            Conflict::Protocol => reasons::PROTOCOL_CONFLICT,
        }
    }
}

/// Something that is wrong with a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ListenerFault {
    /// It is not accepted.
    NotAccepted { reason: &'static str, message: String },
    /// It refers to something it cannot have. `serves`: what is left is enough to be served.
    Unresolved { reason: &'static str, message: String, serves: bool },
}

/// A listener, looked at by itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AttachedListener {
    pub(crate) gateway: ObjectId,
    pub(crate) owner: Owner,
    /// Its place among its owner's listeners.
    pub(crate) index: usize,
    pub(crate) listener: Listener,
    /// The namespace of its owner: what `Same` means.
    pub(crate) namespace: Arc<str>,
    pub(crate) port: u16,
    pub(crate) host: Host,
    /// The kinds of routes that may attach.
    pub(crate) kinds: Vec<Kind>,
    pub(crate) faults: Vec<ListenerFault>,
    pub(crate) conflict: Option<Conflict>,
    /// Whether another listener of the socket ends TLS for an overlapping name.
    pub(crate) overlaps: bool,
    pub(crate) certificates: Vec<SecretItem>,
    pub(crate) clients: ClientCertificates,
    /// The authorities `clients` speaks of.
    pub(crate) authorities: Option<SecretItem>,
    /// The selector of namespaces is not valid: nobody is let in.
    pub(crate) closed: bool,
}

impl AttachedListener {
    /// Looks at one listener. What it is beside others, and what it asks of clients, is found out later.
    pub(crate) fn of(
        lookup: Lookup<'_>,
        gateway: &ObjectId,
        owner: Owner,
        index: usize,
        listener: &Listener,
    ) -> AttachedListener {
        let namespace = match &owner {
            Owner::Gateway => gateway.namespace.clone(),
            Owner::Set(set) => set.namespace.clone(),
        };
        let mut attached = AttachedListener {
            gateway: gateway.clone(),
            owner,
            index,
            listener: listener.clone(),
            namespace,
            port: 0,
            host: Host::of(listener.hostname.as_deref()),
            kinds: Vec::new(),
            faults: Vec::new(),
            conflict: None,
            overlaps: false,
            certificates: Vec::new(),
            clients: ClientCertificates::NotAsked,
            authorities: None,
            closed: false,
        };
        attached.look_at_kinds();
        attached.look_at_port();
        attached.look_at_shape();
        attached.look_at_namespaces(lookup);
        attached.look_at_certificates(lookup);
        attached
    }

    /// The object that holds it.
    pub(crate) fn owner_id(&self) -> &ObjectId {
        match &self.owner {
            Owner::Gateway => &self.gateway,
            Owner::Set(set) => set,
        }
    }

    pub(crate) fn origin(&self) -> Origin {
        Origin::new(self.owner_id(), format!("spec.listeners[{}]", self.index))
    }

    pub(crate) fn transport(&self) -> Transport {
        match self.listener.protocol {
            Protocol::Udp => Transport::Udp,
            _ => Transport::Tcp,
        }
    }

    pub(crate) fn is_accepted(&self) -> bool {
        self.conflict.is_none() && !self.faults.iter().any(|fault| matches!(fault, ListenerFault::NotAccepted { .. }))
    }

    /// Whether it answers requests, if routes say so.
    pub(crate) fn is_served(&self) -> bool {
        let broken = |fault: &ListenerFault| !matches!(fault, ListenerFault::Unresolved { serves: true, .. });
        self.conflict.is_none() && !self.faults.iter().any(broken)
    }

    pub(crate) fn terminates_tls(&self) -> bool {
        match self.listener.protocol {
            Protocol::Https => true,
            Protocol::Tls => self.mode() != &TlsMode::Passthrough,
            _ => false,
        }
    }

    pub(crate) fn mode(&self) -> &TlsMode {
        self.listener.tls.as_ref().and_then(|tls| tls.mode.as_ref()).unwrap_or(&TlsMode::Terminate)
    }

    /// Whether routes of this kind and namespace may attach.
    pub(crate) fn allows(&self, lookup: Lookup<'_>, kind: Kind, namespace: &str) -> bool {
        let allowed = self.listener.allowed_routes.as_ref().and_then(|allowed| allowed.namespaces.as_ref());
        let from = || namespaces::allowed(lookup, allowed, &FromNamespaces::Same, &self.namespace, namespace);
        !self.closed && self.kinds.contains(&kind) && from().unwrap_or(false)
    }

    fn not_accepted(&mut self, reason: &'static str, message: impl Into<String>) {
        self.faults.push(ListenerFault::NotAccepted { reason, message: message.into() });
    }

    fn look_at_kinds(&mut self) {
        let carried: &[Kind] = match self.listener.protocol {
            Protocol::Http | Protocol::Https => &[Kind::HTTPRoute, Kind::GRPCRoute],
            Protocol::Tls => &[Kind::TLSRoute],
            Protocol::Tcp => &[Kind::TCPRoute],
            Protocol::Udp => &[Kind::UDPRoute],
            Protocol::Other(_) => &[],
        };
        if let Protocol::Other(other) = &self.listener.protocol {
            let message = format!("protocol {other} is not one of {}", Protocol::KNOWN.join(", "));
            self.not_accepted(reasons::UNSUPPORTED_PROTOCOL, message);
        }
        let asked: &[RouteGroupKind] = self.listener.allowed_routes.as_ref().map_or(&[], |allowed| &allowed.kinds);
        if asked.is_empty() || carried.is_empty() {
            self.kinds = carried.to_vec();
            return;
        }
        let known = |asked: &RouteGroupKind| {
            carried.iter().copied().find(|kind| &*asked.group == GATEWAY_GROUP && kind.as_str() == &*asked.kind)
        };
        let wrong: Vec<_> = asked.iter().filter(|asked| known(asked).is_none()).map(|asked| &*asked.kind).collect();
        self.kinds = asked.iter().filter_map(known).collect();
        self.kinds.dedup();
        if !wrong.is_empty() {
            let message = format!(
                "allowedRoutes.kinds: {} cannot attach to a listener of protocol {}",
                wrong.join(", "),
                self.listener.protocol
            );
            let serves = !self.kinds.is_empty();
            self.faults.push(ListenerFault::Unresolved { reason: reasons::INVALID_ROUTE_KINDS, message, serves });
        }
    }

    fn look_at_port(&mut self) {
        match u16::try_from(self.listener.port).ok().filter(|port| *port > 0) {
            Some(port) => self.port = port,
            None => self.not_accepted(reasons::UNSUPPORTED_VALUE, format!("port {} is not a port", self.listener.port)),
        }
    }

    /// What the schema's rules would refuse; objects may come from where no such rules are applied.
    fn look_at_shape(&mut self) {
        let (protocol, tls) = (&self.listener.protocol, self.listener.tls.as_ref());
        match protocol {
            Protocol::Tcp | Protocol::Udp if !self.host.is_any() => {
                let message = format!("hostname cannot be given for protocol {protocol}");
                self.not_accepted(reasons::UNSUPPORTED_VALUE, message);
            }
            Protocol::Https | Protocol::Tls if tls.is_none() => {
                self.not_accepted(reasons::UNSUPPORTED_VALUE, format!("tls must be given for protocol {protocol}"));
            }
            Protocol::Https if self.mode() != &TlsMode::Terminate => {
                let message = format!("tls.mode {} is not supported for protocol HTTPS", self.mode());
                self.not_accepted(reasons::UNSUPPORTED_VALUE, message);
            }
            Protocol::Tls => {
                if let TlsMode::Other(other) = self.mode() {
                    let message = format!("tls.mode {other} is not one of Terminate, Passthrough");
                    self.not_accepted(reasons::UNSUPPORTED_VALUE, message);
                }
            }
            _ => {}
        }
        let bad = self.host.domain();
        if bad.len() > 253 || bad.split('.').skip(1).any(str::is_empty) || bad.contains([' ', '/', ':']) {
            self.not_accepted(reasons::UNSUPPORTED_VALUE, format!("hostname {bad} is not a host name"));
        }
    }

    fn look_at_namespaces(&mut self, lookup: Lookup<'_>) {
        let allowed = self.listener.allowed_routes.as_ref().and_then(|allowed| allowed.namespaces.as_ref());
        let own = self.namespace.clone();
        if let Err(fault) = namespaces::allowed(lookup, allowed, &FromNamespaces::Same, &own, &own) {
            self.closed = true;
            self.not_accepted(reasons::UNSUPPORTED_VALUE, format!("allowedRoutes.{fault}"));
        }
    }

    fn look_at_certificates(&mut self, lookup: Lookup<'_>) {
        let Some(tls) = self.listener.tls.as_ref().filter(|_| self.terminates_tls()) else { return };
        if tls.certificate_refs.is_empty() {
            self.not_accepted(reasons::UNSUPPORTED_VALUE, "tls.certificateRefs must name a Secret where TLS ends here");
            return;
        }
        let kind = match self.owner {
            Owner::Gateway => "Gateway",
            Owner::Set(_) => "ListenerSet",
        };
        let namespace = self.namespace.clone();
        let from = Referrer { kind, namespace: &namespace };
        let mut faults = Vec::new();
        for (index, reference) in tls.certificate_refs.iter().enumerate() {
            match certificate(lookup, from, reference, reasons::INVALID_CERTIFICATE_REF) {
                Ok(item) if self.certificates.iter().any(|known| known.name == item.name) => {}
                Ok(item) => self.certificates.push(item),
                Err((reason, message)) => faults.push((reason, format!("tls.certificateRefs[{index}]: {message}"))),
            }
        }
        let serves = !self.certificates.is_empty();
        let Some((reason, _)) = faults.first() else { return };
        let message = faults.iter().map(|(_, message)| message.as_str()).collect::<Vec<_>>().join("; ");
        self.faults.push(ListenerFault::Unresolved { reason, message, serves });
    }
}
