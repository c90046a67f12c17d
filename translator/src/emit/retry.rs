//! When a request is tried again, and how long one try may take.

use std::time::Duration;

use envoy_types::pb::envoy::config::route::v3::{RetryPolicy, retry_policy};

use super::values;
use crate::ir::{Retry, Timeouts};

/// Short enough for several tries within a tight limit of the whole request.
const BACKOFF: Duration = Duration::from_millis(25);
const SHORTEST_BACKOFF: Duration = Duration::from_millis(1);
/// Envoy's longest pause, as a multiple of the shortest.
const LONGEST_BACKOFF_FACTOR: u32 = 10;

/// Failures of the connection count always; `reset` is also what a try that took too long comes to.
const FAILURES: &str = "connect-failure,refused-stream,reset";

/// A limit for one try is a policy too, of no further tries: when it is over the answer is 504.
pub(super) fn policy(retry: Option<&Retry>, timeouts: &Timeouts) -> Option<RetryPolicy> {
    let per_try = timeouts.per_try.filter(|limit| !limit.is_zero());
    let base = RetryPolicy { per_try_timeout: per_try.and_then(values::time), ..RetryPolicy::default() };
    match retry {
        None => per_try.map(|_| RetryPolicy { num_retries: values::number(0), ..base }),
        Some(retry) => {
            let pause = retry.backoff.unwrap_or(BACKOFF).max(SHORTEST_BACKOFF);
            let mut codes: Vec<u32> = retry.codes.iter().map(|code| u32::from(*code)).collect();
            codes.sort_unstable();
            codes.dedup();
            let codes_count = if codes.is_empty() { "" } else { ",retriable-status-codes" };
            Some(RetryPolicy {
                retry_on: format!("{FAILURES}{codes_count}"),
                num_retries: values::number(retry.attempts),
                retriable_status_codes: codes,
                retry_back_off: Some(retry_policy::RetryBackOff {
                    base_interval: values::time(pause),
                    max_interval: values::time(pause.saturating_mul(LONGEST_BACKOFF_FACTOR)),
                }),
                ..base
            })
        }
    }
}
