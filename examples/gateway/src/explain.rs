//! `chancery explain`: which route, policies and backends a request meets, and why, in terms of the objects.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use chancery_explain::{
    ClientCertificate, Config, Entry, Explanation, HostRewrite, Outcome, Rejected, Request, Standing, Transport,
    Upstream,
};
use chancery_protocol::{ResourceName, TypeUrl};
use chancery_translator::api::{Kind, ObjectId};
use chancery_translator::{Origin, ProxyResources, Translation, World};
use serde::Serialize;

use crate::command::{Explain, GatewayName};
use crate::gateway_api::Seen;
use crate::{Failure, gateway_api, output};

/// What is told of a request.
#[derive(Debug, Serialize)]
pub(crate) struct Told {
    gateway: String,
    request: String,
    /// Where what the request meets comes from.
    from: From,
    explanation: Explanation,
    /// What was considered and not taken, with where it comes from.
    not_taken: Vec<NotTaken>,
}

#[derive(Debug, Default, Serialize)]
struct From {
    filter_chain: Vec<String>,
    virtual_host: Vec<String>,
    route: Vec<String>,
    cluster: Vec<String>,
    /// The policies among all of these.
    policies: BTreeSet<String>,
}

#[derive(Debug, Serialize)]
struct NotTaken {
    #[serde(flatten)]
    rejected: Rejected,
    from: Vec<String>,
}

/// What is asked about.
pub(crate) struct Question<'a> {
    pub(crate) gateway: &'a ObjectId,
    pub(crate) port: Option<u16>,
    pub(crate) method: &'a str,
    pub(crate) host: &'a str,
    pub(crate) path: &'a str,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) tls_server_name: Option<&'a str>,
}

pub(crate) fn run(arguments: &Explain) -> Result<ExitCode, Failure> {
    let seen = gateway_api::read(&arguments.directory)?;
    let translation = chancery_translator::translate(&seen.world, &gateway_api::options(&arguments.translating));
    let gateway = chosen(arguments.gateway.as_ref(), &translation, &arguments.directory)?;
    let headers: Result<Vec<(String, String)>, Failure> = arguments.header.iter().map(|text| header(text)).collect();
    let question = Question {
        gateway: &gateway,
        port: arguments.port,
        method: &arguments.method,
        host: &arguments.host,
        path: &arguments.path,
        headers: headers?,
        tls_server_name: arguments.tls_server_name.as_deref(),
    };
    let told = tell(&seen, &translation, &question)?;
    print!("{}", output::render(&told, arguments.output, || told.text())?);
    let found = told.explanation.route.is_some() || matches!(told.explanation.outcome, Outcome::Tcp { .. });
    Ok(if found { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn header(text: &str) -> Result<(String, String), Failure> {
    let (name, value) = text.split_once(':').ok_or_else(|| format!("--header {text:?} is not NAME: VALUE"))?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn chosen(named: Option<&GatewayName>, translation: &Translation, directory: &Path) -> Result<ObjectId, Failure> {
    let all: Vec<&ObjectId> = translation.proxies.values().flat_map(|proxy| &proxy.gateways).collect();
    match (named, all.as_slice()) {
        (Some(name), _) => {
            let id = ObjectId::new(Kind::Gateway, &name.namespace, &name.name);
            match all.contains(&&id) {
                true => Ok(id),
                false => Err(gateway_api::no_proxy_for(name, translation).into()),
            }
        }
        (None, [one]) => Ok((*one).clone()),
        (None, []) => Err(format!("no Gateway in {} is served; see chancery validate", directory.display()).into()),
        (None, several) => {
            let names: Vec<String> = several.iter().map(|id| format!("{}/{}", id.namespace, id.name)).collect();
            Err(format!("there are several Gateways, {}: say --gateway", names.join(", ")).into())
        }
    }
}

/// Answers a question.
pub(crate) fn tell(seen: &Seen, translation: &Translation, question: &Question<'_>) -> Result<Told, Failure> {
    let gateway = question.gateway;
    let proxy = translation.proxies.values().find(|proxy| proxy.gateways.contains(gateway));
    let proxy = proxy.ok_or_else(|| format!("{gateway} is not served"))?;
    let port = port(&seen.world, question)?;
    let sources = Sources { proxy, seen };
    let transport = match question.tls_server_name {
        None => Transport::Plaintext,
        Some(name) => Transport::Tls {
            server_name: Some(name.to_owned()),
            alpn: vec!["h2".into(), "http/1.1".into()],
            client_certificate: ClientCertificate::None,
        },
    };
    let request = Request {
        method: question.method.to_owned(),
        headers: question.headers.clone(),
        transport,
        ..Request::get(entry(proxy, port), question.host, question.path)
    };
    let (config, problems) = Config::from_resources(proxy.resources.iter());
    let mut explanation = config.explain(&request);
    explanation.notes.extend(problems.iter().map(|problem| format!("not evaluated: {problem}")));
    let scheme = if question.tls_server_name.is_some() { "https" } else { "http" };
    let not_taken = explanation
        .trace
        .rejected
        .iter()
        .map(|rejected| NotTaken { from: sources.part_anywhere(&rejected.name), rejected: rejected.clone() });
    Ok(Told {
        gateway: format!("{}/{}", gateway.namespace, gateway.name),
        request: format!("{} {scheme}://{}:{port}{}", question.method, question.host, question.path),
        from: From::of(&sources, &explanation),
        not_taken: not_taken.collect(),
        explanation,
    })
}

/// The port asked about: the one that was said, or the first listener's that speaks what the request speaks.
fn port(world: &World, question: &Question<'_>) -> Result<u16, Failure> {
    if let Some(port) = question.port {
        return Ok(port);
    }
    let listeners =
        world.gateways.get(question.gateway).map(|gateway| gateway.spec.listeners.as_slice()).unwrap_or_default();
    let secure = question.tls_server_name.is_some();
    let fits = listeners.iter().find(|one| matches!(one.protocol.as_str(), "HTTPS" | "TLS") == secure);
    let port = fits.or(listeners.first()).and_then(|one| u16::try_from(one.port).ok());
    port.ok_or_else(|| format!("{} has no listeners of its own: say --port", question.gateway).into())
}

/// The listener of this port: by name, as each Gateway of a proxy may have its own address.
fn entry(proxy: &ProxyResources, port: u16) -> Entry {
    let of_port = |resource: &&chancery_protocol::Resource| {
        *resource.type_url() == TypeUrl::LISTENER
            && resource.name().as_str().ends_with(&format!("/{port}"))
            && resource.name().as_str().starts_with("tcp/")
    };
    match proxy.resources.iter().find(of_port) {
        Some(listener) => Entry::Listener(listener.name().to_string()),
        None => Entry::Port(port),
    }
}

/// Where things come from: the provenance of a proxy, and the files.
struct Sources<'a> {
    proxy: &'a ProxyResources,
    seen: &'a Seen,
}

impl Sources<'_> {
    fn named(&self, origins: &[Origin]) -> Vec<String> {
        let named = |origin: &Origin| match self.seen.place(origin).as_str() {
            "" => origin.to_string(),
            place => format!("{origin} in {place}"),
        };
        origins.iter().map(named).collect()
    }

    fn of_part(&self, type_url: TypeUrl, resource: &str, part: &str) -> Vec<String> {
        let known = self.proxy.provenance.get(&(type_url, ResourceName::new(resource)));
        self.named(known.and_then(|known| known.parts.get(part)).map(Vec::as_slice).unwrap_or_default())
    }

    /// A part of a table: where its hosts are sent by themselves, of the host.
    fn of_host(&self, table: &str, host: &str, part: &str) -> Vec<String> {
        match self.of_part(TypeUrl::VIRTUAL_HOST, host, part) {
            found if found.is_empty() => self.of_part(TypeUrl::ROUTE, table, part),
            found => found,
        }
    }

    fn part_anywhere(&self, part: &str) -> Vec<String> {
        let mut all = self.proxy.provenance.values();
        self.named(all.find_map(|known| known.parts.get(part)).map(Vec::as_slice).unwrap_or_default())
    }
}

impl From {
    fn of(sources: &Sources<'_>, explanation: &Explanation) -> From {
        let table = explanation.route_configuration.as_deref().unwrap_or_default();
        let listener = explanation.listener.as_ref().map(|listener| listener.name.as_str()).unwrap_or_default();
        let chain = explanation.filter_chain.as_ref().map(|chain| chain.name.as_str()).unwrap_or_default();
        let host = explanation.virtual_host.as_ref().map(|host| host.name.as_str()).unwrap_or_default();
        let route = explanation.route.as_ref().map(|route| route.name.as_str()).unwrap_or_default();
        let mut from = From {
            filter_chain: sources.of_part(TypeUrl::LISTENER, listener, chain),
            virtual_host: sources.of_host(table, host, host),
            route: sources.of_host(table, host, route),
            ..From::default()
        };
        if let Some(cluster) = cluster(&explanation.outcome) {
            let key = (TypeUrl::CLUSTER, ResourceName::new(&cluster.cluster));
            let origins = sources.proxy.provenance.get(&key).map(|known| known.origins.clone()).unwrap_or_default();
            from.cluster = sources.named(&origins);
            let is_policy = |origin: &Origin| origin.object.kind == Kind::BackendTLSPolicy;
            let policies: Vec<Origin> = origins.into_iter().filter(is_policy).collect();
            from.policies = sources.named(&policies).into_iter().collect();
        }
        from
    }
}

fn cluster(outcome: &Outcome) -> Option<&Upstream> {
    match outcome {
        Outcome::Forwarded(forward) => Some(&forward.to.upstream),
        Outcome::Tcp { to } => Some(&to.upstream),
        _ => None,
    }
}

impl Told {
    /// For people.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}  at Gateway {}\n", self.request, self.gateway);
        let mut line = |what: &str, value: String| {
            if !value.is_empty() {
                let _ = writeln!(text, "  {what:13} {value}");
            }
        };
        let found = &self.explanation;
        let with = |name: &str, from: &[String]| match from.first() {
            Some(first) => format!("{name}  ({first})"),
            None => name.to_owned(),
        };
        line("listener", found.listener.as_ref().map(|one| one.name.clone()).unwrap_or_default());
        if let Some(chain) = found.filter_chain.as_ref().filter(|chain| !chain.name.is_empty()) {
            line("filter chain", with(&chain.name, &self.from.filter_chain));
        }
        line(
            "virtual host",
            found.virtual_host.as_ref().map(|one| with(&one.domain, &self.from.virtual_host)).unwrap_or_default(),
        );
        if let Some(route) = &found.route {
            line("route", self.from.route.first().cloned().unwrap_or_else(|| route.name.clone()));
        }
        line("outcome", outcome(&found.outcome));
        if let Outcome::Forwarded(forward) = &found.outcome {
            for (cluster, weight) in &forward.to.weights {
                line("  of these", format!("{cluster} with weight {weight}"));
            }
            if let HostRewrite::To(host) = &forward.host {
                line("host", format!("becomes {host}"));
            }
            line("path", forward.path.clone());
            for mirror in &forward.mirrors {
                line(
                    "copy",
                    format!("{} to {}", mirror.fraction.as_deref().unwrap_or("all"), upstream(&mirror.upstream)),
                );
            }
            if forward.timeouts.response_milliseconds > 0 {
                line("timeout", format!("{} ms", forward.timeouts.response_milliseconds));
            }
        }
        line("cluster from", self.from.cluster.join(", "));
        self.from.policies.iter().for_each(|policy| line("policy", policy.clone()));
        found.notes.iter().for_each(|note| line("note", note.clone()));
        for one in &self.not_taken {
            let name = one.from.first().map_or(one.rejected.name.as_str(), String::as_str);
            line("not taken", format!("{name}: {}", one.rejected.reason));
        }
        text
    }
}

fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Refused { reason } => format!("the connection is not served: {reason}"),
        Outcome::Answered { status, reason, .. } => format!("Envoy answers {status}: {reason}"),
        Outcome::Redirected { status, location } => format!("redirect {status} to {location}"),
        Outcome::DirectResponse { status, .. } => format!("Envoy answers {status}, as the route says"),
        Outcome::Forwarded(forward) => format!("forwarded to {}", upstream(&forward.to.upstream)),
        Outcome::Tcp { to } => format!("the connection goes to {}", upstream(&to.upstream)),
        Outcome::Undetermined { reason } => format!("cannot be said: {reason}"),
    }
}

fn upstream(upstream: &Upstream) -> String {
    let standing = match &upstream.standing {
        Standing::Missing => "which nobody serves: 500".to_owned(),
        Standing::Empty => "which has no endpoints: 503".to_owned(),
        Standing::Ready { endpoints, total } if endpoints.len() < *total => {
            format!("{total} endpoints: {}, ...", endpoints.join(", "))
        }
        Standing::Ready { endpoints, .. } => endpoints.join(", "),
        Standing::Elsewhere { from } => format!("endpoints from {from}"),
    };
    format!("{} [{standing}]", upstream.cluster)
}
