//! What one document comes to: an object, one that is not good enough, or something of no concern here.

use std::sync::Arc;

use blake3::Hash;
use chancery_resource::located::{Content, Node, Position, closest};
use chancery_translator::api::{GATEWAY_GROUP, Kind, Object, ObjectId, ReadError};
use serde_json::Value;

use crate::cursor::Cursor;
use crate::digest::digest_without;
use crate::findings::{Finding, Findings};
use crate::schema::{self, Edition};
use crate::{normal, rules, structure};

/// Versions of the Gateway API that are read.
const VERSIONS: [&str; 5] = ["v1", "v1beta1", "v1alpha2", "v1alpha3", "v1alpha1"];

/// What a document comes to.
#[derive(Debug, Clone)]
pub(crate) enum Candidate {
    Good(Arc<Candidacy>),
    /// It is an object, or means to be one, but breaks rules.
    Bad {
        id: Option<ObjectId>,
        findings: Vec<Finding>,
    },
    /// It is of a kind that is not read.
    Ignored(Finding),
}

impl Candidate {
    /// The object it is, or means to be, as far as that can be told.
    pub(crate) fn object(&self) -> Option<&ObjectId> {
        match self {
            Candidate::Good(candidacy) => Some(&candidacy.id),
            Candidate::Bad { id, .. } => id.as_ref(),
            Candidate::Ignored(_) => None,
        }
    }

    /// The object it is, if it is good.
    pub(crate) fn good(&self) -> Option<&ObjectId> {
        match self {
            Candidate::Good(candidacy) => Some(&candidacy.id),
            Candidate::Bad { .. } | Candidate::Ignored(_) => None,
        }
    }
}

/// An object that may be served.
#[derive(Debug)]
pub(crate) struct Candidacy {
    pub(crate) id: ObjectId,
    /// The object in the generation it says, or the first.
    pub(crate) object: Object,
    /// The generation it says it has.
    pub(crate) generation: Option<i64>,
    /// Of what a change of generation depends on.
    pub(crate) digest: Hash,
    pub(crate) node: Arc<Node>,
    /// What is told of it although it is good.
    pub(crate) notes: Vec<Finding>,
    value: Value,
}

impl Candidacy {
    /// The object in this generation.
    pub(crate) fn in_generation(&self, generation: i64) -> Object {
        let value = normal::of_generation(self.value.clone(), generation);
        Object::read_as(self.id.kind, &value).map_or_else(|_| self.object.clone(), |(object, _)| object)
    }
}

/// What a document says it is.
struct Claim<'a> {
    api_version: &'a str,
    kind: &'a str,
}

/// Reads a document, or each item of one that is a list of objects.
pub(crate) fn candidates(document: Node, most_findings: usize) -> Vec<Candidate> {
    let kind = document.get("kind").and_then(Node::text).unwrap_or_default().to_owned();
    let api_version = document.get("apiVersion").and_then(Node::text).unwrap_or_default().to_owned();
    match kind.strip_suffix("List") {
        Some(of) if matches!(document.get("items"), Some(items) if matches!(items.content, Content::List(_) | Content::Null)) =>
        {
            let implied = Claim { api_version: &api_version, kind: of };
            let items = take_items(document).into_iter();
            items
                .flat_map(|item| {
                    match item.get("kind").and_then(Node::text).is_some_and(|kind| kind.ends_with("List")) {
                        true => candidates(item, most_findings),
                        false => vec![candidate(item, Some(&implied), most_findings)],
                    }
                })
                .collect()
        }
        _ => vec![candidate(document, None, most_findings)],
    }
}

fn take_items(list: Node) -> Vec<Node> {
    let Content::Map(entries) = list.content else { return Vec::new() };
    let items = entries.into_iter().find(|(key, _)| key.text == "items");
    match items.map(|(_, node)| node.content) {
        Some(Content::List(items)) => items,
        _ => Vec::new(),
    }
}

fn candidate(node: Node, implied: Option<&Claim<'_>>, most_findings: usize) -> Candidate {
    let root = Cursor::root(&node);
    let mut findings = Findings::at_most(most_findings);
    if !matches!(node.content, Content::Map(_)) {
        let message = format!("an object is a map that begins with `apiVersion:` and `kind:`, not {}", node.kind());
        findings.add(&root, "not-an-object", message);
        return Candidate::Bad { id: None, findings: findings.told() };
    }
    let said = |field: &str, implied: Option<&str>| root.said(field).map(str::to_owned).or(implied.map(str::to_owned));
    let implied = implied.filter(|implied| !implied.kind.is_empty());
    let api_version = said("apiVersion", implied.map(|implied| implied.api_version));
    let kind = said("kind", implied.map(|implied| implied.kind));
    let (Some(api_version), Some(kind)) = (api_version, kind) else {
        for field in ["apiVersion", "kind"].into_iter().filter(|field| root.said(field).is_none()) {
            let message = format!("`{field}` must be given: an object says what it is");
            findings.add_missing(&root, field, "required", message);
        }
        return Candidate::Bad { id: None, findings: findings.told() };
    };
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", &api_version));
    let Some(known) = Kind::of(group, &kind) else {
        return of_unknown_kind(&node, &root, group, &api_version, &kind, findings);
    };
    let id = id_of(&root, known);
    if group == GATEWAY_GROUP && !VERSIONS.contains(&version) {
        let at = root.get("apiVersion").unwrap_or(root);
        findings.add(&at, "version", format!("{version:?} is no version of the Gateway API; v1 is the newest"));
    }
    if let Some(schema) = schema::of(known, Edition::of(version)) {
        structure::check_object(&root, schema, &mut findings);
    }
    rules::check(known, &root, &mut findings);
    if !findings.is_empty() {
        return Candidate::Bad { id, findings: findings.told() };
    }
    let value = normal::completed(normal::value(&node), &api_version, known);
    let generation = normal::generation(&value);
    let first = normal::of_generation(value.clone(), generation.unwrap_or(1));
    match Object::read_as(known, &first) {
        Ok((object, unused)) => {
            let notes = unused.into_iter().map(|field| Finding {
                at: node.locate(&field.path),
                rule: "no-effect",
                message: "this field has no effect here".to_owned(),
                field: field.path,
            });
            let (notes, digest) = (notes.collect(), digest_without(&value, &["metadata", "status"]));
            let id = object.id();
            Candidate::Good(Arc::new(Candidacy { id, object, generation, digest, node: Arc::new(node), notes, value }))
        }
        Err(error) => {
            let (field, message) = match error {
                ReadError::Field { path, message } => (path, message),
                other => (String::new(), other.to_string()),
            };
            let finding = Finding { at: node.locate(&field), field, rule: "wrong-type", message };
            Candidate::Bad { id, findings: vec![finding] }
        }
    }
}

/// Which object is meant, as far as that can be told.
fn id_of(root: &Cursor<'_>, kind: Kind) -> Option<ObjectId> {
    let metadata = root.get("metadata")?;
    let name = metadata.said("name")?;
    let namespace = match kind.is_namespaced() {
        true => metadata.said("namespace").unwrap_or(normal::DEFAULT_NAMESPACE),
        false => "",
    };
    Some(ObjectId::new(kind, namespace, name))
}

/// Other people's kinds may lie in the same directory. A slip of the pen in one of ours is no other people's kind.
fn of_unknown_kind(
    node: &Node,
    root: &Cursor<'_>,
    group: &str,
    api_version: &str,
    kind: &str,
    mut findings: Findings,
) -> Candidate {
    let ours = Kind::ALL.into_iter().filter(|known| known.group() == group).map(|known| known.as_str().to_owned());
    let slip = match group {
        GATEWAY_GROUP => closest(kind, ours),
        _ => None,
    };
    let elsewhere = Kind::ALL.into_iter().find(|known| known.as_str() == kind && known.group() == GATEWAY_GROUP);
    let at_kind = root.get("kind").unwrap_or(*root);
    match (slip, elsewhere) {
        (Some(help), _) => {
            findings.add(&at_kind, "kind", format!("there is no kind {kind} in {api_version}; {help}"));
            Candidate::Bad { id: None, findings: findings.told() }
        }
        (None, Some(_)) if group.is_empty() => {
            let at = root.get("apiVersion").unwrap_or(*root);
            findings.add(&at, "kind", format!("{kind} is a kind of {GATEWAY_GROUP}/v1, not of {api_version}"));
            Candidate::Bad { id: None, findings: findings.told() }
        }
        _ => {
            let name = node.get("metadata").and_then(|metadata| metadata.get("name")).and_then(Node::text);
            let message = format!("{kind} {} of {api_version} is of a kind that is not read here", name.unwrap_or("?"));
            let at = match at_kind.position() {
                Position { line: 0, .. } => node.at,
                at => at,
            };
            Candidate::Ignored(Finding { at, field: String::new(), rule: "kind", message })
        }
    }
}
