//! The well-known formats of text: addresses, host names, URIs, header names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A format `validate.rules` knows by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Email,
    Hostname,
    Ip,
    Ipv4,
    Ipv6,
    Uri,
    UriReference,
    /// A host name or an IP address.
    Address,
    Uuid,
    HeaderName,
    HeaderValue,
    /// What is safe in a header, but perhaps not valid: no NUL, CR or LF.
    HeaderSafe,
}

impl Format {
    pub(super) fn matches(self, text: &str) -> bool {
        match self {
            Format::Email => is_email(text),
            Format::Hostname => is_hostname(text),
            Format::Ip => text.parse::<IpAddr>().is_ok(),
            Format::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
            Format::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
            Format::Uri => is_uri(text) && scheme(text).is_some(),
            Format::UriReference => is_uri(text),
            Format::Address => is_hostname(text) || text.parse::<IpAddr>().is_ok(),
            Format::Uuid => is_uuid(text),
            Format::HeaderName => is_header_name(text),
            Format::HeaderValue => !text.bytes().any(|byte| byte < 0x20 && byte != b'\t' || byte == 0x7f),
            Format::HeaderSafe => !text.contains(['\0', '\r', '\n']),
        }
    }

    pub(super) fn matches_bytes(self, bytes: &[u8]) -> bool {
        match self {
            Format::Ip => matches!(bytes.len(), 4 | 16),
            Format::Ipv4 => bytes.len() == 4,
            Format::Ipv6 => bytes.len() == 16,
            _ => std::str::from_utf8(bytes).is_ok_and(|text| self.matches(text)),
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Format::Email => "an email address",
            Format::Hostname => "a host name",
            Format::Ip => "an IP address",
            Format::Ipv4 => "an IPv4 address",
            Format::Ipv6 => "an IPv6 address",
            Format::Uri => "an absolute URI",
            Format::UriReference => "a URI reference",
            Format::Address => "a host name or an IP address",
            Format::Uuid => "a UUID",
            Format::HeaderName => "the name of an HTTP header",
            Format::HeaderValue => "the value of an HTTP header: no control characters",
            Format::HeaderSafe => "without NUL, CR and LF",
        }
    }
}

/// `validate.rules` has the range `+-.` in its pattern, which lets a comma pass.
fn is_header_name(text: &str) -> bool {
    let name = text.strip_prefix(':').unwrap_or(text);
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+,-.^_|~`".contains(&byte))
}

fn is_hostname(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
}

fn is_email(text: &str) -> bool {
    let address = match text.split_once('<') {
        Some((_, rest)) => rest.strip_suffix('>').unwrap_or_default(),
        None => text,
    };
    address.len() <= 254
        && address.rsplit_once('@').is_some_and(|(local, host)| {
            (1..=64).contains(&local.len()) && !local.contains(char::is_whitespace) && is_hostname(host)
        })
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn scheme(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once(':')?;
    let starts = scheme.starts_with(|first: char| first.is_ascii_alphabetic());
    let rest = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    (starts && rest).then_some(scheme)
}

fn is_uri(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let fine = match byte {
            b'%' => {
                bytes.next().is_some_and(|hex| hex.is_ascii_hexdigit())
                    && bytes.next().is_some_and(|hex| hex.is_ascii_hexdigit())
            }
            _ => byte > b' ' && byte != 0x7f && !b"\"<>\\^`{|}".contains(&byte),
        };
        if !fine {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_tell_right_from_wrong() {
        let cases: &[(Format, &[&str], &[&str])] = &[
            (Format::Email, &["a@b.c", "A B <a@b.c>"], &["", "a", "@b", "a b@c", "a@-b"]),
            (Format::Hostname, &["a", "a.b-c.d.", "1.2"], &["", ".", "-a", "a-", "a..b", "a_b"]),
            (Format::Ip, &["1.2.3.4", "::1"], &["1.2.3", "x", ""]),
            (Format::Ipv4, &["1.2.3.4"], &["::1"]),
            (Format::Ipv6, &["::1"], &["1.2.3.4"]),
            (Format::Uri, &["http://a/b?c#d", "urn:x"], &["/a", "", "ht tp://a", "1a:b", "http://a/%zz"]),
            (Format::UriReference, &["/a", "", "http://a"], &["a b", "%1"]),
            (Format::Address, &["a.b", "::1"], &["a b"]),
            (Format::Uuid, &["01234567-89ab-cdef-0123-456789ABCDEF"], &["0123456789abcdef", ""]),
            (Format::HeaderName, &["x-a", ":path", "a,b"], &["", ":", "a b", "a:b", "ü"]),
            (Format::HeaderValue, &["", "a\tb", "ü"], &["a\nb", "\0", "\x7f"]),
            (Format::HeaderSafe, &["", "a b\x01"], &["a\nb", "\0", "\r"]),
        ];
        for (format, right, wrong) in cases {
            for text in *right {
                assert!(format.matches(text), "{format:?} {text:?}");
            }
            for text in *wrong {
                assert!(!format.matches(text), "{format:?} {text:?}");
            }
        }
        assert!(Format::Ip.matches_bytes(&[0; 16]) && !Format::Ip.matches_bytes(&[0; 5]));
        assert!(Format::Ipv4.matches_bytes(&[0; 4]) && !Format::Ipv6.matches_bytes(&[0; 4]));
    }
}
