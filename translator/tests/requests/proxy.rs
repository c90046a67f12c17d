//! A case set up: backends, a control plane, and an Envoy that has everything.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chancery_cache::{EveryoneTogether, GroupKey, Publisher, SnapshotCache};
use chancery_core::{InsecureAllowEveryone, Server};
use chancery_protocol::TypeUrl;
use chancery_testkit::{Bootstrap, Envoy, EnvoyVersion, Launch, Seen, wait_until};
use chancery_translator::api::{Object, ObjectId};
use chancery_translator::{Bind, EnvoyFloor, Options, Proxies, RouteTables, TableForm, World, translate};
use tokio::net::TcpListener;

use crate::backend::{Backend, Speaks, acceptor};
use crate::case::{Case, bare_services};

const PATIENCE: Duration = Duration::from_secs(20);

/// How long connections of a filter chain that has changed are kept.
const DRAIN: Duration = Duration::from_secs(2);

/// A case in operation.
pub(crate) struct Setting {
    pub(crate) address: IpAddr,
    /// By the name of the Service.
    pub(crate) backends: BTreeMap<String, Vec<Backend>>,
    pub(crate) envoy: Envoy,
    world: World,
    options: Options,
    publisher: Publisher,
    cache: SnapshotCache,
}

/// How cases are run: on which Envoy, and in which form its route tables are sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct How {
    pub(crate) version: EnvoyVersion,
    pub(crate) form: TableForm,
}

impl How {
    fn floor(self) -> EnvoyFloor {
        match self.version {
            EnvoyVersion::V1_36 => EnvoyFloor::V1_36,
            _ => EnvoyFloor::V1_37,
        }
    }
}

/// Added to ports below 1024, so that nobody need be privileged.
const OFFSET: u16 = 20_000;

/// A loopback address for each case.
fn next_address() -> IpAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed) + 1;
    // The process chooses the third octet, so that two runs beside each other do not meet.
    let process = u8::try_from(std::process::id() % 200).unwrap_or(0) + 20;
    IpAddr::V4(Ipv4Addr::new(
        127,
        process,
        u8::try_from(number / 250).unwrap_or(0),
        u8::try_from(number % 250 + 1).unwrap_or(1),
    ))
}

impl Setting {
    pub(crate) async fn of(case: &mut Case, how: How) -> Result<Setting, String> {
        let address = next_address();
        let mut world = std::mem::take(&mut case.world);
        let mut backends = BTreeMap::new();
        for service in bare_services(&world) {
            let (started, slice) = start(&world, &service, case).await.map_err(|error| error.to_string())?;
            world.insert(slice);
            backends.insert(service.name.to_string(), started);
        }
        let bind = Bind { otherwise: address, privileged_port_offset: OFFSET, ..Bind::default() };
        // All Gateways of a case in one proxy, as they have different ports or hosts.
        let options = Options {
            proxies: Proxies::PerClass,
            bind,
            route_tables: RouteTables { otherwise: how.form, ..RouteTables::default() },
            envoy_floor: how.floor(),
            ..Options::default()
        };
        let (cache, publisher) = SnapshotCache::new(EveryoneTogether);
        let server =
            Server::builder(cache.clone(), InsecureAllowEveryone).build().map_err(|error| error.to_string())?;
        let listener =
            TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.map_err(|error| error.to_string())?;
        let server_address = listener.local_addr().map_err(|error| error.to_string())?;
        tokio::spawn(server.serve(listener, std::future::pending()));
        publish(&world, &options, &publisher)?;
        let bootstrap = Bootstrap::new(server_address).node(&case.name, "chancery");
        let envoy =
            Launch::new(how.version, &bootstrap).drain(DRAIN).start().await.map_err(|error| error.to_string())?;
        envoy.wait_live(PATIENCE).await.map_err(|error| format!("{error}\n{}", envoy.log()))?;
        let setting = Setting { address, backends, envoy, world, options, publisher, cache };
        setting.settled().await?;
        Ok(setting)
    }

    /// Where a port of a specification is bound.
    pub(crate) fn socket(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.address, self.options.bind.port(port))
    }

    /// How many requests of a round the backends of a service have had.
    pub(crate) fn requests(&self, service: &str, round: &str) -> u64 {
        self.backends.get(service).into_iter().flatten().map(|backend| backend.requests(round)).sum()
    }

    /// Sends route tables in another form, in the former one too until the connections that use it are gone.
    pub(crate) async fn switch(&mut self, form: TableForm) -> Result<(), String> {
        self.options.route_tables.former = Some(std::mem::replace(&mut self.options.route_tables.otherwise, form));
        publish(&self.world, &self.options, &self.publisher)?;
        self.settled().await?;
        let waited = wait_until("old connections to go", PATIENCE, async || -> Result<(), Seen> {
            match self.envoy.admin().stat("listener_manager.total_filter_chains_draining").await? {
                0 => Ok(()),
                draining => Err(Seen::from(draining)),
            }
        });
        waited.await.map_err(|error| error.to_string())?;
        self.options.route_tables.former = None;
        publish(&self.world, &self.options, &self.publisher)?;
        self.settled().await
    }

    /// How many hosts are sent by themselves, as virtual hosts or scopes.
    pub(crate) fn hosts_by_themselves(&self) -> usize {
        let translation = self.translation();
        let all = translation.proxies.values().flat_map(|proxy| proxy.resources.iter());
        all.filter(|one| [TypeUrl::VIRTUAL_HOST, TypeUrl::SCOPED_ROUTE].contains(one.type_url())).count()
    }

    /// The world as it is now, translated.
    pub(crate) fn translation(&self) -> chancery_translator::Translation {
        translate(&self.world, &self.options)
    }

    /// Puts objects in place, and waits until Envoy has them.
    pub(crate) async fn change(&mut self, objects: &[Object]) -> Result<(), String> {
        for object in objects {
            self.world.insert(object.clone());
        }
        publish(&self.world, &self.options, &self.publisher)?;
        self.settled().await
    }

    /// Waits until Envoy has accepted everything.
    async fn settled(&self) -> Result<(), String> {
        let view = self.cache.view(&GroupKey::everyone());
        let wanted = view.map_or(0, |view| view.wildcard_count(&TypeUrl::LISTENER)) as u64;
        let deliveries = self.cache.delivery();
        let waited = wait_until("Envoy to have everything", PATIENCE, async || -> Result<(), Seen> {
            let streams = deliveries.streams();
            if streams.is_empty() || !streams.iter().flat_map(|stream| &stream.types).all(|one| one.is_settled()) {
                return Err(Seen::from(format!("{streams:#?}")));
            }
            let stats = self.envoy.admin().stats("listener_manager|update_rejected").await?;
            let of =
                |name: &str| stats.iter().filter(|(key, _)| key.ends_with(name)).map(|(_, count)| *count).sum::<u64>();
            let refused = of("update_rejected") + of("listener_create_failure");
            let (active, warming) = (of("total_listeners_active"), of("total_listeners_warming"));
            match (refused, active == wanted, warming) {
                (0, true, 0) => Ok(()),
                _ => Err(Seen::from(format!("{stats:?}, {wanted} listeners wanted"))),
            }
        });
        waited.await.map_err(|error| format!("{error}\n{}", self.envoy.log()))
    }
}

fn publish(world: &World, options: &Options, publisher: &Publisher) -> Result<(), String> {
    let translation = translate(world, options);
    let Some((_, served)) = translation.proxies.into_iter().next() else { return Err("nothing is served".to_owned()) };
    publisher.publish(&GroupKey::everyone(), served.resources).map(drop).map_err(|error| error.to_string())
}

/// A backend for every port of a service, and the slice that says where they are.
async fn start(world: &World, service: &ObjectId, case: &Case) -> std::io::Result<(Vec<Backend>, Object)> {
    let found = world.services.get(service).cloned();
    let annotation = |key: &str| found.as_ref()?.metadata.annotations.as_ref()?.get(key).cloned();
    let ports = found.as_ref().and_then(|service| service.spec.clone()).and_then(|spec| spec.ports).unwrap_or_default();
    let (mut started, mut said) = (Vec::new(), Vec::new());
    for port in ports {
        let speaks = match port.name.as_deref() {
            Some("https" | "grpcs") => {
                let names = annotation("names").unwrap_or_else(|| "backend.example".to_owned());
                let (uris, names): (Vec<&str>, Vec<&str>) = names.split(',').partition(|name| name.contains("://"));
                let issued = case.authority.server(&names, &uris).map_err(std::io::Error::other)?;
                let asks = annotation("asks").map(|_| case.authority.certificate_pem());
                Speaks::Https(acceptor(&issued, asks.as_deref()))
            }
            Some("tcp") => Speaks::Tcp,
            Some("udp") => Speaks::Udp,
            _ => Speaks::Http,
        };
        let backend = Backend::start(&service.name, speaks).await?;
        said.push(serde_json::json!({"name": port.name, "port": backend.address.port(), "protocol": port.protocol}));
        started.push(backend);
    }
    let slice = serde_json::json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {
            "namespace": service.namespace.as_ref(), "name": format!("{}-live", service.name),
            "labels": {"kubernetes.io/service-name": service.name.as_ref()}
        },
        "ports": said,
        "endpoints": [{"addresses": ["127.0.0.1"]}]
    });
    Ok((started, Object::read(&slice).map_err(std::io::Error::other)?.0))
}
