//! A real Envoy with listeners and backends, and the same as resources.

use std::net::SocketAddr;
use std::time::Duration;

use chancery_protocol::{Resource, TypeUrl};
use chancery_resource::read_message;
use chancery_testkit::{Echo, Envoy, EnvoyVersion, Launch};
use serde_json::{Value, json};

use crate::tables::BACKENDS;

const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Proxy {
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) resources: Vec<Resource>,
    listeners: Vec<Value>,
    _envoy: Envoy,
    _backends: Vec<Echo>,
}

impl Proxy {
    pub(crate) async fn start(version: EnvoyVersion, mut listeners: Vec<Value>) -> Proxy {
        let mut backends = Vec::new();
        for name in BACKENDS {
            backends.push(Echo::start(name).await.expect("a backend"));
        }
        let mut clusters = vec![json!({"name": "empty", "type": "STATIC"})];
        for echo in &backends {
            let socket = json!({"address": "127.0.0.1", "port_value": echo.address().port()});
            let endpoint = json!({"endpoint": {"address": {"socket_address": socket}}});
            let assignment = json!({"cluster_name": echo.name(), "endpoints": [{"lb_endpoints": [endpoint]}]});
            clusters.push(json!({"name": echo.name(), "type": "STATIC", "load_assignment": assignment}));
        }
        let bootstrap = json!({
            "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
            "static_resources": {"listeners": listeners, "clusters": clusters},
        });
        let envoy = Launch::with_text(version, bootstrap.to_string()).start().await;
        let envoy = envoy.unwrap_or_else(|error| panic!("no Envoy: {error}"));
        envoy.wait_live(PATIENCE).await.expect("a live Envoy");
        let mut addresses = Vec::new();
        for listener in &mut listeners {
            let name = listener["name"].as_str().expect("a name").to_owned();
            let address = envoy.wait_listener(&name, PATIENCE).await.expect("a listener");
            // What is explained must know the port, too: it may be taken off authorities.
            listener["address"]["socket_address"]["port_value"] = json!(address.port());
            addresses.push(address);
        }
        let listening = listeners.iter().map(|listener| resource(&TypeUrl::LISTENER, listener));
        let resources = listening.chain(clusters.iter().map(|cluster| resource(&TypeUrl::CLUSTER, cluster)));
        Proxy { addresses, resources: resources.collect(), listeners, _envoy: envoy, _backends: backends }
    }

    /// The listeners by their ports, on one line each.
    pub(crate) fn describe(&self) -> String {
        self.listeners.iter().map(|listener| format!("{listener}\n")).collect()
    }
}

fn resource(type_url: &TypeUrl, message: &Value) -> Resource {
    let draft = read_message(type_url.as_str(), "table", message.to_string());
    draft.unwrap_or_else(|errors| panic!("{errors:?} in {message}")).encode().expect("a resource")
}
