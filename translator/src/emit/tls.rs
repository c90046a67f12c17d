//! TLS, towards clients and towards backends.

use envoy_types::pb::envoy::config::core::v3::{DataSource, TransportSocket, data_source, transport_socket};
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::{
    CertificateValidationContext, CommonTlsContext, DownstreamTlsContext, SdsSecretConfig, SubjectAltNameMatcher,
    TlsParameters, UpstreamTlsContext,
    certificate_validation_context::TrustChainVerification,
    common_tls_context::{CombinedCertificateValidationContext, ValidationContextType},
    subject_alt_name_matcher,
    tls_parameters::TlsProtocol,
};
use prost::{Message, Name};

use super::values;
use crate::ir::{
    ClientCertificates, SecretName, ServerIdentity, Termination, TrustedBy, UpstreamProtocol, UpstreamTls,
};

const TLS: &str = "envoy.transport_sockets.tls";
/// Where the authorities are that the proxy's system knows.
const SYSTEM_AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

pub(super) fn downstream(termination: &Termination) -> TransportSocket {
    let untrusted = || CertificateValidationContext {
        trust_chain_verification: TrustChainVerification::AcceptUntrusted.into(),
        ..CertificateValidationContext::default()
    };
    let (required, validation) = match &termination.clients {
        ClientCertificates::NotAsked => (false, None),
        ClientCertificates::Required(authorities) => {
            (true, Some(ValidationContextType::ValidationContextSdsSecretConfig(secret(authorities))))
        }
        ClientCertificates::Optional(Some(authorities)) => (false, Some(combined(untrusted(), authorities))),
        ClientCertificates::Optional(None) => (false, Some(ValidationContextType::ValidationContext(untrusted()))),
    };
    let common = CommonTlsContext {
        tls_params: Some(versions()),
        tls_certificate_sds_secret_configs: termination.certificates.iter().map(secret).collect(),
        alpn_protocols: termination.application_protocols.iter().map(|protocol| (*protocol).to_owned()).collect(),
        validation_context_type: validation,
        ..CommonTlsContext::default()
    };
    socket(&DownstreamTlsContext {
        common_tls_context: Some(common),
        require_client_certificate: required.then_some(true).and_then(values::truth),
        ..DownstreamTlsContext::default()
    })
}

pub(super) fn upstream(tls: &UpstreamTls, protocol: UpstreamProtocol) -> TransportSocket {
    let names = CertificateValidationContext {
        match_typed_subject_alt_names: tls.identities.iter().map(identity).collect(),
        ..CertificateValidationContext::default()
    };
    let validation = match &tls.trusted {
        TrustedBy::Secret(authorities) => combined(names, authorities),
        TrustedBy::System => {
            let file = data_source::Specifier::Filename(SYSTEM_AUTHORITIES.to_owned());
            ValidationContextType::ValidationContext(CertificateValidationContext {
                trusted_ca: Some(DataSource { specifier: Some(file), ..DataSource::default() }),
                ..names
            })
        }
    };
    let application_protocols = match protocol {
        UpstreamProtocol::Raw => Vec::new(),
        UpstreamProtocol::Http1 => vec!["http/1.1".to_owned()],
        UpstreamProtocol::Http2 => vec!["h2".to_owned()],
    };
    socket(&UpstreamTlsContext {
        common_tls_context: Some(CommonTlsContext {
            tls_params: Some(versions()),
            tls_certificate_sds_secret_configs: tls.client_certificate.iter().map(secret).collect(),
            alpn_protocols: application_protocols,
            validation_context_type: Some(validation),
            ..CommonTlsContext::default()
        }),
        sni: tls.server_name.clone(),
        ..UpstreamTlsContext::default()
    })
}

fn identity(identity: &ServerIdentity) -> SubjectAltNameMatcher {
    let (kind, name) = match identity {
        ServerIdentity::Dns(name) => (subject_alt_name_matcher::SanType::Dns, name),
        ServerIdentity::Uri(name) => (subject_alt_name_matcher::SanType::Uri, name),
    };
    let matcher = Some(values::exact(name));
    SubjectAltNameMatcher { san_type: kind.into(), matcher, ..SubjectAltNameMatcher::default() }
}

fn combined(own: CertificateValidationContext, authorities: &SecretName) -> ValidationContextType {
    ValidationContextType::CombinedValidationContext(CombinedCertificateValidationContext {
        default_validation_context: Some(own),
        validation_context_sds_secret_config: Some(secret(authorities)),
        ..CombinedCertificateValidationContext::default()
    })
}

fn secret(name: &SecretName) -> SdsSecretConfig {
    SdsSecretConfig { name: name.0.to_string(), sds_config: Some(values::ads()) }
}

fn versions() -> TlsParameters {
    TlsParameters {
        tls_minimum_protocol_version: TlsProtocol::TlSv12.into(),
        tls_maximum_protocol_version: TlsProtocol::TlSv13.into(),
        ..TlsParameters::default()
    }
}

fn socket<M: Message + Name>(message: &M) -> TransportSocket {
    let config = transport_socket::ConfigType::TypedConfig(values::any(message));
    TransportSocket { name: TLS.to_owned(), config_type: Some(config) }
}
