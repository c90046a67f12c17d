//! The certificates of listeners and Gateways, and the authorities of policies: from references to what proxies get.

use crate::api::{Kind, ObjectId, ObjectReference, SecretRef};
use crate::ir::{Certificate, SecretBody, SecretItem};
use crate::provenance::Origin;
use crate::{names, reasons};

use super::grants::Referrer;
use super::lookup::Lookup;
use super::pem;

/// What is wrong with a reference: the reason, and words for people.
pub(crate) type ReferenceFault = (&'static str, String);

/// The certificate and key a reference leads to. `invalid` is the reason when it leads to none.
pub(crate) fn certificate(
    lookup: Lookup<'_>,
    from: Referrer<'_>,
    reference: &SecretRef,
    invalid: &'static str,
) -> Result<SecretItem, ReferenceFault> {
    if !reference.group.is_empty() || &*reference.kind != "Secret" {
        let kind = format!("{} ({})", reference.kind, reference.group);
        return Err((invalid, format!("{kind} is not a kind that holds certificates; only Secret is")));
    }
    let namespace = reference.namespace.as_deref().unwrap_or(from.namespace);
    if !lookup.allow(from, "", "Secret", namespace, &reference.name) {
        let message = format!(
            "no ReferenceGrant in {namespace} lets {} of {} refer to Secret {}",
            from.kind, from.namespace, reference.name
        );
        return Err((reasons::REF_NOT_PERMITTED, message));
    }
    let id = ObjectId::new(Kind::Secret, namespace, &reference.name);
    let Some(secret) = lookup.secret(&id) else { return Err((invalid, format!("{id} does not exist"))) };
    let data = |key: &str| {
        let bytes = secret.data.as_ref().and_then(|data| data.get(key)).map(|bytes| bytes.0.clone());
        bytes.or_else(|| secret.string_data.as_ref()?.get(key).map(|text| text.clone().into_bytes()))
    };
    let (Some(chain), Some(key)) = (data("tls.crt"), data("tls.key")) else {
        return Err((invalid, format!("{id} must hold tls.crt and tls.key")));
    };
    pem::check_pair(&chain, &key).map_err(|fault| (invalid, format!("{id}: {fault}")))?;
    Ok(SecretItem {
        name: names::secret("certificate", "secret", namespace, &reference.name),
        body: SecretBody::Certificate(Certificate { chain, key }),
        origins: vec![Origin::new(&id, "")],
    })
}

/// Why authorities cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AuthorityFault {
    /// The kind of object holds none.
    Kind(String),
    /// The object is not there, or holds none.
    Content(String),
    /// The reference crosses namespaces without a grant.
    NotPermitted(String),
}

/// The authorities these references lead to, together, and what is wrong with those that lead to none.
pub(crate) fn authorities(
    lookup: Lookup<'_>,
    from: Referrer<'_>,
    references: &[ObjectReference],
) -> (Vec<(ObjectId, String)>, Vec<AuthorityFault>) {
    let (mut found, mut faults) = (Vec::new(), Vec::new());
    for reference in references {
        match one(lookup, from, reference) {
            Ok(authority) => found.push(authority),
            Err(fault) => faults.push(fault),
        }
    }
    (found, faults)
}

fn one(
    lookup: Lookup<'_>,
    from: Referrer<'_>,
    reference: &ObjectReference,
) -> Result<(ObjectId, String), AuthorityFault> {
    let (group, kind, name) = (&*reference.group, &*reference.kind, &*reference.name);
    let known = match (group, kind) {
        ("", "ConfigMap") => Kind::ConfigMap,
        ("", "Secret") => Kind::Secret,
        ("certificates.k8s.io" | "", "ClusterTrustBundle") => Kind::ClusterTrustBundle,
        _ => {
            return Err(AuthorityFault::Kind(format!(
                "{kind} ({group}) is not a kind that holds authorities; ConfigMap is"
            )));
        }
    };
    let namespace = match known.is_namespaced() {
        true => reference.namespace.as_deref().unwrap_or(from.namespace),
        false => "",
    };
    if known.is_namespaced() && !lookup.allow(from, group, kind, namespace, name) {
        let message =
            format!("no ReferenceGrant in {namespace} lets {} of {} refer to {kind} {name}", from.kind, from.namespace);
        return Err(AuthorityFault::NotPermitted(message));
    }
    let id = ObjectId::new(known, namespace, name);
    let absent = || AuthorityFault::Content(format!("{id} does not exist"));
    let text = match known {
        Kind::ConfigMap => {
            let map = lookup.config_map(&id).ok_or_else(absent)?;
            map.data.as_ref().and_then(|data| data.get("ca.crt")).cloned()
        }
        Kind::Secret => {
            let secret = lookup.secret(&id).ok_or_else(absent)?;
            let bytes = secret.data.as_ref().and_then(|data| data.get("ca.crt"));
            bytes.and_then(|bytes| String::from_utf8(bytes.0.clone()).ok())
        }
        _ => Some(lookup.cluster_trust_bundle(&id).ok_or_else(absent)?.spec.trust_bundle.clone()),
    };
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
        return Err(AuthorityFault::Content(format!("{id} holds no authorities: ca.crt is missing or empty")));
    };
    pem::check_authorities(&text).map_err(|fault| AuthorityFault::Content(format!("{id}: ca.crt {fault}")))?;
    Ok((id, text))
}
