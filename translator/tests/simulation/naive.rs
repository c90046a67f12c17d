//! What is published, compared with a translation from nothing, resource for resource.

use std::collections::{BTreeMap, BTreeSet};

use chancery_cache::{GroupView, ResourceSet};
use chancery_protocol::sim::Offence;
use chancery_protocol::{Digest, Reference, Resource, ResourceName, TypeUrl, View};
use chancery_translator::ProxyId;
use chancery_translator::api::{ObjectId, Status};

use crate::offence;

/// The view shows what the translation has for it, and what all groups share; nothing else, and all of it.
pub(crate) fn same_view<'r>(
    view: &GroupView,
    own: &'r ResourceSet,
    shared: impl Iterator<Item = &'r Resource>,
) -> Result<(), Offence> {
    let mut anew: BTreeMap<TypeUrl, BTreeMap<&ResourceName, &Resource>> = BTreeMap::new();
    let named: BTreeSet<&Reference> = own.iter().flat_map(Resource::references).collect();
    let is_named =
        |secret: &Resource| named.iter().any(|named| named.type_url == TypeUrl::SECRET && named.name == *secret.name());
    // A secret is seen only where something names it.
    let seen = own.iter().filter(|one| *one.type_url() != TypeUrl::SECRET || is_named(one));
    for resource in shared.chain(seen) {
        anew.entry(resource.type_url().clone()).or_default().insert(resource.name(), resource);
    }
    let types = anew.keys().chain(view.types()).chain(TypeUrl::KNOWN).cloned();
    for type_url in types.collect::<BTreeSet<_>>() {
        let anew = anew.remove(&type_url).unwrap_or_default();
        let shown: BTreeMap<&ResourceName, &Resource> = view.iter(&type_url).map(|one| (one.name(), one)).collect();
        for name in shown.keys().chain(anew.keys()) {
            same_resource(&type_url, name, shown.get(name).copied(), anew.get(name).copied())?;
            if view.get(&type_url, name) != shown.get(name).copied() {
                return offence("translation", format!("{type_url} {name} is listed, and found otherwise"));
            }
        }
        let mut digest = Digest::EMPTY;
        anew.values().filter(|one| !one.on_demand()).for_each(|one| digest.add(one.digest()));
        if view.digest(&type_url) != digest {
            return offence("translation", format!("{type_url}: the version of the whole is another"));
        }
    }
    Ok(())
}

fn same_resource(
    type_url: &TypeUrl,
    name: &ResourceName,
    shown: Option<&Resource>,
    anew: Option<&Resource>,
) -> Result<(), Offence> {
    let (Some(shown), Some(anew)) = (shown, anew) else {
        let (is, should_be) = (shown.is_some(), anew.is_some());
        return offence("translation", format!("{type_url} {name} is published: {is}, translated: {should_be}"));
    };
    let is_same = shown == anew
        && shown.body() == anew.body()
        && shown.version() == anew.version()
        && shown.references() == anew.references();
    match is_same {
        true => Ok(()),
        false => offence("translation", format!("{type_url} {name} is published as {shown:?}, translated to {anew:?}")),
    }
}

/// What updates said of each object is what a translation from nothing says.
pub(crate) fn same_statuses(
    said: &BTreeMap<ObjectId, Status>,
    anew: &BTreeMap<ObjectId, Status>,
) -> Result<(), Offence> {
    match said.keys().chain(anew.keys()).find(|id| said.get(id) != anew.get(id)) {
        Some(id) => {
            let (said, anew) = (said.get(id), anew.get(id));
            offence("translation", format!("the status of {id} is {said:?}\ninstead of {anew:?}"))
        }
        None => Ok(()),
    }
}

/// Says whose view it was.
pub(crate) fn of_proxy(offence: Offence, proxy: &ProxyId) -> Offence {
    Offence { what: format!("{proxy}: {}", offence.what), ..offence }
}
