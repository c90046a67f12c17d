//! gRPC health: NOT_SERVING until you say that the source is ready, and again when the server drains.

use futures::FutureExt;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

use crate::service::catalog;

/// The server's health, as `grpc.health.v1.Health` reports it: for the server as a whole (the empty service name) and
/// for each discovery service by name. Cheap to clone; clones are the same.
///
/// It starts as NOT_SERVING. Say [`ready`](Health::ready) when the source has its first complete state.
#[derive(Debug, Clone)]
pub struct Health(HealthReporter);

impl Default for Health {
    fn default() -> Health {
        Health::new()
    }
}

impl Health {
    /// A health that is NOT_SERVING.
    pub fn new() -> Health {
        let health = Health(HealthReporter::new());
        // Nobody else has the reporter yet, so this does not wait.
        let _ = health.not_ready().now_or_never();
        health
    }

    /// Reports SERVING from now on.
    pub async fn ready(&self) {
        self.report(ServingStatus::Serving).await;
    }

    /// Reports NOT_SERVING from now on.
    pub async fn not_ready(&self) {
        self.report(ServingStatus::NotServing).await;
    }

    async fn report(&self, status: ServingStatus) {
        for service in catalog::service_names().chain([""]) {
            self.0.set_service_status(service, status).await;
        }
    }

    pub(crate) fn service(&self) -> HealthServer<HealthService> {
        HealthServer::new(HealthService::from_health_reporter(self.0.clone()))
    }
}
