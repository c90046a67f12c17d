//! What a running server tells: where Gateways are, what files hold, and how proxies take it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chancery_cache::Deliveries;
use chancery_directory::Report;
use chancery_translator::api::{Kind, ObjectId, Status};
use tokio::sync::watch;

use crate::gateway_api::Current;
use crate::standing::{Standing, in_words};
use crate::table;
use crate::voice::Voice;

/// Prints where each Gateway can be reached, when that is new.
pub(super) async fn of_addresses(mut all: watch::Receiver<Arc<Current>>) {
    let mut last = BTreeMap::new();
    loop {
        let shared = all.borrow_and_update().shared.clone();
        let now = shared.read(|state| gateway_addresses(&state.statuses));
        for (id, addresses) in
            now.iter().filter(|(id, addresses)| !addresses.is_empty() && last.get(*id) != Some(*addresses))
        {
            Voice::Aloud.say(format!("[{}/{}] can be reached at {addresses}", id.namespace, id.name));
        }
        last = now;
        if all.changed().await.is_err() {
            return;
        }
    }
}

fn gateway_addresses(statuses: &BTreeMap<ObjectId, Status>) -> BTreeMap<ObjectId, String> {
    // Objects of a kind stand together.
    let from_here = statuses.range(ObjectId::new(Kind::Gateway, "", "")..);
    let gateways = from_here.map_while(|(id, status)| match status {
        Status::Gateway(status) => Some((id, status)),
        _ => None,
    });
    let addresses = gateways.map(|(id, status)| {
        let addresses: Vec<&str> = status.addresses.iter().map(|address| address.value.as_str()).collect();
        (id.clone(), addresses.join(", "))
    });
    addresses.collect()
}

/// Prints what every reading of the directory found, and each problem once.
pub(super) async fn of_files(mut reports: watch::Receiver<Arc<Report>>) {
    let mut last = Arc::<Report>::default();
    loop {
        let report = reports.borrow_and_update().clone();
        Voice::Aloud.say(summary(&report));
        for problem in report.problems.iter().filter(|problem| !last.problems.contains(problem)) {
            Voice::Aloud.say(format!("  {problem}"));
        }
        if report.problems.is_empty() && !last.problems.is_empty() {
            Voice::Aloud.say("  all files are good again");
        }
        for dangling in report.dangling.iter().filter(|dangling| !last.dangling.contains(dangling)) {
            Voice::Aloud.say(format!("  note: {dangling}"));
        }
        last = report;
        if reports.changed().await.is_err() {
            return;
        }
    }
}

fn summary(report: &Report) -> String {
    let counts: Vec<String> =
        report.resources.iter().map(|(type_url, count)| format!("{count} {}", in_words(type_url))).collect();
    let counts = if counts.is_empty() { "no resources".to_owned() } else { counts.join(", ") };
    let changes = report.counts;
    format!(
        "[files] {counts} from {} files: {} added, {} changed, {} removed",
        report.files, changes.added, changes.changed, changes.removed
    )
}

/// Prints the table whenever it differs from the one before.
pub(super) async fn of_standing(mut deliveries: Deliveries, standing: impl Fn() -> Standing) {
    let mut last = String::new();
    loop {
        deliveries.changed().await;
        // Replies come in bursts; only what they lead to is of interest.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let now = table::render(&standing());
        if now != last {
            Voice::Aloud.say(format!("\n{now}"));
            last = now;
        }
    }
}
