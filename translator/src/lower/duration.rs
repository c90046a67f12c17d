//! Durations as the Gateway API writes them: `1h30m`, `500ms`, `0s`.

use std::time::Duration;

/// A duration, with its unit written; at most four parts of at most five digits.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a duration like 10s, 500ms or 1h30m");
    let (mut rest, mut total, mut parts) = (text, Duration::ZERO, 0);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        if digits == 0 || digits > 5 || parts == 4 {
            return Err(wrong());
        }
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let (unit, after) = match after {
            after if after.starts_with("ms") => (Duration::from_millis(number), &after[2..]),
            after if after.starts_with('h') => (Duration::from_secs(number * 3600), &after[1..]),
            after if after.starts_with('m') => (Duration::from_secs(number * 60), &after[1..]),
            after if after.starts_with('s') => (Duration::from_secs(number), &after[1..]),
            _ => return Err(wrong()),
        };
        total += unit;
        parts += 1;
        rest = after;
    }
    if parts == 0 { Err(wrong()) } else { Ok(total) }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use std::time::Duration;

    #[test]
    fn durations_are_read_as_the_gateway_api_writes_them() {
        assert_eq!(parse("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse("0s"), Ok(Duration::ZERO));
        for wrong in ["", "5", "s", "1.5s", "-1s", "100000s", "1d"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
