//! What all streams of one server share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chancery_protocol::{Moment, PoolChoice, Settings, TypeUrl};
use tokio::time::Instant;

use crate::bodies::Bodies;
use crate::bucket::Bucket;
use crate::budget::Budget;
use crate::drain::Drain;
use crate::name_pool::SharedNames;
use crate::turn::Places;
use crate::{Limits, Observer};

/// The server, seen from a stream.
pub(crate) struct Shared<S, A, E> {
    pub(crate) source: S,
    pub(crate) authorizer: A,
    pub(crate) sessions: E,
    pub(crate) settings: Settings,
    pub(crate) limits: Limits,
    pub(crate) identifier: Box<str>,
    pub(crate) types: Vec<TypeUrl>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) drain: Drain,
    pub(crate) bodies: Bodies,
    pub(crate) buffered: Budget,
    pub(crate) names: Budget,
    /// For streams that are given their first answers.
    pub(crate) first_answers: Places,
    /// For TLS handshakes.
    pub(crate) handshakes: Places,
    new_streams: Mutex<Bucket>,
    next_stream: AtomicU64,
    started: Instant,
}

/// What the builder collects.
pub(crate) struct Parts<S, A, E> {
    pub(crate) source: S,
    pub(crate) authorizer: A,
    pub(crate) sessions: E,
    pub(crate) settings: Settings,
    pub(crate) limits: Limits,
    pub(crate) identifier: Box<str>,
    pub(crate) types: Vec<TypeUrl>,
    pub(crate) observer: Arc<dyn Observer>,
}

impl<S, A, E> Shared<S, A, E> {
    pub(crate) fn new(parts: Parts<S, A, E>) -> Self {
        let started = Instant::now();
        let Parts { source, authorizer, sessions, settings, limits, identifier, types, observer } = parts;
        Shared {
            bodies: Bodies::new(limits.kept_body_bytes),
            buffered: Budget::new(limits.buffered_request_bytes),
            names: Budget::new(limits.subscribed_names),
            first_answers: Places::new(limits.first_answers, limits.turn_patience),
            handshakes: Places::new(limits.handshakes, limits.turn_patience),
            new_streams: Mutex::new(Bucket::full(limits.new_streams, started)),
            next_stream: AtomicU64::new(1),
            drain: Drain::new(),
            started,
            source,
            authorizer,
            sessions,
            settings: Settings { name_pool: PoolChoice::of(Arc::new(SharedNames::default())), ..settings },
            limits,
            identifier,
            types,
            observer,
        }
    }

    /// A number for a new stream.
    ///
    /// # Errors
    /// When too many were opened lately: how long the peer should wait.
    pub(crate) fn admit_stream(&self, now: Instant) -> Result<u64, Duration> {
        self.new_streams.lock().unwrap_or_else(PoisonError::into_inner).take(now)?;
        Ok(self.next_stream.fetch_add(1, Ordering::Relaxed))
    }

    /// The engine's name for a time.
    pub(crate) fn moment(&self, at: Instant) -> Moment {
        Moment::after_start(at.saturating_duration_since(self.started))
    }

    /// The time the engine names.
    pub(crate) fn instant(&self, moment: Moment) -> Instant {
        // Beyond any life of a server, and within what a clock can represent.
        const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
        self.started + moment.since_start().min(FAR)
    }
}
