//! One case: objects, and what another implementation says of them.

use std::path::Path;

use chancery_translator::api::{Kind, Object};
use chancery_translator::{MixedKinds, Options, Translation, World, translate};
use serde_json::Value;

/// A case.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) dialect: Dialect,
    pub(crate) objects: Vec<Object>,
    /// The objects with the statuses the other implementation gives.
    pub(crate) expected: Vec<Value>,
    pub(crate) options: Options,
}

/// Whose case it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    EnvoyGateway,
    Istio,
}

impl Dialect {
    pub(crate) fn controller(self) -> &'static str {
        match self {
            Dialect::EnvoyGateway => "gateway.envoyproxy.io/gatewayclass-controller",
            Dialect::Istio => "istio.io/gateway-controller",
        }
    }
}

impl Case {
    pub(crate) fn translate(&self) -> Translation {
        translate(&self.objects.iter().cloned().collect::<World>(), &self.options)
    }

    /// The same objects in another order.
    pub(crate) fn shuffled(&self, seed: u64) -> Case {
        let mut case = self.clone();
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for at in (1..case.objects.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            case.objects.swap(at, (state >> 33) as usize % (at + 1));
        }
        case
    }
}

fn options(dialect: Dialect, class: &str) -> Options {
    let mut options = Options { controller_name: dialect.controller().to_owned(), ..Options::default() };
    options.assumed_classes.insert(class.to_owned());
    options
}

fn read(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    documents.into_iter().filter(|document| !document.is_null()).collect()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Kind, namespace and name of an object as it is written. A missing namespace is not filled in.
pub(crate) fn key(object: &Value) -> (String, String, String) {
    let of = |pointer| text(object, pointer).to_owned();
    (of("/kind"), of("/metadata/namespace"), of("/metadata/name"))
}

/// The kind a list like `httpRoutes` holds.
fn kind_of_list(list: &str) -> Option<Kind> {
    let list = list.to_ascii_lowercase();
    Kind::ALL.into_iter().find(|kind| {
        let kind = kind.as_str().to_ascii_lowercase();
        list == kind || list == format!("{kind}s") || list == kind.replace("policy", "policies")
    })
}

/// The objects of a map of lists, each with its kind.
fn listed(document: &Value) -> Vec<Value> {
    let mut objects = Vec::new();
    for (list, value) in document.as_object().into_iter().flatten() {
        let Some(kind) = kind_of_list(list) else { continue };
        let items = match value {
            Value::Array(items) => items.clone(),
            Value::Object(_) => vec![value.clone()],
            _ => Vec::new(),
        };
        for mut item in items {
            if let Some(members) = item.as_object_mut() {
                members.insert("kind".to_owned(), kind.as_str().into());
            }
            objects.push(item);
        }
    }
    objects
}

/// As the tests of the origin read it: a number where a text is meant is that text.
fn as_texts(mut value: Value) -> Value {
    let texts = |list: Option<&mut Value>| {
        for one in list.and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(number) = one.get("value").filter(|value| value.is_number()).map(Value::to_string) {
                one["value"] = number.into();
            }
        }
    };
    for rule in value.pointer_mut("/spec/rules").and_then(Value::as_array_mut).into_iter().flatten() {
        for matched in rule.get_mut("matches").and_then(Value::as_array_mut).into_iter().flatten() {
            texts(matched.get_mut("queryParams"));
            texts(matched.get_mut("headers"));
        }
    }
    value
}

fn objects(name: &str, values: Vec<Value>) -> Vec<Object> {
    let known = |value: &Value| Kind::ALL.into_iter().find(|kind| kind.as_str() == text(value, "/kind"));
    values
        .into_iter()
        .filter_map(|value| Some((known(&value)?, as_texts(value))))
        .map(|(kind, value)| Object::read_as(kind, &value).unwrap_or_else(|error| panic!("{name}: {error}: {value}")).0)
        .collect()
}

pub(crate) fn of_envoy_gateway(folder: &Path) -> Vec<Case> {
    let fixtures = read(&folder.join("fixtures.yaml"));
    // A fixture takes the place of an object of its name; slices add up.
    let replaced: Vec<_> = fixtures.iter().filter(|one| text(one, "/kind") != "EndpointSlice").map(key).collect();
    names(&folder.join("envoy-gateway"), ".in.yaml")
        .into_iter()
        .map(|name| {
            let file = |ending: &str| folder.join("envoy-gateway").join(format!("{name}{ending}"));
            let mut all: Vec<Value> = read(&file(".in.yaml")).iter().flat_map(listed).collect();
            all.retain(|object| !replaced.contains(&key(object)));
            all.extend(fixtures.iter().cloned());
            let mut options = options(Dialect::EnvoyGateway, "envoy-gateway-class");
            if name == "grpcroute-mixed-with-httproute" {
                options.mixed_kinds = MixedKinds::Both;
            }
            Case {
                objects: objects(&name, all),
                expected: read(&file(".out.yaml")).iter().flat_map(listed).collect(),
                dialect: Dialect::EnvoyGateway,
                name,
                options,
            }
        })
        .collect()
}

pub(crate) fn of_istio(folder: &Path) -> Vec<Case> {
    let fixtures = read(&folder.join("fixtures-istio.yaml"));
    names(&folder.join("istio"), ".status.yaml.golden")
        .into_iter()
        .map(|name| {
            let file = |ending: &str| folder.join("istio").join(format!("{name}{ending}"));
            let mut all = read(&file(".yaml"));
            let own: Vec<_> = all.iter().map(key).collect();
            all.extend(fixtures.iter().filter(|one| !own.contains(&key(one))).cloned());
            let all = all.into_iter().map(generated).collect();
            Case {
                objects: objects(&name, all),
                expected: read(&file(".status.yaml.golden")),
                dialect: Dialect::Istio,
                options: options(Dialect::Istio, "istio"),
                name: format!("istio/{name}"),
            }
        })
        .collect()
}

fn names(folder: &Path, ending: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("the folder can be read");
    let files = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = files.filter_map(|file| file.strip_suffix(ending).map(str::to_owned)).collect();
    names.sort();
    names
}

/// Key material is not part of the cases: it is made where they ask for it. Namespaces carry the label they are chosen by.
fn generated(mut object: Value) -> Value {
    if text(&object, "/kind") == "Namespace" {
        let part = text(&object, "/metadata/name").split('-').next().unwrap_or_default().to_owned();
        object["metadata"]["labels"]["istio.io/test-name-part"] = part.into();
    }
    for member in ["data", "stringData"] {
        let asks = |key: &str| text(&object, &format!("/{member}/{key}")).starts_with("@generate");
        if asks("tls.crt") {
            let made = rcgen::generate_simple_self_signed(["domain.example".to_owned()]).expect("a certificate");
            let members = object.as_object_mut().expect("an object");
            let data = serde_json::json!({"tls.crt": made.cert.pem(), "tls.key": made.signing_key.serialize_pem()});
            members.remove(member);
            members.insert("stringData".to_owned(), data);
        }
    }
    object
}
