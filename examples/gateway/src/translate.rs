//! `chancery translate`: what a directory of Gateway API objects comes to.

use std::process::ExitCode;

use serde_json::{Map, Value, json};

use crate::command::Translate;
use crate::rendered::{Rendered, RenderedProxy, RenderedResource};
use crate::table::aligned;
use crate::{Failure, gateway_api, output};

pub(crate) fn run(arguments: &Translate) -> Result<ExitCode, Failure> {
    let seen = gateway_api::read(&arguments.directory)?;
    let translation = chancery_translator::translate(&seen.world, &gateway_api::options(&arguments.translating));
    let wanted = |proxy: &chancery_translator::ProxyResources| match &arguments.gateway {
        Some(name) => proxy.gateways.iter().any(|one| *one.namespace == *name.namespace && *one.name == *name.name),
        None => true,
    };
    let chosen = translation.proxies.iter().filter(|(_, proxy)| wanted(proxy)).map(|(id, _)| id.to_string());
    let chosen: Vec<String> = chosen.collect();
    let mut rendered = Rendered::of(&translation);
    rendered.proxies.retain(|name, _| chosen.contains(name));
    if let (Some(gateway), true) = (&arguments.gateway, rendered.proxies.is_empty()) {
        return Err(gateway_api::no_proxy_for(gateway, &translation).into());
    }
    let trouble = seen.problems.len() + translation.problems.len();
    if trouble > 0 {
        eprintln!("note: {trouble} problems; see chancery validate {}", arguments.directory.display());
    }
    let document = match (arguments.config_dump, rendered.proxies.len()) {
        (false, _) => document(&rendered, arguments.provenance),
        (true, 1) => rendered.proxies.values().next().map(RenderedProxy::config_dump).unwrap_or_default(),
        (true, count) => {
            return Err(format!("--config-dump is of one proxy, and there are {count}: say --gateway").into());
        }
    };
    print!("{}", output::render(&document, arguments.output, || table(&rendered))?);
    Ok(ExitCode::SUCCESS)
}

/// By proxy and type: what each resource says, or that with where it comes from.
fn document(rendered: &Rendered, provenance: bool) -> Value {
    let entry = |resource: &RenderedResource| match provenance {
        true => json!({ "from": resource.origins, "version": resource.version, "resource": resource.body }),
        false => resource.body.clone(),
    };
    let of_proxy = |proxy: &RenderedProxy| -> Map<String, Value> {
        let types = proxy.by_type().into_iter();
        types.map(|(kind, resources)| (kind, resources.into_iter().map(entry).collect())).collect()
    };
    rendered.proxies.iter().map(|(name, proxy)| (name.clone(), Value::Object(of_proxy(proxy)))).collect()
}

fn table(rendered: &Rendered) -> String {
    let mut rows = vec![["PROXY", "TYPE", "NAME", "VERSION", "FROM"].map(str::to_owned)];
    for (name, proxy) in &rendered.proxies {
        for resource in &proxy.resources {
            let from = resource.origins.first().cloned().unwrap_or_default();
            rows.push([name.clone(), resource.kind(), resource.name.clone(), resource.version.clone(), from]);
        }
    }
    match rows.len() {
        1 => "No Gateway of these objects is served.\n".to_owned(),
        _ => aligned(&rows),
    }
}
