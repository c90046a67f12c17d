//! BackendTLSPolicy: which one holds for a port of a service, and what it says.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::World;
use crate::api::{BackendTlsPolicy, Kind, ObjectId};
use crate::attach::{AuthorityFault, Grants, Referrer, authorities};
use crate::ir::{SecretBody, SecretItem, ServerIdentity, TrustedBy, UpstreamTls};
use crate::provenance::Origin;
use crate::{names, reasons};

/// What becomes of a policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PolicyVerdict {
    /// The policy that has its target, if it lost one.
    pub(crate) conflicts_with: Option<ObjectId>,
    /// What is wrong with its authorities: the reason of ResolvedRefs, and words.
    pub(crate) unresolved: Option<(&'static str, String)>,
    /// Whether it can hold at all.
    pub(crate) usable: bool,
}

/// What a usable policy comes to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PolicyTls {
    pub(crate) tls: UpstreamTls,
    pub(crate) authorities: Option<SecretItem>,
}

/// What holds for a port of a service.
#[derive(Debug, Clone)]
pub(crate) enum Governing {
    /// No policy: plain text.
    Nothing,
    /// This one.
    Policy(ObjectId, Arc<PolicyTls>),
    /// One that cannot hold: nothing may be sent there.
    Broken,
}

/// Every policy, by what it is attached to.
#[derive(Debug, Default)]
pub(crate) struct Policies<'w> {
    /// By service and port name: every policy, the one that holds first.
    targets: HashMap<(ObjectId, Option<Arc<str>>), Vec<ObjectId>>,
    pub(crate) verdicts: BTreeMap<ObjectId, PolicyVerdict>,
    usable: HashMap<ObjectId, Arc<PolicyTls>>,
    pub(crate) policies: BTreeMap<ObjectId, &'w BackendTlsPolicy>,
}

impl<'w> Policies<'w> {
    pub(crate) fn of(world: &'w World, grants: &Grants) -> Policies<'w> {
        let mut found = Policies::default();
        let mut by_age: Vec<(&ObjectId, &BackendTlsPolicy)> =
            world.backend_tls_policies.iter().map(|(id, policy)| (id, &**policy)).collect();
        by_age.sort_by(|a, b| a.1.metadata.age().cmp(&b.1.metadata.age()));
        for (id, policy) in by_age {
            let (tls, unresolved) = read(world, grants, id, policy);
            let mut verdict = PolicyVerdict { conflicts_with: None, unresolved, usable: tls.is_some() };
            for target in &policy.spec.target_refs {
                let kind = match Kind::of(&target.group, &target.kind) {
                    Some(kind @ (Kind::Service | Kind::ServiceImport)) => kind,
                    _ => continue,
                };
                let service = ObjectId { kind, namespace: id.namespace.clone(), name: target.name.clone() };
                let section = target.section_name.clone().filter(|name| !name.is_empty());
                let holders = found.targets.entry((service, section)).or_default();
                if let Some(first) = holders.first().filter(|first| *first != id) {
                    verdict.conflicts_with.get_or_insert_with(|| first.clone());
                }
                if !holders.contains(id) {
                    holders.push(id.clone());
                }
            }
            if let Some(tls) = tls {
                found.usable.insert(id.clone(), Arc::new(tls));
            }
            found.verdicts.insert(id.clone(), verdict);
            found.policies.insert(id.clone(), policy);
        }
        found
    }

    /// What holds for a port: a policy for the port itself before one for the whole service, the oldest of each.
    pub(crate) fn governing(&self, service: &ObjectId, port_name: &str) -> Governing {
        if self.targets.is_empty() {
            return Governing::Nothing;
        }
        let of = |section: Option<Arc<str>>| self.targets.get(&(service.clone(), section))?.first();
        let Some(id) = of(Some(port_name.into())).or_else(|| of(None)) else { return Governing::Nothing };
        match self.usable.get(id) {
            Some(tls) => Governing::Policy(id.clone(), Arc::clone(tls)),
            None => Governing::Broken,
        }
    }

    /// Every policy attached to a port or its whole service, whether it holds or not.
    pub(crate) fn attached(&self, service: &ObjectId, port_name: &str) -> Vec<ObjectId> {
        if self.targets.is_empty() {
            return Vec::new();
        }
        let of = |section: Option<Arc<str>>| self.targets.get(&(service.clone(), section)).into_iter().flatten();
        of(Some(port_name.into())).chain(of(None)).cloned().collect()
    }
}

type Unresolved = Option<(&'static str, String)>;

fn read(world: &World, grants: &Grants, id: &ObjectId, policy: &BackendTlsPolicy) -> (Option<PolicyTls>, Unresolved) {
    let validation = &policy.spec.validation;
    let mut identities = Vec::new();
    for name in &validation.subject_alt_names {
        match (name.kind.as_str(), &name.hostname, &name.uri) {
            ("Hostname", Some(host), _) => identities.push(ServerIdentity::Dns(host.clone())),
            ("URI", _, Some(uri)) => identities.push(ServerIdentity::Uri(uri.clone())),
            // What cannot be read cannot be satisfied, and must not be left out.
            (kind, ..) => {
                return (None, Some((reasons::INVALID_KIND, format!("subjectAltNames: type {kind} is not valid"))));
            }
        }
    }
    if identities.is_empty() {
        identities.push(ServerIdentity::Dns(validation.hostname.clone()));
    }
    let tls = |trusted| UpstreamTls {
        trusted,
        server_name: validation.hostname.clone(),
        identities: identities.clone(),
        client_certificate: None,
    };
    if validation.hostname.is_empty() {
        return (None, Some((reasons::INVALID_CA_CERTIFICATE_REF, "validation.hostname is empty".to_owned())));
    }
    match validation.well_known_ca_certificates.as_deref().filter(|known| !known.is_empty()) {
        Some("System") if validation.ca_certificate_refs.is_empty() => {
            return (Some(PolicyTls { tls: tls(TrustedBy::System), authorities: None }), None);
        }
        Some(other) if validation.ca_certificate_refs.is_empty() => {
            let message = format!("wellKnownCACertificates {other} is not supported; System is");
            return (None, Some((reasons::INVALID_KIND, message)));
        }
        _ => {}
    }
    let from = Referrer { kind: Kind::BackendTLSPolicy.as_str(), namespace: &id.namespace };
    let (mut found, faults) = authorities(world, grants, from, &validation.ca_certificate_refs);
    found.sort();
    let unresolved = faults.first().map(|fault| match fault {
        AuthorityFault::Kind(message) => (reasons::INVALID_KIND, message.clone()),
        AuthorityFault::Content(message) => (reasons::INVALID_CA_CERTIFICATE_REF, message.clone()),
        AuthorityFault::NotPermitted(message) => (reasons::REF_NOT_PERMITTED, message.clone()),
    });
    if found.is_empty() {
        let nothing = || (reasons::INVALID_CA_CERTIFICATE_REF, "validation names no authority".to_owned());
        return (None, Some(unresolved.unwrap_or_else(nothing)));
    }
    let parts: Vec<String> = found.iter().map(|(id, _)| id.to_string()).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let mut origins = vec![Origin::new(id, "spec.validation.caCertificateRefs")];
    origins.extend(found.iter().map(|(id, _)| Origin::new(id, "")));
    let authorities = SecretItem {
        name: names::authorities("backends", &id.namespace, &parts),
        body: SecretBody::Authorities(
            found.iter().map(|(_, pem)| pem.trim_end()).collect::<Vec<_>>().join("\n") + "\n",
        ),
        origins,
    };
    let tls = tls(TrustedBy::Secret(authorities.name.clone()));
    (Some(PolicyTls { tls, authorities: Some(authorities) }), unresolved)
}
