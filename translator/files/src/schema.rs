//! What the fields of each kind may hold, as tables in `schema/`: those of Gateway API v1.6.1 and of the core kinds.

use std::collections::BTreeMap;
use std::sync::{LazyLock, OnceLock};

use chancery_translator::api::{GATEWAY_GROUP, Kind};
use regex::Regex;
use serde::Deserialize;

/// What a value may be.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Schema {
    pub(crate) is: Shape,
    #[serde(default)]
    pub(crate) fields: BTreeMap<String, Schema>,
    #[serde(default)]
    pub(crate) required: Vec<String>,
    /// What the items of a list, and the values of a map, may be.
    pub(crate) items: Option<Box<Schema>>,
    /// The values allowed; empty for any.
    #[serde(default)]
    pub(crate) values: Vec<serde_json::Value>,
    pub(crate) pattern: Option<Pattern>,
    /// The smallest number, length or count allowed.
    pub(crate) least: Option<i64>,
    /// The largest number, length or count allowed.
    pub(crate) most: Option<i64>,
    /// The items of the list must differ: in these fields, or altogether if none are named.
    pub(crate) unique: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) format: Format,
}

/// What sort of value is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Shape {
    Object,
    Map,
    List,
    Text,
    Integer,
    Number,
    Boolean,
    NumberOrText,
    Any,
}

/// What a text means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Format {
    #[default]
    Plain,
    DateTime,
}

/// A regular expression, compiled when it is first needed.
#[derive(Debug, Deserialize)]
#[serde(from = "String")]
pub(crate) struct Pattern {
    pub(crate) text: String,
    compiled: OnceLock<Option<Regex>>,
}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        Pattern { text, compiled: OnceLock::new() }
    }
}

impl Pattern {
    pub(crate) fn matches(&self, text: &str) -> bool {
        let compiled = self.compiled.get_or_init(|| Regex::new(&self.text).ok());
        compiled.as_ref().is_none_or(|pattern| pattern.is_match(text))
    }
}

/// How the API stood when a version of it was written: the first alpha versions of routes asked for less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Edition {
    Current,
    Early,
}

impl Edition {
    pub(crate) fn of(version: &str) -> Edition {
        match version {
            "v1alpha2" => Edition::Early,
            _ => Edition::Current,
        }
    }
}

static TABLES: LazyLock<BTreeMap<(Kind, Edition), Schema>> = LazyLock::new(|| {
    let both = [Edition::Current, Edition::Early].into_iter();
    let all = both.flat_map(|edition| Kind::ALL.into_iter().map(move |kind| (kind, edition)));
    all.filter_map(|(kind, edition)| Some(((kind, edition), load(kind, edition)?))).collect()
});

static METADATA: LazyLock<Option<Schema>> =
    LazyLock::new(|| serde_json::from_str(include_str!("../schema/metadata.json")).ok());

/// The schema of a kind of object, without what all objects have.
pub(crate) fn of(kind: Kind, edition: Edition) -> Option<&'static Schema> {
    TABLES.get(&(kind, edition))
}

/// The schema of the metadata of all objects.
pub(crate) fn metadata() -> Option<&'static Schema> {
    METADATA.as_ref()
}

fn load(kind: Kind, edition: Edition) -> Option<Schema> {
    let mut schema: Schema = serde_json::from_str(table(kind)).ok()?;
    if edition == Edition::Early {
        relax(kind, &mut schema);
    }
    match kind.group() {
        // These tables are of the specification alone.
        GATEWAY_GROUP => Some(Schema {
            is: Shape::Object,
            fields: BTreeMap::from([("spec".to_owned(), schema)]),
            required: vec!["spec".to_owned()],
            items: None,
            values: Vec::new(),
            pattern: None,
            least: None,
            most: None,
            unique: None,
            format: Format::Plain,
        }),
        _ => Some(schema),
    }
}

/// Connections could be routed by several rules, and without host names.
fn relax(kind: Kind, spec: &mut Schema) {
    if let (Kind::TLSRoute | Kind::TCPRoute | Kind::UDPRoute, Some(rules)) = (kind, spec.fields.get_mut("rules")) {
        rules.most = Some(16);
    }
    if let (Kind::TLSRoute, Some(hostnames)) = (kind, spec.fields.get_mut("hostnames")) {
        hostnames.least = None;
        spec.required.retain(|field| field != "hostnames");
    }
}

fn table(kind: Kind) -> &'static str {
    match kind {
        Kind::GatewayClass => include_str!("../schema/gatewayclass.json"),
        Kind::Gateway => include_str!("../schema/gateway.json"),
        Kind::ListenerSet => include_str!("../schema/listenerset.json"),
        Kind::HTTPRoute => include_str!("../schema/httproute.json"),
        Kind::GRPCRoute => include_str!("../schema/grpcroute.json"),
        Kind::TLSRoute => include_str!("../schema/tlsroute.json"),
        Kind::TCPRoute => include_str!("../schema/tcproute.json"),
        Kind::UDPRoute => include_str!("../schema/udproute.json"),
        Kind::ReferenceGrant => include_str!("../schema/referencegrant.json"),
        Kind::BackendTLSPolicy => include_str!("../schema/backendtlspolicy.json"),
        Kind::Service => include_str!("../schema/service.json"),
        Kind::ServiceImport => include_str!("../schema/serviceimport.json"),
        Kind::EndpointSlice => include_str!("../schema/endpointslice.json"),
        Kind::Secret => include_str!("../schema/secret.json"),
        Kind::ConfigMap => include_str!("../schema/configmap.json"),
        Kind::ClusterTrustBundle => include_str!("../schema/clustertrustbundle.json"),
        Kind::Namespace => include_str!("../schema/namespace.json"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns<'a>(schema: &'a Schema, found: &mut Vec<&'a Pattern>) {
        found.extend(&schema.pattern);
        schema.fields.values().chain(schema.items.as_deref()).for_each(|inner| patterns(inner, found));
    }

    #[test]
    fn every_kind_has_a_table_and_every_pattern_compiles() {
        assert!(metadata().is_some());
        for kind in Kind::ALL {
            let schema = of(kind, Edition::Current).unwrap_or_else(|| panic!("the table of {kind} cannot be read"));
            let mut found = Vec::new();
            patterns(schema, &mut found);
            for pattern in found {
                assert!(Regex::new(&pattern.text).is_ok(), "{kind}: {}", pattern.text);
            }
        }
    }
}
