//! The rules of an HTTPRoute.

use crate::cursor::Cursor;
use crate::findings::Findings;
use crate::rules::{filters, redirects, regex, session};

pub(super) fn check(spec: &Cursor<'_>, findings: &mut Findings) {
    spec.each("rules", |rule| {
        rule.each("matches", |matched| {
            matched.with("path", |path| path_is_normal(path, findings));
            regex::value_matches(matched, "headers", findings);
            regex::value_matches(matched, "queryParams", findings);
        });
        filters::check(rule, findings);
        rule.each("backendRefs", |backend| filters::check(backend, findings));
        redirects::no_backends_behind_a_redirect(rule, findings);
        redirects::prefix_is_known(rule, findings);
        one_try_fits_the_request(rule, findings);
        session::check(rule, findings);
    });
}

/// What a path that is compared as text cannot contain, since no request that arrives has it.
const NOT_IN_PATHS: [&str; 6] = ["//", "/./", "/../", "%2f", "%2F", "#"];

/// A path that is compared as text is written as it arrives: from the root, and normalised. A regular expression compiles.
fn path_is_normal(path: &Cursor<'_>, findings: &mut Findings) {
    let (Some(at), Some(value)) = (path.get("value"), path.text("value")) else { return };
    match path.text("type") {
        Some("RegularExpression") => return regex::compiles(&at, value, findings),
        None | Some("Exact" | "PathPrefix") => {}
        // Told already.
        Some(_) => return,
    }
    if !value.starts_with('/') {
        return findings.add(&at, "path", format!("{value:?} does not begin with `/`"));
    }
    let within = NOT_IN_PATHS.into_iter().find(|part| value.contains(part));
    if let Some(part) = within.or(["/..", "/."].into_iter().find(|end| value.ends_with(end))) {
        return findings.add(
            &at,
            "path",
            format!("{value:?} contains `{part}`, which no request has by the time it is routed"),
        );
    }
    if let Some(character) = first_to_escape(value) {
        findings.add(&at, "path", format!("{value:?} contains {character:?}, which is written as %xx in a path"));
    }
}

/// The first character that cannot be in a path as it is.
fn first_to_escape(path: &str) -> Option<char> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-/._~!$&'()*+,;=:@".contains(c);
    let escape = |after: &str| after.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    path.char_indices().find_map(|(at, c)| match c {
        '%' if escape(path.get(at + 1..).unwrap_or_default()) => None,
        _ if c != '%' && plain(c) => None,
        _ => Some(c),
    })
}

/// One try at a backend cannot take longer than the whole request. 0: for ever.
fn one_try_fits_the_request(rule: &Cursor<'_>, findings: &mut Findings) {
    let Some(timeouts) = rule.get("timeouts") else { return };
    let Some(at) = timeouts.get("backendRequest") else { return };
    let millis = |field: &str| timeouts.text(field).and_then(milliseconds);
    if let (Some(whole), Some(one)) = (millis("request"), millis("backendRequest"))
        && whole > 0
        && one > whole
    {
        let (one, whole) =
            (timeouts.text("backendRequest").unwrap_or_default(), timeouts.text("request").unwrap_or_default());
        findings.add(&at, "timeouts", format!("{one} for one try is longer than {whole} for the whole request"));
    }
}

/// The length of a duration like `1h30m`, if it is one.
fn milliseconds(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut total = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at_checked(digits)?;
        let unit = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(unit)?;
        let factor = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        total += number.parse::<u32>().ok().map(u64::from)? * factor;
        rest = after;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_compared_by_their_length() {
        assert_eq!(milliseconds("1h30m"), Some(5_400_000));
        assert_eq!(milliseconds("1s500ms"), Some(1_500));
        assert!(["s", "5", "1d", "x"].into_iter().all(|text| milliseconds(text).is_none()));
    }

    #[test]
    fn what_a_path_cannot_contain_is_found() {
        assert_eq!(first_to_escape("/a-b/%20/c~d"), None);
        assert_eq!(first_to_escape("/a b"), Some(' '));
        assert_eq!(first_to_escape("/a%2"), Some('%'));
        assert_eq!(first_to_escape("/ä"), Some('ä'));
    }
}
