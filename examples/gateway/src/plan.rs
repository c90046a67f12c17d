//! `chancery plan`: what a changed directory would change for proxies, and what that risks.

mod risk;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use chancery_testkit::http;
use chancery_translator::Options;
use serde::Serialize;

use crate::command::PlanChanges;
use crate::rendered::{Rendered, RenderedProxy, RenderedResource, Served};
use crate::table::aligned;
use crate::{Failure, gateway_api, output};
use risk::Risk;

/// What changes.
#[derive(Debug, Serialize)]
struct Changes {
    /// The highest of the risks.
    risk: Risk,
    /// Every resource that differs, and only those.
    changes: Vec<Change>,
}

/// One resource that differs.
#[derive(Debug, Serialize)]
struct Change {
    proxy: String,
    #[serde(rename = "type")]
    kind: String,
    name: String,
    change: Kind,
    risk: Risk,
    /// What proxies do about it.
    effect: &'static str,
    /// The objects and fields it comes from.
    origins: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Added,
    Changed,
    Removed,
}

pub(crate) async fn run(arguments: &PlanChanges) -> Result<ExitCode, Failure> {
    let own = gateway_api::options(&arguments.translating);
    let (old, new) = match (arguments.directories.as_slice(), arguments.server) {
        ([new], Some(server)) => {
            let served = served(server).await?;
            let mut options = served.options();
            if !arguments.translating.route_tables.is_empty() || arguments.translating.former_route_tables.is_some() {
                options.route_tables = own.route_tables;
            }
            if arguments.translating.oldest_envoy.is_some() {
                options.envoy_floor = own.envoy_floor;
            }
            let new = translated(new, &options)?;
            (served.rendered, new)
        }
        ([old, new], None) => (translated(old, &own)?, translated(new, &own)?),
        ([_], None) => return Err("give two directories, or one and --server".into()),
        _ => return Err("--server stands for the first of two directories: give one".into()),
    };
    let changes = Changes::between(&old, &new);
    print!("{}", output::render(&changes, arguments.output, || changes.table())?);
    let differ = !changes.changes.is_empty();
    Ok(if arguments.exit_code && differ { ExitCode::from(2) } else { ExitCode::SUCCESS })
}

fn translated(directory: &Path, options: &Options) -> Result<Rendered, Failure> {
    let seen = gateway_api::read(directory)?;
    Ok(Rendered::of(&chancery_translator::translate(&seen.world, options)))
}

async fn served(server: SocketAddr) -> Result<Served, Failure> {
    let asked = http::get(server, &server.to_string(), "/resources").await;
    let answer = asked.map_err(|error| format!("{error}; is `chancery serve --gateway-api` running there?"))?;
    if answer.status != 200 {
        return Err(format!("{server} answered {}: it does not serve Gateway API objects", answer.status).into());
    }
    Ok(serde_json::from_slice(&answer.body)?)
}

impl Changes {
    fn between(old: &Rendered, new: &Rendered) -> Changes {
        let nothing = RenderedProxy::default();
        let proxies: BTreeSet<&String> = old.proxies.keys().chain(new.proxies.keys()).collect();
        let mut changes = Vec::new();
        for name in proxies {
            let (before, after) = (old.proxies.get(name), new.proxies.get(name));
            changes.extend(of_proxy(name, before.unwrap_or(&nothing), after.unwrap_or(&nothing)));
        }
        let risk = changes.iter().map(|change| change.risk).max().unwrap_or(Risk::None);
        Changes { risk, changes }
    }

    fn table(&self) -> String {
        let mut rows = vec![["PROXY", "CHANGE", "TYPE", "NAME", "RISK", "EFFECT"].map(str::to_owned)];
        let mut counts: BTreeMap<Risk, usize> = BTreeMap::new();
        for change in &self.changes {
            let kind = match change.change {
                Kind::Added => "added",
                Kind::Changed => "changed",
                Kind::Removed => "removed",
            };
            let risk = change.risk.in_words().to_owned();
            let Change { proxy, kind: type_of, name, effect, .. } = change;
            rows.push([proxy.clone(), kind.into(), type_of.clone(), name.clone(), risk, (*effect).to_owned()]);
            *counts.entry(change.risk).or_default() += 1;
        }
        if self.changes.is_empty() {
            return "No change for any proxy.\n".to_owned();
        }
        let mut text = aligned(&rows);
        let counts: Vec<String> = counts.iter().map(|(risk, count)| format!("{count} {}", risk.in_words())).collect();
        let _ = writeln!(
            text,
            "\n{} changes: {}. Highest risk: {}.",
            self.changes.len(),
            counts.join(", "),
            self.risk.in_words()
        );
        text
    }
}

fn of_proxy(proxy: &str, old: &RenderedProxy, new: &RenderedProxy) -> Vec<Change> {
    fn by_key(proxy: &RenderedProxy) -> BTreeMap<(&str, &str), &RenderedResource> {
        proxy.resources.iter().map(|one| ((one.type_url.as_str(), one.name.as_str()), one)).collect()
    }
    let (before, after) = (by_key(old), by_key(new));
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let mut changes = Vec::new();
    for key in keys {
        let (change, (risk, effect), shown) = match (before.get(key), after.get(key)) {
            (Some(old), Some(new)) if old.version == new.version => continue,
            (Some(old), Some(new)) => (Kind::Changed, risk::of_change(old, new), new),
            (None, Some(new)) => (Kind::Added, risk::of_addition(new), new),
            (Some(old), None) => (Kind::Removed, risk::of_removal(old), old),
            (None, None) => continue,
        };
        changes.push(Change {
            proxy: proxy.to_owned(),
            kind: shown.kind(),
            name: shown.name.clone(),
            change,
            risk,
            effect,
            origins: shown.origins.clone(),
        });
    }
    changes
}
