//! The names of the last requests of a stream, as far as it takes to recognise them: an acceptance in state of the world repeats
//! every name, and looking at each again would cost more than everything else about it.

use blake3::{Hash, Hasher};
use chancery_protocol::TypeUrl;

/// Lists of fewer bytes are read as fast as they are recognised.
const SHORTEST: usize = 1024;

/// What the last request of each type listed, to be recognised when it is listed again. Default: nothing yet.
#[derive(Debug, Default)]
pub struct LastNames {
    /// As many as a stream asks for types.
    by_type: Vec<(TypeUrl, Hash)>,
}

impl LastNames {
    /// Takes note of what a request lists; whether the request of its type before it listed the same in the same bytes.
    pub(super) fn are(&mut self, type_url: &TypeUrl, listing: &Listing<'_>) -> bool {
        let Some(digest) = listing.digest() else {
            self.forget(type_url);
            return false;
        };
        if let Some((_, last)) = self.by_type.iter_mut().find(|(known, _)| known == type_url) {
            return std::mem::replace(last, digest) == digest;
        }
        self.by_type.push((type_url.clone(), digest));
        false
    }

    /// The last request of the type lists something else, which was not taken note of.
    pub(super) fn forget(&mut self, type_url: &TypeUrl) {
        self.by_type.retain(|(known, _)| known != type_url);
    }
}

/// The bytes of a request that list names, in runs of fields that follow each other.
#[derive(Debug, Default)]
pub(super) struct Listing<'a> {
    /// Most requests have no more than one.
    first: &'a [u8],
    all: Option<Box<Hasher>>,
    bytes: usize,
}

impl<'a> Listing<'a> {
    pub(super) fn add(&mut self, run: &'a [u8]) {
        if self.bytes == 0 {
            self.first = run;
        } else if !run.is_empty() {
            let first = self.first;
            let begun = || Box::new(Hasher::new().update(first).clone());
            self.all.get_or_insert_with(begun).update(run);
        }
        self.bytes += run.len();
    }

    fn digest(&self) -> Option<Hash> {
        let digest = || self.all.as_ref().map_or_else(|| blake3::hash(self.first), |all| all.finalize());
        (self.bytes >= SHORTEST).then(digest)
    }
}
