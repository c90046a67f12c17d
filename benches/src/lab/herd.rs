//! Many streams, each on its own connection, and what they tell.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::channel::Dialer;
use super::client::{self, Script, Told};
use super::machine;
use super::served::Served;
use super::site::Site;
use super::tap::Reading;
use crate::stand::Failure;

/// How long a herd may take to tell anything.
const PATIENCE: Duration = Duration::from_secs(300);

/// The streams of one experiment.
pub(super) struct Herd {
    tell: UnboundedSender<Told>,
    told: UnboundedReceiver<Told>,
    tasks: JoinSet<Result<(), Failure>>,
    dialer: Arc<Dialer>,
    streams: usize,
}

impl Herd {
    /// Nobody yet. Fails when `most` streams are more than the machine allows.
    pub(super) fn new(server: &Served, site: &Site, most: usize) -> Result<Herd, Failure> {
        machine::enough_descriptors(most)?;
        Ok(Herd::with(server.dialer(site)?))
    }

    /// Of streams that connect so.
    pub(super) fn with(dialer: Dialer) -> Herd {
        let (tell, told) = unbounded_channel();
        Herd { tell, told, tasks: JoinSet::new(), dialer: Arc::new(dialer), streams: 0 }
    }

    /// What all of them have received and sent.
    pub(super) fn reading(&self) -> Reading {
        self.dialer.meter.read()
    }

    /// Opens streams, spread evenly over some time; does not wait for them.
    pub(super) fn join(&mut self, count: usize, script: &Arc<Script>, within: Duration) {
        for at in 0..count {
            let (stream, dialer, script, tell) =
                (self.streams, Arc::clone(&self.dialer), Arc::clone(script), self.tell.clone());
            let delay = within.mul_f64(at as f64 / count as f64);
            self.streams += 1;
            self.tasks.spawn(async move {
                sleep(delay).await;
                client::run(stream, dialer, script, tell).await
            });
        }
    }

    /// Opens streams a few at a time, and waits until each has everything.
    pub(super) async fn admit(&mut self, count: usize, script: &Arc<Script>, at_once: usize) -> Result<(), Failure> {
        let mut left = count;
        while left > 0 {
            let now = left.min(at_once);
            self.join(now, script, Duration::ZERO);
            self.ready(now).await?;
            left -= now;
        }
        Ok(())
    }

    /// Waits until so many more have everything.
    pub(super) async fn ready(&mut self, count: usize) -> Result<(), Failure> {
        let mut left = count;
        while left > 0 {
            if let Told::Ready { .. } = self.hear().await? {
                left -= 1;
            }
        }
        Ok(())
    }

    /// What some stream tells next. A stream that ends for good is a failure.
    pub(super) async fn hear(&mut self) -> Result<Told, Failure> {
        tokio::select! { biased;
            Some(ended) = self.tasks.join_next() => {
                ended??;
                Err("a stream ended".into())
            }
            heard = timeout(PATIENCE, self.told.recv()) => {
                heard.map_err(|_| "the herd has heard nothing for minutes")?.ok_or_else(|| "the herd is gone".into())
            }
        }
    }

    /// What has been told and not been heard yet.
    pub(super) fn heard_already(&mut self) -> Option<Told> {
        self.told.try_recv().ok()
    }
}
