//! The thread that starts processes. It lives as long as they do: the system ends a child on a leash when the *thread* that
//! started it ends, and those of a runtime come and go.

use std::io;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

struct Order {
    command: Command,
    reply: oneshot::Sender<io::Result<Child>>,
}

/// A handle to the thread, which ends with the last of them.
#[derive(Clone)]
pub(super) struct Spawner {
    orders: Sender<Order>,
}

impl Spawner {
    /// Starts the thread. Needs a runtime, which then waits for the processes.
    pub(super) fn start() -> io::Result<Spawner> {
        let (orders, received) = channel::<Order>();
        let runtime = Handle::current();
        thread::Builder::new().name("spawner".to_owned()).spawn(move || {
            let _inside = runtime.enter();
            for Order { mut command, reply } in received {
                // Whoever asked may be gone; the child is then dropped, which ends it.
                let _ = reply.send(command.spawn());
            }
        })?;
        Ok(Spawner { orders })
    }

    /// Starts a process, which is killed when what is returned is dropped.
    pub(super) async fn spawn(&self, mut command: Command) -> io::Result<Child> {
        command.kill_on_drop(true);
        let (reply, replied) = oneshot::channel();
        let gone = || io::Error::other("the thread that starts processes has ended");
        self.orders.send(Order { command, reply }).map_err(|_| gone())?;
        replied.await.map_err(|_| gone())?
    }
}
