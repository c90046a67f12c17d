//! Encoded response bodies, shared by every stream that is sent the same: each is encoded once, however many ask.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use bytes::Bytes;
use chancery_protocol::{Capabilities, Digest, Dress, TypeUrl};

const SHARDS: usize = 16;

/// Which of the two forms of the protocol a body is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    Sotw,
    Delta,
}

/// What a body is shared by. Streams with equal keys get equal bytes, so everything the encoding depends on is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BodyKey {
    pub(crate) form: Form,
    pub(crate) type_url: TypeUrl,
    pub(crate) dress: Dress,
    pub(crate) capabilities: Capabilities,
    /// Nothing is shared between grant classes, whatever the digests say.
    pub(crate) class: Arc<str>,
    pub(crate) content: Digest,
    /// What the TTLs of a wildcard set hash to: they are not part of the content, and yet they are sent.
    pub(crate) ttls: u64,
}

impl Hash for BodyKey {
    /// What tells nearly all keys apart, and no more: every stream that is sent something looks its key up.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.content.hash(state);
        self.class.hash(state);
    }
}

/// One body: encoded by the first stream that needs it, while the others wait for it.
struct Body(OnceLock<Vec<u8>>);

/// A body as whoever sends it has it.
#[derive(Clone)]
pub(crate) struct SharedBody(Arc<Body>);

impl AsRef<[u8]> for SharedBody {
    fn as_ref(&self) -> &[u8] {
        self.0.0.get().map_or(&[], Vec::as_slice)
    }
}

impl From<SharedBody> for Bytes {
    fn from(body: SharedBody) -> Bytes {
        Bytes::from_owner(body)
    }
}

/// The bodies in use, and as many recent ones as fit.
///
/// A body lives as long as a stream is sending it. Beyond that, recent bodies are kept up to a number of bytes, the
/// oldest being dropped first: a publication is usually sent to all streams within moments.
pub(crate) struct Bodies {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
    bytes_per_shard: usize,
}

#[derive(Default)]
struct Shard {
    known: HashMap<BodyKey, Weak<Body>>,
    recent: VecDeque<(BodyKey, Arc<Body>)>,
    recent_bytes: usize,
    /// When `known` has grown to this, dead entries are swept out.
    sweep_at: usize,
}

impl Bodies {
    /// Keeps up to this many bytes of bodies nobody is sending at the moment.
    pub(crate) fn new(kept_bytes: usize) -> Bodies {
        Bodies {
            shards: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
            bytes_per_shard: kept_bytes / SHARDS,
        }
    }

    /// The body with this key, made by `encode` unless it is there. Streams that ask at the same time encode it once.
    pub(crate) fn get(&self, key: BodyKey, encode: impl FnOnce() -> Vec<u8>) -> SharedBody {
        let at = self.hasher.hash_one(&key) as usize % SHARDS;
        let shard = &self.shards[at];
        let body = {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.find_or_insert(&key)
        };
        // Outside the lock: only those who need this very body wait for it.
        let mut fresh = false;
        let bytes = body.0.get_or_init(|| {
            fresh = true;
            encode()
        });
        if fresh {
            ::metrics::counter!("chancery_bodies_encoded_total").increment(1);
            ::metrics::counter!("chancery_bodies_encoded_bytes_total").increment(bytes.len() as u64);
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.keep(key, &body, self.bytes_per_shard);
        }
        SharedBody(body)
    }
}

impl Shard {
    fn find_or_insert(&mut self, key: &BodyKey) -> Arc<Body> {
        if let Some(body) = self.known.get(key).and_then(Weak::upgrade) {
            return body;
        }
        if self.known.len() >= self.sweep_at {
            self.known.retain(|_, body| body.strong_count() > 0);
            self.sweep_at = (2 * self.known.len()).max(64);
        }
        let body = Arc::new(Body(OnceLock::new()));
        self.known.insert(key.clone(), Arc::downgrade(&body));
        body
    }

    fn keep(&mut self, key: BodyKey, body: &Arc<Body>, limit: usize) {
        let size = |body: &Body| body.0.get().map_or(0, Vec::len);
        if size(body) > limit {
            return;
        }
        self.recent_bytes += size(body);
        self.recent.push_back((key, Arc::clone(body)));
        while self.recent_bytes > limit {
            let Some((key, oldest)) = self.recent.pop_front() else { break };
            self.recent_bytes -= size(&oldest);
            if Arc::strong_count(&oldest) == 1 {
                self.known.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn key(content: u8) -> BodyKey {
        BodyKey {
            form: Form::Sotw,
            type_url: TypeUrl::CLUSTER,
            dress: Dress::Full,
            capabilities: Capabilities::default(),
            class: "".into(),
            content: Digest::from_bytes([content; 32]),
            ttls: 0,
        }
    }

    #[test]
    fn streams_that_ask_at_the_same_time_encode_once() {
        let bodies = Bodies::new(1 << 20);
        let encodings = AtomicUsize::new(0);
        let pointers: Vec<usize> = std::thread::scope(|scope| {
            let ask = || {
                let encode = || {
                    encodings.fetch_add(1, Ordering::Relaxed);
                    vec![1; 1000]
                };
                bodies.get(key(1), encode).as_ref().as_ptr() as usize
            };
            let asking: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
            asking.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(encodings.load(Ordering::Relaxed), 1);
        assert!(pointers.iter().all(|pointer| *pointer == pointers[0]));
    }

    #[test]
    fn equal_content_of_many_classes_is_spread() {
        let bodies = Bodies::new(1 << 20);
        for class in 0..1_000 {
            bodies.get(BodyKey { class: format!("tenant {class}").into(), ..key(1) }, || vec![1]);
        }
        let fullest = bodies.shards.iter().map(|shard| shard.lock().unwrap().known.len()).max();
        assert!(fullest < Some(500), "{fullest:?} of 1,000 in one shard");
    }

    #[test]
    fn another_grant_class_gets_a_body_of_its_own() {
        let bodies = Bodies::new(1 << 20);
        let first = bodies.get(key(1), || vec![1]);
        let second = bodies.get(BodyKey { class: "other".into(), ..key(1) }, || vec![2]);
        assert_ne!(first.as_ref(), second.as_ref());
    }

    #[test]
    fn a_body_in_use_is_shared_though_it_is_too_large_to_keep() {
        let bodies = Bodies::new(160);
        let first = bodies.get(key(1), || vec![1; 1000]);
        let second = bodies.get(key(1), || unreachable!("it is still in use"));
        assert_eq!(first.as_ref().as_ptr(), second.as_ref().as_ptr());
        drop((first, second));
        assert_eq!(bodies.get(key(1), || vec![2]).as_ref(), [2]);
    }

    #[test]
    fn bodies_nobody_sends_are_kept_up_to_the_limit() {
        let bodies = Bodies::new(SHARDS * 100);
        for content in 0..255 {
            drop(bodies.get(key(content), || vec![content; 30]));
        }
        let kept: usize = bodies.shards.iter().map(|shard| shard.lock().unwrap().recent_bytes).sum();
        let known: usize = bodies.shards.iter().map(|shard| shard.lock().unwrap().known.len()).sum();
        assert!(kept <= SHARDS * 100, "{kept} bytes are kept");
        assert!(known <= SHARDS * 4, "{known} keys are kept");
        assert_eq!(bodies.get(key(254), || unreachable!("it is recent")).as_ref(), [254; 30]);
    }
}
