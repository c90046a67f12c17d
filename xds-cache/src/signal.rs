//! "Something newer is there": a counter to compare with, and a way to wait for it to move. Latest wins, nothing queues.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use tokio::sync::Notify;

#[derive(Default)]
pub(crate) struct Signal {
    stamp: AtomicU64,
    closed: AtomicBool,
    waiting: AtomicUsize,
    notify: Notify,
}

impl Signal {
    /// The stamp to wait from. Take it before looking at what the signal stands for.
    pub(crate) fn stamp(&self) -> u64 {
        self.stamp.load(Ordering::SeqCst)
    }

    pub(crate) fn raise(&self) {
        self.stamp.fetch_add(1, Ordering::SeqCst);
        self.wake();
    }

    /// Nothing newer will come.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.wake();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    fn wake(&self) {
        // Spares a lock where nobody listens. Who begins to wait after this load sees the new stamp.
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.notify.notify_waiters();
        }
    }

    /// Waits until the stamp is not `seen` any more. `false`: the signal is closed.
    pub(crate) async fn moved_from(&self, seen: u64) -> bool {
        let _waiting = Waiting::new(&self.waiting);
        loop {
            let notified = self.notify.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if self.is_closed() {
                return false;
            }
            if self.stamp() != seen {
                return true;
            }
            notified.await;
        }
    }
}

/// Counts one who waits, for as long as it lives: a future may be dropped at any point.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Waiting(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
