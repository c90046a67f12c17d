//! The statuses of Gateways and their ListenerSets.

use crate::Options;
use crate::api::{GatewayStatus, GatewayStatusAddress, ListenerSetStatus, ObjectId, Status, Truth};
use crate::attach::{AddressFault, AttachedGateway, AttachedListener, AttachedSet, Owner, SetVerdict, Slot};
use crate::delivery::ProxyFacts;
use crate::ir::Socket;
use crate::options::{Delivery, Usable};
use crate::{names, reasons};

use super::conditions::Conditions;
use super::listeners::{self, Delivered};

pub(crate) fn statuses(
    options: &Options,
    at: Slot,
    gateway: &AttachedGateway,
    attached: &dyn Fn((Slot, usize)) -> i32,
) -> Vec<(ObjectId, Status)> {
    let facts = Facts::of(options, gateway);
    let listener = |owner: &Owner, generation| {
        let own = gateway.listeners.iter().enumerate().filter(|(_, listener)| listener.owner == *owner);
        own.map(|(index, listener)| {
            let count = attached((at, index));
            listeners::status(listener, generation, count, &facts.listener(options, gateway, listener))
        })
        .collect::<Vec<_>>()
    };
    let allowed = gateway.sets.iter().filter(|set| set.verdict == SetVerdict::Allowed);
    let own = GatewayStatus {
        addresses: addresses(options, gateway, &facts),
        conditions: conditions(gateway, &facts),
        listeners: listener(&Owner::Gateway, gateway.gateway.metadata.generation),
        attached_listener_sets: match gateway.sets.is_empty() {
            true => None,
            false => i32::try_from(allowed.filter(|set| any_accepted(gateway, set)).count()).ok(),
        },
    };
    let mut statuses = vec![(gateway.id.clone(), Status::Gateway(own))];
    for set in &gateway.sets {
        let generation = set.set.metadata.generation;
        let (conditions, listeners) = match &set.verdict {
            SetVerdict::Allowed => {
                (set_conditions(gateway, set, &facts), listener(&Owner::Set(set.id.clone()), generation))
            }
            SetVerdict::NotAllowed(message) => {
                let mut conditions = Conditions::at(generation);
                conditions.no(reasons::ACCEPTED, reasons::NOT_ALLOWED, message.clone());
                conditions.no(reasons::PROGRAMMED, reasons::NOT_ALLOWED, message.clone());
                (conditions.done(), Vec::new())
            }
        };
        statuses.push((set.id.clone(), Status::ListenerSet(ListenerSetStatus { conditions, listeners })));
    }
    statuses
}

/// What is known of the proxy of a Gateway.
enum Facts<'a> {
    Assumed,
    NeverSeen,
    Seen(&'a ProxyFacts),
}

impl<'a> Facts<'a> {
    fn of(options: &'a Options, gateway: &AttachedGateway) -> Facts<'a> {
        match &options.delivery {
            Delivery::Assumed => Facts::Assumed,
            Delivery::Observed(facts) => match facts.proxies.get(&gateway.proxy) {
                Some(proxy) if proxy.connected > 0 => Facts::Seen(proxy),
                _ => Facts::NeverSeen,
            },
        }
    }

    fn listener(&self, options: &Options, gateway: &AttachedGateway, listener: &AttachedListener) -> Delivered {
        match self {
            Facts::Assumed => Delivered::Yes,
            Facts::NeverSeen => Delivered::Pending("no proxy is connected".to_owned()),
            Facts::Seen(proxy) => {
                let refused = gateway.addresses.first().and_then(|address| {
                    let port = options.bind.port(listener.port);
                    let socket = Socket { address: *address, port, transport: listener.transport() };
                    proxy.refused_listeners.get(&names::listener(&socket))
                });
                match refused {
                    Some(words) => Delivered::Refused(format!("a proxy refuses it: {words}")),
                    None if proxy.settled < proxy.connected => Delivered::Pending(settled(proxy)),
                    None => Delivered::Yes,
                }
            }
        }
    }
}

fn settled(proxy: &ProxyFacts) -> String {
    format!("{} of {} proxies have acknowledged it", proxy.settled, proxy.connected)
}

fn conditions(gateway: &AttachedGateway, facts: &Facts<'_>) -> Vec<crate::api::Condition> {
    let mut conditions = Conditions::at(gateway.gateway.metadata.generation);
    accepted(&mut conditions, gateway);
    programmed(&mut conditions, gateway, facts);
    if let Some(shown) = &gateway.client_certificate {
        conditions.references(shown.as_ref().err().map(|(reason, message)| (*reason, message.clone())));
    }
    if crate::attach::is_insecure(&gateway.gateway) {
        let message = "spec.tls.frontend lets clients in that prove nothing";
        conditions.say(
            reasons::INSECURE_FRONTEND_VALIDATION_MODE,
            Truth::True,
            reasons::CONFIGURATION_CHANGED,
            message,
        );
    }
    conditions.done()
}

fn accepted(conditions: &mut Conditions, gateway: &AttachedGateway) {
    if let Some(message) = &gateway.parameters_fault {
        conditions.no(reasons::ACCEPTED, reasons::INVALID_PARAMETERS, message.clone());
        return;
    }
    if let Some(AddressFault::Unsupported(message)) = &gateway.address_fault {
        conditions.no(reasons::ACCEPTED, reasons::UNSUPPORTED_ADDRESS, message.clone());
        return;
    }
    let own: Vec<_> = gateway.listeners.iter().filter(|listener| listener.owner == Owner::Gateway).collect();
    let bad: Vec<&str> = own.iter().filter(|one| !one.is_accepted()).map(|one| &*one.listener.name).collect();
    match bad.len() {
        0 => conditions.yes(reasons::ACCEPTED, "The Gateway is served by this controller"),
        all if all == gateway.listeners.len() => {
            conditions.no(reasons::ACCEPTED, reasons::LISTENERS_NOT_VALID, "no listener is valid; see their conditions")
        }
        _ => {
            let message = format!("not valid, and not served: {}", bad.join(", "));
            conditions.say(reasons::ACCEPTED, Truth::True, reasons::LISTENERS_NOT_VALID, message)
        }
    };
}

fn programmed(conditions: &mut Conditions, gateway: &AttachedGateway, facts: &Facts<'_>) {
    let no = |conditions: &mut Conditions, reason: &str, message: String| {
        conditions.no(reasons::PROGRAMMED, reason, message);
    };
    if !gateway.is_served() || (!gateway.listeners.is_empty() && !gateway.listeners.iter().any(|one| one.is_accepted()))
    {
        no(conditions, reasons::INVALID, "The Gateway is not accepted".to_owned());
        return;
    }
    if let Some(AddressFault::NotUsable(message)) = &gateway.address_fault {
        no(conditions, reasons::ADDRESS_NOT_USABLE, message.clone());
        return;
    }
    match facts {
        Facts::Assumed => drop(conditions.yes(reasons::PROGRAMMED, "The configuration is published")),
        Facts::NeverSeen => no(conditions, reasons::NO_RESOURCES, "no proxy is connected".to_owned()),
        Facts::Seen(proxy) if proxy.settled < proxy.connected => no(conditions, reasons::PENDING, settled(proxy)),
        Facts::Seen(proxy) => {
            let message =
                format!("{} of {} proxies have acknowledged the configuration", proxy.settled, proxy.connected);
            conditions.yes(reasons::PROGRAMMED, &message);
        }
    }
}

fn addresses(options: &Options, gateway: &AttachedGateway, facts: &Facts<'_>) -> Vec<GatewayStatusAddress> {
    if gateway.address_fault.is_some() || !gateway.is_served() {
        return Vec::new();
    }
    let address = |kind: &str, value: String| GatewayStatusAddress { kind: kind.to_owned(), value };
    let asked = gateway.gateway.spec.addresses.iter().filter(|asked| !asked.value.is_empty());
    let asked: Vec<_> = asked.map(|asked| address(&asked.kind, asked.value.clone())).collect();
    if !asked.is_empty() {
        return asked;
    }
    let bound = options.bind.addresses.contains_key(&gateway.id) || options.bind.usable != Usable::Any;
    match facts {
        Facts::Seen(proxy) if !proxy.addresses.is_empty() => {
            proxy.addresses.iter().map(|one| address("IPAddress", one.to_string())).collect()
        }
        _ if bound => gateway.addresses.iter().map(|one| address("IPAddress", one.to_string())).collect(),
        _ => Vec::new(),
    }
}

fn of_set<'a>(gateway: &'a AttachedGateway, set: &'a AttachedSet) -> impl Iterator<Item = &'a AttachedListener> {
    gateway.listeners.iter().filter(|listener| matches!(&listener.owner, Owner::Set(id) if *id == set.id))
}

fn any_accepted(gateway: &AttachedGateway, set: &AttachedSet) -> bool {
    of_set(gateway, set).any(AttachedListener::is_accepted)
}

fn set_conditions(gateway: &AttachedGateway, set: &AttachedSet, facts: &Facts<'_>) -> Vec<crate::api::Condition> {
    let mut conditions = Conditions::at(set.set.metadata.generation);
    if !gateway.is_served() {
        let message = format!("{} is not accepted", gateway.id);
        conditions.no(reasons::ACCEPTED, reasons::PARENT_NOT_ACCEPTED, message.clone());
        conditions.no(reasons::PROGRAMMED, reasons::PARENT_NOT_ACCEPTED, message);
        return conditions.done();
    }
    let bad = |of: fn(&AttachedListener) -> bool| -> Vec<&str> {
        of_set(gateway, set).filter(|one| !of(one)).map(|one| &*one.listener.name).collect()
    };
    let (not_accepted, not_served) = (bad(|one| one.is_accepted()), bad(|one| one.is_served()));
    let count = of_set(gateway, set).count();
    for (kind, bad) in [(reasons::ACCEPTED, not_accepted), (reasons::PROGRAMMED, not_served)] {
        match bad.len() {
            0 => conditions.yes(kind, "Every listener is valid"),
            all if all == count => {
                conditions.no(kind, reasons::LISTENERS_NOT_VALID, "no listener is valid; see their conditions")
            }
            _ => {
                let message = format!("not valid, and not served: {}", bad.join(", "));
                conditions.say(kind, Truth::True, reasons::LISTENERS_NOT_VALID, message)
            }
        };
    }
    let mut said = conditions.done();
    if let Some(programmed) = said.iter_mut().find(|one| one.kind == reasons::PROGRAMMED && one.status == Truth::True) {
        let pending = match facts {
            Facts::Assumed => None,
            Facts::NeverSeen => Some("no proxy is connected".to_owned()),
            Facts::Seen(proxy) if proxy.settled < proxy.connected => Some(settled(proxy)),
            Facts::Seen(_) => None,
        };
        if let Some(message) = pending {
            (programmed.status, programmed.reason, programmed.message) =
                (Truth::False, reasons::PENDING.to_owned(), message);
        }
    }
    said
}
