//! The statuses of listeners, of Gateways and ListenerSets alike.

use std::collections::HashMap;

use crate::api::{GATEWAY_GROUP, ListenerStatus, RouteGroupKind, Truth};
use crate::attach::{AttachedListener, ListenerFault, Owner, ParentVerdict, Routes};
use crate::reasons;

use super::conditions::Conditions;

/// How many routes are attached to each listener, by the places of the Gateway and the listener.
pub(crate) type AttachedRoutes = HashMap<(usize, usize), i32>;

/// Counts the routes of each listener, each once. A route counts whether or not anything comes of it.
pub(crate) fn attached_routes(routes: &Routes) -> AttachedRoutes {
    let mut counts: HashMap<(usize, usize), (i32, usize)> = HashMap::new();
    for (age, route) in routes.all.iter().enumerate() {
        for parent in route.parents.iter().filter(|parent| parent.verdict == ParentVerdict::Accepted) {
            for (listener, _) in &parent.listeners {
                let (count, last) = counts.entry((parent.gateway, *listener)).or_insert((0, usize::MAX));
                if *last != age {
                    (*count, *last) = (*count + 1, age);
                }
            }
        }
    }
    counts.into_iter().map(|(at, (count, _))| (at, count)).collect()
}

/// What is known of the delivery of a listener.
#[derive(Debug, Clone)]
pub(crate) enum Delivered {
    Yes,
    /// Nobody has it yet: the message.
    Pending(String),
    /// A proxy refused it, in these words.
    Refused(String),
}

/// The status of one listener.
pub(crate) fn status(
    listener: &AttachedListener,
    generation: i64,
    attached: i32,
    delivered: &Delivered,
) -> ListenerStatus {
    let mut conditions = Conditions::at(generation);
    accepted(&mut conditions, listener);
    programmed(&mut conditions, listener, delivered);
    references(&mut conditions, listener);
    if let Some(conflict) = listener.conflict {
        let message = match conflict {
            crate::attach::Conflict::Hostname => "another listener has this port and host name",
            crate::attach::Conflict::Protocol => "another listener has this port, with a protocol that cannot share it",
        };
        conditions.say(reasons::CONFLICTED, Truth::True, conflict.reason(), message);
    } else if listener.owner != Owner::Gateway {
        conditions.no(reasons::CONFLICTED, reasons::NO_CONFLICTS, "No other listener is in the way");
    }
    if listener.overlaps {
        let message = "another HTTPS listener of the port has host names of this one; requests that come to the wrong one over \
                       a connection both could use are answered with 421";
        conditions.say(reasons::OVERLAPPING_TLS_CONFIG, Truth::True, reasons::OVERLAPPING_HOSTNAMES, message);
    }
    let kind = |kind: &crate::api::Kind| RouteGroupKind { group: GATEWAY_GROUP.into(), kind: kind.as_str().into() };
    ListenerStatus {
        name: listener.listener.name.clone(),
        supported_kinds: listener.kinds.iter().map(kind).collect(),
        attached_routes: attached,
        conditions: conditions.done(),
    }
}

fn accepted(conditions: &mut Conditions, listener: &AttachedListener) {
    let fault = listener.faults.iter().find_map(|fault| match fault {
        ListenerFault::NotAccepted { reason, message } => Some((*reason, message.clone())),
        ListenerFault::Unresolved { .. } => None,
    });
    match (fault, listener.conflict) {
        (Some((reason, message)), _) => conditions.no(reasons::ACCEPTED, reason, message),
        (None, Some(conflict)) => conditions.no(reasons::ACCEPTED, conflict.reason(), "another listener is in the way"),
        (None, None) => conditions.yes(reasons::ACCEPTED, "The listener is valid"),
    };
}

fn programmed(conditions: &mut Conditions, listener: &AttachedListener, delivered: &Delivered) {
    if let Some(conflict) = listener.conflict {
        conditions.no(reasons::PROGRAMMED, conflict.reason(), "another listener is in the way");
        return;
    }
    if !listener.is_served() {
        conditions.no(reasons::PROGRAMMED, reasons::INVALID, "The listener is not served; see the other conditions");
        return;
    }
    match delivered {
        Delivered::Yes => conditions.yes(reasons::PROGRAMMED, "The listener is served"),
        Delivered::Pending(message) => conditions.no(reasons::PROGRAMMED, reasons::PENDING, message.clone()),
        Delivered::Refused(message) => conditions.no(reasons::PROGRAMMED, reasons::INVALID, message.clone()),
    };
}

fn references(conditions: &mut Conditions, listener: &AttachedListener) {
    let faults: Vec<(&str, &str)> = listener
        .faults
        .iter()
        .filter_map(|fault| match fault {
            ListenerFault::Unresolved { reason, message, .. } => Some((*reason, message.as_str())),
            ListenerFault::NotAccepted { .. } => None,
        })
        .collect();
    let message = || faults.iter().map(|(_, message)| *message).collect::<Vec<_>>().join("; ");
    conditions.references(faults.first().map(|(reason, _)| (*reason, message())));
}
