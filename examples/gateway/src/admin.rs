//! The page that says how things stand. Read only, and for this machine only.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use chancery_cache::SnapshotCache;
use chancery_directory::Report;
use tokio::sync::watch;

use crate::standing::Standing;

#[derive(Clone)]
struct Known {
    cache: SnapshotCache,
    reports: watch::Receiver<Arc<Report>>,
}

/// `/status`: a [`Standing`] as JSON. `/healthz`: that it runs.
pub(crate) fn router(cache: SnapshotCache, reports: watch::Receiver<Arc<Report>>) -> Router {
    let known = Known { cache, reports };
    Router::new().route("/status", get(status)).route("/healthz", get(async || "ok\n")).with_state(known)
}

async fn status(State(known): State<Known>) -> Json<Standing> {
    let report = known.reports.borrow().clone();
    Json(Standing::of(&known.cache.delivery(), &report))
}
