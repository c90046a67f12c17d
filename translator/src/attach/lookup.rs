//! Where everything is looked up that is not the object at hand: whoever looks can be told later that it changed.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::World;
use crate::api::{ClusterTrustBundle, ConfigMap, Kind, ObjectId, Secret, Service, ServiceImport};

use super::grants::{Grants, Referrer};

/// Something a result was made from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Fact {
    /// This object, or that there is none.
    Object(ObjectId),
    /// What a namespace grants.
    Grants(Arc<str>),
    /// What becomes of a GatewayClass.
    Class(Arc<str>),
    /// What routes see of a Gateway, or of the Gateway a ListenerSet belongs to.
    Parent(ObjectId),
    /// What the ports of a service lead to.
    Backend(ObjectId),
}

/// The facts somebody has looked at.
#[derive(Debug, Default)]
pub(crate) struct Reads(RefCell<BTreeSet<Fact>>);

impl Reads {
    pub(crate) fn into_facts(self) -> BTreeSet<Fact> {
        self.0.into_inner()
    }

    fn note(&self, fact: Fact) {
        self.0.borrow_mut().insert(fact);
    }
}

/// The objects and grants, for one who looks things up in them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lookup<'a> {
    world: &'a World,
    grants: &'a Grants,
    reads: Option<&'a Reads>,
}

impl<'a> Lookup<'a> {
    /// For one who is never asked again.
    pub(crate) fn untold(world: &'a World, grants: &'a Grants) -> Lookup<'a> {
        Lookup { world, grants, reads: None }
    }

    /// For one whose facts are kept.
    pub(crate) fn told(world: &'a World, grants: &'a Grants, reads: &'a Reads) -> Lookup<'a> {
        Lookup { world, grants, reads: Some(reads) }
    }

    /// The same, telling nobody.
    pub(crate) fn silent(self) -> Lookup<'a> {
        Lookup { reads: None, ..self }
    }

    /// Says that something was looked at which is not an object.
    pub(crate) fn note(&self, fact: impl FnOnce() -> Fact) {
        if let Some(reads) = self.reads {
            reads.note(fact());
        }
    }

    fn object(&self, id: &ObjectId) {
        self.note(|| Fact::Object(id.clone()));
    }

    /// Whether an object of the Gateway API may refer to this one. Within a namespace it always may.
    pub(crate) fn allow(&self, from: Referrer<'_>, group: &str, kind: &str, namespace: &str, name: &str) -> bool {
        if from.namespace == namespace {
            return true;
        }
        self.note(|| Fact::Grants(namespace.into()));
        self.grants.allow(from, group, kind, namespace, name)
    }

    /// The labels of a namespace, with the one that every API server sets and files seldom do.
    pub(crate) fn namespace_labels(&self, name: &str) -> BTreeMap<String, String> {
        let id = ObjectId::new(Kind::Namespace, "", name);
        self.object(&id);
        let labels = self.world.namespaces.get(&id).and_then(|namespace| namespace.metadata.labels.clone());
        let mut labels = labels.unwrap_or_default();
        labels.entry("kubernetes.io/metadata.name".to_owned()).or_insert_with(|| name.to_owned());
        labels
    }

    pub(crate) fn secret(&self, id: &ObjectId) -> Option<&'a Secret> {
        self.object(id);
        self.world.secrets.get(id).map(|found| &**found)
    }

    pub(crate) fn config_map(&self, id: &ObjectId) -> Option<&'a ConfigMap> {
        self.object(id);
        self.world.config_maps.get(id).map(|found| &**found)
    }

    pub(crate) fn cluster_trust_bundle(&self, id: &ObjectId) -> Option<&'a ClusterTrustBundle> {
        self.object(id);
        self.world.cluster_trust_bundles.get(id).map(|found| &**found)
    }

    pub(crate) fn service(&self, id: &ObjectId) -> Option<&'a Service> {
        self.object(id);
        self.world.services.get(id).map(|found| &**found)
    }

    pub(crate) fn service_import(&self, id: &ObjectId) -> Option<&'a ServiceImport> {
        self.object(id);
        self.world.service_imports.get(id).map(|found| &**found)
    }
}
