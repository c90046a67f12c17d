//! How a cache behaves: everything that can be chosen when it is made.

use std::fmt;
use std::sync::Arc;

use chancery_protocol::{ResourceName, TypeUrl};

use crate::{Declared, HistoryLimits, OnDangling, Provider};

/// What a cache is made with. Every field has a default; fill the rest with `..Options::default()`.
#[derive(Clone, Default)]
pub struct Options {
    /// How much history is kept. Default: see [`HistoryLimits`].
    pub history: HistoryLimits,
    /// What happens to a publish that leaves references dangling. Default: it goes ahead and reports them.
    pub on_dangling: OnDangling,
    /// Resources that need not be in the view to be named: bootstrap clusters, on-demand resources. Default: none.
    pub externals: Declared,
    /// Who sees which secrets. Default: only those the view names.
    pub secrets: Secrets,
    /// When a group has something to show. Default: once its own layer was published.
    pub readiness: Readiness,
    /// Told of groups nobody has published yet, when a peer asks for one. Default: none.
    pub provider: Option<Arc<dyn Provider>>,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("history", &self.history)
            .field("on_dangling", &self.on_dangling)
            .field("externals", &self.externals)
            .field("secrets", &self.secrets)
            .field("readiness", &self.readiness)
            .field("provider", &self.provider.as_ref().map(|_| "..."))
            .finish()
    }
}

/// Which secrets of a group its peers can see. The others are not in the view at all: a peer that asks for one by name
/// is answered as if it did not exist.
#[derive(Debug, Clone)]
pub enum Secrets {
    /// Those that some other resource in the same view names, and those declared as shared (an Envoy's bootstrap may
    /// name secrets that no resource does).
    WhenNamed {
        /// Visible although nothing in the view names them.
        shared: Declared,
    },
    /// All of them, by name alone. Only for a cache whose groups are single peers, or trust each other with their keys.
    Always,
}

impl Default for Secrets {
    fn default() -> Self {
        Secrets::WhenNamed { shared: Declared::default() }
    }
}

impl Secrets {
    /// Whether resources of this type are seen only when named.
    pub(crate) fn gates(&self, type_url: &TypeUrl) -> bool {
        matches!(self, Secrets::WhenNamed { .. }) && *type_url == TypeUrl::SECRET
    }

    pub(crate) fn shares(&self, name: &ResourceName) -> bool {
        match self {
            Secrets::WhenNamed { shared } => shared.covers(&TypeUrl::SECRET, name),
            Secrets::Always => true,
        }
    }
}

/// When a group is ready to be served. Before that its streams are told nothing, rather than an empty truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Readiness {
    /// Once its own layer was published, were it with an empty set.
    #[default]
    OwnLayer,
    /// Once either layer was: a group nobody publishes shows the base. For caches that are fed through the base alone,
    /// or whose groups need nothing of their own.
    EitherLayer,
}
