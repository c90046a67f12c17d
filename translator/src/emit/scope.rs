//! Scopes: how the connection manager finds the route configuration of a request's host, where each host has its own.
//!
//! The scopes of a proxy are one set for all of its connection managers. So the name of the table is part of the key; as keys are
//! made of headers alone, the connection manager writes it into one, whatever the client sent, and routes take it out again.

use envoy_types::pb::envoy::config::common::mutation_rules::v3::{HeaderMutation, header_mutation};
use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption, TypedExtensionConfig};
use envoy_types::pb::envoy::config::route::v3::ScopedRouteConfiguration;
use envoy_types::pb::envoy::config::route::v3::scoped_route_configuration::{Key, key};
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::scoped_routes::{
    ConfigSpecifier, ScopeKeyBuilder, scope_key_builder::FragmentBuilder, scope_key_builder::fragment_builder,
};
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::{ScopedRds, ScopedRoutes};
use envoy_types::pb::envoy::extensions::http::early_header_mutation::header_mutation::v3 as early;

use super::values;
use crate::ir::RouteTableName;
use crate::names;

/// Says which table is meant; seen by nobody beyond the proxy.
pub(super) const TABLE_HEADER: &str = "x-chancery-route-table";

const EARLY_MUTATION: &str = "envoy.http.early_header_mutation.header_mutation";

/// The scope of one host.
pub(super) fn message(table: &RouteTableName, domain: &str) -> ScopedRouteConfiguration {
    let text = |text: &str| key::Fragment { r#type: Some(key::fragment::Type::StringKey(text.to_owned())) };
    let name = names::table_host(table, domain);
    ScopedRouteConfiguration {
        route_configuration_name: name.clone(),
        name,
        key: Some(Key { fragments: vec![text(&table.0), text(domain)] }),
        ..ScopedRouteConfiguration::default()
    }
}

/// What the connection manager looks at: the table, and the host without its port.
pub(super) fn routes(table: &RouteTableName) -> ScopedRoutes {
    ScopedRoutes {
        name: table.0.to_string(),
        scope_key_builder: Some(ScopeKeyBuilder { fragments: vec![from(TABLE_HEADER, ""), from(":authority", ":")] }),
        rds_config_source: Some(values::ads()),
        config_specifier: Some(ConfigSpecifier::ScopedRds(ScopedRds {
            scoped_rds_config_source: Some(values::ads()),
            ..ScopedRds::default()
        })),
    }
}

/// The first element of a header.
fn from(header: &str, separator: &str) -> FragmentBuilder {
    let extractor = fragment_builder::HeaderValueExtractor {
        name: header.to_owned(),
        element_separator: separator.to_owned(),
        extract_type: Some(fragment_builder::header_value_extractor::ExtractType::Index(0)),
    };
    FragmentBuilder { r#type: Some(fragment_builder::Type::HeaderValueExtractor(extractor)) }
}

/// What writes the table into the header.
pub(super) fn marking(table: &RouteTableName) -> TypedExtensionConfig {
    let header = HeaderValue { key: TABLE_HEADER.to_owned(), value: table.0.to_string(), ..HeaderValue::default() };
    let append = HeaderValueOption {
        header: Some(header),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
        ..HeaderValueOption::default()
    };
    let mutation = HeaderMutation { action: Some(header_mutation::Action::Append(append)) };
    TypedExtensionConfig {
        name: EARLY_MUTATION.to_owned(),
        typed_config: Some(values::any(&early::HeaderMutation { mutations: vec![mutation] })),
    }
}
