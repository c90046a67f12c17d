//! The name of a resource, in one canonical spelling.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

/// A resource name. Names compare as text; the context parameters of an `xdstp://` name are sorted when it is made, so
/// that two spellings of one name are equal.
///
/// ```
/// use chancery_protocol::ResourceName;
/// let a = ResourceName::new("xdstp://auth/envoy.config.cluster.v3.Cluster/x?b=2&a=1");
/// assert_eq!(a.as_str(), "xdstp://auth/envoy.config.cluster.v3.Cluster/x?a=1&b=2");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceName(Arc<str>);

impl ResourceName {
    /// The name with this text, in canonical spelling.
    pub fn new(text: &str) -> ResourceName {
        match canonical(text) {
            Some(text) => ResourceName(text.into()),
            None => ResourceName(text.into()),
        }
    }

    /// The text as it goes on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is an `xdstp://` name.
    pub fn is_xdstp(&self) -> bool {
        self.0.starts_with("xdstp:")
    }

    /// Whether this is an `xdstp://` glob collection (`.../*`). A plain name ending in `/*` is only a name.
    pub fn is_glob(&self) -> bool {
        self.is_xdstp() && self.path().ends_with("/*")
    }

    /// The glob collection this `xdstp://` name is a member of: the same authority, type and parameters, with the last
    /// path segment replaced by `*`. `None` for plain names.
    pub fn glob(&self) -> Option<ResourceName> {
        if !self.is_xdstp() {
            return None;
        }
        let path = self.path();
        let parent = &path[..path.rfind('/')?];
        let mut text = String::with_capacity(self.0.len() + 1);
        text.push_str(parent);
        text.push_str("/*");
        text.push_str(&self.0[path.len()..]);
        Some(ResourceName(text.into()))
    }

    /// The collection a virtual host belongs to: everything before the last `/`.
    pub fn collection(&self) -> Option<&str> {
        self.0.rfind('/').map(|at| &self.0[..at])
    }

    /// What every member of the glob collection this name is starts with.
    pub fn glob_prefix(&self) -> Option<&str> {
        self.is_glob().then(|| self.path().trim_end_matches('*'))
    }

    fn path(&self) -> &str {
        let end = self.0.find(['?', '#']).unwrap_or(self.0.len());
        &self.0[..end]
    }
}

fn canonical(text: &str) -> Option<String> {
    if !text.starts_with("xdstp:") {
        return None;
    }
    let start = text.find('?')?;
    let end = text[start..].find('#').map_or(text.len(), |at| start + at);
    let mut parameters: Vec<&str> = text[start + 1..end].split('&').collect();
    if parameters.is_sorted() {
        return None;
    }
    parameters.sort_unstable();
    let mut sorted = String::with_capacity(text.len());
    sorted.push_str(&text[..=start]);
    sorted.push_str(&parameters.join("&"));
    sorted.push_str(&text[end..]);
    Some(sorted)
}

impl From<&str> for ResourceName {
    fn from(text: &str) -> Self {
        ResourceName::new(text)
    }
}

impl core::borrow::Borrow<str> for ResourceName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
