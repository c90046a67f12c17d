//! Certificates and keys as they are written in secrets and config maps.

use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use x509_parser::parse_x509_certificate;

/// Whether this is a certificate chain and the key of its first certificate.
pub(crate) fn check_pair(chain: &[u8], key: &[u8]) -> Result<(), String> {
    let certificates = certificates(chain).map_err(|fault| format!("tls.crt {fault}"))?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| "tls.key holds no private key in PEM".to_owned())?;
    // A key of an algorithm or size that is not supported here may be by the proxy; it cannot be compared.
    let Ok(signing) = any_supported_type(&key) else { return Ok(()) };
    match CertifiedKey::new(certificates, signing).keys_match() {
        Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            Err("tls.key is not the key of the certificate in tls.crt".to_owned())
        }
        _ => Ok(()),
    }
}

/// Whether these are certificates of authorities.
pub(crate) fn check_authorities(pem: &str) -> Result<(), String> {
    certificates(pem.as_bytes()).map(drop)
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = read.map_err(|_| "is not PEM".to_owned())?;
    if certificates.is_empty() {
        return Err("holds no certificate in PEM".to_owned());
    }
    match certificates.iter().all(|certificate| parse_x509_certificate(certificate).is_ok()) {
        true => Ok(certificates),
        false => Err("holds a certificate that cannot be read".to_owned()),
    }
}
