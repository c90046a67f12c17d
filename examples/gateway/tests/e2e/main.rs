//! The whole thing end to end: real Envoys, a real gRPC client, the real binary.

mod binary;
mod content;
mod every_type;
mod grpc_client;
mod moving;
mod mutations;
mod plane;
mod refusals;
mod tap;

use std::time::Duration;

/// How long anything may take that takes milliseconds on an idle machine.
const PATIENCE: Duration = Duration::from_secs(60);
