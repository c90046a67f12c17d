//! The work behind the doors: from what the files hold and the proxies say to what is published, run and told.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use chancery_cache::{Deliveries, GroupKey, Patch, Publisher, ResourceSet, StreamDelivery};
use chancery_files::{Reading, StatusFile};
use chancery_testkit::Bootstrap;
use chancery_translator::api::{ObjectId, Status};
use chancery_translator::{
    Bind, Change, Delivery, Facts, Options, Problem, Proxies, ProxyId, ProxyUpdate, Update, Usable, World, merge_status,
};
use tokio::sync::watch;

use super::complaints::Complaints;
use super::facts::Reached;
use super::refusals::RefusedByProxy;
use super::state::Shared;
use super::{facts, refusals};
use crate::runner::{Addresses, Runner};
use crate::standing::in_words;
use crate::voice::{self, Voice};

/// Replies come in bursts; statuses follow what a burst leads to.
const BURST: Duration = Duration::from_millis(30);

/// How things stand after the last step.
#[derive(Debug, Clone, Default)]
pub(crate) struct Current {
    /// What the files hold, what it comes to, and what is said of each object; as it is now, which may be after the last step.
    pub(crate) shared: Shared,
    /// How many times the files were read.
    pub(crate) readings: u64,
}

/// Where the proxies of this machine listen, when it runs them.
pub(super) struct Local {
    pub(super) runner: Runner,
    pub(super) addresses: Addresses,
    pub(super) privileged_port_offset: u16,
}

/// Does the work.
pub(super) struct Conductor {
    options: Options,
    publisher: Publisher,
    deliveries: Deliveries,
    /// Where proxies connect.
    server: SocketAddr,
    voice: Voice,
    local: Option<Local>,
    status_file: Option<StatusFile>,
    shared: Shared,
    /// The proxies whose groups hold all that was there for them.
    published: BTreeSet<ProxyId>,
    /// Groups whose proxies are told to serve nothing, until they have gone.
    leaving: BTreeSet<GroupKey>,
    told: Vec<RefusedByProxy>,
    complaints: Complaints,
    current: watch::Sender<Arc<Current>>,
}

impl Conductor {
    pub(super) fn new(
        options: Options,
        (publisher, deliveries): (Publisher, Deliveries),
        (server, voice): (SocketAddr, Voice),
        local: Option<Local>,
        status_file: Option<StatusFile>,
        current: watch::Sender<Arc<Current>>,
    ) -> Conductor {
        let mut observing = options.clone();
        observing.delivery = Delivery::Observed(Facts::default());
        Conductor {
            options,
            shared: Shared::new(observing),
            publisher,
            deliveries,
            server,
            voice,
            local,
            status_file,
            published: BTreeSet::new(),
            leaving: BTreeSet::new(),
            told: Vec::new(),
            complaints: Complaints::default(),
            current,
        }
    }

    /// Waits until proxies said something new, and a burst of that is over.
    pub(super) async fn heard(deliveries: &mut Deliveries) {
        deliveries.changed().await;
        tokio::time::sleep(BURST).await;
    }

    /// A handle to wait with, beside the work.
    pub(super) fn ear(&self) -> Deliveries {
        self.deliveries.clone()
    }

    /// The files hold something new.
    pub(super) fn read(&mut self, reading: &Reading) {
        let bind = self.bind_for(&reading.world);
        let change = |id: &ObjectId| match reading.world.get(id) {
            Some(object) => Change::Put(object),
            None => Change::Remove(id.clone()),
        };
        let changes: Vec<Change> = reading.changed.iter().map(change).collect();
        let update = self.shared.write(|state| {
            state.seen.take(reading);
            // The sockets first: a Gateway that is new finds its own.
            let rebound = state.translator.rebind(bind);
            let updated = state.translator.update(changes);
            [rebound, updated]
        });
        update.iter().for_each(|update| self.publish(update));
        self.run_proxies();
        let readings = self.current.borrow().readings + 1;
        let current = Current { shared: self.shared.clone(), readings };
        self.tell_of_files();
        // What is said of an object in the end counts.
        let [mut said, updated] = update;
        said.statuses.extend(updated.statuses);
        said.problems.extend(updated.problems);
        self.settle(Some((reading, current)), said);
    }

    /// The proxies said something new.
    pub(super) fn listen(&mut self) {
        self.settle(None, Update::default());
    }

    /// Ends the proxies this machine runs.
    pub(super) async fn end(self) {
        if let Some(local) = self.local {
            local.runner.stop().await;
        }
    }

    /// Finds out what the proxies made of it, and says so.
    fn settle(&mut self, fresh: Option<(&Reading, Current)>, mut told: Update) {
        let streams = self.deliveries.streams();
        let reached = if self.local.is_some() { Reached::Bound } else { Reached::BySource };
        let shared = self.shared.clone();
        let facts = shared.read(|state| facts::of(state.translator.proxies(), &streams, reached));
        let observed = shared.write(|state| state.translator.observe(Delivery::Observed(facts)));
        self.publish(&observed);
        told.problems.extend(observed.problems);
        self.complain(fresh.as_ref().map(|(reading, _)| *reading), &told.problems);
        told.statuses.extend(observed.statuses);
        let said = !told.statuses.is_empty();
        if said {
            self.say(told.statuses);
        }
        self.part(&streams);
        self.tell_of_refusals(&streams);
        if said || fresh.is_some() {
            let fresh = fresh.map(|(_, current)| current);
            let current = fresh.unwrap_or_else(|| Current::clone(&self.current.borrow()));
            self.current.send_replace(Arc::new(current));
        }
    }

    /// Says what is new of the statuses, with the time.
    fn say(&self, statuses: BTreeMap<ObjectId, Option<Status>>) {
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let controller = &self.options.controller_name;
        self.shared.write(|state| {
            for (id, desired) in statuses {
                match desired {
                    Some(desired) => {
                        let merged = merge_status(state.statuses.get(&id), desired, controller, &now);
                        state.statuses.insert(id, merged);
                    }
                    None => drop(state.statuses.remove(&id)),
                }
            }
        });
        let written = self.status_file.as_ref().map(|file| self.shared.read(|state| file.write(&state.statuses)));
        if let Some(Err(error)) = written {
            voice::complain(format!("chancery: {error}"));
        }
    }

    /// Where this world is bound: proxies this machine runs have addresses of their own.
    fn bind_for(&mut self, world: &World) -> Bind {
        let Some(local) = &mut self.local else { return self.options.bind.clone() };
        let shared = self.options.proxies == Proxies::PerClass;
        let owner = |id: &ObjectId, class: &str| match shared {
            true => class.to_owned(),
            false => ProxyId::Gateway(id.clone()).to_string(),
        };
        let owners: Vec<(ObjectId, String)> = world
            .gateways
            .iter()
            .map(|(id, gateway)| (id.clone(), owner(id, &gateway.spec.gateway_class_name)))
            .collect();
        let given = local.addresses.assign(owners.iter().map(|(_, owner)| owner.as_str()));
        let addresses = owners.iter().filter_map(|(id, owner)| Some((id.clone(), *given.get(owner)?)));
        Bind {
            addresses: addresses.collect(),
            otherwise: IpAddr::from([127, 0, 0, 1]),
            privileged_port_offset: local.privileged_port_offset,
            usable: Usable::Loopback,
        }
    }

    fn publish(&mut self, update: &Update) {
        for (proxy, update) in &update.proxies {
            match update {
                ProxyUpdate::Changed(patch) => self.publish_changes(proxy, patch),
                ProxyUpdate::Gone => self.publish_nothing(proxy),
            }
        }
    }

    fn publish_changes(&mut self, proxy: &ProxyId, patch: &Patch) {
        let group = GroupKey::new(&proxy.to_string());
        let outcome = match self.published.contains(proxy) {
            true => self.publisher.apply(&group, patch.clone()),
            // A group that is new, or did not take what came before, gets everything.
            false => {
                let all = self.shared.read(|state| state.translator.resources(proxy).cloned());
                self.publisher.publish(&group, all.unwrap_or_default())
            }
        };
        self.leaving.remove(&group);
        match outcome {
            Ok(published) => {
                let (added, changed, removed) = (published.added, published.changed, published.removed);
                if added + changed + removed > 0 {
                    self.voice.say(format!("[{proxy}] published: {added} added, {changed} changed, {removed} removed"));
                }
                self.published.insert(proxy.clone());
            }
            Err(error) => {
                self.published.remove(proxy);
                voice::complain(format!("chancery: {proxy} keeps what it has: {error}"));
            }
        }
    }

    /// A proxy whose group is removed keeps what it has: first it is told to serve nothing.
    fn publish_nothing(&mut self, proxy: &ProxyId) {
        self.published.remove(proxy);
        let group = GroupKey::new(&proxy.to_string());
        if self.publisher.publish(&group, ResourceSet::new()).is_ok() {
            self.voice.say(format!("[{proxy}] is no longer served"));
            self.leaving.insert(group);
        }
    }

    /// Removes the groups whose proxies have gone.
    fn part(&mut self, streams: &[StreamDelivery]) {
        let publisher = &self.publisher;
        self.leaving.retain(|group| {
            let is_used = streams.iter().any(|stream| stream.group == *group);
            if !is_used {
                publisher.remove_group(group);
            }
            is_used
        });
    }

    fn run_proxies(&mut self) {
        let Some(local) = &mut self.local else { return };
        let bootstrap = |proxy: &ProxyId| {
            let name = proxy.to_string();
            let text = Bootstrap::new(self.server).node(&name, &name).to_yaml();
            (name, text)
        };
        let wanted = self.shared.read(|state| state.translator.proxies().map(bootstrap).collect());
        local.runner.want(&wanted);
    }

    /// Says what was read.
    fn tell_of_files(&self) {
        let words = self.shared.read(|state| {
            let (seen, proxies) = (&state.seen, state.translator.proxies().count());
            let (objects, files) = (seen.world.len(), seen.files);
            format!("[files] {objects} objects in {files} files, for {proxies} proxies; {}", seen.changes())
        });
        self.voice.say(words);
    }

    /// Says what is wrong, as far as that is new.
    fn complain(&mut self, reading: Option<&Reading>, of_objects: &BTreeMap<ObjectId, Vec<Problem>>) {
        let complaints = &mut self.complaints;
        let words = self.shared.read(|state| complaints.note(&state.seen, reading, of_objects));
        words.into_iter().for_each(|words| self.voice.say(format!("  {words}")));
    }

    fn tell_of_refusals(&mut self, streams: &[StreamDelivery]) {
        let refused = self.shared.read(|state| refusals::of(&state.translator, streams));
        for one in refused.iter().filter(|one| !self.told.contains(one)) {
            let RefusedByProxy { proxy, type_url, name, words, origins, .. } = one;
            self.voice.say(format!("[{proxy}] refuses {} {name}: {words}", in_words(type_url)));
            for origin in origins.iter().take(3) {
                self.voice.say(format!("[{proxy}]   it comes from {origin}"));
            }
        }
        self.told = refused;
    }
}
