//! A case: objects, and requests with what they must come to.

use std::collections::BTreeMap;
use std::path::Path;

use chancery_testkit::TestAuthority;
use chancery_translator::World;
use chancery_translator::api::{Kind, Object, ObjectId};
use serde::Deserialize;
use serde_json::Value;

use crate::exact::Exact;

/// What every case has unless it brings objects of the same name.
const BASE: &str = include_str!("base.yaml");

pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) world: World,
    pub(crate) steps: Vec<Step>,
    pub(crate) authority: TestAuthority,
}

/// Requests, and then perhaps objects that change before the next ones.
#[derive(Default)]
pub(crate) struct Step {
    pub(crate) objects: Vec<Object>,
    pub(crate) requests: Vec<Expectation>,
    pub(crate) conditions: Vec<Said>,
}

/// What must be said of an object.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Said {
    /// Like `HTTPRoute infra/shop`.
    pub(crate) of: String,
    /// A listener's name, or the place of a parent or ancestor. Default: the object as a whole, or its first parent.
    #[serde(default)]
    pub(crate) part: String,
    /// Like `Accepted=True/Accepted`; further conditions may be there.
    #[serde(default)]
    pub(crate) says: Vec<String>,
    /// How many entries or listeners there are; 0 also for an object without a status.
    #[serde(default)]
    pub(crate) entries: Option<usize>,
    /// The routes attached to the listener `part`.
    #[serde(default)]
    pub(crate) attached: Option<i32>,
    /// The kinds of routes the listener `part` carries.
    #[serde(default)]
    pub(crate) kinds: Option<Vec<String>>,
    /// The generation every condition must carry.
    #[serde(default)]
    pub(crate) generation: Option<i64>,
    /// The addresses of a Gateway.
    #[serde(default)]
    pub(crate) addresses: Option<Vec<String>>,
    /// How many ListenerSets are attached.
    #[serde(default)]
    pub(crate) sets: Option<i32>,
}

/// One request, and what it must come to. What is not said is not looked at.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Expectation {
    /// The path, with its query.
    pub(crate) get: Option<String>,
    pub(crate) method: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) headers: BTreeMap<String, String>,
    /// The port of the listener. Default: 80.
    pub(crate) port: Option<u16>,
    /// The server name of a TLS connection.
    pub(crate) tls: Option<String>,
    /// How the client speaks. Default: HTTP/1.1.
    pub(crate) speak: Speak,
    /// The client shows a certificate of this name; `stranger:` before it makes it one of another authority.
    pub(crate) shows: Option<String>,
    /// How often it is sent; `shares` is then what part comes to which backend or status.
    pub(crate) times: Option<u32>,
    pub(crate) shares: BTreeMap<String, f64>,
    /// The backend that answers.
    pub(crate) to: Option<String>,
    pub(crate) status: Option<u16>,
    pub(crate) location: Option<String>,
    /// What the backend saw.
    pub(crate) sees: Option<Seen>,
    /// Headers of the answer: `null` for one that must not be there.
    pub(crate) answers: BTreeMap<String, Option<String>>,
    /// The request is sent on the connection of the one before, with its cookies.
    pub(crate) sticky: bool,
    /// At most so many milliseconds.
    pub(crate) within: Option<u64>,
    /// The connection is not made, or broken.
    pub(crate) closed: bool,
    /// The backends that must have got a copy, with the least part of all requests that must have come there.
    pub(crate) mirrored: BTreeMap<String, f64>,
}

/// How a client speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Speak {
    #[default]
    Http1,
    /// HTTP/2; in plain text known beforehand.
    Http2,
    /// HTTP/2 with the content type of gRPC; `status` is then the status of the call.
    Grpc,
    /// An upgrade, and an echo through it.
    Websocket,
    /// A line of greeting with the backend's name, and an echo.
    Tcp,
    /// A datagram, and one back.
    Udp,
}

/// What a backend saw of a request.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Seen {
    pub(crate) path: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) method: Option<String>,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub(crate) version: Option<String>,
    /// The server name of the TLS connection to the backend.
    pub(crate) server_name: Option<String>,
    /// Whether the proxy showed the backend a certificate.
    pub(crate) client_certificate: Option<bool>,
    /// `null` for one that must not be there.
    pub(crate) headers: BTreeMap<String, Option<String>>,
}

/// Every case; with exact host names if so asked ([`Exact`]).
pub(crate) fn read_all(directory: &Path, exact: bool) -> Vec<Case> {
    let mut paths: Vec<_> = std::fs::read_dir(directory)
        .expect("the directory of cases")
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    paths.sort();
    paths.iter().map(|path| read(path, exact)).collect()
}

fn read(path: &Path, exact: bool) -> Case {
    let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
    let authority = TestAuthority::new(&name).expect("an authority");
    let text = std::fs::read_to_string(path).expect("a case can be read");
    let mut world = World::default();
    let (mut base, mut own) = (documents(BASE, &name), documents(&text, &name));
    if exact {
        let exact = Exact::of(&[base.as_slice(), own.as_slice()].concat());
        base.iter_mut().chain(&mut own).for_each(|document| *document = exact.changed(document));
    }
    for document in base {
        world.insert(object(&document, &authority, &name));
    }
    let mut steps = vec![Step::default()];
    for document in own {
        let first = steps.len() == 1;
        let step = steps.last_mut().expect("a step");
        if let Some(requests) = document.get("requests") {
            step.requests.extend(list::<Expectation>(requests, &name));
        } else if let Some(conditions) = document.get("conditions") {
            let conditions = list::<Said>(conditions, &name);
            step.conditions.extend(conditions.into_iter().filter(|_| !exact));
        } else if step.is_untold() && first {
            world.insert(object(&document, &authority, &name));
        } else {
            if !step.is_untold() {
                steps.push(Step::default());
            }
            steps.last_mut().expect("a step").objects.push(object(&document, &authority, &name));
        }
    }
    Case { name, world, steps, authority }
}

impl Step {
    /// Whether nothing is asked yet.
    fn is_untold(&self) -> bool {
        self.requests.is_empty() && self.conditions.is_empty()
    }
}

fn list<T: serde::de::DeserializeOwned>(value: &Value, name: &str) -> Vec<T> {
    serde_path_to_error::deserialize(value).unwrap_or_else(|error| panic!("{name}: {}: {error}", error.path()))
}

fn documents(text: &str, name: &str) -> Vec<Value> {
    let read: Result<Vec<Value>, _> = serde_saphyr::from_multiple(text);
    let documents = read.unwrap_or_else(|error| panic!("{name}: {error}"));
    documents.into_iter().filter(|document| !document.is_null()).collect()
}

/// An object; `@server a,b` stands for a certificate for these names, `@client a` for one of a client, `@authority` for who signs them.
fn object(document: &Value, authority: &TestAuthority, name: &str) -> Object {
    let mut document = document.clone();
    for member in ["stringData", "data"] {
        let Some(data) = document.get_mut(member).and_then(Value::as_object_mut) else { continue };
        let issued = match data.get("tls.crt").and_then(Value::as_str).and_then(|text| text.split_once(' ')) {
            Some(("@server", names)) => Some(authority.server(&names.split(',').collect::<Vec<_>>(), &[])),
            Some(("@client", name)) => Some(authority.client(name, &[])),
            _ => None,
        };
        if let Some(issued) = issued {
            let issued = issued.expect("a certificate");
            data.insert("tls.crt".to_owned(), issued.certificate_pem.into());
            data.insert("tls.key".to_owned(), issued.key_pem.into());
        }
        if data.get("ca.crt").and_then(Value::as_str) == Some("@authority") {
            data.insert("ca.crt".to_owned(), authority.certificate_pem().into());
        }
    }
    let (object, unknown) = Object::read(&document).unwrap_or_else(|error| panic!("{name}: {error} in {document}"));
    assert!(unknown.is_empty(), "{name}: {unknown:?} in {document}");
    object
}

/// The services that need a backend: those without slices of their own.
pub(crate) fn bare_services(world: &World) -> Vec<ObjectId> {
    let slices: Vec<(String, String)> = world
        .endpoint_slices
        .iter()
        .filter_map(|(id, slice)| {
            let labels = slice.metadata.labels.as_ref()?;
            Some((id.namespace.to_string(), labels.get("kubernetes.io/service-name")?.clone()))
        })
        .collect();
    let has_slices =
        |id: &&ObjectId| slices.iter().any(|(namespace, name)| *namespace == *id.namespace && *name == *id.name);
    let bare = world.services.keys().filter(|id| !has_slices(id));
    bare.filter(|id| id.kind == Kind::Service).cloned().collect()
}
