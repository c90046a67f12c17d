//! One constraint on one value.

use std::cmp::Ordering;

use prost_reflect::{DynamicMessage, EnumDescriptor, ReflectMessage, Value};
use regex::Regex;

use super::format::Format;

/// A value in the form constraints compare: numbers of any width as one kind, durations and timestamps in nanoseconds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar {
    Whole(i128),
    Float(f64),
    Bool(bool),
    Text(String),
    Bytes(Vec<u8>),
    Nanos(i128),
}

impl Scalar {
    /// The value, out of its wrapper message if it has one. `None` for lists, maps and other messages; an `Any` is its type.
    pub(super) fn of(value: &Value) -> Option<Scalar> {
        Some(match value {
            Value::Bool(value) => Scalar::Bool(*value),
            Value::I32(value) => Scalar::Whole((*value).into()),
            Value::I64(value) => Scalar::Whole((*value).into()),
            Value::U32(value) => Scalar::Whole((*value).into()),
            Value::U64(value) => Scalar::Whole((*value).into()),
            Value::EnumNumber(value) => Scalar::Whole((*value).into()),
            Value::F32(value) => Scalar::Float((*value).into()),
            Value::F64(value) => Scalar::Float(*value),
            Value::String(value) => Scalar::Text(value.clone()),
            Value::Bytes(value) => Scalar::Bytes(value.to_vec()),
            Value::Message(message) => return Scalar::of_message(message),
            Value::List(_) | Value::Map(_) => return None,
        })
    }

    fn of_message(message: &DynamicMessage) -> Option<Scalar> {
        let descriptor = message.descriptor();
        match descriptor.full_name().strip_prefix("google.protobuf.")? {
            "Duration" | "Timestamp" => {
                let part = |name: &str| message.get_field_by_name(name).map(|value| value.into_owned());
                let (Some(Value::I64(seconds)), Some(Value::I32(nanos))) = (part("seconds"), part("nanos")) else {
                    return None;
                };
                Some(Scalar::Nanos(i128::from(seconds) * 1_000_000_000 + i128::from(nanos)))
            }
            "Any" => Scalar::of(&*message.get_field_by_name("type_url")?),
            name if name.ends_with("Value") && name != "Value" && name != "ListValue" => {
                Scalar::of(&*message.get_field_by_name("value")?)
            }
            _ => None,
        }
    }

    /// Whether this is what `ignore_empty` lets pass.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Scalar::Whole(value) | Scalar::Nanos(value) => *value == 0,
            Scalar::Float(value) => *value == 0.0,
            Scalar::Bool(value) => !value,
            Scalar::Text(value) => value.is_empty(),
            Scalar::Bytes(value) => value.is_empty(),
        }
    }

    /// An order of all values of one kind.
    pub(super) fn order(&self, other: &Scalar) -> Ordering {
        match (self, other) {
            (Scalar::Whole(a) | Scalar::Nanos(a), Scalar::Whole(b) | Scalar::Nanos(b)) => a.cmp(b),
            (Scalar::Float(a), Scalar::Float(b)) => a.total_cmp(b),
            (Scalar::Bool(a), Scalar::Bool(b)) => a.cmp(b),
            (Scalar::Text(a), Scalar::Text(b)) => a.cmp(b),
            (Scalar::Bytes(a), Scalar::Bytes(b)) => a.cmp(b),
            _ => self.kind().cmp(&other.kind()),
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Scalar::Whole(_) => 0,
            Scalar::Nanos(_) => 1,
            Scalar::Float(_) => 2,
            Scalar::Bool(_) => 3,
            Scalar::Text(_) => 4,
            Scalar::Bytes(_) => 5,
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Scalar::Text(text) => text.as_bytes(),
            Scalar::Bytes(bytes) => bytes,
            _ => &[],
        }
    }

    fn words(&self) -> String {
        match self {
            Scalar::Whole(value) => value.to_string(),
            Scalar::Float(value) => value.to_string(),
            Scalar::Bool(value) => value.to_string(),
            Scalar::Text(value) => format!("{value:?}"),
            Scalar::Bytes(value) => format!("{:?}", String::from_utf8_lossy(value)),
            Scalar::Nanos(value) => format!("{}s", *value as f64 / 1e9),
        }
    }
}

/// One end of a range.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    pub(super) value: Scalar,
    pub(super) inclusive: bool,
}

/// A constraint on a scalar.
#[derive(Debug, Clone)]
pub(super) enum Check {
    Equal(Scalar),
    OneOf(Vec<Scalar>),
    NoneOf(Vec<Scalar>),
    /// Within the bounds; outside of them where the low one is above the high one.
    Range {
        low: Option<Bound>,
        high: Option<Bound>,
    },
    Characters {
        low: u64,
        high: u64,
    },
    Bytes {
        low: u64,
        high: u64,
    },
    Pattern(Regex),
    Prefix(Scalar),
    Suffix(Scalar),
    Contains(Scalar),
    Lacks(Scalar),
    Format(Format),
    Defined(EnumDescriptor),
}

impl Check {
    /// Whether the value meets the constraint; if not, what would.
    pub(super) fn test(&self, value: &Scalar) -> Result<(), String> {
        let met = match self {
            Check::Equal(wanted) => value == wanted,
            Check::OneOf(allowed) => allowed.contains(value),
            Check::NoneOf(refused) => !refused.contains(value),
            Check::Range { low, high } => in_range(low.as_ref(), high.as_ref(), value),
            Check::Characters { low, high } => match value {
                Scalar::Text(text) => (*low..=*high).contains(&(text.chars().count() as u64)),
                _ => true,
            },
            Check::Bytes { low, high } => (*low..=*high).contains(&(value.bytes().len() as u64)),
            Check::Pattern(pattern) => std::str::from_utf8(value.bytes()).is_ok_and(|text| pattern.is_match(text)),
            Check::Prefix(part) => value.bytes().starts_with(part.bytes()),
            Check::Suffix(part) => value.bytes().ends_with(part.bytes()),
            Check::Contains(part) => contains(value.bytes(), part.bytes()),
            Check::Lacks(part) => !contains(value.bytes(), part.bytes()),
            Check::Format(format) => match value {
                Scalar::Text(text) => format.matches(text),
                _ => format.matches_bytes(value.bytes()),
            },
            Check::Defined(names) => match value {
                Scalar::Whole(number) => i32::try_from(*number).is_ok_and(|number| names.get_value(number).is_some()),
                _ => true,
            },
        };
        if met { Ok(()) } else { Err(self.words(value)) }
    }

    fn words(&self, value: &Scalar) -> String {
        match self {
            Check::Equal(wanted) => format!("must be {}", wanted.words()),
            Check::OneOf(allowed) => format!("must be one of {}", listed(allowed)),
            Check::NoneOf(refused) => format!("must not be one of {}", listed(refused)),
            Check::Range { low, high } => range_words(low.as_ref(), high.as_ref(), value),
            Check::Characters { low, high } => length_words(*low, *high, "character"),
            Check::Bytes { low, high } => length_words(*low, *high, "byte"),
            Check::Pattern(pattern) => format!("must match {}", pattern.as_str()),
            Check::Prefix(part) => format!("must begin with {}", part.words()),
            Check::Suffix(part) => format!("must end with {}", part.words()),
            Check::Contains(part) => format!("must contain {}", part.words()),
            Check::Lacks(part) => format!("must not contain {}", part.words()),
            Check::Format(format) => format!("must be {}", format.words()),
            Check::Defined(names) => format!("must be a value of {}, not {}", names.full_name(), value.words()),
        }
    }
}

fn in_range(low: Option<&Bound>, high: Option<&Bound>, value: &Scalar) -> bool {
    let above = |bound: &Bound| match value.order(&bound.value) {
        Ordering::Equal => bound.inclusive,
        order => order.is_gt(),
    };
    let below = |bound: &Bound| match value.order(&bound.value) {
        Ordering::Equal => bound.inclusive,
        order => order.is_lt(),
    };
    if matches!(value, Scalar::Float(value) if value.is_nan()) {
        return false;
    }
    match (low, high) {
        (Some(low), Some(high)) if low.value.order(&high.value).is_gt() => above(low) || below(high),
        _ => low.is_none_or(above) && high.is_none_or(below),
    }
}

fn range_words(low: Option<&Bound>, high: Option<&Bound>, value: &Scalar) -> String {
    let low_words =
        low.map(|low| format!("{} {}", if low.inclusive { "at least" } else { "more than" }, low.value.words()));
    let high_words =
        high.map(|high| format!("{} {}", if high.inclusive { "at most" } else { "less than" }, high.value.words()));
    let wanted = match (low, high, low_words, high_words) {
        (Some(low), Some(high), Some(a), Some(b)) if low.value.order(&high.value).is_gt() => format!("{a} or {b}"),
        (_, _, Some(a), Some(b)) => format!("{a} and {b}"),
        (_, _, a, b) => a.or(b).unwrap_or_default(),
    };
    format!("must be {wanted}, not {}", value.words())
}

fn length_words(low: u64, high: u64, unit: &str) -> String {
    let units = |count: u64| if count == 1 { format!("{count} {unit}") } else { format!("{count} {unit}s") };
    match (low, high) {
        (low, high) if low == high => format!("must be exactly {} long", units(low)),
        (low, u64::MAX) => format!("must be at least {} long", units(low)),
        (0, high) => format!("must be at most {} long", units(high)),
        (low, high) => format!("must be {low} to {} long", units(high)),
    }
}

fn listed(values: &[Scalar]) -> String {
    values.iter().map(Scalar::words).collect::<Vec<_>>().join(", ")
}

fn contains(whole: &[u8], part: &[u8]) -> bool {
    part.is_empty() || whole.windows(part.len()).any(|window| window == part)
}
