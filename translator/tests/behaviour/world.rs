//! Worlds from YAML, and what two translations of them differ in.

use std::collections::BTreeMap;

use chancery_protocol::{Resource, TypeUrl};
use chancery_translator::api::{Condition, Object, ObjectId, Status, Truth};
use chancery_translator::{Options, ProxyId, Translation, World, translate};

/// Every object in a text of several YAML documents.
pub(crate) fn objects(yaml: &str) -> Vec<Object> {
    let documents: Vec<serde_json::Value> = serde_saphyr::from_multiple(yaml).expect("the test's YAML is valid");
    documents.iter().map(|document| Object::read(document).expect("the test's objects can be read").0).collect()
}

/// The world of these texts; a later object replaces an earlier one of its name.
pub(crate) fn world(texts: &[&str]) -> World {
    texts.iter().flat_map(|text| objects(text)).collect()
}

/// The translation with default options.
pub(crate) fn translated(world: &World) -> Translation {
    translate(world, &Options::default())
}

/// Resources of all proxies by type and name.
pub(crate) fn resources(translation: &Translation) -> BTreeMap<(ProxyId, TypeUrl, String), Resource> {
    let all =
        translation.proxies.iter().flat_map(|(proxy, of)| of.resources.iter().map(move |resource| (proxy, resource)));
    all.map(|(proxy, resource)| {
        ((proxy.clone(), resource.type_url().clone(), resource.name().as_str().to_owned()), resource.clone())
    })
    .collect()
}

/// What changed between two translations, like `~rds http/0.0.0.0/80`; `+` for new, `-` for gone.
pub(crate) fn changes(before: &Translation, after: &Translation) -> Vec<String> {
    let (before, after) = (resources(before), resources(after));
    let short =
        |(_, type_url, name): &(ProxyId, TypeUrl, String)| format!("{} {name}", type_url.short().unwrap_or("?"));
    let mut found: Vec<String> = Vec::new();
    for (key, resource) in &after {
        match before.get(key) {
            None => found.push(format!("+{}", short(key))),
            Some(old) if old.body() != resource.body() => found.push(format!("~{}", short(key))),
            Some(_) => {}
        }
    }
    found.extend(before.keys().filter(|key| !after.contains_key(*key)).map(|key| format!("-{}", short(key))));
    found.sort();
    found
}

/// The conditions of an object's parent, listener or itself: `route.parents[0]`, `listener http`, or nothing.
pub(crate) fn conditions<'a>(translation: &'a Translation, id: &ObjectId, part: &str) -> &'a [Condition] {
    let status = translation.statuses.get(id).unwrap_or_else(|| panic!("{id} has no status"));
    let listener = |listeners: &'a [chancery_translator::api::ListenerStatus]| {
        let found = listeners.iter().find(|listener| &*listener.name == part);
        &found.unwrap_or_else(|| panic!("{id} has no listener {part}")).conditions[..]
    };
    match status {
        Status::GatewayClass(status) => &status.conditions,
        Status::Gateway(status) if part.is_empty() => &status.conditions,
        Status::Gateway(status) => listener(&status.listeners),
        Status::ListenerSet(status) if part.is_empty() => &status.conditions,
        Status::ListenerSet(status) => listener(&status.listeners),
        Status::Route(status) => &status.parents[part.parse::<usize>().unwrap_or(0)].conditions,
        Status::Policy(status) => &status.ancestors[part.parse::<usize>().unwrap_or(0)].conditions,
    }
}

/// A condition as `Accepted=True/Accepted`.
pub(crate) fn said(conditions: &[Condition]) -> Vec<String> {
    let truth = |truth: Truth| match truth {
        Truth::True => "True",
        Truth::False => "False",
        Truth::Unknown => "Unknown",
    };
    let mut said: Vec<String> =
        conditions.iter().map(|one| format!("{}={}/{}", one.kind, truth(one.status), one.reason)).collect();
    said.sort();
    said
}
