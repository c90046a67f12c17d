//! What a route comes to under a Gateway, before it is placed on listeners.

use std::sync::Arc;

use crate::api::{self, ObjectId};
use crate::ir::{Action, Cors, Forward, HeaderEdits, Match, Share};
use crate::provenance::Origin;

use super::backends::Backend;
use super::matches::Rank;

/// A route under a Gateway.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct LoweredRoute {
    pub(crate) rules: Vec<LoweredRule>,
    /// For a route of connections or datagrams: where they go.
    pub(crate) forward: Option<Forward>,
    /// The backends it needs.
    pub(crate) needs: Vec<Arc<Backend>>,
    pub(crate) outcome: RouteOutcome,
}

/// What is wrong with a route, and what it touches.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct RouteOutcome {
    /// How many rules there are, and how many of them do nothing of what they say.
    pub(crate) rules: usize,
    pub(crate) broken_rules: usize,
    /// What is wrong with rules: it costs the rule, or a match of it.
    pub(crate) values: Vec<RouteFault>,
    /// What is wrong with references.
    pub(crate) references: Vec<RouteFault>,
    /// The policies attached to its backends.
    pub(crate) policies: Vec<ObjectId>,
}

/// Something that is wrong with a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RouteFault {
    pub(crate) field: String,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

impl RouteOutcome {
    pub(crate) fn value(&mut self, field: impl Into<String>, reason: &'static str, message: impl Into<String>) {
        self.values.push(RouteFault { field: field.into(), reason, message: message.into() });
    }

    pub(crate) fn reference(&mut self, field: impl Into<String>, reason: &'static str, message: impl Into<String>) {
        self.references.push(RouteFault { field: field.into(), reason, message: message.into() });
    }

    pub(crate) fn touch(&mut self, policies: &[ObjectId]) {
        for policy in policies {
            if !self.policies.contains(policy) {
                self.policies.push(policy.clone());
            }
        }
    }
}

/// A rule: which requests, and what with them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LoweredRule {
    /// Its place in the route, for the order of routes that say the same, and for people.
    pub(crate) index: usize,
    pub(crate) matches: Vec<LoweredMatch>,
    /// What is done: the first step whose share takes the request.
    pub(crate) steps: Vec<Step>,
    pub(crate) origin: Origin,
}

/// One match of a rule.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LoweredMatch {
    pub(crate) matches: Match,
    pub(crate) rank: Rank,
    /// The name of the route it makes.
    pub(crate) name: Arc<str>,
}

/// A share of what a match takes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    /// Together with the steps before; `None`: all that is left.
    pub(crate) share: Option<Share>,
    pub(crate) action: StepAction,
    pub(crate) request_headers: HeaderEdits,
    pub(crate) response_headers: HeaderEdits,
    pub(crate) cors: Option<Cors>,
    /// What the backend sees instead of the path; it depends on what matched.
    pub(crate) rewrite: Option<api::UrlRewrite>,
}

/// What is done, as far as the listener does not matter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum StepAction {
    /// Settled.
    Action(Action),
    /// A redirect; it depends on the listener and on what matched.
    Redirect(api::Redirect),
}
