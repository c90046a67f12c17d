//! Every kind of rule, given as the JSON of a `validate.FieldRules`, against values that meet it and values that do not.

use prost_reflect::{Kind, Value};
use serde_json::{Value as Json, json};

use super::*;

fn rules(kind: &Kind, json: Json) -> FieldRules {
    let descriptor = pool().get_message_by_name("validate.FieldRules").unwrap();
    let rules = DynamicMessage::deserialize(descriptor, json.clone()).unwrap();
    let mut book = RuleBook::default();
    let read = book.read_field("a field", kind, &rules);
    assert!(book.unknown.is_empty(), "{json}: {:?}", book.unknown);
    read
}

fn passes(rules: &FieldRules, value: &Value) -> bool {
    let scalar = Scalar::of(value).unwrap();
    (rules.ignore_empty && scalar.is_empty()) || rules.checks.iter().all(|(_, check)| check.test(&scalar).is_ok())
}

fn check(kind: Kind, json: Json, right: &[Value], wrong: &[Value]) {
    let rules = rules(&kind, json.clone());
    for value in right {
        assert!(passes(&rules, value), "{json} refuses {value:?}");
    }
    for value in wrong {
        assert!(!passes(&rules, value), "{json} lets {value:?} pass");
    }
}

fn text(values: &[&str]) -> Vec<Value> {
    values.iter().map(|value| Value::String((*value).into())).collect()
}

fn bytes(values: &[&[u8]]) -> Vec<Value> {
    values.iter().map(|value| Value::Bytes(value.to_vec().into())).collect()
}

fn seconds(values: &[(i64, i32)], message: &str) -> Vec<Value> {
    let descriptor = pool().get_message_by_name(message).unwrap();
    let of = |(seconds, nanos): &(i64, i32)| {
        let mut message = DynamicMessage::new(descriptor.clone());
        message.set_field_by_name("seconds", Value::I64(*seconds));
        message.set_field_by_name("nanos", Value::I32(*nanos));
        Value::Message(message)
    };
    values.iter().map(of).collect()
}

fn message(name: &str) -> Kind {
    Kind::Message(pool().get_message_by_name(name).unwrap())
}

#[test]
fn every_rule_of_the_api_is_understood() {
    let book = RuleBook::get();
    assert!(book.unknown.is_empty(), "{:?}", book.unknown);
    assert!(book.fields >= 1_100, "only {} fields have rules", book.fields);
    let oneofs: usize = book.messages.values().map(|rules| rules.oneofs.len()).sum();
    assert!(oneofs >= 120, "only {oneofs} oneofs are required");
    let enforced = |rules: &FieldRules| {
        rules.required.is_some()
            || rules.skip
            || rules.unique
            || !rules.checks.is_empty()
            || !rules.counts.is_empty()
            || rules.items.is_some()
            || rules.keys.is_some()
            || rules.values.is_some()
    };
    let idle = book.messages.values().flat_map(|rules| &rules.fields).filter(|(_, rules)| !enforced(rules));
    let idle: Vec<String> = idle.map(|(field, _)| field.full_name().to_owned()).collect();
    assert!(idle.len() < 5, "rules that ask for nothing: {idle:?}");
}

#[test]
fn a_rule_of_an_unknown_kind_is_told() {
    let descriptor = pool().get_message_by_name("validate.FieldRules").unwrap();
    let rules = DynamicMessage::deserialize(descriptor, json!({"timestamp": {"ltNow": true}})).unwrap();
    let mut book = RuleBook::default();
    book.read_field("a.b", &message("google.protobuf.Timestamp"), &rules);
    assert_eq!(book.unknown, ["a.b: timestamp.lt_now"]);
}

#[test]
fn rules_of_text() {
    let of = |json: Json, right: &[&str], wrong: &[&str]| {
        check(Kind::String, json!({"string": json}), &text(right), &text(wrong));
    };
    of(json!({"const": "a"}), &["a"], &["", "b"]);
    of(json!({"len": "2"}), &["ab", "üü"], &["a", "abc"]);
    of(json!({"minLen": "2"}), &["ab", "üü"], &["a", "ü"]);
    of(json!({"maxLen": "2"}), &["", "üü"], &["abc"]);
    of(json!({"lenBytes": "2"}), &["ab", "ü"], &["a"]);
    of(json!({"minBytes": "2"}), &["ab", "ü"], &["a"]);
    of(json!({"maxBytes": "2"}), &["ü"], &["üü"]);
    of(json!({"pattern": "^[a-c]+$"}), &["abc"], &["", "abd"]);
    of(json!({"prefix": "/"}), &["/", "/a"], &["", "a/"]);
    of(json!({"suffix": "/"}), &["/", "a/"], &["", "/a"]);
    of(json!({"contains": "b"}), &["abc"], &["ac"]);
    of(json!({"notContains": "b"}), &["ac"], &["abc"]);
    of(json!({"in": ["a", "b"]}), &["a", "b"], &["", "c"]);
    of(json!({"notIn": ["a", "b"]}), &["", "c"], &["a"]);
    of(json!({"minLen": "2", "ignoreEmpty": true}), &["", "ab"], &["a"]);
    of(json!({"email": true}), &["a@b.c"], &["a"]);
    of(json!({"hostname": true}), &["a.b"], &["a b"]);
    of(json!({"ip": true}), &["::1", "1.2.3.4"], &["a"]);
    of(json!({"ipv4": true}), &["1.2.3.4"], &["::1"]);
    of(json!({"ipv6": true}), &["::1"], &["1.2.3.4"]);
    of(json!({"uri": true}), &["a://b"], &["/b"]);
    of(json!({"uriRef": true}), &["/b"], &["a b"]);
    of(json!({"address": true}), &["::1", "a.b"], &["a b"]);
    of(json!({"uuid": true}), &["01234567-89ab-cdef-0123-456789abcdef"], &["1"]);
    of(json!({"wellKnownRegex": "HTTP_HEADER_NAME"}), &["x-a", ":path"], &["", "x a"]);
    of(json!({"wellKnownRegex": "HTTP_HEADER_NAME", "strict": false}), &["", "x a"], &["x\na"]);
    of(json!({"wellKnownRegex": "HTTP_HEADER_VALUE"}), &["", "x a"], &["\x01"]);
    of(json!({"wellKnownRegex": "HTTP_HEADER_VALUE", "strict": false}), &["\x01"], &["\r"]);
    check(
        message("google.protobuf.StringValue"),
        json!({"string": {"minLen": "1"}}),
        &[],
        &[Value::Message(DynamicMessage::new(pool().get_message_by_name("google.protobuf.StringValue").unwrap()))],
    );
}

#[test]
fn rules_of_bytes() {
    let of = |json: Json, right: &[&[u8]], wrong: &[&[u8]]| {
        check(Kind::Bytes, json!({"bytes": json}), &bytes(right), &bytes(wrong));
    };
    of(json!({"const": "YQ=="}), &[b"a"], &[b"b"]);
    of(json!({"len": "2"}), &[b"ab"], &[b"a"]);
    of(json!({"minLen": "2"}), &[b"ab"], &[b"a"]);
    of(json!({"maxLen": "1"}), &[b"", b"a"], &[b"ab"]);
    of(json!({"pattern": "^a"}), &[b"ab"], &[b"b", b"a\xff"]);
    of(json!({"prefix": "YQ=="}), &[b"ab"], &[b"ba"]);
    of(json!({"suffix": "YQ=="}), &[b"ba"], &[b"ab"]);
    of(json!({"contains": "YQ=="}), &[b"bab"], &[b"b"]);
    of(json!({"in": ["YQ=="]}), &[b"a"], &[b"b"]);
    of(json!({"notIn": ["YQ=="]}), &[b"b"], &[b"a"]);
    of(json!({"ip": true}), &[b"abcd"], &[b"abc"]);
    of(json!({"ipv4": true}), &[b"abcd"], &[b"abc"]);
    of(json!({"ipv6": true}), &[b"0123456789abcdef"], &[b"abcd"]);
    of(json!({"minLen": "2", "ignoreEmpty": true}), &[b""], &[b"a"]);
}

#[test]
fn rules_of_numbers() {
    type Make = fn(i32) -> Value;
    let kinds: &[(&str, Kind, Make)] = &[
        ("int32", Kind::Int32, Value::I32),
        ("sint32", Kind::Sint32, Value::I32),
        ("sfixed32", Kind::Sfixed32, Value::I32),
        ("int64", Kind::Int64, |value| Value::I64(value.into())),
        ("sint64", Kind::Sint64, |value| Value::I64(value.into())),
        ("sfixed64", Kind::Sfixed64, |value| Value::I64(value.into())),
        ("uint32", Kind::Uint32, |value| Value::U32(value as u32)),
        ("fixed32", Kind::Fixed32, |value| Value::U32(value as u32)),
        ("uint64", Kind::Uint64, |value| Value::U64(value as u64)),
        ("fixed64", Kind::Fixed64, |value| Value::U64(value as u64)),
        ("float", Kind::Float, |value| Value::F32(value as f32)),
        ("double", Kind::Double, |value| Value::F64(value.into())),
    ];
    for (group, kind, value) in kinds {
        let of = |json: Json, right: &[i32], wrong: &[i32]| {
            let all = |values: &[i32]| values.iter().map(|number| value(*number)).collect::<Vec<_>>();
            check(kind.clone(), json!({*group: json}), &all(right), &all(wrong));
        };
        of(json!({"const": 3}), &[3], &[0, 4]);
        of(json!({"lt": 3}), &[0, 2], &[3, 4]);
        of(json!({"lte": 3}), &[0, 3], &[4]);
        of(json!({"gt": 3}), &[4], &[0, 3]);
        of(json!({"gte": 3}), &[3], &[0, 2]);
        of(json!({"gte": 3, "lt": 5}), &[3, 4], &[2, 5]);
        of(json!({"gt": 5, "lte": 3}), &[3, 6], &[4, 5]);
        of(json!({"in": [3, 4]}), &[3, 4], &[0]);
        of(json!({"notIn": [3, 4]}), &[0], &[3]);
        of(json!({"gte": 3, "ignoreEmpty": true}), &[0, 3], &[2]);
    }
    check(Kind::Double, json!({"double": {"gte": 0}}), &[Value::F64(0.0)], &[Value::F64(f64::NAN), Value::F64(-0.5)]);
}

#[test]
fn rules_of_booleans_and_enums() {
    check(Kind::Bool, json!({"bool": {"const": true}}), &[Value::Bool(true)], &[Value::Bool(false)]);
    let names = Kind::Enum(pool().get_enum_by_name("envoy.config.core.v3.TrafficDirection").unwrap());
    let of = |json: Json, right: &[i32], wrong: &[i32]| {
        let all = |values: &[i32]| values.iter().map(|number| Value::EnumNumber(*number)).collect::<Vec<_>>();
        check(names.clone(), json!({"enum": json}), &all(right), &all(wrong));
    };
    of(json!({"definedOnly": true}), &[0, 2], &[3, -1]);
    of(json!({"definedOnly": false}), &[77], &[]);
    of(json!({"const": 1}), &[1], &[0]);
    of(json!({"in": [1, 2]}), &[1], &[0]);
    of(json!({"notIn": [1]}), &[0], &[1]);
}

#[test]
fn rules_of_durations_and_timestamps() {
    for (group, name) in [("duration", "google.protobuf.Duration"), ("timestamp", "google.protobuf.Timestamp")] {
        let at = |seconds: u32| match group {
            "duration" => json!(format!("{seconds}s")),
            _ => json!(format!("1970-01-01T00:00:0{seconds}Z")),
        };
        let of = |json: Json, right: &[(i64, i32)], wrong: &[(i64, i32)]| {
            check(message(name), json!({group: json}), &seconds(right, name), &seconds(wrong, name));
        };
        of(json!({"const": at(3)}), &[(3, 0)], &[(3, 1)]);
        of(json!({"lt": at(3)}), &[(2, 999)], &[(3, 0)]);
        of(json!({"lte": at(3)}), &[(3, 0)], &[(3, 1)]);
        of(json!({"gt": at(3)}), &[(3, 1)], &[(3, 0)]);
        of(json!({"gte": at(3)}), &[(3, 0)], &[(2, 999_999_999)]);
        assert!(rules(&message(name), json!({group: {"required": true}})).required.is_some());
    }
    let of = |json: Json, right: &[(i64, i32)], wrong: &[(i64, i32)]| {
        let name = "google.protobuf.Duration";
        check(message(name), json!({"duration": json}), &seconds(right, name), &seconds(wrong, name));
    };
    of(json!({"in": ["1s", "2s"]}), &[(1, 0)], &[(3, 0)]);
    of(json!({"notIn": ["1s", "2s"]}), &[(3, 0)], &[(1, 0)]);
}

#[test]
fn rules_of_lists_maps_messages_and_anys() {
    let read = rules(
        &Kind::String,
        json!({"repeated": {"minItems": "1", "maxItems": "2", "unique": true, "ignoreEmpty": true,
        "items": {"string": {"minLen": "1"}}}}),
    );
    assert!(read.unique && read.ignore_empty && read.counts.len() == 2);
    assert!(!passes(read.items.as_ref().unwrap(), &Value::String(String::new())));
    let entry = message("google.protobuf.Struct.FieldsEntry");
    let read = rules(
        &entry,
        json!({"map": {"minPairs": "1", "maxPairs": "2", "noSparse": true, "ignoreEmpty": true,
        "keys": {"string": {"minLen": "1"}}, "values": {"message": {"required": true}}}}),
    );
    assert!(read.ignore_empty && read.counts.len() == 2);
    assert!(!passes(read.keys.as_ref().unwrap(), &Value::String(String::new())));
    assert!(read.values.unwrap().required.is_some());
    let nested = message("google.protobuf.Struct");
    assert!(rules(&nested, json!({"message": {"required": true}})).required.is_some());
    assert!(rules(&nested, json!({"message": {"skip": true}})).skip);
    let any = message("google.protobuf.Any");
    assert!(rules(&any, json!({"any": {"required": true}})).required.is_some());
    let holding = |url: &str| {
        let mut message = DynamicMessage::new(pool().get_message_by_name("google.protobuf.Any").unwrap());
        message.set_field_by_name("type_url", Value::String(url.into()));
        vec![Value::Message(message)]
    };
    check(any.clone(), json!({"any": {"in": ["a/b"]}}), &holding("a/b"), &holding("a/c"));
    check(any, json!({"any": {"notIn": ["a/b"]}}), &holding("a/c"), &holding("a/b"));
}
