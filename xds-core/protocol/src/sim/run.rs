//! One simulation: everything that can happen, happens at random, and the oracle watches.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::client::TYPES;
use super::network::{Parcel, Server, Stream, Upward};
use super::oracle::{Offence, Oracle, offence};
use super::pool::Pool;
use super::quiet::{is_quiet, keeps_quiet, stays_quiet};
use super::truth::MadeUp;
use super::{Carriage, Client, Cure, Direct, Habits, Plan, Random, Refusing, Scene, Tally, Truth, World};
use crate::{
    Digest, Dress, Event, HeldVersion, Moment, PoolChoice, Reply, Resource, ResourceName, Session, Settings,
    SotwRequest, TypeUrl, View,
};

struct Seat {
    client: Client,
    stream: Stream,
    oracle: Oracle,
    stalled: bool,
    /// How much had been published when the server looked last.
    looked_at: u64,
    /// Each client has its own chance, so that what one does changes nothing for another.
    random: Random,
}

/// All that was ever published, and when it was true for the last time.
type Published = BTreeMap<(TypeUrl, ResourceName), BTreeMap<Digest, u64>>;

struct Simulation<'a, T: Truth, C> {
    plan: Plan,
    random: Random,
    truth: &'a mut T,
    carriage: &'a mut C,
    views: Vec<Arc<T::View>>,
    /// By group.
    published: Vec<Published>,
    seats: Vec<Seat>,
    now: Moment,
    settings: Settings,
    tally: Tally,
}

/// Runs a simulation of a made-up world.
///
/// # Errors
/// The first broken promise. The same plan gives the same one again.
pub fn run(plan: &Plan) -> Result<Tally, Offence> {
    let mut random = Random::new(plan.seed);
    let scene = Scene::new(2 + random.below(5), plan.bad_once_in);
    let mut truth = MadeUp { scene, world: World::new(plan.seed, 4096), delta: plan.delta };
    drive(plan, random, &mut truth, &mut Direct)
}

/// Runs a simulation of what is true elsewhere, with messages that travel in some way of their own.
///
/// # Errors
/// The first broken promise, the truth's and the carriage's own included.
pub fn run_with<T: Truth, C: Carriage<T::View>>(
    plan: &Plan,
    truth: &mut T,
    carriage: &mut C,
) -> Result<Tally, Offence> {
    drive(plan, Random::new(plan.seed), truth, carriage)
}

fn drive<T: Truth, C: Carriage<T::View>>(
    plan: &Plan,
    random: Random,
    truth: &mut T,
    carriage: &mut C,
) -> Result<Tally, Offence> {
    let mut simulation = Simulation::new(plan.clone(), random, truth, carriage)?;
    for _ in 0..plan.steps {
        simulation.step()?;
    }
    simulation.settle()?;
    simulation.heal()?;
    simulation.settle()?;
    Ok(simulation.tally)
}

impl<'a, T: Truth, C: Carriage<T::View>> Simulation<'a, T, C> {
    fn new(plan: Plan, random: Random, truth: &'a mut T, carriage: &'a mut C) -> Result<Self, Offence> {
        let settings = settings(&plan);
        let (externals, refusing) = (truth.externals(), truth.refusing());
        let seats = (0..plan.clients).map(|at| {
            let client = Client::new(truth.habits(at), refusing);
            Seat {
                stream: open(&client, &settings),
                client,
                oracle: Oracle::new(externals.clone()),
                stalled: at >= plan.clients - plan.stalled,
                looked_at: 0,
                random: Random::new(plan.seed ^ (at as u64 + 1).wrapping_mul(0x9e37_79b9)),
            }
        });
        let mut simulation = Simulation {
            seats: seats.collect(),
            views: Vec::new(),
            published: Vec::new(),
            truth,
            carriage,
            now: Moment::after_start(Duration::from_secs(1)),
            settings,
            tally: Tally {
                responses: alloc::vec![0; plan.clients],
                polls: alloc::vec![0; plan.clients],
                ..Tally::default()
            },
            random,
            plan,
        };
        simulation.truth.change(&mut simulation.random)?;
        simulation.look();
        for seat in &mut simulation.seats {
            let said = seat.client.connect();
            seat.stream.upward.extend(said);
        }
        Ok(simulation)
    }

    /// Takes the newest views, and notes what is in them.
    fn look(&mut self) {
        self.views = self.truth.views();
        self.tally.published += 1;
        if self.plan.trace {
            std::println!("publish {}", self.truth.brief());
        }
        self.published.resize_with(self.views.len(), Published::new);
        for (view, published) in self.views.iter().zip(&mut self.published) {
            for type_url in TYPES {
                for resource in view.iter(&type_url) {
                    let key = (type_url.clone(), resource.name().clone());
                    published.entry(key).or_default().insert(*resource.digest(), self.tally.published);
                }
            }
        }
    }

    fn heal(&mut self) -> Result<(), Offence> {
        let cure = self.truth.heal(&mut self.random)?;
        self.look();
        if cure == Cure::NewStreams {
            for at in 0..self.seats.len() {
                let seat = &mut self.seats[at];
                // Until it has what it refused, what needs that does not serve; no wait ran out for it.
                seat.oracle.blind |= seat.client.holds_refused(&*self.views[seat.client.habits.group]);
                seat.client.refusing = Refusing::Nothing;
                self.lose(at)?;
            }
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), Offence> {
        self.tally.steps += 1;
        if self.random.once_in(12) {
            self.truth.change(&mut self.random)?;
            self.look();
        }
        self.now = self.now + Duration::from_millis(self.random.below(40));
        for at in 0..self.seats.len() {
            self.move_seat(at)?;
        }
        self.tally.steps += self.seats.len() as u64 - 1;
        Ok(())
    }

    fn move_seat(&mut self, at: usize) -> Result<(), Offence> {
        let seat = &mut self.seats[at];
        if self.plan.loss_once_in > 0 && seat.random.once_in(self.plan.loss_once_in) {
            return self.lose(at);
        }
        match seat.random.below(5) {
            0 => self.server_reads(at),
            1 | 2 => self.server_writes(at).map(|_| ()),
            3 => self.client_reads(at),
            _ => {
                let said = seat.client.let_go();
                seat.stream.upward.extend(said);
                Ok(())
            }
        }
    }

    fn lose(&mut self, at: usize) -> Result<(), Offence> {
        self.tally.lost += 1;
        if self.plan.trace {
            std::println!("client {at} loses its connection");
        }
        let seat = &mut self.seats[at];
        seat.stream = open(&seat.client, &self.settings);
        let view = &self.views[seat.client.habits.group];
        // What a client still serves from while something newer warms, no request tells of. In the state-of-the-world
        // variant a version is all the server learns, and some states have none.
        let warming = seat.client.is_warming();
        let unknown = |type_url: &TypeUrl| {
            let version = seat.client.version(type_url);
            version.is_some_and(|version| view.epoch_of_version(type_url, version).is_none())
        };
        let whole = [TypeUrl::CLUSTER, TypeUrl::LISTENER, TypeUrl::SCOPED_ROUTE];
        let blind = warming || !seat.client.habits.delta && (seat.client.between_versions || whole.iter().any(unknown));
        self.tally.blind += u64::from(blind);
        let still = seat.oracle.blind || blind;
        seat.oracle.new_stream(&seat.client, still);
        let said = seat.client.connect();
        seat.stream.upward.extend(said);
        Ok(())
    }

    fn server_reads(&mut self, at: usize) -> Result<(), Offence> {
        let seat = &mut self.seats[at];
        let Some(request) = seat.stream.upward.pop_front() else { return Ok(()) };
        if self.plan.trace {
            std::println!("{:?} client {at} says {}", self.now.since_start(), request.brief());
        }
        let first = core::mem::take(&mut seat.stream.is_new);
        let request = self.carriage.request(at, first, request)?;
        if let Upward::Sotw(SotwRequest {
            type_url,
            version: Some(HeldVersion::Known(version)),
            reply: Reply::None,
            ..
        }) = &request
            && type_url.traits().full_state
        {
            seat.stream.claimed.push((type_url.clone(), *version));
        }
        let taken = match (&mut seat.stream.server, request) {
            (Server::Sotw(session), Upward::Sotw(request)) => {
                let former = seat.stream.named.insert(request.type_url.clone(), request.names.clone());
                let repeats = former.as_ref() == Some(&request.names) && session.recalls_names(&request.type_url);
                // Of replies that repeat all names, every other one is given without them.
                match request.reply.nonce().filter(|nonce| repeats && nonce.0 % 2 == 0) {
                    Some(_) => session.handle_reply(self.now, &request.type_url, request.reply),
                    None => session.handle_request(self.now, request),
                }
            }
            (Server::Delta(session), Upward::Delta(request)) => session.handle_request(self.now, request),
            _ => Ok(()),
        };
        taken.or_else(|violation| offence("I5", format!("a correct request was refused: {violation}")))
    }

    /// Gives whether the server had anything to say but that it is still there.
    fn server_writes(&mut self, at: usize) -> Result<bool, Offence> {
        let seat = &mut self.seats[at];
        if !seat.stream.has_room() {
            return Ok(false);
        }
        self.tally.polls[at] += 1;
        let view = &*self.views[seat.client.habits.group];
        // The view may have forgotten since what the client holds.
        for (type_url, version) in core::mem::take(&mut seat.stream.claimed) {
            seat.oracle.blind |= view.epoch_of_version(&type_url, version).is_none();
        }
        let response = match &mut seat.stream.server {
            Server::Sotw(session) => {
                session.handle_timeout(self.now);
                let quiet = seat.looked_at == self.tally.published && is_quiet(session, self.now);
                let response = session.poll_transmit(self.now, view);
                stays_quiet(quiet && response.is_some())?;
                keeps_quiet(session, self.now, view)?;
                response.map(|response| self.carriage.sotw(at, response, view)).transpose()?
            }
            Server::Delta(session) => {
                session.handle_timeout(self.now);
                let quiet = seat.looked_at == self.tally.published && is_quiet(session, self.now);
                let response = session.poll_transmit(self.now, view);
                stays_quiet(quiet && response.is_some())?;
                keeps_quiet(session, self.now, view)?;
                response.map(|response| self.carriage.delta(at, response, view)).transpose()?
            }
        };
        seat.looked_at = self.tally.published;
        let mut closed = false;
        loop {
            let event = match &mut seat.stream.server {
                Server::Sotw(session) => session.poll_event(),
                Server::Delta(session) => session.poll_event(),
            };
            let Some(event) = event else { break };
            if self.plan.trace && !matches!(event, Event::Sent { .. } | Event::Acked { .. }) {
                std::println!("        {event:?}");
            }
            closed |= matches!(event, Event::HistoryLost { .. } | Event::Unsynced { .. });
            seat.oracle.hear(&event);
        }
        if closed {
            return self.lose(at).map(|()| true);
        }
        let Some(response) = response else { return Ok(false) };
        let published = &self.published[seat.client.habits.group];
        let last_true = |resource: &Resource| {
            let known = published.get(&(resource.type_url().clone(), resource.name().clone()));
            known.and_then(|known| known.get(resource.digest())).copied()
        };
        seat.oracle.sent(view, seat.stream.last_nonce, &response, |resource| last_true(resource).is_some())?;
        let ages = response.resources.iter().map(|resource| last_true(resource).unwrap_or(0)).collect();
        if self.plan.trace {
            std::println!("{:?} server to {at}: {}", self.now.since_start(), response.brief());
        }
        seat.stream.last_nonce = Some(response.nonce);
        self.tally.responses[at] += 1;
        let spoke = response.dress == Dress::Full;
        seat.stream.downward.push_back(Parcel { response, ages });
        Ok(spoke)
    }

    fn client_reads(&mut self, at: usize) -> Result<(), Offence> {
        let seat = &mut self.seats[at];
        if seat.stalled {
            return Ok(());
        }
        let Some(parcel) = seat.stream.downward.pop_front() else { return Ok(()) };
        seat.oracle.arrived(&seat.client, &parcel)?;
        let response = parcel.response;
        let refused = response.resources.iter().any(|resource| seat.client.refusing.is_bad(resource));
        self.tally.refused += u64::from(refused && response.dress == Dress::Full);
        if self.plan.trace {
            std::println!("        client {at} reads {:?} {}", response.type_url, response.nonce);
        }
        let said = seat.client.receive(&mut seat.random, response);
        seat.stream.upward.extend(said);
        let view = &*self.views[seat.client.habits.group];
        seat.oracle.serving(&seat.client, view).map_err(|offence| offence.of_client(at))
    }

    /// Lets everything in motion arrive and every wait run out; then the clients must hold what they should.
    fn settle(&mut self) -> Result<(), Offence> {
        for at in 0..self.seats.len() {
            self.settle_seat(at)?;
        }
        self.tally.overdue = self.seats.iter().map(|seat| seat.oracle.overdue).sum();
        Ok(())
    }

    fn settle_seat(&mut self, at: usize) -> Result<(), Offence> {
        self.seats[at].stalled = false;
        let mut quiet = 0;
        for _ in 0..5_000 {
            self.tally.steps += 1;
            let said = self.seats[at].client.let_go();
            self.seats[at].stream.upward.extend(said);
            while !self.seats[at].stream.upward.is_empty() {
                self.server_reads(at)?;
            }
            let mut news = self.server_writes(at)?;
            while let Some(parcel) = self.seats[at].stream.downward.front() {
                news |= parcel.response.dress == Dress::Full;
                self.client_reads(at)?;
            }
            if news {
                quiet = 0;
            } else {
                quiet += 1;
                self.now = self.now + Duration::from_secs(1);
            }
            if quiet > 40 {
                let seat = &mut self.seats[at];
                let view = &*self.views[seat.client.habits.group];
                if seat.oracle.converged(&seat.client, view).map_err(|offence| offence.of_client(at))? {
                    seat.oracle.forgive();
                    seat.client.between_versions = false;
                }
                return Ok(());
            }
        }
        offence("P22", format!("client {at} and its server never came to rest"))
    }
}

fn open(client: &Client, settings: &Settings) -> Stream {
    let Habits { delta, capabilities, .. } = client.habits;
    Stream::open(delta, &Settings { capabilities, ..settings.clone() })
}

/// Sessions share their names, and answer large subscriptions in parts of a few names or of many.
fn settings(plan: &Plan) -> Settings {
    let name_pool = PoolChoice::of(Arc::new(Pool::default()));
    let names_at_once = [1, 2, 1024][(plan.seed / 3 % 3) as usize];
    Settings { name_pool, names_at_once, ..Settings::default() }
}
