//! Discovery requests, read from their bytes.

use std::collections::BTreeMap;

use chancery_protocol::{
    DeltaRequest, HeldVersion, Node, Nonce, Refusal, Reply, ResourceName, Services, SotwRequest, TypeUrl, Violation,
};

use super::fields::{Fields, Value, text};
use super::node;

/// The longest `type_url` read, in bytes.
const LONGEST_TYPE_URL: usize = 4096;

/// What the bytes of a request are read against.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The types the stream serves: what an empty or another `type_url` means.
    pub services: &'a Services,
    /// Types with traits of their own ([`TypeUrl::described`]); others are parsed.
    pub types: &'a [TypeUrl],
    /// The most names, and the most initial versions, one request may carry.
    pub max_names: usize,
    /// The largest node metadata, in encoded bytes; and the most bytes of text kept of the rest of the node.
    pub node_bytes: usize,
}

/// Where in the stream a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The first message: it must carry the node (P1).
    First,
    /// A later one: a node in it is ignored (P2).
    Later,
}

/// A request in the engine's form, and what came beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded<R> {
    /// The request.
    pub request: R,
    /// What the peer says of itself; only of a first message.
    pub node: Option<Node>,
    /// Names asked for with dynamic parameters, which are not supported: they are answered with an error (P84).
    pub unsupported: Vec<ResourceName>,
}

/// What is wrong with the bytes of a request. Each ends its stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The bytes are not a protobuf message of the expected kind.
    #[error("the bytes of `{message}` are not a protobuf message: is the peer speaking the discovery protocol v3?")]
    Undecodable {
        /// The message or field.
        message: &'static str,
    },
    /// A string field holds something else.
    #[error("`{field}` is not valid UTF-8")]
    InvalidUtf8 {
        /// The field.
        field: &'static str,
    },
    /// Messages within messages, deeper than anything legitimate.
    #[error("`node.metadata` or an unknown field nests too deeply")]
    TooDeep,
    /// The type URL is absurdly long.
    #[error("`type_url` is longer than {LONGEST_TYPE_URL} bytes")]
    LongTypeUrl,
    /// The node is larger than the limit.
    #[error("`node.metadata` or the rest of `node` is larger than the limit of {limit} bytes (`node_bytes`)")]
    NodeTooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// A rule of the protocol is broken.
    #[error(transparent)]
    Violation(#[from] Violation),
}

/// Reads a state-of-the-world request.
///
/// # Errors
/// When the bytes are malformed or break P1, P3, P4 or P9.
pub fn sotw_request(bytes: &[u8], rules: Rules<'_>, place: Place) -> Result<Decoded<SotwRequest>, Malformed> {
    let mut common = Common::new(rules, place);
    let mut version = None;
    let mut names = Names::new(rules);
    let mut fields = Fields::of(bytes, "DiscoveryRequest");
    while let Some((number, value)) = fields.next()? {
        let Value::Bytes(bytes) = value else { continue };
        match number {
            1 => version = HeldVersion::parse(text(bytes, "version_info")?),
            2 => common.node(bytes)?,
            3 => names.add(text(bytes, "resource_names")?)?,
            4 => common.type_url = text(bytes, "type_url")?,
            5 => common.nonce = text(bytes, "response_nonce")?,
            6 => common.error_detail(bytes)?,
            7 => names.add_locator(bytes, &mut common.unsupported)?,
            _ => {}
        }
    }
    let type_url = common.type_url()?;
    if type_url.traits().delta_only {
        return Err(Violation::DeltaOnly(type_url.as_str().into()).into());
    }
    let reply = common.reply();
    let request = SotwRequest { type_url, version, names: names.listed, reply };
    Ok(Decoded { request, node: common.node, unsupported: common.unsupported })
}

/// Reads a delta request.
///
/// # Errors
/// When the bytes are malformed or break P1, P3 or P4.
pub fn delta_request(bytes: &[u8], rules: Rules<'_>, place: Place) -> Result<Decoded<DeltaRequest>, Malformed> {
    let mut common = Common::new(rules, place);
    let (mut subscribe, mut unsubscribe) = (Names::new(rules), Names::new(rules));
    let mut initial_versions = BTreeMap::new();
    let mut fields = Fields::of(bytes, "DeltaDiscoveryRequest");
    while let Some((number, value)) = fields.next()? {
        let Value::Bytes(bytes) = value else { continue };
        match number {
            1 => common.node(bytes)?,
            2 => common.type_url = text(bytes, "type_url")?,
            3 => subscribe.add(text(bytes, "resource_names_subscribe")?)?,
            4 => unsubscribe.add(text(bytes, "resource_names_unsubscribe")?)?,
            5 => {
                if initial_versions.len() >= rules.max_names {
                    return Err(Violation::TooManyNames { limit: rules.max_names }.into());
                }
                let (name, version) = initial_version(bytes)?;
                initial_versions.insert(ResourceName::new(name), version);
            }
            6 => common.nonce = text(bytes, "response_nonce")?,
            7 => common.error_detail(bytes)?,
            8 => subscribe.add_locator(bytes, &mut common.unsupported)?,
            // A locator that was not subscribed needs no unsubscription.
            9 => unsubscribe.add_locator(bytes, &mut Vec::new())?,
            _ => {}
        }
    }
    let type_url = common.type_url()?;
    let reply = common.reply();
    let (subscribe, unsubscribe) = (subscribe.listed, unsubscribe.listed);
    let request = DeltaRequest { type_url, subscribe, unsubscribe, initial_versions, reply };
    Ok(Decoded { request, node: common.node, unsupported: common.unsupported })
}

/// What both variants have.
struct Common<'a> {
    rules: Rules<'a>,
    place: Place,
    node: Option<Node>,
    type_url: &'a str,
    nonce: &'a str,
    refusal: Option<Refusal>,
    unsupported: Vec<ResourceName>,
}

impl<'a> Common<'a> {
    fn new(rules: Rules<'a>, place: Place) -> Common<'a> {
        Common { rules, place, node: None, type_url: "", nonce: "", refusal: None, unsupported: Vec::new() }
    }

    fn node(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        match self.place {
            Place::First => node::merge(self.node.get_or_insert_default(), bytes, self.rules.node_bytes),
            Place::Later => Ok(()),
        }
    }

    fn error_detail(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        let (mut code, mut message) = (0, "");
        let mut fields = Fields::of(bytes, "error_detail");
        while let Some((number, value)) = fields.next()? {
            match (number, value) {
                (1, Value::Varint(value)) => code = value as i32,
                (2, Value::Bytes(bytes)) => message = text(bytes, "error_detail.message")?,
                _ => {}
            }
        }
        self.refusal = Some(Refusal::new(code, message));
        Ok(())
    }

    /// The type asked for, after P1, P3 and P4.
    fn type_url(&self) -> Result<TypeUrl, Malformed> {
        if self.place == Place::First && self.node.is_none() {
            return Err(Violation::MissingNode.into());
        }
        if self.type_url.len() > LONGEST_TYPE_URL {
            return Err(Malformed::LongTypeUrl);
        }
        match self.rules.services {
            Services::Aggregated if self.type_url.is_empty() => Err(Violation::MissingTypeUrl.into()),
            Services::Aggregated => {
                let described = self.rules.types.iter().find(|known| known.as_str() == self.type_url);
                Ok(described.cloned().unwrap_or_else(|| TypeUrl::parse(self.type_url)))
            }
            Services::Single(served) if self.type_url.is_empty() || self.type_url == served.as_str() => {
                Ok(served.clone())
            }
            Services::Single(served) => {
                Err(Violation::OtherTypeUrl { served: served.as_str().into(), asked: self.type_url.into() }.into())
            }
        }
    }

    /// A request with `error_detail` is a refusal, any other is not (P61).
    fn reply(&mut self) -> Reply {
        if self.nonce.is_empty() {
            return Reply::None;
        }
        match (Nonce::parse(self.nonce), self.refusal.take()) {
            (None, _) => Reply::Foreign,
            (Some(nonce), None) => Reply::Ack(nonce),
            (Some(nonce), Some(refusal)) => Reply::Nack(nonce, refusal),
        }
    }
}

/// Names listed in a request, counted before they are kept.
struct Names {
    listed: Vec<ResourceName>,
    limit: usize,
}

impl Names {
    fn new(rules: Rules<'_>) -> Names {
        Names { listed: Vec::new(), limit: rules.max_names }
    }

    fn add(&mut self, name: &str) -> Result<(), Malformed> {
        if self.listed.len() >= self.limit {
            return Err(Violation::TooManyNames { limit: self.limit }.into());
        }
        self.listed.push(ResourceName::new(name));
        Ok(())
    }

    /// A locator without parameters is a name (P84).
    fn add_locator(&mut self, bytes: &[u8], unsupported: &mut Vec<ResourceName>) -> Result<(), Malformed> {
        let (mut name, mut parameters) = ("", 0_usize);
        let mut fields = Fields::of(bytes, "resource_locators");
        while let Some((number, value)) = fields.next()? {
            match (number, value) {
                (1, Value::Bytes(bytes)) => name = text(bytes, "resource_locators.name")?,
                (2, Value::Bytes(_)) => parameters += 1,
                _ => {}
            }
        }
        if parameters == 0 {
            return self.add(name);
        }
        if unsupported.len() >= self.limit {
            return Err(Violation::TooManyNames { limit: self.limit }.into());
        }
        unsupported.push(ResourceName::new(name));
        Ok(())
    }
}

fn initial_version(entry: &[u8]) -> Result<(&str, HeldVersion), Malformed> {
    let (mut name, mut version) = ("", "");
    let mut fields = Fields::of(entry, "initial_resource_versions");
    while let Some((number, value)) = fields.next()? {
        match (number, value) {
            (1, Value::Bytes(bytes)) => name = text(bytes, "initial_resource_versions")?,
            (2, Value::Bytes(bytes)) => version = text(bytes, "initial_resource_versions")?,
            _ => {}
        }
    }
    // A held resource without a version is still a held resource.
    Ok((name, HeldVersion::parse(version).unwrap_or(HeldVersion::Foreign)))
}
