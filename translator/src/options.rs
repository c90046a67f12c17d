//! What a translation is told beside the objects.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::api::ObjectId;
use crate::delivery::Facts;
use crate::route_tables::RouteTables;

/// What a translation is told beside the objects. `Options::default()` is what `chancery serve` starts from.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The controller whose GatewayClasses are ours, and whose entries in statuses we own.
    pub controller_name: String,
    /// Classes that are ours although no GatewayClass object says so.
    pub assumed_classes: BTreeSet<String>,
    /// One proxy for each Gateway, or one for all Gateways of a class.
    pub proxies: Proxies,
    /// Where listeners are bound.
    pub bind: Bind,
    /// Whether `Programmed` is taken for granted or observed.
    pub delivery: Delivery,
    /// What happens when an HTTPRoute and a GRPCRoute claim the same host name of a listener.
    pub mixed_kinds: MixedKinds,
    /// Whether proxies see in metadata which object each route and virtual host comes from.
    pub provenance: ProvenanceIn,
    /// How the hosts of route tables are sent.
    pub route_tables: RouteTables,
    /// The oldest Envoy that is served.
    pub envoy_floor: EnvoyFloor,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            controller_name: "chancery.dev/gateway-controller".to_owned(),
            assumed_classes: BTreeSet::new(),
            proxies: Proxies::default(),
            bind: Bind::default(),
            delivery: Delivery::default(),
            mixed_kinds: MixedKinds::default(),
            provenance: ProvenanceIn::default(),
            route_tables: RouteTables::default(),
            envoy_floor: EnvoyFloor::default(),
        }
    }
}

/// Which Gateways share a proxy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Proxies {
    /// Each has its own.
    #[default]
    PerGateway,
    /// Those of one GatewayClass share one.
    PerClass,
}

/// Where the listeners of proxies are bound: from an address and port of a specification to a socket.
#[derive(Debug, Clone, PartialEq)]
pub struct Bind {
    /// The address of each Gateway's proxy. Those not listed, and all in a proxy that Gateways share without an address of
    /// their own, are bound to `otherwise`.
    pub addresses: BTreeMap<ObjectId, IpAddr>,
    /// Where everything else is bound. Default: `0.0.0.0`.
    pub otherwise: IpAddr,
    /// Added to ports below 1024, which only a privileged proxy could bind. Default: 0.
    pub privileged_port_offset: u16,
    /// The addresses of `spec.addresses` that can be used. Default: any.
    pub usable: Usable,
}

impl Default for Bind {
    fn default() -> Self {
        Bind {
            addresses: BTreeMap::new(),
            otherwise: IpAddr::from([0, 0, 0, 0]),
            privileged_port_offset: 0,
            usable: Usable::default(),
        }
    }
}

impl Bind {
    /// The port that is bound for a port of a specification.
    pub fn port(&self, port: u16) -> u16 {
        match port < 1024 {
            true => port.saturating_add(self.privileged_port_offset),
            false => port,
        }
    }
}

/// Which addresses a Gateway may ask for.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Usable {
    /// Any.
    #[default]
    Any,
    /// Loopback addresses.
    Loopback,
    /// These.
    Only(BTreeSet<IpAddr>),
}

impl Usable {
    /// Whether this address may be used.
    pub fn allows(&self, address: IpAddr) -> bool {
        match self {
            Usable::Any => true,
            Usable::Loopback => address.is_loopback(),
            Usable::Only(addresses) => addresses.contains(&address),
        }
    }
}

/// What `Programmed` rests on.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Delivery {
    /// What is published counts as served: for plans and comparisons.
    #[default]
    Assumed,
    /// What proxies have acknowledged counts.
    Observed(Facts),
}

/// HTTPRoutes and GRPCRoutes with a common host name on one listener.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MixedKinds {
    /// The older one is accepted, as the specification says.
    #[default]
    OldestKind,
    /// Both are.
    Both,
}

/// Who sees where a route comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProvenanceIn {
    /// Those who ask the control plane.
    #[default]
    Translation,
    /// The proxies too, in the metadata of routes and virtual hosts.
    Metadata,
}

/// The oldest Envoy that is served: what it cannot do is not asked of any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum EnvoyFloor {
    #[default]
    V1_36,
    V1_37,
    V1_38,
    V1_39,
    V1_40,
}

impl EnvoyFloor {
    /// All of them, the oldest first.
    pub const ALL: [EnvoyFloor; 5] =
        [EnvoyFloor::V1_36, EnvoyFloor::V1_37, EnvoyFloor::V1_38, EnvoyFloor::V1_39, EnvoyFloor::V1_40];

    /// Major and minor version.
    pub fn version(self) -> (u32, u32) {
        match self {
            EnvoyFloor::V1_36 => (1, 36),
            EnvoyFloor::V1_37 => (1, 37),
            EnvoyFloor::V1_38 => (1, 38),
            EnvoyFloor::V1_39 => (1, 39),
            EnvoyFloor::V1_40 => (1, 40),
        }
    }
}

impl fmt::Display for EnvoyFloor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor) = self.version();
        write!(f, "{major}.{minor}")
    }
}

impl FromStr for EnvoyFloor {
    type Err = String;

    fn from_str(text: &str) -> Result<EnvoyFloor, String> {
        let found = EnvoyFloor::ALL.into_iter().find(|one| one.to_string() == text);
        found.ok_or_else(|| format!("{text:?} is none of the versions of Envoy that are served: 1.36 to 1.40"))
    }
}
