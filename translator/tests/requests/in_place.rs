//! What an edit of a TLS or TCP route does to connections of others: nothing.

use std::path::Path;

use chancery_testkit::EnvoyVersion;
use chancery_testkit::http::{Connection, Trust, request};
use http::Method;

use crate::case;
use crate::proxy::{How, Setting};
use chancery_translator::TableForm;

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_tls_route_updates_its_listener_in_place_and_other_connections_survive() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/requests/edits");
    let mut case = case::read_all(&directory, false).remove(0);
    chancery_testkit::provision(EnvoyVersion::V1_40).expect("an Envoy");
    let mut setting = Setting::of(&mut case, How { version: EnvoyVersion::V1_40, form: TableForm::Whole })
        .await
        .expect("the case in operation");
    let trust = Trust::new(&case.authority.certificate_pem(), None).expect("trust");
    let ask = || request(Method::GET, "one.example", "/").expect("a request");
    let mut kept = Connection::open_tls(setting.socket(8443), "one.example", &trust).await.expect("a connection");
    assert_eq!(kept.send(ask()).await.expect("an answer").status, 200);
    let stat = async |setting: &Setting, name: &str| {
        setting.envoy.admin().stat(&format!("listener_manager.{name}")).await.expect("a number")
    };
    let before = stat(&setting, "listener_in_place_updated").await;
    let edit = case.steps.remove(1).objects;
    assert!(!edit.is_empty(), "the case holds an edit");
    setting.change(&edit).await.expect("the edit");
    assert_eq!(stat(&setting, "listener_in_place_updated").await, before + 1);
    assert_eq!(stat(&setting, "total_listeners_draining").await, 0, "no listener is replaced");
    // The connection of the route that was not edited goes on; a new name is served.
    assert_eq!(kept.send(ask()).await.expect("an answer on the old connection").status, 200);
    let mut other = Connection::open_tls(setting.socket(8443), "three.example", &trust).await.expect("the new name");
    let answer = other.send(request(Method::GET, "three.example", "/").expect("a request")).await.expect("an answer");
    assert_eq!(answer.header("x-backend"), Some("t2"));
}
