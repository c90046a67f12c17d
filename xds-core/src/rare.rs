//! What hardly ever happens, and is waited for by tasks that wake often.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures::future::BoxFuture;

/// The first of some futures. They are polled when one of them was woken, and not whenever their task was: a stream that wakes for a
/// change does not look again at the end of its connection, its age and the drain of the server.
pub(crate) struct Rare<'a, T> {
    futures: Vec<BoxFuture<'a, T>>,
    woken: Arc<Woken>,
    /// The task that is woken, as it was when this was polled last.
    task: Option<Waker>,
}

struct Woken {
    was: AtomicBool,
    /// Stays when it was used: who polls does not look whether it is still there.
    task: Mutex<Option<Waker>>,
}

impl Woken {
    fn task(&self) -> MutexGuard<'_, Option<Waker>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.was.store(true, Ordering::SeqCst);
        let task = self.task().clone();
        if let Some(task) = task {
            task.wake();
        }
    }
}

impl<'a, T> Rare<'a, T> {
    /// Whichever of these is the first. There must be one.
    pub(crate) fn of(futures: impl IntoIterator<Item = BoxFuture<'a, T>>) -> Rare<'a, T> {
        let woken = Arc::new(Woken { was: AtomicBool::new(true), task: Mutex::new(None) });
        Rare { futures: futures.into_iter().collect(), woken, task: None }
    }
}

impl<T> Future for Rare<'_, T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Rare { futures, woken, task } = self.get_mut();
        // First the task, then whether one was woken: who wakes one in between wakes the task.
        if !task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            *task = Some(cx.waker().clone());
            woken.task().clone_from(task);
        }
        if !woken.was.load(Ordering::SeqCst) || !woken.was.swap(false, Ordering::SeqCst) {
            return Poll::Pending;
        }
        let waker = Waker::from(Arc::clone(woken));
        let mut own = Context::from_waker(&waker);
        let mut polled = futures.iter_mut().map(|future| future.as_mut().poll(&mut own));
        polled.find(Poll::is_ready).unwrap_or(Poll::Pending)
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn};
    use std::sync::atomic::AtomicUsize;

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

    #[tokio::test]
    async fn one_that_was_woken_for_nothing_is_woken_again() {
        let bell = Arc::new(Notify::new());
        let rung = Arc::clone(&bell);
        let twice = async move {
            rung.notified().await;
            rung.notified().await;
        };
        let waits = tokio::spawn(Rare::of([twice.boxed()]));
        for _ in 0..2 {
            tokio::task::yield_now().await;
            assert!(!waits.is_finished());
            bell.notify_one();
        }
        waits.await.unwrap();
    }

    /// How often a task was woken.
    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_wake_that_comes_in_two_halves_does_not_take_the_task_away() {
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let mut cx = Context::from_waker(&waker);
        let mut rare = Rare::of([pending::<()>().boxed()]);
        assert!(rare.poll_unpin(&mut cx).is_pending());
        // Somebody is about to wake the task, which is polled for another reason in between.
        rare.woken.was.store(true, Ordering::SeqCst);
        assert!(rare.poll_unpin(&mut cx).is_pending());
        let task = rare.woken.task().clone();
        task.unwrap().wake();
        assert!(rare.poll_unpin(&mut cx).is_pending());
        rare.woken.wake_by_ref();
        assert_eq!(count.0.load(Ordering::SeqCst), 2);
        assert!(rare.woken.was.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn it_is_noticed_by_whichever_task_polls_it_last() {
        let bell = Arc::new(Notify::new());
        let rung = Arc::clone(&bell);
        let mut rare = Rare::of([async move { rung.notified().await }.boxed()]);
        assert_eq!((&mut rare).now_or_never(), None);
        let moved = tokio::spawn(rare);
        tokio::task::yield_now().await;
        bell.notify_one();
        moved.await.unwrap();
    }
}
