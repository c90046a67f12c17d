//! A server process, as the experiment sees it: started, told what to do, asked what it has used up, killed.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chancery_protocol::TypeUrl;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{sleep, timeout};

use super::channel::{Carrier, Dialer};
use super::go_control_plane;
use super::machine::Cores;
use super::setting::{Kind, Setting};
use super::site::Site;
use super::usage::Usage;
use crate::stand::Failure;

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(600);

/// When a server is asked for the first time whether it is at rest; then a quarter later each time, at most so much.
const LOOK: Duration = Duration::from_millis(60);
const LONGEST_LOOK: Duration = Duration::from_secs(3);

/// The part of a core that counts as rest; to be asked costs some of it.
const REST: f64 = 0.02;

/// The same of a server that has done no less for a while: to ping ten thousand connections takes that on a slow machine.
const UNREST: f64 = 0.1;

/// How long that while is.
const RESTLESS_FOR: Duration = Duration::from_secs(20);

/// A server process. Ends with its standard input.
pub struct Served {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    kind: Kind,
    pub(super) address: SocketAddr,
}

impl Served {
    /// Starts this very program as a server, or a peer.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start(kind: Kind, setting: &Setting, cores: &Cores) -> Result<Served, Failure> {
        let json = serde_json::to_string(setting)?;
        let own = |kind: &str| Ok::<_, Failure>((std::env::current_exe()?, vec!["serve".to_owned(), kind.to_owned()]));
        let (program, arguments) = match kind {
            Kind::Chancery => own("chancery")?,
            Kind::Tonic => own("tonic")?,
            Kind::Ready => own("ready")?,
            Kind::Socket => own("socket")?,
            Kind::GoControlPlane => (go_control_plane()?, Vec::new()),
        };
        let mut command = Command::new(program);
        command.args(arguments).arg(json).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = cores.on_server_core(|| command.spawn())??;
        let stdin = child.stdin.take().ok_or("no pipe to the server")?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no pipe from the server")?).lines();
        let address = timeout(PATIENCE, lines.next_line()).await??.ok_or("the server did not start")?.parse()?;
        Ok(Served { child, stdin, lines, kind, address })
    }

    /// How streams connect to it.
    pub(super) fn dialer(&self, site: &Site) -> Result<Dialer, Failure> {
        let tls = site.certificates.as_ref().map(|certificates| certificates.client()).transpose()?;
        let carrier = if self.kind == Kind::Socket { Carrier::Bare } else { Carrier::Grpc };
        Ok(Dialer { address: self.address, carrier, tls, meter: Arc::default() })
    }

    /// Replaces the resource of this number.
    pub(super) async fn change(&mut self, revision: usize, number: usize) -> Result<(), Failure> {
        Ok(self.stdin.write_all(format!("change {revision} {number}\n").as_bytes()).await?)
    }

    /// Edits an object without saying anything new.
    pub(super) async fn edit(&mut self, number: usize) -> Result<(), Failure> {
        Ok(self.stdin.write_all(format!("edit {number}\n").as_bytes()).await?)
    }

    /// What it has used up so far. All it was told before is then done.
    pub(super) async fn usage(&mut self) -> Result<Usage, Failure> {
        Ok(serde_json::from_str(&self.ask("usage").await?)?)
    }

    /// The names there are of a type.
    pub(super) async fn names(&mut self, type_url: &TypeUrl) -> Result<Vec<String>, Failure> {
        Ok(serde_json::from_str(&self.ask(&format!("names {}", type_url.as_str())).await?)?)
    }

    async fn ask(&mut self, question: &str) -> Result<String, Failure> {
        self.stdin.write_all(format!("{question}\n").as_bytes()).await?;
        Ok(timeout(PATIENCE, self.lines.next_line()).await??.ok_or("the server is gone")?)
    }

    /// Waits until the server uses next to nothing of its core, and says what it has used up by then and since when it rests.
    ///
    /// # Errors
    /// When it does not come to rest.
    pub(super) async fn at_rest(&mut self) -> Result<(Usage, Instant), Failure> {
        let begun = Instant::now();
        let mut before = (self.usage().await?, Instant::now());
        let mut rests_since = None;
        let mut look = LOOK;
        while begun.elapsed() < PATIENCE {
            sleep(look).await;
            // One that stops the world to say what it has allocated would never rest if it were asked all the time.
            look = (look * 5 / 4).min(LONGEST_LOOK);
            let now = (self.usage().await?, Instant::now());
            let busy = (now.0.cpu_s() - before.0.cpu_s()) / (now.1 - before.1).as_secs_f64();
            // Twice in a row: between two requests it may only be waiting for the second.
            let rest = if begun.elapsed() < RESTLESS_FOR { REST } else { UNREST };
            rests_since = match (busy <= rest, rests_since) {
                (false, _) => None,
                (true, None) => Some(before.1),
                (true, Some(since)) => return Ok((now.0, since)),
            };
            before = now;
        }
        Err("the server does not come to rest".into())
    }

    /// Ends it at once, as `kill -9` does, and waits until it is gone.
    pub(super) async fn kill(mut self) -> Result<(), Failure> {
        Ok(self.child.kill().await?)
    }
}
