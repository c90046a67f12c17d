//! Which content clients refuse, for reasons no server can know.

use crate::{Resource, TypeUrl};

/// Which content clients refuse. The same for every client, and each time they are given it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusing {
    /// Content that says it is bad, as a [`Scene`](super::Scene) makes it.
    Labelled,
    /// One content in this many, by what it hashes to. Secrets are taken as they are: keys are made anew in each process, and a
    /// seed shall replay.
    OneIn(u64),
    /// None.
    Nothing,
}

impl Refusing {
    /// Whether this content is refused.
    pub fn is_bad(self, resource: &Resource) -> bool {
        match self {
            Refusing::Labelled => resource.body().starts_with(b"bad"),
            Refusing::OneIn(_) if *resource.type_url() == TypeUrl::SECRET => false,
            Refusing::OneIn(many) => {
                let mut stirred = *resource.digest();
                stirred.mix(many);
                let text = stirred.version();
                let number =
                    text.as_str().bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(67).wrapping_add(byte.into()));
                number.checked_rem(many) == Some(0)
            }
            Refusing::Nothing => false,
        }
    }
}
