//! One stream's task: it holds the only `select!` of the workspace, and tells the engine the time.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use chancery_protocol::{
    Grant, Identity, Node, Peer, ResourceName, Services, Session, Settings, Source, TypeUrl, Violation, Watch,
};
use futures::FutureExt;
use futures::future::{poll_fn, select};
use http::HeaderMap;
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, timeout, timeout_at};

use crate::alarm::Alarm;
use crate::connection::Connection;
use crate::conversation::{Conversation, Outlook};
use crate::outlet::Outlet;
use crate::rare::Rare;
use crate::reader::{Read, Reader};
use crate::shared::Shared;
use crate::turn::Turn;
use crate::variant::Variant;
use crate::wire::{Decoded, Place, Rules};
use crate::{Authorizer, Caller, Denial, End, Observer, Sessions, metrics};

/// Where a stream comes from.
pub(crate) struct Origin {
    pub(crate) stream: u64,
    pub(crate) identity: Identity,
    /// Nothing, once the authorizer is not asked again.
    pub(crate) metadata: HeaderMap,
    pub(crate) services: Services,
    /// The connection, if it is one of ours.
    pub(crate) connection: Option<Connection>,
}

/// The request header in which an Envoy whose virtual hosts come on a stream of their own names the route configuration
/// they are for: `grpc_services.initial_metadata` of its `vhds.config_source`. The request itself does not say. Without
/// it such a stream gets the virtual hosts of every route configuration of its view.
pub const COLLECTION_HEADER: &str = "x-chancery-route-configuration";

impl Origin {
    fn forget_metadata(&mut self) {
        self.metadata = HeaderMap::new();
    }

    fn collection(&self) -> Option<ResourceName> {
        let Services::Single(served) = &self.services else { return None };
        let header = self.metadata.get(COLLECTION_HEADER).filter(|_| served.traits().collected)?;
        header.to_str().ok().map(ResourceName::new)
    }
}

/// A stream before its task runs.
pub(crate) struct Stream<V: Variant, S, A, E, B> {
    shared: Arc<Shared<S, A, E>>,
    origin: Origin,
    reader: Reader<B>,
    outlet: Outlet,
    closing: Rare<'static, End>,
    /// What has come of the request that is coming, if it comes in parts.
    partial: Option<Box<V::Partial>>,
    /// What is remembered of those before it.
    memory: V::Memory,
}

impl<V, S, A, E, B> Stream<V, S, A, E, B>
where
    V: Variant,
    S: Source,
    A: Authorizer,
    E: Sessions,
    B: http_body::Body<Data = Bytes> + Send,
{
    pub(crate) fn new(shared: Arc<Shared<S, A, E>>, origin: Origin, reader: Reader<B>, outlet: Outlet) -> Self {
        let closing = match &origin.connection {
            Some(connection) => connection.closing().boxed(),
            None => shared.drain.clone().turn(shared.limits.drain_window).map(|()| End::Draining).boxed(),
        };
        Stream {
            shared,
            origin,
            reader,
            outlet,
            closing: Rare::of([closing]),
            partial: None,
            memory: V::Memory::default(),
        }
    }

    /// Runs the stream to its end. The task is as large as what it keeps while it sleeps: what only its beginning needs is
    /// apart, and goes.
    pub(crate) async fn run(mut self: Box<Self>) {
        let observer = Arc::clone(&self.shared.observer);
        let opened = Box::pin(self.open()).await;
        let end = match opened {
            Ok(opening) => {
                let mut presence = Presence::new(observer, Arc::clone(&opening.peer));
                presence.end = self.converse(opening).await;
                presence.end.clone()
            }
            Err(end) => {
                observer.turned_away(&self.origin.identity, &end);
                end
            }
        };
        metrics::ended(&end);
        tracing::debug!(stream = self.origin.stream, reason = end.label(), "stream ended");
        self.say_farewell(end).await;
    }

    /// Reads the first request and asks the authorizer and the source.
    async fn open(&mut self) -> Result<Box<Opening<V, S>>, End> {
        let patience = self.shared.limits.request_patience;
        let begun = {
            let begun = timeout(patience, poll_fn(|cx| self.reader.poll_next(cx)));
            tokio::select! { biased;
                end = ending(&self.outlet, &mut self.closing) => return Err(end),
                read = begun => read.map_err(|_| End::RequestOverdue)??,
            }
        };
        // Not before the peer has begun to ask, and before more than the beginning is taken in.
        let place = tokio::select! { biased;
            end = ending(&self.outlet, &mut self.closing) => return Err(end),
            place = self.shared.first_answers.enter() => place,
        };
        let mut turn = Turn::held(self.shared.first_answers.clone(), place);
        let mut decoded = turn.during(self.first_request(begun, Instant::now() + patience)).await?;
        let node = decoded.node.take().ok_or(Violation::MissingNode)?;
        let grant = turn.during(self.authorize(&node)).await?;
        let peer = Arc::new(Peer { stream: self.origin.stream, identity: self.origin.identity.clone(), node });
        let watch = self.shared.source.watch(&peer, &grant).map_err(|refusal| End::Refused(refusal.to_string()))?;
        Ok(Box::new(Opening { peer, grant, watch, turn, decoded }))
    }

    /// Reads the rest of the first request, of which this was read.
    async fn first_request(&mut self, mut read: Read, deadline: Instant) -> Result<Decoded<V::Request>, End> {
        loop {
            if let Read::Ended = read {
                return Err(End::HalfClosed);
            }
            if let Some(decoded) = self.decode(read, Place::First, |_| false)? {
                return Ok(decoded);
            }
            let next = timeout_at(deadline, poll_fn(|cx| self.reader.poll_next(cx)));
            read = tokio::select! { biased;
                end = ending(&self.outlet, &mut self.closing) => return Err(end),
                next = next => next.map_err(|_| End::RequestOverdue)??,
            };
        }
    }

    /// Takes in what was read. Gives the request, if that was the end of it; `recalls` tells of which types the session recalls the
    /// names.
    fn decode(
        &mut self,
        read: Read,
        place: Place,
        recalls: impl FnOnce(&TypeUrl) -> bool,
    ) -> Result<Option<Decoded<V::Request>>, End> {
        let rules = Rules {
            services: &self.origin.services,
            types: &self.shared.types,
            max_names: self.shared.settings.max_names,
            node_bytes: self.shared.limits.node_bytes,
            pool: &self.shared.settings.name_pool,
        };
        let bytes = match &read {
            Read::Begun | Read::Ended => return Ok(None),
            Read::Part(bytes) => {
                V::absorb(self.partial.get_or_insert_default(), bytes, rules, place)?;
                return Ok(None);
            }
            Read::Message(bytes) => bytes,
        };
        let begun = self.partial.take().map(|begun| *begun);
        let is_whole = begun.is_none() && place == Place::Later;
        let mut partial = begun.unwrap_or_default();
        match is_whole {
            true => V::absorb_whole(&mut partial, &mut self.memory, bytes, rules, recalls)?,
            false => V::absorb(&mut partial, bytes, rules, place)?,
        }
        Ok(Some(V::finish(partial, &mut self.memory, rules, place)?))
    }

    async fn authorize(&mut self, node: &Node) -> Result<Grant, End> {
        let caller = Caller { identity: &self.origin.identity, metadata: &self.origin.metadata };
        let answer = timeout(self.shared.limits.authorize_patience, self.shared.authorizer.authorize(&caller, node));
        let overdue = || Denial::Unavailable("the authorizer did not answer in time".into());
        tokio::select! { biased;
            end = ending(&self.outlet, &mut self.closing) => Err(end),
            answer = answer => answer.unwrap_or_else(|_| Err(overdue())).map_err(End::Denied),
        }
    }

    /// What the stream is from its first request on; what only the authorizer needs is kept if that may be asked again.
    fn begin<'s>(
        &mut self,
        shared: &'s Shared<S, A, E>,
        opening: Opening<V, S>,
    ) -> Begun<'s, S, A, E, impl Session<Request = V::Request, Response = V::Response> + use<'s, V, S, A, E, B>> {
        let Opening { peer, grant, watch, turn, decoded } = opening;
        let settings = Settings {
            services: self.origin.services.clone(),
            capabilities: peer.node.capabilities(),
            collection: self.origin.collection(),
            ..shared.settings.clone()
        };
        if grant.expires_after.is_none() {
            self.origin.forget_metadata();
        }
        let session = V::session(&shared.sessions, settings);
        let mut conversation = Conversation::new(shared, session, peer, grant, watch);
        let taken_in = conversation.take_in::<V>(decoded);
        Begun { conversation, turn, taken_in }
    }

    /// The stream proper. Everything it waits for is here.
    async fn converse(&mut self, opening: Box<Opening<V, S>>) -> End {
        let shared = Arc::clone(&self.shared);
        let Begun { mut conversation, mut turn, taken_in: mut ended } = self.begin(&shared, *opening);
        let mut alarm = Alarm::at(Instant::now());
        loop {
            if let Err(end) = ended {
                return end;
            }
            consume_budget().await;
            if let Err(end) = conversation.look_around(&self.outlet, self.reader.is_midway()) {
                return end;
            }
            if conversation.grant_has_expired() {
                match self.authorize(&conversation.peer.node).await {
                    Ok(grant) => ended = conversation.renew(grant),
                    Err(end) => ended = Err(end),
                }
                continue;
            }
            if conversation.begins_anew() {
                turn.want();
            }
            turn.end_if(conversation.is_settled(), Instant::now());
            let wake_at = turn.ends_at().into_iter().fold(conversation.wake_at(), Instant::min);
            alarm.no_later_than(wake_at);
            let (may_read, may_send) = (conversation.may_read(), conversation.may_send() && !turn.is_awaited());
            tokio::select! { biased;
                end = ending(&self.outlet, &mut self.closing) => ended = Err(end),
                read = poll_fn(|cx| self.reader.poll_next(cx)), if may_read => {
                    ended = match read {
                        Ok(Read::Ended) => Err(End::HalfClosed),
                        // Of one that has begun the time runs from now on.
                        Ok(read) => self.decode(read, Place::Later, |asked| conversation.recalls_names(asked)).and_then(
                            |decoded| match decoded {
                                Some(decoded) => conversation.take_in::<V>(decoded),
                                None => Ok(()),
                            },
                        ),
                        Err(unreadable) => Err(unreadable.into()),
                    };
                }
                room = poll_fn(|cx| self.outlet.poll_room(cx)), if may_send => {
                    ended = match room {
                        Ok(()) => conversation.send_now::<V>(&self.outlet),
                        Err(_) => Err(End::Lost),
                    };
                }
                () = turn.come(), if turn.is_awaited() => {}
                () = &mut alarm => {}
                alive = conversation.watch.changed(), if conversation.awaits_change() => {
                    conversation.outlook = Outlook::Unknown;
                    ended = match alive {
                        // Whatever else there is to look at was looked at when this was begun to be waited for.
                        true if !turn.is_awaited() => conversation.send_at_once::<V>(&self.outlet),
                        true => Ok(()),
                        false => Err(End::SourceGone),
                    };
                }
            }
        }
    }

    /// Tells the peer why, and makes sure that it is taken: a peer that reads nothing would keep the stream's memory.
    async fn say_farewell(self: Box<Self>, end: End) {
        match end {
            End::Stalled => self.outlet.abandon(&end.status()),
            _ => self.outlet.finish(&end.status()),
        }
        // Requests are read no longer: dropping the reader lets the transport reset what still comes.
        drop(self.reader);
        let patience = self.shared.limits.progress_patience;
        let gone = poll_fn(|cx| self.outlet.poll_gone(cx));
        if timeout(patience, gone).await.is_err()
            && let Some(connection) = &self.origin.connection
        {
            connection.hang_up();
        }
    }
}

/// Waits for what ends a stream from outside: the peer is gone, or the server wants the stream closed.
async fn ending(outlet: &Outlet, closing: &mut Rare<'static, End>) -> End {
    let gone = poll_fn(|cx| outlet.poll_gone(cx)).map(|_| End::Lost);
    select(pin!(gone), closing).await.factor_first().0
}

/// All there is when a stream has been authorized.
struct Opening<V: Variant, S: Source> {
    peer: Arc<Peer>,
    grant: Grant,
    watch: S::Watch,
    turn: Turn,
    decoded: Decoded<V::Request>,
}

/// A stream that has taken in its first request.
struct Begun<'s, S: Source, A, E, Q> {
    conversation: Conversation<'s, S, A, E, Q>,
    turn: Turn,
    taken_in: Result<(), End>,
}

/// That a stream is open, for the observer and the gauge; its end is told even if the task is torn down.
struct Presence {
    observer: Arc<dyn Observer>,
    peer: Arc<Peer>,
    end: End,
}

impl Presence {
    fn new(observer: Arc<dyn Observer>, peer: Arc<Peer>) -> Presence {
        ::metrics::gauge!("chancery_streams_open").increment(1);
        observer.opened(&peer);
        Presence { observer, peer, end: End::Lost }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        ::metrics::gauge!("chancery_streams_open").decrement(1);
        self.observer.closed(&self.peer, &self.end);
    }
}
