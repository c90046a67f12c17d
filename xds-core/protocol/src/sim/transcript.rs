//! Conversations written down: what a client says, what the server must answer, what changes in between.
//!
//! One file per rule, plain text, readable as a dialogue:
//!
//! ```text
//! # P43: a name that does not exist is reported removed, and stays subscribed.
//! variant delta
//! publish cds a v1
//! > eds +x               the client subscribes to x
//! < eds -x               the server answers that x does not exist
//! > eds ; ack
//! < nothing
//! publish eds x v1
//! < eds x=v1
//! ```
//!
//! | line | meaning |
//! |---|---|
//! | `variant delta`, `variant sotw`, `variant both` | the variants the conversation is about |
//! | `service cds` | a one-type stream instead of an aggregated one |
//! | `features ttl sotw-wrapper` | what the client says it can do |
//! | `publish TYPE NAME LABEL [-> TYPE:NAME ...] [ttl=SECONDS] [alias=NAME] [on-demand] [bytes=N]` | the world changes; consecutive lines are one change |
//! | `remove TYPE NAME` | part of the change it stands in |
//! | `commit` | ends a change where the next line is another one |
//! | `> TYPE NAMES... [; OPTIONS]` | the client speaks. Delta: `+name`, `-name`. State of the world: the names |
//! | `< TYPE NAME=LABEL... -NAME... ` | the server must say exactly this, in any order of names; `?NAME` is a name answered without resource |
//! | `< TYPE empty` | the server must send a response without resources |
//! | `< TYPE heartbeat NAME...` | the server must send a heartbeat for these |
//! | `< nothing` | the server must have nothing to say |
//! | `wait SECONDS` | time passes |
//! | `reconnect` | the client opens a new stream, and remembers the versions it saw |
//! | `restart` | the same, and the server is another one with the same content |
//! | `closes CODE` | the server ends the stream with this status |
//! | `event WORD...` | the engine reports this (played against the engine only) |
//! | `version same`, `version new` | how the last response's version compares with the one before, of its type |
//!
//! Options of `>`: `ack`, `nack "text"`, `nonce old|unknown|none`, `holds NAME:LABEL ...` (initial versions),
//! `version last|unknown|none`, `names` (a reply in the state-of-the-world variant repeats the former names unless names are given or
//! this option says they are none), `node` (the node again, with another id).

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

/// One conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Transcript {
    /// The first comment: the rule it shows.
    pub title: String,
    /// Whether it is about state-of-the-world streams.
    pub sotw: bool,
    /// Whether it is about delta streams.
    pub delta: bool,
    /// The one type of the stream, by short name; none for an aggregated stream.
    pub service: Option<String>,
    /// What the client can do: `ttl`, `sotw-wrapper`.
    pub features: Vec<String>,
    /// The dialogue, with line numbers.
    pub steps: Vec<(usize, Step)>,
}

/// One line of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// The world changes, all at once.
    Publish(Vec<Edit>),
    /// The client speaks.
    Say(Saying),
    /// The server must answer this.
    Expect(Expectation),
    /// The server must stay silent.
    ExpectNothing,
    /// Time passes.
    Wait(Duration),
    /// A new stream to the same server.
    Reconnect,
    /// A new stream to another server with the same content.
    Restart,
    /// The server must end the stream with this gRPC status.
    Closes(String),
    /// The engine must report this.
    Event(String),
    /// Whether the last response's version differs from the one before, of its type.
    VersionIsNew(bool),
}

/// One resource that comes or goes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Edit {
    /// The type's short name, or a full type URL.
    pub type_name: String,
    /// The resource's name.
    pub name: String,
    /// Its content. `None`: it goes.
    pub label: Option<String>,
    /// What it names: type and name.
    pub references: Vec<(String, String)>,
    /// Its TTL.
    pub ttl: Option<Duration>,
    /// Its aliases.
    pub aliases: Vec<String>,
    /// Whether it is served on demand only.
    pub on_demand: bool,
    /// How large it is made, in bytes; zero for as small as it is.
    pub bytes: usize,
}

/// What a client says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Saying {
    /// The type's short name, a full type URL, or `-` for none.
    pub type_name: String,
    /// Names subscribed, or (state of the world) all names.
    pub subscribe: Vec<String>,
    /// Names unsubscribed.
    pub unsubscribe: Vec<String>,
    /// Whether the names are given, if only to say that there are none.
    pub names_given: bool,
    /// What it replies to.
    pub reply: Answer,
    /// What it holds from an earlier stream: name and label.
    pub holds: Vec<(String, String)>,
    /// The version it gives; none: what follows from the conversation.
    pub version: Option<Given>,
    /// The nonce it gives; none: what follows from the conversation.
    pub nonce: Option<Given>,
    /// Whether it sends another node.
    pub other_node: bool,
}

/// A value that follows from the conversation, or is put in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// The one before the last.
    Old,
    /// The last one.
    Last,
    /// One nobody knows.
    Unknown,
    /// An empty one.
    Empty,
}

/// What a client replies.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Answer {
    /// Nothing.
    #[default]
    None,
    /// That it accepts the last response of the type.
    Ack,
    /// That it refuses it, with these words.
    Nack(String),
}

/// What a server must say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Expectation {
    /// The type's short name or URL.
    pub type_name: String,
    /// Names and labels.
    pub resources: Vec<(String, String)>,
    /// Names gone.
    pub removed: Vec<String>,
    /// Names answered without a resource.
    pub unresolved: Vec<String>,
    /// Whether it is a heartbeat.
    pub heartbeat: bool,
}

/// Why a text is not a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The line.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}

impl core::fmt::Display for Mistake {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl Transcript {
    /// Reads a transcript.
    ///
    /// # Errors
    /// Names the first line that is not of the language above.
    pub fn parse(text: &str) -> Result<Transcript, Mistake> {
        let mut transcript = Transcript {
            title: String::new(),
            sotw: false,
            delta: false,
            service: None,
            features: Vec::new(),
            steps: Vec::new(),
        };
        let mut open = false;
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            let line = line.trim();
            if let Some(comment) = line.strip_prefix('#') {
                if transcript.title.is_empty() {
                    transcript.title = comment.trim().to_owned();
                }
                continue;
            }
            if line.is_empty() {
                continue;
            }
            open = transcript.read_line(number, line, open).map_err(|message| Mistake { line: number, message })?;
        }
        Ok(transcript)
    }

    /// Reads a line; gives whether a change is open that the next line may add to.
    fn read_line(&mut self, number: usize, line: &str, open: bool) -> Result<bool, String> {
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        let step = match word {
            "variant" => {
                self.sotw = matches!(rest, "sotw" | "both");
                self.delta = matches!(rest, "delta" | "both");
                return Ok(false);
            }
            "service" => {
                self.service = Some(rest.to_owned());
                return Ok(false);
            }
            "features" => {
                self.features = rest.split_whitespace().map(str::to_owned).collect();
                return Ok(false);
            }
            "publish" | "remove" => {
                let edit = if word == "publish" { edit(rest)? } else { removal(rest)? };
                if let (true, Some((_, Step::Publish(edits)))) = (open, self.steps.last_mut()) {
                    edits.push(edit);
                } else {
                    self.steps.push((number, Step::Publish(alloc::vec![edit])));
                }
                return Ok(true);
            }
            "commit" => return Ok(false),
            ">" => Step::Say(saying(rest)?),
            "<" if rest == "nothing" => Step::ExpectNothing,
            "<" => Step::Expect(expectation(rest)?),
            "wait" => Step::Wait(Duration::from_secs_f64(rest.parse().map_err(|_| "wait for how many seconds?")?)),
            "reconnect" => Step::Reconnect,
            "restart" => Step::Restart,
            "closes" => Step::Closes(rest.to_owned()),
            "event" => Step::Event(rest.to_owned()),
            "version" if matches!(rest, "same" | "new") => Step::VersionIsNew(rest == "new"),
            other => return Err(alloc::format!("`{other}` does not begin a line of a transcript")),
        };
        self.steps.push((number, step));
        Ok(false)
    }
}

fn edit(text: &str) -> Result<Edit, String> {
    let mut words = text.split_whitespace();
    let mut edit = removal(text)?;
    edit.label = Some(words.nth(2).ok_or("publish TYPE NAME LABEL")?.to_owned());
    for word in words.filter(|word| *word != "->") {
        if let Some(seconds) = word.strip_prefix("ttl=") {
            edit.ttl = Some(Duration::from_secs_f64(seconds.parse().map_err(|_| "ttl in seconds")?));
        } else if let Some(alias) = word.strip_prefix("alias=") {
            edit.aliases.push(alias.to_owned());
        } else if let Some(bytes) = word.strip_prefix("bytes=") {
            edit.bytes = bytes.parse().map_err(|_| "bytes is a number")?;
        } else if word == "on-demand" {
            edit.on_demand = true;
        } else {
            let (type_name, name) = word.split_once(':').ok_or("a reference is TYPE:NAME")?;
            edit.references.push((type_name.to_owned(), name.to_owned()));
        }
    }
    Ok(edit)
}

fn removal(text: &str) -> Result<Edit, String> {
    let mut words = text.split_whitespace();
    let type_name = words.next().ok_or("which type?")?.to_owned();
    let name = words.next().ok_or("which name?")?.to_owned();
    Ok(Edit { type_name, name, ..Edit::default() })
}

fn saying(text: &str) -> Result<Saying, String> {
    let mut parts = text.split(';');
    let mut words = parts.next().unwrap_or_default().split_whitespace();
    let mut saying = Saying { type_name: words.next().ok_or("which type?")?.to_owned(), ..Saying::default() };
    for word in words {
        saying.names_given = true;
        if let Some(name) = word.strip_prefix('-') {
            saying.unsubscribe.push(name.to_owned());
        } else {
            saying.subscribe.push(word.strip_prefix('+').unwrap_or(word).to_owned());
        }
    }
    for option in parts {
        let option = option.trim();
        let (word, rest) = option.split_once(char::is_whitespace).unwrap_or((option, ""));
        match word {
            "ack" => saying.reply = Answer::Ack,
            "nack" => saying.reply = Answer::Nack(rest.trim().trim_matches('"').to_owned()),
            "nonce" => saying.nonce = Some(given(rest)?),
            "version" => saying.version = Some(given(rest)?),
            "names" => saying.names_given = true,
            "node" => saying.other_node = true,
            "holds" => {
                for held in rest.split_whitespace() {
                    let (name, label) = held.rsplit_once(':').ok_or("holds NAME:LABEL")?;
                    saying.holds.push((name.to_owned(), label.to_owned()));
                }
            }
            other => return Err(alloc::format!("`{other}` is no option of what a client says")),
        }
    }
    Ok(saying)
}

fn given(text: &str) -> Result<Given, String> {
    match text.trim() {
        "old" => Ok(Given::Old),
        "last" => Ok(Given::Last),
        "unknown" => Ok(Given::Unknown),
        "none" => Ok(Given::Empty),
        other => Err(alloc::format!("`{other}` is none of old, last, unknown, none")),
    }
}

fn expectation(text: &str) -> Result<Expectation, String> {
    let mut words = text.split_whitespace();
    let mut expected =
        Expectation { type_name: words.next().ok_or("which type?")?.to_owned(), ..Expectation::default() };
    for word in words {
        if word == "empty" {
            continue;
        } else if word == "heartbeat" {
            expected.heartbeat = true;
        } else if let Some(name) = word.strip_prefix('-') {
            expected.removed.push(name.to_owned());
        } else if let Some(name) = word.strip_prefix('?') {
            expected.unresolved.push(name.to_owned());
        } else if expected.heartbeat {
            expected.resources.push((word.to_owned(), String::new()));
        } else {
            let (name, label) = word.rsplit_once('=').ok_or("an expected resource is NAME=LABEL")?;
            expected.resources.push((name.to_owned(), label.to_string()));
        }
    }
    Ok(expected)
}
