//! What a real Envoy says of the resources of a proxy, without serving them: they are put into a bootstrap, with everything
//! in place that would come by name.

use std::collections::BTreeMap;

use chancery_protocol::TypeUrl;
use chancery_resource::{Secrets, to_json};
use chancery_testkit::{Bootstrap, EnvoyVersion};
use chancery_translator::ProxyResources;
use serde_json::{Value, json};

use crate::Failure;

/// `Ok`, or its reasons.
pub(super) async fn ask(version: EnvoyVersion, proxy: &ProxyResources) -> Result<Result<(), String>, Failure> {
    let bootstrap = bootstrap(proxy)?;
    let said = chancery_testkit::validate(version, &format!("{bootstrap:#}")).await?;
    Ok(said.map_err(|reasons| first_error(&reasons)))
}

/// The line that says why, of all that was printed.
fn first_error(said: &str) -> String {
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let line = lines.iter().find(|line| line.contains("error initializing") || line.contains("[critical]"));
    line.or(lines.last()).map(|line| line.trim().to_owned()).unwrap_or_else(|| "it gives no reason".to_owned())
}

fn bootstrap(proxy: &ProxyResources) -> Result<Value, Failure> {
    let mut by_type: BTreeMap<&str, BTreeMap<String, Value>> = BTreeMap::new();
    for resource in proxy.resources.iter() {
        // Its own process on this machine reads it, from a file nobody else can.
        let json = to_json(resource.type_url().as_str(), resource.body(), Secrets::Shown)?;
        by_type.entry(resource.type_url().as_str()).or_default().insert(resource.name().to_string(), json);
    }
    let mut take = |type_url: TypeUrl| by_type.remove(type_url.as_str()).unwrap_or_default();
    let (mut routes, endpoints) = (take(TypeUrl::ROUTE), take(TypeUrl::ENDPOINTS));
    put_hosts(&mut routes, take(TypeUrl::VIRTUAL_HOST));
    let tables = Tables { scopes: scopes(take(TypeUrl::SCOPED_ROUTE), &routes), routes };
    let (clusters, listeners, secrets) = (take(TypeUrl::CLUSTER), take(TypeUrl::LISTENER), take(TypeUrl::SECRET));
    let mut bootstrap = Bootstrap::without_management();
    for mut cluster in clusters.into_values() {
        put_endpoints(&mut cluster, &endpoints);
        put_in_place(&mut cluster, &tables);
        bootstrap = bootstrap.cluster(cluster);
    }
    for mut listener in listeners.into_values() {
        put_in_place(&mut listener, &tables);
        bootstrap = bootstrap.listener(listener);
    }
    let mut bootstrap = bootstrap.to_value();
    bootstrap["static_resources"]["secrets"] = secrets.into_values().collect();
    Ok(bootstrap)
}

/// What connection managers find their routes in.
struct Tables {
    routes: BTreeMap<String, Value>,
    /// Scopes with their route configurations in them.
    scopes: Vec<Value>,
}

/// Virtual hosts stand in their route configuration.
fn put_hosts(routes: &mut BTreeMap<String, Value>, hosts: BTreeMap<String, Value>) {
    for (name, host) in hosts {
        let table = name.rsplit_once('/').and_then(|(table, _)| routes.get_mut(table));
        let Some(fields) = table.and_then(Value::as_object_mut) else { continue };
        fields.remove("vhds");
        let all = fields.entry("virtual_hosts").or_insert_with(|| json!([]));
        all.as_array_mut().into_iter().for_each(|all| all.push(host.clone()));
    }
}

/// Route configurations stand in their scope.
fn scopes(scopes: BTreeMap<String, Value>, routes: &BTreeMap<String, Value>) -> Vec<Value> {
    let whole = |mut scope: Value| {
        let name = scope["route_configuration_name"].as_str().unwrap_or_default().to_owned();
        if let (Some(fields), Some(table)) = (scope.as_object_mut(), routes.get(&name)) {
            fields.remove("route_configuration_name");
            fields.insert("route_configuration".to_owned(), table.clone());
        }
        scope
    };
    scopes.into_values().map(whole).collect()
}

/// Endpoints stand in the cluster, not in a resource of their own.
fn put_endpoints(cluster: &mut Value, endpoints: &BTreeMap<String, Value>) {
    let Some(fields) = cluster.as_object_mut() else { return };
    let Some(discovered) = fields.remove("eds_cluster_config") else { return };
    let name = fields.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let service = discovered["service_name"].as_str().filter(|service| !service.is_empty()).unwrap_or(&name).to_owned();
    let assignment = endpoints.get(&service).cloned().unwrap_or_else(|| json!({ "cluster_name": service }));
    fields.insert("type".to_owned(), "STATIC".into());
    fields.insert("load_assignment".to_owned(), assignment);
}

/// Routes stand in the connection manager; secrets are found among the static ones.
fn put_in_place(value: &mut Value, tables: &Tables) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| put_in_place(value, tables)),
        Value::Object(fields) => {
            if let Some(discovered) = fields.get("rds") {
                let name = discovered["route_config_name"].as_str().unwrap_or_default().to_owned();
                let table = tables.routes.get(&name).cloned().unwrap_or_else(|| json!({ "name": name }));
                fields.remove("rds");
                fields.insert("route_config".to_owned(), table);
            }
            if let Some(scoped) = fields.get_mut("scoped_routes").and_then(Value::as_object_mut) {
                let name = scoped.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
                let own =
                    tables.scopes.iter().filter(|scope| scope["key"]["fragments"][0]["string_key"] == name.as_str());
                scoped.remove("scoped_rds");
                let list = json!({ "scoped_route_configurations": own.collect::<Vec<_>>() });
                scoped.insert("scoped_route_configurations_list".to_owned(), list);
            }
            fields.remove("sds_config");
            fields.values_mut().for_each(|value| put_in_place(value, tables));
        }
        _ => {}
    }
}
