#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod bootstrap;
mod provision;
mod random;
mod version;
mod yaml;

#[cfg(feature = "live")]
mod admin;
#[cfg(feature = "live")]
mod certificates;
#[cfg(feature = "live")]
mod client;
#[cfg(feature = "live")]
mod codec;
#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "live")]
mod dialect;
#[cfg(feature = "live")]
mod echo;
#[cfg(feature = "live")]
mod envoy;
#[cfg(feature = "live")]
pub mod http;
#[cfg(feature = "live")]
mod load;
#[cfg(feature = "live")]
mod method;
#[cfg(feature = "live")]
mod relay;
#[cfg(feature = "live")]
pub mod request;
#[cfg(feature = "live")]
mod stream;
#[cfg(feature = "live")]
mod target;
#[cfg(feature = "live")]
mod wait;

pub use bootstrap::{
    Bootstrap, MANAGEMENT_CLUSTER, ManagementTls, Streams, Variant, aggregated_source, socket_address,
};
pub use provision::{ProvisionError, provision, provision_python, tools_directory};
pub use random::Random;
pub use version::{EnvoyVersion, UnknownVersion};

#[cfg(feature = "live")]
pub use {
    admin::{Admin, AdminError},
    certificates::{CertificateError, Issued, TestAuthority},
    client::{AckingClient, Subscription, Tally},
    dialect::{Delta, Dialect, Sotw},
    echo::Echo,
    envoy::{Envoy, Launch, LaunchError, validate},
    load::{Failure, Load, LoadReport, Pace},
    method::Method,
    relay::Relay,
    stream::{Next, RawStream, Received, Unexpected},
    target::{Target, TargetError},
    wait::{Seen, TimedOut, wait_until},
};
