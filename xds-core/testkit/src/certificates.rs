//! Certificates for tests: an authority of one's own, and what it issues.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};

/// A certificate authority made for one test run; its key is never stored.
///
/// ```
/// # fn main() -> Result<(), chancery_testkit::CertificateError> {
/// let authority = chancery_testkit::TestAuthority::new("test authority")?;
/// let server = authority.server(&["localhost", "127.0.0.1"], &[])?;
/// let client = authority.client("gateway-1", &["spiffe://test.example/ns/default/sa/gateway-1"])?;
/// assert!(server.certificate_pem.starts_with("-----BEGIN CERTIFICATE"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TestAuthority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate with its key.
#[derive(Clone)]
pub struct Issued {
    /// The certificate (PEM).
    pub certificate_pem: String,
    /// Its private key (PEM).
    pub key_pem: String,
}

/// The certificate only: the key is a secret, if a short-lived one.
impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issued").field("certificate_pem", &self.certificate_pem).finish_non_exhaustive()
    }
}

/// A name that cannot stand in a certificate.
#[derive(Debug, thiserror::Error)]
#[error("cannot make a certificate: {0}")]
pub struct CertificateError(#[from] rcgen::Error);

impl TestAuthority {
    /// An authority with a new key.
    ///
    /// # Errors
    /// [`CertificateError`] when the system gives no randomness.
    pub fn new(common_name: &str) -> Result<TestAuthority, CertificateError> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        Ok(TestAuthority { issuer })
    }

    /// The authority's own certificate (PEM): what the other end trusts.
    pub fn certificate_pem(&self) -> String {
        self.issuer.pem()
    }

    /// A server certificate for these host names or addresses, and these URIs.
    ///
    /// # Errors
    /// [`CertificateError`] when a name is not ASCII.
    pub fn server(&self, names: &[&str], uris: &[&str]) -> Result<Issued, CertificateError> {
        let common_name = names.first().copied().unwrap_or("server");
        self.issue(common_name, names, uris, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A client certificate with this common name and these URIs (a SPIFFE ID is one).
    ///
    /// # Errors
    /// [`CertificateError`] when a URI is not ASCII.
    pub fn client(&self, common_name: &str, uris: &[&str]) -> Result<Issued, CertificateError> {
        self.issue(common_name, &[], uris, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn issue(
        &self,
        common_name: &str,
        names: &[&str],
        uris: &[&str],
        purpose: ExtendedKeyUsagePurpose,
    ) -> Result<Issued, CertificateError> {
        let mut params = CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())?;
        params.distinguished_name.push(DnType::CommonName, common_name);
        for &uri in uris {
            params.subject_alt_names.push(SanType::URI(uri.try_into()?));
        }
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![purpose];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Issued { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
    }
}

impl Issued {
    /// Writes both as `<name>.crt` and `<name>.key` into a directory, and gives the two paths.
    ///
    /// # Errors
    /// What the system said.
    pub fn write(&self, directory: &Path, name: &str) -> io::Result<(PathBuf, PathBuf)> {
        let paths = (directory.join(format!("{name}.crt")), directory.join(format!("{name}.key")));
        fs::write(&paths.0, &self.certificate_pem)?;
        fs::write(&paths.1, &self.key_pem)?;
        Ok(paths)
    }
}
