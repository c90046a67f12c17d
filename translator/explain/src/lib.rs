#![doc = include_str!("../README.md")]

mod action;
mod chain;
mod condition;
mod config;
mod domains;
mod explanation;
mod forward;
mod headers;
mod listener;
mod manager;
mod normal;
mod path;
mod problem;
mod redirect;
mod request;
mod route;
mod rules;
mod scopes;
mod table;
mod text;
mod trace;
mod upstream;
mod verdict;

pub use config::{Config, Messages};
pub use explanation::{
    Chain, Chosen, Explanation, Filter, Forward, HostRewrite, ListenerFound, Mirror, Outcome, Retry, RouteFound,
    Timeouts, VirtualHostFound,
};
pub use headers::{HeaderChange, HeaderChanges, HeaderOperation, Level};
pub use problem::Problem;
pub use request::{ClientCertificate, Entry, Request, Transport};
pub use rules::Rules;
pub use trace::{Candidate, Rejected, Trace};
pub use upstream::{Standing, Upstream};
