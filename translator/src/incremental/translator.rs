//! The translator: what is kept, and the steps of an update.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chancery_cache::ResourceSet;
use chancery_protocol::{ResourceName, TypeUrl};

use crate::api::{ObjectId, ParentRef, Status};
use crate::attach::{AddressFault, Classes, Gateways, Grants, Slot};
use crate::delivery::Facts;
use crate::key::ProxyId;
use crate::lower::{Memo, Policies, Slices};
use crate::options::{Bind, Delivery};
use crate::provenance::{Provenance, Provenances};
use crate::status;
use crate::translation::{Problem, ProxyResources, Translation};
use crate::{Options, World};

use super::agenda::Agenda;
use super::change::{Change, Update};
use super::dependents::Dependents;
use super::endpoints::EndpointUsers;
use super::gateways::GatewayNode;
use super::mixed::Mixed;
use super::places::Places;
use super::proxy::ProxyNode;
use super::routes::RouteNode;
use super::said::Said;

/// A translation that is kept up to date: an update costs what depends on the changed objects, however many others there are.
///
/// After any sequence of updates the outcome is, byte for byte, what [`translate`](crate::translate) makes of the same world
/// and options.
///
/// What an update does is proportional to:
/// - the routes that refer to a changed object, through a parent, a backend, a grant or the labels of a namespace;
/// - the routes of the hosts these are on;
/// - the size of the route tables and listeners they are in, which are put together anew from parts that are kept;
/// - for a changed Gateway or ListenerSet, the listeners of its proxy; where these lead routes elsewhere, their routes.
///
/// A change of endpoints makes no route anew, a change of annotations or statuses makes nothing anew. While HTTPRoutes and
/// GRPCRoutes share a listener, a change to one of them looks at the host names of all of that listener.
///
/// ```
/// use chancery_translator::{Change, Options, Translator, api::{Kind, Object, ObjectId}, translate};
///
/// let read = |value: serde_json::Value| Object::read(&value).map(|(object, _)| Change::Put(object));
/// let mut translator = Translator::new(Options::default());
/// let update = translator.update([
///     read(serde_json::json!({
///         "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": "chancery"},
///         "spec": {"controllerName": "chancery.dev/gateway-controller"}
///     }))?,
///     read(serde_json::json!({
///         "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"namespace": "shop", "name": "web"},
///         "spec": {"gatewayClassName": "chancery", "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}]}
///     }))?,
/// ]);
/// assert_eq!(update.proxies.len(), 1);
/// assert_eq!(translator.translation(), translate(translator.world(), translator.options()));
///
/// let update = translator.update([Change::Remove(ObjectId::new(Kind::Gateway, "shop", "web"))]);
/// assert_eq!(update.statuses.len(), 1, "the Gateway has no status from us any more");
/// # Ok::<(), chancery_translator::api::ReadError>(())
/// ```
#[derive(Debug)]
pub struct Translator {
    pub(super) options: Options,
    pub(super) world: World,
    pub(super) dependents: Dependents,
    // Indexes of the world.
    pub(super) classes: Classes,
    pub(super) grants: Grants,
    pub(super) slices: Slices,
    /// The ListenerSets that name a Gateway.
    pub(super) sets: BTreeMap<ObjectId, BTreeSet<ObjectId>>,
    // Gateways.
    pub(super) alone: BTreeMap<ObjectId, GatewayNode>,
    pub(super) next_slot: Slot,
    /// The Gateways of a proxy.
    pub(super) members: BTreeMap<ProxyId, BTreeSet<ObjectId>>,
    pub(super) collisions: BTreeMap<ObjectId, AddressFault>,
    pub(super) gateways: Gateways,
    // Backends.
    pub(super) policies: Policies,
    pub(super) memo: Memo,
    // Routes.
    pub(super) routes: HashMap<ObjectId, RouteNode>,
    pub(super) mixed: Mixed,
    pub(super) places: Places,
    // What comes of it.
    pub(super) proxies: BTreeMap<ProxyId, ProxyNode>,
    pub(super) endpoint_users: EndpointUsers,
    pub(super) statuses: BTreeMap<ObjectId, Status>,
    pub(super) problems: BTreeMap<ObjectId, Vec<Problem>>,
    /// The objects a Gateway's statuses are of: itself and its ListenerSets.
    pub(super) told: BTreeMap<ObjectId, Vec<ObjectId>>,
    /// Under what a policy has an effect, and by how many routes.
    pub(super) ancestors: BTreeMap<ObjectId, BTreeMap<ParentRef, usize>>,
}

impl Translator {
    /// A translator of an empty world.
    pub fn new(options: Options) -> Translator {
        Translator {
            classes: Classes::of(&World::default(), &options),
            options,
            world: World::default(),
            dependents: Dependents::default(),
            grants: Grants::default(),
            slices: Slices::default(),
            sets: BTreeMap::new(),
            alone: BTreeMap::new(),
            next_slot: 0,
            members: BTreeMap::new(),
            collisions: BTreeMap::new(),
            gateways: Gateways::default(),
            policies: Policies::default(),
            memo: Memo::default(),
            routes: HashMap::new(),
            mixed: Mixed::default(),
            places: Places::default(),
            proxies: BTreeMap::new(),
            endpoint_users: EndpointUsers::default(),
            statuses: BTreeMap::new(),
            problems: BTreeMap::new(),
            told: BTreeMap::new(),
            ancestors: BTreeMap::new(),
        }
    }

    /// Every object there is.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// What is translated with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The status of every object that has one from us.
    pub fn statuses(&self) -> &BTreeMap<ObjectId, Status> {
        &self.statuses
    }

    /// The proxies there are.
    pub fn proxies(&self) -> impl Iterator<Item = &ProxyId> {
        self.proxies.keys()
    }

    /// The resources of a proxy.
    pub fn resources(&self, proxy: &ProxyId) -> Option<&ResourceSet> {
        self.proxies.get(proxy).map(|node| &node.resources)
    }

    /// Where a resource of a proxy, and what is in it, comes from.
    pub fn provenance(&self, proxy: &ProxyId, type_url: &TypeUrl, name: &ResourceName) -> Option<Provenance> {
        let model = self.proxies.get(proxy)?.model_of(&self.slices, type_url, name.as_str());
        Provenances::of(Arc::new(model)).get(&(type_url.clone(), name.clone())).cloned()
    }

    /// Applies changes, all of them before anything comes of them.
    pub fn update(&mut self, changes: impl IntoIterator<Item = Change>) -> Update {
        let mut agenda = Agenda::default();
        for change in changes {
            self.ingest(change, &mut agenda);
        }
        self.carry_out(agenda)
    }

    /// Proxies said something new.
    pub fn observe(&mut self, delivery: Delivery) -> Update {
        let mut agenda = Agenda::default();
        if self.options.delivery != delivery {
            let before = std::mem::replace(&mut self.options.delivery, delivery);
            let (before, now) = (facts(&before), facts(&self.options.delivery));
            let of = |facts: Option<&Facts>, proxy| facts.map(|facts| facts.proxies.get(proxy).cloned());
            for (proxy, members) in &self.members {
                if of(before, proxy) != of(now, proxy) {
                    agenda.gateway_statuses.extend(members.iter().cloned());
                }
            }
        }
        self.carry_out(agenda)
    }

    /// Listeners are bound elsewhere. Looks at every Gateway.
    pub fn rebind(&mut self, bind: Bind) -> Update {
        let mut agenda = Agenda::default();
        if self.options.bind != bind {
            self.options.bind = bind;
            agenda.gateways.extend(self.world.gateways.keys().cloned());
            agenda.proxies.extend(self.members.keys().cloned());
            agenda.gateway_statuses.extend(self.alone.keys().cloned());
        }
        self.carry_out(agenda)
    }

    fn carry_out(&mut self, mut agenda: Agenda) -> Update {
        let (mut update, mut said) = (Update::default(), Said::default());
        self.settle_world(&mut agenda);
        self.say_classes(&mut agenda, &mut said);
        self.update_gateways(&mut agenda, &mut said);
        self.update_policies(&mut agenda, &mut said);
        self.update_services(&mut agenda);
        self.update_routes(&mut agenda, &mut said);
        self.update_proxies(&mut agenda, &mut update);
        self.say_gateways(&mut agenda, &mut said);
        self.say_policies(&mut agenda, &mut said);
        (update.statuses, update.problems) = (said.statuses, said.problems);
        update
    }

    fn say_classes(&mut self, agenda: &mut Agenda, said: &mut Said) {
        if !std::mem::take(&mut agenda.classes) {
            return;
        }
        let now: BTreeMap<ObjectId, Status> =
            status::classes::statuses(&self.world, &self.classes).into_iter().collect();
        let before = self.statuses.iter().filter(|(_, status)| matches!(status, Status::GatewayClass(_)));
        let gone: Vec<ObjectId> = before.map(|(id, _)| id).filter(|id| !now.contains_key(id)).cloned().collect();
        gone.iter().for_each(|id| said.say(&mut self.statuses, id, None));
        for (id, status) in now {
            said.say(&mut self.statuses, &id, Some(status));
        }
    }

    /// What is wrong with which object.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems: Vec<Problem> = self.problems.values().flatten().cloned().collect();
        problems.sort();
        problems.dedup();
        problems
    }

    /// Everything, in one value. Costs as much as there is.
    pub fn translation(&self) -> Translation {
        let proxies = self.proxies.iter().map(|(id, node)| {
            let resources = ProxyResources {
                gateways: node.gateways.clone(),
                resources: node.resources.clone(),
                provenance: Provenances::of(Arc::new(node.model(&self.slices))),
            };
            (id.clone(), resources)
        });
        Translation { proxies: proxies.collect(), statuses: self.statuses.clone(), problems: self.problems() }
    }
}

fn facts(delivery: &Delivery) -> Option<&Facts> {
    match delivery {
        Delivery::Assumed => None,
        Delivery::Observed(facts) => Some(facts),
    }
}
