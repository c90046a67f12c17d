//! What is said of objects, compared with what a case demands.

use chancery_translator::Translation;
use chancery_translator::api::{Condition, Kind, ListenerStatus, ObjectId, Status, Truth};

use crate::case::Said;

fn id(text: &str) -> ObjectId {
    let (kind, name) = text.split_once(' ').expect("a kind and a name");
    let kind = Kind::ALL.into_iter().find(|known| known.as_str() == kind).expect("a kind");
    let (namespace, name) = name.split_once('/').unwrap_or(("", name));
    ObjectId::new(kind, namespace, name)
}

/// The parts of a status: conditions, by listener or entry; and its listeners.
fn parts<'a>(status: &'a Status, part: &str) -> (Option<&'a [Condition]>, &'a [ListenerStatus], usize) {
    let place = part.parse::<usize>().unwrap_or(0);
    let of_listener = |listeners: &'a [ListenerStatus]| {
        listeners.iter().find(|listener| &*listener.name == part).map(|listener| &listener.conditions[..])
    };
    match status {
        Status::GatewayClass(status) => (Some(&status.conditions), &[], 0),
        Status::Gateway(status) if part.is_empty() => {
            (Some(&status.conditions), &status.listeners, status.listeners.len())
        }
        Status::Gateway(status) => (of_listener(&status.listeners), &status.listeners, status.listeners.len()),
        Status::ListenerSet(status) if part.is_empty() => {
            (Some(&status.conditions), &status.listeners, status.listeners.len())
        }
        Status::ListenerSet(status) => (of_listener(&status.listeners), &status.listeners, status.listeners.len()),
        Status::Route(status) => (status.parents.get(place).map(|one| &one.conditions[..]), &[], status.parents.len()),
        Status::Policy(status) => {
            (status.ancestors.get(place).map(|one| &one.conditions[..]), &[], status.ancestors.len())
        }
    }
}

pub(crate) fn check(translation: &Translation, said: &Said) -> Result<(), String> {
    let Some(status) = translation.statuses.get(&id(&said.of)) else {
        return if said.entries == Some(0) { Ok(()) } else { Err("it has no status".to_owned()) };
    };
    let (conditions, listeners, entries) = parts(status, &said.part);
    if said.entries.is_some_and(|wanted| wanted != entries) {
        return Err(format!("{entries} entries"));
    }
    let found: Vec<String> = conditions.unwrap_or_default().iter().map(shown).collect();
    if let Some(missing) = said.says.iter().find(|wanted| !found.contains(wanted)) {
        return Err(format!("{missing} is not said, but {found:?}"));
    }
    let stale = |one: &&Condition| said.generation.is_some_and(|wanted| wanted != one.observed_generation);
    if let Some(stale) = conditions.unwrap_or_default().iter().find(stale) {
        return Err(format!("{} is of generation {}", stale.kind, stale.observed_generation));
    }
    let listener = listeners.iter().find(|listener| *listener.name == *said.part);
    let attached = listener.map(|listener| listener.attached_routes);
    if said.attached.is_some() && said.attached != attached {
        return Err(format!("{attached:?} routes are attached"));
    }
    let kinds: Option<Vec<String>> =
        listener.map(|listener| listener.supported_kinds.iter().map(|kind| kind.kind.to_string()).collect());
    if said.kinds.is_some() && said.kinds != kinds {
        return Err(format!("the kinds are {kinds:?}"));
    }
    if let (Status::Gateway(gateway), Some(wanted)) = (status, &said.addresses) {
        let found: Vec<&String> = gateway.addresses.iter().map(|address| &address.value).collect();
        if !found.iter().copied().eq(wanted) {
            return Err(format!("the addresses are {found:?}"));
        }
    }
    match status {
        Status::Gateway(gateway) if said.sets.is_some() && said.sets != gateway.attached_listener_sets => {
            Err(format!("{:?} sets are attached", gateway.attached_listener_sets))
        }
        _ => Ok(()),
    }
}

fn shown(condition: &Condition) -> String {
    let truth = match condition.status {
        Truth::True => "True",
        Truth::False => "False",
        Truth::Unknown => "Unknown",
    };
    format!("{}={truth}/{}", condition.kind, condition.reason)
}
