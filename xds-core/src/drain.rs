//! How a server stops: everyone is told to go, spread over a window, and nothing is taken back on the way.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::jitter;

/// Starts a server's drain: its streams end with `UNAVAILABLE`, spread over
/// [`Limits::drain_window`](crate::Limits::drain_window). No stream is sent a removal because of it.
///
/// [`Server::serve`](crate::Server::serve) starts it when told to stop. With
/// [`Server::into_routes`](crate::Server::into_routes) start it before shutting your own server down: discovery streams
/// do not end by themselves.
#[derive(Debug, Clone)]
pub struct Drain(Arc<watch::Sender<Phase>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Serving,
    Draining,
}

impl Drain {
    pub(crate) fn new() -> Drain {
        Drain(Arc::new(watch::Sender::new(Phase::Serving)))
    }

    /// Starts the drain; a second call changes nothing.
    pub fn start(&self) {
        self.0.send_replace(Phase::Draining);
    }

    pub(crate) fn has_started(&self) -> bool {
        *self.0.borrow() == Phase::Draining
    }

    /// Waits until the drain has started.
    pub(crate) async fn started(&self) {
        let mut phase = self.0.subscribe();
        if phase.wait_for(|phase| *phase == Phase::Draining).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until the drain has started, and then for a random part of the window.
    pub(crate) async fn turn(self, window: Duration) {
        self.started().await;
        tokio::time::sleep(window.mul_f64(jitter::fraction())).await;
    }
}
