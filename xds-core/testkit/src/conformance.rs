//! The engine's conversations, one per rule of the protocol, played against any server: a conformance suite.
//!
//! A [`Subject`] is the adapter to the server under test: where it listens, how its content is changed. A conversation
//! ([`Transcript`]) says what a client sends and what must come back; [`play`] holds the server to it.
//!
//! What a transcript calls `publish cds a v1` is for the adapter to make true; [`content`] gives the Envoy message that
//! stands for it, with the label `v1` in a field that [`label`] reads back.
//!
//! A conversation over a network is looser than one with the engine itself, in three ways: `nothing` means that nothing
//! comes for a while ([`Pace::quiet`]); `event` lines are passed over; and where a client has spoken of several types at
//! once, their answers may come in any order, for the server may answer one before it has read the other.
//!
//! ```no_run
//! use chancery_testkit::Variant;
//! use chancery_testkit::conformance::{Edit, Pace, Subject, Transcript, content, play};
//! use std::net::SocketAddr;
//!
//! struct MyServer { address: SocketAddr }
//!
//! impl Subject for MyServer {
//!     fn address(&self) -> SocketAddr {
//!         self.address
//!     }
//!     async fn publish(&mut self, edits: &[Edit]) -> Result<(), String> {
//!         for edit in edits {
//!             let resource = content(edit); // None: remove it
//!             // hand (edit.type_name, edit.name, resource) to the server's own interface
//!         }
//!         Ok(())
//!     }
//!     async fn restart(&mut self) -> Result<(), String> {
//!         Err("cannot be restarted".to_owned())
//!     }
//! }
//!
//! # async fn example(mut server: MyServer, text: &str) -> Result<(), Box<dyn std::error::Error>> {
//! let transcript = Transcript::parse(text).map_err(|mistake| mistake.to_string())?;
//! play(&transcript, Variant::Delta, &mut server, Pace::default()).await?;
//! # Ok(())
//! # }
//! ```

mod content;
mod player;
mod voice;

use std::net::SocketAddr;
use std::time::Duration;

pub use chancery_protocol::sim::transcript::{Edit, Mistake, Step, Transcript};
pub use content::{content, label};

use crate::{Delta, Sotw, Variant};

/// A server under test, without content when it is handed over.
pub trait Subject: Send {
    /// Where it listens, now.
    fn address(&self) -> SocketAddr;

    /// Makes a change of content, all at once, and returns when the server has it. An edit without a label is a removal.
    fn publish(&mut self, edits: &[Edit]) -> impl Future<Output = Result<(), String>> + Send;

    /// Replaces the server by another with the same content, which has never seen this client.
    fn restart(&mut self) -> impl Future<Output = Result<(), String>> + Send;
}

/// How much time a conversation is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How long an answer may take. Default: 10 s.
    pub patience: Duration,
    /// How long nothing must come for `nothing`, and how long the server is given to read what was said before the world
    /// changes. Default: 60 ms.
    pub quiet: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Pace { patience: Duration::from_secs(10), quiet: Duration::from_millis(60) }
    }
}

/// Where a server did something else than the conversation says.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Departure {
    /// The line of the transcript.
    pub line: usize,
    /// What was expected there, and what came.
    pub what: String,
}

/// Plays a conversation in one variant, against a server that has no content yet.
///
/// # Errors
/// [`Departure`] at the first line the server does not keep to.
pub async fn play(
    transcript: &Transcript,
    variant: Variant,
    subject: &mut impl Subject,
    pace: Pace,
) -> Result<(), Departure> {
    match variant {
        Variant::Delta => player::play::<Delta>(transcript, subject, pace).await,
        Variant::Sotw => player::play::<Sotw>(transcript, subject, pace).await,
    }
}

/// The variants a conversation is about.
pub fn variants(transcript: &Transcript) -> Vec<Variant> {
    let about = [(Variant::Delta, transcript.delta), (Variant::Sotw, transcript.sotw)];
    about.into_iter().filter_map(|(variant, told)| told.then_some(variant)).collect()
}

/// How long a conversation lets time pass: the least it takes to play it.
pub fn waits(transcript: &Transcript) -> Duration {
    let waited = transcript.steps.iter().map(|(_, step)| match step {
        Step::Wait(time) => *time,
        _ => Duration::ZERO,
    });
    waited.sum()
}
