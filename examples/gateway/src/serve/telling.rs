//! What a running server tells: what was read, what is wrong with it, and how proxies take it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chancery_cache::Deliveries;
use chancery_directory::Report;
use chancery_translator::api::{ObjectId, Status};
use tokio::sync::watch;

use crate::gateway_api::Current;
use crate::standing::{Standing, in_words};
use crate::table;

/// How many names one line shows.
const SHOWN: usize = 4;

/// Prints what every reading of the objects found, and each problem once.
pub(super) async fn of_objects(mut all: watch::Receiver<Arc<Current>>) {
    let (mut readings, mut before) = (0, Vec::<String>::new());
    loop {
        let current = Current::clone(&all.borrow_and_update());
        let (proxies, of_objects) =
            current.shared.read(|state| (state.translator.proxies().count(), state.translator.problems()));
        if current.readings != readings {
            readings = current.readings;
            let (objects, files) = (current.seen.world.len(), current.seen.files);
            println!("[files] {objects} objects in {files} files, for {proxies} proxies; {}", changes(&current));
        }
        let of_objects = of_objects.iter().map(|problem| current.seen.told(problem));
        let now: Vec<String> = current.seen.problems.iter().cloned().chain(of_objects).collect();
        now.iter().filter(|problem| !before.contains(problem)).for_each(|problem| println!("  {problem}"));
        if now.is_empty() && !before.is_empty() {
            println!("  all objects are good again");
        }
        before = now;
        if all.changed().await.is_err() {
            return;
        }
    }
}

/// What was changed, as far as it goes on a line.
fn changes(current: &Current) -> String {
    let world = &current.seen.world;
    let told = current.seen.changed.iter().take(SHOWN).map(|id| match world.contains(id) {
        true => id.to_string(),
        false => format!("{id} is gone"),
    });
    let mut told: Vec<String> = told.collect();
    match current.seen.changed.len() {
        0 => told.push("nothing new".to_owned()),
        all if all > SHOWN => told.push(format!("and {} more", all - SHOWN)),
        _ => {}
    }
    told.join(", ")
}

/// Prints where each Gateway can be reached, when that is new.
pub(super) async fn of_addresses(mut all: watch::Receiver<Arc<Current>>) {
    let mut last = BTreeMap::new();
    loop {
        let shared = all.borrow_and_update().shared.clone();
        let now = shared.read(|state| gateway_addresses(&state.statuses));
        for (id, addresses) in
            now.iter().filter(|(id, addresses)| !addresses.is_empty() && last.get(*id) != Some(*addresses))
        {
            println!("[{}/{}] can be reached at {addresses}", id.namespace, id.name);
        }
        last = now;
        if all.changed().await.is_err() {
            return;
        }
    }
}

fn gateway_addresses(statuses: &BTreeMap<ObjectId, Status>) -> BTreeMap<ObjectId, String> {
    let gateways = statuses.iter().filter_map(|(id, status)| match status {
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
        println!("{}", summary(&report));
        for problem in report.problems.iter().filter(|problem| !last.problems.contains(problem)) {
            println!("  {problem}");
        }
        if report.problems.is_empty() && !last.problems.is_empty() {
            println!("  all files are good again");
        }
        for dangling in report.dangling.iter().filter(|dangling| !last.dangling.contains(dangling)) {
            println!("  note: {dangling}");
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
            println!("\n{now}");
            last = now;
        }
    }
}
