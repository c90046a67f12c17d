//! Route tables: every rule of every route, at its place in every host that has it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::attach::RouteAge;
use crate::host::Host;
use crate::ir::{Action, HeaderEdits, Match, PathMatch, Route, RouteTable, VirtualHost};
use crate::provenance::Origin;

use super::backends::Backend;
use super::matches::Rank;
use super::placed::{Placed, RoutesOf};
use super::plan::{SocketPlan, TablePlan};
use super::redirect::{self, Entrance};
use super::rules::{LoweredMatch, LoweredRoute, LoweredRule, Step, StepAction};
use super::session;

/// A whole table, and the backends its routes need.
pub(crate) fn lower(socket: &SocketPlan, table: &TablePlan, routes: &dyn RoutesOf) -> (RouteTable, Vec<Arc<Backend>>) {
    let placed: Vec<(usize, Vec<Placed<'_>>)> = table
        .members
        .iter()
        .filter(|at| socket.members[**at].listener().is_served())
        .map(|at| (*at, routes.routes_of(socket.members[*at].at)))
        .collect();
    let mut hosts: BTreeMap<&Host, HostWriter<'_>> = BTreeMap::new();
    // What belongs to a sibling is claimed first, so that nothing of this listener answers for it.
    table.misdirected.iter().for_each(|host| hosts.entry(host).or_default().misdirect());
    for at in &table.members {
        let listener = socket.members[*at].listener();
        hosts.entry(&listener.host).or_default().own(listener.origin());
    }
    let mut backends = Vec::new();
    for (at, placed) in &placed {
        for placed in placed {
            let mut answered = placed.hosts.iter().filter(|host| socket.siblings.answers(*at, host)).peekable();
            if answered.peek().is_some() {
                backends.extend(placed.route.needs.iter().cloned());
            }
            answered.for_each(|host| hosts.entry(host).or_default().route(placed.age, placed.route, table.entrance));
        }
    }
    let hosts = hosts.into_iter().map(|(host, writer)| writer.finish(host)).collect();
    (RouteTable { name: table.name.clone(), form: table.form, hosts, origins: table.origins.clone() }, backends)
}

/// One host of a table in the making.
#[derive(Debug, Default)]
pub(crate) struct HostWriter<'a> {
    candidates: Vec<Candidate<'a>>,
    origins: Vec<Origin>,
    /// Every request is for another listener.
    misdirected: bool,
}

/// A match at its place: before those of a higher rank, a younger route, a later rule.
#[derive(Debug)]
struct Candidate<'a> {
    rank: Rank,
    age: &'a RouteAge,
    at: (usize, usize),
    rule: &'a LoweredRule,
    matched: &'a LoweredMatch,
    entrance: Entrance,
}

impl<'a> HostWriter<'a> {
    /// The host is that of this listener, and there whether or not it has routes.
    pub(crate) fn own(&mut self, origin: Origin) {
        if !self.origins.contains(&origin) {
            self.origins.push(origin);
        }
    }

    /// The requests of the host belong to another listener.
    pub(crate) fn misdirect(&mut self) {
        self.misdirected = true;
    }

    /// A route of this age.
    pub(crate) fn route(&mut self, age: &'a RouteAge, route: &'a LoweredRoute, entrance: Entrance) {
        for rule in &route.rules {
            if !self.origins.contains(&rule.origin) {
                self.origins.push(rule.origin.clone());
            }
            for (at, matched) in rule.matches.iter().enumerate() {
                let at = (rule.index, at);
                self.candidates.push(Candidate { rank: matched.rank, age, at, rule, matched, entrance });
            }
        }
    }

    pub(crate) fn finish(mut self, host: &Host) -> VirtualHost {
        self.candidates.sort_by(|a, b| (a.rank, a.age, a.at).cmp(&(b.rank, b.age, b.at)));
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
