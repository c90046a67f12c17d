//! References to backends.

use crate::cursor::Cursor;
use crate::findings::Findings;

/// A reference to a Service needs a port.
pub(super) fn service_has_port(backend: &Cursor<'_>, findings: &mut Findings) {
    let is_service = backend.said("group").is_none() && backend.text("kind").is_none_or(|kind| kind == "Service");
    if is_service && !backend.has("port") {
        let message = "`port` must be given for a Service".to_owned();
        findings.add_missing(backend, "port", "service-port", message);
    }
}
