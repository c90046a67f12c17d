//! When a task has to look around, whatever happens.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use tokio::task::coop::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

/// A timer of a task that wakes often: it may go off too early, which costs a look around, and is neither moved nor polled with
/// each wake, which would cost more.
pub(crate) struct Alarm {
    /// Not looked at before it is due: that lies elsewhere in memory.
    timer: Pin<Box<Sleep>>,
    due: Instant,
    /// The task it wakes, if it is set.
    task: Option<Waker>,
}

impl Alarm {
    pub(crate) fn at(deadline: Instant) -> Alarm {
        Alarm { timer: Box::pin(sleep_until(deadline)), due: deadline, task: None }
    }

    /// Goes off at this time, or before. One that went off while nobody looked still does so once.
    pub(crate) fn no_later_than(&mut self, deadline: Instant) {
        if deadline < self.due || (self.task.is_none() && self.timer.is_elapsed()) {
            self.timer.as_mut().reset(deadline);
            self.due = deadline;
            self.task = None;
        }
    }
}

impl Future for Alarm {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Alarm { timer, due, task } = self.get_mut();
        let is_set = task.as_ref().is_some_and(|task| task.will_wake(cx.waker()));
        if is_set && Instant::now() < *due {
            return Poll::Pending;
        }
        *task = Some(cx.waker().clone());
        // A timer that is out of budget does not set itself.
        let elapsed = pin!(unconstrained(timer.as_mut())).poll(cx);
        if elapsed.is_ready() {
            *task = None;
        }
        elapsed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn it_goes_off_at_the_earliest_time_it_was_given_and_can_be_set_again() {
        let start = Instant::now();
        let after = |millis| start + Duration::from_millis(millis);
        let far = start + Duration::from_secs(3600);
        let mut alarm = Alarm::at(start);
        alarm.no_later_than(far);
        // What it was made with counts.
        (&mut alarm).await;
        alarm.no_later_than(far);
        for _ in 0..3 {
            assert_eq!((&mut alarm).now_or_never(), None);
        }
        alarm.no_later_than(after(50));
        alarm.no_later_than(far);
        (&mut alarm).await;
        assert!(Instant::now() >= after(50));
        alarm.no_later_than(after(70));
        // Another task polls it from now on.
        let _ = (&mut alarm).now_or_never();
        tokio::spawn(alarm).await.unwrap();
        assert!(Instant::now() >= after(70));
    }
}
