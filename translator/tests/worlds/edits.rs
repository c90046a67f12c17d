//! One thing changed of an object that is there.

use std::sync::Arc;

use chancery_testkit::Random;
use chancery_translator::World;
use chancery_translator::api::Object;

use super::objects::hostnames;

/// The same object with other annotations, or with what somebody says of it.
pub(crate) fn noted(object: &Object, random: &mut Random) -> Object {
    let note = random.below(1000).to_string();
    let mut object = object.clone();
    match &mut object {
        Object::HttpRoute(route) => drop(Arc::make_mut(route).metadata.annotations.insert("note".into(), note)),
        Object::Gateway(one) => drop(Arc::make_mut(one).metadata.annotations.insert("note".into(), note)),
        Object::Service(one) => {
            let annotations = &mut Arc::make_mut(one).metadata.annotations;
            annotations.get_or_insert_default().insert("note".into(), note);
        }
        Object::EndpointSlice(one) => {
            let annotations = &mut Arc::make_mut(one).metadata.annotations;
            annotations.get_or_insert_default().insert("note".into(), note);
        }
        _ => {}
    }
    object
}

/// The object of that name, or another of its kind.
pub(crate) fn known(world: &World, object: &Object) -> Option<Object> {
    let id = object.id();
    world.get(&id).or_else(|| world.get(world.ids(id.kind).first()?))
}

/// The same object with one thing changed: where everything changes, little is seen of what should not.
pub(crate) fn edited(object: &Object, random: &mut Random) -> Object {
    let created = (!random.one_in(4)).then(|| format!("2026-01-0{}T00:00:00Z", 1 + random.below(3)));
    let hosts: Vec<Arc<str>> = hostnames(random).into_iter().map(Arc::from).collect();
    let ages = random.one_in(3);
    let mut object = object.clone();
    macro_rules! route {
        ($route:expr) => {{
            let route = Arc::make_mut($route);
            match ages {
                true => route.metadata.creation_timestamp = created,
                false => route.spec.hostnames = hosts,
            }
        }};
    }
    match &mut object {
        Object::HttpRoute(route) => route!(route),
        Object::GrpcRoute(route) => route!(route),
        Object::TlsRoute(route) | Object::TcpRoute(route) | Object::UdpRoute(route) => route!(route),
        Object::Gateway(gateway) => {
            let gateway = Arc::make_mut(gateway);
            match (ages, gateway.spec.listeners.first_mut()) {
                (false, Some(listener)) => listener.hostname = hosts.first().map(ToString::to_string).map(Into::into),
                _ => gateway.metadata.creation_timestamp = created,
            }
        }
        Object::ListenerSet(set) => Arc::make_mut(set).metadata.creation_timestamp = created,
        Object::BackendTlsPolicy(policy) => Arc::make_mut(policy).metadata.creation_timestamp = created,
        _ => {}
    }
    object
}
