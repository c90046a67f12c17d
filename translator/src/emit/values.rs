//! The small messages all others are made of.

use std::net::IpAddr;
use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::{
    Address, AggregatedConfigSource, ApiVersion, ConfigSource, RuntimeFractionalPercent, SocketAddress, address,
    config_source, socket_address,
};
use envoy_types::pb::envoy::r#type::matcher::v3::{RegexMatcher, StringMatcher, string_matcher};
use envoy_types::pb::envoy::r#type::v3::{FractionalPercent, fractional_percent};
use envoy_types::pb::google::protobuf;
use prost::{Message, Name};

use crate::ir::{Share, TextMatch, Transport};

/// A message as an `Any`.
pub(super) fn any<M: Message + Name>(message: &M) -> protobuf::Any {
    protobuf::Any { type_url: M::type_url(), value: message.encode_to_vec() }
}

/// The stream everything else comes on.
pub(super) fn ads() -> ConfigSource {
    ConfigSource {
        resource_api_version: ApiVersion::V3.into(),
        config_source_specifier: Some(config_source::ConfigSourceSpecifier::Ads(AggregatedConfigSource {})),
        ..ConfigSource::default()
    }
}

pub(super) fn number(value: u32) -> Option<protobuf::UInt32Value> {
    Some(protobuf::UInt32Value { value })
}

pub(super) fn truth(value: bool) -> Option<protobuf::BoolValue> {
    Some(protobuf::BoolValue { value })
}

/// A time, cut to what Envoy can count.
pub(super) fn time(duration: Duration) -> Option<protobuf::Duration> {
    const LONGEST_SECONDS: u64 = 315_576_000;
    let seconds = duration.as_secs().min(LONGEST_SECONDS);
    let nanos = if seconds < LONGEST_SECONDS { i32::try_from(duration.subsec_nanos()).unwrap_or_default() } else { 0 };
    Some(protobuf::Duration { seconds: i64::try_from(seconds).unwrap_or_default(), nanos })
}

pub(super) fn address(address: impl ToString, port: u16, transport: Transport) -> Address {
    let protocol = match transport {
        Transport::Tcp => socket_address::Protocol::Tcp,
        Transport::Udp => socket_address::Protocol::Udp,
    };
    Address {
        address: Some(address::Address::SocketAddress(SocketAddress {
            protocol: protocol.into(),
            address: address.to_string(),
            port_specifier: Some(socket_address::PortSpecifier::PortValue(port.into())),
            ..SocketAddress::default()
        })),
    }
}

/// Where a socket is bound.
pub(super) fn bound(ip: IpAddr, port: u16, transport: Transport) -> Address {
    address(ip, port, transport)
}

pub(super) fn regex(regex: impl Into<String>) -> RegexMatcher {
    RegexMatcher { regex: regex.into(), ..RegexMatcher::default() }
}

pub(super) fn text(matching: &TextMatch) -> StringMatcher {
    match matching {
        TextMatch::Exact(text) => exact(text),
        TextMatch::Regex(text) => expression(text),
    }
}

pub(super) fn exact(text: impl Into<String>) -> StringMatcher {
    let pattern = string_matcher::MatchPattern::Exact(text.into());
    StringMatcher { match_pattern: Some(pattern), ..StringMatcher::default() }
}

pub(super) fn expression(text: impl Into<String>) -> StringMatcher {
    let pattern = string_matcher::MatchPattern::SafeRegex(regex(text));
    StringMatcher { match_pattern: Some(pattern), ..StringMatcher::default() }
}

/// A share that no runtime setting changes.
pub(super) fn share(share: Share) -> RuntimeFractionalPercent {
    RuntimeFractionalPercent { default_value: Some(millionths(share.numerator)), ..RuntimeFractionalPercent::default() }
}

pub(super) fn millionths(numerator: u32) -> FractionalPercent {
    FractionalPercent { numerator, denominator: fractional_percent::DenominatorType::Million.into() }
}
