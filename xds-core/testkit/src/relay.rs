//! A TCP relay between a proxy and its management server: connections can be cut, and sent elsewhere, without the
//! proxy's bootstrap saying so.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// Relays every connection to its own port to a target. Ends when dropped.
///
/// ```no_run
/// # async fn example(first: std::net::SocketAddr, second: std::net::SocketAddr) -> std::io::Result<()> {
/// let relay = chancery_testkit::Relay::start(first).await?;
/// // give relay.address() to the proxy, then move it:
/// relay.move_to(second);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    target: watch::Sender<Option<SocketAddr>>,
    accepting: JoinHandle<()>,
}

impl Relay {
    /// A relay on a free loopback port.
    ///
    /// # Errors
    /// What the system said, when no port can be bound.
    pub async fn start(target: SocketAddr) -> io::Result<Relay> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (target, targets) = watch::channel(Some(target));
        let accepting = tokio::spawn(accept(listener, targets));
        Ok(Relay { address, target, accepting })
    }

    /// Where to connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts every connection, and relays new ones to this target (the same as before, for a mere cut).
    pub fn move_to(&self, target: SocketAddr) {
        self.target.send_replace(Some(target));
    }

    /// Cuts every connection, and closes new ones at once, until [`Relay::move_to`].
    pub fn cut(&self) {
        self.target.send_replace(None);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, mut targets: watch::Receiver<Option<SocketAddr>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // A new target is seen before a new connection, which therefore never goes to the old one.
            biased;
            changed = targets.changed() => match changed {
                Ok(()) => connections.abort_all(),
                Err(_) => return,
            },
            accepted = listener.accept() => {
                let target = *targets.borrow();
                if let (Ok((stream, _)), Some(target)) = (accepted, target) {
                    connections.spawn(relay(stream, target));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn relay(mut from: TcpStream, target: SocketAddr) -> io::Result<()> {
    let mut to = TcpStream::connect(target).await?;
    from.set_nodelay(true)?;
    to.set_nodelay(true)?;
    copy_bidirectional(&mut from, &mut to).await?;
    Ok(())
}
