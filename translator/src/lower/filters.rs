//! The filters of a rule or backend, read together, with what is wrong with them.

use std::time::Duration;

use crate::api::{self, Header, HeaderModifier, PathModifier, PathModifierType, RouteFilter, RouteFilterType};
use crate::ir::{Cors, Edit, HeaderEdits, OriginMatch};
use crate::reasons;

use super::matches::is_token;

/// What the filters of one level come to.
#[derive(Debug, Default)]
pub(crate) struct Filters<'a> {
    pub(crate) request: HeaderEdits,
    pub(crate) response: HeaderEdits,
    pub(crate) redirect: Option<&'a api::Redirect>,
    pub(crate) rewrite: Option<&'a api::UrlRewrite>,
    /// With their place.
    pub(crate) mirrors: Vec<(usize, &'a api::Mirror)>,
    pub(crate) cors: Option<Cors>,
    /// The field below the list of filters, the reason and the message.
    pub(crate) faults: Vec<(String, &'static str, String)>,
}

impl<'a> Filters<'a> {
    pub(crate) fn read(filters: &'a [RouteFilter]) -> Filters<'a> {
        let mut found = Filters::default();
        for (index, filter) in filters.iter().enumerate() {
            if let Err((field, message)) = found.take(index, filter) {
                let field = format!("[{index}]{field}");
                found.faults.push((field, reasons::UNSUPPORTED_VALUE, message));
            }
        }
        if found.redirect.is_some() && found.rewrite.is_some() {
            let message = "a rule cannot both redirect and rewrite".to_owned();
            found.faults.push((String::new(), reasons::INCOMPATIBLE_FILTERS, message));
        }
        found
    }

    /// Whether a weighted cluster can do it: it can edit headers.
    pub(crate) fn only_headers(&self) -> bool {
        self.redirect.is_none() && self.rewrite.is_none() && self.mirrors.is_empty() && self.cors.is_none()
    }

    fn take(&mut self, index: usize, filter: &'a RouteFilter) -> Result<(), (String, String)> {
        let missing =
            |field: &str| (format!(".{field}"), format!("must be given for a filter of type {}", filter.kind));
        let twice = || (".type".to_owned(), format!("only one filter of type {} is allowed here", filter.kind));
        match &filter.kind {
            RouteFilterType::RequestHeaderModifier => {
                let modifier =
                    filter.request_header_modifier.as_ref().ok_or_else(|| missing("requestHeaderModifier"))?;
                edit(&mut self.request, modifier).map_err(|(at, fault)| (format!(".requestHeaderModifier{at}"), fault))
            }
            RouteFilterType::ResponseHeaderModifier => {
                let modifier =
                    filter.response_header_modifier.as_ref().ok_or_else(|| missing("responseHeaderModifier"))?;
                edit(&mut self.response, modifier)
                    .map_err(|(at, fault)| (format!(".responseHeaderModifier{at}"), fault))
            }
            RouteFilterType::RequestMirror => {
                let mirror = filter.request_mirror.as_ref().ok_or_else(|| missing("requestMirror"))?;
                self.mirrors.push((index, mirror));
                Ok(())
            }
            RouteFilterType::RequestRedirect => {
                let redirect = filter.request_redirect.as_ref().ok_or_else(|| missing("requestRedirect"))?;
                if self.redirect.is_some() {
                    return Err(twice());
                }
                check_redirect(redirect).map_err(|(at, fault)| (format!(".requestRedirect.{at}"), fault))?;
                self.redirect = Some(redirect);
                Ok(())
            }
            RouteFilterType::URLRewrite => {
                let rewrite = filter.url_rewrite.as_ref().ok_or_else(|| missing("urlRewrite"))?;
                if self.rewrite.is_some() {
                    return Err(twice());
                }
                if let Some(path) = &rewrite.path {
                    check_path(path).map_err(|(at, fault)| (format!(".urlRewrite.path.{at}"), fault))?;
                }
                self.rewrite = Some(rewrite);
                Ok(())
            }
            RouteFilterType::CORS => {
                let written = filter.cors.as_ref().ok_or_else(|| missing("cors"))?;
                if self.cors.is_some() {
                    return Err(twice());
                }
                self.cors = Some(cors(written));
                Ok(())
            }
            RouteFilterType::ExtensionRef => {
                let kind = filter.extension_ref.as_ref().map(|one| format!("{} ({})", one.kind, one.group));
                let kind = kind.unwrap_or_default();
                Err((".extensionRef".to_owned(), format!("objects of kind {kind} are not read")))
            }
            RouteFilterType::ExternalAuth => Err((".type".to_owned(), "ExternalAuth is not supported".to_owned())),
            RouteFilterType::Other(other) => {
                Err((".type".to_owned(), format!("{other} is not one of {}", RouteFilterType::KNOWN.join(", "))))
            }
        }
    }
}

/// Adds the edits of a modifier. What is good of it is taken even if something else is wrong.
fn edit(edits: &mut HeaderEdits, modifier: &HeaderModifier) -> Result<(), (String, String)> {
    let mut fault = None;
    // Of several edits to one header within a rule the first counts.
    let mut seen: Vec<String> = known(edits);
    type Make = fn(String, String) -> Edit;
    let lists: [(&str, &[Header], Make); 2] = [("add", &modifier.add, Edit::Add), ("set", &modifier.set, Edit::Set)];
    for (list, headers, make) in lists {
        for (index, header) in headers.iter().enumerate() {
            let lower = header.name.to_ascii_lowercase();
            match check_header(&header.name, Some(&header.value)) {
                Err(message) => drop(fault.get_or_insert((format!(".{list}[{index}]"), message))),
                Ok(()) if seen.contains(&lower) => {}
                Ok(()) => {
                    seen.push(lower);
                    edits.edits.push(make(header.name.clone(), header.value.clone()));
                }
            }
        }
    }
    for (index, name) in modifier.remove.iter().enumerate() {
        match check_header(name, None) {
            Err(message) => drop(fault.get_or_insert((format!(".remove[{index}]"), message))),
            Ok(()) if edits.remove.iter().any(|known| known.eq_ignore_ascii_case(name)) => {}
            Ok(()) => edits.remove.push(name.clone()),
        }
    }
    fault.map_or(Ok(()), Err)
}

fn known(edits: &HeaderEdits) -> Vec<String> {
    edits.edits.iter().map(|(Edit::Set(name, _) | Edit::Add(name, _))| name.to_ascii_lowercase()).collect()
}

fn check_header(name: &str, value: Option<&str>) -> Result<(), String> {
    if !is_token(name) {
        return Err(format!("{name:?} is not the name of a header"));
    }
    if name.eq_ignore_ascii_case("host") {
        return Err("the Host header cannot be edited; a filter of type URLRewrite changes the host".to_owned());
    }
    match value {
        Some("") => Err(format!("the header {name} gets no value")),
        Some(value) if value.bytes().any(|byte| byte < b' ' && byte != b'\t' || byte == 0x7f) => {
            Err(format!("the value for the header {name} holds characters a header cannot carry"))
        }
        _ => Ok(()),
    }
}

fn check_path(path: &PathModifier) -> Result<(), (String, String)> {
    match (&path.kind, &path.replace_full_path, &path.replace_prefix_match) {
        (PathModifierType::ReplaceFullPath, Some(_), _) | (PathModifierType::ReplacePrefixMatch, _, Some(_)) => Ok(()),
        (PathModifierType::ReplaceFullPath, ..) => {
            Err(("replaceFullPath".to_owned(), "must be given for type ReplaceFullPath".to_owned()))
        }
        (PathModifierType::ReplacePrefixMatch, ..) => {
            Err(("replacePrefixMatch".to_owned(), "must be given for type ReplacePrefixMatch".to_owned()))
        }
        (PathModifierType::Other(other), ..) => {
            Err(("type".to_owned(), format!("{other} is not one of {}", PathModifierType::KNOWN.join(", "))))
        }
    }
}

fn check_redirect(redirect: &api::Redirect) -> Result<(), (String, String)> {
    if let Some(scheme) = redirect.scheme.as_deref().filter(|scheme| !matches!(*scheme, "http" | "https")) {
        return Err(("scheme".to_owned(), format!("{scheme} is not one of http, https")));
    }
    if !matches!(redirect.status_code, 301 | 302 | 303 | 307 | 308) {
        let message = format!("{} is not one of 301, 302, 303, 307, 308", redirect.status_code);
        return Err(("statusCode".to_owned(), message));
    }
    if redirect.port.is_some_and(|port| !(1..=65535).contains(&port)) {
        return Err(("port".to_owned(), "is not a port".to_owned()));
    }
    match &redirect.path {
        Some(path) => check_path(path).map_err(|(at, fault)| (format!("path.{at}"), fault)),
        None => Ok(()),
    }
}

fn cors(written: &api::Cors) -> Cors {
    let texts = |list: &[std::sync::Arc<str>]| list.iter().map(|text| text.to_string()).collect();
    let origin = |text: &str| match text {
        "*" => OriginMatch::Any,
        text if text.contains('*') => OriginMatch::Wildcard(text.to_owned()),
        text => OriginMatch::Exact(text.to_owned()),
    };
    Cors {
        origins: written.allow_origins.iter().map(|text| origin(text)).collect(),
        methods: texts(&written.allow_methods),
        request_headers: texts(&written.allow_headers),
        exposed_headers: texts(&written.expose_headers),
        max_age: Duration::from_secs(u64::try_from(written.max_age).unwrap_or(5)),
        credentials: written.allow_credentials.unwrap_or(false),
    }
}
