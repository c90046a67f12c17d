//! The names of the last requests of a stream, as far as it takes to recognise them: an acceptance in state of the world repeats
//! every name, and looking at each again would cost more than everything else about it.

use chancery_protocol::TypeUrl;
use rapidhash::v3::{RapidSecrets, rapidhash_v3_seeded};

/// Lists of fewer bytes are read as fast as they are recognised.
const SHORTEST: usize = 1024;

/// What tells two lists apart. It need not withstand anybody: whoever makes two lists of one fingerprint misleads their own stream,
/// of which they can say what they like.
type Fingerprint = [u64; 2];

const SECRETS: [RapidSecrets; 2] = [RapidSecrets::seed(0x63_68_61_6e), RapidSecrets::seed(0x63_65_72_79)];

/// What the last request of each type listed, to be recognised when it is listed again. Default: nothing yet.
#[derive(Debug, Default)]
pub struct LastNames {
    /// As many as a stream asks for types.
    by_type: Vec<(TypeUrl, Fingerprint)>,
}

impl LastNames {
    /// Takes note of what a request lists; whether the request of its type before it listed the same in the same bytes.
    pub(super) fn are(&mut self, type_url: &TypeUrl, listing: &Listing<'_>) -> bool {
        let Some(fingerprint) = listing.fingerprint() else {
            self.forget(type_url);
            return false;
        };
        if let Some((_, last)) = self.by_type.iter_mut().find(|(known, _)| known == type_url) {
            return std::mem::replace(last, fingerprint) == fingerprint;
        }
        self.by_type.push((type_url.clone(), fingerprint));
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
    /// Most requests have no other.
    last: &'a [u8],
    /// What came before it.
    before: Fingerprint,
    bytes: usize,
}

impl<'a> Listing<'a> {
    pub(super) fn add(&mut self, run: &'a [u8]) {
        if run.is_empty() {
            return;
        }
        if self.bytes > 0 {
            self.before = self.so_far();
        }
        self.last = run;
        self.bytes += run.len();
    }

    fn so_far(&self) -> Fingerprint {
        let [one, other] = SECRETS.each_ref().map(|secrets| rapidhash_v3_seeded(self.last, secrets));
        let follow = |before: u64, run: u64| (before.rotate_left(23) ^ run).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        [follow(self.before[0], one), follow(self.before[1], other)]
    }

    fn fingerprint(&self) -> Option<Fingerprint> {
        (self.bytes >= SHORTEST).then(|| self.so_far())
    }
}
