//! The rules of an HTTPRoute.

use std::sync::Arc;

use crate::api::{self, HttpMatch, HttpRule, ObjectId};
use crate::attach::{AttachedGateway, AttachedRoute, RouteSource};
use crate::ir::{Action, HeaderEdits, Match, Mirror, Retry, Session, Share, Timeouts, WeightedCluster};
use crate::provenance::Origin;
use crate::{names, reasons};

use super::backends::{Backend, Backends, Outcome, Traffic, never};
use super::filters::Filters;
use super::matches::{self, Rank};
use super::redirect::{has_prefix, needs_prefix};
use super::rules::{LoweredMatch, LoweredRoute, LoweredRule, Step, StepAction};
use super::{duration, session};

/// What an HTTPRoute comes to under a Gateway.
pub(crate) fn lower(backends: &Backends<'_>, gateway: &AttachedGateway, route: &AttachedRoute) -> LoweredRoute {
    let RouteSource::Http(source) = &route.source else { return LoweredRoute::default() };
    let default = [HttpRule::default()];
    let rules = if source.spec.rules.is_empty() { &default[..] } else { &source.spec.rules[..] };
    let mut lowered = LoweredRoute::default();
    for (index, rule) in rules.iter().enumerate() {
        let written = RuleText {
            index,
            name: rule.name.as_deref(),
            filters: &rule.filters,
            backends: &rule.backend_refs,
            timeouts: rule.timeouts.as_ref(),
            retry: rule.retry.as_ref(),
            session: rule.session_persistence.as_ref(),
            traffic: Traffic::Http,
        };
        let none = [HttpMatch::default()];
        let all = if rule.matches.is_empty() { &none[..] } else { &rule.matches[..] };
        let read = all.iter().map(matches::http).collect();
        lower_rule(backends, gateway, &route.id, &written, read, &mut lowered);
    }
    lowered
}

/// A rule of an HTTPRoute or GRPCRoute, as it is written.
pub(crate) struct RuleText<'a> {
    pub(crate) index: usize,
    pub(crate) name: Option<&'a str>,
    pub(crate) filters: &'a [api::RouteFilter],
    pub(crate) backends: &'a [api::BackendRef],
    pub(crate) timeouts: Option<&'a api::Timeouts>,
    pub(crate) retry: Option<&'a api::Retry>,
    pub(crate) session: Option<&'a api::SessionPersistence>,
    pub(crate) traffic: Traffic,
}

type ReadMatch = Result<(Match, Rank), (String, String)>;

/// Lowers one rule into the route.
pub(crate) fn lower_rule(
    backends: &Backends<'_>,
    gateway: &AttachedGateway,
    route: &ObjectId,
    rule: &RuleText<'_>,
    read: Vec<ReadMatch>,
    lowered: &mut LoweredRoute,
) {
    let field = format!("spec.rules[{}]", rule.index);
    lowered.outcome.rules += 1;
    let mut matches = Vec::with_capacity(read.len());
    for (at, one) in read.into_iter().enumerate() {
        match one {
            Ok((matched, rank)) => {
                let name = names::route(route, rule.name, &matched);
                matches.push(LoweredMatch { matches: matched, rank, name });
            }
            Err((below, message)) => {
                lowered.outcome.value(format!("{field}.matches[{at}].{below}"), reasons::UNSUPPORTED_VALUE, message);
            }
        }
    }
    let mut writer = RuleWriter { backends, gateway, route, rule, field: &field, lowered, broken: matches.is_empty() };
    let steps = writer.steps(&matches);
    let broken = writer.broken;
    lowered.outcome.broken_rules += usize::from(broken);
    let origin = Origin::new(route, field);
    lowered.rules.push(LoweredRule { index: rule.index, matches, steps, origin });
}

struct RuleWriter<'a, 'w> {
    backends: &'a Backends<'w>,
    gateway: &'a AttachedGateway,
    route: &'a ObjectId,
    rule: &'a RuleText<'a>,
    field: &'a str,
    lowered: &'a mut LoweredRoute,
    /// Nothing of what the rule says is done: it answers 500.
    broken: bool,
}

/// A backend of a rule, its share and its own filters.
struct Entry<'a> {
    backend: Option<Arc<Backend>>,
    weight: u32,
    filters: Filters<'a>,
}

/// What holds for all of a rule's requests that are forwarded.
struct Manner {
    timeouts: Timeouts,
    retry: Option<Retry>,
    mirrors: Vec<Mirror>,
    session: Option<Session>,
}

impl<'a> RuleWriter<'a, '_> {
    fn steps(&mut self, matches: &[LoweredMatch]) -> Vec<Step> {
        let filters = Filters::read(self.rule.filters);
        self.tell("filters", &filters);
        let prefix_needed = needs_prefix(filters.redirect.and_then(|redirect| redirect.path.as_ref()))
            || needs_prefix(filters.rewrite.and_then(|rewrite| rewrite.path.as_ref()));
        if prefix_needed && !matches.iter().all(|one| has_prefix(&one.matches.path)) {
            self.fault("filters", "ReplacePrefixMatch needs matches of type PathPrefix".to_owned());
        }
        let manner = self.manner(&filters);
        let entries = self.entries();
        let step = |action| Step {
            share: None,
            action,
            request_headers: filters.request.clone(),
            response_headers: filters.response.clone(),
            cors: filters.cors.clone(),
            rewrite: filters.rewrite.cloned(),
        };
        if self.broken {
            return vec![step(StepAction::Action(Action::Respond(500)))];
        }
        if let Some(redirect) = filters.redirect {
            return vec![step(StepAction::Redirect(redirect.clone()))];
        }
        if entries.iter().all(|entry| entry.filters.only_headers()) {
            return vec![step(StepAction::Action(self.weighted(&entries, &manner)))];
        }
        self.split(&entries, &manner, &filters)
    }

    fn tell(&mut self, below: &str, filters: &Filters<'_>) {
        for (at, reason, message) in &filters.faults {
            self.broken = true;
            self.lowered.outcome.value(format!("{}.{below}{at}", self.field), reason, message.clone());
        }
    }

    fn fault(&mut self, below: &str, message: String) {
        self.broken = true;
        self.lowered.outcome.value(format!("{}.{below}", self.field), reasons::UNSUPPORTED_VALUE, message);
    }

    fn manner(&mut self, filters: &Filters<'_>) -> Manner {
        let rule = self.rule;
        let mut timeout = |below: &str, text: Option<&String>| match text.map(|text| duration::parse(text)) {
            Some(Ok(duration)) => Some(duration).filter(|duration| !duration.is_zero()),
            Some(Err(message)) => {
                self.fault(below, message);
                None
            }
            None => None,
        };
        let written = rule.timeouts;
        let timeouts = Timeouts {
            request: timeout("timeouts.request", written.and_then(|timeouts| timeouts.request.as_ref())),
            per_try: timeout("timeouts.backendRequest", written.and_then(|timeouts| timeouts.backend_request.as_ref())),
        };
        let retry = rule.retry.map(|retry| Retry {
            attempts: retry.attempts.and_then(|attempts| u32::try_from(attempts).ok()).unwrap_or(2),
            codes: retry.codes.iter().filter_map(|code| u16::try_from(*code).ok()).collect(),
            backoff: timeout("retry.backoff", retry.backoff.as_ref()),
        });
        let session = rule.session.map(|written| {
            let content =
                names::with_hash(&["session"], &[&self.route.to_string(), self.rule.name.unwrap_or(self.field)]);
            let (session, faults) = session::read(written, &content.replace(['/', '~'], "-"));
            for (below, message) in faults {
                let field = format!("{}.sessionPersistence.{below}", self.field);
                self.lowered.outcome.value(field, reasons::UNSUPPORTED_VALUE, message);
            }
            session
        });
        let mirrors = self.mirrors("filters", filters);
        Manner { timeouts, retry, mirrors, session }
    }

    /// A mirror whose backend is not there is left out; the rule is served all the same.
    fn mirrors(&mut self, below: &str, filters: &Filters<'_>) -> Vec<Mirror> {
        let mut found = Vec::new();
        for (index, mirror) in &filters.mirrors {
            let field = format!("{}.{below}[{index}].requestMirror", self.field);
            let share = match (mirror.percent, mirror.fraction) {
                (Some(percent), _) => share(percent, 100),
                (None, Some(fraction)) => share(fraction.numerator, fraction.denominator),
                (None, None) => Some(Share::WHOLE),
            };
            let Some(share) = share else {
                self.fault(&format!("{below}[{index}].requestMirror"), "the share is not one of a whole".to_owned());
                continue;
            };
            if let Some(backend) = self.backend(&format!("{field}.backendRef"), &mirror.backend_ref) {
                found.push(Mirror { cluster: backend.cluster.name.clone(), share });
                self.need(&backend);
            }
        }
        found
    }

    fn backend(&mut self, field: &str, reference: &api::BackendRef) -> Option<Arc<Backend>> {
        let resolved = self.backends.resolve(self.gateway, self.route, reference, self.rule.traffic);
        self.lowered.outcome.touch(&resolved.policies);
        match resolved.outcome {
            Outcome::Backend(backend) => Some(backend),
            Outcome::Barred => None,
            Outcome::Invalid { reason, message } => {
                self.lowered.outcome.reference(field, reason, message);
                None
            }
        }
    }

    fn need(&mut self, backend: &Arc<Backend>) {
        if !self.lowered.needs.iter().any(|known| known.cluster.name == backend.cluster.name) {
            self.lowered.needs.push(Arc::clone(backend));
        }
    }

    fn entries(&mut self) -> Vec<Entry<'a>> {
        let mut entries = Vec::with_capacity(self.rule.backends.len());
        for (at, reference) in self.rule.backends.iter().enumerate() {
            let filters = Filters::read(&reference.filters);
            self.tell(&format!("backendRefs[{at}].filters"), &filters);
            let backend = self.backend(&format!("{}.backendRefs[{at}]", self.field), reference);
            entries.push(Entry { backend, weight: u32::try_from(reference.weight).unwrap_or(0), filters });
        }
        entries
    }

    /// One route whose clusters share the requests; the share of what cannot be reached goes to the cluster nobody serves.
    fn weighted(&mut self, entries: &[Entry<'_>], manner: &Manner) -> Action {
        if let Some(action) = self.sticky(entries, manner) {
            return action;
        }
        let mut clusters: Vec<WeightedCluster> = Vec::with_capacity(entries.len());
        for entry in entries.iter().filter(|entry| entry.weight > 0) {
            let cluster = match &entry.backend {
                Some(backend) => {
                    self.need(backend);
                    backend.cluster.name.clone()
                }
                None => never(),
            };
            let (request_headers, response_headers) = (entry.filters.request.clone(), entry.filters.response.clone());
            let weight = entry.weight;
            let same = clusters.iter_mut().find(|known| {
                (&known.cluster, &known.request_headers, &known.response_headers)
                    == (&cluster, &request_headers, &response_headers)
            });
            match same {
                Some(known) => known.weight = known.weight.saturating_add(weight),
                None => clusters.push(WeightedCluster { cluster, weight, request_headers, response_headers }),
            }
        }
        forward(clusters, manner)
    }

    /// The backends of a rule whose clients stay where they are, as one cluster.
    fn sticky(&mut self, entries: &[Entry<'_>], manner: &Manner) -> Option<Action> {
        manner.session.as_ref()?;
        let plain = |entry: &&Entry<'_>| {
            entry.filters.request == HeaderEdits::default() && entry.filters.response == HeaderEdits::default()
        };
        let reached: Vec<(Arc<Backend>, u32)> =
            entries.iter().filter_map(|entry| Some((Arc::clone(entry.backend.as_ref()?), entry.weight))).collect();
        if reached.len() < 2 || !entries.iter().all(|entry| plain(&entry)) {
            return None;
        }
        let origin = Origin::new(self.route, self.field);
        let name = self.rule.name.map_or_else(|| self.field.to_owned(), str::to_owned);
        let backend = Arc::new(session::together(self.route, &[&name], &origin, &reached)?);
        self.need(&backend);
        let weight =
            |of: &dyn Fn(&&Entry<'_>) -> bool| entries.iter().filter(of).map(|entry| entry.weight).sum::<u32>();
        let (good, lost) = (weight(&|entry| entry.backend.is_some()), weight(&|entry| entry.backend.is_none()));
        let entry = |cluster, weight| WeightedCluster {
            cluster,
            weight,
            request_headers: HeaderEdits::default(),
            response_headers: HeaderEdits::default(),
        };
        let mut clusters = Vec::new();
        if good > 0 {
            clusters.push(entry(backend.cluster.name.clone(), good));
        }
        if lost > 0 {
            clusters.push(entry(never(), lost));
        }
        Some(forward(clusters, manner))
    }

    /// A route for each backend: only headers can be edited per cluster. The proxy draws one number for a request and compares
    /// it with every route's share, so each share holds those before it too.
    fn split(&mut self, entries: &[Entry<'_>], manner: &Manner, rule: &Filters<'_>) -> Vec<Step> {
        let total: u64 = entries.iter().map(|entry| u64::from(entry.weight)).sum();
        let mut taken = 0;
        let mut steps = Vec::with_capacity(entries.len());
        for (at, entry) in entries.iter().enumerate().filter(|(_, entry)| entry.weight > 0) {
            taken += u64::from(entry.weight);
            let numerator = u32::try_from((taken * 1_000_000 + total / 2) / total).unwrap_or(1_000_000);
            let mirrors = self.mirrors(&format!("backendRefs[{at}].filters"), &entry.filters);
            let action = match (entry.filters.redirect, &entry.backend) {
                (Some(redirect), _) => StepAction::Redirect(redirect.clone()),
                (None, None) => StepAction::Action(Action::Respond(500)),
                (None, Some(backend)) => {
                    self.need(backend);
                    let cluster = WeightedCluster {
                        cluster: backend.cluster.name.clone(),
                        weight: 1,
                        request_headers: entry.filters.request.clone(),
                        response_headers: entry.filters.response.clone(),
                    };
                    let all = manner.mirrors.iter().cloned().chain(mirrors).collect();
                    let manner = Manner {
                        timeouts: manner.timeouts.clone(),
                        retry: manner.retry.clone(),
                        mirrors: all,
                        session: manner.session.clone(),
                    };
                    StepAction::Action(forward(vec![cluster], &manner))
                }
            };
            steps.push(Step {
                share: (taken < total).then_some(Share { numerator }),
                action,
                request_headers: rule.request.clone(),
                response_headers: rule.response.clone(),
                cors: entry.filters.cors.clone().or_else(|| rule.cors.clone()),
                rewrite: entry.filters.rewrite.or(rule.rewrite).cloned(),
            });
        }
        if steps.is_empty() {
            let action = StepAction::Action(Action::Respond(500));
            let (request_headers, response_headers) = (rule.request.clone(), rule.response.clone());
            steps.push(Step {
                share: None,
                action,
                request_headers,
                response_headers,
                cors: rule.cors.clone(),
                rewrite: None,
            });
        }
        steps
    }
}

/// Forwards to what can be reached; 500 where nothing can.
fn forward(clusters: Vec<WeightedCluster>, manner: &Manner) -> Action {
    if clusters.iter().all(|entry| entry.cluster == never()) {
        return Action::Respond(500);
    }
    Action::Forward {
        clusters,
        rewrite: Default::default(),
        timeouts: manner.timeouts.clone(),
        retry: manner.retry.clone(),
        mirrors: manner.mirrors.clone(),
        session: manner.session.clone(),
    }
}

fn share(numerator: i32, denominator: i32) -> Option<Share> {
    let (numerator, denominator) =
        (u64::try_from(numerator).ok()?, u64::try_from(denominator).ok().filter(|of| *of > 0)?);
    let millionths = numerator * 1_000_000 / denominator;
    u32::try_from(millionths).ok().filter(|millionths| *millionths <= 1_000_000).map(|numerator| Share { numerator })
}
