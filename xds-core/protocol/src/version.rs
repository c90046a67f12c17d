//! Content versions: what a resource's bytes hash to, and what a set of resources adds up to.

use core::fmt;
use core::hash::{Hash, Hasher};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const IS_LETTER: [bool; 256] = {
    let mut is_letter = [false; 256];
    let mut at = 0;
    while at < ALPHABET.len() {
        is_letter[ALPHABET[at] as usize] = true;
        at += 1;
    }
    is_letter
};

/// A content version as it goes on the wire: 96 bits of a hash as 16 characters of base64url. Equal content has an equal
/// version on every replica and after every restart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version([u8; 16]);

impl Version {
    /// The version a peer sent. `None` when the text is not of our form: some other server's, or none.
    pub fn parse(text: &str) -> Option<Version> {
        let bytes: [u8; 16] = text.as_bytes().try_into().ok()?;
        // Each of the alphabet, without a branch for each: a reconnecting peer says thousands of them.
        let is_ours = bytes.iter().fold(true, |is_ours, byte| is_ours & IS_LETTER[usize::from(*byte)]);
        is_ours.then_some(Version(bytes))
    }

    /// The text on the wire.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A 256-bit digest. One resource's digest is a hash of its name and content; the digest of a set is the sum of its
/// members' modulo 2^256, so that it does not depend on order, follows a change in constant time, and does not cancel
/// as XOR would.
///
/// ```
/// use chancery_protocol::Digest;
/// let (a, b) = (Digest::from_bytes([1; 32]), Digest::from_bytes([7; 32]));
/// let mut set = Digest::EMPTY;
/// set.add(&a);
/// set.add(&b);
/// set.subtract(&a);
/// assert_eq!(set, b);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Digest([u64; 4]);

impl Hash for Digest {
    /// A part: each is as good as a hash of the whole.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0[0]);
    }
}

impl Digest {
    /// The digest of no resources.
    pub const EMPTY: Digest = Digest([0; 4]);

    /// A digest from a hash function's output.
    pub fn from_bytes(bytes: [u8; 32]) -> Digest {
        let mut lanes = [0; 4];
        for (lane, chunk) in lanes.iter_mut().zip(bytes.chunks_exact(8)) {
            *lane = u64::from_le_bytes(chunk.try_into().unwrap_or_default());
        }
        Digest(lanes)
    }

    /// Counts a member in.
    pub fn add(&mut self, member: &Digest) {
        let mut carry = false;
        for (lane, other) in self.0.iter_mut().zip(member.0) {
            let (sum, first) = lane.overflowing_add(other);
            let (sum, second) = sum.overflowing_add(carry.into());
            *lane = sum;
            carry = first || second;
        }
    }

    /// Takes a member out.
    pub fn subtract(&mut self, member: &Digest) {
        let mut borrow = false;
        for (lane, other) in self.0.iter_mut().zip(member.0) {
            let (rest, first) = lane.overflowing_sub(other);
            let (rest, second) = rest.overflowing_sub(borrow.into());
            *lane = rest;
            borrow = first || second;
        }
    }

    /// Stirs a small number into the digest, where order matters: `a.mix(1)` and `a.mix(2)` differ.
    pub fn mix(&mut self, salt: u64) {
        let mut carried = salt.wrapping_add(0x9e37_79b9_7f4a_7c15);
        for lane in &mut self.0 {
            carried = stir(carried ^ *lane);
            *lane = carried;
        }
        self.0.rotate_left(1);
    }

    /// The version that names this digest on the wire.
    pub fn version(&self) -> Version {
        let mut folded = *self;
        folded.mix(1);
        folded.mix(2);
        let bits = (u128::from(folded.0[0]) << 64) | u128::from(folded.0[1]);
        let mut text = [0; 16];
        for (at, character) in text.iter_mut().enumerate() {
            *character = ALPHABET[((bits >> (6 * at)) & 63) as usize];
        }
        Version(text)
    }
}

fn stir(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.version(), f)
    }
}
