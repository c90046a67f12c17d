//! The page that says how a plane of Gateway API objects stands. Read only, and for this machine only.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use chancery_cache::SnapshotCache;
use chancery_translator::Translator;
use tokio::sync::watch;

use super::conductor::Current;
use super::{documents, refusals, rows};
use crate::rendered::Served;
use crate::runner::Processes;
use crate::standing::{Proxy, Standing, in_words};

/// What the page tells of.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) cache: SnapshotCache,
    pub(super) current: watch::Receiver<Arc<Current>>,
    /// Those this machine runs, if it runs any.
    pub(super) processes: Option<watch::Receiver<Processes>>,
}

/// `/status`: a [`Standing`] as JSON. `/status/objects`: the statuses of all objects. `/resources`: what is served, without
/// private keys. `/healthz`: that it runs.
pub(super) fn router(known: Known) -> Router {
    Router::new()
        .route("/status", get(async |State(known): State<Known>| Json(standing(&known))))
        .route("/status/objects", get(objects))
        .route("/resources", get(resources))
        .route("/healthz", get(async || "ok\n"))
        .with_state(known)
}

async fn objects(State(known): State<Known>) -> Json<serde_json::Value> {
    let shared = known.current.borrow().shared.clone();
    Json(shared.read(|state| documents::list(&state.statuses)))
}

async fn resources(State(known): State<Known>) -> Json<Served> {
    let shared = known.current.borrow().shared.clone();
    Json(shared.read(|state| Served::of(&state.translator.translation(), state.translator.options())))
}

/// How it stands.
pub(super) fn standing(known: &Known) -> Standing {
    let current = known.current.borrow().clone();
    let streams = known.cache.delivery().streams();
    let (files, resources, problems, refused, objects) = current.shared.read(|state| {
        let (seen, translator) = (&state.seen, &state.translator);
        let refused = refusals::of(translator, &streams);
        (seen.files, counted(translator), state.problems(), refused, rows(&state.statuses))
    });
    let mut proxies: Vec<Proxy> = streams.into_iter().map(Proxy::of).collect();
    for proxy in &mut proxies {
        for (asked, one) in proxy.types.iter_mut().flat_map(|asked| {
            let kind = asked.type_url.clone();
            asked.nacked.iter_mut().map(move |one| (kind.clone(), one))
        }) {
            let same = |known: &&refusals::RefusedByProxy| {
                known.stream == proxy.stream && known.type_url.as_str() == asked && known.name.as_str() == one.name
            };
            if let Some(known) = refused.iter().find(same) {
                one.origins = known.origins.iter().map(ToString::to_string).collect();
            }
        }
    }
    Standing {
        files,
        resources,
        problems,
        dangling: Vec::new(),
        objects,
        processes: known.processes.as_ref().map(|processes| processes.borrow().clone()).unwrap_or_default(),
        proxies,
    }
}

/// How many resources there are of each type.
fn counted(translator: &Translator) -> BTreeMap<String, usize> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let sets = translator.proxies().filter_map(|proxy| translator.resources(proxy));
    for resource in sets.flat_map(|set| set.iter()) {
        *counts.entry(in_words(resource.type_url())).or_default() += 1;
    }
    counts
}
