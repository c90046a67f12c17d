//! A gRPC client that resolves `xds:///` through the server: Python's, which asks by name, state-of-the-world only.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use chancery_testkit::provision_python;

use crate::content::{ADS, cluster, endpoints, routes};
use crate::plane::Plane;

const BACKEND: &str = r#"
import grpc, sys
from concurrent import futures
class Echo(grpc.GenericRpcHandler):
    def service(self, details):
        reply = lambda request, context: sys.argv[1].encode() + b" says " + request
        return grpc.unary_unary_rpc_method_handler(reply)
server = grpc.server(futures.ThreadPoolExecutor(2))
server.add_generic_rpc_handlers((Echo(),))
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(port, flush=True)
server.wait_for_termination()
"#;

const CLIENT: &str = r#"
import grpc, sys
channel = grpc.insecure_channel("xds:///svc.test:80")
call = channel.unary_unary("/test.Echo/Say")
for line in sys.stdin:
    print(call(line.strip().encode(), timeout=30, wait_for_ready=True).decode(), flush=True)
"#;

/// A child that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    fn start(command: &mut Command) -> Running {
        Running(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python"))
    }

    fn lines(&mut self) -> impl Iterator<Item = String> + use<> {
        BufReader::new(self.0.stdout.take().expect("its output")).lines().map_while(Result::ok)
    }
}

fn resources(target: &str, ports: &[(&str, u16)]) -> String {
    let mut text = format!(
        r#"listeners:
- name: svc.test:80
  api_listener:
    api_listener:
      "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
      stat_prefix: grpc
      rds: {{route_config_name: svc, config_source: {ADS}}}
      http_filters:
      - {{name: router, typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}}}
---
"#
    );
    text += &routes("svc", target);
    for (name, port) in ports {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], *port));
        text += &cluster(name, ADS, 1000);
        text += &endpoints(name, &[address]);
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_python_grpc_client_resolves_through_the_server_and_follows_a_change() {
    let python = tokio::task::spawn_blocking(|| provision_python("grpc", &["grpcio==1.85.1"])).await;
    let python = python.expect("no panic").expect("a Python with grpcio");
    let backend = |name: &str| {
        let mut running = Running::start(Command::new(&python).args(["-c", BACKEND, name]));
        let port: u16 = running.lines().next().and_then(|line| line.parse().ok()).expect("its port");
        (running, port)
    };
    let ((_blue, blue), (_green, green)) = (backend("blue"), backend("green"));
    let ports = [("blue", blue), ("green", green)];
    let plane = Plane::start(&resources("blue", &ports)).await;
    let bootstrap = serde_json::json!({
        "xds_servers": [{
            "server_uri": plane.address.to_string(),
            "channel_creds": [{ "type": "insecure" }],
            "server_features": ["xds_v3"],
        }],
        "node": { "id": "grpc-1", "cluster": "test", "locality": { "zone": "z" } },
    });
    let mut client = Running::start(
        Command::new(&python).args(["-c", CLIENT]).env("GRPC_XDS_BOOTSTRAP_CONFIG", bootstrap.to_string()),
    );
    let (mut words, mut answers) = (client.0.stdin.take().expect("its input"), client.lines());
    let mut say = move |word: &str| {
        use std::io::Write;
        writeln!(words, "{word}").expect("to write");
        answers.next().unwrap_or_else(|| "no answer".to_owned())
    };
    let (answer, mut say) = tokio::task::spawn_blocking(move || (say("hello"), say)).await.expect("no panic");
    assert_eq!(answer, "blue says hello");
    plane.settled().await;
    let published = plane.publish(&resources("green", &ports));
    plane.reached(&published).await;
    // The client applies what it has acknowledged a moment later.
    let asked =
        tokio::task::spawn_blocking(move || (0..200).map(|_| say("again")).find(|answer| answer == "green says again"));
    assert_eq!(asked.await.expect("no panic").as_deref(), Some("green says again"));
}
