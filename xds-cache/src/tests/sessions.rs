//! Sessions over the cache: whoever has something to say after a commit was woken for it, whatever it asked for and however.

use chancery_protocol::{
    DeltaRequest, DeltaResponse, DeltaSession, HeldVersion, Moment, Reply, ResourceName, Session, Settings,
    SotwRequest, SotwResponse, SotwSession, TypeUrl, Watch,
};
use futures::FutureExt;

use crate::fixtures::*;
use crate::{GroupWatch, Patch};

/// The route configuration that virtual hosts are of.
const TABLE: &str = "shops";

/// A session of one variant, with what it is asked.
trait Asked: Session + Sized {
    fn new() -> Self;
    fn ask(&mut self, type_url: &TypeUrl, names: &[ResourceName]);
    fn accept(&mut self, response: Self::Response, names: &[ResourceName]);
    fn serves(type_url: &TypeUrl) -> bool;
    fn answered(response: &Self::Response) -> &TypeUrl;
}

impl Asked for DeltaSession {
    fn new() -> DeltaSession {
        DeltaSession::new(Settings::default())
    }

    fn ask(&mut self, type_url: &TypeUrl, names: &[ResourceName]) {
        let request = DeltaRequest { subscribe: names.to_vec(), ..DeltaRequest::first(type_url.clone(), &[]) };
        self.handle_request(Moment::default(), request).unwrap();
    }

    fn accept(&mut self, response: DeltaResponse, _: &[ResourceName]) {
        let reply = Reply::Ack(response.nonce);
        let request = DeltaRequest { reply, ..DeltaRequest::first(response.type_url, &[]) };
        self.handle_request(Moment::default(), request).unwrap();
    }

    fn serves(_: &TypeUrl) -> bool {
        true
    }

    fn answered(response: &DeltaResponse) -> &TypeUrl {
        &response.type_url
    }
}

impl Asked for SotwSession {
    fn new() -> SotwSession {
        SotwSession::new(Settings::default())
    }

    fn ask(&mut self, type_url: &TypeUrl, names: &[ResourceName]) {
        let (type_url, names) = (type_url.clone(), names.to_vec());
        let request = SotwRequest { type_url, version: None, names, reply: Reply::None };
        self.handle_request(Moment::default(), request).unwrap();
    }

    fn accept(&mut self, response: SotwResponse, names: &[ResourceName]) {
        let (version, reply) = (Some(HeldVersion::Known(response.version)), Reply::Ack(response.nonce));
        let request = SotwRequest { type_url: response.type_url, version, names: names.to_vec(), reply };
        self.handle_request(Moment::default(), request).unwrap();
    }

    fn serves(type_url: &TypeUrl) -> bool {
        !type_url.traits().delta_only
    }

    fn answered(response: &SotwResponse) -> &TypeUrl {
        &response.type_url
    }
}

/// A stream with all it asked for so far.
struct Stream<S> {
    session: S,
    watch: GroupWatch,
    asked: Vec<(TypeUrl, Vec<ResourceName>)>,
}

impl<S: Asked> Stream<S> {
    fn ask(&mut self, type_url: &TypeUrl, names: &[ResourceName]) {
        self.session.ask(type_url, names);
        self.asked.push((type_url.clone(), names.to_vec()));
        self.says_all();
    }

    /// Lets it say all there is to say, and accepts that. Whether it said anything.
    fn says_all(&mut self) -> bool {
        let mut said = false;
        loop {
            let view = self.watch.latest().unwrap();
            let response = self.session.poll_transmit(Moment::default(), &*view);
            let is_last = response.is_none();
            if let Some(response) = response {
                said = true;
                let names = self.asked.iter().find(|(type_url, _)| type_url == S::answered(&response));
                let names = names.map(|(_, names)| names.clone()).unwrap_or_default();
                self.session.accept(response, &names);
            }
            while let Some(event) = self.session.poll_event() {
                self.watch.progressed(&event);
            }
            if is_last {
                return said;
            }
        }
    }
}

fn named(type_url: &TypeUrl, name: &str) -> String {
    if *type_url == TypeUrl::VIRTUAL_HOST { format!("{TABLE}/{name}") } else { name.to_owned() }
}

/// How often it was told of a change.
fn told_of_changes<S: Asked>(type_url: &TypeUrl, asked: &[&str]) -> usize {
    let resource = |name: &str, body: &str| make(type_url.clone(), &named(type_url, name), body).done();
    let (cache, publisher) = cache_of([
        make(TypeUrl::ROUTE, TABLE, "1").names(TypeUrl::VIRTUAL_HOST, TABLE).done(),
        make(TypeUrl::CLUSTER, "tls", "1").names(TypeUrl::SECRET, "a").done(),
        make(TypeUrl::SECRET, "a", "0").done(),
    ]);
    publisher.apply(&everyone(), upsert(resource("a", "1"))).unwrap();
    let mut stream = Stream { session: S::new(), watch: seat(&cache, 1, "n"), asked: Vec::new() };
    // A stream that asked for nothing is woken by everything.
    for other in [TypeUrl::RUNTIME, TypeUrl::ROUTE].iter().filter(|other| *other != type_url) {
        stream.ask(other, &[TABLE.into()]);
    }
    let names: Vec<ResourceName> = asked
        .iter()
        .map(|name| if *name == "*" { "*".into() } else { ResourceName::new(&named(type_url, name)) })
        .collect();
    stream.ask(type_url, &names);
    let gone = || remove(type_url.clone(), &named(type_url, "a"));
    let changes: [Patch; 5] = [
        upsert(resource("a", "2")),
        upsert(resource("later", "1")),
        gone(),
        upsert(resource("a", "3")),
        upsert(resource("nobody-s", "1")),
    ];
    let mut told = 0;
    for (at, change) in changes.into_iter().enumerate() {
        publisher.apply(&everyone(), change).unwrap();
        let woken = stream.watch.changed().now_or_never().is_some();
        let said = stream.says_all();
        assert!(woken || !said, "{type_url:?}, {asked:?}: change {at} was to be told of, and nobody was woken");
        told += usize::from(said);
    }
    told
}

fn every_type_is_told_of<S: Asked>() {
    for type_url in TypeUrl::KNOWN.iter().filter(|type_url| S::serves(type_url)) {
        let told =
            [&[][..], &["*"], &["a"], &["later"], &["a", "later"]].map(|asked| told_of_changes::<S>(type_url, asked));
        assert!(told.iter().any(|told| *told > 0), "{type_url:?} was never told of: {told:?}");
    }
}

#[test]
fn what_a_delta_session_has_to_say_it_was_woken_for() {
    every_type_is_told_of::<DeltaSession>();
}

#[test]
fn what_a_state_of_the_world_session_has_to_say_it_was_woken_for() {
    every_type_is_told_of::<SotwSession>();
}

#[test]
fn hosts_of_a_route_configuration_are_told_of_though_none_is_named() {
    assert_eq!(told_of_changes::<DeltaSession>(&TypeUrl::VIRTUAL_HOST, &[]), 5);
}

#[test]
fn a_change_to_a_host_of_a_route_configuration_takes_one_poll() {
    let host = |body: &str| make(TypeUrl::VIRTUAL_HOST, &named(&TypeUrl::VIRTUAL_HOST, "a"), body).done();
    let table = make(TypeUrl::ROUTE, TABLE, "1").names(TypeUrl::VIRTUAL_HOST, TABLE).done();
    let (cache, publisher) = cache_of([table, host("1")]);
    let mut stream = Stream { session: <DeltaSession as Asked>::new(), watch: seat(&cache, 1, "n"), asked: Vec::new() };
    stream.ask(&TypeUrl::ROUTE, &[TABLE.into()]);
    stream.ask(&TypeUrl::VIRTUAL_HOST, &[]);
    publisher.apply(&everyone(), upsert(host("2"))).unwrap();
    let view = stream.watch.latest().unwrap();
    let response = stream.session.poll_transmit(Moment::default(), &*view).unwrap();
    assert!(stream.session.is_quiet(), "the response is on its way");
    stream.session.accept(response, &[]);
    assert!(stream.session.is_quiet(), "the response was accepted");
}
