//! Connections that choose among filter chains, by server name and by TLS or plain text.

use std::collections::BTreeSet;

use chancery_explain::{Config, Entry, Outcome, Request, Transport};
use chancery_testkit::http::{self, Trust};
use chancery_testkit::{EnvoyVersion, Issued, TestAuthority};
use serde_json::{Value, json};

use crate::chance::Chance;
use crate::proxy::Proxy;

const CONNECTIONS: usize = 500;
const LISTENERS: usize = 20;
const ASKED: &[&str] = &["a.example", "b.example", "c.b.example", "d.c.b.example", "x.test", "other.host"];
const NAMES: &[&str] = &["a.example", "*.example", "*.b.example", "*.c.b.example", "x.test", "*.test", "c.b.example"];

fn chain(chance: &mut Chance, taken: &mut BTreeSet<(String, String)>, name: &str, issued: &Issued) -> Option<Value> {
    let protocol = chance.pick(&["", "", "tls", "raw_buffer"]);
    let mut names: Vec<&str> = Vec::new();
    if protocol != "raw_buffer" && !chance.once_in(5) {
        for _ in 0..=chance.below(2) {
            names.push(chance.pick(NAMES));
        }
        names.retain(|server_name| taken.insert(((*server_name).to_owned(), protocol.to_owned())));
        if names.is_empty() {
            return None;
        }
    } else if !taken.insert((String::new(), protocol.to_owned())) {
        return None;
    }
    let routes =
        json!([{"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": name}}}]);
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "t",
        "route_config": {"name": "t", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": [{"name": "router", "typed_config":
            {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}],
    });
    let mut chain = json!({
        "name": name,
        "filter_chain_match": {"server_names": names, "transport_protocol": protocol},
        "filters": [{"name": "http", "typed_config": manager}],
    });
    if protocol != "raw_buffer" {
        let certificate = json!({
            "certificate_chain": {"inline_string": issued.certificate_pem},
            "private_key": {"inline_string": issued.key_pem},
        });
        chain["transport_socket"] = json!({"name": "tls", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": {"tls_certificates": [certificate]},
        }});
    }
    Some(chain)
}

fn listener(chance: &mut Chance, number: usize, issued: &Issued) -> Value {
    let mut taken = BTreeSet::new();
    let count = 3 + chance.below(6);
    let mut chains = Vec::new();
    for at in 0..count {
        chains.extend(chain(chance, &mut taken, &format!("chain-{at}"), issued));
    }
    json!({
        "name": format!("listener-{number}"),
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "listener_filters": [{"name": "tls", "typed_config":
            {"@type": "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"}}],
        "filter_chains": chains,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_served_by_the_filter_chain_that_is_explained() {
    let seed = crate::seed();
    let mut chance = Chance::new(seed);
    let authority = TestAuthority::new("authority").expect("an authority");
    let issued = authority.server(ASKED, &[]).expect("a certificate");
    let trust = Trust::new(&authority.certificate_pem(), None).expect("trust");
    let listeners = (0..LISTENERS).map(|number| listener(&mut chance, number, &issued)).collect();
    let proxy = Proxy::start(EnvoyVersion::V1_40, listeners).await;
    let (config, problems) = Config::from_resources(&proxy.resources);
    assert_eq!(problems, []);
    let (mut served, mut refused) = (0, 0);
    for _ in 0..CONNECTIONS {
        let address = proxy.addresses[chance.below(proxy.addresses.len())];
        let name = chance.pick(ASKED);
        let mut request = Request::get(Entry::Address(address), name, "/");
        let answer = if chance.once_in(4) {
            http::get(address, name, "/").await
        } else {
            request = request.over(Transport::tls(name));
            http::get_tls(address, name, "/", &trust).await
        };
        let explanation = config.explain(&request);
        let same = match (&explanation.outcome, &answer) {
            (Outcome::DirectResponse { body, .. }, Ok(answer)) => body.as_deref() == Some(answer.text().as_str()),
            (Outcome::Refused { .. }, Err(_)) => true,
            _ => false,
        };
        match &answer {
            Ok(_) => served += 1,
            Err(_) => refused += 1,
        }
        assert!(same, "CHANCERY_EXPLAIN_SEED={seed}: {request:?}\n{explanation:?}\n{answer:?}\n{}", proxy.describe());
    }
    assert!(served > CONNECTIONS / 10 && refused > CONNECTIONS / 100, "{served} served, {refused} refused: too narrow");
}
