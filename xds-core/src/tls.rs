//! TLS with certificates that can be replaced while the server runs, and client certificates that prove who calls.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoClientAuth, WebPkiClientVerifier, danger::ClientCertVerifier};
use rustls::{RootCertStore, ServerConfig};

use crate::identity;

/// What a TLS server needs, as PEM text.
#[derive(Clone)]
pub struct Material {
    /// The server's certificate, followed by its intermediates.
    pub certificates_pem: Vec<u8>,
    /// The private key of the first certificate.
    pub key_pem: Vec<u8>,
    /// What clients must show.
    pub clients: ClientCertificates,
}

/// No key material, ever.
impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Material").field("clients", &self.clients).finish_non_exhaustive()
    }
}

/// What clients must show.
#[derive(Clone)]
pub enum ClientCertificates {
    /// Nothing: the identity of a peer is then its address alone.
    NotAsked,
    /// A certificate these authorities signed, if they have one; one that does not verify fails the handshake.
    Optional {
        /// The authorities' certificates.
        authorities_pem: Vec<u8>,
    },
    /// A certificate these authorities signed.
    Required {
        /// The authorities' certificates.
        authorities_pem: Vec<u8>,
    },
}

impl fmt::Debug for ClientCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ClientCertificates::NotAsked => "NotAsked",
            ClientCertificates::Optional { .. } => "Optional",
            ClientCertificates::Required { .. } => "Required",
        })
    }
}

/// Why TLS material cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The PEM text holds no certificate, or a broken one.
    #[error("{what} cannot be read as PEM certificates: {why}")]
    Certificates {
        /// Which text.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The PEM text holds no private key, or a broken one.
    #[error("`key_pem` cannot be read as a PEM private key: {0}")]
    Key(String),
    /// Key and certificate do not belong together, or are of a kind that is not supported.
    #[error("the certificate and the key cannot be used: {0}")]
    Unusable(String),
}

/// A server's TLS, whose certificates can be replaced while it runs. Cheap to clone; clones are the same.
///
/// TLS 1.2 and 1.3 are served: Envoy's own upstream default is 1.2.
#[derive(Clone)]
pub struct Tls(Arc<ArcSwap<ServerConfig>>);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// TLS with this material.
    ///
    /// # Errors
    /// When a part of it cannot be used; the error says which.
    pub fn new(material: &Material) -> Result<Tls, TlsError> {
        Ok(Tls(Arc::new(ArcSwap::from_pointee(config(material)?))))
    }

    /// Uses this material for connections from now on. Open connections and their streams go on undisturbed.
    ///
    /// # Errors
    /// When a part of it cannot be used; the old material then stays.
    pub fn replace(&self, material: &Material) -> Result<(), TlsError> {
        self.0.store(Arc::new(config(material)?));
        Ok(())
    }

    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        self.0.load_full()
    }
}

fn config(material: &Material) -> Result<ServerConfig, TlsError> {
    let chain = certificates("certificates_pem", &material.certificates_pem)?;
    let key = PrivateKeyDer::from_pem_slice(&material.key_pem).map_err(|error| TlsError::Key(error.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier: Arc<dyn ClientCertVerifier> = match &material.clients {
        ClientCertificates::NotAsked => Arc::new(NoClientAuth),
        ClientCertificates::Optional { authorities_pem } => {
            let roots = Arc::new(roots(authorities_pem)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider));
            verifier.allow_unauthenticated().build().map_err(unusable)?
        }
        ClientCertificates::Required { authorities_pem } => {
            let roots = Arc::new(roots(authorities_pem)?);
            WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider)).build().map_err(unusable)?
        }
    };
    let expiry = chain.first().and_then(|leaf| identity::expiry_seconds(leaf));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    if let Some(expiry) = expiry {
        ::metrics::gauge!("chancery_tls_certificate_expiry_seconds").set(expiry as f64);
    }
    Ok(config)
}

fn roots(pem: &[u8]) -> Result<RootCertStore, TlsError> {
    const WHAT: &str = "authorities_pem";
    let mut roots = RootCertStore::empty();
    for certificate in certificates(WHAT, pem)? {
        roots.add(certificate).map_err(|error| TlsError::Certificates { what: WHAT, why: error.to_string() })?;
    }
    Ok(roots)
}

fn certificates(what: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(none) if none.is_empty() => Err(TlsError::Certificates { what, why: "it holds no certificate".into() }),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(TlsError::Certificates { what, why: error.to_string() }),
    }
}

fn unusable(error: impl fmt::Display) -> TlsError {
    TlsError::Unusable(error.to_string())
}
