//! How the hosts of a route table are sent, and which way is asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::api::ObjectId;
use crate::options::EnvoyFloor;

/// How the hosts of a route table are sent. Requests get the same answers in each form; what differs is what the change of one
/// host costs.
///
/// ```
/// use chancery_translator::TableForm;
///
/// assert_eq!("virtual-hosts".parse(), Ok(TableForm::VirtualHosts));
/// assert_eq!(TableForm::Scopes.to_string(), "scopes");
/// assert!("other".parse::<TableForm>().unwrap_err().contains("virtual-hosts"));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TableForm {
    /// All of them in one route configuration, which is sent whole.
    #[default]
    Whole,
    /// Each by itself (VHDS): the change of one sends that one, and Envoy rebuilds its table. Needs delta streams and Envoy
    /// 1.37 ([`EnvoyFloor`]).
    VirtualHosts,
    /// Each in a route configuration of its own, chosen by the host of a request (SRDS): the change of one sends that one, and
    /// Envoy rebuilds nothing else. Needs exact host names on all listeners that share a socket, so that no route can bring
    /// one that is not. Host names of requests are then compared as they are written: `SHOP.example` is not `shop.example`.
    Scopes,
}

impl TableForm {
    /// All forms.
    pub const ALL: [TableForm; 3] = [TableForm::Whole, TableForm::VirtualHosts, TableForm::Scopes];

    fn text(self) -> &'static str {
        match self {
            TableForm::Whole => "whole",
            TableForm::VirtualHosts => "virtual-hosts",
            TableForm::Scopes => "scopes",
        }
    }

    /// What can be had of what is asked for, and why it is not all of it.
    pub(crate) fn possible(self, floor: EnvoyFloor, hosts_are_exact: bool) -> (TableForm, Option<&'static str>) {
        let by_host = match floor >= EnvoyFloor::V1_37 {
            true => TableForm::VirtualHosts,
            false => TableForm::Whole,
        };
        match self {
            TableForm::Scopes if !hosts_are_exact => (by_host, Some("a listener of the socket has no exact host name")),
            TableForm::VirtualHosts if by_host == TableForm::Whole => {
                (by_host, Some("virtual hosts by themselves need Envoy 1.37, and older ones are served"))
            }
            form => (form, None),
        }
    }
}

impl fmt::Display for TableForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl FromStr for TableForm {
    type Err = String;

    fn from_str(text: &str) -> Result<TableForm, String> {
        let found = TableForm::ALL.into_iter().find(|form| form.text() == text);
        found.ok_or_else(|| format!("{text:?} is not a form of route tables: whole, virtual-hosts or scopes"))
    }
}

/// Which form of route tables is asked for. A change of form changes listeners, so no object of a user decides it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RouteTables {
    /// For the listeners of these Gateways, their ListenerSets included. Where those of several share a route table, it has the
    /// first of their forms, in the order of [`TableForm`].
    pub gateways: BTreeMap<ObjectId, TableForm>,
    /// For all others. Default: whole.
    pub otherwise: TableForm,
    /// The form all tables had before, if that was another one: they are sent in that form as well, for connections that were
    /// open when the form changed. A proxy lets those go only after a while (`--drain-time-s`, 600 seconds by default), and
    /// answers 404 on them when their tables are gone.
    pub former: Option<TableForm>,
}

impl RouteTables {
    /// What is asked for a Gateway.
    pub fn of(&self, gateway: &ObjectId) -> TableForm {
        self.gateways.get(gateway).copied().unwrap_or(self.otherwise)
    }
}
