//! Discovery responses, written to bytes: a body that equal responses share, and a tail that is one stream's own.

use std::time::Duration;

use chancery_protocol::{
    Capabilities, DeltaResponse, Dress, Nonce, Resource, ResourceName, SotwResponse, TypeUrl, Version, View,
};

use super::fields::{field_len, name_len, put_field, put_head, put_number, put_text, text_len, varint_len};

const WRAPPER_URL: &str = "type.googleapis.com/envoy.service.discovery.v3.Resource";
const NOT_FOUND: u64 = 5;
const INVALID_ARGUMENT: u64 = 3;

/// The part of a state-of-the-world response that equal responses share: everything but version and nonce.
pub fn sotw_body<V: View>(response: &SotwResponse, view: &V, identifier: &str) -> Vec<u8> {
    let type_url = &response.type_url;
    let resources = || response.payload.resources(type_url, view).map(|resource| Form::in_sotw(resource, response));
    let members: usize = resources().map(|form| field_len(form.any_len())).sum();
    let mut out = Vec::with_capacity(members + common_len(type_url, identifier));
    for form in resources() {
        put_head(&mut out, 2, form.any_len());
        form.put_any(&mut out);
    }
    put_text(&mut out, 4, type_url.as_str());
    put_identifier(&mut out, 6, identifier);
    out
}

/// The part of a state-of-the-world response that belongs to one stream. Unsupported names are reported as errors.
pub fn sotw_tail(response: &SotwResponse, unsupported: &[ResourceName]) -> Vec<u8> {
    tail(response.version, response.nonce, 7, unsupported)
}

/// The part of a delta response that equal responses share: everything but version and nonce.
pub fn delta_body<V: View>(response: &DeltaResponse, view: &V, identifier: &str) -> Vec<u8> {
    let type_url = &response.type_url;
    let resources = || {
        response.payload.resources(type_url, view).map(|resource| {
            let capabilities = response.capabilities;
            Wrapped { resource, version: resource.version(), dress: response.dress, ttl: ttl(resource, capabilities) }
        })
    };
    let members: usize = resources().map(|wrapped| field_len(wrapped.len())).sum();
    let unresolved: usize = response.unresolved.iter().map(|name| field_len(2 * name_len(name))).sum();
    let removed: usize = response.removed.iter().map(|name| name_len(name) + field_len(error_len(name, ABSENT))).sum();
    let mut out = Vec::with_capacity(members + unresolved + removed + common_len(type_url, identifier));
    for wrapped in resources() {
        put_head(&mut out, 2, wrapped.len());
        wrapped.put(&mut out);
    }
    for name in &response.unresolved {
        put_head(&mut out, 2, 2 * name_len(name));
        put_field(&mut out, 3, name.as_str().as_bytes());
        put_field(&mut out, 4, name.as_str().as_bytes());
    }
    put_text(&mut out, 4, type_url.as_str());
    for name in &response.removed {
        put_field(&mut out, 6, name.as_str().as_bytes());
    }
    put_identifier(&mut out, 7, identifier);
    for name in &response.removed {
        put_error(&mut out, 9, name, NOT_FOUND, ABSENT);
    }
    out
}

/// The part of a delta response that belongs to one stream. Unsupported names are reported as errors.
pub fn delta_tail(response: &DeltaResponse, unsupported: &[ResourceName]) -> Vec<u8> {
    tail(response.system_version, response.nonce, 9, unsupported)
}

fn tail(version: Version, nonce: Nonce, errors: u8, unsupported: &[ResourceName]) -> Vec<u8> {
    let (mut digits, version) = (itoa::Buffer::new(), version.as_str());
    let nonce = digits.format(nonce.0);
    let mut out = Vec::with_capacity(text_len(version) + text_len(nonce));
    put_text(&mut out, 1, version);
    put_text(&mut out, 5, nonce);
    for name in unsupported {
        put_error(&mut out, errors, name, INVALID_ARGUMENT, UNSUPPORTED);
    }
    out
}

const ABSENT: &str = "does not exist";
const UNSUPPORTED: &str = "dynamic parameters are not supported";

/// `ResourceError { resource_name { name }, error_detail { code, message } }`
fn error_len(name: &ResourceName, message: &str) -> usize {
    field_len(name_len(name)) + field_len(2 + field_len(message.len()))
}

fn put_error(out: &mut Vec<u8>, field: u8, name: &ResourceName, code: u64, message: &str) {
    put_head(out, field, error_len(name, message));
    put_head(out, 1, name_len(name));
    put_field(out, 1, name.as_str().as_bytes());
    put_head(out, 2, 2 + field_len(message.len()));
    put_number(out, 1, code);
    put_field(out, 2, message.as_bytes());
}

fn common_len(type_url: &TypeUrl, identifier: &str) -> usize {
    text_len(type_url.as_str()) + field_len(text_len(identifier))
}

fn put_identifier(out: &mut Vec<u8>, field: u8, identifier: &str) {
    if !identifier.is_empty() {
        put_head(out, field, text_len(identifier));
        put_text(out, 1, identifier);
    }
}

fn ttl(resource: &Resource, capabilities: Capabilities) -> Option<Duration> {
    resource.ttl().filter(|_| capabilities.ttl)
}

/// How a resource stands in a state-of-the-world response.
enum Form<'a> {
    /// As itself.
    Plain(&'a Resource),
    /// In a `Resource` message, for the sake of its TTL (P57) or because it is a heartbeat (P58).
    Wrapped(Wrapped<'a>),
}

impl<'a> Form<'a> {
    fn in_sotw(resource: &'a Resource, response: &SotwResponse) -> Form<'a> {
        let (capabilities, dress) = (response.capabilities, response.dress);
        match ttl(resource, capabilities).filter(|_| capabilities.wrapped_in_sotw) {
            None if dress == Dress::Full => Form::Plain(resource),
            ttl => Form::Wrapped(Wrapped { resource, version: resource.version(), dress, ttl }),
        }
    }

    fn any_len(&self) -> usize {
        match self {
            Form::Plain(resource) => any_len(resource),
            Form::Wrapped(wrapped) => text_len(WRAPPER_URL) + field_len(wrapped.len()),
        }
    }

    fn put_any(&self, out: &mut Vec<u8>) {
        match self {
            Form::Plain(resource) => put_any(out, resource),
            Form::Wrapped(wrapped) => {
                put_text(out, 1, WRAPPER_URL);
                put_head(out, 2, wrapped.len());
                wrapped.put(out);
            }
        }
    }
}

fn any_len(resource: &Resource) -> usize {
    let body = resource.body().len();
    text_len(resource.type_url().as_str()) + if body == 0 { 0 } else { field_len(body) }
}

fn put_any(out: &mut Vec<u8>, resource: &Resource) {
    put_text(out, 1, resource.type_url().as_str());
    if !resource.body().is_empty() {
        put_field(out, 2, resource.body());
    }
}

/// A resource in a `Resource` message.
struct Wrapped<'a> {
    resource: &'a Resource,
    version: Version,
    dress: Dress,
    ttl: Option<Duration>,
}

impl Wrapped<'_> {
    fn len(&self) -> usize {
        let aliases: usize = self.aliases().map(name_len).sum();
        let body = if self.dress == Dress::Full { field_len(any_len(self.resource)) } else { 0 };
        let ttl = self.ttl.map_or(0, |ttl| field_len(duration_len(ttl)));
        text_len(self.version.as_str()) + body + text_len(self.resource.name().as_str()) + aliases + ttl
    }

    fn put(&self, out: &mut Vec<u8>) {
        put_text(out, 1, self.version.as_str());
        if self.dress == Dress::Full {
            put_head(out, 2, any_len(self.resource));
            put_any(out, self.resource);
        }
        put_text(out, 3, self.resource.name().as_str());
        for alias in self.aliases() {
            put_field(out, 4, alias.as_str().as_bytes());
        }
        if let Some(ttl) = self.ttl {
            put_head(out, 6, duration_len(ttl));
            put_number(out, 1, ttl.as_secs());
            put_number(out, 2, u64::from(ttl.subsec_nanos()));
        }
    }

    fn aliases(&self) -> impl Iterator<Item = &ResourceName> {
        self.resource.aliases().iter().filter(|_| self.dress == Dress::Full)
    }
}

fn duration_len(duration: Duration) -> usize {
    let number = |value: u64| if value == 0 { 0 } else { 1 + varint_len(value) };
    number(duration.as_secs()) + number(u64::from(duration.subsec_nanos()))
}
