//! Which virtual host an authority belongs to: exact domains, then ends, then beginnings, then all.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

/// The domains of a route configuration; what stands for a virtual host is its position.
#[derive(Debug, Clone, Default)]
pub(crate) struct Domains {
    exact: HashMap<String, usize>,
    /// By the length of what follows the `*`, longest first.
    ends: BTreeMap<Reverse<usize>, HashMap<String, usize>>,
    /// By the length of what precedes the `*`, longest first.
    beginnings: BTreeMap<Reverse<usize>, HashMap<String, usize>>,
    all: Option<usize>,
}

impl Domains {
    /// Enters a domain. `Err`: the virtual host that already has it, and keeps it.
    pub(crate) fn enter(&mut self, domain: &str, virtual_host: usize) -> Result<(), usize> {
        let domain = domain.to_ascii_lowercase();
        let place = if domain == "*" {
            return match self.all {
                Some(first) => Err(first),
                None => {
                    self.all = Some(virtual_host);
                    Ok(())
                }
            };
        } else if let Some(end) = domain.strip_prefix('*') {
            self.ends.entry(Reverse(end.len())).or_default().entry(end.to_owned())
        } else if let Some(beginning) = domain.strip_suffix('*') {
            self.beginnings.entry(Reverse(beginning.len())).or_default().entry(beginning.to_owned())
        } else {
            self.exact.entry(domain)
        };
        let first = *place.or_insert(virtual_host);
        if first == virtual_host { Ok(()) } else { Err(first) }
    }

    /// The virtual host of a host, and the domain that says so.
    pub(crate) fn find(&self, host: &str) -> Option<(usize, String)> {
        let host = host.to_ascii_lowercase();
        if let Some(&virtual_host) = self.exact.get(&host) {
            return Some((virtual_host, host));
        }
        // The `*` stands for at least one character.
        for (Reverse(bytes), ends) in self.ends.iter().filter(|(length, _)| length.0 < host.len()) {
            let end = host.get(host.len() - bytes..).unwrap_or_default();
            if let Some(&virtual_host) = ends.get(end) {
                return Some((virtual_host, format!("*{end}")));
            }
        }
        for (Reverse(bytes), beginnings) in self.beginnings.iter().filter(|(length, _)| length.0 < host.len()) {
            let beginning = host.get(..*bytes).unwrap_or_default();
            if let Some(&virtual_host) = beginnings.get(beginning) {
                return Some((virtual_host, format!("{beginning}*")));
            }
        }
        self.all.map(|virtual_host| (virtual_host, "*".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(host: &str) -> String {
        let mut domains = Domains::default();
        for domain in ["a.example", "*.example", "*.b.example", "*-x.example", "www.*", "www.b.*", "*"] {
            domains.enter(domain, 0).expect("a new domain");
        }
        domains.find(host).expect("the domain *").1
    }

    #[test]
    fn an_exact_domain_goes_first_then_the_longest_end_then_the_longest_beginning_then_all() {
        for (host, domain) in [
            ("A.Example", "a.example"),
            ("c.example", "*.example"),
            ("c.b.example", "*.b.example"),
            ("c-x.example", "*-x.example"),
            ("www.example", "*.example"),
            ("www.other", "www.*"),
            ("www.b.other", "www.b.*"),
            (".example", "*"),
            ("www.", "*"),
            ("a.example:80", "*"),
        ] {
            assert_eq!(found(host), domain, "{host}");
        }
    }

    #[test]
    fn a_domain_keeps_its_first_virtual_host() {
        let mut domains = Domains::default();
        assert_eq!(domains.enter("*.a", 0), Ok(()));
        assert_eq!(domains.enter("*.A", 1), Err(0));
        assert_eq!(domains.enter("*", 1), Ok(()));
        assert_eq!(domains.enter("*", 2), Err(1));
        assert_eq!(domains.find("b.a"), Some((0, "*.a".into())));
    }
}
