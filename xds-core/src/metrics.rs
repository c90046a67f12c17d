//! Counters of what happens on the streams, through the `metrics` facade: whoever installs a recorder sees them.
//!
//! | Name | Labels | Counts |
//! |---|---|---|
//! | `chancery_connections_open` (gauge) | | connections |
//! | `chancery_connections_refused_total` | `limit` | connections closed at once |
//! | `chancery_streams_open` (gauge) | | streams whose caller was authorized |
//! | `chancery_streams_ended_total` | `reason` | streams, those turned away included |
//! | `chancery_refused_total` | `limit` | streams refused before anything was read |
//! | `chancery_requests_total` | `type` | requests |
//! | `chancery_responses_total`, `chancery_response_bytes_total` | `type` | responses handed to the transport |
//! | `chancery_bodies_encoded_total`, `chancery_bodies_encoded_bytes_total` | | bodies encoded; the others were shared |
//! | `chancery_acks_total`, `chancery_nacks_total`, `chancery_stale_total` | `type` | replies |
//! | `chancery_overdue_total` | `type` | resources that stopped waiting for another |
//! | `chancery_oversized_total` | `type` | resources not sent for their size |
//! | `chancery_unknown_total`, `chancery_silent_total` | `type` | requests for unknown types; peers that owe a reply |
//! | `chancery_unsupported_locators_total` | `type` | names asked for with parameters |
//! | `chancery_tls_certificate_expiry_seconds` (gauge) | | when the server's certificate ends, seconds since 1970 |

use chancery_protocol::{Event, TypeUrl};

use crate::End;

/// A label for a type. Unknown types share one: a peer must not be able to make labels.
fn label(type_url: &TypeUrl) -> &'static str {
    type_url.short().unwrap_or("other")
}

/// The counters that every exchange of one type on one stream moves, looked up once for all of them.
pub(crate) struct Exchanges {
    requests: ::metrics::Counter,
    responses: ::metrics::Counter,
    response_bytes: ::metrics::Counter,
    acks: ::metrics::Counter,
}

impl Exchanges {
    pub(crate) fn of(type_url: &TypeUrl) -> Exchanges {
        let label = label(type_url);
        Exchanges {
            requests: ::metrics::counter!("chancery_requests_total", "type" => label),
            responses: ::metrics::counter!("chancery_responses_total", "type" => label),
            response_bytes: ::metrics::counter!("chancery_response_bytes_total", "type" => label),
            acks: ::metrics::counter!("chancery_acks_total", "type" => label),
        }
    }

    pub(crate) fn requested(&self) {
        self.requests.increment(1);
    }

    pub(crate) fn responded(&self, bytes: usize) {
        self.responses.increment(1);
        self.response_bytes.increment(bytes as u64);
    }

    pub(crate) fn acknowledged(&self) {
        self.acks.increment(1);
    }
}

pub(crate) fn unsupported(type_url: &TypeUrl, names: usize) {
    ::metrics::counter!("chancery_unsupported_locators_total", "type" => label(type_url)).increment(names as u64);
}

pub(crate) fn ended(end: &End) {
    ::metrics::counter!("chancery_streams_ended_total", "reason" => end.label()).increment(1);
}

pub(crate) fn happened(event: &Event) {
    let (name, type_url) = match event {
        Event::Nacked { type_url, .. } => ("chancery_nacks_total", type_url),
        Event::Stale { type_url } => ("chancery_stale_total", type_url),
        Event::Overdue { type_url, .. } => ("chancery_overdue_total", type_url),
        Event::Oversized { type_url, .. } => ("chancery_oversized_total", type_url),
        Event::Unknown { type_url } => ("chancery_unknown_total", type_url),
        Event::Silent { type_url, .. } => ("chancery_silent_total", type_url),
        _ => return,
    };
    ::metrics::counter!(name, "type" => label(type_url)).increment(1);
}
