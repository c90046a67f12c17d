//! Authorization: who is turned away and how, what a grant covers, and what happens when it expires.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chancery_core::{Authorizer, Caller, Denial, End, Limits, Server};
use chancery_protocol::{Grant, Node, TypeUrl};
use http::HeaderMap;
use tonic::Code;

use crate::client::{first_sotw, node};
use crate::running::{Running, SOTW, quick, until};
use crate::world::{World, resource};

const CLUSTERS: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";

/// Answers with whatever stands in the box.
#[derive(Clone)]
struct Boxed {
    answer: Arc<Mutex<Result<Grant, Denial>>>,
    asked: Arc<AtomicUsize>,
}

impl Boxed {
    fn of(answer: Result<Grant, Denial>) -> Boxed {
        Boxed { answer: Arc::new(Mutex::new(answer)), asked: Arc::default() }
    }
}

impl Authorizer for Boxed {
    async fn authorize(&self, caller: &Caller<'_>, node: &Node) -> Result<Grant, Denial> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        assert!(caller.identity.address.unwrap().ip().is_loopback());
        match caller.metadata.get("authorization") {
            Some(token) if token == "Bearer of-everything" => return Ok(Grant::everything()),
            _ => {}
        }
        if node.id == "patient" {
            std::future::pending::<()>().await;
        }
        self.answer.lock().unwrap().clone()
    }
}

async fn serve(authorizer: &Boxed, world: &World) -> Running {
    let limits = Limits { authorize_patience: Duration::from_millis(100), ..quick() };
    Running::start(Server::builder(world.clone(), authorizer.clone()).limits(limits)).await
}

#[tokio::test]
async fn each_denial_has_its_status_and_a_token_is_seen() {
    let world = World::of_clusters(&["a"]);
    let authorizer = Boxed::of(Ok(Grant::everything()));
    let server = serve(&authorizer, &world).await;
    for (denial, code) in [
        (Denial::Unauthenticated("who are you".into()), Code::Unauthenticated),
        (Denial::Forbidden("not you".into()), Code::PermissionDenied),
        (Denial::Unavailable("ask later".into()), Code::Unavailable),
    ] {
        *authorizer.answer.lock().unwrap() = Err(denial.clone());
        let mut stream = server.sotw().await;
        stream.send(&first_sotw(CLUSTERS, &[]));
        assert_eq!(stream.end().await.0, code);
        assert_eq!(server.log.ends().last(), Some(&End::Denied(denial)));
    }
    let token =
        HeaderMap::from_iter([(http::header::AUTHORIZATION, http::HeaderValue::from_static("Bearer of-everything"))]);
    let mut stream = server.connect().await.stream_with(SOTW, token).await;
    stream.send(&first_sotw(CLUSTERS, &[]));
    assert_eq!(stream.next_sotw().await.resources.len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn an_authorizer_that_does_not_answer_is_not_waited_for() {
    let authorizer = Boxed::of(Ok(Grant::everything()));
    let server = serve(&authorizer, &World::of_clusters(&["a"])).await;
    let mut stream = server.sotw().await;
    let mut request = first_sotw(CLUSTERS, &[]);
    request.node = node("patient");
    stream.send(&request);
    assert_eq!(stream.end().await.0, Code::Unavailable);
    server.stop().await;
}

#[tokio::test]
async fn a_peer_the_source_has_nothing_for_is_told_so() {
    let server = serve(&Boxed::of(Ok(Grant::everything())), &World::of_clusters(&["a"])).await;
    let mut stream = server.sotw().await;
    let mut request = first_sotw(CLUSTERS, &[]);
    request.node = node("stranger");
    stream.send(&request);
    let (code, text) = stream.end().await;
    assert_eq!(code, Code::Unavailable);
    assert!(text.contains("nothing for strangers"), "{text}");
    server.stop().await;
}

#[tokio::test]
async fn a_type_that_is_not_granted_is_refused() {
    let grant = Grant { types: Some(vec![TypeUrl::CLUSTER]), ..Grant::everything() };
    let server = serve(&Boxed::of(Ok(grant)), &World::of_clusters(&["a"])).await;
    let mut stream = server.sotw().await;
    stream.send(&first_sotw(CLUSTERS, &[]));
    stream.next_sotw().await;
    stream.send(&first_sotw(TypeUrl::SECRET.as_str(), &["s"]));
    assert_eq!(stream.end().await.0, Code::PermissionDenied);
    server.stop().await;
}

#[tokio::test]
async fn a_grant_that_expires_is_renewed_or_ends_the_stream() {
    let world = World::of_clusters(&["a"]);
    let brief = Grant { expires_after: Some(Duration::from_millis(50)), ..Grant::everything() };
    let authorizer = Boxed::of(Ok(brief.clone()));
    let server = serve(&authorizer, &world).await;
    let mut stream = server.sotw().await;
    stream.send(&first_sotw(CLUSTERS, &[]));
    let response = stream.next_sotw().await;
    until("the grant to be renewed", || authorizer.asked.load(Ordering::Relaxed) >= 3).await;
    stream.send(&crate::client::ack(&response));
    world.publish([resource(&TypeUrl::CLUSTER, "b", vec![1])]);
    assert_eq!(stream.next_sotw().await.resources[0].value, [1]);
    *authorizer.answer.lock().unwrap() = Ok(Grant { class: "other".into(), ..brief });
    assert_eq!(stream.end().await.0, Code::Unavailable);
    assert_eq!(server.log.ends(), [End::GrantChanged]);

    let brief = Grant { expires_after: Some(Duration::from_millis(50)), ..Grant::everything() };
    *authorizer.answer.lock().unwrap() = Ok(brief);
    let mut stream = server.sotw().await;
    stream.send(&first_sotw(CLUSTERS, &[]));
    stream.next_sotw().await;
    *authorizer.answer.lock().unwrap() = Err(Denial::Forbidden("no longer".into()));
    assert_eq!(stream.end().await, (Code::PermissionDenied, "not authorized: no longer".into()));
    server.stop().await;
}
