//! The server process: listens, then does as told on its standard input until that ends.
//!
//! `change REVISION NUMBER` replaces one resource; `edit N` puts an object back that says nothing new; `usage` and
//! `names TYPE` are answered with a line of JSON.

mod answers;
mod chancery;
mod counting;
mod floor;
mod log;
mod prepared;
mod read_only;
mod ready;
mod sockets;
mod stock;
mod translated;

use std::io::stdin;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use chancery_protocol::TypeUrl;
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::{Builder, Runtime};

use self::stock::Stock;
pub(super) use self::stock::nth;
use super::machine;
use super::setting::{Content, Kind, Setting};
use super::usage::{Counts, Usage};
use crate::stand::Failure;

/// How many connections may wait to be accepted; what grpc-go gets from the system, and more than tokio asks for.
const BACKLOG: u32 = 4_096;

/// What a server can be told to do.
trait Obedient {
    /// Replaces a resource.
    fn change(&mut self, revision: usize, number: usize) -> Result<(), Failure>;

    /// Puts an object back that says nothing new.
    fn edit(&mut self, _number: usize) -> Result<(), Failure> {
        Err("this server has no objects".into())
    }

    /// The names there are of a type.
    fn names(&self, _type_url: &TypeUrl) -> Vec<String> {
        Vec::new()
    }
}

/// Serves until standard input ends. `setting` is a [`Setting`] as JSON.
///
/// # Errors
/// When a change cannot be made, or no port be had.
pub fn serve(kind: Kind, setting: &str) -> Result<(), Failure> {
    let setting: Setting = serde_json::from_str(setting)?;
    // A server has a descriptor for every stream. If there are too few, whoever opens the streams says so.
    let _ = machine::raise_descriptors();
    let runtime = Builder::new_multi_thread().worker_threads(setting.threads).enable_all().build()?;
    let listener = runtime.block_on(async { listen(setting.port) })?;
    let address = listener.local_addr()?;
    let counts = Arc::new(Counts::default());
    let mut server = start(kind, &runtime, listener, &setting, &counts)?;
    println!("{address}");
    for line in stdin().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        match *words {
            ["change", revision, number] => server.change(revision.parse()?, number.parse()?)?,
            ["edit", number] => server.edit(number.parse()?)?,
            ["usage"] => println!("{}", serde_json::to_string(&Usage::now(&counts))?),
            ["names", type_url] => {
                println!("{}", serde_json::to_string(&server.names(&TypeUrl::parse(type_url)))?);
            }
            _ => return Err(format!("what is {line:?}?").into()),
        }
    }
    Ok(())
}

fn start(
    kind: Kind,
    runtime: &Runtime,
    listener: TcpListener,
    setting: &Setting,
    counts: &Arc<Counts>,
) -> Result<Box<dyn Obedient>, Failure> {
    Ok(match (kind, setting.content) {
        (Kind::Chancery, Content::Shops) => {
            Box::new(translated::Translated::start(runtime, listener, setting, counts)?)
        }
        (Kind::Chancery, _) => Box::new(chancery::Published::start(runtime, listener, setting, counts)?),
        (_, Content::Shops) => {
            // A floor translates nothing, and has load assignments to serve.
            let beneath = Setting { content: Content::Endpoints, ..setting.clone() };
            let floor = start(kind, runtime, listener, &beneath, counts)?;
            Box::new(read_only::ReadOnly::new(floor, setting.resources, counts))
        }
        (Kind::Tonic, _) => Box::new(floor::Floor::start(runtime, listener, setting)?),
        (Kind::Ready, _) => Box::new(ready::Ready::start(runtime, listener, setting)?),
        (Kind::Socket, _) => Box::new(sockets::Sockets::start(runtime, listener, setting)?),
        (Kind::GoControlPlane, _) => return Err("go-control-plane is not part of this program".into()),
    })
}

fn listen(port: u16) -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    // The port of a server that was killed is to be had again at once.
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    socket.listen(BACKLOG)
}
