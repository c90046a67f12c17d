//! The one place where names of resources are made. They are parsed nowhere else.
//!
//! A name is made of what identifies the object it stands for, never of its position or its settings: inserting, reordering
//! and editing rename nothing. It is readable as far as it is short, and never longer than [`MAX`].

use std::sync::Arc;

use crate::api::ObjectId;
use crate::ir::{
    ClusterName, EndpointName, Match, PathMatch, RouteTableName, SecretName, Socket, TextMatch, Transport,
};
use crate::route_tables::TableForm;

/// The longest name, in bytes.
pub const MAX: usize = 128;

/// The cluster nobody serves. A share of it is answered with 500, a connection to it is reset. It is never published.
pub const NEVER: &str = "chancery/never";

const HASH_LENGTH: usize = 12;

/// Parts, joined by slashes; when that is longer than a name may be, or a part holds a slash, it is cut and a hash of all
/// parts added.
pub(crate) fn of(parts: &[&str]) -> Arc<str> {
    let readable = parts.join("/");
    let plain = parts.iter().skip(1).all(|part| !part.contains('/') && !part.is_empty());
    if readable.len() <= MAX && plain {
        return readable.into();
    }
    hashed(&readable, parts)
}

/// Parts that make a readable beginning, and further ones of which only a hash shows.
pub(crate) fn with_hash(readable: &[&str], hidden: &[&str]) -> Arc<str> {
    let all: Vec<&str> = readable.iter().chain(hidden).copied().collect();
    hashed(&readable.join("/"), &all)
}

fn hashed(readable: &str, parts: &[&str]) -> Arc<str> {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    finished(readable.to_owned(), &hasher.finalize().to_hex()[..HASH_LENGTH])
}

/// The readable part, cut where the name would get too long, and the hash.
fn finished(mut readable: String, hash: &str) -> Arc<str> {
    let mut end = readable.len().min(MAX - HASH_LENGTH - 1);
    while !readable.is_char_boundary(end) {
        end -= 1;
    }
    readable.truncate(end);
    readable.push('~');
    readable.push_str(hash);
    readable.into()
}

/// The cluster nobody serves.
pub(crate) fn never() -> ClusterName {
    ClusterName(NEVER.into())
}

/// The name of a listener: where it is bound.
pub fn listener(socket: &Socket) -> String {
    let transport = match socket.transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
    };
    format!("{transport}/{}/{}", socket.address, socket.port)
}

/// The route table of the plain-text HTTP of a socket.
pub(crate) fn plain_routes(socket: &Socket, form: TableForm) -> RouteTableName {
    route_table(&["http", &socket.address.to_string(), &socket.port.to_string()], form)
}

/// The route table of an HTTPS listener: one per server name of a socket.
pub(crate) fn tls_routes(socket: &Socket, server_name: Option<&str>, form: TableForm) -> RouteTableName {
    let (address, port) = (socket.address.to_string(), socket.port.to_string());
    route_table(&["https", &address, &port, server_name.unwrap_or("*")], form)
}

/// A table in another form is another table: a listener has it whole before it uses it.
fn route_table(parts: &[&str], form: TableForm) -> RouteTableName {
    match form {
        TableForm::Whole => RouteTableName(of(parts)),
        TableForm::VirtualHosts => RouteTableName(of(&[parts, &["virtual-hosts"]].concat())),
        TableForm::Scopes => RouteTableName(of(&[parts, &["scopes"]].concat())),
    }
}

/// One host of a route table: its virtual host, and what is there for it alone where hosts are sent by themselves.
pub(crate) fn table_host(table: &RouteTableName, domain: &str) -> String {
    format!("{}/{domain}", table.0)
}

/// The table and the domain of a name that [`table_host`] made.
pub(crate) fn table_and_domain(name: &str) -> Option<(RouteTableName, &str)> {
    let (table, domain) = name.rsplit_once('/')?;
    Some((RouteTableName(table.into()), domain))
}

/// The filter chain for a server name.
pub(crate) fn tls_chain(server_name: Option<&str>) -> Arc<str> {
    of(&["tls", server_name.unwrap_or("*")])
}

/// The endpoints of a port of a service: `kind` is `service` or `serviceimport`. One number may be two ports, of TCP and UDP.
pub(crate) fn endpoints(kind: &str, namespace: &str, name: &str, port: u16, transport: Transport) -> EndpointName {
    let port = port.to_string();
    match transport {
        Transport::Tcp => EndpointName(of(&[kind, namespace, name, &port])),
        Transport::Udp => EndpointName(of(&[kind, namespace, name, &port, "udp"])),
    }
}

/// A cluster of a port of a service; `variant` tells apart what is reached differently, like `h2` or a policy.
pub(crate) fn cluster(kind: &str, namespace: &str, name: &str, port: u16, variant: &[&str]) -> ClusterName {
    let port = port.to_string();
    let readable = [kind, namespace, name, &port];
    match variant {
        [] => ClusterName(of(&readable)),
        [word] if !word.contains('/') => ClusterName(of(&[kind, namespace, name, &port, word])),
        _ => ClusterName(with_hash(&readable, variant)),
    }
}

/// A secret made of an object: `use_of` is what is taken from it, like `certificate` or `authorities`.
pub(crate) fn secret(use_of: &str, kind: &str, namespace: &str, name: &str) -> SecretName {
    SecretName(of(&[use_of, kind, namespace, name]))
}

/// Authorities put together from several objects of a namespace.
pub(crate) fn authorities(use_of: &str, namespace: &str, objects: &[&str]) -> SecretName {
    SecretName(with_hash(&["authorities", use_of, namespace], objects))
}

/// A route: the object and rule it comes from, and a hash of what it matches.
pub(crate) fn route(object: &ObjectId, rule: Option<&str>, matches: &Match) -> Arc<str> {
    let mut hasher = blake3::Hasher::new();
    let mut part = |tag: u8, text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(&[tag]);
        hasher.update(text.as_bytes());
    };
    for text in [object.kind.as_str(), &object.namespace, &object.name, rule.unwrap_or_default()] {
        part(0, text);
    }
    match &matches.path {
        PathMatch::Any => part(1, ""),
        PathMatch::Exact(path) => part(2, path),
        PathMatch::Prefix(path) => part(3, path),
        PathMatch::Regex(path) => part(4, path),
    }
    part(5, matches.method.as_deref().unwrap_or_default());
    for (tag, values) in [(6, &matches.headers), (10, &matches.query)] {
        for one in values {
            part(tag, &one.name);
            match &one.value {
                TextMatch::Exact(value) => part(tag + 1, value),
                TextMatch::Regex(value) => part(tag + 2, value),
            }
        }
    }
    let hash = hasher.finalize().to_hex();
    let rule = rule.unwrap_or("-");
    let mut readable = String::with_capacity(MAX);
    for text in [object.kind.lower(), "/", &object.namespace, "/", &object.name, "/", rule] {
        readable.push_str(text);
    }
    finished(readable, &hash[..HASH_LENGTH])
}

/// What stands for the backends of one rule together: where a session keeps to any of them, or datagrams are shared out.
pub(crate) fn rule_backends(kind: &str, namespace: &str, name: &str, rule: &[&str]) -> Arc<str> {
    with_hash(&[kind, namespace, name], rule)
}
