//! What proxies are told about where a route or virtual host comes from, if they are told.

use std::collections::HashMap;

use envoy_types::pb::envoy::config::core::v3::Metadata;
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{Struct, Value};

use crate::options::{Options, ProvenanceIn};
use crate::provenance::Origin;

/// The key of the metadata.
const NAMESPACE: &str = "dev.chancery";

/// The first of the origins, when the options ask for it.
pub(super) fn of(origins: &[Origin], options: &Options) -> Option<Metadata> {
    let origin = match options.provenance {
        ProvenanceIn::Translation => return None,
        ProvenanceIn::Metadata => origins.first()?,
    };
    let text = |text: String| Value { kind: Some(Kind::StringValue(text)) };
    let fields = HashMap::from([
        ("object".to_owned(), text(origin.object.to_string())),
        ("field".to_owned(), text(origin.field.clone())),
    ]);
    Some(Metadata {
        filter_metadata: HashMap::from([(NAMESPACE.to_owned(), Struct { fields })]),
        ..Metadata::default()
    })
}
