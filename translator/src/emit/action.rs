//! What a route does with a request.

use std::time::Duration;

use envoy_types::pb::envoy::config::route::v3::{
    DirectResponseAction, RouteAction, WeightedCluster, route, route_action, weighted_cluster,
};

use super::{headers, redirect, retry, rewrite, values};
use crate::ir::{self, Action, HeaderEdits, Mirror, RewriteHost, Timeouts};

/// Without a byte for this long a request that has a time limit ends, if the limit itself is no longer.
const IDLE_STREAM: Duration = Duration::from_secs(300);

pub(super) fn message(action: &Action, request_headers: &HeaderEdits) -> route::Action {
    match action {
        Action::Respond(status) => respond(*status),
        Action::Redirect(target) => route::Action::Redirect(redirect::message(target)),
        Action::Forward { clusters, rewrite, timeouts, retry, mirrors, session: _ } => {
            let Some(clusters) = shares(clusters) else { return respond(500) };
            let host = rewrite.host.as_ref().map(|RewriteHost::Literal(host)| host.as_str());
            let host = host.or_else(|| headers::host(request_headers));
            let mut forward = RouteAction {
                cluster_specifier: Some(clusters),
                cluster_not_found_response_code: route_action::ClusterNotFoundResponseCode::InternalServerError.into(),
                timeout: values::time(timeouts.request.unwrap_or_default()),
                idle_timeout: values::time(idle(timeouts)),
                retry_policy: retry::policy(retry.as_ref(), timeouts),
                request_mirror_policies: mirrors.iter().map(mirror).collect(),
                host_rewrite_specifier: host
                    .map(|host| route_action::HostRewriteSpecifier::HostRewriteLiteral(host.to_owned())),
                ..RouteAction::default()
            };
            match rewrite.path.as_ref().and_then(rewrite::of_request) {
                None => {}
                Some(rewrite::PathRewrite::Prefix(prefix)) => forward.prefix_rewrite = prefix,
                Some(rewrite::PathRewrite::Regex(substitution)) => forward.regex_rewrite = Some(substitution),
            }
            route::Action::Route(forward)
        }
    }
}

fn respond(status: u16) -> route::Action {
    route::Action::DirectResponse(DirectResponseAction {
        status: status.clamp(200, 599).into(),
        ..DirectResponseAction::default()
    })
}

fn idle(timeouts: &Timeouts) -> Duration {
    match timeouts.request {
        None | Some(Duration::ZERO) => Duration::ZERO,
        Some(request) => request.max(IDLE_STREAM),
    }
}

/// The one cluster, or each with its weight; `None` when nobody has a share.
fn shares(clusters: &[ir::WeightedCluster]) -> Option<route_action::ClusterSpecifier> {
    let taking: Vec<&ir::WeightedCluster> = clusters.iter().filter(|cluster| cluster.weight > 0).collect();
    match taking.as_slice() {
        [] => None,
        [only] if headers::are_none(&only.request_headers) && headers::are_none(&only.response_headers) => {
            Some(route_action::ClusterSpecifier::Cluster(only.cluster.0.to_string()))
        }
        _ => {
            let total: u64 = taking.iter().map(|cluster| u64::from(cluster.weight)).sum();
            let divisor = total.div_ceil(u64::from(u32::MAX));
            let clusters = taking.into_iter().map(|cluster| entry(cluster, divisor)).collect();
            let weighted = WeightedCluster { clusters, ..WeightedCluster::default() };
            Some(route_action::ClusterSpecifier::WeightedClusters(weighted))
        }
    }
}

/// Envoy counts the weights of a route together in 32 bits: `divisor` brings larger ones down to that.
fn entry(cluster: &ir::WeightedCluster, divisor: u64) -> weighted_cluster::ClusterWeight {
    let weight = u32::try_from(u64::from(cluster.weight) / divisor.max(1)).unwrap_or(u32::MAX);
    weighted_cluster::ClusterWeight {
        name: cluster.cluster.0.to_string(),
        weight: values::number(weight),
        request_headers_to_add: headers::request_edits(&cluster.request_headers),
        request_headers_to_remove: headers::request_removals(&cluster.request_headers),
        response_headers_to_add: headers::response_edits(&cluster.response_headers),
        response_headers_to_remove: headers::response_removals(&cluster.response_headers),
        host_rewrite_specifier: headers::host(&cluster.request_headers)
            .map(|host| weighted_cluster::cluster_weight::HostRewriteSpecifier::HostRewriteLiteral(host.to_owned())),
        ..weighted_cluster::ClusterWeight::default()
    }
}

fn mirror(mirror: &Mirror) -> route_action::RequestMirrorPolicy {
    route_action::RequestMirrorPolicy {
        cluster: mirror.cluster.0.to_string(),
        runtime_fraction: Some(values::share(mirror.share)),
        disable_shadow_host_suffix_append: true,
        ..route_action::RequestMirrorPolicy::default()
    }
}
