//! From one set of resources to the next: only what differs.

use chancery_cache::{Patch, ResourceSet};

/// What has to be done to `old` to make it `new`.
pub(super) fn between(old: &ResourceSet, new: &ResourceSet) -> Patch {
    let mut patch = Patch::new();
    for resource in old.iter().filter(|resource| new.get(resource.type_url(), resource.name()).is_none()) {
        patch.remove(resource.type_url().clone(), resource.name().clone());
    }
    let is_held = |before: Option<&chancery_protocol::Resource>, after: &chancery_protocol::Resource| {
        before.is_some_and(|before| before.same_content(after) && before.ttl() == after.ttl())
    };
    for resource in new.iter().filter(|resource| !is_held(old.get(resource.type_url(), resource.name()), resource)) {
        patch.upsert(resource.clone());
    }
    patch
}

#[cfg(test)]
mod tests {
    use chancery_protocol::{Digest, Parts, Resource, ResourceName, TypeUrl};

    use super::*;

    fn set(named: &[(&str, u8)]) -> ResourceSet {
        let resource = |&(name, content): &(&str, u8)| {
            Resource::from_parts(Parts {
                type_url: TypeUrl::CLUSTER,
                name: ResourceName::new(name),
                body: vec![content].into(),
                digest: Digest::from_bytes([content; 32]),
                ttl: None,
                references: vec![],
                aliases: vec![],
                on_demand: false,
                origin: None,
            })
        };
        ResourceSet::of(named.iter().map(resource)).unwrap_or_default()
    }

    #[test]
    fn only_what_differs_is_in_the_patch() {
        let (old, new) =
            (set(&[("same", 1), ("other", 2), ("gone", 3)]), set(&[("same", 1), ("other", 4), ("new", 5)]));
        let mut expected = Patch::new();
        expected.remove(TypeUrl::CLUSTER, "gone".into());
        for resource in new.iter().filter(|resource| resource.name().as_str() != "same") {
            expected.upsert(resource.clone());
        }
        assert_eq!(between(&old, &new), expected);
        assert!(between(&new, &new).is_empty());
    }
}
