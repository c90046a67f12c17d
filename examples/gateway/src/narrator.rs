//! What happens on the streams, told as a person would.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chancery_core::{End, Observer};
use chancery_protocol::{Event, Identity, Nonce, Peer, ResourceName, Told, printable};

use crate::standing::in_words;
use crate::voice::Voice;

/// How many names one line shows.
const SHOWN: usize = 4;

/// Prints one line for everything worth one.
#[derive(Default)]
pub(crate) struct Narrator {
    /// What responses that are not replied to yet told of, by stream and number.
    told: Mutex<HashMap<(u64, Nonce), String>>,
    voice: Voice,
}

impl Narrator {
    /// One with this voice.
    pub(crate) fn new(voice: Voice) -> Narrator {
        Narrator { told: Mutex::default(), voice }
    }

    fn told(&self) -> std::sync::MutexGuard<'_, HashMap<(u64, Nonce), String>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Narrator {
    fn say(&self, peer: &Peer, words: &str) {
        self.voice.say(format!("[{}] {words}", called(peer)));
    }
}

impl Observer for Narrator {
    fn opened(&self, peer: &Peer) {
        let from = peer.identity.address.map(|address| format!(" from {address}")).unwrap_or_default();
        let agent = match peer.node.user_agent.as_str() {
            "" => String::new(),
            agent => format!(" ({})", printable(agent)),
        };
        self.say(peer, &format!("connected{from}{agent}"));
    }

    fn happened(&self, peer: &Peer, event: &Event) {
        match event {
            Event::Subscribed { type_url, wildcard, added, .. } if *wildcard || !added.is_empty() => {
                let of = if *wildcard && added.is_empty() { "all of them".to_owned() } else { names(added) };
                self.say(peer, &format!("asks for {}: {of}", in_words(type_url)));
            }
            Event::Held { type_url, except, .. } => {
                let but = if except.is_empty() { String::new() } else { format!(", but for {}", names(except)) };
                self.say(peer, &format!("holds {} already: all it asks for{but}", in_words(type_url)));
            }
            Event::Sent { nonce, told, .. } => {
                let what = match told {
                    Told::Everything => "all of them".to_owned(),
                    Told::Names(told) => names(told),
                    Told::Heartbeat => return,
                };
                self.told().insert((peer.stream, *nonce), what);
            }
            Event::Acked { type_url, nonce } => {
                if let Some(what) = self.told().remove(&(peer.stream, *nonce)) {
                    self.say(peer, &format!("ACK  {}: {what}", in_words(type_url)));
                }
            }
            Event::Nacked { type_url, nonce, refusal, culprits } => {
                let told = self.told().remove(&(peer.stream, *nonce));
                let what = match culprits.as_slice() {
                    [] => format!("one of {}", told.unwrap_or_default()),
                    culprits => names(culprits),
                };
                let why = printable(&refusal.message);
                self.say(peer, &format!("NACK {}: {what}: {why}", in_words(type_url)));
            }
            Event::Overdue { type_url, name } => {
                self.say(peer, &format!("{} {name:?} went ahead without what it names", in_words(type_url)));
            }
            Event::Oversized { type_url, name, bytes } => {
                self.say(peer, &format!("{} {name:?} is too large to send: {bytes} bytes", in_words(type_url)));
            }
            Event::Unknown { type_url } => {
                self.say(peer, &format!("asks for {}, of which this server knows nothing", in_words(type_url)));
            }
            Event::Silent { type_url, .. } => {
                self.say(peer, &format!("has not replied about {} for long", in_words(type_url)));
            }
            _ => {}
        }
    }

    fn closed(&self, peer: &Peer, end: &End) {
        self.told().retain(|(stream, _), _| *stream != peer.stream);
        self.say(peer, &format!("disconnected: {end}"));
    }

    fn turned_away(&self, identity: &Identity, end: &End) {
        let from = identity.address.map(|address| address.to_string()).unwrap_or_else(|| "somebody".into());
        self.voice.say(format!("[{from}] turned away: {end}"));
    }
}

fn called(peer: &Peer) -> String {
    match peer.node.id.as_str() {
        "" => format!("stream {}", peer.stream),
        id => printable(id),
    }
}

fn names(names: &[ResourceName]) -> String {
    let mut shown: Vec<String> = names.iter().take(SHOWN).map(|name| printable(name.as_str())).collect();
    if names.len() > SHOWN {
        shown.push(format!("and {} more", names.len() - SHOWN));
    }
    shown.join(", ")
}
