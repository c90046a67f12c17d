//! Responses written by hand, as prost reads them.

use std::collections::BTreeMap;
use std::time::Duration;

use chancery_core::wire::{delta_body, delta_tail, sotw_body, sotw_tail};
use chancery_protocol::{
    Base, Capabilities, DeltaResponse, Digest, Dress, Nonce, Payload, Resource, ResourceName, SotwResponse, TypeUrl,
};
use envoy_types::pb::envoy::service::discovery::v3 as discovery;
use envoy_types::pb::google::protobuf::{Any, Duration as ProtoDuration};
use prost::Message;

use crate::world::{Picture, resource};

const BOTH: Capabilities = Capabilities { ttl: true, wrapped_in_sotw: true };
const NEITHER: Capabilities = Capabilities { ttl: false, wrapped_in_sotw: false };
const WRAPPER: &str = "type.googleapis.com/envoy.service.discovery.v3.Resource";

fn with_ttl(resource: &Resource, ttl: Duration) -> Resource {
    let mut parts = resource.to_parts();
    parts.ttl = Some(ttl);
    parts.aliases = vec!["alias".into()];
    Resource::from_parts(parts)
}

fn payload(resources: &[Resource]) -> Payload {
    let listed = resources.iter().map(|resource| (resource.name().clone(), Some(resource.clone()))).collect();
    Payload { base: Base::Nothing, listed }
}

fn sotw(resources: &[Resource], dress: Dress, capabilities: Capabilities) -> discovery::DiscoveryResponse {
    let response = SotwResponse {
        type_url: TypeUrl::CLUSTER,
        version: Digest::EMPTY.version(),
        nonce: Nonce(300),
        payload: payload(resources),
        dress,
        capabilities,
        content: Digest::EMPTY,
    };
    let body = sotw_body(&response, &Picture::default(), "me");
    assert_eq!(body.capacity(), body.len(), "measured exactly");
    let wire = [sotw_tail(&response, &["dynamic".into()]), body].concat();
    discovery::DiscoveryResponse::decode(&wire[..]).unwrap()
}

fn delta(response: &DeltaResponse) -> discovery::DeltaDiscoveryResponse {
    let body = delta_body(response, &Picture::default(), "me");
    assert_eq!(body.capacity(), body.len(), "measured exactly");
    let wire = [delta_tail(response, &["dynamic".into()]), body].concat();
    discovery::DeltaDiscoveryResponse::decode(&wire[..]).unwrap()
}

fn delta_of(resources: &[Resource], dress: Dress, capabilities: Capabilities) -> DeltaResponse {
    DeltaResponse {
        type_url: TypeUrl::CLUSTER,
        system_version: Digest::EMPTY.version(),
        nonce: Nonce(1),
        payload: payload(resources),
        removed: Vec::new(),
        unresolved: Vec::new(),
        dress,
        capabilities,
        content: Digest::EMPTY,
    }
}

fn any(resource: &Resource) -> Any {
    Any { type_url: resource.type_url().to_string(), value: resource.body().to_vec() }
}

fn duration(duration: Duration) -> ProtoDuration {
    ProtoDuration { seconds: duration.as_secs() as i64, nanos: duration.subsec_nanos() as i32 }
}

#[test]
fn a_state_of_the_world_response_decodes_to_what_was_meant() {
    let plain = [resource(&TypeUrl::CLUSTER, "a", vec![1; 200]), resource(&TypeUrl::CLUSTER, "b", Vec::new())];
    let read = sotw(&plain, Dress::Full, NEITHER);
    assert_eq!(read.resources, plain.each_ref().map(any));
    assert_eq!(read.version_info, Digest::EMPTY.version().as_str());
    assert_eq!(read.type_url, TypeUrl::CLUSTER.as_str());
    assert_eq!(read.nonce, "300");
    assert_eq!(read.control_plane.unwrap().identifier, "me");
    let [error] = &read.resource_errors[..] else { panic!("{:?}", read.resource_errors) };
    assert_eq!(error.resource_name.as_ref().unwrap().name, "dynamic");
    assert_eq!(error.error_detail.as_ref().unwrap().code, 3);
}

#[test]
fn p57_a_ttl_wraps_a_resource_only_for_peers_that_understand_both() {
    let ttl = Duration::from_millis(90_500);
    let lasting = with_ttl(&resource(&TypeUrl::CLUSTER, "a", vec![1; 200]), ttl);
    for capabilities in [NEITHER, Capabilities { ttl: true, ..NEITHER }, Capabilities { ttl: false, ..BOTH }] {
        assert_eq!(sotw(std::slice::from_ref(&lasting), Dress::Full, capabilities).resources, [any(&lasting)]);
    }
    let read = sotw(std::slice::from_ref(&lasting), Dress::Full, BOTH);
    let [wrapped] = &read.resources[..] else { panic!() };
    assert_eq!(wrapped.type_url, WRAPPER);
    let wrapped = discovery::Resource::decode(&wrapped.value[..]).unwrap();
    let expected = discovery::Resource {
        name: "a".into(),
        aliases: vec!["alias".into()],
        version: lasting.version().to_string(),
        resource: Some(any(&lasting)),
        ttl: Some(duration(ttl)),
        ..Default::default()
    };
    assert_eq!(wrapped, expected);
}

#[test]
fn p58_a_heartbeat_has_name_version_and_ttl_and_no_body() {
    let ttl = Duration::from_secs(60);
    let lasting = with_ttl(&resource(&TypeUrl::CLUSTER, "a", vec![1; 200]), ttl);
    let expected = discovery::Resource {
        name: "a".into(),
        version: lasting.version().to_string(),
        ttl: Some(duration(ttl)),
        ..Default::default()
    };
    let read = sotw(std::slice::from_ref(&lasting), Dress::Heartbeat, BOTH);
    assert_eq!(discovery::Resource::decode(&read.resources[0].value[..]).unwrap(), expected);
    assert_eq!(delta(&delta_of(&[lasting], Dress::Heartbeat, BOTH)).resources, [expected]);
}

#[test]
fn a_delta_response_decodes_to_what_was_meant() {
    let ttl = Duration::from_secs(5);
    let resources = [
        resource(&TypeUrl::CLUSTER, "a", vec![1; 200]),
        with_ttl(&resource(&TypeUrl::CLUSTER, "b", vec![2; 20_000]), ttl),
        resource(&TypeUrl::CLUSTER, "c", Vec::new()),
    ];
    for capabilities in [BOTH, NEITHER] {
        let mut response = delta_of(&resources, Dress::Full, capabilities);
        response.removed = vec!["gone".into(), "".into()];
        response.unresolved = vec!["r/x.example".into()];
        let read = delta(&response);
        let [a, b, c, unresolved] = &read.resources[..] else { panic!("{}", read.resources.len()) };
        for (read, meant) in [(a, &resources[0]), (b, &resources[1]), (c, &resources[2])] {
            assert_eq!(read.name, meant.name().as_str());
            assert_eq!(read.version, meant.version().as_str());
            assert_eq!(read.resource, Some(any(meant)));
        }
        assert_eq!(b.ttl, capabilities.ttl.then(|| duration(ttl)));
        assert_eq!((&a.ttl, &a.aliases), (&None, &Vec::new()));
        assert_eq!(b.aliases, ["alias"]);
        let alone = discovery::Resource {
            name: "r/x.example".into(),
            aliases: vec!["r/x.example".into()],
            ..Default::default()
        };
        assert_eq!(unresolved, &alone);
        assert_eq!(read.removed_resources, ["gone", ""]);
        let errors: BTreeMap<String, i32> = read
            .resource_errors
            .into_iter()
            .map(|error| (error.resource_name.unwrap().name, error.error_detail.unwrap().code))
            .collect();
        assert_eq!(errors, BTreeMap::from([("gone".into(), 5), (String::new(), 5), ("dynamic".into(), 3)]));
        assert_eq!(read.system_version_info, Digest::EMPTY.version().as_str());
        assert_eq!((read.nonce.as_str(), read.type_url.as_str()), ("1", TypeUrl::CLUSTER.as_str()));
        assert_eq!(read.control_plane.unwrap().identifier, "me");
    }
}

#[test]
fn a_wildcard_base_is_written_from_the_view_in_the_order_of_names() {
    let view = Picture::of(["c", "a", "b"].map(|name| resource(&TypeUrl::CLUSTER, name, vec![1])));
    let listed = [(ResourceName::new("b"), None)].into_iter().collect();
    let mut response = delta_of(&[], Dress::Full, NEITHER);
    response.payload = Payload { base: Base::Wildcard, listed };
    let wire = delta_body(&response, &view, "");
    let read = discovery::DeltaDiscoveryResponse::decode(&wire[..]).unwrap();
    let names: Vec<&str> = read.resources.iter().map(|resource| resource.name.as_str()).collect();
    assert_eq!(names, ["a", "c"]);
    assert_eq!(read.control_plane, None);
}
