//! The work behind the doors: from what the files hold and the proxies say to what is published, run and told.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use chancery_cache::{Deliveries, GroupKey, Publisher, ResourceSet, StreamDelivery};
use chancery_files::StatusFile;
use chancery_testkit::Bootstrap;
use chancery_translator::api::{ObjectId, Status};
use chancery_translator::{
    Bind, Delivery, Facts, Options, Proxies, ProxyId, Translation, Usable, World, merge_status, translate,
};
use tokio::sync::watch;

use super::facts::Reached;
use super::refusals::RefusedByProxy;
use super::source::Seen;
use super::{change, facts, refusals};
use crate::runner::{Addresses, Runner};
use crate::standing::in_words;
use crate::voice::Voice;

/// Replies come in bursts; statuses follow what a burst leads to.
const BURST: Duration = Duration::from_millis(30);

/// How things stand after the last step.
#[derive(Debug, Clone, Default)]
pub(crate) struct Current {
    /// What the files hold.
    pub(crate) seen: Arc<Seen>,
    /// What it comes to.
    pub(crate) translation: Arc<Translation>,
    /// What is said of each object.
    pub(crate) statuses: Arc<BTreeMap<ObjectId, Status>>,
    /// The options it was translated with.
    pub(crate) options: Arc<Options>,
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
    published: BTreeMap<ProxyId, ResourceSet>,
    /// Groups whose proxies are told to serve nothing, until they have gone.
    leaving: BTreeSet<GroupKey>,
    facts: Facts,
    told: Vec<RefusedByProxy>,
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
        Conductor {
            options,
            publisher,
            deliveries,
            server,
            voice,
            local,
            status_file,
            published: BTreeMap::new(),
            leaving: BTreeSet::new(),
            facts: Facts::default(),
            told: Vec::new(),
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
    pub(super) fn read(&mut self, seen: Arc<Seen>) {
        let mut options = self.options_for(&seen.world);
        options.delivery = Delivery::Observed(self.facts.clone());
        let translation = translate(&seen.world, &options);
        self.publish(&translation);
        self.run_proxies(&translation);
        let readings = self.current.borrow().readings + 1;
        let current = Current {
            seen,
            translation: Arc::new(translation),
            options: Arc::new(options),
            readings,
            ..Current::clone(&self.current.borrow())
        };
        self.settle(current, true);
    }

    /// The proxies said something new.
    pub(super) fn listen(&mut self) {
        let current = Current::clone(&self.current.borrow());
        self.settle(current, false);
    }

    /// Ends the proxies this machine runs.
    pub(super) async fn end(self) {
        if let Some(local) = self.local {
            local.runner.stop().await;
        }
    }

    /// Finds out what the proxies made of it, and says so.
    fn settle(&mut self, mut current: Current, fresh: bool) {
        let streams = self.deliveries.streams();
        let reached = if self.local.is_some() { Reached::Bound } else { Reached::BySource };
        let facts = facts::of(current.translation.proxies.keys(), &streams, reached);
        if facts != self.facts {
            self.facts = facts.clone();
            let mut options = Options::clone(&current.options);
            options.delivery = Delivery::Observed(facts);
            current.translation = Arc::new(translate(&current.seen.world, &options));
        } else if !fresh {
            self.part(&streams);
            self.tell_of_refusals(&current.translation, &streams);
            return;
        }
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let controller = &self.options.controller_name;
        let merged = current.translation.statuses.iter().map(|(id, desired)| {
            (id.clone(), merge_status(current.statuses.get(id), desired.clone(), controller, &now))
        });
        let statuses: BTreeMap<ObjectId, Status> = merged.collect();
        if statuses != *current.statuses {
            current.statuses = Arc::new(statuses);
            if let Some(Err(error)) = self.status_file.as_ref().map(|file| file.write(&current.statuses)) {
                eprintln!("chancery: {error}");
            }
        }
        self.part(&streams);
        self.tell_of_refusals(&current.translation, &streams);
        self.current.send_replace(Arc::new(current));
    }

    /// The options for this world: proxies this machine runs are bound to addresses of their own.
    fn options_for(&mut self, world: &World) -> Options {
        let mut options = self.options.clone();
        let Some(local) = &mut self.local else { return options };
        let shared = options.proxies == Proxies::PerClass;
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
        options.bind = Bind {
            addresses: addresses.collect(),
            otherwise: IpAddr::from([127, 0, 0, 1]),
            privileged_port_offset: local.privileged_port_offset,
            usable: Usable::Loopback,
        };
        options
    }

    fn publish(&mut self, translation: &Translation) {
        for (proxy, wanted) in &translation.proxies {
            let group = GroupKey::new(&proxy.to_string());
            let outcome = match self.published.get(proxy) {
                None => self.publisher.publish(&group, wanted.resources.clone()),
                Some(held) => self.publisher.apply(&group, change::between(held, &wanted.resources)),
            };
            self.leaving.remove(&group);
            match outcome {
                Ok(published) => {
                    let (added, changed, removed) = (published.added, published.changed, published.removed);
                    if added + changed + removed > 0 {
                        self.voice
                            .say(format!("[{proxy}] published: {added} added, {changed} changed, {removed} removed"));
                    }
                    self.published.insert(proxy.clone(), wanted.resources.clone());
                }
                Err(error) => eprintln!("chancery: {proxy} keeps what it has: {error}"),
            }
        }
        let gone: Vec<ProxyId> =
            self.published.keys().filter(|proxy| !translation.proxies.contains_key(proxy)).cloned().collect();
        for proxy in gone {
            self.published.remove(&proxy);
            // A proxy whose group is removed keeps what it has: first it is told to serve nothing.
            let group = GroupKey::new(&proxy.to_string());
            if self.publisher.publish(&group, ResourceSet::new()).is_ok() {
                self.voice.say(format!("[{proxy}] is no longer served"));
                self.leaving.insert(group);
            }
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

    fn run_proxies(&mut self, translation: &Translation) {
        let Some(local) = &mut self.local else { return };
        let bootstrap = |proxy: &ProxyId| {
            let name = proxy.to_string();
            let text = Bootstrap::new(self.server).node(&name, &name).to_yaml();
            (name, text)
        };
        local.runner.want(&translation.proxies.keys().map(bootstrap).collect());
    }

    fn tell_of_refusals(&mut self, translation: &Translation, streams: &[StreamDelivery]) {
        let refused = refusals::of(translation, streams);
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
