//! The HTTP connection manager: the same for every chain, whatever the routes say, so that no route changes a listener.

use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::{
    Http2ProtocolOptions, HttpProtocolOptions, http_protocol_options::HeadersWithUnderscoresAction,
};
use envoy_types::pb::envoy::config::listener::v3::{Filter, filter};
use envoy_types::pb::envoy::extensions::filters::http::cors::v3::Cors;
use envoy_types::pb::envoy::extensions::filters::http::router::v3::Router;
use envoy_types::pb::envoy::extensions::filters::http::stateful_session::v3::StatefulSession;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::{
    HttpConnectionManager, HttpFilter, Rds, http_connection_manager as manager, http_filter,
};
use prost::{Message, Name};

use super::{scope, values};
use crate::ir::Http;
use crate::route_tables::TableForm;

/// The filter routes say by what other origins may do.
pub(super) const CORS: &str = "envoy.filters.http.cors";
/// The filter routes say by how clients stay with a backend.
pub(super) const SESSION: &str = "envoy.filters.http.stateful_session";

pub(super) const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
pub(super) const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;

const CONNECTION_MANAGER: &str = "envoy.filters.network.http_connection_manager";
const ROUTER: &str = "envoy.filters.http.router";
const STREAMS_PER_CONNECTION: u32 = 100;
const IDLE_CONNECTION: Duration = Duration::from_secs(3600);
const UNFINISHED_HEADERS: Duration = Duration::from_secs(30);

pub(super) fn filter(stat_prefix: &str, http: &Http) -> Filter {
    let config = HttpConnectionManager {
        codec_type: manager::CodecType::Auto.into(),
        stat_prefix: stat_prefix.to_owned(),
        http_filters: vec![asleep(CORS, &Cors {}), asleep(SESSION, &StatefulSession::default()), router()],
        common_http_protocol_options: Some(HttpProtocolOptions {
            idle_timeout: values::time(IDLE_CONNECTION),
            headers_with_underscores_action: HeadersWithUnderscoresAction::Allow.into(),
            ..HttpProtocolOptions::default()
        }),
        http2_protocol_options: Some(Http2ProtocolOptions {
            max_concurrent_streams: values::number(STREAMS_PER_CONNECTION),
            initial_stream_window_size: values::number(STREAM_WINDOW_BYTES),
            initial_connection_window_size: values::number(CONNECTION_WINDOW_BYTES),
            ..Http2ProtocolOptions::default()
        }),
        request_headers_timeout: values::time(UNFINISHED_HEADERS),
        use_remote_address: values::truth(true),
        upgrade_configs: vec![manager::UpgradeConfig {
            upgrade_type: "websocket".to_owned(),
            ..manager::UpgradeConfig::default()
        }],
        normalize_path: values::truth(true),
        merge_slashes: true,
        path_with_escaped_slashes_action: manager::PathWithEscapedSlashesAction::UnescapeAndRedirect.into(),
        route_specifier: Some(routes(http)),
        early_header_mutation_extensions: match http.form {
            TableForm::Scopes => vec![scope::marking(&http.routes)],
            TableForm::Whole | TableForm::VirtualHosts => Vec::new(),
        },
        ..HttpConnectionManager::default()
    };
    Filter {
        name: CONNECTION_MANAGER.to_owned(),
        config_type: Some(filter::ConfigType::TypedConfig(values::any(&config))),
    }
}

fn routes(http: &Http) -> manager::RouteSpecifier {
    match http.form {
        TableForm::Scopes => manager::RouteSpecifier::ScopedRoutes(scope::routes(&http.routes)),
        TableForm::Whole | TableForm::VirtualHosts => manager::RouteSpecifier::Rds(Rds {
            route_config_name: http.routes.0.to_string(),
            config_source: Some(values::ads()),
        }),
    }
}

/// A filter that does nothing until a route has something to say to it.
fn asleep<M: Message + Name>(name: &str, config: &M) -> HttpFilter {
    HttpFilter { disabled: true, ..awake(name, config) }
}

fn router() -> HttpFilter {
    awake(ROUTER, &Router::default())
}

fn awake<M: Message + Name>(name: &str, config: &M) -> HttpFilter {
    HttpFilter {
        name: name.to_owned(),
        config_type: Some(http_filter::ConfigType::TypedConfig(values::any(config))),
        ..HttpFilter::default()
    }
}
