//! TLS: client certificates become identities, and certificates are replaced under running streams.

use std::sync::Arc;

use chancery_core::{ByCertificate, ClientCertificates, InsecureAllowEveryone, Material, Server, Tls, TlsError};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::Code;

use crate::client::{Connection, first_sotw};
use crate::running::{Running, SOTW, Seen, quick};
use crate::world::{World, resource};

const CLUSTERS: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate and its key, as PEM.
fn signed(authority: &Authority, common_name: &str, names: Vec<SanType>) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.subject_alt_names = names;
    (params.signed_by(&key, authority).unwrap().pem(), key.serialize_pem())
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

fn uri(name: &str) -> SanType {
    SanType::URI(name.try_into().unwrap())
}

fn material(server: &Authority, clients: ClientCertificates) -> Material {
    let (certificate, key) = signed(server, "server", vec![dns("localhost")]);
    Material { certificates_pem: certificate.into(), key_pem: key.into(), clients }
}

async fn connect(
    server: &Running,
    trusted: &Authority,
    client: Option<&(String, String)>,
) -> Result<Connection, std::io::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots);
    let mut config = match client {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => {
            let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            config.with_client_auth_cert(vec![certificate], key).unwrap()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    let tcp = TcpStream::connect(server.address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await?;
    Ok(Connection::over(tls, 1 << 20).await)
}

#[tokio::test]
async fn a_client_certificate_is_the_identity_that_is_authorized() {
    let (ours, clients) = (authority("servers"), authority("clients"));
    let required = ClientCertificates::Required { authorities_pem: clients.pem().into() };
    let tls = Tls::new(&material(&ours, required)).unwrap();
    let allowed = "spiffe://example.org/ns/edge/sa/envoy";
    let builder = Server::builder(World::of_clusters(&["a"]), ByCertificate::new([allowed])).tls(tls).limits(quick());
    let server = Running::start(builder).await;

    let envoy = signed(&clients, "envoy", vec![uri(allowed), dns("envoy.example.org")]);
    let mut stream = connect(&server, &ours, Some(&envoy)).await.unwrap().stream(SOTW).await;
    stream.send(&first_sotw(CLUSTERS, &[]));
    assert_eq!(stream.next_sotw().await.resources.len(), 1);
    let seen = server.log.all();
    let Some(Seen::Opened(peer)) = seen.first() else { panic!("{seen:?}") };
    let certificate = peer.identity.certificate.as_ref().unwrap();
    assert_eq!(certificate.uris, [allowed]);
    assert_eq!(certificate.dns_names, ["envoy.example.org"]);
    assert_eq!(certificate.common_name.as_deref(), Some("envoy"));
    assert!(peer.identity.address.unwrap().ip().is_loopback());

    let other = signed(&clients, "other", vec![uri("spiffe://example.org/ns/edge/sa/other")]);
    let mut stream = connect(&server, &ours, Some(&other)).await.unwrap().stream(SOTW).await;
    stream.send(&first_sotw(CLUSTERS, &[]));
    assert_eq!(stream.end().await.0, Code::PermissionDenied);
    server.stop().await;
}

#[tokio::test]
async fn no_certificate_or_a_foreign_one_is_refused_where_one_is_required() {
    let (ours, clients, foreign) = (authority("servers"), authority("clients"), authority("foreign"));
    let required = ClientCertificates::Required { authorities_pem: clients.pem().into() };
    let tls = Tls::new(&material(&ours, required)).unwrap();
    let builder = Server::builder(World::of_clusters(&["a"]), InsecureAllowEveryone).tls(tls).limits(quick());
    let server = Running::start(builder).await;
    let forged = signed(&foreign, "envoy", vec![uri("spiffe://example.org/ns/edge/sa/envoy")]);
    for client in [None, Some(&forged)] {
        // With TLS 1.3 the client learns of it only when it reads.
        if let Ok(connection) = connect(&server, &ours, client).await {
            connection.closed().await;
        }
    }
    assert_eq!(server.log.all(), []);
    server.stop().await;
}

#[tokio::test]
async fn an_optional_certificate_may_be_missing_and_then_proves_nothing() {
    let (ours, clients) = (authority("servers"), authority("clients"));
    let optional = ClientCertificates::Optional { authorities_pem: clients.pem().into() };
    let tls = Tls::new(&material(&ours, optional)).unwrap();
    let builder = Server::builder(World::of_clusters(&["a"]), ByCertificate::new(["x"])).tls(tls).limits(quick());
    let server = Running::start(builder).await;
    let mut stream = connect(&server, &ours, None).await.unwrap().stream(SOTW).await;
    stream.send(&first_sotw(CLUSTERS, &[]));
    assert_eq!(stream.end().await.0, Code::Unauthenticated);
    server.stop().await;
}

#[tokio::test]
async fn certificates_are_replaced_while_streams_go_on() {
    let (old, new) = (authority("old"), authority("new"));
    let tls = Tls::new(&material(&old, ClientCertificates::NotAsked)).unwrap();
    let world = World::of_clusters(&["a"]);
    let builder = Server::builder(world.clone(), InsecureAllowEveryone).tls(tls.clone()).limits(quick());
    let server = Running::start(builder).await;
    let mut before = connect(&server, &old, None).await.unwrap().stream(SOTW).await;
    before.send(&first_sotw(CLUSTERS, &[]));
    let response = before.next_sotw().await;
    before.send(&crate::client::ack(&response));

    tls.replace(&material(&new, ClientCertificates::NotAsked)).unwrap();
    assert!(connect(&server, &old, None).await.is_err());
    let mut after = connect(&server, &new, None).await.unwrap().stream(SOTW).await;
    after.send(&first_sotw(CLUSTERS, &[]));
    after.next_sotw().await;
    world.publish([resource(&chancery_protocol::TypeUrl::CLUSTER, "b", vec![1])]);
    assert_eq!(before.next_sotw().await.resources[0].value, [1]);

    let mut unfit = material(&new, ClientCertificates::NotAsked);
    unfit.key_pem = KeyPair::generate().unwrap().serialize_pem().into();
    assert!(matches!(tls.replace(&unfit), Err(TlsError::Unusable(_))));
    unfit.key_pem.clear();
    assert!(matches!(tls.replace(&unfit), Err(TlsError::Key(_))));
    unfit.certificates_pem.clear();
    assert!(matches!(tls.replace(&unfit), Err(TlsError::Certificates { .. })));
    assert!(connect(&server, &new, None).await.is_ok(), "the old material stays");
    server.stop().await;
}
