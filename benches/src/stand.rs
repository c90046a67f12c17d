//! One session over the cache, brought to the point where one change is one poll.

use std::error::Error;
use std::time::{Duration, Instant};

use chancery_cache::{EveryoneTogether, GroupKey, Patch, Publisher, ResourceSet, SnapshotCache};
use chancery_protocol::{
    DeltaRequest, DeltaResponse, DeltaSession, HeldVersion, Moment, Reply, ResourceName, Session, Settings,
    SotwRequest, SotwResponse, SotwSession, TypeUrl,
};

use crate::made::{self, Measured};

/// What a bench may fail with.
pub type Failure = Box<dyn Error + Send + Sync>;

/// A conversation whose polls are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// Delta, every cluster.
    DeltaWildcardClusters,
    /// Delta, endpoints by name.
    DeltaNamedEndpoints,
    /// State of the world, endpoints by name.
    SotwNamedEndpoints,
    /// State of the world, every cluster.
    SotwWildcardClusters,
}

impl Case {
    /// All of them.
    pub const ALL: [Case; 4] =
        [Case::DeltaWildcardClusters, Case::DeltaNamedEndpoints, Case::SotwNamedEndpoints, Case::SotwWildcardClusters];

    /// What tables call it.
    pub fn label(self) -> &'static str {
        match self {
            Case::DeltaWildcardClusters => "delta-wildcard-cds",
            Case::DeltaNamedEndpoints => "delta-named-eds",
            Case::SotwNamedEndpoints => "sotw-named-eds",
            Case::SotwWildcardClusters => "sotw-wildcard-cds",
        }
    }

    /// What is subscribed.
    pub fn measured(self) -> Measured {
        match self {
            Case::DeltaWildcardClusters | Case::SotwWildcardClusters => Measured::Cluster,
            Case::DeltaNamedEndpoints | Case::SotwNamedEndpoints => Measured::Endpoints,
        }
    }
}

/// A cache of R resources, and how they are changed one at a time.
pub struct Store {
    /// The cache.
    pub cache: SnapshotCache,
    /// Its publisher.
    pub publisher: Publisher,
    measured: Measured,
    resources: usize,
    revision: usize,
}

impl Store {
    /// A cache of this many resources.
    ///
    /// # Errors
    /// None, for what is made here.
    pub fn new(measured: Measured, resources: usize) -> Result<Store, Failure> {
        let (cache, publisher) = SnapshotCache::new(EveryoneTogether);
        publisher.publish(&GroupKey::everyone(), whole(measured, resources)?)?;
        Ok(Store { cache, publisher, measured, resources, revision: 0 })
    }

    /// Replaces one resource, each time another one.
    ///
    /// # Errors
    /// None, for what is made here.
    pub fn change(&mut self) -> Result<(), Failure> {
        let patch = self.next_patch()?;
        self.publisher.apply(&GroupKey::everyone(), patch)?;
        Ok(())
    }

    /// The patch of the next change.
    ///
    /// # Errors
    /// None, for what is made here.
    pub fn next_patch(&mut self) -> Result<Patch, Failure> {
        self.revision += 1;
        let mut patch = Patch::new();
        patch.upsert(self.measured.resource(self.revision * 7919 % self.resources, self.revision)?);
        Ok(patch)
    }
}

/// A set of this many resources.
///
/// # Errors
/// None, for what is made here.
pub fn whole(measured: Measured, resources: usize) -> Result<ResourceSet, Failure> {
    let mut set = ResourceSet::new();
    for number in 0..resources {
        set.insert(measured.resource(number, 0)?)?;
    }
    Ok(set)
}

enum Talk {
    Sotw(SotwSession, Vec<ResourceName>),
    Delta(DeltaSession),
}

/// A session that holds all that is in its store, and owes nothing.
pub struct Stand {
    store: Store,
    talk: Talk,
    now: Moment,
    type_url: TypeUrl,
}

impl Stand {
    /// A session of this case over this many resources.
    ///
    /// # Errors
    /// None, for what is made here.
    pub fn new(case: Case, resources: usize) -> Result<Stand, Failure> {
        let store = Store::new(case.measured(), resources)?;
        let names: Vec<ResourceName> = match case.measured() {
            Measured::Cluster => Vec::new(),
            Measured::Endpoints => (0..resources).map(|number| ResourceName::new(&made::name(number))).collect(),
        };
        let type_url = match case.measured() {
            Measured::Cluster => TypeUrl::CLUSTER,
            Measured::Endpoints => TypeUrl::ENDPOINTS,
        };
        let now = Moment::after_start(Duration::from_secs(1));
        let talk = match case {
            Case::DeltaWildcardClusters | Case::DeltaNamedEndpoints => {
                let mut session = DeltaSession::new(Settings::default());
                let first = DeltaRequest { subscribe: names, ..DeltaRequest::first(type_url.clone(), &[]) };
                session.handle_request(now, first)?;
                Talk::Delta(session)
            }
            Case::SotwNamedEndpoints | Case::SotwWildcardClusters => {
                let mut session = SotwSession::new(Settings::default());
                let first = SotwRequest { names: names.clone(), ..SotwRequest::first(type_url.clone(), &[]) };
                session.handle_request(now, first)?;
                Talk::Sotw(session, names)
            }
        };
        let mut stand = Stand { store, talk, now, type_url };
        stand.poll_and_accept()?;
        Ok(stand)
    }

    /// Changes one resource and polls until there is nothing left to say; gives the time the polls took. The change and
    /// the acceptance that follows are not in it.
    ///
    /// # Errors
    /// When the poll did not give the one response there is reason for.
    pub fn change_and_poll(&mut self) -> Result<Duration, Failure> {
        self.store.change()?;
        let (responses, took) = self.poll_and_accept()?;
        if responses != 1 {
            return Err(format!("one change gave {responses} responses").into());
        }
        Ok(took)
    }

    fn poll_and_accept(&mut self) -> Result<(usize, Duration), Failure> {
        self.now = self.now + Duration::from_millis(10);
        let (mut count, mut took) = (0, Duration::ZERO);
        loop {
            let view = self.store.cache.view(&GroupKey::everyone()).ok_or("the store is empty")?;
            let (nonce, version) = match &mut self.talk {
                Talk::Delta(session) => {
                    let begun = Instant::now();
                    let response: Option<DeltaResponse> = session.poll_transmit(self.now, &*view);
                    took += begun.elapsed();
                    let Some(response) = response else { break };
                    (response.nonce, None)
                }
                Talk::Sotw(session, _) => {
                    let begun = Instant::now();
                    let response: Option<SotwResponse> = session.poll_transmit(self.now, &*view);
                    took += begun.elapsed();
                    let Some(response) = response else { break };
                    (response.nonce, Some(HeldVersion::Known(response.version)))
                }
            };
            count += 1;
            let reply = Reply::Ack(nonce);
            let type_url = self.type_url.clone();
            match &mut self.talk {
                Talk::Delta(session) => {
                    session.handle_request(self.now, DeltaRequest { reply, ..DeltaRequest::first(type_url, &[]) })?;
                    while session.poll_event().is_some() {}
                }
                Talk::Sotw(session, names) => {
                    let names = names.clone();
                    session.handle_request(self.now, SotwRequest { type_url, version, names, reply })?;
                    while session.poll_event().is_some() {}
                }
            }
        }
        Ok((count, took))
    }
}
