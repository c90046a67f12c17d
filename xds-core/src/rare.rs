//! What hardly ever happens, and is waited for by tasks that wake often.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;

/// The first of some futures. Each is polled when it was woken itself, and not whenever its task was: a stream that wakes for a
/// change does not look again at the end of its connection, its age and the drain of the server.
pub(crate) struct Rare<'a, T>(FuturesUnordered<BoxFuture<'a, T>>);

impl<'a, T> Rare<'a, T> {
    /// Whichever of these is the first. There must be one.
    pub(crate) fn of(futures: impl IntoIterator<Item = BoxFuture<'a, T>>) -> Rare<'a, T> {
        Rare(futures.into_iter().collect())
    }
}

impl<T> Future for Rare<'_, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match ready!(self.0.poll_next_unpin(cx)) {
            Some(first) => Poll::Ready(first),
            // All were taken already: nothing is left that could happen.
            None => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::FutureExt;
    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn a_future_is_polled_when_it_was_woken_and_not_with_its_task() {
        let (polls, bell) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let (counted, rung) = (Arc::clone(&polls), Arc::clone(&bell));
        let mut rung = Box::pin(async move { rung.notified().await });
        let awaited = poll_fn(move |cx| {
            counted.fetch_add(1, Ordering::Relaxed);
            rung.as_mut().poll(cx)
        });
        let mut rare = Rare::of([awaited.boxed(), pending().boxed()]);
        for _ in 0..100 {
            assert_eq!((&mut rare).now_or_never(), None);
        }
        assert_eq!(polls.load(Ordering::Relaxed), 1);
        bell.notify_one();
        rare.await;
        assert_eq!(polls.load(Ordering::Relaxed), 2);
    }
}
