//! Random requests, from words the tables use, too.

use std::net::SocketAddr;

use bytes::Bytes;
use chancery_explain::{Entry, Request};
use http_body_util::Full;

use crate::chance::Chance;
use crate::tables::{CLUSTERS, VALUES};

const HOSTS: &[&str] = &[
    "a.example",
    "A.Example",
    "b.a.example",
    "c.b.a.example",
    "www.a.example",
    "q-x.example",
    "www.shop.test",
    "shop.test",
    "www.other",
    "unknown.host",
    "example",
    "www.",
    "a.example.",
];
const SEGMENTS: &[&str] = &["a", "b", "ab", "api", "v1", "v2", "A", "Api", "index.html", "a;p=1", "a%20b"];
const ODD_SEGMENTS: &[&str] = &["", ".", "..", "%2e", "%2E%2e", "a%2Fb", "b%5cc", "a%2e", "x%41", "%7Eu"];
const QUERIES: &[&str] = &["q=1", "q=", "q", "q=abc&q=1", "other=2", "q=1&x=/a", "x=%31&q=foo", "", "&&q=1"];
const METHODS: &[&str] = &["GET", "GET", "GET", "POST", "PUT", "DELETE"];

/// A random request to this address.
pub(crate) fn random(chance: &mut Chance, address: SocketAddr) -> Request {
    let mut authority = chance.pick(HOSTS).to_owned();
    match chance.below(8) {
        0 => authority += &format!(":{}", address.port()),
        1 => authority += ":8080",
        2 => authority += ":80",
        3 => authority += ":443",
        _ => {}
    }
    let mut request = Request::get(Entry::Address(address), authority, path(chance));
    request.method = chance.pick(METHODS).to_owned();
    for name in ["x-a", "x-b", "X-C"] {
        for _ in 0..[0, 0, 1, 1, 1, 2][chance.below(6)] {
            request = request.header(name, chance.pick(VALUES));
        }
    }
    for name in ["x-t-0", "x-t-1"] {
        if chance.once_in(4) {
            request = request.header(name, "from-client");
        }
    }
    if chance.once_in(2) {
        request = request.header("x-cluster", chance.pick(CLUSTERS));
    }
    if chance.once_in(3) {
        request = request.header("x-host", chance.pick(&["h.one", "h.two:81", ""]));
    }
    if chance.once_in(4) {
        request = request.header("x-forwarded-proto", chance.pick(&["https", "http"]));
    }
    if chance.once_in(4) {
        request = request.header("cookie", chance.pick(&["k=1", "k=abc; j=2", "j=1; k=\"1\"", "j=2", "k="]));
    }
    if chance.once_in(4) {
        let kind = chance.pick(&["application/grpc", "application/grpc+proto", "application/grpc-web", "text/plain"]);
        request = request.header("content-type", kind);
    }
    // Chance of the proxy's own decides nothing in the tables: weights take theirs from this header.
    let weight = chance.below(1000).to_string();
    request.header("x-random", weight)
}

fn path(chance: &mut Chance) -> String {
    let mut path = String::new();
    for _ in 0..=chance.below(4) {
        let words = if chance.once_in(9) { ODD_SEGMENTS } else { SEGMENTS };
        path = path + "/" + chance.pick(words);
    }
    if chance.once_in(3) {
        path = path + "?" + chance.pick(QUERIES);
    }
    path
}

/// The same for the client.
pub(crate) fn as_sent(request: &Request) -> http::Request<Full<Bytes>> {
    let mut builder = http::Request::builder().method(request.method.as_str()).uri(request.path.as_str());
    builder = builder.header("host", request.authority.as_str());
    for (name, value) in &request.headers {
        builder = builder.header(name.as_str(), value.as_str());
    }
    builder.body(Full::default()).unwrap_or_else(|error| panic!("{request:?}: {error}"))
}
