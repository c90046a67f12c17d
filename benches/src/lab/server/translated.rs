//! A server over a kept translation, whose objects are edited without saying anything new.

use std::sync::Arc;

use chancery_cache::{EveryoneTogether, GroupKey, Publisher, ResourceSet, SnapshotCache};
use chancery_protocol::TypeUrl;
use chancery_translator::{Change, Options, ProxyUpdate, Translator};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::{Obedient, chancery};
use crate::lab::setting::Setting;
use crate::lab::usage::Counts;
use crate::shops;
use crate::stand::Failure;

/// The namespaces the routes are spread over.
const NAMESPACES: usize = 10;

pub(super) struct Translated {
    translator: Translator,
    publisher: Publisher,
    served: ResourceSet,
    routes: usize,
    counts: Arc<Counts>,
}

impl Translated {
    pub(super) fn start(
        runtime: &Runtime,
        listener: TcpListener,
        setting: &Setting,
        counts: &Arc<Counts>,
    ) -> Result<Translated, Failure> {
        let world = shops::world(setting.resources, NAMESPACES);
        let kinds = chancery_translator::api::Kind::ALL.into_iter();
        let objects = kinds.flat_map(|kind| world.ids(kind)).filter_map(|id| world.get(&id)).map(Change::Put);
        let mut translator = Translator::new(Options::default());
        translator.update(objects.collect::<Vec<_>>());
        let proxy = translator.translation().proxies.into_values().next().ok_or("nothing is served")?;
        let served = ResourceSet::clone(&proxy.resources);
        let (cache, publisher) = SnapshotCache::new(EveryoneTogether);
        publisher.publish(&GroupKey::everyone(), served.clone())?;
        chancery::run(runtime, listener, setting, cache, counts)?;
        Ok(Translated { translator, publisher, served, routes: setting.resources, counts: Arc::clone(counts) })
    }

    fn update(&mut self, change: Change) -> Result<(), Failure> {
        let update = self.translator.update([change]);
        self.counts.updated(update.is_empty());
        for proxy in update.proxies.into_values() {
            if let ProxyUpdate::Changed(patch) = proxy {
                self.publisher.apply(&GroupKey::everyone(), patch)?;
                self.counts.published();
            }
        }
        Ok(())
    }
}

impl Obedient for Translated {
    /// A change that does say something, to see that changes arrive at all.
    fn change(&mut self, revision: usize, _number: usize) -> Result<(), Failure> {
        self.update(shops::edited_slice(revision % 2 == 1))
    }

    fn edit(&mut self, number: usize) -> Result<(), Failure> {
        self.update(edited(number, self.routes))
    }

    fn names(&self, type_url: &TypeUrl) -> Vec<String> {
        let of_type = self.served.iter().filter(|resource| resource.type_url() == type_url);
        of_type.map(|resource| resource.name().as_str().to_owned()).collect()
    }
}

/// An edit of one of these routes that says nothing new: every second one has another annotation, the others another status.
pub(super) fn edited(number: usize, routes: usize) -> Change {
    shops::annotated_route(number % routes, NAMESPACES, number)
}
