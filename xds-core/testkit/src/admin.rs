//! Envoy's admin interface: what a proxy accepted, refused and listens on.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use chancery_protocol::TypeUrl;
use http::Method;
use serde_json::Value;

use crate::http::{Answer, Connection, HttpError, request};

/// Why the admin interface did not say.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// No answer.
    #[error("the admin interface did not answer {path}: {source}")]
    Silent {
        /// What was asked.
        path: String,
        /// Why there is no answer.
        source: HttpError,
    },
    /// An answer other than 200.
    #[error("the admin interface answered {path} with {status}: {body}")]
    Refused {
        /// What was asked.
        path: String,
        /// The status code.
        status: u16,
        /// What it said.
        body: String,
    },
}

/// The admin interface of a running Envoy.
#[derive(Debug, Clone)]
pub struct Admin {
    address: SocketAddr,
}

impl Admin {
    /// The admin interface at this address.
    pub fn new(address: SocketAddr) -> Admin {
        Admin { address }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What `GET path` answers, path and query as in Envoy's documentation.
    ///
    /// # Errors
    /// [`AdminError`], also for any status but 200.
    pub async fn get(&self, path: &str) -> Result<Answer, AdminError> {
        self.ask(Method::GET, path).await
    }

    /// What `POST path` answers: `/drain_listeners?graceful`, `/logging?level=debug`.
    ///
    /// # Errors
    /// [`AdminError`], also for any status but 200.
    pub async fn post(&self, path: &str) -> Result<Answer, AdminError> {
        self.ask(Method::POST, path).await
    }

    async fn ask(&self, method: Method, path: &str) -> Result<Answer, AdminError> {
        let answer = self.exchange(method, path).await;
        let answer = answer.map_err(|source| AdminError::Silent { path: path.to_owned(), source })?;
        match answer.status {
            200 => Ok(answer),
            status => Err(AdminError::Refused { path: path.to_owned(), status, body: answer.text() }),
        }
    }

    async fn exchange(&self, method: Method, path: &str) -> Result<Answer, HttpError> {
        Connection::open(self.address).await?.send(request(method, "admin", path)?).await
    }

    /// Whether the proxy is live: its first configuration has come, and all of it is warm.
    ///
    /// # Errors
    /// [`AdminError::Silent`] when there is no answer at all.
    pub async fn ready(&self) -> Result<bool, AdminError> {
        match self.get("/ready").await {
            Ok(_) => Ok(true),
            Err(AdminError::Refused { .. }) => Ok(false),
            Err(silent) => Err(silent),
        }
    }

    /// The counters and gauges whose names match this regular expression (`""`: all).
    ///
    /// # Errors
    /// [`AdminError`]
    pub async fn stats(&self, filter: &str) -> Result<BTreeMap<String, u64>, AdminError> {
        let text = self.stats_text(filter).await?;
        let number =
            |line: &str| line.rsplit_once(": ").and_then(|(name, value)| Some((name.to_owned(), value.parse().ok()?)));
        Ok(text.lines().filter_map(number).collect())
    }

    /// One counter or gauge by its name; 0 when there is none.
    ///
    /// # Errors
    /// [`AdminError`]
    pub async fn stat(&self, name: &str) -> Result<u64, AdminError> {
        Ok(self.stats(name).await?.get(name).copied().unwrap_or_default())
    }

    /// The text readouts whose names match (`version_text`: the version of the last accepted update per subscription).
    ///
    /// # Errors
    /// [`AdminError`]
    pub async fn texts(&self, filter: &str) -> Result<BTreeMap<String, String>, AdminError> {
        let text = self.stats_text(filter).await?;
        let quoted = |line: &str| {
            let (name, value) = line.split_once(": ")?;
            Some((name.to_owned(), value.strip_prefix('"')?.strip_suffix('"')?.to_owned()))
        };
        Ok(text.lines().filter_map(quoted).collect())
    }

    async fn stats_text(&self, filter: &str) -> Result<String, AdminError> {
        let path = match filter {
            "" => "/stats".to_owned(),
            filter => format!("/stats?filter={}", percent_encoded(filter)),
        };
        Ok(self.get(&path).await?.text())
    }

    /// Every statistic that counts refused configuration and is not 0: updates refused of any type, key rotations and
    /// extension configurations that failed, listeners that could not be made (bound).
    ///
    /// # Errors
    /// [`AdminError`]
    pub async fn update_rejected(&self) -> Result<Vec<(String, u64)>, AdminError> {
        const REFUSALS: &str = r"(\.update_rejected|\.key_rotation_failed|\.config_fail|\.listener_create_failure)$";
        Ok(self.stats(REFUSALS).await?.into_iter().filter(|(_, count)| *count > 0).collect())
    }

    /// The whole configuration, endpoints included.
    ///
    /// # Errors
    /// [`AdminError`]
    pub async fn config_dump(&self) -> Result<Value, AdminError> {
        Ok(self.get("/config_dump?include_eds").await?.json())
    }

    /// The addresses each listener really listens on, by the listener's name.
    ///
    /// # Errors
    /// [`AdminError`]
    pub async fn listeners(&self) -> Result<BTreeMap<String, Vec<SocketAddr>>, AdminError> {
        let answer = self.get("/listeners?format=json").await?.json();
        let mut found = BTreeMap::new();
        for status in items(&answer["listener_statuses"]) {
            let more = items(&status["additional_local_addresses"]);
            let addresses = std::iter::once(&status["local_address"]).chain(more).filter_map(address);
            found.insert(text(&status["name"]), addresses.collect());
        }
        Ok(found)
    }

    /// The version of a resource the proxy holds: of the resource itself (delta), or of the response it came in (SotW).
    /// `None`: it does not hold it, or the type's versions are not shown (runtime, virtual hosts).
    ///
    /// # Errors
    /// [`AdminError`]
    pub async fn version_of(&self, type_url: &TypeUrl, name: &str) -> Result<Option<String>, AdminError> {
        Ok(self.versions_of(type_url).await?.remove(name))
    }

    /// The versions of all resources of a type the proxy holds, by name. See [`Admin::version_of`].
    ///
    /// # Errors
    /// [`AdminError`]
    pub async fn versions_of(&self, type_url: &TypeUrl) -> Result<BTreeMap<String, String>, AdminError> {
        let dump = self.config_dump().await?;
        let sections = items(&dump["configs"]);
        let entries = sections.iter().flat_map(|section| held(section, type_url));
        Ok(entries.filter(|(_, version)| !version.is_empty()).collect())
    }

    /// The listeners the proxy refused, with its reasons. (Refused clusters are not shown by name.)
    ///
    /// # Errors
    /// [`AdminError`]
    pub async fn refused_listeners(&self) -> Result<BTreeMap<String, String>, AdminError> {
        let dump = self.get("/config_dump?resource=dynamic_listeners").await?.json();
        let refused = items(&dump["configs"]).iter().filter(|entry| entry["error_state"].is_object());
        Ok(refused.map(|entry| (text(&entry["name"]), text(&entry["error_state"]["details"]))).collect())
    }
}

/// Names and versions of the resources of this type in one section of a configuration dump.
fn held(section: &Value, type_url: &TypeUrl) -> Vec<(String, String)> {
    let (lists, name, version): (&[&str], &str, &str) = match type_url.short() {
        Some("lds") => (&["dynamic_listeners"], "/name", "/active_state/version_info"),
        Some("cds") => (&["dynamic_active_clusters", "dynamic_warming_clusters"], "/cluster/name", "/version_info"),
        Some("eds") => (&["dynamic_endpoint_configs"], "/endpoint_config/cluster_name", "/version_info"),
        Some("rds") => (&["dynamic_route_configs"], "/route_config/name", "/version_info"),
        Some("srds") => (&["dynamic_scoped_route_configs"], "/name", "/version_info"),
        Some("sds") => (&["dynamic_active_secrets"], "/name", "/version_info"),
        Some("ecds") => (&["ecds_filters"], "/ecds_filter/name", "/version_info"),
        _ => return Vec::new(),
    };
    let entries = lists.iter().flat_map(|list| items(&section[*list]));
    let at = |entry: &Value, pointer: &str| entry.pointer(pointer).map(text).unwrap_or_default();
    entries.map(|entry| (at(entry, name), at(entry, version))).collect()
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn address(value: &Value) -> Option<SocketAddr> {
    let socket = &value["socket_address"];
    let port = u16::try_from(socket["port_value"].as_u64()?).ok()?;
    Some(SocketAddr::new(socket["address"].as_str()?.parse().ok()?, port))
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}
