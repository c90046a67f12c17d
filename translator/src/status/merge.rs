//! From the status an object has to the one it shall have: times, and what others wrote.

use crate::api::{
    Condition, GatewayClassStatus, GatewayStatus, ListenerSetStatus, ListenerStatus, PolicyStatus, RouteStatus, Status,
};

/// The status to write: what is desired, with the time of each condition, and with what other controllers wrote.
///
/// A condition's time is that of `now` (as RFC 3339 writes it) when it changed between holding and not, and stays otherwise.
/// Entries of other controllers stay as they are, in their order; entries of `controller_name` that are no longer desired go.
/// When nothing but times would change, the result equals `previous`, and need not be written.
///
/// ```
/// use chancery_translator::{api::{Condition, GatewayClassStatus, Status, Truth}, merge_status};
///
/// let said = |status, time: Option<&str>| Status::GatewayClass(GatewayClassStatus {
///     conditions: vec![Condition { kind: "Accepted".into(), status, last_transition_time: time.map(Into::into), ..Condition::default() }],
///     ..GatewayClassStatus::default()
/// });
/// let first = merge_status(None, said(Truth::True, None), "mine", "2026-01-01T00:00:00Z");
/// assert_eq!(first, said(Truth::True, Some("2026-01-01T00:00:00Z")));
/// let second = merge_status(Some(&first), said(Truth::True, None), "mine", "2026-01-02T00:00:00Z");
/// assert_eq!(second, first);
/// ```
pub fn merge_status(previous: Option<&Status>, desired: Status, controller_name: &str, now: &str) -> Status {
    match (previous, desired) {
        (Some(Status::GatewayClass(old)), Status::GatewayClass(new)) => Status::GatewayClass(class(old, new, now)),
        (Some(Status::Gateway(old)), Status::Gateway(new)) => Status::Gateway(gateway(old, new, now)),
        (Some(Status::ListenerSet(old)), Status::ListenerSet(new)) => Status::ListenerSet(listener_set(old, new, now)),
        (Some(Status::Route(old)), Status::Route(new)) => Status::Route(route(old, new, controller_name, now)),
        (Some(Status::Policy(old)), Status::Policy(new)) => Status::Policy(policy(old, new, controller_name, now)),
        (_, Status::GatewayClass(new)) => Status::GatewayClass(class(&Default::default(), new, now)),
        (_, Status::Gateway(new)) => Status::Gateway(gateway(&Default::default(), new, now)),
        (_, Status::ListenerSet(new)) => Status::ListenerSet(listener_set(&Default::default(), new, now)),
        (_, Status::Route(new)) => Status::Route(route(&Default::default(), new, controller_name, now)),
        (_, Status::Policy(new)) => Status::Policy(policy(&Default::default(), new, controller_name, now)),
    }
}

fn stamp(old: &[Condition], new: &mut [Condition], now: &str) {
    for condition in new {
        let before = old.iter().find(|before| before.kind == condition.kind && before.status == condition.status);
        let time = before.and_then(|before| before.last_transition_time.clone());
        condition.last_transition_time = Some(time.unwrap_or_else(|| now.to_owned()));
    }
}

fn stamp_listeners(old: &[ListenerStatus], new: &mut [ListenerStatus], now: &str) {
    for listener in new {
        let before = old.iter().find(|before| before.name == listener.name);
        stamp(before.map_or(&[], |before| &before.conditions), &mut listener.conditions, now);
    }
}

fn class(old: &GatewayClassStatus, mut new: GatewayClassStatus, now: &str) -> GatewayClassStatus {
    stamp(&old.conditions, &mut new.conditions, now);
    new
}

fn gateway(old: &GatewayStatus, mut new: GatewayStatus, now: &str) -> GatewayStatus {
    stamp(&old.conditions, &mut new.conditions, now);
    stamp_listeners(&old.listeners, &mut new.listeners, now);
    new
}

fn listener_set(old: &ListenerSetStatus, mut new: ListenerSetStatus, now: &str) -> ListenerSetStatus {
    stamp(&old.conditions, &mut new.conditions, now);
    stamp_listeners(&old.listeners, &mut new.listeners, now);
    new
}

fn route(old: &RouteStatus, new: RouteStatus, controller_name: &str, now: &str) -> RouteStatus {
    let mut fresh = new.parents;
    for entry in &mut fresh {
        let mut known = old.parents.iter().filter(|known| known.controller_name == controller_name);
        let before = known.find(|known| known.parent_ref == entry.parent_ref);
        stamp(before.map_or(&[], |before| &before.conditions), &mut entry.conditions, now);
    }
    let keep = old.parents.iter().filter_map(|known| match known.controller_name == controller_name {
        false => Some(known.clone()),
        true => {
            let at = fresh.iter().position(|entry| entry.parent_ref == known.parent_ref)?;
            Some(fresh.remove(at))
        }
    });
    let mut parents: Vec<_> = keep.collect();
    parents.append(&mut fresh);
    RouteStatus { parents }
}

fn policy(old: &PolicyStatus, new: PolicyStatus, controller_name: &str, now: &str) -> PolicyStatus {
    let mut fresh = new.ancestors;
    for entry in &mut fresh {
        let mut known = old.ancestors.iter().filter(|known| known.controller_name == controller_name);
        let before = known.find(|known| known.ancestor_ref == entry.ancestor_ref);
        stamp(before.map_or(&[], |before| &before.conditions), &mut entry.conditions, now);
    }
    let keep = old.ancestors.iter().filter_map(|known| match known.controller_name == controller_name {
        false => Some(known.clone()),
        true => {
            let at = fresh.iter().position(|entry| entry.ancestor_ref == known.ancestor_ref)?;
            Some(fresh.remove(at))
        }
    });
    let mut ancestors: Vec<_> = keep.collect();
    ancestors.append(&mut fresh);
    PolicyStatus { ancestors }
}
