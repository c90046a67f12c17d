//! What a group holds at one time, and what its peers see of it: immutable, and cheap to derive the next one from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use chancery_protocol::{Changes, Digest, Epoch, Reference, Resource, ResourceName, TypeUrl, Version, View};

use crate::collection::{Collection, Touch};
use crate::consistency::{Faults, Ground, recheck};
use crate::layer::{Layer, Step, difference};
use crate::overlay::Overlay;
use crate::{Options, Readiness};

/// Types with a publisher of their own.
pub(crate) type Claims = BTreeSet<TypeUrl>;

/// Both layers of one group, composed.
#[derive(Default)]
pub(crate) struct Snapshot {
    base: Arc<Layer>,
    own: Arc<Layer>,
    claims: Arc<Claims>,
    /// What can be seen of each type; a type that never held anything has none.
    overlays: BTreeMap<TypeUrl, Arc<Overlay>>,
    faults: Faults,
}

impl Snapshot {
    pub(crate) fn base(&self) -> &Arc<Layer> {
        &self.base
    }

    pub(crate) fn own(&self) -> &Arc<Layer> {
        &self.own
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.faults
    }

    pub(crate) fn overlay(&self, type_url: &TypeUrl) -> Option<&Arc<Overlay>> {
        self.overlays.get(type_url)
    }

    /// The types that hold something, or once did.
    pub(crate) fn types(&self) -> impl Iterator<Item = &TypeUrl> {
        self.overlays.keys()
    }

    /// The resource of this name in either layer, whether or not peers may see it.
    pub(crate) fn raw(&self, type_url: &TypeUrl, name: &ResourceName) -> Option<&Resource> {
        self.ground().get(type_url, name)
    }

    fn ground(&self) -> Ground<'_> {
        Ground { base: &self.base, own: &self.own, claims: &self.claims }
    }

    /// The snapshot after a step of the group's own layer.
    pub(crate) fn with_own(&self, own: Layer, step: &Step, claims: &Arc<Claims>, options: &Options) -> Snapshot {
        let mut composed = Step::default();
        for (type_url, touches) in step.iter() {
            let under = |touch: &Touch| self.base.get(type_url, &touch.name).cloned();
            let compose = |touch: &Touch| Touch {
                name: touch.name.clone(),
                before: touch.before.clone().or_else(|| under(touch)),
                after: touch.after.clone().or_else(|| under(touch)),
            };
            composed.add(type_url, touches.iter().map(compose).collect());
        }
        self.advance(self.base.clone(), Arc::new(own), claims, &composed, options)
    }

    /// The snapshot after a step of the base, and whether peers of the group can tell.
    ///
    /// Costs O(changed) lookups in the own layer, for each group.
    pub(crate) fn with_base(
        &self,
        base: Arc<Layer>,
        step: &Step,
        claims: &Arc<Claims>,
        options: &Options,
    ) -> (Snapshot, bool) {
        let mut composed = Step::default();
        for (type_url, touches) in step.iter() {
            let visible = touches.iter().filter(|touch| self.own.get(type_url, &touch.name).is_none());
            composed.add(type_url, visible.cloned().collect());
        }
        let mut next = self.advance(base, self.own.clone(), claims, &composed, options);
        // A step that is wholly hidden still moves the epochs.
        for (type_url, _) in step.iter().filter(|(type_url, _)| !options.secrets.gates(type_url)) {
            if composed.of_type(type_url).is_empty() {
                next.compose(type_url, &[], options);
            }
        }
        (next, composed.has_changes())
    }

    fn advance(
        &self,
        base: Arc<Layer>,
        own: Arc<Layer>,
        claims: &Arc<Claims>,
        composed: &Step,
        options: &Options,
    ) -> Snapshot {
        let now = Ground { base: &base, own: &own, claims };
        let learned: Vec<TypeUrl> =
            claims.iter().filter(|type_url| now.knows(type_url) && !self.ground().knows(type_url)).cloned().collect();
        let faults = recheck(&self.faults, composed, &learned, now, &options.externals);
        let mut next = Snapshot { base, own, claims: claims.clone(), overlays: self.overlays.clone(), faults };
        for (type_url, touches) in composed.iter().filter(|(type_url, _)| !options.secrets.gates(type_url)) {
            next.compose(type_url, touches, options);
        }
        if options.secrets.gates(&TypeUrl::SECRET) {
            next.reveal(composed, options);
        }
        next
    }

    fn compose(&mut self, type_url: &TypeUrl, touches: &[Touch], options: &Options) {
        let (base, own) = (self.base.collection(type_url), self.own.collection(type_url));
        self.overlay_after(type_url, base, own, touches, options);
    }

    fn overlay_after(
        &mut self,
        type_url: &TypeUrl,
        base: Arc<Collection>,
        own: Arc<Collection>,
        touches: &[Touch],
        options: &Options,
    ) {
        let overlay = self.overlays.entry(type_url.clone()).or_default();
        *overlay = Arc::new(overlay.after(base, own, touches, &options.history));
    }

    /// Lets in the secrets the commit made visible and shuts out those it made invisible. What is visible is a
    /// collection of its own, with its own history: a secret comes and goes with the references to it.
    fn reveal(&mut self, composed: &Step, options: &Options) {
        let ground = self.ground();
        let mut candidates: BTreeSet<&ResourceName> =
            composed.of_type(&TypeUrl::SECRET).iter().map(|touch| &touch.name).collect();
        for (_, touch) in composed.touches() {
            let (dropped, gained) = difference(touch);
            for target in dropped.into_iter().chain(gained).filter(|target| target.type_url == TypeUrl::SECRET) {
                candidates.insert(&target.name);
                candidates.extend(ground.all_by_alias(&TypeUrl::SECRET, &target.name).map(Resource::name));
            }
        }
        if candidates.is_empty() {
            return;
        }
        let visible = self.overlays.get(&TypeUrl::SECRET).map(|overlay| overlay.own().clone()).unwrap_or_default();
        let reveal = |name: &&ResourceName| {
            let after = ground.get(&TypeUrl::SECRET, name).filter(|secret| {
                options.secrets.shares(name)
                    || [*name].into_iter().chain(secret.aliases()).any(|name| {
                        let target = Reference { type_url: TypeUrl::SECRET, name: name.clone() };
                        ground.referrers(&target).next().is_some()
                    })
            });
            Touch::between(name, visible.get(name), after)
        };
        let touches: Vec<Touch> = candidates.iter().filter_map(reveal).collect();
        if !touches.is_empty() {
            let own = Arc::new(visible.after(&touches, &options.history));
            self.overlay_after(&TypeUrl::SECRET, Arc::default(), own, &touches, options);
        }
    }
}

/// What the peers of one group see: the shared base with the group's own layer over it, and of the secrets those that
/// are named in it.
///
/// Immutable. Holding one keeps its resources in memory, so hold the newest, and not for long.
pub struct GroupView {
    pub(crate) lineage: u64,
    pub(crate) readiness: Readiness,
    pub(crate) snapshot: Arc<Snapshot>,
}

impl GroupView {
    fn overlay(&self, type_url: &TypeUrl) -> Option<&Overlay> {
        self.snapshot.overlay(type_url).map(Arc::as_ref)
    }

    fn knows(&self, type_url: &TypeUrl) -> bool {
        let Snapshot { base, own, claims, .. } = &*self.snapshot;
        own.knowledge.knows(type_url, claims)
            || (self.readiness == Readiness::EitherLayer && base.knowledge.knows(type_url, claims))
    }

    fn at(&self, positions: [u64; 2]) -> Epoch {
        Epoch { lineage: self.lineage, positions }
    }

    /// The types this view holds resources of, or once held.
    pub fn types(&self) -> impl Iterator<Item = &TypeUrl> {
        self.snapshot.types()
    }

    /// How many resources the wildcard set of a type holds.
    pub fn wildcard_count(&self, type_url: &TypeUrl) -> usize {
        self.overlay(type_url).map_or(0, Overlay::wildcard_count)
    }
}

impl View for GroupView {
    fn epoch(&self, type_url: &TypeUrl) -> Option<Epoch> {
        self.knows(type_url).then(|| self.at(self.overlay(type_url).map_or([0, 0], Overlay::positions)))
    }

    fn digest(&self, type_url: &TypeUrl) -> Digest {
        self.overlay(type_url).map_or(Digest::EMPTY, Overlay::digest)
    }

    fn get(&self, type_url: &TypeUrl, name: &ResourceName) -> Option<&Resource> {
        self.overlay(type_url)?.get(name)
    }

    fn get_all<'a>(&'a self, type_url: &TypeUrl, names: &[ResourceName]) -> Vec<Option<&'a Resource>> {
        match self.overlay(type_url) {
            Some(overlay) => overlay.get_all(names),
            None => vec![None; names.len()],
        }
    }

    fn iter<'a>(&'a self, type_url: &TypeUrl) -> impl Iterator<Item = &'a Resource> {
        self.overlay(type_url).into_iter().flat_map(Overlay::iter)
    }

    fn iter_prefix<'a>(&'a self, type_url: &TypeUrl, prefix: &str) -> impl Iterator<Item = &'a Resource> {
        self.overlay(type_url).map(|overlay| overlay.iter_prefix(prefix)).into_iter().flatten()
    }

    fn changed_since(&self, type_url: &TypeUrl, epoch: Epoch) -> Option<Changes> {
        if epoch.lineage != self.lineage {
            return None;
        }
        match self.overlay(type_url) {
            Some(overlay) => overlay.changed_since(epoch.positions),
            None => (epoch.positions == [0, 0]).then(Changes::default),
        }
    }

    fn iter_with_ttl<'a>(&'a self, type_url: &TypeUrl) -> impl Iterator<Item = &'a Resource> {
        // Mostly there are none, and each of many streams asks.
        self.overlay(type_url).filter(|overlay| overlay.is_timed()).into_iter().flat_map(Overlay::iter_timed)
    }

    fn by_alias(&self, type_url: &TypeUrl, alias: &ResourceName) -> Option<&Resource> {
        self.overlay(type_url)?.by_alias(alias)
    }

    fn epoch_of_version(&self, type_url: &TypeUrl, version: Version) -> Option<Epoch> {
        let positions = match self.overlay(type_url) {
            Some(overlay) => overlay.positions_of(version),
            None => (version == Digest::EMPTY.version()).then_some([0, 0]),
        };
        positions.map(|positions| self.at(positions))
    }
}

/// Counts only: a view may hold secrets.
impl fmt::Debug for GroupView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.types().map(|type_url| (type_url, self.wildcard_count(type_url)));
        f.debug_map().entries(counts).finish()
    }
}
