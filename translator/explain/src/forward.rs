//! A route that sends requests to a cluster: which one, and in what shape.

use envoy_types::pb::envoy::config::route::v3::route_action::{
    ClusterNotFoundResponseCode, ClusterSpecifier, HostRewriteSpecifier, RequestMirrorPolicy,
};
use envoy_types::pb::envoy::config::route::v3::weighted_cluster::RandomValueSpecifier;
use envoy_types::pb::envoy::config::route::v3::weighted_cluster::cluster_weight;
use envoy_types::pb::envoy::config::route::v3::{RetryPolicy, RouteAction, WeightedCluster};
use envoy_types::pb::google::protobuf::Duration;

use crate::condition::Fraction;
use crate::explanation::{Chosen, HostRewrite, Mirror, Retry, Timeouts};
use crate::headers::{BothWays, Level, LevelChanges};
use crate::manager::Seen;
use crate::path::{with_prefix, without_query};
use crate::text::{Findings, Substitution};
use crate::upstream::Clusters;

/// A forwarding action, ready to be worked out.
#[derive(Debug, Clone)]
pub(crate) struct Forwarding {
    target: Target,
    pub(crate) missing_cluster_status: u16,
    host: NewHost,
    path: NewPath,
    pub(crate) timeouts: Timeouts,
    pub(crate) retry: Option<Retry>,
    pub(crate) mirrors: Vec<MirrorPlan>,
    pub(crate) notes: Vec<String>,
}

#[derive(Debug, Clone)]
enum Target {
    Cluster(String),
    OfHeader(String),
    Weighted { shares: Vec<Share>, by_header: Option<String> },
    Unknown(String),
}

#[derive(Debug, Clone)]
struct Share {
    cluster: String,
    /// Names the header that names the cluster; empty when `cluster` does.
    cluster_header: String,
    weight: u64,
    host: Option<String>,
    headers: BothWays,
    overridden_filters: Vec<String>,
}

/// The cluster a request was given, and what comes with it.
#[derive(Debug)]
pub(crate) struct Picked<'a> {
    pub(crate) chosen: Chosen,
    pub(crate) headers: Option<&'a BothWays>,
    pub(crate) overridden_filters: &'a [String],
    host: Option<&'a str>,
}

#[derive(Debug, Clone)]
enum NewHost {
    Kept,
    To(String),
    OfEndpoint,
    OfHeader(String),
    OfPath(Substitution),
    Computed(String),
}

#[derive(Debug, Clone)]
enum NewPath {
    Same,
    Prefix(String),
    Substituted(Substitution),
    Unknown(String),
}

/// Where a copy of a request goes.
#[derive(Debug, Clone)]
pub(crate) struct MirrorPlan {
    cluster: String,
    cluster_header: String,
    fraction: Option<Fraction>,
}

impl Forwarding {
    pub(crate) fn new(message: &RouteAction, findings: &mut Findings<'_>) -> Forwarding {
        let missing = ClusterNotFoundResponseCode::try_from(message.cluster_not_found_response_code);
        let mut notes = Vec::new();
        if message.retry_policy_typed_config.is_some() {
            notes.push("the route's retry_policy_typed_config is not evaluated".to_owned());
        }
        if message.append_x_forwarded_host {
            notes.push("a rewritten authority is kept in x-forwarded-host".to_owned());
        }
        if message.internal_redirect_policy.is_some() {
            notes.push("Envoy may follow redirects of the upstream by itself; that is not evaluated".to_owned());
        }
        Forwarding {
            target: target(message.cluster_specifier.as_ref()),
            missing_cluster_status: match missing {
                Ok(ClusterNotFoundResponseCode::NotFound) => 404,
                Ok(ClusterNotFoundResponseCode::InternalServerError) => 500,
                Ok(ClusterNotFoundResponseCode::ServiceUnavailable) | Err(_) => 503,
            },
            host: new_host(message.host_rewrite_specifier.as_ref(), findings),
            path: new_path(message, findings),
            timeouts: Timeouts {
                response_milliseconds: message.timeout.as_ref().map_or(15_000, milliseconds),
                idle_milliseconds: message.idle_timeout.as_ref().map(milliseconds),
                stream_milliseconds: message
                    .max_stream_duration
                    .as_ref()
                    .and_then(|most| most.max_stream_duration.as_ref().map(milliseconds)),
            },
            retry: message.retry_policy.as_ref().map(retry),
            mirrors: mirrors(&message.request_mirror_policies),
            notes,
        }
    }

    /// The cluster of this request, or why that is not known.
    pub(crate) fn pick(&self, seen: &Seen, clusters: &Clusters) -> Result<Picked<'_>, String> {
        let single = |name: &str| Picked {
            chosen: Chosen { upstream: clusters.upstream(name), weights: Vec::new() },
            headers: None,
            overridden_filters: &[],
            host: None,
        };
        match &self.target {
            Target::Cluster(name) => Ok(single(name)),
            Target::OfHeader(name) => Ok(single(&seen.header(name).unwrap_or_default())),
            Target::Unknown(reason) => Err(reason.clone()),
            Target::Weighted { shares, by_header } => {
                let of_header = by_header.as_ref().and_then(|name| seen.single_header(name)?.trim().parse().ok());
                let total: u64 = shares.iter().map(|share| share.weight).sum();
                let place = of_header
                    .unwrap_or(seen.random)
                    .checked_rem(total)
                    .ok_or("the weights of the route's clusters sum to 0, which Envoy refuses")?;
                let mut end = 0;
                let share = shares.iter().find(|share| {
                    end += share.weight;
                    place < end
                });
                let share = share.ok_or("no weighted cluster was chosen")?;
                let cluster = |share: &Share| match share.cluster_header.as_str() {
                    "" => share.cluster.clone(),
                    header => seen.header(header).unwrap_or_default(),
                };
                Ok(Picked {
                    chosen: Chosen {
                        upstream: clusters.upstream(&cluster(share)),
                        weights: shares.iter().map(|share| (cluster(share), share.weight)).collect(),
                    },
                    headers: Some(&share.headers),
                    overridden_filters: &share.overridden_filters,
                    host: share.host.as_deref(),
                })
            }
        }
    }

    /// What becomes of the authority.
    pub(crate) fn host(&self, seen: &Seen, picked: &Picked<'_>) -> Result<HostRewrite, String> {
        // The weighted cluster's comes first, and the route's over it.
        let of_cluster = || picked.host.map_or(HostRewrite::Kept, |host| HostRewrite::To(host.to_owned()));
        Ok(match &self.host {
            NewHost::Kept => of_cluster(),
            NewHost::To(host) => HostRewrite::To(host.clone()),
            NewHost::OfEndpoint => HostRewrite::OfEndpoint,
            NewHost::OfHeader(name) => match seen.header(name) {
                Some(host) if !host.is_empty() => HostRewrite::To(host),
                _ => of_cluster(),
            },
            NewHost::OfPath(by) => HostRewrite::To(by.replaced(without_query(&seen.path))?),
            NewHost::Computed(format) => HostRewrite::Computed(format.clone()),
        })
    }

    /// The path the upstream gets.
    pub(crate) fn path(&self, seen: &Seen, matched_bytes: Option<usize>) -> Result<String, String> {
        match &self.path {
            NewPath::Same => Ok(seen.path.clone()),
            NewPath::Prefix(prefix) => Ok(with_prefix(&seen.path, matched_bytes, prefix)),
            NewPath::Substituted(by) => {
                let before = without_query(&seen.path);
                let query = seen.path.get(before.len()..).unwrap_or_default();
                Ok(format!("{}{query}", by.replaced(before)?))
            }
            NewPath::Unknown(reason) => Err(reason.clone()),
        }
    }
}

impl MirrorPlan {
    /// The copy of this request; `None` when there is none.
    pub(crate) fn mirror(&self, seen: &Seen, clusters: &Clusters) -> Option<Mirror> {
        let cluster = match self.cluster_header.as_str() {
            "" => self.cluster.clone(),
            header => seen.header(header).filter(|name| !name.is_empty())?,
        };
        Some(Mirror { upstream: clusters.upstream(&cluster), fraction: self.fraction.as_ref().map(Fraction::text) })
    }
}

pub(crate) fn mirrors(policies: &[RequestMirrorPolicy]) -> Vec<MirrorPlan> {
    let plan = |policy: &RequestMirrorPolicy| MirrorPlan {
        cluster: policy.cluster.clone(),
        cluster_header: policy.cluster_header.to_ascii_lowercase(),
        fraction: policy.runtime_fraction.as_ref().map(Fraction::new),
    };
    policies.iter().map(plan).collect()
}

pub(crate) fn retry(policy: &RetryPolicy) -> Retry {
    let backoff = policy.retry_back_off.as_ref();
    Retry {
        on: policy.retry_on.clone(),
        status_codes: policy.retriable_status_codes.clone(),
        times: policy.num_retries.as_ref().map_or(1, |times| times.value),
        per_try_milliseconds: policy.per_try_timeout.as_ref().map(milliseconds),
        backoff_base_milliseconds: backoff.and_then(|backoff| backoff.base_interval.as_ref()).map(milliseconds),
        backoff_most_milliseconds: backoff.and_then(|backoff| backoff.max_interval.as_ref()).map(milliseconds),
    }
}

fn milliseconds(duration: &Duration) -> u64 {
    let seconds = u64::try_from(duration.seconds).unwrap_or(0);
    seconds.saturating_mul(1000).saturating_add(u64::try_from(duration.nanos).unwrap_or(0) / 1_000_000)
}

fn target(message: Option<&ClusterSpecifier>) -> Target {
    match message {
        Some(ClusterSpecifier::Cluster(name)) => Target::Cluster(name.clone()),
        Some(ClusterSpecifier::ClusterHeader(name)) => Target::OfHeader(name.to_ascii_lowercase()),
        Some(ClusterSpecifier::WeightedClusters(weighted)) => weighted_target(weighted),
        Some(ClusterSpecifier::ClusterSpecifierPlugin(name)) => {
            Target::Unknown(format!("this route uses the cluster specifier plugin {name:?}, which is not evaluated"))
        }
        Some(ClusterSpecifier::InlineClusterSpecifierPlugin(_)) => {
            Target::Unknown("this route uses an inline cluster specifier plugin, which is not evaluated".into())
        }
        None => Target::Unknown("this route names no cluster: Envoy refuses it".into()),
    }
}

fn weighted_target(message: &WeightedCluster) -> Target {
    let by_header = match &message.random_value_specifier {
        Some(RandomValueSpecifier::HeaderName(name)) => Some(name.to_ascii_lowercase()),
        Some(RandomValueSpecifier::UseHashPolicy(hash)) if hash.value => {
            return Target::Unknown("this route chooses its cluster by its hash policy, which is not evaluated".into());
        }
        _ => None,
    };
    let shares = message.clusters.iter().map(|share| Share {
        cluster: share.name.clone(),
        cluster_header: share.cluster_header.to_ascii_lowercase(),
        weight: share.weight.as_ref().map_or(0, |weight| weight.value.into()),
        host: share.host_rewrite_specifier.as_ref().map(|host| match host {
            cluster_weight::HostRewriteSpecifier::HostRewriteLiteral(host) => host.clone(),
        }),
        headers: BothWays {
            request: LevelChanges::new(
                Level::WeightedCluster,
                &share.request_headers_to_add,
                &share.request_headers_to_remove,
            ),
            response: LevelChanges::new(
                Level::WeightedCluster,
                &share.response_headers_to_add,
                &share.response_headers_to_remove,
            ),
        },
        overridden_filters: share.typed_per_filter_config.keys().cloned().collect(),
    });
    Target::Weighted { shares: shares.collect(), by_header }
}

fn new_host(message: Option<&HostRewriteSpecifier>, findings: &mut Findings<'_>) -> NewHost {
    match message {
        None => NewHost::Kept,
        Some(HostRewriteSpecifier::HostRewriteLiteral(host)) => NewHost::To(host.clone()),
        Some(HostRewriteSpecifier::AutoHostRewrite(wanted)) if wanted.value => NewHost::OfEndpoint,
        Some(HostRewriteSpecifier::AutoHostRewrite(_)) => NewHost::Kept,
        Some(HostRewriteSpecifier::HostRewriteHeader(name)) => NewHost::OfHeader(name.to_ascii_lowercase()),
        Some(HostRewriteSpecifier::HostRewritePathRegex(regex)) => NewHost::OfPath(Substitution::new(regex, findings)),
        Some(HostRewriteSpecifier::HostRewrite(format)) => NewHost::Computed(format.clone()),
    }
}

fn new_path(message: &RouteAction, findings: &mut Findings<'_>) -> NewPath {
    if !message.prefix_rewrite.is_empty() {
        NewPath::Prefix(message.prefix_rewrite.clone())
    } else if let Some(regex) = &message.regex_rewrite {
        NewPath::Substituted(Substitution::new(regex, findings))
    } else if let Some(policy) = &message.path_rewrite_policy {
        NewPath::Unknown(format!("this route uses the path rewrite policy {:?}, which is not evaluated", policy.name))
    } else if !message.path_rewrite.is_empty() {
        NewPath::Unknown(format!("this route's path_rewrite {:?} is not evaluated", message.path_rewrite))
    } else {
        NewPath::Same
    }
}
