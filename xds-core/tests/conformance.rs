//! Every conversation of the protocol's rules, played over real connections against the server.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chancery_core::{InsecureAllowEveryone, Limits, Server};
use chancery_protocol::sim::play::{edited, type_named};
use chancery_protocol::sim::{Picture, World};
use chancery_protocol::{Grant, Parts, Peer, Resource, ResourceName, Source, Watch};
use chancery_testkit::Variant;
use chancery_testkit::conformance::{Edit, Pace, Subject, Transcript, content, play, variants, waits};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// Conversations that let more time pass are played when `CHANCERY_CONFORMANCE=all` is set. Their rules are shown by the
/// engine's own tests, where time costs nothing.
const LONGEST_WAIT: Duration = Duration::from_secs(3);

/// Two removals become due at one instant of the engine's clock, and at two of a real one: they come in two responses.
const AT_ONE_INSTANT: &str = "p78-a-newer-generation-in-mid-sequence.txt";

/// A source whose picture is replaced as a whole.
struct Shown(watch::Receiver<Arc<Picture>>);

struct Looking(watch::Receiver<Arc<Picture>>);

impl Source for Shown {
    type View = Picture;
    type Watch = Looking;
    type Refusal = Infallible;

    fn watch(&self, _peer: &Peer, _grant: &Grant) -> Result<Looking, Infallible> {
        Ok(Looking(self.0.clone()))
    }
}

impl Watch for Looking {
    type View = Picture;

    fn latest(&mut self) -> Option<Arc<Picture>> {
        Some(Arc::clone(&self.0.borrow_and_update()))
    }

    async fn changed(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }
}

/// A server of its own for each conversation.
struct Served {
    world: World,
    lineage: u64,
    pictures: watch::Sender<Arc<Picture>>,
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Served {
    async fn start(world: World, lineage: u64) -> Served {
        let (pictures, shown) = watch::channel(world.view());
        let server = Server::builder(Shown(shown), InsecureAllowEveryone).limits(Limits::default()).build();
        let server = server.expect("a server");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let serving = tokio::spawn(async move {
            server.serve(listener, std::future::pending()).await.expect("to serve");
        });
        Served { world, lineage, pictures, address, serving }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Subject for Served {
    fn address(&self) -> SocketAddr {
        self.address
    }

    async fn publish(&mut self, edits: &[Edit]) -> Result<(), String> {
        let real = |edit: &Edit| -> Option<Resource> {
            let body = content(edit)?.value.into();
            Some(Resource::from_parts(Parts { body, ..edited(edit)?.to_parts() }))
        };
        let gone = edits.iter().filter(|edit| edit.label.is_none());
        let gone: Vec<_> = gone.map(|edit| (type_named(&edit.type_name), ResourceName::new(&edit.name))).collect();
        // One conversation has a resource of 70 MB; making it must not hold up the others' clocks.
        let made: Vec<Resource> = tokio::task::block_in_place(|| edits.iter().filter_map(real).collect());
        self.world.apply(made, gone);
        self.pictures.send_replace(self.world.view());
        Ok(())
    }

    async fn restart(&mut self) -> Result<(), String> {
        *self = Served::start(self.world.replica(self.lineage + 1), self.lineage + 1).await;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_conversation_is_kept_over_the_wire() {
    let all = std::env::var("CHANCERY_CONFORMANCE").is_ok_and(|value| value == "all");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol/tests/transcripts");
    let mut conversations = JoinSet::new();
    let mut failures = BTreeMap::new();
    let mut played = 0;
    for entry in fs::read_dir(folder).expect("transcripts") {
        let file = entry.expect("a file").path();
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let text = fs::read_to_string(&file).expect("text");
        let transcript = Transcript::parse(&text).unwrap_or_else(|mistake| panic!("{name}: {mistake}"));
        if name == AT_ONE_INSTANT || (!all && waits(&transcript) > LONGEST_WAIT) {
            continue;
        }
        for variant in variants(&transcript) {
            let (name, transcript) = (name.clone(), transcript.clone());
            played += 1;
            conversations.spawn(async move { (name, variant, converse(&transcript, variant).await) });
        }
        // Some at a time, so that a busy machine does not take a conversation's time away.
        while conversations.len() >= if all { 200 } else { 16 } {
            note(conversations.join_next().await, &mut failures);
        }
    }
    while let Some(done) = conversations.join_next().await {
        note(Some(done), &mut failures);
    }
    let listed: Vec<String> = failures.into_iter().map(|(name, what)| format!("{name}: {what}")).collect();
    assert!(listed.is_empty(), "{} of {played} conversations failed:\n{}", listed.len(), listed.join("\n"));
    assert!(played > 60, "only {played} conversations were found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_departs_is_told_at_which_line() {
    let wrong = [
        ("variant delta\npublish eds a v1\n> eds +a\n< eds a=v2\n", "line 4: expected"),
        ("variant delta\npublish eds a v1\n> eds +a\n< nothing\n", "line 4: expected silence"),
        ("variant delta\n> eds +a\n< eds -a\n> eds ; ack\ncloses UNAVAILABLE\n", "line 5: expected the stream to end"),
        ("variant delta\n> leds +a\n< cds empty\n", "line 3: expected"),
    ];
    for (text, expected) in wrong {
        let transcript = Transcript::parse(text).unwrap_or_else(|mistake| panic!("{mistake}"));
        let mut served = Served::start(World::new(1, 64), 1).await;
        let pace = Pace { patience: Duration::from_millis(300), ..Pace::default() };
        let departure = play(&transcript, Variant::Delta, &mut served, pace).await.expect_err(text).to_string();
        assert!(departure.starts_with(expected), "{departure}");
    }
}

async fn converse(transcript: &Transcript, variant: Variant) -> Result<(), String> {
    let mut served = Served::start(World::new(1, 64), 1).await;
    play(transcript, variant, &mut served, Pace::default()).await.map_err(|departure| departure.to_string())
}

type Done = Result<(String, Variant, Result<(), String>), tokio::task::JoinError>;

fn note(done: Option<Done>, failures: &mut BTreeMap<String, String>) {
    match done {
        Some(Ok((name, variant, Err(what)))) => drop(failures.insert(format!("{name} ({variant:?})"), what)),
        Some(Err(panicked)) => drop(failures.insert("a conversation".to_owned(), panicked.to_string())),
        _ => {}
    }
}
