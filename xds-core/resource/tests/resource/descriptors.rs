//! The checked-in descriptors are those of the envoy-types version in use.

#[path = "../../examples/refresh_descriptors/source.rs"]
mod source;

#[test]
fn the_descriptors_are_those_of_the_envoy_types_version_in_use() {
    let expected = source::stripped_descriptors().expect("cargo metadata finds envoy-types");
    assert!(
        chancery_resource::file_descriptor_set() == expected,
        "out of date: run `cargo run -p chancery-resource --example refresh_descriptors`"
    );
}

#[test]
fn the_descriptors_keep_the_validation_rules() {
    let field = chancery_resource::pool()
        .get_message_by_name("envoy.config.cluster.v3.Cluster")
        .and_then(|cluster| cluster.get_field_by_name("name"))
        .expect("a cluster has a name");
    let rules = chancery_resource::pool().get_extension_by_name("validate.rules").expect("the rules are described");
    assert!(field.options().has_extension(&rules));
}
