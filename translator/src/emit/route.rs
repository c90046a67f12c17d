//! One route: which requests, and what with them.

use std::collections::HashMap;

use envoy_types::pb::envoy::config::route::v3::Route;

use super::{action, connection_manager, cors, headers, matches, metadata, session, values};
use crate::ir::{self, Action};
use crate::options::Options;

pub(super) fn message(route: &ir::Route, options: &Options) -> Route {
    let mut per_filter = HashMap::new();
    if let Some(cors) = &route.cors {
        per_filter.insert(connection_manager::CORS.to_owned(), values::any(&cors::policy(cors)));
    }
    if let Action::Forward { session: Some(session), .. } = &route.action {
        per_filter.insert(connection_manager::SESSION.to_owned(), values::any(&session::per_route(session)));
    }
    Route {
        name: route.name.to_string(),
        r#match: Some(matches::message(&route.matches, route.share)),
        metadata: metadata::of(&route.origins, options),
        typed_per_filter_config: per_filter,
        request_headers_to_add: headers::request_edits(&route.request_headers),
        request_headers_to_remove: headers::request_removals(&route.request_headers),
        response_headers_to_add: headers::response_edits(&route.response_headers),
        response_headers_to_remove: headers::response_removals(&route.response_headers),
        action: Some(action::message(&route.action, &route.request_headers)),
        ..Route::default()
    }
}
