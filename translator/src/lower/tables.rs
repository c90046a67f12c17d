//! Route tables: every rule of every route, at its place in every host that has it.

use std::collections::BTreeMap;

use crate::host::Host;
use crate::ir::{Action, HeaderEdits, Match, PathMatch, Route, RouteTable, RouteTableName, VirtualHost};
use crate::provenance::Origin;

use super::matches::Rank;
use super::redirect::{self, Entrance};
use super::rules::{LoweredMatch, LoweredRoute, LoweredRule, Step, StepAction};
use super::session;

/// The hosts of a table in the making.
#[derive(Debug, Default)]
pub(crate) struct TableWriter<'a> {
    hosts: BTreeMap<Host, HostWriter<'a>>,
}

#[derive(Debug, Default)]
struct HostWriter<'a> {
    candidates: Vec<Candidate<'a>>,
    origins: Vec<Origin>,
    /// Every request is for another listener.
    misdirected: bool,
}

/// A match at its place: before those of a higher rank, a younger route, a later rule.
#[derive(Debug)]
struct Candidate<'a> {
    rank: Rank,
    age: usize,
    at: (usize, usize),
    rule: &'a LoweredRule,
    matched: &'a LoweredMatch,
    entrance: Entrance,
}

impl<'a> TableWriter<'a> {
    /// A host that is there whether or not it has routes.
    pub(crate) fn host(&mut self, host: &Host, origin: &Origin) {
        let writer = self.hosts.entry(host.clone()).or_default();
        if !writer.origins.contains(origin) {
            writer.origins.push(origin.clone());
        }
    }

    /// A host whose requests belong to another listener.
    pub(crate) fn misdirected(&mut self, host: &Host) {
        self.hosts.entry(host.clone()).or_insert_with(|| HostWriter { misdirected: true, ..HostWriter::default() });
    }

    /// A route of this age at a host.
    pub(crate) fn route(&mut self, host: &Host, age: usize, route: &'a LoweredRoute, entrance: Entrance) {
        let writer = self.hosts.entry(host.clone()).or_default();
        for rule in &route.rules {
            if !writer.origins.contains(&rule.origin) {
                writer.origins.push(rule.origin.clone());
            }
            for (at, matched) in rule.matches.iter().enumerate() {
                let at = (rule.index, at);
                writer.candidates.push(Candidate { rank: matched.rank, age, at, rule, matched, entrance });
            }
        }
    }

    pub(crate) fn finish(self, name: RouteTableName, origins: Vec<Origin>) -> RouteTable {
        RouteTable { name, hosts: self.hosts.into_iter().map(|(host, writer)| writer.finish(&host)).collect(), origins }
    }
}

impl HostWriter<'_> {
    fn finish(mut self, host: &Host) -> VirtualHost {
        self.candidates.sort_by_key(|candidate| (candidate.rank, candidate.age, candidate.at));
        let mut routes: Vec<Route> = Vec::with_capacity(self.candidates.len());
        for candidate in &self.candidates {
            routes.extend(candidate.rule.steps.iter().map(|step| place(candidate, step)));
        }
        if self.misdirected {
            routes.push(misdirected());
        }
        VirtualHost { domain: host.domain(), routes, origins: self.origins }
    }
}

fn place(candidate: &Candidate<'_>, step: &Step) -> Route {
    let path = &candidate.matched.matches.path;
    let action = match &step.action {
        StepAction::Redirect(written) => Action::Redirect(redirect::redirect(written, candidate.entrance, path)),
        StepAction::Action(Action::Forward { clusters, timeouts, retry, mirrors, session, .. }) => Action::Forward {
            clusters: clusters.clone(),
            rewrite: step.rewrite.as_ref().map(|written| redirect::rewrite(written, path)).unwrap_or_default(),
            timeouts: timeouts.clone(),
            retry: retry.clone(),
            mirrors: mirrors.clone(),
            session: session.as_ref().map(|session| session::at_path(session, path)),
        },
        StepAction::Action(settled) => settled.clone(),
    };
    Route {
        name: candidate.matched.name.clone(),
        matches: candidate.matched.matches.clone(),
        share: step.share,
        action,
        request_headers: step.request_headers.clone(),
        response_headers: step.response_headers.clone(),
        cors: step.cors.clone(),
        origins: vec![candidate.rule.origin.clone()],
    }
}

/// Tells a client that used this connection for another listener's host to make one of its own (RFC 9110, 15.5.20).
fn misdirected() -> Route {
    Route {
        name: "misdirected".into(),
        matches: Match { path: PathMatch::Any, method: None, headers: Vec::new(), query: Vec::new(), grpc: false },
        share: None,
        action: Action::Respond(421),
        request_headers: HeaderEdits::default(),
        response_headers: HeaderEdits::default(),
        cors: None,
        origins: Vec::new(),
    }
}
