//! Which namespaces a selector lets in.

use crate::api::{FromNamespaces, Namespaces};

use super::lookup::Lookup;

/// Whether objects of `from` may attach to one in `own`; what absence means, the caller says. `Err`: the selector is not
/// valid, and lets nobody in.
pub(crate) fn allowed(
    lookup: Lookup<'_>,
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
            selector.matches(&lookup.namespace_labels(from)).map_err(|fault| format!("namespaces.selector: {fault}"))
        }
        FromNamespaces::Other(other) => {
            Err(format!("namespaces.from: {other} is not one of All, Same, Selector, None"))
        }
    }
}
