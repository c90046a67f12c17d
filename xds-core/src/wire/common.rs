//! What discovery requests of both variants have.

use chancery_protocol::{Node, Nonce, Refusal, Reply, ResourceName, Services, TypeUrl, Violation};

use super::fields::{Fields, Value, text};
use super::known_names::KnownNames;
use super::node;
use super::request::{LONGEST_TYPE_URL, Malformed, Place, Rules};

/// What both variants have. Default: nothing yet.
#[derive(Debug, Default)]
pub(super) struct Common {
    pub(super) node: Option<Node>,
    type_url: Option<TypeUrl>,
    /// What it replies to: nothing, something that is none of ours, or a response.
    nonce: Option<Option<Nonce>>,
    refusal: Option<Refusal>,
    pub(super) unsupported: Vec<ResourceName>,
    /// Where names are taken from.
    pub(super) known: KnownNames,
}

impl Common {
    pub(super) fn node(&mut self, bytes: &[u8], rules: Rules<'_>, place: Place) -> Result<(), Malformed> {
        match place {
            Place::First => node::merge(self.node.get_or_insert_default(), bytes, rules.node_bytes),
            Place::Later => Ok(()),
        }
    }

    pub(super) fn error_detail(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
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

    pub(super) fn type_url(&mut self, text: &str, rules: Rules<'_>) -> Result<(), Malformed> {
        if text.len() > LONGEST_TYPE_URL {
            return Err(Malformed::LongTypeUrl);
        }
        let described = || rules.types.iter().find(|known| known.as_str() == text).cloned();
        self.type_url = (!text.is_empty()).then(|| described().unwrap_or_else(|| TypeUrl::parse(text)));
        Ok(())
    }

    pub(super) fn nonce(&mut self, text: &str) {
        self.nonce = (!text.is_empty()).then(|| Nonce::parse(text));
    }

    /// Whether it is a reply to a response of ours.
    pub(super) fn is_reply(&self) -> bool {
        matches!(self.nonce, Some(Some(_)))
    }

    /// The type asked for, as far as it is known.
    pub(super) fn served(&self, rules: Rules<'_>) -> Option<TypeUrl> {
        match (rules.services, &self.type_url) {
            (Services::Single(served), None) => Some(served.clone()),
            (_, asked) => asked.clone(),
        }
    }

    /// The type asked for, after P1, P3 and P4.
    pub(super) fn asked(&mut self, rules: Rules<'_>, place: Place) -> Result<TypeUrl, Malformed> {
        if place == Place::First && self.node.is_none() {
            return Err(Violation::MissingNode.into());
        }
        match (rules.services, self.type_url.take()) {
            (Services::Aggregated, asked) => asked.ok_or_else(|| Violation::MissingTypeUrl.into()),
            (Services::Single(served), None) => Ok(served.clone()),
            (Services::Single(served), Some(asked)) if asked.as_str() == served.as_str() => Ok(served.clone()),
            (Services::Single(served), Some(asked)) => {
                let (served, asked) = (served.as_str().into(), asked.as_str().into());
                Err(Violation::OtherTypeUrl { served, asked }.into())
            }
        }
    }

    /// A request with `error_detail` is a refusal, any other is not (P61).
    pub(super) fn reply(&mut self) -> Reply {
        match (self.nonce, self.refusal.take()) {
            (None, _) => Reply::None,
            (Some(None), _) => Reply::Foreign,
            (Some(Some(nonce)), None) => Reply::Ack(nonce),
            (Some(Some(nonce)), Some(refusal)) => Reply::Nack(nonce, refusal),
        }
    }
}
