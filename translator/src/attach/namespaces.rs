//! Which namespaces a selector lets in.

use crate::World;
use crate::api::{FromNamespaces, Kind, Namespaces, ObjectId};

/// Whether objects of `from` may attach to one in `own`; what absence means, the caller says. `Err`: the selector is not
/// valid, and lets nobody in.
pub(crate) fn allowed(
    world: &World,
    namespaces: Option<&Namespaces>,
    absent: &FromNamespaces,
    own: &str,
    from: &str,
) -> Result<bool, String> {
    let which = namespaces.and_then(|namespaces| namespaces.from.as_ref()).unwrap_or(absent);
    match which {
        FromNamespaces::All => Ok(true),
        FromNamespaces::Same => Ok(own == from),
        FromNamespaces::None => Ok(false),
        FromNamespaces::Selector => {
            let Some(selector) = namespaces.and_then(|namespaces| namespaces.selector.as_ref()) else {
                return Err("namespaces.selector must be given where namespaces.from is Selector".to_owned());
            };
            let labels = world.namespaces.get(&ObjectId::new(Kind::Namespace, "", from));
            let mut labels = labels.and_then(|namespace| namespace.metadata.labels.clone()).unwrap_or_default();
            // Every API server sets this one; files seldom do.
            labels.entry("kubernetes.io/metadata.name".to_owned()).or_insert_with(|| from.to_owned());
            selector.matches(&labels).map_err(|fault| format!("namespaces.selector: {fault}"))
        }
        FromNamespaces::Other(other) => {
            Err(format!("namespaces.from: {other} is not one of All, Same, Selector, None"))
        }
    }
}
