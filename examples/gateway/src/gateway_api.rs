//! Gateway API objects as what is served: read from files, translated, published, run, and told about.

mod complaints;
mod conductor;
mod documents;
mod facts;
mod grouping;
mod page;
mod plane;
mod refusals;
mod source;
mod standing;
mod state;

pub(crate) use conductor::Current;
pub(crate) use plane::{GatewayPlane, Serving};
pub(crate) use source::{Seen, read};
pub(crate) use standing::{Row, rows, table};

use std::collections::BTreeSet;

use chancery_testkit::EnvoyVersion;
use chancery_translator::api::{Gateway, Kind, ObjectId};
use chancery_translator::{EnvoyFloor, Options, Proxies, RouteTables, Translation, World};

use crate::command::{AskedForm, GatewayName, Translating};

/// The options of a translation, as the command line says them.
pub(crate) fn options(arguments: &Translating) -> Options {
    Options {
        controller_name: arguments.controller_name.clone(),
        assumed_classes: arguments.gateway_class.iter().cloned().collect::<BTreeSet<String>>(),
        proxies: if arguments.merge { Proxies::PerClass } else { Proxies::PerGateway },
        route_tables: route_tables(arguments),
        envoy_floor: arguments.oldest_envoy.map(floor).unwrap_or_default(),
        ..Options::default()
    }
}

/// The forms of route tables that are asked for; of those for one Gateway, or for all others, the last.
fn route_tables(arguments: &Translating) -> RouteTables {
    let mut tables = RouteTables { former: arguments.former_route_tables, ..RouteTables::default() };
    for AskedForm { gateway, form } in &arguments.route_tables {
        match gateway {
            Some(name) => {
                tables.gateways.insert(ObjectId::new(Kind::Gateway, &name.namespace, &name.name), *form);
            }
            None => tables.otherwise = *form,
        }
    }
    tables
}

/// The translator's name for a version.
pub(crate) fn floor(version: EnvoyVersion) -> EnvoyFloor {
    match version {
        EnvoyVersion::V1_36 => EnvoyFloor::V1_36,
        EnvoyVersion::V1_37 => EnvoyFloor::V1_37,
        EnvoyVersion::V1_38 => EnvoyFloor::V1_38,
        EnvoyVersion::V1_39 => EnvoyFloor::V1_39,
        EnvoyVersion::V1_40 => EnvoyFloor::V1_40,
    }
}

/// Why there is no proxy for a Gateway, and which there are.
pub(crate) fn no_proxy_for(gateway: &GatewayName, translation: &Translation) -> String {
    let served = translation.proxies.values().flat_map(|proxy| &proxy.gateways);
    let served: Vec<String> = served.map(|id| format!("{}/{}", id.namespace, id.name)).collect();
    match served.is_empty() {
        true => format!("Gateway {gateway} is not served, nor is any other; see chancery validate"),
        false => format!("Gateway {gateway} is not served; these are: {}", served.join(", ")),
    }
}

/// Gateways nobody serves: not wrong, but rarely meant.
pub(crate) fn unserved(world: &World, translation: &Translation) -> Vec<String> {
    let served: BTreeSet<&ObjectId> = translation.proxies.values().flat_map(|proxy| &proxy.gateways).collect();
    let others = world.gateways.iter().filter(|(id, _)| !served.contains(id) && !translation.statuses.contains_key(id));
    let why = |(id, gateway): (&ObjectId, &std::sync::Arc<Gateway>)| {
        let class = &gateway.spec.gateway_class_name;
        match world.gateway_classes.keys().any(|known| *known.name == **class) {
            true => format!("{id} is not served: its GatewayClass {class} names another controller"),
            false => format!(
                "{id} is not served: there is no GatewayClass {class}; --gateway-class {class} takes it as given"
            ),
        }
    };
    others.map(why).collect()
}
