//! What the examples share, none of it about xDS: the command line, and when to stop.

use std::net::SocketAddr;
use std::sync::Arc;

use chancery_core::{End, Observer};
use chancery_protocol::Peer;
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// What any of the examples may fail with.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// One run of an example, as its command line asks for it: `[ADDRESS] [--once]`.
#[derive(Debug, Clone)]
pub struct Run {
    listen: SocketAddr,
    once: bool,
    stream_ended: Arc<Notify>,
}

impl Run {
    /// The run the command line asks for.
    ///
    /// # Errors
    /// When an argument is neither `--once` nor an address.
    pub fn from_arguments() -> Result<Run, Failure> {
        let mut run = Run { listen: SocketAddr::from(([127, 0, 0, 1], 0)), once: false, stream_ended: Arc::default() };
        for argument in std::env::args().skip(1) {
            match argument.as_str() {
                "--once" => run.once = true,
                address => run.listen = address.parse().map_err(|error| format!("{address}: {error}"))?,
            }
        }
        Ok(run)
    }

    /// A listener at the address asked for; prints where that is.
    ///
    /// # Errors
    /// When the address is taken.
    pub async fn listener(&self) -> std::io::Result<TcpListener> {
        let listener = TcpListener::bind(self.listen).await?;
        println!("listening on {}", listener.local_addr()?);
        Ok(listener)
    }

    /// Completes when the example should stop: at Ctrl-C, or with `--once` when the first stream has ended.
    pub async fn over(self) {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            () = self.stream_ended.notified(), if self.once => {}
        }
    }
}

/// Lets a run know when a stream has ended.
impl Observer for Run {
    fn closed(&self, _peer: &Peer, _end: &End) {
        self.stream_ended.notify_one();
    }
}

/// The example of the workspace's README, compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
