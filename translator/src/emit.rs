//! Envoy's messages, from the model.
use crate::{Options, Provenances, ir::Proxy};
use chancery_cache::ResourceSet;
pub(crate) fn emit(_: &Proxy, _: &Options) -> (ResourceSet, Provenances) {
    Default::default()
}
