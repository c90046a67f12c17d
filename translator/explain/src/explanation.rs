//! What is answered: the way a request takes, and what becomes of it.

use serde::Serialize;

use crate::headers::HeaderChanges;
use crate::trace::Trace;
use crate::upstream::Upstream;

/// The listener a connection arrives at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListenerFound {
    /// Its name.
    pub name: String,
}

/// A filter in the way of the request, which is not evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Filter {
    /// Its name.
    pub name: String,
    /// Where its configuration is overridden for this request, the one that counts first: `route`, `virtual_host`.
    pub overridden_by: Vec<crate::Level>,
}

/// The filter chain a connection is served by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chain {
    /// Its name; empty when it has none.
    pub name: String,
    /// Its place in the listener, from 0; `None` for the default filter chain.
    pub position: Option<usize>,
}

/// The virtual host of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VirtualHostFound {
    /// Its name.
    pub name: String,
    /// The domain the authority matched.
    pub domain: String,
}

/// The route of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RouteFound {
    /// Its name; empty when it has none.
    pub name: String,
    /// Its place in the virtual host, from 0.
    pub position: usize,
}

/// The cluster chosen, and from which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chosen {
    /// The one chosen.
    #[serde(flatten)]
    pub upstream: Upstream,
    /// All that could have been chosen, with their weights: empty when there was no choice. Which one is chosen follows from
    /// [`Request::random`](crate::Request::random), or from a header the route names.
    pub weights: Vec<(String, u64)>,
}

/// What becomes of the authority on the way to the upstream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HostRewrite {
    /// It stays.
    Kept,
    /// It is this.
    To(String),
    /// It is the host name of the endpoint that is chosen.
    OfEndpoint,
    /// Envoy computes it from this.
    Computed(String),
}

/// How long things may take, in milliseconds; 0 means without limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Timeouts {
    /// The whole answer. Envoy's default is 15 s.
    pub response_milliseconds: u64,
    /// Silence on the stream, where the route sets it.
    pub idle_milliseconds: Option<u64>,
    /// The whole stream, where the route sets it.
    pub stream_milliseconds: Option<u64>,
}

/// When and how often a request is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Retry {
    /// The conditions, as configured.
    pub on: String,
    /// The status codes, for the condition `retriable-status-codes`.
    pub status_codes: Vec<u32>,
    /// How often at most, beside the first time.
    pub times: u32,
    /// How long one try may take; `None`: as long as the whole answer.
    pub per_try_milliseconds: Option<u64>,
    /// The base of the pauses between tries, where it is set.
    pub backoff_base_milliseconds: Option<u64>,
    /// The longest pause, where it is set.
    pub backoff_most_milliseconds: Option<u64>,
}

/// A copy of the request, whose answer nobody waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mirror {
    /// Where it goes.
    #[serde(flatten)]
    pub upstream: Upstream,
    /// The part of requests that are copied: `25 in 100`; `None`: all.
    pub fraction: Option<String>,
}

/// A request that goes to a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Forward {
    /// The cluster.
    pub to: Chosen,
    /// What Envoy answers when the cluster is not there.
    pub missing_cluster_status: u16,
    /// What becomes of the authority.
    pub host: HostRewrite,
    /// The authority as the upstream gets it; `None` when Envoy computes it, or takes it from the endpoint.
    pub authority: Option<String>,
    /// The path with query as the upstream gets it.
    pub path: String,
    /// Changes of the request's headers.
    pub request_headers: HeaderChanges,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// When it is tried again; `None`: never.
    pub retry: Option<Retry>,
    /// Copies of it.
    pub mirrors: Vec<Mirror>,
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Outcome {
    /// The connection is not served.
    Refused {
        /// Why.
        reason: String,
    },
    /// Envoy answers by itself, without a route: 404, 400.
    Answered {
        /// The status.
        status: u16,
        /// Where to, for a redirect.
        location: Option<String>,
        /// Why.
        reason: String,
    },
    /// The route redirects.
    Redirected {
        /// The status.
        status: u16,
        /// Where to.
        location: String,
    },
    /// The route answers.
    DirectResponse {
        /// The status.
        status: u16,
        /// The request's own address, which Envoy adds to 201 and redirects.
        location: Option<String>,
        /// The body, where the resource has it.
        body: Option<String>,
    },
    /// The request goes to a cluster.
    Forwarded(Box<Forward>),
    /// The connection goes to a cluster, whatever is spoken on it.
    Tcp {
        /// The cluster.
        to: Chosen,
    },
    /// It cannot be said from the resources: something is not evaluated, or not there.
    Undetermined {
        /// What.
        reason: String,
    },
}

/// The way a request takes as far as it gets, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The listener.
    pub listener: Option<ListenerFound>,
    /// The filter chain.
    pub filter_chain: Option<Chain>,
    /// The name of the route configuration.
    pub route_configuration: Option<String>,
    /// The virtual host.
    pub virtual_host: Option<VirtualHostFound>,
    /// The route.
    pub route: Option<RouteFound>,
    /// What becomes of the request.
    pub outcome: Outcome,
    /// The request is gRPC: what Envoy answers by itself has status 200, and says the status in `grpc-status` and the body in
    /// `grpc-message`.
    pub is_grpc: bool,
    /// Changes of the response's headers.
    pub response_headers: HeaderChanges,
    /// HTTP filters on the way that may change this, and are not evaluated. The router is not among them.
    pub filters: Vec<Filter>,
    /// What else is not evaluated, and may change this.
    pub notes: Vec<String>,
    /// The candidates that were not taken, and why.
    pub trace: Trace,
}

impl Explanation {
    pub(crate) fn beginning() -> Explanation {
        Explanation {
            listener: None,
            filter_chain: None,
            route_configuration: None,
            virtual_host: None,
            route: None,
            outcome: Outcome::Undetermined { reason: String::new() },
            is_grpc: false,
            response_headers: HeaderChanges::default(),
            filters: Vec::new(),
            notes: Vec::new(),
            trace: Trace::default(),
        }
    }

    pub(crate) fn ending(mut self, outcome: Outcome) -> Explanation {
        self.outcome = outcome;
        self
    }
}
