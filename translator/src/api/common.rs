//! References and selectors several kinds share.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::GATEWAY_GROUP;
use super::filter::RouteFilter;
use super::open::{FromNamespaces, LabelOperator};

/// What a route wants to be attached to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ParentRef {
    /// The group of the parent. Default: the Gateway API's.
    #[serde(default = "gateway_group")]
    pub group: Arc<str>,
    /// The kind of the parent. Default: Gateway.
    #[serde(default = "gateway_kind")]
    pub kind: Arc<str>,
    /// The namespace of the parent. Default: the route's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Arc<str>>,
    /// The name of the parent.
    pub name: Arc<str>,
    /// One listener of the parent. Default: each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section_name: Option<Arc<str>>,
    /// The listeners of one port. Default: of each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<i32>,
}

pub(crate) fn gateway_group() -> Arc<str> {
    GATEWAY_GROUP.into()
}

pub(crate) fn gateway_kind() -> Arc<str> {
    "Gateway".into()
}

fn service_kind() -> Arc<str> {
    "Service".into()
}

fn secret_kind() -> Arc<str> {
    "Secret".into()
}

fn one() -> i32 {
    1
}

/// Where a rule sends requests, or connections.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendRef {
    /// The group of the backend. Default: the core group.
    #[serde(default)]
    pub group: Arc<str>,
    /// The kind of the backend. Default: Service.
    #[serde(default = "service_kind")]
    pub kind: Arc<str>,
    /// The namespace of the backend. Default: the route's.
    #[serde(default)]
    pub namespace: Option<Arc<str>>,
    /// The name of the backend.
    #[serde(default)]
    pub name: Arc<str>,
    /// The port of the Service.
    #[serde(default)]
    pub port: Option<i32>,
    /// The share of the requests, relative to the rule's other backends. Default: 1.
    #[serde(default = "one")]
    pub weight: i32,
    /// What is done to the requests this backend gets.
    #[serde(default)]
    pub filters: Vec<RouteFilter>,
}

/// A reference to an object of the kind Secret, unless it says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// The group. Default: the core group.
    #[serde(default)]
    pub group: Arc<str>,
    /// The kind. Default: Secret.
    #[serde(default = "secret_kind")]
    pub kind: Arc<str>,
    /// The namespace. Default: that of the object that refers.
    #[serde(default)]
    pub namespace: Option<Arc<str>>,
    /// The name.
    pub name: Arc<str>,
}

/// A reference to an object of any kind.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectReference {
    /// The group; empty for the core group.
    #[serde(default)]
    pub group: Arc<str>,
    /// The kind.
    #[serde(default)]
    pub kind: Arc<str>,
    /// The namespace. Default: that of the object that refers.
    #[serde(default)]
    pub namespace: Option<Arc<str>>,
    /// The name.
    #[serde(default)]
    pub name: Arc<str>,
}

/// Which routes a listener lets attach.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AllowedRoutes {
    /// From where.
    pub namespaces: Option<Namespaces>,
    /// Of which kinds. Default: those the protocol carries.
    pub kinds: Vec<RouteGroupKind>,
}

/// A kind of route.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, serde::Serialize)]
pub struct RouteGroupKind {
    /// The group. Default: the Gateway API's.
    #[serde(default = "gateway_group")]
    pub group: Arc<str>,
    /// The kind.
    pub kind: Arc<str>,
}

/// The namespaces whose objects may attach.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Namespaces {
    /// Which they are. What is meant by absence, the holder says.
    pub from: Option<FromNamespaces>,
    /// The selector, for [`FromNamespaces::Selector`].
    pub selector: Option<LabelSelector>,
}

/// Chooses objects by their labels.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    /// Labels and the values they must have.
    pub match_labels: BTreeMap<String, String>,
    /// Further conditions; all must hold.
    pub match_expressions: Vec<LabelRequirement>,
}

/// One condition on a label.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LabelRequirement {
    /// The label.
    pub key: String,
    /// How it is compared.
    pub operator: LabelOperator,
    /// With what.
    #[serde(default)]
    pub values: Vec<String>,
}

impl LabelSelector {
    /// Whether these labels are chosen. `Err` names what of the selector is not valid.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> Result<bool, String> {
        let mut all = self.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value));
        for requirement in &self.match_expressions {
            all &= requirement.holds(labels)?;
        }
        Ok(all)
    }
}

impl LabelRequirement {
    fn holds(&self, labels: &BTreeMap<String, String>) -> Result<bool, String> {
        let value = labels.get(&self.key);
        let listed = value.is_some_and(|value| self.values.contains(value));
        let valued = matches!(self.operator, LabelOperator::In | LabelOperator::NotIn);
        if valued && self.values.is_empty() {
            return Err(format!("the operator {} of the label {} needs values", self.operator, self.key));
        }
        if !valued && !self.values.is_empty() {
            return Err(format!("the operator {} of the label {} takes no values", self.operator, self.key));
        }
        match &self.operator {
            LabelOperator::In => Ok(listed),
            LabelOperator::NotIn => Ok(!listed),
            LabelOperator::Exists => Ok(value.is_some()),
            LabelOperator::DoesNotExist => Ok(value.is_none()),
            LabelOperator::Other(other) => Err(format!("{other} is not an operator of a label selector")),
        }
    }
}
