//! What the transport proves about a peer: its address and the names in its verified certificate.

use chancery_protocol::{Certificate, Identity};
use http::Extensions;
use rustls::pki_types::CertificateDer;
use tonic::transport::server::{TcpConnectInfo, TlsConnectInfo};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// The names in a certificate the TLS handshake has verified. `None`: not readable, so it proves nothing.
pub(crate) fn read_certificate(der: &[u8]) -> Option<Certificate> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    let mut certificate = Certificate::default();
    if let Ok(Some(names)) = parsed.subject_alternative_name() {
        for name in &names.value.general_names {
            match name {
                GeneralName::URI(uri) => certificate.uris.push((*uri).to_owned()),
                GeneralName::DNSName(dns) => certificate.dns_names.push((*dns).to_owned()),
                _ => {}
            }
        }
    }
    let common_name = parsed.subject().iter_common_name().next();
    certificate.common_name = common_name.and_then(|name| name.as_str().ok()).map(str::to_owned);
    Some(certificate)
}

/// When a certificate ends, in seconds since 1970.
pub(crate) fn expiry_seconds(der: &[u8]) -> Option<i64> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    Some(parsed.validity().not_after.timestamp())
}

/// The identity on a connection somebody else's tonic server has accepted.
pub(crate) fn of_foreign_connection(extensions: &Extensions) -> Identity {
    if let Some(tls) = extensions.get::<TlsConnectInfo<TcpConnectInfo>>() {
        let certificates = tls.peer_certs();
        let leaf = certificates.as_deref().and_then(|chain: &Vec<CertificateDer<'static>>| chain.first());
        let certificate = leaf.and_then(|leaf| read_certificate(leaf));
        return Identity { address: tls.get_ref().remote_addr(), certificate };
    }
    let address = extensions.get::<TcpConnectInfo>().and_then(TcpConnectInfo::remote_addr);
    Identity { address, certificate: None }
}
