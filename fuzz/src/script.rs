//! A conversation made of arbitrary bytes: requests no client would send, changes at any time, time in any steps.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arbitrary::{Result, Unstructured};
use chancery_protocol::sim::{Picture, World, resource};
use chancery_protocol::{
    Capabilities, Dress, Event, Moment, Nonce, Ordering, Parts, Reference, Refusal, Reply, Resource, ResourceName,
    Services, Session, Settings, TypeUrl,
};

use crate::side::{Seen, Side};

const TYPES: [TypeUrl; 9] = [
    TypeUrl::CLUSTER,
    TypeUrl::ENDPOINTS,
    TypeUrl::LISTENER,
    TypeUrl::ROUTE,
    TypeUrl::SECRET,
    TypeUrl::SCOPED_ROUTE,
    TypeUrl::VIRTUAL_HOST,
    TypeUrl::RUNTIME,
    TypeUrl::EXTENSION_CONFIG,
];

const NAMES: [&str; 12] = [
    "a",
    "b",
    "c",
    "d",
    "*",
    "",
    "r/one",
    "r/two",
    "plain*",
    "xdstp://authority/type/dir/one",
    "xdstp://authority/type/dir/two",
    "xdstp://authority/type/dir/*",
];

/// More responses than one step can have reason for: every type, every name, each for a few reasons.
const MOST_PER_STEP: usize = 4 * TYPES.len() * NAMES.len();

/// How many seconds a well-behaved peer may be talked to until there is nothing left to say.
const SETTLES_WITHIN_S: u64 = 120;

struct Script<'a, 'b, S: Side> {
    input: &'a mut Unstructured<'b>,
    world: World,
    view: Arc<Picture>,
    edits: u32,
    now: Moment,
    settings: Settings,
    session: S::Session,
    nonces: BTreeSet<Nonce>,
    unanswered: Vec<Seen>,
    wanted: BTreeMap<TypeUrl, Vec<ResourceName>>,
}

/// Plays the conversation these bytes describe.
///
/// # Errors
/// When the bytes are used up, which is how each conversation ends.
///
/// # Panics
/// When a promise is broken.
pub fn play<S: Side>(bytes: &[u8]) -> Result<()> {
    let mut input = Unstructured::new(bytes);
    let settings = settings(&mut input)?;
    let world = World::new(1, input.int_in_range(0..=40)?);
    let mut script: Script<'_, '_, S> = Script {
        view: world.view(),
        world,
        input: &mut input,
        edits: 0,
        now: Moment::after_start(Duration::from_secs(1)),
        session: S::session(settings.clone()),
        settings,
        nonces: BTreeSet::new(),
        unanswered: Vec::new(),
        wanted: BTreeMap::new(),
    };
    while !script.input.is_empty() {
        let step = script.step();
        script.drain();
        step?;
    }
    script.settle();
    Ok(())
}

fn settings(input: &mut Unstructured<'_>) -> Result<Settings> {
    let services =
        if input.ratio(3, 4)? { Services::Aggregated } else { Services::Single(input.choose(&TYPES)?.clone()) };
    let ordering = if input.ratio(3, 4)? { Ordering::Staged } else { Ordering::Free };
    let capabilities = Capabilities { ttl: input.arbitrary()?, wrapped_in_sotw: input.arbitrary()? };
    let chunk_bytes = *input.choose(&[1, 60, 256 * 1024])?;
    let resource_bytes = *input.choose(&[64 * 1024 * 1024, 20])?;
    let max_names = *input.choose(&[200_000, 5])?;
    let reanswer_endpoints = input.arbitrary()?;
    let defaults = Settings::default();
    Ok(Settings {
        services,
        ordering,
        capabilities,
        chunk_bytes,
        resource_bytes,
        max_names,
        reanswer_endpoints,
        ..defaults
    })
}

fn names(input: &mut Unstructured<'_>) -> Result<Vec<ResourceName>> {
    let count = input.int_in_range(0..=5)?;
    (0..count).map(|_| Ok(ResourceName::new(input.choose(&NAMES)?))).collect()
}

impl<S: Side> Script<'_, '_, S> {
    fn step(&mut self) -> Result<()> {
        match self.input.int_in_range(0..=7)? {
            0 | 1 => self.say()?,
            2 | 3 => self.publish()?,
            4 => {
                let time = Duration::from_millis(self.input.int_in_range(0..=40_000)?);
                self.pass(time);
            }
            5 => self.reopen(),
            _ => self.answer()?,
        }
        Ok(())
    }

    /// The peer says anything.
    fn say(&mut self) -> Result<()> {
        let type_url = match self.input.int_in_range(0..=19)? {
            0 => TypeUrl::parse("type.googleapis.com/no.such.Type"),
            _ => self.input.choose(&TYPES)?.clone(),
        };
        let names = [names(self.input)?, names(self.input)?];
        let reply = match self.input.int_in_range(0..=4)? {
            0 | 1 => Reply::None,
            2 => Reply::Ack(Nonce(self.input.int_in_range(0..=20)?)),
            3 => Reply::Nack(Nonce(self.input.int_in_range(0..=20)?), self.refusal()?),
            _ => Reply::Foreign,
        };
        let wanted = names[0].clone();
        let request = S::request(self.input, type_url.clone(), names, reply, &self.view)?;
        self.wanted.insert(type_url, wanted);
        self.hand_in(request);
        Ok(())
    }

    /// The peer replies to a response it got, and is as good a client as it can be.
    fn answer(&mut self) -> Result<()> {
        let Some(last) = self.unanswered.len().checked_sub(1) else { return Ok(()) };
        let seen = self.unanswered.remove(self.input.int_in_range(0..=last)?);
        let wanted = self.wanted.get(&seen.type_url).cloned().unwrap_or_default();
        let request = match self.input.int_in_range(0..=3)? {
            0 => {
                let reply = Reply::Nack(seen.nonce, self.refusal()?);
                S::request(self.input, seen.type_url, [wanted, Vec::new()], reply, &self.view)?
            }
            _ => S::ack(&seen, &wanted),
        };
        self.hand_in(request);
        Ok(())
    }

    fn refusal(&mut self) -> Result<Refusal> {
        let names = names(self.input)?;
        let words: Vec<String> = names.iter().map(|name| format!("Error adding '{name}': bad")).collect();
        Ok(Refusal::new(13, &words.join("; ")))
    }

    fn hand_in(&mut self, request: <S::Session as Session>::Request) {
        // A violation ends the stream; the peer comes back.
        if self.session.handle_request(self.now, request).is_err() {
            self.reopen();
        }
    }

    fn reopen(&mut self) {
        self.session = S::session(self.settings.clone());
        self.nonces.clear();
        self.unanswered.clear();
        self.wanted.clear();
    }

    fn publish(&mut self) -> Result<()> {
        let (mut upserts, mut removals) = (Vec::new(), Vec::new());
        for _ in 0..self.input.int_in_range(1..=4)? {
            let (type_url, name) = (self.input.choose(&TYPES)?.clone(), *self.input.choose(&NAMES)?);
            if name.is_empty() || name.ends_with('*') {
                continue;
            }
            match self.input.int_in_range(0..=3)? {
                0 => removals.push((type_url, ResourceName::new(name))),
                _ => upserts.push(self.made(&type_url, name)?),
            }
        }
        self.world.apply(upserts, removals);
        self.view = self.world.view();
        Ok(())
    }

    fn made(&mut self, type_url: &TypeUrl, name: &str) -> Result<Resource> {
        let mut references = Vec::new();
        for _ in 0..self.input.int_in_range(0..=2)? {
            let (type_url, name) = (self.input.choose(&TYPES)?.clone(), ResourceName::new(self.input.choose(&NAMES)?));
            references.push(Reference { type_url, name });
        }
        // Few contents, so that some come back.
        self.edits += 1;
        let label = format!("content {}", self.edits % self.input.int_in_range(1..=8)?);
        let plain = resource(type_url, name, &label, &references);
        let ttl = match self.input.int_in_range(0..=9)? {
            0 => Some(Duration::from_secs(self.input.int_in_range(0..=30)?)),
            _ => None,
        };
        Ok(Resource::from_parts(Parts { ttl, on_demand: self.input.ratio(1, 10)?, ..plain.to_parts() }))
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        if self.session.poll_timeout().is_some_and(|due| due <= self.now) {
            self.session.handle_timeout(self.now);
        }
    }

    /// All the session has to say now. Gives how much of it was more than a heartbeat.
    fn drain(&mut self) -> usize {
        let (mut said, mut news) = (0, 0);
        while let Some(response) = self.session.poll_transmit(self.now, &*self.view) {
            said += 1;
            assert!(said <= MOST_PER_STEP, "the session talks without end");
            let seen = S::see(&response, &self.view);
            assert!(self.nonces.insert(seen.nonce), "nonce {} came twice", seen.nonce);
            let distinct: BTreeSet<&ResourceName> = seen.names.iter().chain(&seen.removed).collect();
            assert_eq!(distinct.len(), seen.names.len() + seen.removed.len(), "a name twice in one response");
            news += usize::from(seen.dress == Dress::Full);
            self.unanswered.push(seen);
        }
        let mut over = false;
        for heard in 0.. {
            assert!(heard <= 20 * MOST_PER_STEP, "events without end");
            match self.session.poll_event() {
                Some(event) => over |= matches!(event, Event::HistoryLost { .. } | Event::Unsynced { .. }),
                None => break,
            }
        }
        if over {
            self.reopen();
        }
        news
    }

    /// From now on the peer accepts everything, at once, and nothing changes: there must be an end.
    fn settle(&mut self) {
        let mut quiet_s = 0;
        for _ in 0..SETTLES_WITHIN_S {
            let mut news = 0;
            for seen in std::mem::take(&mut self.unanswered) {
                let wanted = self.wanted.get(&seen.type_url).cloned().unwrap_or_default();
                self.hand_in(S::ack(&seen, &wanted));
                news += self.drain();
            }
            self.pass(Duration::from_secs(1));
            news += self.drain();
            quiet_s = if news == 0 { quiet_s + 1 } else { 0 };
            if quiet_s > 40 {
                return;
            }
        }
        panic!("peer and session never came to rest");
    }
}
