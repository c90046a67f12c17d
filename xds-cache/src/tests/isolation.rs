//! No view ever holds another group's resource: every resource is tainted with the group it was published for.

use chancery_protocol::{Epoch, TypeUrl, View, Watch};
use proptest::prelude::*;

use crate::fixtures::*;
use crate::*;

const GROUPS: [&str; 3] = ["red", "green", "blue"];
const TYPES: [TypeUrl; 3] = [TypeUrl::CLUSTER, TypeUrl::SECRET, TypeUrl::LISTENER];

fn check(view: &GroupView, group: &str, since: &[Option<Epoch>]) {
    for (at, type_url) in TYPES.iter().enumerate() {
        let changes = since[at].and_then(|since| view.changed_since(type_url, since));
        let changed: Vec<_> = changes.iter().flat_map(|changes| changes.iter().cloned()).collect();
        let changed = changed.iter().flat_map(|change| [&change.before, &change.after]).flatten();
        for resource in view.iter(type_url).chain(changed) {
            let taint = std::str::from_utf8(resource.body()).unwrap();
            assert!(taint == group || taint == "base", "{group} sees a resource of {taint}");
        }
        for name in 0..4u8 {
            let by_name = view.get(type_url, &name.to_string().as_str().into());
            let by_alias = view.by_alias(type_url, &format!("alias-{name}").as_str().into());
            for resource in by_name.into_iter().chain(by_alias) {
                assert!([group, "base"].contains(&std::str::from_utf8(resource.body()).unwrap()));
            }
        }
    }
}

proptest! {
    #[test]
    fn no_view_ever_holds_another_group_s_resource(
        steps in prop::collection::vec((0..4usize, 0..3usize, 0..4u8, any::<bool>(), 0..4u8), 1..60)
    ) {
        let (cache, publisher) = SnapshotCache::new(ByNodeId);
        let mut watches = GROUPS.map(|group| {
            publisher.publish(&group.into(), set([])).unwrap();
            seat(&cache, 1, group)
        });
        let mut since = [[None; 3]; 3];
        for (whose, kind, name, upserts, named) in steps {
            let type_url = TYPES[kind].clone();
            let taint = GROUPS.get(whose).copied().unwrap_or("base");
            let patch = if upserts {
                let resource = make(type_url, &name.to_string(), taint).alias(&format!("alias-{name}"));
                upsert(resource.names(TypeUrl::SECRET, &named.to_string()).done())
            } else {
                remove(type_url, &name.to_string())
            };
            match GROUPS.get(whose) {
                Some(group) => publisher.apply(&(*group).into(), patch).unwrap(),
                None => publisher.apply_base(patch).unwrap(),
            };
            for (at, watch) in watches.iter_mut().enumerate() {
                let view = watch.latest().unwrap();
                check(&view, GROUPS[at], &since[at]);
                since[at] = TYPES.each_ref().map(|type_url| view.epoch(type_url));
                for other in (0..3).filter(|other| *other != at) {
                    for type_url in &TYPES {
                        let foreign = since[other].iter().flatten();
                        prop_assert!(foreign.clone().all(|epoch| view.changed_since(type_url, *epoch).is_none()));
                    }
                }
            }
        }
    }
}
