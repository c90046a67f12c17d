//! Every output loaded into a real Envoy.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use chancery_cache::{EveryoneTogether, GroupKey, SnapshotCache};
use chancery_core::{InsecureAllowEveryone, Server};
use chancery_protocol::TypeUrl;
use chancery_testkit::{Bootstrap, Envoy, EnvoyVersion, Seen, wait_until};
use chancery_translator::{ProxyId, ProxyResources, World, translate};
use futures::{StreamExt, stream};
use tokio::net::TcpListener;

use crate::case::Case;

const PATIENCE: Duration = Duration::from_secs(20);
const AT_ONCE: usize = 4;
/// Away from the ports of others.
const OFFSET: u16 = 30_000;

/// What Envoys refused, and listeners that did not come up, by case.
pub(crate) async fn load_all(cases: &[Case]) -> Vec<String> {
    let version: EnvoyVersion = "1.40".parse().expect("a version of Envoy");
    chancery_testkit::provision(version).expect("an Envoy");
    let each = cases.iter().flat_map(|case| (0..proxies(case, address(0)).len()).map(move |at| (case, at)));
    // Gateways of a case may have the same port: each proxy has an address of its own.
    let loads = each.enumerate().filter_map(|(number, (case, at))| {
        let (proxy, served) = proxies(case, address(number)).into_iter().nth(at)?;
        Some((case, proxy, served))
    });
    let loads: Vec<_> = loads.collect();
    println!("{} proxies", loads.len());
    let running = stream::iter(loads).map(|(case, proxy, served)| async move {
        load(version, &proxy, served).await.err().map(|error| format!("{}: {proxy}: {error}", case.name))
    });
    running.buffer_unordered(AT_ONCE).filter_map(|failure| async move { failure }).collect().await
}

/// What the proxies of a case serve, with their listeners at an address.
fn proxies(case: &Case, address: IpAddr) -> BTreeMap<ProxyId, ProxyResources> {
    let mut options = case.options.clone();
    options.bind.otherwise = address;
    options.bind.privileged_port_offset = OFFSET;
    translate(&case.objects.iter().cloned().collect::<World>(), &options).proxies
}

/// An address for each proxy, and for each process that runs these tests.
fn address(number: usize) -> IpAddr {
    let process = u8::try_from(std::process::id() % 100).unwrap_or(0) + 120;
    let part = |number: usize| u8::try_from(number % 250 + 1).unwrap_or(1);
    IpAddr::V4(Ipv4Addr::new(127, process, part(number / 250), part(number)))
}

async fn load(version: EnvoyVersion, proxy: &ProxyId, served: ProxyResources) -> Result<(), String> {
    let (cache, publisher) = SnapshotCache::new(EveryoneTogether);
    publisher.publish(&GroupKey::everyone(), served.resources).map_err(|error| error.to_string())?;
    let server = Server::builder(cache.clone(), InsecureAllowEveryone).build().map_err(|error| error.to_string())?;
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.map_err(|error| error.to_string())?;
    let at = listener.local_addr().map_err(|error| error.to_string())?;
    let serving = tokio::spawn(server.serve(listener, std::future::pending()));
    let envoy = Envoy::launch(version, &Bootstrap::new(at).node(&proxy.to_string(), "goldens")).await;
    let envoy = envoy.map_err(|error| error.to_string())?;
    let view = cache.view(&GroupKey::everyone());
    let wanted = view.map_or(0, |view| view.wildcard_count(&TypeUrl::LISTENER)) as u64;
    let waited = wait_until("every listener to be up, and nothing refused", PATIENCE, async || -> Result<(), Seen> {
        let stats = envoy.admin().stats("listener_manager|update_rejected|key_rotation_failed").await?;
        let of = |name: &str| stats.iter().filter(|(key, _)| key.ends_with(name)).map(|(_, count)| *count).sum::<u64>();
        let refused = of("update_rejected") + of("listener_create_failure") + of("key_rotation_failed");
        let up = of("total_listeners_active") == wanted && of("total_listeners_warming") == 0;
        match (refused, up, envoy.admin().ready().await?) {
            (0, true, true) => Ok(()),
            _ => Err(Seen::from(format!("{wanted} listeners wanted; {stats:?}"))),
        }
    });
    let loaded = waited.await.map_err(|error| format!("{error}\n{}", envoy.log()));
    serving.abort();
    let _ = envoy.stop().await;
    loaded
}
