//! The translation as a whole: attach, lower, emit, and the statuses of it all.

use std::sync::Arc;

use crate::attach::{Classes, Gateways, Grants, Routes};
use crate::emit::emit;
use crate::lower::lower;
use crate::provenance::Provenances;
use crate::status::statuses;
use crate::translation::{ProxyResources, Translation};
use crate::{Options, World};

/// Translates every object there is. There is no error: what is wrong with an object costs that object, and is said in its
/// status and in [`Translation::problems`].
///
/// The same world and options give the same bytes, in every process, whatever the order in which objects came.
///
/// ```
/// use chancery_translator::{Options, World, api::Object, translate};
///
/// let mut world = World::default();
/// for object in [
///     serde_json::json!({
///         "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": "chancery"},
///         "spec": {"controllerName": "chancery.dev/gateway-controller"}
///     }),
///     serde_json::json!({
///         "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"namespace": "shop", "name": "web"},
///         "spec": {"gatewayClassName": "chancery", "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}]}
///     }),
/// ] {
///     world.insert(Object::read(&object)?.0);
/// }
/// let translation = translate(&world, &Options::default());
/// assert_eq!(translation.proxies.len(), 1);
/// assert!(translation.problems.is_empty());
/// # Ok::<(), chancery_translator::api::ReadError>(())
/// ```
pub fn translate(world: &World, options: &Options) -> Translation {
    let classes = Classes::of(world, options);
    let grants = Grants::of(world);
    let gateways = Gateways::of(world, options, &classes, &grants);
    let routes = Routes::of(world, options, &grants, &gateways);
    let mut lowered = lower(world, options, &grants, &gateways, &routes);
    let (statuses, problems) = statuses(world, options, &classes, &gateways, &routes, &lowered);
    let proxies = std::mem::take(&mut lowered.proxies).into_iter().map(|(proxy, (gateways, model))| {
        let model = Arc::new(model);
        let resources = emit(&model, options);
        (proxy, ProxyResources { gateways, resources, provenance: Provenances::of(model) })
    });
    Translation { proxies: proxies.collect(), statuses, problems }
}
