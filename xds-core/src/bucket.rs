//! A token bucket: so many per second, and a burst. It is told the time.

use std::time::Duration;

use tokio::time::Instant;

/// How often something may happen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// How many per second in the long run.
    pub per_second: f64,
    /// How many at once after a quiet time.
    pub burst: f64,
}

/// The tokens left of a [`Rate`].
#[derive(Debug)]
pub(crate) struct Bucket {
    rate: Rate,
    tokens: f64,
    filled_at: Instant,
}

impl Bucket {
    pub(crate) fn full(rate: Rate, now: Instant) -> Bucket {
        Bucket { rate, tokens: rate.burst, filled_at: now }
    }

    /// Takes a token.
    ///
    /// # Errors
    /// When there is none: how long until there is.
    pub(crate) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        self.wait(now)?;
        self.tokens -= 1.0;
        Ok(())
    }

    /// Whether a token could be taken.
    ///
    /// # Errors
    /// When there is none: how long until there is.
    pub(crate) fn wait(&mut self, now: Instant) -> Result<(), Duration> {
        // A stream asks several times in one look around.
        if now == self.filled_at && self.tokens >= 1.0 {
            return Ok(());
        }
        let passed = now.saturating_duration_since(self.filled_at);
        self.filled_at = now;
        self.tokens = (self.tokens + passed.as_secs_f64() * self.rate.per_second).min(self.rate.burst.max(1.0));
        if self.tokens >= 1.0 {
            return Ok(());
        }
        let seconds = (1.0 - self.tokens) / self.rate.per_second.max(0.001);
        Err(Duration::from_secs_f64(seconds.clamp(0.001, 1000.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_let_through_and_then_one_per_interval() {
        let start = Instant::now();
        let mut bucket = Bucket::full(Rate { per_second: 10.0, burst: 3.0 }, start);
        assert_eq!([(); 3].map(|()| bucket.take(start)), [Ok(()); 3]);
        let wait = bucket.take(start).unwrap_err();
        assert_eq!(wait, Duration::from_millis(100));
        assert_eq!(bucket.take(start + wait), Ok(()));
        assert!(bucket.take(start + wait).is_err());
        let later = start + Duration::from_secs(3600);
        assert_eq!([(); 3].map(|()| bucket.take(later)), [Ok(()); 3]);
        assert!(bucket.take(later).is_err());
    }
}
