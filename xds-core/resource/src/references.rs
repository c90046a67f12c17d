//! What a resource names that its peer gets from the same server.

mod rules;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use chancery_protocol::{Reference, ResourceName, TypeUrl};

use crate::schema::{Role, Schema, Shape, ShapeId, ValueKind};
use crate::wire::{Slot, WireType, read_slot, read_varint};
use rules::{Rule, Step};

const MAX_DEPTH: usize = 100;

static MAP: LazyLock<Map> = LazyLock::new(Map::build);

/// The resources a message names and its peer obtains from the server that sent the message, sorted and without
/// duplicates: clusters by name, and whatever a `config_source` of `ads` or `self` says to subscribe to.
///
/// `body` is a canonical encoding, as [`canonicalize`](crate::canonicalize) makes it. Not found, because no name is given:
/// clusters chosen by header, by a named cluster specifier plugin or a dynamic module, scoped routes, and collections of
/// locality endpoints. What a `path_config_source` or an `api_config_source` brings comes from elsewhere, and so do the
/// clusters those sources are reached through.
pub fn references(type_url: &TypeUrl, body: &[u8]) -> Vec<Reference> {
    let schema = Schema::get();
    let Some(id) = schema.find(type_url.message_name()) else { return Vec::new() };
    let mut walk = Walk { schema, map: &MAP, found: BTreeSet::new() };
    walk.message(id, body, 0);
    walk.found.into_iter().map(|(type_url, name)| Reference { type_url, name: ResourceName::new(name) }).collect()
}

/// Which rules apply where, and where it is worth looking.
struct Map {
    /// By shape: what a message of that type may name itself.
    rules: Vec<Vec<Rule>>,
    /// By shape: whether a message of that type may hold, at any depth, one that names something.
    reaches: Vec<bool>,
}

impl Map {
    fn build() -> Map {
        let schema = Schema::get();
        let mut rules: Vec<Vec<Rule>> = schema.ids().map(|_| Vec::new()).collect();
        for (id, rule) in rules::table() {
            if let Some(of_shape) = rules.get_mut(id.index()) {
                of_shape.push(rule);
            }
        }
        let sources: Vec<ShapeId> = rules::SOURCES.iter().filter_map(|name| schema.find(name)).collect();
        let mut reaches: Vec<bool> = schema
            .ids()
            .map(|id| schema.shape(id).role == Role::Any || rules.get(id.index()).is_some_and(|of| !of.is_empty()))
            .collect();
        loop {
            let mut changed = false;
            for id in schema.ids() {
                let reached = |value| matches!(value, ValueKind::Message(inner) if reaches[inner.index()]);
                if !reaches[id.index()]
                    && !sources.contains(&id)
                    && schema.shape(id).fields().iter().any(|field| reached(field.value))
                {
                    reaches[id.index()] = true;
                    changed = true;
                }
            }
            if !changed {
                return Map { rules, reaches };
            }
        }
    }
}

struct Walk<'a> {
    schema: &'static Schema,
    map: &'static Map,
    found: BTreeSet<(TypeUrl, &'a str)>,
}

impl<'a> Walk<'a> {
    fn message(&mut self, id: ShapeId, bytes: &'a [u8], depth: usize) {
        if depth > MAX_DEPTH || !self.map.reaches[id.index()] {
            return;
        }
        let shape = self.schema.shape(id);
        if shape.role == Role::Any {
            let held = text(bytes, 1).and_then(|url| self.schema.find_url(url.as_bytes()));
            if let (Some(held), Some(value)) = (held, delimited(bytes, 2).next()) {
                self.message(held, value, depth + 1);
            }
            return;
        }
        let mut elsewhere = None;
        for rule in &self.map.rules[id.index()] {
            match rule {
                Rule::Names { field, type_url } => {
                    for name in delimited(bytes, *field) {
                        self.name(type_url, std::str::from_utf8(name).ok());
                    }
                }
                Rule::Sourced { name, or_name, source, only_if, type_url } => {
                    let applies = only_if.is_none_or(|(field, value)| number(bytes, field) == Some(value));
                    if applies && at_path(bytes, source).is_some_and(is_same_server) {
                        let name = text_at(bytes, name).filter(|name| !name.is_empty());
                        self.name(type_url, name.or_else(|| text_at(bytes, or_name)));
                    }
                }
                Rule::Gate { field, source } => {
                    if !at_path(bytes, source).is_some_and(is_same_server) {
                        elsewhere = Some(*field);
                    }
                }
            }
        }
        self.within(shape, bytes, elsewhere, depth);
    }

    fn within(&mut self, shape: &'static Shape, bytes: &'a [u8], elsewhere: Option<u32>, depth: usize) {
        for slot in slots(bytes) {
            if slot.wire_type == WireType::Delimited
                && elsewhere != Some(slot.number)
                && let Some(ValueKind::Message(inner)) = shape.field(slot.number).map(|field| field.value)
            {
                self.message(inner, &bytes[slot.payload..slot.end], depth + 1);
            }
        }
    }

    fn name(&mut self, type_url: &TypeUrl, name: Option<&'a str>) {
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            self.found.insert((type_url.clone(), name));
        }
    }
}

/// Whether a `ConfigSource` is the stream the resource itself came on: `ads` (3) or `self` (5).
fn is_same_server(config_source: &[u8]) -> bool {
    slots(config_source).any(|slot| matches!(slot.number, 3 | 5) && slot.wire_type == WireType::Delimited)
}

fn slots(bytes: &[u8]) -> impl Iterator<Item = Slot> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let slot = (at < bytes.len()).then(|| read_slot(bytes, at))??;
        at = slot.end;
        Some(slot)
    })
}

fn delimited(bytes: &[u8], field: u32) -> impl Iterator<Item = &[u8]> {
    slots(bytes)
        .take_while(move |slot| slot.number <= field)
        .filter(move |slot| slot.number == field && slot.wire_type == WireType::Delimited)
        .map(|slot| &bytes[slot.payload..slot.end])
}

fn text(bytes: &[u8], field: u32) -> Option<&str> {
    std::str::from_utf8(delimited(bytes, field).next()?).ok()
}

fn number(bytes: &[u8], field: u32) -> Option<u64> {
    let slot = slots(bytes).find(|slot| slot.number == field && slot.wire_type == WireType::Varint)?;
    read_varint(bytes, slot.payload).map(|(value, _)| value)
}

/// The message (or text) at the end of a path of single fields.
fn at_path<'a>(bytes: &'a [u8], path: &[Step]) -> Option<&'a [u8]> {
    path.iter().try_fold(bytes, |bytes, step| delimited(bytes, *step).next())
}

fn text_at<'a>(bytes: &'a [u8], path: &[Step]) -> Option<&'a str> {
    if path.is_empty() { None } else { std::str::from_utf8(at_path(bytes, path)?).ok() }
}
