//! Whether two translations are the same, and if not, the first difference.

use std::collections::BTreeMap;

use chancery_cache::ResourceSet;
use chancery_translator::api::{ObjectId, Status};

pub(crate) fn same_statuses(kept: &BTreeMap<ObjectId, Status>, anew: &BTreeMap<ObjectId, Status>, at: &str) {
    for id in kept.keys().chain(anew.keys()) {
        assert_eq!(kept.get(id), anew.get(id), "{at}: the status of {id} (kept, made anew)");
    }
}

pub(crate) fn same_resources(kept: &ResourceSet, anew: &ResourceSet, at: &str) {
    for one in kept.iter().chain(anew.iter()) {
        let (type_url, name) = (one.type_url(), one.name());
        let (kept, anew) = (kept.get(type_url, name), anew.get(type_url, name));
        assert_eq!(kept.map(|one| one.body()), anew.map(|one| one.body()), "{at}: {type_url} {name} (kept, made anew)");
        assert_eq!(kept, anew, "{at}: {type_url} {name} (kept, made anew)");
    }
}
