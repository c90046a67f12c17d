//! What a proxy refuses is told with the object it comes from.

use chancery_testkit::{Echo, Seen, wait_until};

use crate::PATIENCE;
use crate::manifests::{gateway, replace, small};
use crate::serving::Serving;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_listener_is_traced_to_its_gateway() {
    let echo = Echo::start("catalog").await.expect("a port");
    let root = small(echo.address());
    let serving = Serving::start(root.path(), &[]).await;
    let web = serving.reachable("web").await;
    // Somebody else has the port of the listener that is added.
    let other = std::net::SocketAddr::new(web.ip(), 8099);
    let taken = wait_until("the port", PATIENCE, async || std::net::TcpListener::bind(other).map_err(Seen::from));
    let _taken = taken.await.expect("the port");
    replace(root.path(), "web.yaml", &(gateway("web") + "  - {name: other, protocol: HTTP, port: 8099}\n"));
    serving.line("refuses listeners tcp/").await;
    serving.line("it comes from Gateway shop/web spec.listeners[1]").await;
    serving
        .page_with("the origin of the refusal", "/status", |page| {
            let types = page["proxies"][0]["types"].as_array()?;
            let listeners = types.iter().find(|one| one["type"] == "listeners")?;
            let origin = listeners["nacked"][0]["origins"][0].as_str()?;
            origin.contains("spec.listeners[1]").then_some(())
        })
        .await;
}
