//! Scopes: which route configuration a request has, where the connection manager finds it by headers (SRDS).

use std::collections::BTreeMap;

use envoy_types::pb::envoy::config::common::mutation_rules::v3::header_mutation::Action;
use envoy_types::pb::envoy::config::route::v3::ScopedRouteConfiguration;
use envoy_types::pb::envoy::config::route::v3::scoped_route_configuration::key;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::scoped_routes::scope_key_builder::fragment_builder::{
    HeaderValueExtractor, Type, header_value_extractor::ExtractType,
};
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::{
    HttpConnectionManager, ScopedRoutes,
};
use envoy_types::pb::envoy::extensions::http::early_header_mutation::header_mutation::v3::HeaderMutation;
use prost::{Message, Name};

use crate::manager::Seen;

/// The scopes of a proxy: the name of a route configuration by the fragments of its key.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scopes(BTreeMap<Vec<String>, String>);

impl Scopes {
    pub(crate) fn new(messages: &[ScopedRouteConfiguration]) -> Scopes {
        let fragment = |fragment: &key::Fragment| {
            let key::fragment::Type::StringKey(text) = fragment.r#type.as_ref()?;
            Some(text.clone())
        };
        let scope = |message: &ScopedRouteConfiguration| {
            let key: Option<Vec<String>> = message.key.as_ref()?.fragments.iter().map(fragment).collect();
            Some((key?, message.route_configuration_name.clone()))
        };
        Scopes(messages.iter().filter_map(scope).collect())
    }

    /// The route configuration of a key.
    pub(crate) fn find(&self, key: &[String]) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }
}

/// How a connection manager makes the key of a request.
#[derive(Debug, Clone)]
pub(crate) struct KeyBuilder {
    /// Headers that are written whatever the client sent, before the key is made.
    written: Vec<(String, String)>,
    fragments: Vec<HeaderValueExtractor>,
}

impl KeyBuilder {
    /// `None` for a way of making keys that is not evaluated.
    pub(crate) fn new(manager: &HttpConnectionManager, scoped: &ScopedRoutes) -> Option<KeyBuilder> {
        let mut written = Vec::new();
        for extension in &manager.early_header_mutation_extensions {
            let config = extension.typed_config.as_ref().filter(|any| any.type_url == HeaderMutation::type_url())?;
            for mutation in HeaderMutation::decode(config.value.as_slice()).ok()?.mutations {
                let Some(Action::Append(append)) = mutation.action else { return None };
                let header = append.header?;
                written.push((header.key.to_ascii_lowercase(), header.value));
            }
        }
        let fragments = &scoped.scope_key_builder.as_ref()?.fragments;
        let extractor = |Type::HeaderValueExtractor(extractor): &Type| extractor.clone();
        let fragments: Option<Vec<_>> =
            fragments.iter().map(|fragment| fragment.r#type.as_ref().map(extractor)).collect();
        Some(KeyBuilder { written, fragments: fragments? })
    }

    /// The key of a request; `None` when a header it is made of is not there.
    pub(crate) fn key(&self, seen: &Seen) -> Option<Vec<String>> {
        self.fragments.iter().map(|extractor| self.fragment(extractor, seen)).collect()
    }

    fn fragment(&self, extractor: &HeaderValueExtractor, seen: &Seen) -> Option<String> {
        let name = extractor.name.to_ascii_lowercase();
        let written = self.written.iter().rev().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
        let value = written.or_else(|| seen.first_header(&name))?;
        let mut elements: Box<dyn Iterator<Item = &str>> = match extractor.element_separator.as_str() {
            "" => Box::new(std::iter::once(value.as_str())),
            separator => Box::new(value.split(separator)),
        };
        match extractor.extract_type.as_ref()? {
            ExtractType::Index(at) => elements.nth(*at as usize).map(str::to_owned),
            ExtractType::Element(pair) => {
                let value = |element: &str| {
                    let (key, value) = element.split_once(pair.separator.as_str()).unwrap_or((element, ""));
                    (key == pair.key).then(|| value.to_owned())
                };
                elements.find_map(value)
            }
        }
    }
}
