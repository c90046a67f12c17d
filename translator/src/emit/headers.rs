//! Edits to headers. Envoy leaves the host to a rewrite of its own, and refuses edits of it here.

use envoy_types::pb::envoy::config::core::v3::{
    HeaderValue, HeaderValueOption, header_value_option::HeaderAppendAction,
};

use crate::ir::{Edit, HeaderEdits};

pub(super) fn request_edits(edits: &HeaderEdits) -> Vec<HeaderValueOption> {
    edits.edits.iter().filter(|edit| !is_host(name(edit))).filter_map(option).collect()
}

pub(super) fn request_removals(edits: &HeaderEdits) -> Vec<String> {
    removals(edits).filter(|name| !is_host(name)).cloned().collect()
}

pub(super) fn response_edits(edits: &HeaderEdits) -> Vec<HeaderValueOption> {
    edits.edits.iter().filter(|edit| !is_host(name(edit))).filter_map(option).collect()
}

pub(super) fn response_removals(edits: &HeaderEdits) -> Vec<String> {
    removals(edits).filter(|name| !is_host(name)).cloned().collect()
}

/// The host these edits set, if they do.
pub(super) fn host(edits: &HeaderEdits) -> Option<&str> {
    edits.edits.iter().rev().find_map(|edit| match edit {
        Edit::Set(name, value) if is_host(name) && !value.is_empty() => Some(value.as_str()),
        Edit::Set(..) | Edit::Add(..) => None,
    })
}

pub(super) fn are_none(edits: &HeaderEdits) -> bool {
    edits.edits.is_empty() && edits.remove.is_empty()
}

fn removals(edits: &HeaderEdits) -> impl Iterator<Item = &String> {
    edits.remove.iter().filter(|name| is_ordinary(name))
}

fn name(edit: &Edit) -> &str {
    match edit {
        Edit::Set(name, _) | Edit::Add(name, _) => name,
    }
}

fn is_host(name: &str) -> bool {
    name.eq_ignore_ascii_case("host") || name.eq_ignore_ascii_case(":authority")
}

/// Neither empty nor one of HTTP/2's own.
fn is_ordinary(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(':')
}

fn option(edit: &Edit) -> Option<HeaderValueOption> {
    let (name, value, action) = match edit {
        Edit::Set(name, value) => (name, value, HeaderAppendAction::OverwriteIfExistsOrAdd),
        Edit::Add(name, value) => (name, value, HeaderAppendAction::AppendIfExistsOrAdd),
    };
    is_ordinary(name).then(|| HeaderValueOption {
        // A lone percent sign would begin one of Envoy's substitutions.
        header: Some(HeaderValue { key: name.clone(), value: value.replace('%', "%%"), ..HeaderValue::default() }),
        append_action: action.into(),
        keep_empty_value: true,
        ..HeaderValueOption::default()
    })
}
