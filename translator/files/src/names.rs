//! What names of objects, hosts and labels may look like, and how a pattern is said in words.

/// Whether this is a DNS name in lower case: labels of letters, digits and dashes between dots, 253 characters at most.
pub(crate) fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns_part)
}

/// Whether this is one label of a DNS name: 63 characters at most.
pub(crate) fn is_label(text: &str) -> bool {
    text.len() <= 63 && is_dns_part(text)
}

fn is_dns_part(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

/// Whether this is the key of a label or an annotation: a name, perhaps with a DNS name and a slash before it.
pub(crate) fn is_qualified(text: &str) -> bool {
    let (prefix, name) = text.rsplit_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let outer = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    prefix.is_none_or(|prefix| prefix.len() < 253 && is_subdomain(prefix))
        && name.len() <= 63
        && name.bytes().all(inner)
        && outer(name.bytes().next())
        && outer(name.bytes().next_back())
}

const DNS: &str = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";

/// What a pattern of the schemas asks for, to a person.
pub(crate) fn in_words(pattern: &str) -> String {
    let dns = |before: &str, after: &str| pattern == format!("{before}{DNS}{after}");
    let words = match pattern {
        _ if dns("^", "$") => "a DNS name in lower case (letters, digits, dashes, dots between labels)",
        _ if dns("^$|^", "$") => "a DNS name in lower case, or empty for the core group",
        _ if dns(r"^(\*\.)?", "$") => {
            "a host name in lower case, perhaps with `*.` before it (an address is no host name)"
        }
        r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" => "letters in lower case, digits and dashes, with no dash first or last",
        r"^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$" => "a kind: letters, digits and dashes, with a letter first",
        r"^([0-9]{1,5}(h|m|s|ms)){1,4}$" => {
            "a duration: up to four numbers with their units, as in 10s, 500ms or 1h30m"
        }
        r"^[A-Za-z0-9!#$%&'*+\-.^_\x60|~]+$" => "the name of a header: letters, digits and !#$%&'*+-.^_`|~",
        r"^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$" => "a path: other characters are written %20",
        r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/[A-Za-z0-9\/\-._~%!$&'()*+,;=:]+$" => {
            "a domain, a slash and a path, as in example.com/gateway"
        }
        _ if pattern.contains("https?") || pattern.contains("http(s)?") => {
            "an origin: `*`, or http:// or https:// and a host, perhaps with a port and nothing behind it"
        }
        _ => return format!("text that matches {pattern}"),
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_the_cluster_takes() {
        for good in ["a", "a-b.c", "0"] {
            assert!(is_subdomain(good), "{good}");
        }
        for bad in ["", "A", "-a", "a-", "a..b", "a_b", &"a".repeat(254)] {
            assert!(!is_subdomain(bad), "{bad}");
        }
        assert!(is_label("a-b") && !is_label("a.b") && !is_label(&"a".repeat(64)));
        assert!(is_qualified("app") && is_qualified("example.com/App_1") && !is_qualified("/a") && !is_qualified("a/"));
    }
}
