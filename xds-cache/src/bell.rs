//! "Something newer is there", for one stream: a counter to compare with, and a task that waits for it to move.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;

use futures::task::AtomicWaker;

/// Like a [`Signal`](crate::signal::Signal) that one task waits for at a time. Whether it waits is not kept anew each time: one that
/// has begun to wait, and then does something else, is perhaps woken once for nothing.
#[derive(Default)]
pub(crate) struct Bell {
    stamp: AtomicU64,
    closed: AtomicBool,
    waker: AtomicWaker,
}

impl Bell {
    /// The stamp to wait from. Take it before looking at what the bell stands for.
    pub(crate) fn stamp(&self) -> u64 {
        self.stamp.load(Ordering::SeqCst)
    }

    pub(crate) fn raise(&self) {
        self.stamp.fetch_add(1, Ordering::SeqCst);
        self.waker.wake();
    }

    /// Nothing newer will come.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.waker.wake();
    }

    /// Waits until the stamp is not `seen` any more. `false`: the bell is closed.
    pub(crate) async fn moved_from(&self, seen: u64) -> bool {
        poll_fn(|cx| {
            // First the waker, then the state: who moves it in between wakes.
            self.waker.register(cx.waker());
            match (self.closed.load(Ordering::SeqCst), self.stamp() != seen) {
                (true, _) => Poll::Ready(false),
                (false, true) => Poll::Ready(true),
                (false, false) => Poll::Pending,
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::task::yield_now;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn who_waits_is_woken_and_who_comes_late_sees_it() {
        let bell = Arc::new(Bell::default());
        let waits = {
            let bell = Arc::clone(&bell);
            tokio::spawn(async move { bell.moved_from(0).await })
        };
        yield_now().await;
        assert!(!waits.is_finished());
        bell.raise();
        assert!(waits.await.unwrap());
        assert!(bell.moved_from(0).await);
        let still = timeout(Duration::from_millis(20), bell.moved_from(1)).await;
        assert!(still.is_err());
        bell.close();
        assert!(!bell.moved_from(1).await);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nothing_is_missed_however_it_falls_together() {
        let bell = Arc::new(Bell::default());
        let raises = 20_000;
        let rings = {
            let bell = Arc::clone(&bell);
            tokio::spawn(async move {
                for number in 0..raises {
                    bell.raise();
                    if number % 64 == 0 {
                        yield_now().await;
                    }
                }
            })
        };
        let mut seen = 0;
        while seen < raises {
            assert!(timeout(Duration::from_secs(10), bell.moved_from(seen)).await.unwrap());
            seen = bell.stamp();
        }
        rings.await.unwrap();
    }
}
