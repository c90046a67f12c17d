//! The same case with exact host names on its plain HTTP listeners: one listener for each host that requests ask for. The answers
//! must be the same; what is said of listeners is not, and is not looked at.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// The host of a request that names none.
const ANY: &str = "any.example";

/// A Gateway or ListenerSet, by kind and name, and one of its listeners.
type Place = (String, String, String);

/// Which listeners take the place of each.
#[derive(Debug, Default)]
pub(crate) struct Exact {
    hosts: BTreeSet<String>,
    listeners: BTreeMap<Place, BTreeSet<String>>,
}

impl Exact {
    /// Of all documents of a case.
    pub(crate) fn of(documents: &[Value]) -> Exact {
        let mut exact = Exact::default();
        for request in documents.iter().filter_map(|document| document["requests"].as_array()).flatten() {
            let host = request["host"].as_str().unwrap_or(ANY);
            exact.hosts.insert(host.split(':').next().unwrap_or(host).to_owned());
        }
        for document in documents {
            for listener in listeners(document) {
                let names = exact.in_place_of(document, listener).into_iter().map(|(name, _)| name);
                let names: BTreeSet<String> = names.collect();
                exact.listeners.entry(place(document, text(listener, "name"))).or_default().extend(names);
            }
        }
        exact
    }

    /// An object of the case, as it is with exact hosts.
    pub(crate) fn changed(&self, document: &Value) -> Value {
        let mut changed = document.clone();
        if let Some(all) = changed.pointer_mut("/spec/listeners").and_then(Value::as_array_mut) {
            *all = all.iter().flat_map(|listener| self.split(document, listener)).collect();
        }
        if let Some(parents) = changed.pointer_mut("/spec/parentRefs").and_then(Value::as_array_mut) {
            *parents = parents.iter().flat_map(|parent| self.parents(parent)).collect();
        }
        changed
    }

    fn split(&self, document: &Value, listener: &Value) -> Vec<Value> {
        let with = |(name, host): (String, String)| {
            let mut one = listener.clone();
            (one["name"], one["hostname"]) = (json!(name), json!(host));
            one
        };
        match text(listener, "protocol") {
            "HTTP" => self.in_place_of(document, listener).into_iter().map(with).collect(),
            _ => vec![listener.clone()],
        }
    }

    /// Names and hosts of the listeners in the place of one: one for each host it says the most about.
    fn in_place_of(&self, document: &Value, listener: &Value) -> Vec<(String, String)> {
        let (name, own) = (text(listener, "name"), text(listener, "hostname"));
        let siblings: Vec<&str> = listeners(document)
            .filter(|other| other["port"] == listener["port"])
            .map(|other| text(other, "hostname"))
            .collect();
        let narrowest =
            |host: &str| siblings.iter().filter(|one| covers(one, host)).max_by_key(|one| one.len()).copied();
        let mut hosts: Vec<String> =
            self.hosts.iter().filter(|host| covers(own, host) && narrowest(host) == Some(own)).cloned().collect();
        if hosts.is_empty() {
            let bare = own.trim_start_matches("*.");
            hosts.push(if bare.is_empty() { format!("{name}.unasked.example") } else { format!("unasked.{bare}") });
        }
        if hosts == [own] {
            return vec![(name.to_owned(), own.to_owned())];
        }
        hosts.into_iter().enumerate().map(|(at, host)| (format!("{name}-{at}"), host)).collect()
    }

    /// A reference to a listener is one to each of those in its place.
    fn parents(&self, parent: &Value) -> Vec<Value> {
        let kind = parent["kind"].as_str().unwrap_or("Gateway").to_owned();
        let key = (kind, text(parent, "name").to_owned(), text(parent, "sectionName").to_owned());
        let Some(names) = self.listeners.get(&key) else { return vec![parent.clone()] };
        let with = |name: &String| {
            let mut one = parent.clone();
            one["sectionName"] = json!(name);
            one
        };
        names.iter().map(with).collect()
    }
}

fn listeners(document: &Value) -> impl Iterator<Item = &Value> {
    let all = document.pointer("/spec/listeners").and_then(Value::as_array);
    all.into_iter().flatten().filter(|listener| listener["protocol"] == "HTTP")
}

fn place(document: &Value, listener: &str) -> Place {
    (text(document, "kind").to_owned(), text(&document["metadata"], "name").to_owned(), listener.to_owned())
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn covers(listener: &str, host: &str) -> bool {
    match listener.strip_prefix('*') {
        Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
        None => listener.is_empty() || listener == host,
    }
}
