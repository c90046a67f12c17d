//! One simulation: everything that can happen, happens at random, and the oracle watches.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use std::sync::{Mutex, PoisonError};

use super::network::{Downward, Server, Stream, Upward};
use super::oracle::{Offence, Oracle, offence};
use super::{Client, Picture, Random, Scene, World};
use crate::{Digest, Moment, NamePool, Names, PoolChoice, Resource, ResourceName, Session, Settings, TypeUrl, View};

/// What to simulate.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Everything else follows from this number.
    pub seed: u64,
    /// The delta variant, or state of the world.
    pub delta: bool,
    /// How many random steps.
    pub steps: u64,
    /// How many clients.
    pub clients: usize,
    /// One content in this many is refused; zero for none.
    pub bad_once_in: u64,
    /// One step in this many loses a connection; zero for none.
    pub loss_once_in: u64,
    /// How many clients never read.
    pub stalled: usize,
    /// Print every message.
    pub trace: bool,
}

/// What happened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Steps taken, those of the quiet phases included.
    pub steps: u64,
    /// Changes published.
    pub published: u64,
    /// Responses sent, per client.
    pub responses: Vec<u64>,
    /// Polls of each client's session.
    pub polls: Vec<u64>,
    /// Responses refused.
    pub refused: u64,
    /// Connections lost.
    pub lost: u64,
    /// Waits that ended with their deadline.
    pub overdue: u64,
    /// Streams that began with something the protocol cannot tell the server of.
    pub blind: u64,
}

struct Seat {
    client: Client,
    stream: Stream,
    oracle: Oracle,
    stalled: bool,
    /// Each client has its own chance, so that what one does changes nothing for another.
    random: Random,
}

struct Simulation {
    plan: Plan,
    random: Random,
    scene: Scene,
    world: World,
    view: Arc<Picture>,
    /// All that was ever published.
    published: BTreeMap<(TypeUrl, ResourceName), BTreeSet<Digest>>,
    seats: Vec<Seat>,
    now: Moment,
    settings: Settings,
    tally: Tally,
}

/// Runs a simulation.
///
/// # Errors
/// The first broken promise. The same plan gives the same one again.
pub fn run(plan: &Plan) -> Result<Tally, Offence> {
    let mut simulation = Simulation::new(plan.clone());
    for _ in 0..plan.steps {
        simulation.step()?;
    }
    simulation.settle()?;
    simulation.scene.heal(&mut simulation.random);
    simulation.publish();
    simulation.settle()?;
    Ok(simulation.tally)
}

impl Simulation {
    fn new(plan: Plan) -> Simulation {
        let settings = settings(&plan);
        let mut random = Random::new(plan.seed);
        let width = 2 + random.below(5);
        let world = World::new(plan.seed, 4096);
        let seats = (0..plan.clients).map(|at| Seat {
            client: Client::new(plan.delta),
            stream: Stream::open(plan.delta, &settings),
            oracle: Oracle::default(),
            stalled: at >= plan.clients - plan.stalled,
            random: Random::new(plan.seed ^ (at as u64 + 1).wrapping_mul(0x9e37_79b9)),
        });
        let mut simulation = Simulation {
            scene: Scene::new(width, plan.bad_once_in),
            view: world.view(),
            world,
            published: BTreeMap::new(),
            seats: seats.collect(),
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
        simulation.scene.mutate(&mut simulation.random);
        simulation.publish();
        for seat in &mut simulation.seats {
            let said = seat.client.connect();
            seat.stream.upward.extend(said);
        }
        simulation
    }

    fn publish(&mut self) {
        self.scene.publish(&mut self.world);
        self.view = self.world.view();
        self.tally.published += 1;
        if self.plan.trace {
            std::println!("publish {}", self.scene.brief());
        }
        for type_url in super::client::TYPES {
            for resource in self.view.iter(&type_url) {
                let key = (type_url.clone(), resource.name().clone());
                self.published.entry(key).or_default().insert(*resource.digest());
            }
        }
    }

    fn step(&mut self) -> Result<(), Offence> {
        self.tally.steps += 1;
        if self.random.once_in(12) {
            self.scene.mutate(&mut self.random);
            self.publish();
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
        seat.stream = Stream::open(self.plan.delta, &self.settings);
        // What a client still serves from while something newer warms, no request tells of. In the state-of-the-world
        // variant a version is all the server learns, and some states have none.
        let warming = seat.client.is_warming();
        let unknown = |type_url: &TypeUrl| {
            let version = seat.client.version(type_url);
            version.is_some_and(|version| self.view.epoch_of_version(type_url, version).is_none())
        };
        let blind = warming
            || !self.plan.delta
                && (seat.client.between_versions || unknown(&TypeUrl::CLUSTER) || unknown(&TypeUrl::LISTENER));
        self.tally.blind += u64::from(blind);
        let still = seat.oracle.blind || blind;
        seat.oracle.new_stream(still);
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
        let taken = match (&mut seat.stream.server, request) {
            (Server::Sotw(session), Upward::Sotw(request)) => session.handle_request(self.now, request),
            (Server::Delta(session), Upward::Delta(request)) => session.handle_request(self.now, request),
            _ => Ok(()),
        };
        taken.or_else(|violation| offence("I5", format!("a correct request was refused: {violation}")))
    }

    /// Gives whether the server had anything to say.
    fn server_writes(&mut self, at: usize) -> Result<bool, Offence> {
        let seat = &mut self.seats[at];
        if !seat.stream.has_room() {
            return Ok(false);
        }
        self.tally.polls[at] += 1;
        let response = match &mut seat.stream.server {
            Server::Sotw(session) => {
                session.handle_timeout(self.now);
                let response = session.poll_transmit(self.now, &*self.view);
                response.map(|response| Downward {
                    resources: response.payload.resources(&response.type_url, &*self.view).cloned().collect(),
                    type_url: response.type_url,
                    nonce: response.nonce,
                    version: response.version,
                    removed: Vec::new(),
                })
            }
            Server::Delta(session) => {
                session.handle_timeout(self.now);
                let response = session.poll_transmit(self.now, &*self.view);
                response.map(|response| Downward {
                    resources: response.payload.resources(&response.type_url, &*self.view).cloned().collect(),
                    type_url: response.type_url,
                    nonce: response.nonce,
                    version: response.system_version,
                    removed: response.removed,
                })
            }
        };
        loop {
            let event = match &mut seat.stream.server {
                Server::Sotw(session) => session.poll_event(),
                Server::Delta(session) => session.poll_event(),
            };
            match event {
                Some(event) => {
                    if self.plan.trace && !matches!(event, crate::Event::Sent { .. } | crate::Event::Acked { .. }) {
                        std::println!("        {event:?}");
                    }
                    seat.oracle.hear(&event);
                }
                None => break,
            }
        }
        let Some(response) = response else { return Ok(false) };
        let published = &self.published;
        let exists = |resource: &Resource| {
            let key = (resource.type_url().clone(), resource.name().clone());
            published.get(&key).is_some_and(|known| known.contains(resource.digest()))
        };
        seat.oracle.sent(&*self.view, seat.stream.last_nonce, &response, exists)?;
        if self.plan.trace {
            std::println!("{:?} server to {at}: {}", self.now.since_start(), response.brief());
        }
        seat.stream.last_nonce = Some(response.nonce);
        self.tally.responses[at] += 1;
        seat.stream.downward.push_back(response);
        Ok(true)
    }

    fn client_reads(&mut self, at: usize) -> Result<(), Offence> {
        let seat = &mut self.seats[at];
        if seat.stalled {
            return Ok(());
        }
        let Some(response) = seat.stream.downward.pop_front() else { return Ok(()) };
        self.tally.refused += u64::from(response.resources.iter().any(super::client::is_bad));
        if self.plan.trace {
            std::println!("        client {at} reads {:?} {}", response.type_url, response.nonce);
        }
        seat.oracle.arrived(&response)?;
        let said = seat.client.receive(&mut seat.random, response);
        seat.stream.upward.extend(said);
        seat.oracle.serving(&seat.client, &*self.view).map_err(|offence| offence.of_client(at))
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
            let spoke = self.server_writes(at)?;
            while !self.seats[at].stream.downward.is_empty() {
                self.client_reads(at)?;
            }
            if spoke || !self.seats[at].stream.upward.is_empty() {
                quiet = 0;
            } else {
                quiet += 1;
                self.now = self.now + Duration::from_secs(1);
            }
            if quiet > 40 {
                let seat = &mut self.seats[at];
                seat.oracle.converged(&seat.client, &*self.view)?;
                if !seat.client.holds_refused(&*self.view) {
                    seat.oracle.forgive();
                    seat.client.between_versions = false;
                }
                return Ok(());
            }
        }
        offence("P22", format!("client {at} and its server never came to rest"))
    }
}

/// Sessions share their names, and answer large subscriptions in parts of a few names or of many.
fn settings(plan: &Plan) -> Settings {
    let name_pool = PoolChoice::of(Arc::new(Pool::default()));
    let names_at_once = [1, 2, 1024][(plan.seed / 3 % 3) as usize];
    Settings { name_pool, names_at_once, ..Settings::default() }
}

/// Keeps the last few sets it was shown.
#[derive(Default)]
struct Pool(Mutex<VecDeque<Names>>);

impl NamePool for Pool {
    fn find(&self, fingerprint: u64, names: &[ResourceName]) -> Option<Names> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|kept| kept.fingerprint() == fingerprint && kept.as_slice() == names).cloned()
    }

    fn add(&self, names: &Names) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(names.clone());
        if kept.len() > 16 {
            kept.pop_front();
        }
    }
}
