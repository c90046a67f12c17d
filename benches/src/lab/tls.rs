//! Certificates of one run: an authority, a server and a client, and mutual TLS with them.

use std::path::Path;
use std::sync::Arc;

use chancery_testkit::TestAuthority;
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio_rustls::TlsConnector;

use super::setting::TlsFiles;
use crate::stand::Failure;

/// Certificates in a folder that goes when the run ends.
pub(super) struct Certificates {
    _folder: TempDir,
    pub(super) server: TlsFiles,
    client: ClientFiles,
}

/// What a client shows, and whom it believes.
#[derive(Debug, Clone, Default)]
pub(super) struct ClientFiles {
    pub(super) authority: Option<std::path::PathBuf>,
    pub(super) certificate: Option<std::path::PathBuf>,
    pub(super) key: Option<std::path::PathBuf>,
}

impl Certificates {
    pub(super) fn make() -> Result<Certificates, Failure> {
        let folder = tempfile::tempdir()?;
        let authority = TestAuthority::new("lab")?;
        let path = folder.path().join("authority.crt");
        std::fs::write(&path, authority.certificate_pem())?;
        let (certificate, key) = authority.server(&["127.0.0.1", "localhost"], &[])?.write(folder.path(), "server")?;
        let herd = authority.client("herd", &["spiffe://lab/herd"])?.write(folder.path(), "herd")?;
        Ok(Certificates {
            server: TlsFiles { certificate, key, authority: path.clone() },
            client: ClientFiles { authority: Some(path), certificate: Some(herd.0), key: Some(herd.1) },
            _folder: folder,
        })
    }

    /// How the herd connects.
    pub(super) fn client(&self) -> Result<(TlsConnector, ServerName<'static>), Failure> {
        connector(&self.client, "127.0.0.1")
    }
}

/// TLS with these files, to a server of this name. Nothing is resumed: every handshake is a whole one, as in a herd of
/// processes that have never met the server.
pub(super) fn connector(files: &ClientFiles, server: &str) -> Result<(TlsConnector, ServerName<'static>), Failure> {
    let mut roots = RootCertStore::empty();
    let authority = files.authority.as_deref().ok_or("TLS needs the authority that signed the server's certificate")?;
    for certificate in certificates(authority)? {
        roots.add(certificate)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let mut config = match (&files.certificate, &files.key) {
        (Some(certificate), Some(key)) => {
            let key = PrivateKeyDer::from_pem_slice(&read(key)?)?;
            builder.with_client_auth_cert(certificates(certificate)?, key)?
        }
        (None, None) => builder.with_no_client_auth(),
        _ => return Err("a client certificate and its key come together".into()),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.resumption = Resumption::disabled();
    Ok((TlsConnector::from(Arc::new(config)), ServerName::try_from(server.to_owned())?))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    Ok(CertificateDer::pem_slice_iter(&read(file)?).collect::<Result<Vec<_>, _>>()?)
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()).into())
}
