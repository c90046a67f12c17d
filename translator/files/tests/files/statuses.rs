//! Statuses, written elsewhere.

use std::collections::BTreeMap;
use std::fs;

use chancery_files::{StatusFile, StatusFileError, Written};
use chancery_translator::api::{Condition, GatewayClassStatus, Kind, ObjectId, Status, Truth};

use crate::scene::Scene;

fn statuses(reason: &str) -> BTreeMap<ObjectId, Status> {
    let condition =
        Condition { kind: "Accepted".into(), status: Truth::True, reason: reason.into(), ..Default::default() };
    let status = GatewayClassStatus { conditions: vec![condition], ..Default::default() };
    let id = ObjectId::new(Kind::GatewayClass, "", "a");
    BTreeMap::from([
        (id, Status::GatewayClass(status.clone())),
        (ObjectId::new(Kind::Gateway, "b", "c"), Status::GatewayClass(status)),
    ])
}

#[test]
fn statuses_are_written_when_they_change_and_can_be_read_as_objects() {
    let (scene, source) = (Scene::with(&[]), Scene::with(&[]));
    for name in ["status.yaml", "status.json"] {
        let file = StatusFile::open(scene.path(name), source.root.path()).expect("elsewhere");
        assert_eq!(file.write(&statuses("One")).expect("to write"), Written::Changed);
        let before = fs::metadata(file.path()).and_then(|metadata| metadata.modified()).expect("a time");
        assert_eq!(file.write(&statuses("One")).expect("to write"), Written::Unchanged);
        assert_eq!(fs::metadata(file.path()).and_then(|metadata| metadata.modified()).expect("a time"), before);
        assert_eq!(file.write(&statuses("Two")).expect("to write"), Written::Changed);
        let text = fs::read_to_string(file.path()).expect("text");
        let objects = chancery_resource::located::read(text.as_bytes(), |documents, error| {
            assert_eq!(error, None);
            documents.iter().map(|document| document.to_json()).collect::<Vec<_>>()
        });
        let objects = objects.expect("yaml");
        let objects = objects[0].get("items").and_then(|items| items.as_array()).cloned().unwrap_or(objects);
        assert_eq!(objects.len(), 2);
        assert_eq!(objects[0]["kind"], "GatewayClass");
        assert_eq!(objects[1]["metadata"], serde_json::json!({"namespace": "b", "name": "c"}));
        assert_eq!(objects[1]["status"]["conditions"][0]["reason"], "Two");
    }
    let left: Vec<_> = fs::read_dir(scene.root.path()).expect("a directory").collect();
    assert_eq!(left.len(), 2, "no drafts: {left:?}");
}

#[test]
fn statuses_are_never_written_into_the_source() {
    let scene = Scene::with(&[("x/a.yaml", "")]);
    let refused = StatusFile::open(scene.path("x/status.yaml"), scene.root.path()).expect_err("within");
    assert!(matches!(refused, StatusFileError::WithinSource { .. }), "{refused}");
}
