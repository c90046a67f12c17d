//! A route configuration: which virtual host a request belongs to, and which of its routes takes it.

use envoy_types::pb::envoy::config::route::v3::virtual_host::TlsRequirementType;
use envoy_types::pb::envoy::config::route::v3::{RouteConfiguration, VirtualHost as HostMessage};

use crate::action::Action;
use crate::domains::Domains;
use crate::explanation::{Explanation, Filter, Forward, HostRewrite, Outcome, Retry, RouteFound, VirtualHostFound};
use crate::forward::{Forwarding, MirrorPlan, Picked, mirrors, retry};
use crate::headers::{BothWays, HeaderChanges, Level, LevelChanges};
use crate::manager::Seen;
use crate::normal::split_port;
use crate::problem::Problem;
use crate::route::Route;
use crate::text::Findings;
use crate::trace::Candidate;
use crate::upstream::Clusters;
use crate::verdict::Verdict;

/// A route configuration, ready to be asked.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    name: String,
    domains: Domains,
    hosts: Vec<VirtualHost>,
    headers: BothWays,
    most_specific_wins: bool,
    ignore_port: bool,
    host_header: Option<String>,
    overridden_filters: Vec<String>,
    mirrors: Vec<MirrorPlan>,
}

#[derive(Debug, Clone)]
struct VirtualHost {
    name: String,
    domains: Vec<String>,
    routes: Vec<Route>,
    headers: BothWays,
    tls: TlsRequirementType,
    overridden_filters: Vec<String>,
    retry: Option<Retry>,
    mirrors: Vec<MirrorPlan>,
    unknown: Option<String>,
}

impl Table {
    /// Reads a route configuration; `discovered`: the virtual hosts that are resources of their own.
    pub(crate) fn new(message: &RouteConfiguration, discovered: &[&HostMessage], findings: &mut Findings<'_>) -> Table {
        let mut findings = findings.at(&format!("route configuration {:?}", message.name));
        let ignore_parameters = message.ignore_path_parameters_in_path_matching;
        let (mut domains, mut hosts) = (Domains::default(), Vec::<VirtualHost>::new());
        for host in message.virtual_hosts.iter().chain(discovered.iter().copied()) {
            let mut findings = findings.at(&format!("virtual host {:?}", host.name));
            for domain in &host.domains {
                if let Err(first) = domains.enter(domain, hosts.len()) {
                    let first = hosts.get(first).map(|first| first.name.clone()).unwrap_or_default();
                    let place = findings.place.clone();
                    findings.problems.push(Problem::DomainTwice { place, domain: domain.clone(), first });
                }
            }
            hosts.push(VirtualHost::new(host, ignore_parameters, &mut findings));
        }
        Table {
            name: message.name.clone(),
            domains,
            hosts,
            headers: BothWays {
                request: LevelChanges::new(
                    Level::RouteConfiguration,
                    &message.request_headers_to_add,
                    &message.request_headers_to_remove,
                ),
                response: LevelChanges::new(
                    Level::RouteConfiguration,
                    &message.response_headers_to_add,
                    &message.response_headers_to_remove,
                ),
            },
            most_specific_wins: message.most_specific_header_mutations_wins,
            ignore_port: message.ignore_port_in_host_matching,
            host_header: Some(message.vhost_header.to_ascii_lowercase()).filter(|name| !name.is_empty()),
            overridden_filters: message.typed_per_filter_config.keys().cloned().collect(),
            mirrors: mirrors(&message.request_mirror_policies),
        }
    }

    /// What becomes of a request here.
    pub(crate) fn explain(&self, seen: &Seen, clusters: &Clusters, mut explanation: Explanation) -> Explanation {
        explanation.route_configuration = Some(self.name.clone());
        // Without the header that names the host, there is none.
        let full = match &self.host_header {
            None => Some(seen.authority.clone()),
            Some(name) => seen.first_header(name),
        };
        let host = full.as_deref().map(|full| if self.ignore_port { split_port(full).0 } else { full });
        let found = host.and_then(|host| self.domains.find(host));
        let host = host.unwrap_or_default();
        for (position, other) in self.hosts.iter().enumerate() {
            if found.as_ref().is_none_or(|(chosen, _)| *chosen != position) {
                explanation.trace.reject(Candidate::VirtualHost, &other.name, position, other.reason(host, &found));
            }
        }
        let Some((host, domain)) = found.and_then(|(at, domain)| Some((self.hosts.get(at)?, domain))) else {
            let reason = format!("no virtual host of {:?} has a domain for {host:?}", self.name);
            return explanation.ending(Outcome::Answered { status: 404, location: None, reason });
        };
        explanation.virtual_host = Some(VirtualHostFound { name: host.name.clone(), domain });
        if let Some(reason) = &host.unknown {
            return explanation.ending(Outcome::Undetermined { reason: reason.clone() });
        }
        if let Some(outcome) = host.tls_outcome(seen) {
            return explanation.ending(outcome);
        }
        self.routes(host, seen, clusters, explanation)
    }

    fn routes(
        &self,
        host: &VirtualHost,
        seen: &Seen,
        clusters: &Clusters,
        mut explanation: Explanation,
    ) -> Explanation {
        for (position, route) in host.routes.iter().enumerate() {
            let verdict = route.verdict(seen);
            if let (Some(key), false) = (route.runtime_key(), matches!(verdict, Verdict::Fails(_))) {
                explanation.notes.push(format!("the proxy's runtime may override {key:?}, a fraction of a route"));
            }
            match verdict {
                Verdict::Fails(reason) => {
                    explanation.trace.reject(Candidate::Route, &route.name, position, reason);
                }
                Verdict::Holds => {
                    explanation.route = Some(RouteFound { name: route.name.clone(), position });
                    return self.act(host, route, seen, clusters, explanation);
                }
                Verdict::Unknown(reason) => {
                    let name = if route.name.is_empty() { String::new() } else { format!(" {:?}", route.name) };
                    let reason = format!("route {position}{name} may take this request: {reason}");
                    return explanation.ending(Outcome::Undetermined { reason });
                }
            }
        }
        let reason = format!("no route of virtual host {:?} takes this request", host.name);
        explanation.ending(Outcome::Answered { status: 404, location: None, reason })
    }

    fn act(
        &self,
        host: &VirtualHost,
        route: &Route,
        seen: &Seen,
        clusters: &Clusters,
        mut explanation: Explanation,
    ) -> Explanation {
        let matched_bytes = route.path.matched_bytes(&seen.path);
        let mut picked = None;
        let outcome = match &route.action {
            Action::Unknown(reason) => Outcome::Undetermined { reason: reason.clone() },
            Action::Direct(direct) => {
                explanation.notes.extend(direct.note.clone());
                let located = direct.status == 201 || (300..400).contains(&direct.status);
                let location = located.then(|| format!("{}://{}{}", seen.scheme, seen.authority, seen.path));
                Outcome::DirectResponse { status: direct.status, location, body: direct.body.clone() }
            }
            Action::Redirect(redirect) => match redirect.location(seen, matched_bytes) {
                Ok(location) => Outcome::Redirected { status: redirect.status(), location },
                Err(reason) => Outcome::Undetermined { reason },
            },
            Action::Forward(forwarding) => {
                explanation.notes.extend(forwarding.notes.iter().cloned());
                match forwarding.pick(seen, clusters) {
                    Err(reason) => Outcome::Undetermined { reason },
                    Ok(chosen) => {
                        let chosen = picked.insert(chosen);
                        match self.forward(host, route, forwarding, chosen, seen, clusters, matched_bytes) {
                            Ok(forward) => Outcome::Forwarded(Box::new(forward)),
                            Err(reason) => Outcome::Undetermined { reason },
                        }
                    }
                }
            }
        };
        let weighted = picked.as_ref().and_then(|picked| picked.headers);
        explanation.response_headers = self.changes(host, route, weighted, |level| &level.response);
        for filter in &mut explanation.filters {
            let overridden = picked.as_ref().map(|picked| picked.overridden_filters).unwrap_or_default();
            mark(filter, overridden, Level::WeightedCluster);
            mark(filter, &route.overridden_filters, Level::Route);
            mark(filter, &host.overridden_filters, Level::VirtualHost);
            mark(filter, &self.overridden_filters, Level::RouteConfiguration);
        }
        explanation.ending(outcome)
    }

    #[allow(clippy::too_many_arguments, reason = "they are what a forwarded request is made of")]
    fn forward(
        &self,
        host: &VirtualHost,
        route: &Route,
        forwarding: &Forwarding,
        picked: &Picked<'_>,
        seen: &Seen,
        clusters: &Clusters,
        matched_bytes: Option<usize>,
    ) -> Result<Forward, String> {
        let mirrors = [&forwarding.mirrors, &host.mirrors, &self.mirrors];
        let mirrors = mirrors.into_iter().find(|mirrors| !mirrors.is_empty()).map(Vec::as_slice).unwrap_or_default();
        let new_host = forwarding.host(seen, picked)?;
        let authority = match &new_host {
            HostRewrite::Kept => Some(seen.authority.clone()),
            HostRewrite::To(host) => Some(host.clone()),
            HostRewrite::OfEndpoint | HostRewrite::Computed(_) => None,
        };
        Ok(Forward {
            to: picked.chosen.clone(),
            missing_cluster_status: forwarding.missing_cluster_status,
            host: new_host,
            authority,
            path: forwarding.path(seen, matched_bytes)?,
            request_headers: self.changes(host, route, picked.headers, |level| &level.request),
            timeouts: forwarding.timeouts.clone(),
            retry: forwarding.retry.clone().or_else(|| host.retry.clone()),
            mirrors: mirrors.iter().filter_map(|mirror| mirror.mirror(seen, clusters)).collect(),
        })
    }

    /// The changes of all levels in the order Envoy makes them: the last one wins, and by default that is the widest.
    fn changes(
        &self,
        host: &VirtualHost,
        route: &Route,
        weighted: Option<&BothWays>,
        direction: impl Fn(&BothWays) -> &LevelChanges,
    ) -> HeaderChanges {
        let levels = if self.most_specific_wins {
            [Some(&self.headers), Some(&host.headers), Some(&route.headers), None]
        } else {
            [Some(&route.headers), Some(&host.headers), Some(&self.headers), None]
        };
        let levels = std::iter::once(weighted).chain(levels).flatten();
        HeaderChanges(levels.flat_map(|level| direction(level).changes().iter().cloned()).collect())
    }
}

fn mark(filter: &mut Filter, overridden: &[String], level: Level) {
    if overridden.contains(&filter.name) {
        filter.overridden_by.push(level);
    }
}

impl VirtualHost {
    fn new(message: &HostMessage, ignore_parameters: bool, findings: &mut Findings<'_>) -> VirtualHost {
        let routes = message.routes.iter().enumerate().map(|(position, route)| {
            Route::new(route, ignore_parameters, &mut findings.at(&format!("route {position} {:?}", route.name)))
        });
        let unknown = if message.matcher.is_some() {
            Some("this virtual host chooses its routes by a matcher, which is not evaluated".to_owned())
        } else if !message.route_specifiers.is_empty() {
            Some("this virtual host uses route_specifiers, which are not evaluated".to_owned())
        } else {
            None
        };
        VirtualHost {
            name: message.name.clone(),
            domains: message.domains.clone(),
            routes: routes.collect(),
            headers: BothWays {
                request: LevelChanges::new(
                    Level::VirtualHost,
                    &message.request_headers_to_add,
                    &message.request_headers_to_remove,
                ),
                response: LevelChanges::new(
                    Level::VirtualHost,
                    &message.response_headers_to_add,
                    &message.response_headers_to_remove,
                ),
            },
            tls: TlsRequirementType::try_from(message.require_tls).unwrap_or(TlsRequirementType::None),
            overridden_filters: message.typed_per_filter_config.keys().cloned().collect(),
            retry: message.retry_policy.as_ref().map(retry),
            mirrors: mirrors(&message.request_mirror_policies),
            unknown,
        }
    }

    fn reason(&self, host: &str, found: &Option<(usize, String)>) -> String {
        let domains = self.domains.join(", ");
        match found {
            Some((_, better)) => format!("{better:?} matches {host:?} before any of its domains: {domains}"),
            None => format!("none of its domains matches {host:?}: {domains}"),
        }
    }

    /// The answer to a request in plain text, where TLS is required.
    fn tls_outcome(&self, seen: &Seen) -> Option<Outcome> {
        if self.tls == TlsRequirementType::None || seen.forwarded_scheme == "https" {
            return None;
        }
        if self.tls == TlsRequirementType::ExternalOnly {
            let reason = "this virtual host requires TLS of external requests; which are external is not evaluated";
            return Some(Outcome::Undetermined { reason: reason.into() });
        }
        let location = format!("https://{}{}", seen.authority, seen.path);
        let reason = format!("virtual host {:?} requires TLS", self.name);
        Some(Outcome::Answered { status: 301, location: Some(location), reason })
    }
}
