//! The constraints of every message type, read once from the `validate.rules` options of the descriptors.

use std::collections::HashMap;
use std::sync::LazyLock;

use prost_reflect::{
    DescriptorPool, DynamicMessage, ExtensionDescriptor, FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor,
    Value,
};
use regex::RegexBuilder;

use super::check::{Bound, Check, Scalar};
use super::format::Format;
use crate::descriptors::pool;

/// How large a pattern may become in memory.
const MAX_PATTERN_BYTES: usize = 1 << 20;

static BOOK: LazyLock<RuleBook> = LazyLock::new(|| RuleBook::read(pool()));

/// The constraints of every message type that has some.
#[derive(Default)]
pub(super) struct RuleBook {
    messages: HashMap<String, MessageRules>,
    /// How many fields have constraints.
    pub(super) fields: usize,
    /// Constraints of a kind that is not understood here; none, as a test sees to.
    pub(super) unknown: Vec<String>,
}

/// The constraints of one message type.
#[derive(Default)]
pub(super) struct MessageRules {
    pub(super) fields: Vec<(FieldDescriptor, FieldRules)>,
    /// Of these a member must be set.
    pub(super) oneofs: Vec<OneofDescriptor>,
}

/// The constraints of one field, or of the items, keys or values of one.
#[derive(Default)]
pub(super) struct FieldRules {
    /// The field must be set; by which rule.
    pub(super) required: Option<&'static str>,
    /// The message in the field is not looked into.
    pub(super) skip: bool,
    pub(super) ignore_empty: bool,
    pub(super) unique: bool,
    pub(super) checks: Vec<(String, Check)>,
    pub(super) counts: Vec<Count>,
    pub(super) items: Option<Box<FieldRules>>,
    pub(super) keys: Option<Box<FieldRules>>,
    pub(super) values: Option<Box<FieldRules>>,
}

/// How many items a list or a map must have.
pub(super) struct Count {
    pub(super) rule: &'static str,
    pub(super) least: u64,
    pub(super) most: u64,
}

impl Count {
    fn at_least(rule: &'static str, least: u64) -> Count {
        Count { rule, least, most: u64::MAX }
    }

    fn at_most(rule: &'static str, most: u64) -> Count {
        Count { rule, least: 0, most }
    }
}

impl MessageRules {
    pub(super) fn field(&self, number: u32) -> Option<&FieldRules> {
        self.fields.iter().find(|(field, _)| field.number() == number).map(|(_, rules)| rules)
    }
}

impl RuleBook {
    pub(super) fn get() -> &'static RuleBook {
        &BOOK
    }

    pub(super) fn of(&self, message_name: &str) -> Option<&MessageRules> {
        self.messages.get(message_name)
    }

    fn read(pool: &DescriptorPool) -> RuleBook {
        let mut book = RuleBook::default();
        let extension = |name: &str| pool.get_extension_by_name(name);
        let (Some(rules), Some(required), Some(disabled), Some(ignored)) = (
            extension("validate.rules"),
            extension("validate.required"),
            extension("validate.disabled"),
            extension("validate.ignored"),
        ) else {
            book.unknown.push("the descriptors do not describe validate.rules".into());
            return book;
        };
        for message in pool.all_messages() {
            let options = message.options();
            if !is_set(&options, &disabled) && !is_set(&options, &ignored) {
                book.read_message(&message, &rules, &required);
            }
        }
        book
    }

    fn read_message(
        &mut self,
        message: &MessageDescriptor,
        rules: &ExtensionDescriptor,
        required: &ExtensionDescriptor,
    ) {
        let mut of_message = MessageRules::default();
        for field in message.fields() {
            let options = field.options();
            if options.has_extension(rules) {
                self.fields += 1;
                if let Some(rules) = options.get_extension(rules).as_message() {
                    let rules = self.read_field(field.full_name(), &field.kind(), rules);
                    of_message.fields.push((field, rules));
                }
            }
        }
        of_message.oneofs = message.oneofs().filter(|oneof| is_set(&oneof.options(), required)).collect();
        if !of_message.fields.is_empty() || !of_message.oneofs.is_empty() {
            self.messages.insert(message.full_name().into(), of_message);
        }
    }

    fn read_field(&mut self, place: &str, kind: &Kind, rules: &DynamicMessage) -> FieldRules {
        let mut read = FieldRules::default();
        for (group, rules) in rules.fields() {
            let Some(rules) = rules.as_message() else { continue };
            match group.name() {
                "repeated" => self.read_repeated(place, kind, rules, &mut read),
                "map" => self.read_map(place, kind, rules, &mut read),
                "message" | "any" => self.read_whole(place, group.name(), rules, &mut read),
                "string" | "bytes" => self.read_text(place, group.name(), rules, &mut read),
                "enum" | "bool" => self.read_named(place, group.name(), kind, rules, &mut read),
                name => self.read_number(place, name, rules, &mut read),
            }
        }
        read
    }

    fn read_repeated(&mut self, place: &str, kind: &Kind, rules: &DynamicMessage, read: &mut FieldRules) {
        for (rule, value) in rules.fields() {
            match (rule.name(), value) {
                ("min_items", Value::U64(low)) => read.counts.push(Count::at_least("repeated.min_items", *low)),
                ("max_items", Value::U64(high)) => read.counts.push(Count::at_most("repeated.max_items", *high)),
                ("unique", Value::Bool(unique)) => read.unique = *unique,
                ("ignore_empty", Value::Bool(ignore)) => read.ignore_empty = *ignore,
                ("items", Value::Message(items)) => read.items = Some(Box::new(self.read_field(place, kind, items))),
                _ => self.unknown(place, "repeated", &rule),
            }
        }
    }

    fn read_map(&mut self, place: &str, kind: &Kind, rules: &DynamicMessage, read: &mut FieldRules) {
        let Some(entry) = kind.as_message() else { return };
        let (key, item) = (entry.map_entry_key_field().kind(), entry.map_entry_value_field().kind());
        for (rule, value) in rules.fields() {
            match (rule.name(), value) {
                ("min_pairs", Value::U64(low)) => read.counts.push(Count::at_least("map.min_pairs", *low)),
                ("max_pairs", Value::U64(high)) => read.counts.push(Count::at_most("map.max_pairs", *high)),
                ("ignore_empty", Value::Bool(ignore)) => read.ignore_empty = *ignore,
                ("keys", Value::Message(keys)) => read.keys = Some(Box::new(self.read_field(place, &key, keys))),
                ("values", Value::Message(values)) => {
                    read.values = Some(Box::new(self.read_field(place, &item, values)));
                }
                // Maps without values for some keys are a matter of other languages.
                ("no_sparse", _) => {}
                _ => self.unknown(place, "map", &rule),
            }
        }
    }

    fn read_whole(&mut self, place: &str, group: &str, rules: &DynamicMessage, read: &mut FieldRules) {
        for (rule, value) in rules.fields() {
            match (group, rule.name(), value) {
                ("message", "required", Value::Bool(true)) => read.required = Some("message.required"),
                ("any", "required", Value::Bool(true)) => read.required = Some("any.required"),
                (_, "required", Value::Bool(false)) => {}
                ("message", "skip", Value::Bool(skip)) => read.skip = *skip,
                ("any", "in", Value::List(urls)) => read.checks.push(("any.in".into(), Check::OneOf(scalars(urls)))),
                ("any", "not_in", Value::List(urls)) => {
                    read.checks.push(("any.not_in".into(), Check::NoneOf(scalars(urls))))
                }
                _ => self.unknown(place, group, &rule),
            }
        }
    }

    fn read_named(&mut self, place: &str, group: &str, kind: &Kind, rules: &DynamicMessage, read: &mut FieldRules) {
        for (rule, value) in rules.fields() {
            match (group, rule.name(), value, kind) {
                ("bool", "const", Value::Bool(value), _) => {
                    read.checks.push(("bool.const".into(), Check::Equal(Scalar::Bool(*value))));
                }
                ("enum", "const", Value::I32(value), _) => {
                    read.checks.push(("enum.const".into(), Check::Equal(Scalar::Whole((*value).into()))));
                }
                ("enum", "defined_only", Value::Bool(true), Kind::Enum(names)) => {
                    read.checks.push(("enum.defined_only".into(), Check::Defined(names.clone())));
                }
                ("enum", "defined_only", Value::Bool(false), _) => {}
                ("enum", "in", Value::List(values), _) => {
                    read.checks.push(("enum.in".into(), Check::OneOf(scalars(values))));
                }
                ("enum", "not_in", Value::List(values), _) => {
                    read.checks.push(("enum.not_in".into(), Check::NoneOf(scalars(values))));
                }
                _ => self.unknown(place, group, &rule),
            }
        }
    }

    /// Numbers, durations and timestamps.
    fn read_number(&mut self, place: &str, group: &str, rules: &DynamicMessage, read: &mut FieldRules) {
        let (mut low, mut high) = (None, None);
        for (rule, value) in rules.fields() {
            match (rule.name(), value, Scalar::of(value)) {
                ("const", _, Some(value)) => read.checks.push((format!("{group}.const"), Check::Equal(value))),
                ("gt" | "gte", _, Some(value)) => low = Some(Bound { value, inclusive: rule.name() == "gte" }),
                ("lt" | "lte", _, Some(value)) => high = Some(Bound { value, inclusive: rule.name() == "lte" }),
                ("in", Value::List(values), _) => {
                    read.checks.push((format!("{group}.in"), Check::OneOf(scalars(values))))
                }
                ("not_in", Value::List(values), _) => {
                    read.checks.push((format!("{group}.not_in"), Check::NoneOf(scalars(values))))
                }
                ("ignore_empty", Value::Bool(ignore), _) => read.ignore_empty = *ignore,
                ("required", Value::Bool(required), _) => {
                    let rule = if group == "duration" { "duration.required" } else { "timestamp.required" };
                    read.required = required.then_some(rule);
                }
                // `lt_now`, `gt_now` and `within` of timestamps would need a clock; no message has them.
                _ => self.unknown(place, group, &rule),
            }
        }
        let name = |bound: &Option<Bound>, open, closed| {
            bound.as_ref().map(|bound| if bound.inclusive { closed } else { open })
        };
        let names: Vec<&str> = name(&low, "gt", "gte").into_iter().chain(name(&high, "lt", "lte")).collect();
        if !names.is_empty() {
            read.checks.push((format!("{group}.{}", names.join("+")), Check::Range { low, high }));
        }
    }

    fn read_text(&mut self, place: &str, group: &str, rules: &DynamicMessage, read: &mut FieldRules) {
        let strict = rules.get_field_by_name("strict").is_none_or(|strict| strict.as_bool() != Some(false));
        let is_text = group == "string";
        let length =
            |low: u64, high: u64| if is_text { Check::Characters { low, high } } else { Check::Bytes { low, high } };
        for (rule, value) in rules.fields() {
            let part = || Scalar::of(value);
            let read_as = match (rule.name(), value) {
                ("const", _) => part().map(Check::Equal),
                ("len", Value::U64(exact)) => Some(length(*exact, *exact)),
                ("min_len", Value::U64(low)) => Some(length(*low, u64::MAX)),
                ("max_len", Value::U64(high)) => Some(length(0, *high)),
                ("len_bytes", Value::U64(exact)) => Some(Check::Bytes { low: *exact, high: *exact }),
                ("min_bytes", Value::U64(low)) => Some(Check::Bytes { low: *low, high: u64::MAX }),
                ("max_bytes", Value::U64(high)) => Some(Check::Bytes { low: 0, high: *high }),
                ("pattern", Value::String(pattern)) => {
                    let compiled = RegexBuilder::new(pattern).size_limit(MAX_PATTERN_BYTES).build().ok();
                    compiled.map(Check::Pattern)
                }
                ("prefix", _) => part().map(Check::Prefix),
                ("suffix", _) => part().map(Check::Suffix),
                ("contains", _) => part().map(Check::Contains),
                ("not_contains", _) => part().map(Check::Lacks),
                ("in", Value::List(values)) => Some(Check::OneOf(scalars(values))),
                ("not_in", Value::List(values)) => Some(Check::NoneOf(scalars(values))),
                ("well_known_regex", Value::EnumNumber(number)) => header_format(*number, strict).map(Check::Format),
                ("ignore_empty", Value::Bool(ignore)) => {
                    read.ignore_empty = *ignore;
                    continue;
                }
                ("strict", _) | (_, Value::Bool(false)) => continue,
                (name, Value::Bool(true)) => named_format(name).map(Check::Format),
                _ => None,
            };
            match read_as {
                Some(check) => read.checks.push((format!("{group}.{}", rule.name()), check)),
                None => self.unknown(place, group, &rule),
            }
        }
    }

    fn unknown(&mut self, place: &str, group: &str, rule: &FieldDescriptor) {
        self.unknown.push(format!("{place}: {group}.{}", rule.name()));
    }
}

fn header_format(number: i32, strict: bool) -> Option<Format> {
    match (number, strict) {
        (1, true) => Some(Format::HeaderName),
        (2, true) => Some(Format::HeaderValue),
        (1 | 2, false) => Some(Format::HeaderSafe),
        _ => None,
    }
}

fn named_format(name: &str) -> Option<Format> {
    Some(match name {
        "email" => Format::Email,
        "hostname" => Format::Hostname,
        "ip" => Format::Ip,
        "ipv4" => Format::Ipv4,
        "ipv6" => Format::Ipv6,
        "uri" => Format::Uri,
        "uri_ref" => Format::UriReference,
        "address" => Format::Address,
        "uuid" => Format::Uuid,
        _ => return None,
    })
}

fn scalars(values: &[Value]) -> Vec<Scalar> {
    values.iter().filter_map(Scalar::of).collect()
}

fn is_set(options: &DynamicMessage, flag: &ExtensionDescriptor) -> bool {
    options.has_extension(flag) && options.get_extension(flag).as_bool() == Some(true)
}

#[cfg(test)]
mod tests;
