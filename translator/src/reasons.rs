//! The types and reasons of conditions, as the Gateway API names them.

#![allow(missing_docs)]

pub(crate) const ACCEPTED: &str = "Accepted";
pub(crate) const PROGRAMMED: &str = "Programmed";
pub(crate) const RESOLVED_REFS: &str = "ResolvedRefs";
pub(crate) const CONFLICTED: &str = "Conflicted";
pub(crate) const NO_CONFLICTS: &str = "NoConflicts";
pub(crate) const OVERLAPPING_TLS_CONFIG: &str = "OverlappingTLSConfig";
pub(crate) const OVERLAPPING_HOSTNAMES: &str = "OverlappingHostnames";
pub(crate) const PARTIALLY_INVALID: &str = "PartiallyInvalid";
pub(crate) const INSECURE_FRONTEND_VALIDATION_MODE: &str = "InsecureFrontendValidationMode";
pub(crate) const CONFIGURATION_CHANGED: &str = "ConfigurationChanged";

/// Of a problem, not of a condition: route tables cannot be sent as asked.
pub(crate) const ROUTE_TABLES: &str = "RouteTables";

pub(crate) const PENDING: &str = "Pending";
pub(crate) const INVALID: &str = "Invalid";
pub(crate) const INVALID_PARAMETERS: &str = "InvalidParameters";
pub(crate) const LISTENERS_NOT_VALID: &str = "ListenersNotValid";
pub(crate) const UNSUPPORTED_ADDRESS: &str = "UnsupportedAddress";
pub(crate) const ADDRESS_NOT_USABLE: &str = "AddressNotUsable";
pub(crate) const NO_RESOURCES: &str = "NoResources";
pub(crate) const INVALID_CLIENT_CERTIFICATE_REF: &str = "InvalidClientCertificateRef";
pub(crate) const REF_NOT_PERMITTED: &str = "RefNotPermitted";

pub(crate) const UNSUPPORTED_PROTOCOL: &str = "UnsupportedProtocol";
pub(crate) const UNSUPPORTED_VALUE: &str = "UnsupportedValue";
pub(crate) const INVALID_CERTIFICATE_REF: &str = "InvalidCertificateRef";
pub(crate) const INVALID_ROUTE_KINDS: &str = "InvalidRouteKinds";
pub(crate) const INVALID_CA_CERTIFICATE_REF: &str = "InvalidCACertificateRef";
pub(crate) const INVALID_CA_CERTIFICATE_KIND: &str = "InvalidCACertificateKind";
pub(crate) const NO_VALID_CA_CERTIFICATE: &str = "NoValidCACertificate";
pub(crate) const HOSTNAME_CONFLICT: &str = "HostnameConflict";
pub(crate) const PROTOCOL_CONFLICT: &str = "ProtocolConflict";

pub(crate) const NOT_ALLOWED: &str = "NotAllowed";
pub(crate) const PARENT_NOT_ACCEPTED: &str = "ParentNotAccepted";

pub(crate) const NO_MATCHING_PARENT: &str = "NoMatchingParent";
pub(crate) const NOT_ALLOWED_BY_LISTENERS: &str = "NotAllowedByListeners";
pub(crate) const NO_MATCHING_LISTENER_HOSTNAME: &str = "NoMatchingListenerHostname";
pub(crate) const INCOMPATIBLE_FILTERS: &str = "IncompatibleFilters";
pub(crate) const BACKEND_NOT_FOUND: &str = "BackendNotFound";
pub(crate) const INVALID_KIND: &str = "InvalidKind";
