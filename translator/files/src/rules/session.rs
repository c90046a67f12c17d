//! Session persistence.

use crate::cursor::Cursor;
use crate::findings::Findings;

pub(super) fn check(rule: &Cursor<'_>, findings: &mut Findings) {
    rule.with("sessionPersistence", |session| {
        permanent_cookies_end(session, findings);
        cookie_settings_are_for_cookies(session, findings);
    });
}

/// A permanent cookie needs a time after which it ends.
fn permanent_cookies_end(session: &Cursor<'_>, findings: &mut Findings) {
    let lifetime = session.get("cookieConfig").and_then(|cookie| cookie.text("lifetimeType"));
    if lifetime == Some("Permanent") && !session.has("absoluteTimeout") {
        let message = "`absoluteTimeout` must be given for a permanent cookie".to_owned();
        findings.add_missing(session, "absoluteTimeout", "session-timeout", message);
    }
}

fn cookie_settings_are_for_cookies(session: &Cursor<'_>, findings: &mut Findings) {
    if let (Some(at), Some("Header")) = (session.get("cookieConfig"), session.text("type")) {
        findings.add(&at, "session-cookie", "settings of a cookie need the type Cookie, not Header");
    }
}
