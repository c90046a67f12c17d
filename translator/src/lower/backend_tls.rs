//! BackendTLSPolicy: which one holds for a port of a service, and what it says.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::World;
use crate::api::{BackendTlsPolicy, Kind, ObjectId};
use crate::attach::{AuthorityFault, Grants, Lookup, Referrer, authorities};
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

/// The place of a policy among all policies: the oldest first.
type PolicyAge = (bool, String, ObjectId);

/// What a policy is attached to: a service and the name of a port, or the whole service.
type Target = (ObjectId, Option<Arc<str>>);

/// A policy and what it says.
#[derive(Debug, Clone, PartialEq)]
struct Known {
    policy: Arc<BackendTlsPolicy>,
    tls: Option<Arc<PolicyTls>>,
    unresolved: Unresolved,
}

/// Every policy, by what it is attached to.
#[derive(Debug, Default)]
pub(crate) struct Policies {
    /// Every policy of a target, the one that holds first.
    targets: HashMap<Target, BTreeSet<PolicyAge>>,
    known: BTreeMap<ObjectId, Known>,
}

impl Policies {
    pub(crate) fn of(world: &World, grants: &Grants) -> Policies {
        let mut policies = Policies::default();
        let lookup = Lookup::untold(world, grants);
        for (id, policy) in &world.backend_tls_policies {
            policies.put(lookup, id, policy);
        }
        policies
    }

    /// Adds a policy, or puts it in the place of the one of that name; whether that made a difference.
    pub(crate) fn put(&mut self, lookup: Lookup<'_>, id: &ObjectId, policy: &Arc<BackendTlsPolicy>) -> bool {
        let (tls, unresolved) = read(lookup, id, policy);
        let known = Known { policy: Arc::clone(policy), tls: tls.map(Arc::new), unresolved };
        if self.known.get(id) == Some(&known) {
            return false;
        }
        self.take(id);
        for target in targets(id, policy) {
            self.targets.entry(target).or_default().insert(age(id, policy));
        }
        self.known.insert(id.clone(), known);
        true
    }

    /// Takes a policy away; whether there was one.
    pub(crate) fn take(&mut self, id: &ObjectId) -> bool {
        let Some(held) = self.known.remove(id) else { return false };
        for target in targets(id, &held.policy) {
            let Some(holders) = self.targets.get_mut(&target) else { continue };
            holders.remove(&age(id, &held.policy));
            if holders.is_empty() {
                self.targets.remove(&target);
            }
        }
        true
    }

    /// Every policy.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &ObjectId> {
        self.known.keys()
    }

    /// The policy of this name.
    pub(crate) fn get(&self, id: &ObjectId) -> Option<&Arc<BackendTlsPolicy>> {
        self.known.get(id).map(|known| &known.policy)
    }

    /// The services a policy speaks of.
    pub(crate) fn services(&self, id: &ObjectId) -> BTreeSet<ObjectId> {
        let policy = self.get(id);
        policy.into_iter().flat_map(|policy| targets(id, policy)).map(|(service, _)| service).collect()
    }

    /// The policies that share a target with this one.
    pub(crate) fn rivals(&self, id: &ObjectId) -> BTreeSet<ObjectId> {
        let targets = self.get(id).into_iter().flat_map(|policy| targets(id, policy));
        let holders = targets.filter_map(|target| self.targets.get(&target)).flatten();
        holders.map(|(_, _, holder)| holder.clone()).filter(|holder| holder != id).collect()
    }

    /// What becomes of a policy.
    pub(crate) fn verdict(&self, id: &ObjectId) -> Option<PolicyVerdict> {
        let known = self.known.get(id)?;
        let firsts = targets(id, &known.policy).into_iter().filter_map(|target| self.first(&target));
        Some(PolicyVerdict {
            conflicts_with: firsts.into_iter().find(|first| *first != id).cloned(),
            unresolved: known.unresolved.clone(),
            usable: known.tls.is_some(),
        })
    }

    fn first(&self, target: &Target) -> Option<&ObjectId> {
        self.targets.get(target)?.first().map(|(_, _, id)| id)
    }

    /// What holds for a port: a policy for the port itself before one for the whole service, the oldest of each.
    pub(crate) fn governing(&self, service: &ObjectId, port_name: &str) -> Governing {
        if self.targets.is_empty() {
            return Governing::Nothing;
        }
        let of = |section: Option<Arc<str>>| self.first(&(service.clone(), section));
        let Some(id) = of(Some(port_name.into())).or_else(|| of(None)) else { return Governing::Nothing };
        match self.known.get(id).and_then(|known| known.tls.as_ref()) {
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
        of(Some(port_name.into())).chain(of(None)).map(|(_, _, id)| id.clone()).collect()
    }
}

fn age(id: &ObjectId, policy: &BackendTlsPolicy) -> PolicyAge {
    let created = policy.metadata.creation_timestamp.clone().unwrap_or_default();
    (created.is_empty(), created, id.clone())
}

fn targets(id: &ObjectId, policy: &BackendTlsPolicy) -> Vec<Target> {
    let targets = policy.spec.target_refs.iter().filter_map(|target| {
        let kind = match Kind::of(&target.group, &target.kind) {
            Some(kind @ (Kind::Service | Kind::ServiceImport)) => kind,
            _ => return None,
        };
        let service = ObjectId { kind, namespace: id.namespace.clone(), name: target.name.clone() };
        Some((service, target.section_name.clone().filter(|name| !name.is_empty())))
    });
    targets.collect()
}

type Unresolved = Option<(&'static str, String)>;

fn read(lookup: Lookup<'_>, id: &ObjectId, policy: &BackendTlsPolicy) -> (Option<PolicyTls>, Unresolved) {
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
    let (mut found, faults) = authorities(lookup, from, &validation.ca_certificate_refs);
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
    let authorities = SecretItem {
        name: names::authorities("backends", &id.namespace, &parts),
        body: SecretBody::Authorities(
            found.iter().map(|(_, pem)| pem.trim_end()).collect::<Vec<_>>().join("\n") + "\n",
        ),
        origins: found.iter().map(|(id, _)| Origin::new(id, "")).collect(),
    };
    let tls = tls(TrustedBy::Secret(authorities.name.clone()));
    (Some(PolicyTls { tls, authorities: Some(authorities) }), unresolved)
}
