//! The changes of headers at each level, in the order they are made.

use envoy_types::pb::envoy::config::core::v3::HeaderValueOption;
use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use serde::Serialize;

/// Whose changes they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Of the weighted cluster that was chosen.
    WeightedCluster,
    /// Of the route.
    Route,
    /// Of the virtual host.
    VirtualHost,
    /// Of the route configuration.
    RouteConfiguration,
}

/// What is done to a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HeaderOperation {
    /// Every header of the name is removed.
    Remove,
    /// One more is added.
    Append,
    /// One is added if there is none.
    AddIfAbsent,
    /// It takes the place of all there are, if any.
    Overwrite,
    /// It takes the place of all there are, if there are any.
    OverwriteIfPresent,
}

/// One change of one header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeaderChange {
    /// Whose change it is.
    pub level: Level,
    /// What is done.
    pub operation: HeaderOperation,
    /// The header's name, lower case.
    pub name: String,
    /// The value, as configured: Envoy puts in what stands between `%` signs. `None` for a removal.
    pub value: Option<String>,
}

impl HeaderChange {
    /// The value as it is sent; `None` when Envoy computes it, or there is none.
    pub fn literal(&self) -> Option<String> {
        let value = self.value.as_deref()?;
        let literal = value.replace("%%", "\u{0}");
        if literal.contains('%') { None } else { Some(literal.replace('\u{0}', "%")) }
    }
}

/// Changes of headers, in the order they are made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct HeaderChanges(pub Vec<HeaderChange>);

impl HeaderChanges {
    /// The headers after these changes. A value that Envoy computes stands there as configured.
    ///
    /// ```
    /// use chancery_explain::{HeaderChange, HeaderChanges, HeaderOperation, Level};
    /// let overwrite = HeaderChange {
    ///     level: Level::Route,
    ///     operation: HeaderOperation::Overwrite,
    ///     name: "x-a".into(),
    ///     value: Some("2".into()),
    /// };
    /// let after = HeaderChanges(vec![overwrite]).applied_to(&[("X-A".into(), "1".into())]);
    /// assert_eq!(after, [("x-a".to_owned(), "2".to_owned())]);
    /// ```
    pub fn applied_to(&self, headers: &[(String, String)]) -> Vec<(String, String)> {
        let mut now: Vec<(String, String)> =
            headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
        for level in self.0.chunk_by(|one, next| one.level == next.level) {
            now = level_applied(level, now);
        }
        now
    }
}

/// The headers after the changes of one level: what is there decides before anything is added, and what overwrites goes
/// before what adds.
fn level_applied(changes: &[HeaderChange], mut headers: Vec<(String, String)>) -> Vec<(String, String)> {
    let of = |wanted: &[HeaderOperation]| changes.iter().filter(|change| wanted.contains(&change.operation)).collect();
    let removals: Vec<&HeaderChange> = of(&[HeaderOperation::Remove]);
    headers.retain(|(name, _)| !removals.iter().any(|change| change.name == *name));
    let before: Vec<String> = headers.iter().map(|(name, _)| name.clone()).collect();
    let text = |change: &HeaderChange| change.literal().or_else(|| change.value.clone()).unwrap_or_default();
    for change in of(&[HeaderOperation::Overwrite, HeaderOperation::OverwriteIfPresent]) {
        if change.operation == HeaderOperation::Overwrite || before.contains(&change.name) {
            headers.retain(|(name, _)| *name != change.name);
            headers.push((change.name.clone(), text(change)));
        }
    }
    for change in of(&[HeaderOperation::Append, HeaderOperation::AddIfAbsent]) {
        if change.operation == HeaderOperation::Append || !before.contains(&change.name) {
            headers.push((change.name.clone(), text(change)));
        }
    }
    headers
}

/// The changes one level makes: removals first.
#[derive(Debug, Clone, Default)]
pub(crate) struct LevelChanges(Vec<HeaderChange>);

impl LevelChanges {
    pub(crate) fn new(level: Level, added: &[HeaderValueOption], removed: &[String]) -> LevelChanges {
        let removals = removed.iter().map(|name| HeaderChange {
            level,
            operation: HeaderOperation::Remove,
            name: name.to_ascii_lowercase(),
            value: None,
        });
        let additions = added.iter().filter_map(|option| {
            let header = option.header.as_ref()?;
            let value = if header.value.is_empty() {
                String::from_utf8_lossy(&header.raw_value).into_owned()
            } else {
                header.value.clone()
            };
            if value.is_empty() && !option.keep_empty_value {
                return None;
            }
            Some(HeaderChange {
                level,
                operation: operation(option),
                name: header.key.to_ascii_lowercase(),
                value: Some(value),
            })
        });
        LevelChanges(removals.chain(additions).collect())
    }

    pub(crate) fn changes(&self) -> &[HeaderChange] {
        &self.0
    }
}

#[allow(deprecated, reason = "resources written for older proxies still say it so")]
fn operation(option: &HeaderValueOption) -> HeaderOperation {
    match &option.append {
        Some(append) if append.value => return HeaderOperation::Append,
        Some(_) => return HeaderOperation::Overwrite,
        None => {}
    }
    match HeaderAppendAction::try_from(option.append_action).unwrap_or(HeaderAppendAction::AppendIfExistsOrAdd) {
        HeaderAppendAction::AppendIfExistsOrAdd => HeaderOperation::Append,
        HeaderAppendAction::AddIfAbsent => HeaderOperation::AddIfAbsent,
        HeaderAppendAction::OverwriteIfExistsOrAdd => HeaderOperation::Overwrite,
        HeaderAppendAction::OverwriteIfExists => HeaderOperation::OverwriteIfPresent,
    }
}

/// The changes of all levels, each with those of requests and of responses.
#[derive(Debug, Clone, Default)]
pub(crate) struct BothWays {
    pub(crate) request: LevelChanges,
    pub(crate) response: LevelChanges,
}
