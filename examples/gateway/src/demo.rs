//! `chancery demo`: the whole story in one command, with real Envoys.

mod gateway_api;
mod manifests;
mod xds;
mod xds_files;

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use chancery_core::InsecureAllowEveryone;
use chancery_testkit::{Seen, http, wait_until};
use tokio::net::TcpListener;

use crate::Failure;
use crate::admission::Admission;
use crate::doors::{Plaintext, Plan, Sockets};
use crate::narrator::Narrator;
use crate::voice::Voice;

pub(crate) use gateway_api::run as gateway_api;
pub(crate) use xds::run as xds;

/// How long a step may take. They take milliseconds; a loaded machine is another matter.
const PATIENCE: Duration = Duration::from_secs(30);

async fn sockets() -> io::Result<Sockets> {
    Ok(Sockets { xds: TcpListener::bind("127.0.0.1:0").await?, admin: TcpListener::bind("127.0.0.1:0").await? })
}

fn plan(voice: Voice) -> Plan {
    Plan {
        admission: Admission::Everyone(InsecureAllowEveryone),
        tls: None,
        plaintext: Plaintext::Loopback,
        narrator: Narrator::new(voice),
        drain_window: Duration::from_millis(100),
    }
}

/// Waits until a path is answered by this backend.
async fn answered_by(address: SocketAddr, host: &str, path: &str, backend: &str) -> Result<(), Failure> {
    let what = format!("{path} to be answered by {backend}");
    let waited = wait_until(&what, PATIENCE, async || {
        let answer = http::get(address, host, path).await?;
        match answer.header("x-backend") {
            Some(name) if name == backend => Ok(()),
            other => Err(Seen::from(format!("{} from {other:?}", answer.status))),
        }
    });
    Ok(waited.await?)
}

fn tell(question: &str, answer: &http::Answer) {
    let backend = answer.header("x-backend").unwrap_or("Envoy itself");
    println!("   {question:38} -> {} from {backend}", answer.status);
}

/// Replaces a file as careful editors do: nobody ever sees half of it.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("tmp");
    fs::write(&beside, text)?;
    fs::rename(beside, path)
}

fn title(text: &str) {
    println!("\n{text}");
}
