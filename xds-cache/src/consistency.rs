//! References that lead nowhere, kept up to date at O(changed + who names it) per commit.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use chancery_protocol::{Reference, Resource, ResourceName, TypeUrl};
use imbl::OrdMap;

use crate::layer::{Edge, Layer, Step, difference};
use crate::snapshot::Snapshot;

/// What happens to a publish that leaves references dangling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDangling {
    /// It goes ahead, and says which.
    #[default]
    Report,
    /// It fails with [`Inconsistent::Dangling`](crate::Inconsistent::Dangling), and nothing changes.
    Refuse,
}

/// Resources declared by name, or by a rule.
///
/// ```
/// # use chancery_cache::Declared;
/// # use chancery_protocol::TypeUrl;
/// let externals = Declared::none()
///     .name(TypeUrl::CLUSTER, "xds_cluster")
///     .rule(|type_url, name| *type_url == TypeUrl::CLUSTER && name.as_str().starts_with("on-demand/"));
/// assert!(externals.covers(&TypeUrl::CLUSTER, &"on-demand/a".into()));
/// assert!(!externals.covers(&TypeUrl::CLUSTER, &"other".into()));
/// ```
#[derive(Clone, Default)]
pub struct Declared {
    names: BTreeSet<Reference>,
    rules: Vec<Rule>,
}

type Rule = Arc<dyn Fn(&TypeUrl, &ResourceName) -> bool + Send + Sync>;

impl Declared {
    /// Nothing.
    pub fn none() -> Declared {
        Declared::default()
    }

    /// Also this resource.
    #[must_use]
    pub fn name(mut self, type_url: TypeUrl, name: &str) -> Declared {
        self.names.insert(Reference { type_url, name: ResourceName::new(name) });
        self
    }

    /// Also every resource the rule says yes to. It must always say the same of the same name.
    #[must_use]
    pub fn rule(mut self, rule: impl Fn(&TypeUrl, &ResourceName) -> bool + Send + Sync + 'static) -> Declared {
        self.rules.push(Arc::new(rule));
        self
    }

    /// Whether the resource is declared.
    pub fn covers(&self, type_url: &TypeUrl, name: &ResourceName) -> bool {
        self.rules.iter().any(|rule| rule(type_url, name))
            || (!self.names.is_empty()
                && self.names.contains(&Reference { type_url: type_url.clone(), name: name.clone() }))
    }
}

impl fmt::Debug for Declared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Declared").field("names", &self.names).field("rules", &self.rules.len()).finish()
    }
}

/// What is wrong with a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// No resource of that type has the name, or the alias.
    Absent,
    /// The resource is served on demand only, and peers do not ask for this type because something names it: they
    /// would never get it.
    OnDemandOnly,
}

/// A reference that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dangling {
    /// The resource that names.
    pub referrer: Reference,
    /// The resource named.
    pub target: Reference,
    /// What is wrong.
    pub fault: Fault,
    /// Where the referrer came from (`routes.yaml:12`), if it says.
    pub origin: Option<Box<str>>,
}

impl fmt::Display for Dangling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (referrer, target) = (&self.referrer, &self.target);
        write!(f, "{} {:?} ", referrer.type_url.message_name(), referrer.name)?;
        if let Some(origin) = &self.origin {
            write!(f, "({origin}) ")?;
        }
        write!(f, "names {} {:?}, which ", target.type_url.message_name(), target.name)?;
        f.write_str(match self.fault {
            Fault::Absent => "does not exist; publish it, or declare it external",
            Fault::OnDemandOnly => "is served on demand only; make it part of the wildcard set, or declare it external",
        })
    }
}

/// Every dangling reference of one group at one time. Shares structure with the snapshot it is of: cheap to make and to
/// clone, however many there are. Holding one keeps that snapshot in memory.
#[derive(Clone)]
pub struct DanglingSet {
    snapshot: Arc<Snapshot>,
}

impl DanglingSet {
    pub(crate) fn of(snapshot: Arc<Snapshot>) -> DanglingSet {
        DanglingSet { snapshot }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.snapshot.faults().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.snapshot.faults().is_empty()
    }

    /// Each of them, sorted by target.
    pub fn iter(&self) -> impl Iterator<Item = Dangling> {
        self.snapshot.faults().iter().filter_map(|(edge, fault)| {
            let referrer = edge.referrer.clone()?;
            let origin = self.snapshot.raw(&referrer.type_url, &referrer.name).and_then(Resource::origin);
            let origin = origin.map(Into::into);
            Some(Dangling { referrer, target: edge.target.clone(), fault: *fault, origin })
        })
    }
}

impl fmt::Debug for DanglingSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The dangling references of one snapshot.
pub(crate) type Faults = OrdMap<Edge, Fault>;

/// Both layers of one group, looked at together and without regard to who may see what.
#[derive(Clone, Copy)]
pub(crate) struct Ground<'a> {
    pub(crate) base: &'a Layer,
    pub(crate) own: &'a Layer,
    pub(crate) claims: &'a BTreeSet<TypeUrl>,
}

impl<'a> Ground<'a> {
    pub(crate) fn get(self, type_url: &TypeUrl, name: &ResourceName) -> Option<&'a Resource> {
        self.own.get(type_url, name).or_else(|| self.base.get(type_url, name))
    }

    /// Every resource with this alias.
    pub(crate) fn all_by_alias(
        self,
        type_url: &TypeUrl,
        alias: &ResourceName,
    ) -> impl Iterator<Item = &'a Resource> + use<'a> {
        let visible = move |resource: &&Resource| self.own.get(resource.type_url(), resource.name()).is_none();
        self.own.by_alias(type_url, alias).chain(self.base.by_alias(type_url, alias).filter(visible))
    }

    fn has_alias(self, type_url: &TypeUrl, alias: &ResourceName) -> Option<&'a Resource> {
        self.all_by_alias(type_url, alias).min_by(|a, b| a.name().cmp(b.name()))
    }

    /// Who names this target, hidden referrers left out.
    pub(crate) fn referrers(self, target: &Reference) -> impl Iterator<Item = &'a Edge> + use<'a> {
        let base = self.base.referrers(target).filter(move |edge| self.sees_base(edge));
        self.own.referrers(target).chain(base)
    }

    fn references_to(self, type_url: &TypeUrl) -> impl Iterator<Item = &'a Edge> + use<'a> {
        let base = self.base.references_to(type_url).filter(move |edge| self.sees_base(edge));
        self.own.references_to(type_url).chain(base)
    }

    fn sees_base(self, edge: &Edge) -> bool {
        edge.referrer.as_ref().is_some_and(|referrer| self.own.get(&referrer.type_url, &referrer.name).is_none())
    }

    /// Whether either layer has been told about a type.
    pub(crate) fn knows(self, type_url: &TypeUrl) -> bool {
        [self.own, self.base].iter().any(|layer| layer.knowledge.knows(type_url, self.claims))
    }

    fn judge(self, target: &Reference, externals: &Declared) -> Option<Fault> {
        let Reference { type_url, name } = target;
        // A collection may well be empty; and what has a publisher that has not spoken yet may still come.
        if type_url.traits().collected || name.is_glob() || (self.claims.contains(type_url) && !self.knows(type_url)) {
            return None;
        }
        let fault = match self.get(type_url, name).or_else(|| self.has_alias(type_url, name)) {
            Some(found) if found.on_demand() && type_url.traits().pushed => Fault::OnDemandOnly,
            Some(_) => return None,
            None => Fault::Absent,
        };
        (!externals.covers(type_url, name)).then_some(fault)
    }
}

/// The dangling references after a commit: `composed` is what it changed in what the group holds, `learned` the types it
/// made known.
pub(crate) fn recheck(
    faults: &Faults,
    composed: &Step,
    learned: &[TypeUrl],
    now: Ground<'_>,
    externals: &Declared,
) -> Faults {
    let mut faults = faults.clone();
    let mut check = |edge: &Edge| match now.judge(&edge.target, externals) {
        Some(fault) => drop(faults.insert(edge.clone(), fault)),
        None => drop(faults.remove(edge)),
    };
    let mut dropped_edges = Vec::new();
    for (type_url, touch) in composed.touches() {
        let (dropped, gained) = difference(touch);
        dropped_edges.extend(dropped.into_iter().map(|target| Edge::new(target, type_url, &touch.name)));
        for target in gained {
            check(&Edge::new(target, type_url, &touch.name));
        }
        let presence = touch.moves().then_some(&touch.name).into_iter();
        let aliases = (touch.moves() || touch.realiases()).then(|| touch.aliases()).into_iter().flatten();
        for name in presence.chain(aliases) {
            now.referrers(&Reference { type_url: type_url.clone(), name: name.clone() }).for_each(&mut check);
        }
    }
    for type_url in learned {
        now.references_to(type_url).for_each(&mut check);
    }
    for edge in dropped_edges {
        faults.remove(&edge);
    }
    faults
}
