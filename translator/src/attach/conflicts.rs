//! Which listeners of one proxy cannot be served beside each other.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::api::Protocol;
use crate::host::Host;
use crate::ir::Transport;

use super::listeners::{AttachedListener, Conflict, Owner};

/// What shares a socket: protocols of different families cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Http,
    Tls,
    Stream,
    Datagram,
}

fn family(protocol: &Protocol) -> Option<Family> {
    match protocol {
        Protocol::Http => Some(Family::Http),
        Protocol::Https | Protocol::Tls => Some(Family::Tls),
        Protocol::Tcp => Some(Family::Stream),
        Protocol::Udp => Some(Family::Datagram),
        Protocol::Other(_) => None,
    }
}

/// One socket's holders: where they are in the list, and what they claim.
type Holders = Vec<(usize, Family, Host)>;

/// Marks every listener that conflicts with another of its socket. The listeners come in order of precedence: the oldest
/// Gateway first, each with its own listeners before those of its ListenerSets. The first holder stays; but the own listeners
/// of one Gateway have no order among them, and lose together.
pub(crate) fn mark(listeners: &mut [(IpAddr, AttachedListener)]) {
    let mut sockets: BTreeMap<(IpAddr, u16, Transport), Holders> = BTreeMap::new();
    for at in 0..listeners.len() {
        let (address, listener) = &listeners[at];
        let Some(family) = family(&listener.listener.protocol) else { continue };
        let holders = sockets.entry((*address, listener.port, listener.transport())).or_default();
        let against = holders.iter().find_map(|(holder, held, host)| {
            let conflict = match (*held == family, *host == listener.host) {
                (false, _) => Conflict::Protocol,
                (true, true) => Conflict::Hostname,
                (true, false) => return None,
            };
            Some((*holder, conflict))
        });
        holders.push((at, family, listener.host.clone()));
        let Some((holder, conflict)) = against else { continue };
        let siblings = listeners[holder].1.gateway == listeners[at].1.gateway
            && listeners[holder].1.owner == Owner::Gateway
            && listeners[at].1.owner == Owner::Gateway;
        listeners[at].1.conflict = Some(conflict);
        if siblings {
            listeners[holder].1.conflict.get_or_insert(conflict);
        } else {
            // Who lost holds nothing.
            if let Some(holders) =
                sockets.get_mut(&(listeners[at].0, listeners[at].1.port, listeners[at].1.transport()))
            {
                holders.pop();
            }
        }
    }
    mark_overlaps(listeners);
}

/// Marks HTTPS listeners whose names overlap: a client may use a connection made for one for the other.
fn mark_overlaps(listeners: &mut [(IpAddr, AttachedListener)]) {
    let mut sockets: BTreeMap<(IpAddr, u16), Vec<usize>> = BTreeMap::new();
    for (at, (address, listener)) in listeners.iter().enumerate() {
        if listener.listener.protocol == Protocol::Https && listener.conflict.is_none() {
            sockets.entry((*address, listener.port)).or_default().push(at);
        }
    }
    for members in sockets.values().filter(|members| members.len() > 1) {
        for at in members {
            let own = &listeners[*at].1.host;
            let overlaps =
                members.iter().any(|other| other != at && own.intersection(&listeners[*other].1.host).is_some());
            listeners[*at].1.overlaps = overlaps;
        }
    }
}
