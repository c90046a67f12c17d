//! Datagrams: what is done with those of one client and port stays the same.

use envoy_types::pb::envoy::config::core::v3::TypedExtensionConfig as Extension;
use envoy_types::pb::envoy::config::listener::v3::{ListenerFilter, listener_filter};
use envoy_types::pb::envoy::extensions::filters::udp::udp_proxy::v3::{Route, UdpProxyConfig, udp_proxy_config};
use envoy_types::pb::envoy::extensions::matching::common_inputs::network::v3::SourcePortInput;
use envoy_types::pb::envoy::extensions::matching::input_matchers::runtime_fraction::v3::RuntimeFraction;
use envoy_types::pb::xds::core::v3::TypedExtensionConfig;
use envoy_types::pb::xds::r#type::matcher::v3::{Matcher, matcher};
use matcher::matcher_list::{FieldMatcher, Predicate, predicate};
use prost::{Message, Name};

use super::values;
use crate::ir::{Forward, Share};
use crate::names;

const UDP_PROXY: &str = "envoy.filters.udp_listener.udp_proxy";

pub(super) fn filter(stat_prefix: &str, forward: &Forward) -> ListenerFilter {
    let config = UdpProxyConfig {
        stat_prefix: stat_prefix.to_owned(),
        route_specifier: Some(udp_proxy_config::RouteSpecifier::Matcher(routes(forward))),
        ..UdpProxyConfig::default()
    };
    let config = listener_filter::ConfigType::TypedConfig(values::any(&config));
    ListenerFilter { name: UDP_PROXY.to_owned(), config_type: Some(config), ..ListenerFilter::default() }
}

/// Each cluster but the last takes the sessions whose source port falls below its share, counted from the first on; the last
/// takes the others.
fn routes(forward: &Forward) -> Matcher {
    let mut taking: Vec<(&str, u64)> = forward
        .clusters
        .iter()
        .filter(|(_, weight)| *weight > 0)
        .map(|(name, weight)| (&*name.0, u64::from(*weight)))
        .collect();
    let total: u64 = taking.iter().map(|(_, weight)| weight).sum();
    let (last, _) = taking.pop().unwrap_or((names::NEVER, 1));
    let mut sum = 0;
    let matchers: Vec<FieldMatcher> = taking
        .into_iter()
        .map(|(cluster, weight)| {
            sum += weight;
            let numerator = u64::from(Share::WHOLE.numerator) * sum / total.max(1);
            FieldMatcher {
                predicate: Some(below(u32::try_from(numerator).unwrap_or(Share::WHOLE.numerator))),
                on_match: Some(to(cluster)),
            }
        })
        .collect();
    Matcher {
        on_no_match: Some(Box::new(to(last))),
        matcher_type: (!matchers.is_empty())
            .then_some(matcher::MatcherType::MatcherList(matcher::MatcherList { matchers })),
    }
}

fn to(cluster: &str) -> matcher::OnMatch {
    let action = extension("route", &Route { cluster: cluster.to_owned() });
    matcher::OnMatch { on_match: Some(matcher::on_match::OnMatch::Action(action)), ..matcher::OnMatch::default() }
}

fn below(numerator: u32) -> Predicate {
    let fraction = RuntimeFraction { runtime_fraction: Some(values::share(Share { numerator })), seed: 0 };
    let single = predicate::SinglePredicate {
        input: Some(extension("envoy.matching.inputs.source_port", &SourcePortInput {})),
        matcher: Some(predicate::single_predicate::Matcher::CustomMatch(extension(
            "envoy.matching.matchers.runtime_fraction",
            &fraction,
        ))),
    };
    Predicate { match_type: Some(predicate::MatchType::SinglePredicate(single)) }
}

fn extension<M: Message + Name>(name: &str, message: &M) -> TypedExtensionConfig {
    let Extension { name, typed_config } =
        Extension { name: name.to_owned(), typed_config: Some(values::any(message)) };
    TypedExtensionConfig { name, typed_config }
}
