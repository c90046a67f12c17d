//! What somebody knows who only hears of updates.

use std::collections::{BTreeMap, BTreeSet};

use chancery_cache::ResourceSet;
use chancery_translator::api::{ObjectId, Status};
use chancery_translator::{Problem, ProxyId, ProxyUpdate, Translation, Update};

use crate::worlds::same::{same_resources, same_statuses};

#[derive(Debug, Default)]
pub(crate) struct Shadow {
    proxies: BTreeMap<ProxyId, ResourceSet>,
    statuses: BTreeMap<ObjectId, Status>,
    problems: BTreeMap<ObjectId, Vec<Problem>>,
}

impl Shadow {
    /// Takes an update in; nothing in it may be what was known before.
    pub(crate) fn apply(&mut self, update: Update, seed: u64, step: usize) {
        for (id, update) in update.proxies {
            match update {
                ProxyUpdate::Gone => {
                    assert!(self.proxies.remove(&id).is_some(), "seed {seed}, step {step}: {id} was not there");
                }
                ProxyUpdate::Changed(patch) => {
                    assert!(
                        !patch.is_empty() || !self.proxies.contains_key(&id),
                        "seed {seed}, step {step}: {id} changed in nothing"
                    );
                    let held = self.proxies.entry(id.clone()).or_default();
                    for (type_url, name, resource) in patch.iter() {
                        let before = match resource {
                            Some(resource) => held.replace(resource.clone()),
                            None => held.remove(type_url, name),
                        };
                        assert!(
                            before.as_ref() != resource,
                            "seed {seed}, step {step}: {type_url} {name} is not new to {id}"
                        );
                    }
                }
            }
        }
        for (id, status) in update.statuses {
            let before = match status.clone() {
                Some(status) => self.statuses.insert(id.clone(), status),
                None => self.statuses.remove(&id),
            };
            assert!(before != status, "seed {seed}, step {step}: the status of {id} is not new");
        }
        for (id, problems) in update.problems {
            let before = match problems.is_empty() {
                true => self.problems.remove(&id),
                false => self.problems.insert(id.clone(), problems.clone()),
            };
            assert!(
                before.unwrap_or_default() != problems,
                "seed {seed}, step {step}: the problems of {id} are not new"
            );
        }
    }

    pub(crate) fn compare(&self, anew: &Translation, seed: u64, step: usize) {
        let at = format!("seed {seed}, step {step}, told by updates");
        let ids: Vec<_> = anew.proxies.keys().collect();
        assert_eq!(self.proxies.keys().collect::<Vec<_>>(), ids, "{at}: the proxies");
        for (id, proxy) in &anew.proxies {
            same_resources(&self.proxies[id], &proxy.resources, &format!("{at}: {id}"));
        }
        same_statuses(&self.statuses, &anew.statuses, &at);
        let problems: BTreeSet<&Problem> = self.problems.values().flatten().collect();
        assert_eq!(problems, anew.problems.iter().collect(), "{at}: the problems");
    }
}

/// Compares what is kept with what was made anew, the smallest difference first.
pub(crate) fn compare(kept: &Translation, anew: &Translation, seed: u64, step: usize) {
    let at = format!("seed {seed}, step {step}");
    same_statuses(&kept.statuses, &anew.statuses, &at);
    assert_eq!(kept.problems, anew.problems, "{at}: the problems");
    let ids = |translation: &Translation| translation.proxies.keys().cloned().collect::<Vec<_>>();
    assert_eq!(ids(kept), ids(anew), "{at}: the proxies");
    for (id, proxy) in &anew.proxies {
        assert_eq!(kept.proxies[id].gateways, proxy.gateways, "{at}: the Gateways of {id}");
        same_resources(&kept.proxies[id].resources, &proxy.resources, &format!("{at}: {id}"));
        assert_eq!(*kept.proxies[id].provenance, *proxy.provenance, "{at}: where the resources of {id} come from");
    }
}
