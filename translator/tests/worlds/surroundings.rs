//! What a translation is told beside the objects: random options, addresses, and what proxies said.

use chancery_testkit::Random;
use chancery_translator::api::{Kind, ObjectId};
use chancery_translator::{
    Bind, Delivery, EnvoyFloor, Facts, MixedKinds, Options, Proxies, ProxyFacts, ProxyId, RouteTables, TableForm,
    Usable,
};

use super::objects::{GATEWAYS, NAMESPACES};

/// Options of every kind.
pub(crate) fn options(random: &mut Random) -> Options {
    Options {
        assumed_classes: if random.one_in(4) { ["assumed".to_owned()].into() } else { Default::default() },
        proxies: if random.one_in(3) { Proxies::PerClass } else { Proxies::PerGateway },
        mixed_kinds: if random.one_in(3) { MixedKinds::Both } else { MixedKinds::OldestKind },
        bind: bind(random),
        route_tables: route_tables(random),
        envoy_floor: if random.one_in(2) { EnvoyFloor::V1_37 } else { EnvoyFloor::V1_36 },
        ..Options::default()
    }
}

fn route_tables(random: &mut Random) -> RouteTables {
    let former = random.one_in(3).then(|| random.one_of(&TableForm::ALL));
    let mut tables = RouteTables { otherwise: random.one_of(&TableForm::ALL), former, ..RouteTables::default() };
    for gateway in GATEWAYS {
        if random.one_in(3) {
            let id = ObjectId::new(Kind::Gateway, random.one_of(&NAMESPACES), gateway);
            tables.gateways.insert(id, random.one_of(&TableForm::ALL));
        }
    }
    tables
}

/// Where listeners are bound.
pub(crate) fn bind(random: &mut Random) -> Bind {
    let mut bind = Bind { privileged_port_offset: [0, 10_000][random.below(2)], ..Bind::default() };
    if random.one_in(2) {
        bind.usable = Usable::Loopback;
    }
    for gateway in GATEWAYS {
        if random.one_in(3) {
            let id = ObjectId::new(Kind::Gateway, random.one_of(&NAMESPACES), gateway);
            bind.addresses.insert(id, std::net::IpAddr::from([127, 0, 0, 1 + random.below(2) as u8]));
        }
    }
    bind
}

/// What proxies said, or that nobody asks them.
pub(crate) fn delivery(random: &mut Random) -> Delivery {
    if random.one_in(4) {
        return Delivery::Assumed;
    }
    let mut facts = Facts::default();
    for gateway in GATEWAYS {
        let id = ObjectId::new(Kind::Gateway, random.one_of(&NAMESPACES), gateway);
        let seen =
            ProxyFacts { connected: random.below(3) as u32, settled: random.below(2) as u32, ..Default::default() };
        facts.proxies.insert(ProxyId::Gateway(id), seen);
    }
    facts
        .proxies
        .insert(ProxyId::Class("chancery".into()), ProxyFacts { connected: 1, settled: 1, ..Default::default() });
    Delivery::Observed(facts)
}
