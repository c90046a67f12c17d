//! Waiting for a condition, with a deadline and an account of what was seen instead.

use std::fmt;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

/// What a condition saw instead of what it waits for. Made from anything that can be shown, errors included, so that
/// `?` works in a condition.
pub struct Seen(String);

impl<T: fmt::Display> From<T> for Seen {
    fn from(seen: T) -> Seen {
        Seen(seen.to_string())
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A condition that did not come true in time.
#[derive(Debug, thiserror::Error)]
#[error("waited {deadline:?} for {what}; last seen: {last_seen}{aside}")]
pub struct TimedOut {
    /// What was waited for.
    pub what: String,
    /// For how long.
    pub deadline: Duration,
    /// What the condition saw the last time it looked.
    pub last_seen: String,
    /// More to know, such as the end of a log; may be empty.
    pub aside: String,
}

/// Asks a condition again and again until it gives a value, for at most `deadline`.
///
/// # Errors
/// [`TimedOut`], with what the condition saw last.
///
/// ```
/// use chancery_testkit::{Seen, wait_until};
/// use std::time::Duration;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let mut looked = 0;
/// let third = wait_until("the third look", Duration::from_secs(5), async || -> Result<u32, Seen> {
///     looked += 1;
///     if looked < 3 { Err(format!("look {looked}").into()) } else { Ok(looked) }
/// });
/// assert_eq!(third.await.unwrap(), 3);
/// # });
/// ```
pub async fn wait_until<T>(
    what: &str,
    deadline: Duration,
    mut condition: impl AsyncFnMut() -> Result<T, Seen>,
) -> Result<T, TimedOut> {
    let end = Instant::now() + deadline;
    let mut pause = Duration::from_millis(2);
    let mut last_seen = "nothing yet".to_owned();
    loop {
        match timeout_at(end, condition()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(Seen(seen))) => last_seen = seen,
            Err(_) => last_seen.push_str(" (and looking again did not end)"),
        }
        if Instant::now() + pause >= end {
            return Err(TimedOut { what: what.to_owned(), deadline, last_seen, aside: String::new() });
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}
