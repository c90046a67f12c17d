//! Plays a transcript against the engine itself.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::quiet::keeps_quiet;
use super::transcript::{Answer, Edit, Expectation, Given, Saying, Step, Transcript};
use super::{Picture, World, resource};
use crate::{
    Capabilities, DeltaRequest, DeltaResponse, DeltaSession, Dress, Event, HeldVersion, Moment, Nonce, Parts, Payload,
    Reference, Refusal, Reply, Resource, ResourceName, Services, Session, Settings, SotwRequest, SotwResponse,
    SotwSession, TypeUrl, Version, Violation,
};

/// The type a transcript calls by this name.
pub fn type_named(name: &str) -> TypeUrl {
    TypeUrl::from_short(name).unwrap_or_else(|| TypeUrl::parse(name))
}

/// The resource an edit publishes, as the simulator makes it.
pub fn edited(edit: &Edit) -> Option<Resource> {
    let references: Vec<Reference> = edit
        .references
        .iter()
        .map(|(type_name, name)| Reference { type_url: type_named(type_name), name: ResourceName::new(name) })
        .collect();
    let mut parts = resource(&type_named(&edit.type_name), &edit.name, edit.label.as_ref()?, &references).to_parts();
    if edit.bytes > parts.body.len() {
        let mut body = parts.body.to_vec();
        body.resize(edit.bytes, b' ');
        parts.body = body.into();
    }
    let aliases = edit.aliases.iter().map(|alias| ResourceName::new(alias)).collect();
    Some(Resource::from_parts(Parts { ttl: edit.ttl, aliases, on_demand: edit.on_demand, ..parts }))
}

/// What a server said, in the words of a transcript.
fn described(type_url: &TypeUrl, payload: &Payload, dress: Dress, view: &Picture) -> Expectation {
    let heartbeat = dress == Dress::Heartbeat;
    let resources = payload.resources(type_url, view).map(|resource| {
        let body = core::str::from_utf8(resource.body()).unwrap_or_default().trim_end();
        (resource.name().as_str().to_owned(), if heartbeat { String::new() } else { body.to_owned() })
    });
    let resources = resources.collect();
    let type_name = type_url.short().map_or(type_url.as_str(), |short| short).to_owned();
    Expectation { type_name, resources, heartbeat, ..Expectation::default() }
}

enum Side {
    Sotw(SotwSession),
    Delta(DeltaSession),
}

/// What a client remembers of one type.
#[derive(Default)]
struct Memory {
    nonces: Vec<Nonce>,
    versions: Vec<Version>,
    names: Vec<String>,
    /// What the last request on this stream listed.
    listed: Option<Vec<ResourceName>>,
    begun: bool,
}

struct Player {
    world: World,
    lineage: u64,
    side: Side,
    now: Moment,
    memories: BTreeMap<TypeUrl, Memory>,
    labels: BTreeMap<(String, String, String), Version>,
    events: Vec<Event>,
    violation: Option<Violation>,
    settings: Settings,
    last: Option<TypeUrl>,
    /// How many replies were given without the names they repeat, if they are to be.
    repeated: Option<usize>,
    /// Whether something was published since the session was asked last.
    unseen: bool,
}

/// Plays the transcript in one variant.
///
/// # Errors
/// Says at which line the engine did something else, and what.
pub fn play(transcript: &Transcript, delta: bool) -> Result<(), String> {
    play_with(transcript, delta, Settings::default())
}

/// The same, with other settings.
///
/// # Errors
/// Says at which line the engine did something else, and what.
pub fn play_with(transcript: &Transcript, delta: bool, settings: Settings) -> Result<(), String> {
    player(transcript, delta, settings).play(transcript)
}

/// The same in state of the world, where the session is given replies without the names they repeat; how many.
///
/// # Errors
/// Says at which line the engine did something else, and what.
pub fn play_repeating(transcript: &Transcript) -> Result<usize, String> {
    let mut player = player(transcript, false, Settings::default());
    player.repeated = Some(0);
    player.play(transcript)?;
    Ok(player.repeated.unwrap_or_default())
}

fn player(transcript: &Transcript, delta: bool, settings: Settings) -> Player {
    let services = transcript.service.as_ref().map_or(Services::Aggregated, |name| Services::Single(type_named(name)));
    let has = |feature: &str| transcript.features.iter().any(|known| known == feature);
    let capabilities = Capabilities { ttl: has("ttl"), wrapped_in_sotw: has("sotw-wrapper") };
    let settings = Settings { services, capabilities, ..settings };
    Player {
        world: World::new(1, 64),
        lineage: 1,
        side: side(delta, &settings),
        now: Moment::after_start(Duration::from_secs(100)),
        memories: BTreeMap::new(),
        labels: BTreeMap::new(),
        events: Vec::new(),
        violation: None,
        settings,
        last: None,
        repeated: None,
        unseen: false,
    }
}

fn side(delta: bool, settings: &Settings) -> Side {
    if delta {
        Side::Delta(DeltaSession::new(settings.clone()))
    } else {
        Side::Sotw(SotwSession::new(settings.clone()))
    }
}

impl Player {
    fn play(&mut self, transcript: &Transcript) -> Result<(), String> {
        for (line, step) in &transcript.steps {
            self.step(step).map_err(|message| alloc::format!("line {line}: {message}"))?;
        }
        Ok(())
    }

    /// A session that has seen what was published and calls itself quiet has nothing to say.
    fn keeps_quiet(&mut self) -> Result<(), String> {
        if self.unseen || self.violation.is_some() {
            return Ok(());
        }
        let view = self.world.view();
        let kept = match &mut self.side {
            Side::Sotw(session) => keeps_quiet(session, self.now, &*view),
            Side::Delta(session) => keeps_quiet(session, self.now, &*view),
        };
        kept.map_err(|offence| alloc::format!("{offence}"))
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Publish(edits) => self.publish(edits),
            Step::Say(saying) => {
                self.say(saying);
                return self.keeps_quiet();
            }
            Step::Expect(expected) => {
                self.expect(expected)?;
                return self.keeps_quiet();
            }
            Step::ExpectNothing => {
                if let Some(said) = self.poll() {
                    return Err(alloc::format!("expected silence, the server said {said:?}"));
                }
                return self.keeps_quiet();
            }
            Step::Wait(time) => {
                self.now = self.now + *time;
                match &mut self.side {
                    Side::Sotw(session) => session.handle_timeout(self.now),
                    Side::Delta(session) => session.handle_timeout(self.now),
                }
            }
            Step::Reconnect => self.reconnect(),
            Step::Restart => {
                self.lineage += 1;
                self.world = self.world.replica(self.lineage);
                self.reconnect();
            }
            Step::Closes(code) => return self.closes(code),
            Step::Event(words) => return self.event(words),
            Step::VersionIsNew(new) => return self.version(*new),
        }
        Ok(())
    }

    fn publish(&mut self, edits: &[Edit]) {
        self.unseen = true;
        let upserts: Vec<Resource> = edits.iter().filter_map(edited).collect();
        for (resource, edit) in upserts.iter().zip(edits.iter().filter(|edit| edit.label.is_some())) {
            let key = (edit.type_name.clone(), edit.name.clone(), edit.label.clone().unwrap_or_default());
            self.labels.insert(key, resource.version());
        }
        let gone = edits.iter().filter(|edit| edit.label.is_none());
        let gone: Vec<_> = gone.map(|edit| (type_named(&edit.type_name), ResourceName::new(&edit.name))).collect();
        self.world.apply(upserts, gone);
    }

    fn reconnect(&mut self) {
        self.side = side(matches!(self.side, Side::Delta(_)), &self.settings);
        for memory in self.memories.values_mut() {
            memory.begun = false;
            memory.listed = None;
        }
    }

    fn say(&mut self, saying: &Saying) {
        let type_url = type_named(&saying.type_name);
        let memory = self.memories.entry(type_url.clone()).or_default();
        let replying = saying.reply != Answer::None;
        let nonce = match (saying.nonce, memory.nonces.as_slice()) {
            (Some(Given::Unknown), _) => Some(Nonce(u64::MAX)),
            (Some(Given::Old), [.., old, _]) => Some(*old),
            (Some(Given::Last), [.., last]) => Some(*last),
            (None, [.., last]) if replying => Some(*last),
            _ => None,
        };
        let reply = match (&saying.reply, nonce) {
            (Answer::Nack(words), Some(nonce)) => Reply::Nack(nonce, Refusal::new(3, words)),
            (_, Some(nonce)) => Reply::Ack(nonce),
            (_, None) => Reply::None,
        };
        let known = |version: Version| Some(HeldVersion::Known(version));
        let version = match (saying.version, memory.versions.as_slice()) {
            (Some(Given::Unknown), _) => Some(HeldVersion::Foreign),
            (Some(Given::Last), [.., last]) => known(*last),
            (Some(Given::Old), [.., old, _]) => known(*old),
            (None, [.., last]) if saying.reply == Answer::Ack => known(*last),
            _ => None,
        };
        if saying.names_given || !replying {
            memory.names.clone_from(&saying.subscribe);
        }
        memory.begun = true;
        let names = |names: &[String]| names.iter().map(|name| ResourceName::new(name)).collect::<Vec<_>>();
        let outcome = match &mut self.side {
            Side::Sotw(session) => {
                let listed = names(&memory.names);
                let repeats = memory.listed.replace(listed.clone()).as_ref() == Some(&listed);
                match (&mut self.repeated, &reply) {
                    (Some(count), Reply::Ack(_) | Reply::Nack(..)) if repeats && session.recalls_names(&type_url) => {
                        *count += 1;
                        session.handle_reply(self.now, &type_url, reply)
                    }
                    _ => session.handle_request(self.now, SotwRequest { type_url, version, names: listed, reply }),
                }
            }
            Side::Delta(session) => {
                let held = saying.holds.iter().map(|(name, label)| {
                    let key = (saying.type_name.clone(), name.clone(), label.clone());
                    let version = self.labels.get(&key).map_or(HeldVersion::Foreign, |v| HeldVersion::Known(*v));
                    (ResourceName::new(name), version)
                });
                let request = DeltaRequest {
                    type_url,
                    subscribe: names(&saying.subscribe),
                    unsubscribe: names(&saying.unsubscribe),
                    initial_versions: held.collect(),
                    reply,
                };
                session.handle_request(self.now, request)
            }
        };
        self.violation = outcome.err();
    }

    fn poll(&mut self) -> Option<Expectation> {
        self.unseen = false;
        let view = self.world.view();
        let said = match &mut self.side {
            Side::Sotw(session) => session.poll_transmit(self.now, &*view).map(|response| {
                let SotwResponse { type_url, version, nonce, payload, dress, .. } = response;
                (described(&type_url, &payload, dress, &view), type_url, version, nonce)
            }),
            Side::Delta(session) => session.poll_transmit(self.now, &*view).map(|response| {
                let DeltaResponse { type_url, system_version, nonce, payload, dress, removed, unresolved, .. } =
                    response;
                let texts = |names: Vec<ResourceName>| names.iter().map(|name| name.as_str().to_owned()).collect();
                let said = described(&type_url, &payload, dress, &view);
                let said = Expectation { removed: texts(removed), unresolved: texts(unresolved), ..said };
                (said, type_url, system_version, nonce)
            }),
        };
        loop {
            let event = match &mut self.side {
                Side::Sotw(session) => session.poll_event(),
                Side::Delta(session) => session.poll_event(),
            };
            match event {
                Some(event) => self.events.push(event),
                None => break,
            }
        }
        let (said, type_url, version, nonce) = said?;
        let memory = self.memories.entry(type_url.clone()).or_default();
        memory.nonces.push(nonce);
        if !said.heartbeat || memory.versions.is_empty() {
            memory.versions.push(version);
        }
        self.last = Some(type_url);
        Some(said)
    }

    fn expect(&mut self, expected: &Expectation) -> Result<(), String> {
        if let Some(violation) = &self.violation {
            return Err(alloc::format!("the server ended the stream: {violation}"));
        }
        let Some(said) = self.poll() else {
            return Err(alloc::format!("expected {expected:?}, the server said nothing"));
        };
        if sorted(&said) == sorted(expected) {
            return Ok(());
        }
        Err(alloc::format!("expected {:?}\n     the server said {:?}", sorted(expected), sorted(&said)))
    }

    fn closes(&self, code: &str) -> Result<(), String> {
        let fault = self.violation.as_ref().map(|violation| alloc::format!("{:?}", violation.fault()));
        let wanted: String = code.split('_').map(capitalised).collect();
        if fault.as_deref() == Some(wanted.as_str()) {
            return Ok(());
        }
        Err(alloc::format!("expected the stream to end with {code}, it has {fault:?}"))
    }

    fn event(&mut self, words: &str) -> Result<(), String> {
        let _ = self.poll_nothing_new();
        let matches = |event: &Event| {
            let text = alloc::format!("{event:?}").to_lowercase();
            words.split_whitespace().all(|word| text.contains(&word.to_lowercase()))
        };
        match self.events.iter().position(matches) {
            Some(at) => {
                self.events.drain(..=at);
                Ok(())
            }
            None => Err(alloc::format!("no event is `{words}`; there are {:?}", self.events)),
        }
    }

    fn poll_nothing_new(&mut self) -> usize {
        loop {
            let event = match &mut self.side {
                Side::Sotw(session) => session.poll_event(),
                Side::Delta(session) => session.poll_event(),
            };
            match event {
                Some(event) => self.events.push(event),
                None => return self.events.len(),
            }
        }
    }

    fn version(&self, new: bool) -> Result<(), String> {
        let versions =
            self.last.as_ref().and_then(|last| self.memories.get(last)).map(|memory| memory.versions.as_slice());
        let Some([.., before, last]) = versions else { return Err("there are not yet two responses".to_owned()) };
        if (before != last) == new { Ok(()) } else { Err(alloc::format!("version {before} was followed by {last}")) }
    }
}

fn capitalised(word: &str) -> String {
    let mut text = word.to_lowercase();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

fn sorted(expectation: &Expectation) -> Expectation {
    let mut sorted = expectation.clone();
    sorted.resources.sort();
    sorted.removed.sort();
    sorted.unresolved.sort();
    sorted
}
