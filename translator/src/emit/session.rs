//! How a client stays with a backend.

use envoy_types::pb::envoy::config::core::v3::TypedExtensionConfig;
use envoy_types::pb::envoy::extensions::filters::http::stateful_session::v3::{
    StatefulSession, StatefulSessionPerRoute, stateful_session_per_route,
};
use envoy_types::pb::envoy::extensions::http::stateful_session::cookie::v3::CookieBasedSessionState;
use envoy_types::pb::envoy::extensions::http::stateful_session::header::v3::HeaderBasedSessionState;
use envoy_types::pb::envoy::r#type::http::v3::Cookie;

use super::values;
use crate::ir::{Session, SessionStore};

pub(super) fn per_route(session: &Session) -> StatefulSessionPerRoute {
    let (name, state) = match &session.store {
        SessionStore::Cookie { path, lifetime } => {
            let cookie = Cookie {
                name: session.name.clone(),
                ttl: lifetime.and_then(values::time),
                path: path.clone(),
                ..Cookie::default()
            };
            let state = CookieBasedSessionState { cookie: Some(cookie) };
            ("envoy.http.stateful_session.cookie", values::any(&state))
        }
        SessionStore::Header => {
            let state = HeaderBasedSessionState { name: session.name.clone() };
            ("envoy.http.stateful_session.header", values::any(&state))
        }
    };
    let state = TypedExtensionConfig { name: name.to_owned(), typed_config: Some(state) };
    let session = StatefulSession { session_state: Some(state), ..StatefulSession::default() };
    StatefulSessionPerRoute { r#override: Some(stateful_session_per_route::Override::StatefulSession(session)) }
}
