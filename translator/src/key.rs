//! Who a set of resources is for.

use std::fmt;
use std::sync::Arc;

use crate::api::ObjectId;

/// A proxy, however many instances of it run: that of a Gateway, or the one the Gateways of a class share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProxyId {
    /// That of this Gateway.
    Gateway(ObjectId),
    /// The one of this GatewayClass.
    Class(Arc<str>),
}

/// As the node's cluster says it: `shop/web` for a Gateway, `chancery` for a class.
impl fmt::Display for ProxyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProxyId::Gateway(gateway) => write!(f, "{}/{}", gateway.namespace, gateway.name),
            ProxyId::Class(class) => f.write_str(class),
        }
    }
}
