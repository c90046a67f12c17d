//! Resources by name, in order, as a response lists them.

use alloc::vec::Vec;

use crate::{Resource, ResourceName};

/// Resources of one response by their names, in order, each name once. `None`: the name is left out.
///
/// It is put together once and then read, mostly with a single resource in it, which a tree would have room for eleven of.
///
/// ```
/// use chancery_protocol::{Listed, ResourceName};
/// let names = ["b", "a", "b"].map(ResourceName::new);
/// let listed: Listed = names.into_iter().map(|name| (name, None)).collect();
/// let names: Vec<&str> = listed.iter().map(|(name, _)| name.as_str()).collect();
/// assert_eq!(names, ["a", "b"]);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Listed(Vec<(ResourceName, Option<Resource>)>);

impl Listed {
    /// Whether something is listed under this name, if only that it is left out.
    pub fn has(&self, name: &ResourceName) -> bool {
        self.0.binary_search_by(|(listed, _)| listed.cmp(name)).is_ok()
    }

    /// All of it, in order of the names.
    pub fn iter(&self) -> core::slice::Iter<'_, (ResourceName, Option<Resource>)> {
        self.0.iter()
    }
}

impl FromIterator<(ResourceName, Option<Resource>)> for Listed {
    /// Of a name that comes more than once the last counts.
    fn from_iter<I: IntoIterator<Item = (ResourceName, Option<Resource>)>>(listed: I) -> Listed {
        let mut listed: Vec<_> = listed.into_iter().collect();
        if !listed.is_sorted_by(|(one, _), (next, _)| one < next) {
            listed.sort_by(|(one, _), (other, _)| one.cmp(other));
            listed.dedup_by(|later, kept| {
                let same = later.0 == kept.0;
                if same {
                    core::mem::swap(later, kept);
                }
                same
            });
        }
        Listed(listed)
    }
}

impl<'a> IntoIterator for &'a Listed {
    type Item = &'a (ResourceName, Option<Resource>);
    type IntoIter = core::slice::Iter<'a, (ResourceName, Option<Resource>)>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TypeUrl;
    use crate::sim::resource;

    #[test]
    fn of_a_name_that_comes_twice_the_last_counts() {
        let name = ResourceName::new("b");
        let resource = resource(&TypeUrl::CLUSTER, "b", "new", &[]);
        let entries = [(name.clone(), None), (ResourceName::new("a"), None), (name.clone(), Some(resource))];
        let listed: Listed = entries.into_iter().collect();
        assert_eq!(listed.iter().len(), 2);
        assert!(listed.has(&name));
        assert!(!listed.has(&ResourceName::new("c")));
        assert!(listed.iter().last().is_some_and(|(_, resource)| resource.is_some()));
    }
}
