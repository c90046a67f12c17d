//! Certificates and authorities.

use envoy_types::pb::envoy::config::core::v3::{DataSource, data_source};
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::{
    CertificateValidationContext, Secret, TlsCertificate, secret,
};

use crate::ir::{SecretBody, SecretItem};

pub(super) fn message(item: &SecretItem) -> Secret {
    let content = match &item.body {
        SecretBody::Certificate(certificate) => secret::Type::TlsCertificate(TlsCertificate {
            certificate_chain: inline(&certificate.chain),
            private_key: inline(&certificate.key),
            ..TlsCertificate::default()
        }),
        SecretBody::Authorities(pem) => secret::Type::ValidationContext(CertificateValidationContext {
            trusted_ca: inline(pem.as_bytes()),
            ..CertificateValidationContext::default()
        }),
    };
    Secret { name: item.name.0.to_string(), r#type: Some(content) }
}

fn inline(bytes: &[u8]) -> Option<DataSource> {
    let specifier = data_source::Specifier::InlineBytes(bytes.to_vec());
    Some(DataSource { specifier: Some(specifier), ..DataSource::default() })
}
