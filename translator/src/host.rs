//! Host names with wildcards: which contains which, and what two have in common.

use std::cmp::Ordering;
use std::sync::Arc;

/// The host names a listener or route answers for: `shop.example`, `*.example` or every one. In lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Host(Arc<str>);

impl Host {
    /// Every host name.
    pub(crate) fn any() -> Host {
        Host("*".into())
    }

    /// As a specification writes it; absent, empty and `*` mean every one.
    pub(crate) fn of(written: Option<&str>) -> Host {
        match written {
            None | Some("" | "*") => Host::any(),
            Some(name) if name.bytes().any(|byte| byte.is_ascii_uppercase()) => Host(name.to_ascii_lowercase().into()),
            Some(name) => Host(name.into()),
        }
    }

    /// As a proxy's virtual host writes it.
    pub(crate) fn domain(&self) -> Arc<str> {
        self.0.clone()
    }

    /// As a server name; none for every one.
    pub(crate) fn server_name(&self) -> Option<Arc<str>> {
        (!self.is_any()).then(|| self.0.clone())
    }

    /// Whether it is one name, and not many.
    pub(crate) fn is_exact(&self) -> bool {
        !self.0.starts_with('*')
    }

    pub(crate) fn is_any(&self) -> bool {
        &*self.0 == "*"
    }

    /// What follows the `*`, with its dot. A wildcard spans labels, and never matches the bare domain.
    fn suffix(&self) -> Option<&str> {
        self.0.strip_prefix('*').filter(|suffix| !suffix.is_empty())
    }

    /// Whether every name of the other is also one of this.
    pub(crate) fn contains(&self, other: &Host) -> bool {
        if self.is_any() || self == other {
            return true;
        }
        let Some(suffix) = self.suffix() else { return false };
        other.0.len() > suffix.len() && other.0.ends_with(suffix)
    }

    /// Every wildcard that contains this and more, the narrowest first; the last is every name.
    pub(crate) fn ancestors(&self) -> impl Iterator<Item = Host> {
        let name = self.0.strip_prefix('*').unwrap_or(&self.0);
        let after_first = name.get(1..).unwrap_or_default();
        let dots = after_first.match_indices('.').map(|(at, _)| format!("*{}", &after_first[at..]));
        let wider: Vec<Host> = dots.map(|wildcard| Host(wildcard.into())).collect();
        wider.into_iter().chain((!self.is_any()).then(Host::any))
    }

    /// The names both have; one of the two, as wildcards either nest or have nothing in common.
    pub(crate) fn intersection(&self, other: &Host) -> Option<Host> {
        match (self.contains(other), other.contains(self)) {
            (true, _) => Some(other.clone()),
            (_, true) => Some(self.clone()),
            _ => None,
        }
    }

    /// Orders by how much is said: exact names first, then longer wildcards, then every name.
    pub(crate) fn by_specificity(&self, other: &Host) -> Ordering {
        self.rank().cmp(&other.rank())
    }

    fn rank(&self) -> (u8, std::cmp::Reverse<usize>) {
        let class = match (self.is_any(), self.suffix()) {
            (true, _) => 2,
            (_, Some(_)) => 1,
            _ => 0,
        };
        (class, std::cmp::Reverse(self.0.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::Host;

    fn host(text: &str) -> Host {
        Host::of(Some(text))
    }

    #[test]
    fn a_wildcard_spans_labels_and_spares_the_bare_domain() {
        assert!(host("*.example.com").contains(&host("a.b.example.com")));
        assert!(host("*.example.com").contains(&host("*.b.example.com")));
        assert!(!host("*.example.com").contains(&host("example.com")));
        assert!(!host("a.example.com").contains(&host("*.example.com")));
        assert!(host("").contains(&host("*.example.com")));
    }

    #[test]
    fn ancestors_are_the_wildcards_that_contain_a_name() {
        let of = |text: &str| host(text).ancestors().collect::<Vec<_>>();
        assert_eq!(of("a.b.example.com"), [host("*.b.example.com"), host("*.example.com"), host("*.com"), host("*")]);
        assert_eq!(of("*.example.com"), [host("*.com"), host("*")]);
        assert_eq!(of("localhost"), [host("*")]);
        assert_eq!(of("*"), []);
        for name in ["a.b.example.com", "*.b.example.com", "x"] {
            assert!(of(name).iter().all(|ancestor| ancestor.contains(&host(name)) && *ancestor != host(name)));
        }
    }

    #[test]
    fn what_two_have_in_common_is_the_narrower() {
        assert_eq!(host("*.example.com").intersection(&host("Shop.Example.com")), Some(host("shop.example.com")));
        assert_eq!(host("*.a.com").intersection(&host("*.com")), Some(host("*.a.com")));
        assert_eq!(host("a.com").intersection(&host("b.com")), None);
    }

    #[test]
    fn exact_names_come_before_wildcards_and_long_ones_before_short() {
        let mut hosts = vec![host("*"), host("*.com"), host("a.com"), host("*.a.com")];
        hosts.sort_by(Host::by_specificity);
        assert_eq!(hosts, [host("a.com"), host("*.a.com"), host("*.com"), host("*")]);
    }
}
