//! The server process: listens, then does as told on its standard input until that ends.
//!
//! `change N` replaces one resource; `usage` answers with a line of JSON.

use std::future::pending;
use std::io::stdin;
use std::sync::Arc;

use chancery_cache::{GroupKey, Patch};
use chancery_core::{InsecureAllowEveryone, Limits, Server};
use prost::Message;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use super::Usage;
use super::counting::{CountingSessions, Polls};
use super::{floor, socket};
use crate::made::Measured;
use crate::stand::{Failure, Store};

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// chancery-core over chancery-cache.
    Chancery,
    /// A plain tonic server that sends a ready response.
    Tonic,
    /// Bare sockets and ready bytes.
    Socket,
    /// go-control-plane, in a process of its own making.
    GoControlPlane,
}

/// Serves until standard input ends.
///
/// # Errors
/// When a change cannot be made, or no port be had.
pub fn serve(kind: Kind, resources: usize, threads: usize) -> Result<(), Failure> {
    let runtime = Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    let polls = Arc::new(Polls::default());
    let mut change = match kind {
        Kind::Chancery => chancery(&runtime, listener, resources, polls.clone())?,
        Kind::Tonic => tonic(&runtime, listener, resources)?,
        Kind::Socket => socket(&runtime, listener, resources)?,
        Kind::GoControlPlane => return Err("go-control-plane is not part of this program".into()),
    };
    println!("{address}");
    for line in stdin().lines() {
        let line = line?;
        match line.split_once(' ') {
            Some(("change", revision)) => change(revision.parse()?)?,
            _ if line == "usage" => println!("{}", serde_json::to_string(&Usage::now(&polls))?),
            _ => return Err(format!("what is {line:?}?").into()),
        }
    }
    Ok(())
}

type Change = Box<dyn FnMut(usize) -> Result<(), Failure>>;

fn chancery(runtime: &Runtime, listener: TcpListener, resources: usize, polls: Arc<Polls>) -> Result<Change, Failure> {
    let Store { cache, publisher, .. } = Store::new(Measured::Endpoints, resources)?;
    let limits = Limits { subscribed_names: usize::MAX, ..Limits::default() };
    let server =
        Server::builder(cache, InsecureAllowEveryone).limits(limits).sessions(CountingSessions(polls)).build()?;
    runtime.spawn(async move {
        if let Err(error) = server.serve(listener, pending()).await {
            eprintln!("the server stopped serving: {error}");
        }
    });
    Ok(Box::new(move |revision| {
        let mut patch = Patch::new();
        patch.upsert(Measured::Endpoints.resource(revision * 7919 % resources, revision)?);
        publisher.apply(&GroupKey::everyone(), patch)?;
        Ok(())
    }))
}

fn socket(runtime: &Runtime, listener: TcpListener, resources: usize) -> Result<Change, Failure> {
    let frame =
        |number, revision| Ok::<_, Failure>(socket::framed(&floor::response(number, revision)?.encode_to_vec()));
    let (sender, newest) = watch::channel(frame(0, 0)?);
    // Made before anything is measured.
    let ready = [frame(7919 % resources, 1)?, frame(2 * 7919 % resources, 2)?];
    runtime.spawn(socket::serve(listener, newest));
    Ok(Box::new(move |revision| {
        sender.send_replace(ready.get(revision % 2).ok_or("two are ready")?.clone());
        Ok(())
    }))
}

fn tonic(runtime: &Runtime, listener: TcpListener, resources: usize) -> Result<Change, Failure> {
    let (sender, newest) = watch::channel(floor::response(0, 0)?);
    // Made before anything is measured.
    let ready = [floor::response(7919 % resources, 1)?, floor::response(2 * 7919 % resources, 2)?];
    runtime.spawn(floor::serve(listener, newest));
    Ok(Box::new(move |revision| {
        let response = ready.get(revision % 2).ok_or("two are ready")?;
        sender.send_replace(response.clone());
        Ok(())
    }))
}
