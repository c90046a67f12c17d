//! Who is at fault in a refused response: the resources the peer's words name.

use alloc::vec::Vec;

use crate::ResourceName;

/// The words of a refusal that stand where Envoy puts the name of a resource: before a colon, as in
/// `Error adding/updating listener(s) edge: cannot bind '127.0.0.1:80'`.
///
/// Only for types of which the peer applies the good part (clusters, listeners): there a wrong guess costs nothing,
/// since the resource was applied either way.
pub(crate) fn candidates(message: &str) -> Vec<ResourceName> {
    let words = message.split(|c: char| c.is_whitespace() || c == ',');
    words.filter_map(|word| word.strip_suffix(':')).filter(|name| !name.is_empty()).map(ResourceName::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_before_colons_are_candidates() {
        let message = "Error adding/updating cluster(s) a|b: no such thing, c.d: worse\ne: bad";
        let names: Vec<_> = candidates(message).iter().map(|name| alloc::string::String::from(name.as_str())).collect();
        assert_eq!(names, ["a|b", "c.d", "e"]);
    }
}
