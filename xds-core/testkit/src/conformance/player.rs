//! Plays one conversation over a real stream.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use chancery_protocol::TypeUrl;
use chancery_protocol::sim::play::type_named;
use chancery_protocol::sim::transcript::{Answer, Expectation, Given, Saying, Step, Transcript};
use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::google::rpc::Status;
use tokio::time::sleep;

use super::voice::{Heard, Spoken, Voice};
use super::{Departure, Pace, Subject};
use crate::{Method, Next, RawStream, Target, request};

/// The code clients refuse with: `INVALID_ARGUMENT`.
const INVALID_ARGUMENT: i32 = 3;

pub(super) async fn play<D: Voice>(
    transcript: &Transcript,
    subject: &mut impl Subject,
    pace: Pace,
) -> Result<(), Departure> {
    let method = transcript.service.as_ref().map_or(Method::Aggregated, |name| Method::Single(type_named(name)));
    let mut player = Player::<D, _> {
        subject,
        pace,
        method,
        node: node(&transcript.features),
        stream: None,
        memories: BTreeMap::new(),
        seen: BTreeMap::new(),
        early: VecDeque::new(),
        turn: Turn::Server,
        spoken_of: BTreeSet::new(),
        idled: Duration::ZERO,
        last: None,
    };
    for (line, step) in &transcript.steps {
        player.step(step).await.map_err(|what| Departure { line: *line, what })?;
    }
    Ok(())
}

fn node(features: &[String]) -> Node {
    let feature = |name: &String| match name.as_str() {
        "ttl" => "xds.config.supports-resource-ttl".to_owned(),
        "sotw-wrapper" => "xds.config.supports-resource-in-sotw".to_owned(),
        other => other.to_owned(),
    };
    Node { client_features: features.iter().map(feature).collect(), ..request::node("conformance") }
}

/// What the client remembers of one type.
#[derive(Default)]
struct Memory {
    nonces: Vec<String>,
    versions: Vec<String>,
    names: Vec<String>,
}

/// Who did something last.
#[derive(PartialEq)]
enum Turn {
    /// The client spoke, and the server may not have read it yet.
    Client,
    /// The server answered, or has been given time.
    Server,
}

struct Player<'a, D: Voice, S> {
    subject: &'a mut S,
    pace: Pace,
    method: Method,
    node: Node,
    stream: Option<RawStream<D>>,
    memories: BTreeMap<TypeUrl, Memory>,
    /// Versions of resources seen, by type, name and label.
    seen: BTreeMap<(TypeUrl, String, String), String>,
    /// Responses that came before others they may come before.
    early: VecDeque<Heard>,
    turn: Turn,
    /// The types the client has spoken of since it last waited for an answer.
    spoken_of: BTreeSet<TypeUrl>,
    /// Time spent waiting for nothing to come, which counts as time that passes.
    idled: Duration,
    last: Option<TypeUrl>,
}

impl<D: Voice, S: Subject> Player<'_, D, S> {
    async fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Publish(edits) => {
                self.settle().await;
                self.subject.publish(edits).await.map_err(|error| format!("the server cannot be given this: {error}"))
            }
            Step::Say(saying) => self.say(saying).await,
            Step::Expect(expected) => self.expect(expected).await,
            Step::ExpectNothing => self.expect_nothing().await,
            Step::Wait(time) => {
                sleep(time.saturating_sub(self.idled)).await;
                (self.idled, self.turn) = (Duration::ZERO, Turn::Server);
                Ok(())
            }
            Step::Reconnect => {
                self.settle().await;
                self.hang_up();
                Ok(())
            }
            Step::Restart => {
                self.settle().await;
                self.hang_up();
                self.subject.restart().await.map_err(|error| format!("the server cannot be restarted: {error}"))
            }
            Step::Closes(code) => self.closes(code).await,
            Step::Event(_) => Ok(()),
            Step::VersionIsNew(new) => self.version(*new),
        }
    }

    /// Gives the server time to read what was said before something else happens to it.
    async fn settle(&mut self) {
        if self.turn == Turn::Client {
            sleep(self.pace.quiet).await;
            self.turn = Turn::Server;
        }
    }

    fn hang_up(&mut self) {
        self.stream = None;
        self.early.clear();
        self.spoken_of.clear();
    }

    async fn stream(&mut self) -> Result<&mut RawStream<D>, String> {
        if self.stream.is_none() {
            let channel = Target::new(self.subject.address()).connect().await.map_err(|error| error.to_string())?;
            let stream = RawStream::open(&channel, &self.method, &[]).map_err(|error| error.to_string())?;
            self.stream = Some(stream.introduce(self.node.clone()));
        }
        self.stream.as_mut().ok_or_else(|| "no stream".to_owned())
    }

    async fn say(&mut self, saying: &Saying) -> Result<(), String> {
        let type_url = if saying.type_name == "-" { TypeUrl::parse("") } else { type_named(&saying.type_name) };
        let held = |(name, label): &(String, String)| {
            let version = self.seen.get(&(type_url.clone(), name.clone(), label.clone()));
            (name.clone(), version.cloned().unwrap_or_else(|| format!("never-seen-{label}")))
        };
        let holds = saying.holds.iter().map(held).collect();
        let memory = self.memories.entry(type_url.clone()).or_default();
        let replying = saying.reply != Answer::None;
        if saying.names_given || !replying {
            memory.names.clone_from(&saying.subscribe);
        }
        let other = || Node { id: "another".to_owned(), ..self.node.clone() };
        let spoken = Spoken {
            type_url: type_url.as_str().to_owned(),
            subscribe: saying.subscribe.clone(),
            unsubscribe: saying.unsubscribe.clone(),
            names: memory.names.clone(),
            nonce: given(saying.nonce, &memory.nonces, replying),
            version: given(saying.version, &memory.versions, saying.reply == Answer::Ack),
            refusal: match &saying.reply {
                Answer::Nack(words) => Some(Status { code: INVALID_ARGUMENT, message: words.clone(), details: vec![] }),
                _ => None,
            },
            holds,
            node: saying.other_node.then(other),
        };
        if self.turn == Turn::Server {
            self.spoken_of.clear();
        }
        (self.turn, self.idled) = (Turn::Client, Duration::ZERO);
        self.spoken_of.insert(type_url);
        self.stream().await?.send(D::speak(spoken));
        Ok(())
    }

    async fn expect(&mut self, expected: &Expectation) -> Result<(), String> {
        let wanted = type_named(&expected.type_name);
        let heard = match self.early.iter().position(|heard| heard.type_url == wanted) {
            Some(at) => self.early.remove(at),
            None => None,
        };
        let heard = match heard {
            Some(heard) => heard,
            None => self.hear(&wanted, expected).await?,
        };
        (self.turn, self.idled) = (Turn::Server, Duration::ZERO);
        let said = self.remember(heard);
        match sorted(&said) == sorted(expected) {
            true => Ok(()),
            false => Err(format!("expected {:?}\n     the server said {:?}", sorted(expected), sorted(&said))),
        }
    }

    /// The next response, which must be of the wanted type, unless the server may answer in another order.
    async fn hear(&mut self, wanted: &TypeUrl, expected: &Expectation) -> Result<Heard, String> {
        let patience = self.pace.patience;
        loop {
            let response = self.stream().await?.next(patience).await;
            let response = response.map_err(|error| format!("expected {expected:?}, and {error}"))?;
            let heard = D::hear(response);
            if heard.type_url == *wanted || self.spoken_of.len() < 2 {
                return Ok(heard);
            }
            self.early.push_back(heard);
        }
    }

    fn remember(&mut self, heard: Heard) -> Expectation {
        let Heard { said, type_url, version, nonce, versions } = heard;
        let memory = self.memories.entry(type_url.clone()).or_default();
        memory.nonces.push(nonce);
        if !said.heartbeat || memory.versions.is_empty() {
            memory.versions.push(version);
        }
        for (name, label) in &said.resources {
            if let Some(version) = versions.get(name) {
                self.seen.insert((type_url.clone(), name.clone(), label.clone()), version.clone());
            }
        }
        self.last = Some(type_url);
        said
    }

    async fn expect_nothing(&mut self) -> Result<(), String> {
        if let Some(heard) = self.early.front() {
            return Err(format!("expected silence, the server said {:?}", heard.said));
        }
        let quiet = self.pace.quiet;
        let next = self.stream().await?.next(quiet).await;
        self.idled += quiet;
        self.turn = Turn::Server;
        match next {
            Err(Next::Silence(_)) => Ok(()),
            Err(ended) => Err(format!("expected silence, and {ended}")),
            Ok(response) => Err(format!("expected silence, the server said {:?}", D::hear(response).said)),
        }
    }

    async fn closes(&mut self, code: &str) -> Result<(), String> {
        let patience = self.pace.patience;
        let status = self.stream().await?.ended(patience).await;
        let status = status.map_err(|error| format!("expected the stream to end with {code}, and {error}"))?;
        let wanted = code.replace('_', "").to_lowercase();
        match format!("{:?}", status.code()).to_lowercase() == wanted {
            true => Ok(()),
            false => Err(format!("expected the stream to end with {code}, it did with {status}")),
        }
    }

    fn version(&self, new: bool) -> Result<(), String> {
        let memory = self.last.as_ref().and_then(|last| self.memories.get(last));
        let Some([.., before, last]) = memory.map(|memory| memory.versions.as_slice()) else {
            return Err("there are not yet two responses".to_owned());
        };
        match (before != last) == new {
            true => Ok(()),
            false => Err(format!("version {before:?} was followed by {last:?}")),
        }
    }
}

/// What stands in a request for one of the values a type's responses had.
fn given(asked: Option<Given>, had: &[String], else_last: bool) -> String {
    match (asked, had) {
        (Some(Given::Unknown), _) => "18446744073709551615".to_owned(),
        (Some(Given::Old), [.., old, _]) => old.clone(),
        (Some(Given::Last), [.., last]) => last.clone(),
        (None, [.., last]) if else_last => last.clone(),
        _ => String::new(),
    }
}

fn sorted(expectation: &Expectation) -> Expectation {
    let mut sorted = expectation.clone();
    sorted.resources.sort();
    sorted.removed.sort();
    sorted.unresolved.sort();
    sorted
}
