//! How things stand, as one document: what is served, and what every proxy made of it.

use std::collections::BTreeMap;

use chancery_cache::{Deliveries, StreamDelivery, TypeDelivery};
use chancery_directory::Report;
use chancery_protocol::{TypeUrl, printable};
use serde::{Deserialize, Serialize};

use crate::gateway_api::Row;
use crate::runner::Processes;

/// All of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Standing {
    /// How many files are read.
    pub(crate) files: usize,
    /// How many resources are served, by type.
    pub(crate) resources: BTreeMap<String, usize>,
    /// What is wrong with the files.
    pub(crate) problems: Vec<String>,
    /// References that lead nowhere.
    pub(crate) dangling: Vec<String>,
    /// What is said of each Gateway API object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) objects: Vec<Row>,
    /// The proxies this machine runs.
    #[serde(default, skip_serializing_if = "Processes::is_empty")]
    pub(crate) processes: Processes,
    /// Every stream that is open, in the order they came.
    pub(crate) proxies: Vec<Proxy>,
}

/// One stream of one proxy.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Proxy {
    /// What it calls itself (`node.id`).
    pub(crate) node: String,
    /// The group it belongs to.
    #[serde(default)]
    pub(crate) group: String,
    /// Where it is.
    pub(crate) address: Option<String>,
    /// The names its certificate proves.
    pub(crate) certificate: Vec<String>,
    /// The number of its stream.
    pub(crate) stream: u64,
    /// What it asked for.
    pub(crate) types: Vec<Asked>,
}

/// One type a proxy asked for.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// The type, in words: `clusters`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The type's URL.
    pub(crate) type_url: String,
    /// Whether it wants everything of the type.
    pub(crate) everything: bool,
    /// How many names it asked for.
    pub(crate) names: usize,
    /// How many resources it has acknowledged in their present version.
    pub(crate) acked: usize,
    /// How many it has not replied to.
    pub(crate) pending: usize,
    /// The first of those.
    pub(crate) pending_names: Vec<String>,
    /// Those it refused.
    pub(crate) nacked: Vec<Refused>,
}

/// One resource a proxy refused.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Refused {
    /// Its name.
    pub(crate) name: String,
    /// The version refused.
    pub(crate) version: Option<String>,
    /// The proxy's words.
    pub(crate) why: String,
    /// The objects and fields it comes from, the likeliest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) origins: Vec<String>,
}

impl Standing {
    pub(crate) fn of(deliveries: &Deliveries, report: &Report) -> Standing {
        Standing {
            files: report.files,
            resources: report.resources.iter().map(|(type_url, count)| (in_words(type_url), *count)).collect(),
            problems: report.problems.iter().map(ToString::to_string).collect(),
            dangling: report.dangling.iter().map(ToString::to_string).collect(),
            objects: Vec::new(),
            processes: Processes::new(),
            proxies: deliveries.streams().into_iter().map(Proxy::of).collect(),
        }
    }
}

impl Proxy {
    pub(crate) fn of(stream: StreamDelivery) -> Proxy {
        let certificate = stream.identity.certificate.unwrap_or_default();
        Proxy {
            node: printable(&stream.node),
            group: stream.group.to_string(),
            address: stream.identity.address.map(|address| address.to_string()),
            certificate: certificate.uris.into_iter().chain(certificate.dns_names).collect(),
            stream: stream.stream,
            types: stream.types.into_iter().map(Asked::of).collect(),
        }
    }
}

impl Asked {
    fn of(delivery: TypeDelivery) -> Asked {
        let refused = delivery.refused.into_iter().map(|refused| Refused {
            name: printable(refused.name.as_str()),
            version: refused.version.map(|version| version.to_string()),
            why: printable(&refused.refusal.message),
            origins: Vec::new(),
        });
        Asked {
            kind: in_words(&delivery.type_url),
            type_url: delivery.type_url.to_string(),
            everything: delivery.wildcard,
            names: delivery.names,
            acked: delivery.acked,
            pending: delivery.pending,
            pending_names: delivery.pending_names.iter().map(ToString::to_string).collect(),
            nacked: refused.collect(),
        }
    }
}

/// What people call resources of this type.
pub(crate) fn in_words(type_url: &TypeUrl) -> String {
    let words = match type_url.short() {
        Some("sds") => "secrets",
        Some("cds") => "clusters",
        Some("eds") => "endpoints",
        Some("lds") => "listeners",
        Some("srds") => "scoped routes",
        Some("rds") => "routes",
        Some("vhds") => "virtual hosts",
        Some("ecds") => "extensions",
        Some("rtds") => "runtime",
        _ => return type_url.message_name().to_owned(),
    };
    words.to_owned()
}
