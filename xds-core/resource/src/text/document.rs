//! The resources in a file, in whichever of the usual shapes it is written.

use std::time::Duration;

use chancery_protocol::{Resource, TypeUrl};
use prost_reflect::{DynamicMessage, Value};

use super::ReadError;
use super::error::Problem;
use super::message::read_draft;
use crate::descriptors::pool;
use crate::located::{self, Content, Node, Position, closest};

/// Lists whose items need no `@type`: the key says it.
const LISTS: &[(&str, &TypeUrl)] = &[
    ("listeners", &TypeUrl::LISTENER),
    ("clusters", &TypeUrl::CLUSTER),
    ("routes", &TypeUrl::ROUTE),
    ("route_configurations", &TypeUrl::ROUTE),
    ("scoped_routes", &TypeUrl::SCOPED_ROUTE),
    ("virtual_hosts", &TypeUrl::VIRTUAL_HOST),
    ("endpoints", &TypeUrl::ENDPOINTS),
    ("load_assignments", &TypeUrl::ENDPOINTS),
    ("secrets", &TypeUrl::SECRET),
    ("runtimes", &TypeUrl::RUNTIME),
    ("extension_configs", &TypeUrl::EXTENSION_CONFIG),
    ("extensions", &TypeUrl::EXTENSION_CONFIG),
];

/// What a `DiscoveryResponse` says beside its resources.
const OF_A_RESPONSE: &[&str] = &[
    "@type",
    "version_info",
    "versionInfo",
    "type_url",
    "typeUrl",
    "nonce",
    "canary",
    "control_plane",
    "controlPlane",
];

const DISCOVERY: &str = "envoy.service.discovery.v3";
const BOOTSTRAP: &str = "envoy.config.bootstrap.v3.Bootstrap";

/// One resource found in a file.
#[derive(Debug, Clone)]
pub struct Document {
    /// The resource; its origin is the file and the line.
    pub resource: Resource,
    /// The line it begins on, from 1.
    pub line: u64,
    /// Its place in its document: `resources[2]`, `static_resources.clusters[0]`; empty for a document that is a resource.
    pub path: String,
}

/// Reads every resource in a YAML or JSON file, and every problem with the others.
///
/// `source_name` is what problems and origins call the file. A file may hold several YAML documents, each in one of these
/// shapes:
///
/// - a resource with `@type`;
/// - `resources:` with a list of them, as in the files of Envoy's filesystem subscriptions; what else a
///   `DiscoveryResponse` has is ignored;
/// - `static_resources:`, as in Envoy's bootstrap, with `listeners`, `clusters` and `secrets`;
/// - lists without `@type`, of the type their key says: `listeners`, `clusters`, `routes` (route configurations),
///   `scoped_routes`, `virtual_hosts`, `endpoints` (load assignments), `secrets`, `runtimes`, `extension_configs`;
/// - a list of resources with `@type`.
///
/// A resource may be wrapped in an `envoy.service.discovery.v3.Resource`, which gives it a name, aliases and a TTL.
/// Nothing in a file makes this panic or use memory without bound.
///
/// ```
/// let (documents, errors) = chancery_resource::read_documents("shop.yaml", r#"
/// clusters:
/// - name: shop
///   connect_timeout: 1s
/// - nmae: broken
/// "#);
/// assert_eq!(documents[0].resource.name().as_str(), "shop");
/// assert_eq!(errors[0].line, 5);
/// ```
pub fn read_documents(source_name: &str, text: impl AsRef<[u8]>) -> (Vec<Document>, Vec<ReadError>) {
    let read = located::read(text.as_ref(), |documents, problem| {
        let mut collector = Collector { file: source_name, found: Vec::new(), problems: Vec::new() };
        for document in &documents {
            collector.document(document);
        }
        collector.problems.extend(problem.map(Problem::from));
        (collector.found, collector.problems)
    });
    let (found, problems) = read.unwrap_or_else(|problem| (Vec::new(), vec![problem.into()]));
    (found, problems.into_iter().map(|problem| problem.in_file(source_name)).collect())
}

struct Collector<'a> {
    file: &'a str,
    found: Vec<Document>,
    problems: Vec<Problem>,
}

impl Collector<'_> {
    fn document(&mut self, document: &Node) {
        match &document.content {
            Content::List(items) => self.resources(items, None, ""),
            Content::Map(_) if message_name(document) == Some(BOOTSTRAP) => self.bootstrap(document),
            Content::Map(_) if message_name(document).is_some_and(|name| is_discovery(name, "DiscoveryResponse")) => {
                self.lists(document);
            }
            Content::Map(_) if document.get("@type").is_some() => self.resource(document, None, String::new()),
            Content::Map(_) if document.get("static_resources").is_some() => self.bootstrap(document),
            Content::Map(_) => self.lists(document),
            _ => {
                let help = Some("begin with `\"@type\":`, `resources:`, or a list such as `clusters:`".to_owned());
                self.problem(document.at, "", format!("a document is a map or a list, not {}", document.kind()), help);
            }
        }
    }

    /// Only `static_resources` holds resources; the rest of a bootstrap is for the proxy alone.
    fn bootstrap(&mut self, document: &Node) {
        let Content::Map(entries) = &document.content else { return };
        let fields = pool().get_message_by_name(BOOTSTRAP);
        for (key, node) in entries {
            let known = fields.as_ref().is_some_and(|fields| {
                fields.get_field_by_name(&key.text).or_else(|| fields.get_field_by_json_name(&key.text)).is_some()
            });
            if matches!(key.text.as_str(), "static_resources" | "staticResources") {
                match &node.content {
                    Content::Map(lists) => {
                        for (key, list) in lists {
                            let listed = LISTS[..2].iter().chain([&("secrets", &TypeUrl::SECRET)]);
                            let type_url = listed.into_iter().find(|(name, _)| *name == key.text);
                            let path = format!("static_resources.{}", key.text);
                            match type_url {
                                Some((_, type_url)) => self.list(list, type_url, &path),
                                None => self.problem(
                                    key.at,
                                    &path,
                                    "static resources are listeners, clusters and secrets".into(),
                                    None,
                                ),
                            }
                        }
                    }
                    Content::Null => {}
                    _ => self.problem(
                        node.at,
                        "static_resources",
                        format!("a map is wanted here, not {}", node.kind()),
                        None,
                    ),
                }
            } else if !known && key.text != "@type" {
                self.problem(key.at, &key.text, format!("{BOOTSTRAP} has no such field"), None);
            }
        }
    }

    fn lists(&mut self, document: &Node) {
        let Content::Map(entries) = &document.content else { return };
        let is_response = document.get("resources").is_some() || document.get("@type").is_some();
        let implied = document.get("type_url").or_else(|| document.get("typeUrl")).and_then(Node::text);
        for (key, node) in entries {
            if key.text == "resources" {
                match &node.content {
                    Content::List(items) => self.resources(items, implied, "resources"),
                    Content::Null => {}
                    _ => self.not_a_list(node, "resources"),
                }
            } else if let Some((_, type_url)) = LISTS.iter().find(|(name, _)| *name == key.text) {
                self.list(node, type_url, &key.text);
            } else if !(is_response && OF_A_RESPONSE.contains(&key.text.as_str())) {
                let names = LISTS.iter().map(|(name, _)| *name).chain(["resources", "static_resources"]);
                let help = closest(&key.text, names.clone().map(str::to_owned)).unwrap_or_else(|| {
                    format!("a resource needs an \"@type\"; a list may be {}", names.collect::<Vec<_>>().join(", "))
                });
                self.problem(key.at, &key.text, "this key is not known here".into(), Some(help));
            }
        }
    }

    fn list(&mut self, node: &Node, type_url: &TypeUrl, path: &str) {
        match &node.content {
            Content::List(items) => self.resources(items, Some(type_url.as_str()), path),
            Content::Null => {}
            _ => self.not_a_list(node, path),
        }
    }

    fn resources(&mut self, items: &[Node], implied: Option<&str>, path: &str) {
        for (index, item) in items.iter().enumerate() {
            self.resource(item, implied, format!("{path}[{index}]"));
        }
    }

    /// One resource, perhaps wrapped.
    fn resource(&mut self, node: &Node, implied: Option<&str>, path: String) {
        if message_name(node).is_some_and(|name| is_discovery(name, "Resource")) {
            let Some(wrapping) = self.wrapping(node, &path) else { return };
            match node.get("resource") {
                Some(inner) => self.unwrapped(inner, None, format!("{path}.resource"), wrapping),
                None => self.problem(node.at, &path, "the wrapper holds no resource".into(), None),
            }
        } else {
            self.unwrapped(node, implied, path, Wrapping::default());
        }
    }

    fn unwrapped(&mut self, node: &Node, implied: Option<&str>, path: String, wrapping: Wrapping) {
        let path = path.trim_start_matches('.').to_owned();
        let written = node.get("@type");
        let (type_at, type_url) = match (written, written.and_then(Node::text).or(implied)) {
            (Some(written), Some(type_url)) => (written.at, type_url),
            (None, Some(type_url)) => (node.at, type_url),
            (_, None) => {
                let help = Some("name the type: `\"@type\": type.googleapis.com/...`".to_owned());
                self.problem(node.at, &path, "a resource needs an \"@type\"".into(), help);
                return;
            }
        };
        let Some(draft) = read_draft(type_url, type_at, node, path.clone(), &mut self.problems) else { return };
        let draft = wrapping.apply(draft).origin(format!("{}:{}", self.file, node.at.line));
        match draft.encode() {
            Ok(resource) => self.found.push(Document { resource, line: node.at.line.into(), path }),
            Err(error) => self.problem(node.at, &path, error.to_string(), None),
        }
    }

    fn wrapping(&mut self, node: &Node, path: &str) -> Option<Wrapping> {
        let Content::Map(entries) = &node.content else { return None };
        let mut wrapping = Wrapping::default();
        let before = self.problems.len();
        for (key, value) in entries {
            let path = format!("{path}.{}", key.text);
            match (key.text.as_str(), &value.content) {
                ("name", Content::Text(name)) => wrapping.name = Some(name.clone()),
                ("resource_name" | "resourceName", Content::Map(_)) => {
                    wrapping.name = value.get("name").and_then(Node::text).map(str::to_owned).or(wrapping.name);
                }
                ("aliases", Content::List(aliases)) => {
                    wrapping.aliases = aliases.iter().filter_map(Node::text).map(str::to_owned).collect();
                    if wrapping.aliases.len() < aliases.len() {
                        self.problem(value.at, &path, "every alias is text".into(), None);
                    }
                }
                ("ttl", Content::Text(text)) => match duration(text) {
                    Some(ttl) => wrapping.ttl = Some(ttl),
                    None => {
                        let help = Some("write it in seconds: `30s`".to_owned());
                        self.problem(value.at, &path, "the TTL is no duration above zero".into(), help);
                    }
                },
                ("@type" | "resource" | "version" | "cache_control" | "cacheControl" | "metadata", _) => {}
                (_, Content::Null) => {}
                ("name" | "resource_name" | "resourceName" | "aliases" | "ttl", _) => {
                    self.problem(value.at, &path, format!("this cannot be {}", value.kind()), None);
                }
                _ => {
                    let known = ["name", "aliases", "ttl", "version", "resource"].map(str::to_owned);
                    let help = closest(&key.text, known.into_iter());
                    self.problem(key.at, &path, format!("{DISCOVERY}.Resource has no such field"), help);
                }
            }
        }
        (self.problems.len() == before).then_some(wrapping)
    }

    fn not_a_list(&mut self, node: &Node, path: &str) {
        let help = Some("begin each item with `- `".to_owned());
        self.problem(node.at, path, format!("a list is wanted here, not {}", node.kind()), help);
    }

    fn problem(&mut self, at: Position, path: &str, message: String, help: Option<String>) {
        let path = path.trim_start_matches('.').to_owned();
        self.problems.push(Problem { at, path, message, help });
    }
}

/// What an `envoy.service.discovery.v3.Resource` says of the resource in it.
#[derive(Default)]
struct Wrapping {
    name: Option<String>,
    aliases: Vec<String>,
    ttl: Option<Duration>,
}

impl Wrapping {
    fn apply(self, mut draft: crate::Draft) -> crate::Draft {
        if let Some(name) = self.name {
            draft = draft.name(name);
        }
        if let Some(ttl) = self.ttl {
            draft = draft.ttl(ttl);
        }
        self.aliases.into_iter().fold(draft, crate::Draft::alias)
    }
}

/// The full name of the message a node's `@type` names.
fn message_name(node: &Node) -> Option<&str> {
    node.get("@type")?.text()?.rsplit('/').next()
}

fn is_discovery(message_name: &str, of_discovery: &str) -> bool {
    message_name.strip_prefix(DISCOVERY).and_then(|rest| rest.strip_prefix('.')) == Some(of_discovery)
}

fn duration(text: &str) -> Option<Duration> {
    let descriptor = pool().get_message_by_name("google.protobuf.Duration")?;
    let message = DynamicMessage::deserialize(descriptor, serde_json::Value::from(text)).ok()?;
    let part = |name: &str| message.get_field_by_name(name).map(|value| value.into_owned());
    let (Some(Value::I64(seconds)), Some(Value::I32(nanos))) = (part("seconds"), part("nanos")) else { return None };
    let duration = Duration::new(seconds.try_into().ok()?, nanos.try_into().ok()?);
    (duration > Duration::ZERO).then_some(duration)
}
