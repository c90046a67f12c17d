//! Envoy bootstraps: what a proxy needs to know to find its management server. Text only; nothing here runs anything.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::yaml::to_yaml;

/// The two variants of the xDS transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Variant {
    /// Incremental xDS.
    Delta,
    /// State of the world.
    Sotw,
}

impl Variant {
    /// Both.
    pub const ALL: [Variant; 2] = [Variant::Delta, Variant::Sotw];

    fn api_type(self) -> &'static str {
        match self {
            Variant::Delta => "DELTA_GRPC",
            Variant::Sotw => "GRPC",
        }
    }
}

/// How many streams a proxy opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Streams {
    /// One for all types: the aggregated discovery service (ADS).
    Aggregated,
    /// One per type, and for most types one per resource.
    PerType,
}

/// The files a proxy proves itself, and its management server, with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagementTls {
    /// The certificate authority the server's certificate must come from (PEM).
    pub authority: PathBuf,
    /// The name the server's certificate must carry, sent as SNI too.
    pub server_name: String,
    /// The client's own certificate chain and key (PEM), if the server asks for one.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// A bootstrap under construction. The defaults: node `proxy` of cluster `chancery`, delta ADS, the admin interface on a
/// free loopback port, quick reconnection.
///
/// ```
/// use chancery_testkit::{Bootstrap, Variant};
/// let text = Bootstrap::new("127.0.0.1:18000".parse().unwrap()).node("gateway-1", "edge").variant(Variant::Sotw).to_yaml();
/// assert!(text.contains("api_type: GRPC"));
/// assert!(text.contains("id: gateway-1"));
/// ```
#[derive(Debug, Clone)]
pub struct Bootstrap {
    servers: Vec<(String, u16)>,
    node_id: String,
    node_cluster: String,
    locality: Option<[String; 3]>,
    metadata: Map<String, Value>,
    variant: Variant,
    streams: Streams,
    tls: Option<ManagementTls>,
    admin: SocketAddr,
    keepalive: Option<(Duration, Duration)>,
    reconnect: (Duration, Duration),
    runtime_layers: Vec<String>,
    clusters: Vec<Value>,
    listeners: Vec<Value>,
    additions: Map<String, Value>,
    dynamic: Dynamic,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dynamic {
    Yes,
    No,
}

/// The name of the static cluster that holds the management server.
pub const MANAGEMENT_CLUSTER: &str = "chancery_management";

impl Bootstrap {
    /// A proxy that asks the management server at this address for listeners and clusters.
    pub fn new(server: SocketAddr) -> Bootstrap {
        Bootstrap { servers: vec![(server.ip().to_string(), server.port())], ..Bootstrap::fixed() }
    }

    /// A proxy that asks a management server known by its host name, looked up in the DNS.
    pub fn with_host(host: &str, port: u16) -> Bootstrap {
        Bootstrap { servers: vec![(host.to_owned(), port)], ..Bootstrap::fixed() }
    }

    /// A proxy without a management server, which has only what [`Bootstrap::cluster`] and [`Bootstrap::listener`] give it.
    pub fn without_management() -> Bootstrap {
        Bootstrap { dynamic: Dynamic::No, ..Bootstrap::fixed() }
    }

    fn fixed() -> Bootstrap {
        Bootstrap {
            servers: Vec::new(),
            node_id: "proxy".to_owned(),
            node_cluster: "chancery".to_owned(),
            locality: None,
            metadata: Map::new(),
            variant: Variant::Delta,
            streams: Streams::Aggregated,
            tls: None,
            admin: SocketAddr::from(([127, 0, 0, 1], 0)),
            keepalive: Some((Duration::from_secs(30), Duration::from_secs(10))),
            reconnect: (Duration::from_millis(200), Duration::from_secs(5)),
            runtime_layers: Vec::new(),
            clusters: Vec::new(),
            listeners: Vec::new(),
            additions: Map::new(),
            dynamic: Dynamic::Yes,
        }
    }

    /// One more address of the management server: Envoy moves to it when a connection to another is lost.
    pub fn another_server(mut self, server: SocketAddr) -> Self {
        self.servers.push((server.ip().to_string(), server.port()));
        self
    }

    /// Who the proxy says it is.
    pub fn node(mut self, id: &str, cluster: &str) -> Self {
        self.node_id = id.to_owned();
        self.node_cluster = cluster.to_owned();
        self
    }

    /// Where the proxy says it runs.
    pub fn locality(mut self, region: &str, zone: &str, sub_zone: &str) -> Self {
        self.locality = Some([region.to_owned(), zone.to_owned(), sub_zone.to_owned()]);
        self
    }

    /// One member of the node's metadata.
    pub fn metadata(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.metadata.insert(key.to_owned(), value.into());
        self
    }

    /// The protocol variant. Default: delta.
    pub fn variant(mut self, variant: Variant) -> Self {
        self.variant = variant;
        self
    }

    /// One aggregated stream, or one stream per type. Default: aggregated.
    pub fn streams(mut self, streams: Streams) -> Self {
        self.streams = streams;
        self
    }

    /// Speaks TLS to the management server. Default: plain text.
    pub fn tls(mut self, tls: ManagementTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Where the admin interface listens. Default: a free port on 127.0.0.1.
    pub fn admin(mut self, address: SocketAddr) -> Self {
        self.admin = address;
        self
    }

    /// HTTP/2 pings to the management server: how often, and how long to wait for the answer. Default: 30 s and 10 s.
    pub fn keepalive(mut self, interval: Duration, patience: Duration) -> Self {
        self.keepalive = Some((interval, patience));
        self
    }

    /// No HTTP/2 pings.
    pub fn without_keepalive(mut self) -> Self {
        self.keepalive = None;
        self
    }

    /// The waits before a lost stream is opened again: base and longest. Default: 200 ms and 5 s (Envoy's own: 500 ms and 30 s).
    pub fn reconnect(mut self, base: Duration, longest: Duration) -> Self {
        self.reconnect = (base, longest);
        self
    }

    /// A layer of runtime values asked of the management server (RTDS) under this name.
    pub fn runtime_layer(mut self, name: &str) -> Self {
        self.runtime_layers.push(name.to_owned());
        self
    }

    /// A static cluster, as Envoy's documentation writes it.
    pub fn cluster(mut self, cluster: Value) -> Self {
        self.clusters.push(cluster);
        self
    }

    /// A static listener, as Envoy's documentation writes it.
    pub fn listener(mut self, listener: Value) -> Self {
        self.listeners.push(listener);
        self
    }

    /// One more member of the bootstrap's top level (`stats_sinks`, `layered_runtime`, ...); replaces what is there.
    pub fn member(mut self, key: &str, value: Value) -> Self {
        self.additions.insert(key.to_owned(), value);
        self
    }

    /// The `ConfigSource` resources should carry to come from the same server by the same streams: for the
    /// `eds_config` of a cluster, the `config_source` of an RDS or SDS reference.
    pub fn config_source(&self) -> Value {
        match self.streams {
            Streams::Aggregated => aggregated_source(),
            Streams::PerType => json!({ "api_config_source": self.api_source(&[]), "resource_api_version": "V3" }),
        }
    }

    /// A `ConfigSource` that opens a delta stream of its own, with these request headers: for VHDS, which needs delta
    /// and does not name its route configuration in the request.
    pub fn own_delta_source(&self, headers: &[(&str, &str)]) -> Value {
        let delta = Bootstrap { variant: Variant::Delta, ..self.clone() };
        json!({ "api_config_source": delta.api_source(headers), "resource_api_version": "V3" })
    }

    /// The bootstrap as YAML.
    pub fn to_yaml(&self) -> String {
        to_yaml(&self.to_value())
    }

    /// The bootstrap as JSON.
    pub fn to_json(&self) -> String {
        format!("{:#}", self.to_value())
    }

    /// The bootstrap as a value, to change further.
    pub fn to_value(&self) -> Value {
        let mut root = Map::new();
        root.insert("node".to_owned(), self.node_value());
        root.insert(
            "admin".to_owned(),
            json!({ "address": socket_address(&self.admin.ip().to_string(), self.admin.port()) }),
        );
        let mut clusters = self.clusters.clone();
        if self.dynamic == Dynamic::Yes {
            root.insert("dynamic_resources".to_owned(), self.dynamic_resources());
            clusters.insert(0, self.management_cluster());
            if !self.runtime_layers.is_empty() {
                root.insert("layered_runtime".to_owned(), self.layered_runtime());
            }
        }
        root.insert("static_resources".to_owned(), json!({ "listeners": self.listeners, "clusters": clusters }));
        for (key, value) in &self.additions {
            root.insert(key.clone(), value.clone());
        }
        Value::Object(root)
    }

    fn node_value(&self) -> Value {
        let mut node = json!({ "id": self.node_id, "cluster": self.node_cluster });
        if let Some([region, zone, sub_zone]) = &self.locality {
            node["locality"] = json!({ "region": region, "zone": zone, "sub_zone": sub_zone });
        }
        if !self.metadata.is_empty() {
            node["metadata"] = Value::Object(self.metadata.clone());
        }
        node
    }

    fn dynamic_resources(&self) -> Value {
        let mut resources = json!({ "cds_config": self.config_source(), "lds_config": self.config_source() });
        if self.streams == Streams::Aggregated {
            resources["ads_config"] = self.api_source(&[]);
        }
        resources
    }

    fn api_source(&self, headers: &[(&str, &str)]) -> Value {
        let (base, longest) = self.reconnect;
        let back_off = json!({ "base_interval": seconds(base), "max_interval": seconds(longest) });
        let mut service = json!({
            "envoy_grpc": { "cluster_name": MANAGEMENT_CLUSTER, "retry_policy": { "retry_back_off": back_off } },
        });
        if !headers.is_empty() {
            let header = |&(key, value): &(&str, &str)| json!({ "key": key, "value": value });
            service["initial_metadata"] = headers.iter().map(header).collect();
        }
        json!({
            "api_type": self.variant.api_type(),
            "transport_api_version": "V3",
            "set_node_on_first_message_only": true,
            "grpc_services": [service],
        })
    }

    fn management_cluster(&self) -> Value {
        let mut http2 = json!({});
        if let Some((interval, patience)) = self.keepalive {
            http2["connection_keepalive"] = json!({ "interval": seconds(interval), "timeout": seconds(patience) });
        }
        let by_address = self.servers.iter().all(|(host, _)| host.parse::<std::net::IpAddr>().is_ok());
        let endpoint = |(host, port): &(String, u16)| json!({ "endpoint": { "address": socket_address(host, *port) } });
        let endpoints: Vec<Value> = self.servers.iter().map(endpoint).collect();
        let mut cluster = json!({
            "name": MANAGEMENT_CLUSTER,
            "type": if by_address { "STATIC" } else { "STRICT_DNS" },
            "connect_timeout": "1s",
            "typed_extension_protocol_options": {
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                    "explicit_http_config": { "http2_protocol_options": http2 },
                },
            },
            "load_assignment": { "cluster_name": MANAGEMENT_CLUSTER, "endpoints": [{ "lb_endpoints": endpoints }] },
        });
        if let Some(tls) = &self.tls {
            cluster["transport_socket"] =
                json!({ "name": "envoy.transport_sockets.tls", "typed_config": tls_context(tls) });
        }
        cluster
    }

    fn layered_runtime(&self) -> Value {
        let layer = |name: &String| {
            let source = self.config_source();
            json!({ "name": name, "rtds_layer": { "name": name, "rtds_config": source } })
        };
        let mut layers: Vec<Value> = self.runtime_layers.iter().map(layer).collect();
        layers.push(json!({ "name": "admin", "admin_layer": {} }));
        json!({ "layers": layers })
    }
}

/// The `ConfigSource` that says: from the aggregated stream.
pub fn aggregated_source() -> Value {
    json!({ "ads": {}, "resource_api_version": "V3" })
}

/// An Envoy `Address` of a TCP socket.
pub fn socket_address(host: &str, port: u16) -> Value {
    json!({ "socket_address": { "address": host, "port_value": port } })
}

fn tls_context(tls: &ManagementTls) -> Value {
    let file = |path: &PathBuf| json!({ "filename": path });
    let mut common = json!({
        "alpn_protocols": ["h2"],
        "validation_context": {
            "trusted_ca": file(&tls.authority),
            "match_typed_subject_alt_names": [{ "san_type": "DNS", "matcher": { "exact": tls.server_name } }],
        },
    });
    if let Some((chain, key)) = &tls.client {
        common["tls_certificates"] = json!([{ "certificate_chain": file(chain), "private_key": file(key) }]);
    }
    json!({
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        "sni": tls.server_name,
        "common_tls_context": common,
    })
}

/// A duration as the JSON form of protobuf writes it.
fn seconds(duration: Duration) -> String {
    format!("{}.{:09}s", duration.as_secs(), duration.subsec_nanos())
}
