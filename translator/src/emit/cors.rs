//! What other origins may do.

use envoy_types::pb::envoy::extensions::filters::http::cors::v3::CorsPolicy;
use envoy_types::pb::envoy::r#type::matcher::v3::StringMatcher;

use super::values;
use crate::ir::{Cors, OriginMatch};

pub(super) fn policy(cors: &Cors) -> CorsPolicy {
    CorsPolicy {
        allow_origin_string_match: cors.origins.iter().map(origin).collect(),
        allow_methods: cors.methods.join(","),
        allow_headers: cors.request_headers.join(","),
        expose_headers: cors.exposed_headers.join(","),
        max_age: cors.max_age.as_secs().to_string(),
        allow_credentials: cors.credentials.then_some(true).and_then(values::truth),
        forward_not_matching_preflights: values::truth(false),
        ..CorsPolicy::default()
    }
}

fn origin(origin: &OriginMatch) -> StringMatcher {
    match origin {
        OriginMatch::Any => values::expression(".*"),
        OriginMatch::Exact(origin) => values::exact(origin),
        OriginMatch::Wildcard(pattern) => values::expression(wildcard(pattern)),
    }
}

/// In the place of a port `*` is any number; elsewhere, any labels. It never leaves the host: Envoy matches the whole origin.
fn wildcard(pattern: &str) -> String {
    let (front, port) = match pattern.strip_suffix(":*") {
        Some(front) => (front, ":[0-9]+"),
        None => (pattern, ""),
    };
    let front: Vec<String> = front.split('*').map(regex::escape).collect();
    format!("{}{port}", front.join("[^/:]+"))
}

#[cfg(test)]
mod tests {
    use super::wildcard;

    fn matches(pattern: &str, origin: &str) -> bool {
        regex::Regex::new(&format!("^(?:{})$", wildcard(pattern))).unwrap().is_match(origin)
    }

    #[test]
    fn a_wildcard_spans_labels_and_stays_within_the_host() {
        assert!(matches("https://*.bar.com", "https://a.b.bar.com"));
        assert!(!matches("https://*.bar.com", "https://bar.com"));
        assert!(!matches("https://*.bar.com", "https://a.bar.com:8443"));
        assert!(!matches("https://*.bar.com", "https://evil/.bar.com"));
        assert!(!matches("https://*.bar.com", "http://a.bar.com"));
        assert!(!matches("https://*.bar.com", "https://a.barXcom"));
    }

    #[test]
    fn a_wildcard_for_a_port_is_any_number() {
        assert!(matches("https://*.bar.com:*", "https://a.bar.com:8443"));
        assert!(matches("https://bar.com:*", "https://bar.com:1"));
        assert!(!matches("https://bar.com:*", "https://bar.com:x"));
    }
}
