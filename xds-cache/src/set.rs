//! What a frontend hands over: a whole set of resources, or a patch to one.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chancery_protocol::{Resource, ResourceName, TypeUrl};

use crate::Duplicate;

/// A whole set of resources, of any types: everything that shall be true of a group (or of the base layer).
///
/// ```
/// # use chancery_cache::ResourceSet;
/// # use chancery_protocol::{Digest, Parts, Resource, ResourceName, TypeUrl};
/// # let resource = |name: &str| Resource::from_parts(Parts {
/// #     type_url: TypeUrl::CLUSTER, name: ResourceName::new(name), body: Default::default(), digest: Digest::EMPTY,
/// #     ttl: None, references: vec![], aliases: vec![], on_demand: false, origin: None });
/// let mut set = ResourceSet::new();
/// set.insert(resource("a"))?;
/// set.insert(resource("b"))?;
/// assert!(set.insert(resource("a")).is_err(), "a name can be taken once");
/// assert_eq!(set.len(), 2);
/// # Ok::<(), chancery_cache::Duplicate>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResourceSet {
    types: BTreeMap<TypeUrl, BTreeMap<ResourceName, Resource>>,
}

impl ResourceSet {
    /// A set of nothing.
    pub fn new() -> ResourceSet {
        ResourceSet::default()
    }

    /// Adds a resource.
    ///
    /// # Errors
    /// When the set already holds a resource of that type and name; it stays as it was.
    pub fn insert(&mut self, resource: Resource) -> Result<(), Duplicate> {
        let named = self.types.entry(resource.type_url().clone()).or_default();
        match named.entry(resource.name().clone()) {
            Entry::Vacant(vacant) => {
                vacant.insert(resource);
                Ok(())
            }
            Entry::Occupied(first) => Err(Duplicate {
                type_url: resource.type_url().clone(),
                name: resource.name().clone(),
                first: first.get().origin().map(Into::into),
                second: resource.origin().map(Into::into),
            }),
        }
    }

    /// Puts a resource in place, whether or not there is one of that type and name; also returns that one.
    pub fn replace(&mut self, resource: Resource) -> Option<Resource> {
        let named = self.types.entry(resource.type_url().clone()).or_default();
        named.insert(resource.name().clone(), resource)
    }

    /// Takes a resource away; also returns it.
    pub fn remove(&mut self, type_url: &TypeUrl, name: &ResourceName) -> Option<Resource> {
        let named = self.types.get_mut(type_url)?;
        let taken = named.remove(name);
        if named.is_empty() {
            self.types.remove(type_url);
        }
        taken
    }

    /// A set of these resources.
    ///
    /// # Errors
    /// When two of them have the same type and name.
    pub fn of(resources: impl IntoIterator<Item = Resource>) -> Result<ResourceSet, Duplicate> {
        let mut set = ResourceSet::new();
        for resource in resources {
            set.insert(resource)?;
        }
        Ok(set)
    }

    /// The resource of this type and name.
    pub fn get(&self, type_url: &TypeUrl, name: &ResourceName) -> Option<&Resource> {
        self.types.get(type_url)?.get(name)
    }

    /// How many resources the set holds.
    pub fn len(&self) -> usize {
        self.types.values().map(BTreeMap::len).sum()
    }

    /// Whether the set holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every resource, by type and name.
    pub fn iter(&self) -> impl Iterator<Item = &Resource> {
        self.types.values().flat_map(BTreeMap::values)
    }

    pub(crate) fn types(&self) -> impl Iterator<Item = &TypeUrl> {
        self.types.iter().filter(|(_, named)| !named.is_empty()).map(|(type_url, _)| type_url)
    }

    pub(crate) fn into_types(self) -> BTreeMap<TypeUrl, BTreeMap<ResourceName, Resource>> {
        self.types
    }
}

/// Changes to a set: resources to put in place and names to take away. For one name the last call counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Patch {
    types: BTreeMap<TypeUrl, BTreeMap<ResourceName, Option<Resource>>>,
}

impl Patch {
    /// No change.
    pub fn new() -> Patch {
        Patch::default()
    }

    /// Puts a resource in place, whether or not there is one of that name.
    pub fn upsert(&mut self, resource: Resource) -> &mut Patch {
        let named = self.types.entry(resource.type_url().clone()).or_default();
        named.insert(resource.name().clone(), Some(resource));
        self
    }

    /// Takes a resource away; no error when there is none of that name.
    pub fn remove(&mut self, type_url: TypeUrl, name: ResourceName) -> &mut Patch {
        self.types.entry(type_url).or_default().insert(name, None);
        self
    }

    /// Every name the patch touches, with the resource that is put in place or `None` for one that is taken away.
    pub fn iter(&self) -> impl Iterator<Item = (&TypeUrl, &ResourceName, Option<&Resource>)> {
        let all = self.types.iter().flat_map(|(type_url, named)| named.iter().map(move |one| (type_url, one)));
        all.map(|(type_url, (name, resource))| (type_url, name, resource.as_ref()))
    }

    /// How many names the patch touches.
    pub fn len(&self) -> usize {
        self.types.values().map(BTreeMap::len).sum()
    }

    /// Whether the patch touches nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn types(&self) -> impl Iterator<Item = &TypeUrl> {
        self.types.keys()
    }

    pub(crate) fn into_types(self) -> BTreeMap<TypeUrl, BTreeMap<ResourceName, Option<Resource>>> {
        self.types
    }
}
