//! What a Gateway asks of the clients of its HTTPS listeners.

use crate::api::{FrontendValidation, Gateway, ObjectId, Protocol, ValidationMode};
use crate::ir::{ClientCertificates, SecretBody, SecretItem};
use crate::provenance::Origin;
use crate::{names, reasons};

use super::certificates::{AuthorityFault, authorities};
use super::grants::Referrer;
use super::listeners::{AttachedListener, ListenerFault};
use super::lookup::Lookup;

/// The validation that holds for a port: its own, or that of the whole Gateway.
fn validation_for(gateway: &Gateway, port: u16) -> Option<(&FrontendValidation, String)> {
    let frontend = gateway.spec.tls.as_ref()?.frontend.as_ref()?;
    let own = frontend.per_port.iter().enumerate().find(|(_, entry)| entry.port == i32::from(port));
    if let Some((index, entry)) = own {
        return Some((entry.tls.validation.as_ref()?, format!("spec.tls.frontend.perPort[{index}].tls.validation")));
    }
    Some((frontend.all.as_ref()?.validation.as_ref()?, "spec.tls.frontend.default.validation".to_owned()))
}

/// Whether a Gateway lets clients in that prove nothing.
pub(crate) fn is_insecure(gateway: &Gateway) -> bool {
    let Some(frontend) = gateway.spec.tls.as_ref().and_then(|tls| tls.frontend.as_ref()) else { return false };
    let ports = frontend.per_port.iter().map(|entry| &entry.tls);
    let mut all = frontend.all.iter().chain(ports).filter_map(|config| config.validation.as_ref());
    all.any(|validation| validation.mode == Some(ValidationMode::AllowInsecureFallback))
}

/// Settles what the clients of a listener must show. Only HTTPS listeners ask for anything.
pub(crate) fn settle(lookup: Lookup<'_>, id: &ObjectId, gateway: &Gateway, listener: &mut AttachedListener) {
    if listener.listener.protocol != Protocol::Https {
        return;
    }
    let Some((validation, field)) = validation_for(gateway, listener.port) else { return };
    let from = Referrer { kind: "Gateway", namespace: &id.namespace };
    let (found, faults) = authorities(lookup, from, &validation.ca_certificate_refs);
    let insecure = validation.mode == Some(ValidationMode::AllowInsecureFallback);
    let serves = insecure || !found.is_empty();
    for fault in &faults {
        let (reason, message) = match fault {
            AuthorityFault::Kind(message) => (reasons::INVALID_CA_CERTIFICATE_KIND, message),
            AuthorityFault::Content(message) => (reasons::INVALID_CA_CERTIFICATE_REF, message),
            AuthorityFault::NotPermitted(message) => (reasons::REF_NOT_PERMITTED, message),
        };
        let message = format!("{id} {field}: {message}");
        listener.faults.push(ListenerFault::Unresolved { reason, message, serves });
    }
    if found.is_empty() && !insecure {
        let message = format!("{id} {field}: there is no valid authority, and clients must prove who they are");
        listener.faults.push(ListenerFault::NotAccepted { reason: reasons::NO_VALID_CA_CERTIFICATE, message });
        return;
    }
    if !found.is_empty() {
        let parts: Vec<String> = found.iter().map(|(id, _)| id.to_string()).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        listener.authorities = Some(SecretItem {
            name: names::authorities("clients", &id.namespace, &parts),
            body: SecretBody::Authorities(
                found.iter().map(|(_, pem)| pem.trim_end()).collect::<Vec<_>>().join("\n") + "\n",
            ),
            origins: found.iter().map(|(id, _)| Origin::new(id, "")).collect(),
        });
    }
    let secret = listener.authorities.as_ref().map(|item| item.name.clone());
    listener.clients = match (insecure, secret) {
        (false, Some(secret)) => ClientCertificates::Required(secret),
        (_, secret) => ClientCertificates::Optional(secret),
    };
}
