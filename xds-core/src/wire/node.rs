//! The node of a first message: what a peer says of itself, with its metadata flattened to dotted paths.

use std::collections::BTreeMap;

use chancery_protocol::Node;

use super::Malformed;
use super::fields::{Fields, Value, text};

/// How deep a node's metadata may nest.
const DEEPEST_METADATA: u8 = 32;

/// A flattened tree repeats the keys of its inner nodes; this is how much larger than the limit it may become.
const FLATTENED_TO_ENCODED: usize = 4;

/// Reads more of a node: a message may hold the field several times, and then they are merged.
pub(super) fn merge(node: &mut Node, bytes: &[u8], limit: usize) -> Result<(), Malformed> {
    let mut fields = Fields::of(bytes, "node");
    let (mut agent, mut agent_version) = (None, None);
    while let Some((number, value)) = fields.next()? {
        let Value::Bytes(bytes) = value else { continue };
        match number {
            1 => node.id = text(bytes, "node.id")?.into(),
            2 => node.cluster = text(bytes, "node.cluster")?.into(),
            3 => metadata(&mut node.metadata, bytes, limit)?,
            4 => locality(&mut node.locality, bytes)?,
            6 => agent = Some(text(bytes, "node.user_agent_name")?),
            7 => agent_version = Some(text(bytes, "node.user_agent_version")?.to_owned()),
            8 => agent_version = build_version(bytes)?.or(agent_version),
            10 => drop(node.features.insert(text(bytes, "node.client_features")?.into())),
            _ => {}
        }
    }
    let texts = node.locality.iter().chain(&node.features).chain([&node.id, &node.cluster]);
    let kept: usize = texts.map(String::len).sum::<usize>() + agent.map_or(0, str::len);
    if kept + agent_version.as_ref().map_or(0, String::len) > limit {
        return Err(Malformed::NodeTooLarge { limit });
    }
    if let Some(agent) = agent {
        node.user_agent = match agent_version {
            Some(version) if !version.is_empty() => format!("{agent}/{version}"),
            _ => agent.to_owned(),
        };
    }
    Ok(())
}

fn locality(locality: &mut [String; 3], bytes: &[u8]) -> Result<(), Malformed> {
    let mut fields = Fields::of(bytes, "node.locality");
    while let Some((number, value)) = fields.next()? {
        let (Value::Bytes(bytes), 1..=3) = (value, number) else { continue };
        if let Some(part) = locality.get_mut(number as usize - 1) {
            *part = text(bytes, "node.locality")?.into();
        }
    }
    Ok(())
}

/// `BuildVersion.version` as `major.minor.patch`.
fn build_version(bytes: &[u8]) -> Result<Option<String>, Malformed> {
    let mut fields = Fields::of(bytes, "node.user_agent_build_version");
    let mut version = None;
    while let Some((number, value)) = fields.next()? {
        let (1, Value::Bytes(bytes)) = (number, value) else { continue };
        let mut parts = [0_u64; 3];
        let mut fields = Fields::of(bytes, "node.user_agent_build_version.version");
        while let Some((number, value)) = fields.next()? {
            if let (Value::Varint(value), Some(part)) = (value, parts.get_mut(number as usize - 1)) {
                *part = value;
            }
        }
        let [major, minor, patch] = parts;
        version = Some(format!("{major}.{minor}.{patch}"));
    }
    Ok(version)
}

fn metadata(into: &mut BTreeMap<String, String>, bytes: &[u8], limit: usize) -> Result<(), Malformed> {
    if bytes.len() > limit {
        return Err(Malformed::NodeTooLarge { limit });
    }
    let mut flat = Flattened { into, left: limit.saturating_mul(FLATTENED_TO_ENCODED), limit };
    flat.structure(&mut String::new(), bytes, 0)
}

struct Flattened<'a> {
    into: &'a mut BTreeMap<String, String>,
    /// Bytes that may still be added.
    left: usize,
    limit: usize,
}

impl Flattened<'_> {
    fn structure(&mut self, path: &mut String, bytes: &[u8], depth: u8) -> Result<(), Malformed> {
        if depth > DEEPEST_METADATA {
            return Err(Malformed::TooDeep);
        }
        let mut fields = Fields::of(bytes, "node.metadata");
        while let Some((number, value)) = fields.next()? {
            let (1, Value::Bytes(entry)) = (number, value) else { continue };
            let (mut key, mut member) = ("", None);
            let mut parts = Fields::of(entry, "node.metadata");
            while let Some((number, value)) = parts.next()? {
                match (number, value) {
                    (1, Value::Bytes(bytes)) => key = text(bytes, "node.metadata")?,
                    (2, Value::Bytes(bytes)) => member = Some(bytes),
                    _ => {}
                }
            }
            if let Some(member) = member {
                self.below(path, key, member, depth)?;
            }
        }
        Ok(())
    }

    fn below(&mut self, path: &mut String, key: &str, value: &[u8], depth: u8) -> Result<(), Malformed> {
        let parent = path.len();
        if parent > 0 {
            path.push('.');
        }
        path.push_str(key);
        self.value(path, value, depth)?;
        path.truncate(parent);
        Ok(())
    }

    fn value(&mut self, path: &mut String, bytes: &[u8], depth: u8) -> Result<(), Malformed> {
        let mut fields = Fields::of(bytes, "node.metadata");
        while let Some((number, value)) = fields.next()? {
            match (number, value) {
                (2, Value::Fixed64(bits)) => self.scalar(path, f64::from_bits(bits).to_string())?,
                (3, Value::Bytes(bytes)) => self.scalar(path, text(bytes, "node.metadata")?.to_owned())?,
                (4, Value::Varint(bit)) => self.scalar(path, (bit != 0).to_string())?,
                (5, Value::Bytes(bytes)) => self.structure(path, bytes, depth + 1)?,
                (6, Value::Bytes(bytes)) => self.list(path, bytes, depth + 1)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn list(&mut self, path: &mut String, bytes: &[u8], depth: u8) -> Result<(), Malformed> {
        if depth > DEEPEST_METADATA {
            return Err(Malformed::TooDeep);
        }
        let mut fields = Fields::of(bytes, "node.metadata");
        let mut at = 0_usize;
        while let Some((number, value)) = fields.next()? {
            let (1, Value::Bytes(bytes)) = (number, value) else { continue };
            self.below(path, &at.to_string(), bytes, depth)?;
            at += 1;
        }
        Ok(())
    }

    fn scalar(&mut self, path: &str, value: String) -> Result<(), Malformed> {
        let bytes = path.len() + value.len();
        self.left = self.left.checked_sub(bytes).ok_or(Malformed::NodeTooLarge { limit: self.limit })?;
        self.into.insert(path.to_owned(), value);
        Ok(())
    }
}
