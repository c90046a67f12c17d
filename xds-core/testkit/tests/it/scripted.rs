//! Raw streams and herds against a small server.

use std::time::Duration;

use chancery_protocol::TypeUrl;
use chancery_testkit::{
    AckingClient, Delta, Method, Next, RawStream, Sotw, Subscription, Tally, Target, TestAuthority, Unexpected, request,
};
use envoy_types::pb::google::protobuf::Any;
use tonic::Code;

use crate::management::{Fixed, Management};

const PATIENCE: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(50);

fn clusters() -> Vec<Fixed> {
    let body = || Any { type_url: TypeUrl::CLUSTER.as_str().to_owned(), value: vec![0; 100] };
    vec![(TypeUrl::CLUSTER, "a", body()), (TypeUrl::CLUSTER, "b", body())]
}

#[tokio::test]
async fn a_delta_stream_is_played_message_by_message() {
    let server = Management::start(clusters()).await;
    let channel = Target::new(server.address).connect().await.expect("a connection");
    let stream = RawStream::<Delta>::open(&channel, &Method::Aggregated, &[("x-tenant", "one")]).expect("a stream");
    let mut stream = stream.introduce(request::node("proxy-1"));
    stream.send(request::delta(&TypeUrl::CLUSTER, &["*"], &[]));
    let answer = stream.next(PATIENCE).await.expect("an answer");
    assert_eq!(answer.resources.iter().map(|resource| &*resource.name).collect::<Vec<_>>(), ["a", "b"]);
    stream.send(request::delta_ack(&answer));
    stream.expect_silence(SHORT).await.expect("no answer to an acceptance");
    assert!(stream.response_headers().is_some());
    assert!(stream.status().is_none());
    stream.finish();
    let status = stream.ended(PATIENCE).await.expect("an end");
    assert_eq!(status.code(), Code::Ok);
    assert!(matches!(stream.next(SHORT).await, Err(Next::Ended(_))));
}

#[tokio::test]
async fn a_sotw_stream_sees_the_status_it_is_ended_with() {
    let server = Management::start(clusters()).await;
    let channel = Target::new(server.address).connect().await.expect("a connection");
    let mut stream = RawStream::<Sotw>::open(&channel, &Method::Aggregated, &[]).expect("a stream");
    stream.send(request::sotw(&TypeUrl::CLUSTER, &[]));
    let answer = stream.next(PATIENCE).await.expect("an answer");
    assert_eq!(answer.resources.len(), 2);
    stream.send(request::sotw_nack(&answer, "", &[], "not to my taste"));
    stream.send(request::sotw(&TypeUrl::parse(""), &[]));
    let status = stream.ended(PATIENCE).await.expect("an end");
    assert_eq!((status.code(), status.message()), (Code::InvalidArgument, "a request without a type"));
}

#[tokio::test]
async fn bytes_that_are_no_message_reach_the_server() {
    let server = Management::start(clusters()).await;
    let channel = Target::new(server.address).connect().await.expect("a connection");
    let mut stream = RawStream::<Delta>::open(&channel, &Method::Aggregated, &[]).expect("a stream");
    stream.send_bytes(vec![0xff; 10].into());
    assert_eq!(stream.ended(PATIENCE).await.expect("an end").code(), Code::Internal);
}

#[tokio::test]
async fn a_path_no_service_has_is_answered_unimplemented() {
    let server = Management::start(clusters()).await;
    let channel = Target::new(server.address).connect().await.expect("a connection");
    for method in [Method::Single(TypeUrl::CLUSTER), Method::Path("/no.such.Service/Method".to_owned())] {
        let mut stream = RawStream::<Delta>::open(&channel, &method, &[]).expect("a stream");
        assert_eq!(stream.ended(PATIENCE).await.expect("an end").code(), Code::Unimplemented);
    }
    let refused = RawStream::<Sotw>::open(&channel, &Method::Single(TypeUrl::VIRTUAL_HOST), &[]);
    assert!(matches!(refused, Err(Unexpected::NoMethod { .. })));
}

#[tokio::test]
async fn a_server_that_wants_a_certificate_takes_one_of_its_authority() {
    let authority = TestAuthority::new("authority").expect("an authority");
    let own = authority.server(&["localhost"], &[]).expect("a certificate");
    let server = Management::start_tls(clusters(), &authority.certificate_pem(), &own).await;
    let client = authority.client("proxy", &["spiffe://test/proxy"]).expect("a certificate");
    let target = Target::new(server.address).tls(&authority.certificate_pem(), "localhost", Some(&client));
    let channel = target.connect().await.expect("a connection");
    let mut stream = RawStream::<Delta>::open(&channel, &Method::Aggregated, &[]).expect("a stream");
    stream.send(request::delta(&TypeUrl::CLUSTER, &[], &[]));
    assert_eq!(stream.next(PATIENCE).await.expect("an answer").resources.len(), 2);

    let other = TestAuthority::new("another authority").expect("an authority");
    let distrustful = Target::new(server.address).tls(&other.certificate_pem(), "localhost", Some(&client));
    assert!(distrustful.connect().await.is_err());
}

#[tokio::test]
async fn a_herd_counts_what_it_got() {
    let server = Management::start(clusters()).await;
    let channel = Target::new(server.address).connect().await.expect("a connection");
    let tally = Tally::new();
    let join = |number: u32| {
        let node = request::node(&format!("proxy-{number}"));
        let wanted = vec![Subscription::everything(TypeUrl::CLUSTER), Subscription::named(TypeUrl::ENDPOINTS, &["a"])];
        match number % 2 {
            0 => AckingClient::start::<Delta>(&channel, &Method::Aggregated, node, wanted, tally.clone()),
            _ => AckingClient::start::<Sotw>(&channel, &Method::Aggregated, node, wanted, tally.clone()),
        }
    };
    let herd: Vec<AckingClient> = (0..20).map(|number| join(number).expect("a client")).collect();
    tally.wait_responses(40, PATIENCE).await.expect("an answer per type and client");
    assert_eq!((tally.resources(), tally.removed()), (40, 0));
    assert!(tally.bytes() > 4000);
    assert!(herd.iter().all(|client| !client.has_ended()));
    drop(server);
}
