//! Discovery requests, read from their bytes.

use chancery_protocol::{
    DeltaRequest, HeldVersion, Node, PoolChoice, ResourceName, Services, SotwRequest, TypeUrl, Violation,
};

use super::common::Common;
use super::fields::{Fields, Value, text};
use super::last_names::{LastNames, Listing};
use super::name_list::NameList;

/// The longest `type_url` read, in bytes.
pub(super) const LONGEST_TYPE_URL: usize = 4096;

/// For how many versions there is room before they have come.
const MOST_EXPECTED: usize = 16 * 1024;

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
    /// Names that other streams gave already: long lists are likely to be theirs.
    pub pool: &'a PoolChoice,
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
    /// Whether the request is a reply that lists what the last request of its type listed, and its names are left out.
    pub repeats: bool,
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
    let mut partial = SotwPartial::default();
    partial.absorb(bytes, rules, place)?;
    partial.finish(rules, place)
}

/// Reads a delta request.
///
/// # Errors
/// When the bytes are malformed or break P1, P3 or P4.
pub fn delta_request(bytes: &[u8], rules: Rules<'_>, place: Place) -> Result<Decoded<DeltaRequest>, Malformed> {
    let mut partial = DeltaPartial::default();
    partial.absorb(bytes, rules, place)?;
    partial.finish(rules, place)
}

/// How many of these bytes, the beginning of a message, are whole fields: what may be read while the rest is on its way.
pub fn whole_fields(bytes: &[u8]) -> usize {
    let mut fields = Fields::of(bytes, "");
    let mut whole = 0;
    while let Ok(Some(_)) = fields.next() {
        whole = bytes.len() - fields.left();
    }
    whole
}

/// A state-of-the-world request that is read field by field, in as many parts as it comes in. Default: nothing of it yet.
#[derive(Debug, Default)]
pub struct SotwPartial {
    common: Common,
    version: Option<HeldVersion>,
    names: NameList,
    /// Whether what it lists was taken note of.
    is_noted: bool,
    repeats: bool,
}

impl SotwPartial {
    /// Takes in a whole later request. Where it is a reply that lists what the last request of its type listed, and the session
    /// recalls that (`recalls`), its names are not looked at.
    ///
    /// # Errors
    /// When the bytes are malformed, or name too much.
    pub fn absorb_whole(
        &mut self,
        bytes: &[u8],
        rules: Rules<'_>,
        last: &mut LastNames,
        recalls: impl FnOnce(&TypeUrl) -> bool,
    ) -> Result<(), Malformed> {
        let mut listing = Listing::default();
        let mut is_plain = true;
        let mut fields = Fields::of(bytes, "DiscoveryRequest");
        loop {
            listing.add(fields.strings(3));
            match fields.next()? {
                None => break,
                // A locator, or a name longer than anything that is recognised.
                Some((3 | 7, _)) => is_plain = false,
                Some((number, value)) => self.field(number, value, rules, Place::Later)?,
            }
        }
        let Some(type_url) = self.common.served(rules) else { return self.absorb_names(bytes, rules) };
        if !is_plain {
            return self.absorb_names(bytes, rules);
        }
        self.is_noted = true;
        self.repeats = last.are(&type_url, &listing) && self.common.is_reply() && recalls(&type_url);
        if self.repeats { Ok(()) } else { self.absorb_names(bytes, rules) }
    }

    /// Takes in the names of a request whose other fields were.
    fn absorb_names(&mut self, bytes: &[u8], rules: Rules<'_>) -> Result<(), Malformed> {
        let mut fields = Fields::of(bytes, "DiscoveryRequest");
        while let Some((number, value)) = fields.next()? {
            if matches!(number, 3 | 7) {
                self.field(number, value, rules, Place::Later)?;
            }
        }
        Ok(())
    }

    /// Takes in some of the fields, whole ones.
    ///
    /// # Errors
    /// When the bytes are malformed, or name too much.
    pub fn absorb(&mut self, bytes: &[u8], rules: Rules<'_>, place: Place) -> Result<(), Malformed> {
        let mut fields = Fields::of(bytes, "DiscoveryRequest");
        while let Some((number, value)) = fields.next()? {
            self.field(number, value, rules, place)?;
        }
        Ok(())
    }

    fn field(&mut self, number: u32, value: Value<'_>, rules: Rules<'_>, place: Place) -> Result<(), Malformed> {
        let SotwPartial { common, version, names, .. } = self;
        let Value::Bytes(bytes) = value else { return Ok(()) };
        match number {
            1 => *version = HeldVersion::parse(text(bytes, "version_info")?),
            2 => common.node(bytes, rules, place)?,
            3 => names.add(common.known.name(text(bytes, "resource_names")?, rules.pool), rules)?,
            4 => common.type_url(text(bytes, "type_url")?, rules)?,
            5 => common.nonce(text(bytes, "response_nonce")?),
            6 => common.error_detail(bytes)?,
            7 => names.add_locator(bytes, rules, &mut common.unsupported)?,
            _ => {}
        }
        Ok(())
    }

    /// The request, now that all of it was taken in.
    ///
    /// # Errors
    /// When it breaks P1, P3, P4 or P9.
    pub fn finish(self, rules: Rules<'_>, place: Place) -> Result<Decoded<SotwRequest>, Malformed> {
        let SotwPartial { mut common, version, names, repeats, is_noted: _ } = self;
        let type_url = common.asked(rules, place)?;
        if type_url.traits().delta_only {
            return Err(Violation::DeltaOnly(type_url.as_str().into()).into());
        }
        let reply = common.reply();
        let request = SotwRequest { type_url, version, names: names.listed, reply };
        Ok(Decoded { request, node: common.node, unsupported: common.unsupported, repeats })
    }

    /// The same on a stream whose last names are remembered: they are forgotten where these are others that nobody took note of.
    ///
    /// # Errors
    /// Those of [`finish`](SotwPartial::finish).
    pub fn finish_after(
        self,
        last: &mut LastNames,
        rules: Rules<'_>,
        place: Place,
    ) -> Result<Decoded<SotwRequest>, Malformed> {
        let is_noted = self.is_noted;
        let decoded = self.finish(rules, place)?;
        if !is_noted {
            last.forget(&decoded.request.type_url);
        }
        Ok(decoded)
    }
}

/// A delta request that is read field by field, in as many parts as it comes in. Default: nothing of it yet.
#[derive(Debug, Default)]
pub struct DeltaPartial {
    common: Common,
    subscribe: NameList,
    unsubscribe: NameList,
    initial_versions: Vec<(ResourceName, HeldVersion)>,
}

impl DeltaPartial {
    /// Takes in some of the fields, whole ones.
    ///
    /// # Errors
    /// When the bytes are malformed, or name too much.
    pub fn absorb(&mut self, bytes: &[u8], rules: Rules<'_>, place: Place) -> Result<(), Malformed> {
        let DeltaPartial { common, subscribe, unsubscribe, initial_versions } = self;
        let mut fields = Fields::of(bytes, "DeltaDiscoveryRequest");
        while let Some((number, value)) = fields.next()? {
            let Value::Bytes(bytes) = value else { continue };
            match number {
                1 => common.node(bytes, rules, place)?,
                2 => common.type_url(text(bytes, "type_url")?, rules)?,
                3 => {
                    let name = text(bytes, "resource_names_subscribe")?;
                    subscribe.add(common.known.name(name, rules.pool), rules)?;
                }
                4 => {
                    let name = text(bytes, "resource_names_unsubscribe")?;
                    unsubscribe.add(common.known.name(name, rules.pool), rules)?;
                }
                5 => {
                    if initial_versions.len() >= rules.max_names {
                        return Err(Violation::TooManyNames { limit: rules.max_names }.into());
                    }
                    if initial_versions.is_empty() {
                        // What is asked for is mostly what is held.
                        initial_versions.reserve_exact(subscribe.listed.len().min(MOST_EXPECTED));
                    }
                    let (name, version) = initial_version(bytes)?;
                    initial_versions.push((common.known.name(name, rules.pool), version));
                }
                6 => common.nonce(text(bytes, "response_nonce")?),
                7 => common.error_detail(bytes)?,
                8 => subscribe.add_locator(bytes, rules, &mut common.unsupported)?,
                // A locator that was not subscribed needs no unsubscription.
                9 => unsubscribe.add_locator(bytes, rules, &mut Vec::new())?,
                _ => {}
            }
        }
        Ok(())
    }

    /// The request, now that all of it was taken in.
    ///
    /// # Errors
    /// When it breaks P1, P3 or P4.
    pub fn finish(self, rules: Rules<'_>, place: Place) -> Result<Decoded<DeltaRequest>, Malformed> {
        let DeltaPartial { mut common, subscribe, unsubscribe, initial_versions } = self;
        let type_url = common.asked(rules, place)?;
        let reply = common.reply();
        let (subscribe, unsubscribe) = (subscribe.listed, unsubscribe.listed);
        let request = DeltaRequest { type_url, subscribe, unsubscribe, initial_versions, reply };
        Ok(Decoded { request, node: common.node, unsupported: common.unsupported, repeats: false })
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
