//! The set of all fingerprints, in memory: 10 bytes for each, since a random index on disk is what slows a large store down.
//!
//! In come fingerprints, out goes whether they are known. Open addressing in shards that grow by a quarter, one at a time: no
//! doubling, so no peak and no pause. It knows nothing of tasks or files.

use super::fingerprint::Fingerprint;

/// Shards; each is chosen by the top byte, so there are as many as a byte has values.
const SHARDS: usize = 256;
/// A shard grows beyond 7/8: looked-up slots stay within a few cache lines.
const FULL: (usize, usize) = (7, 8);
/// The slots of a shard that has anything at all.
const SMALLEST: usize = 16;
/// A slot that holds nothing.
const EMPTY: u64 = 0;

/// A set of fingerprints.
pub struct FingerprintSet {
    shards: Vec<Shard>,
    len: usize,
}

#[derive(Clone, Default)]
struct Shard {
    slots: Vec<u64>,
    used: usize,
}

/// The two fingerprints 0 and 1 share a slot: one chance in 2⁶³, for slots without a flag.
const fn key(fingerprint: Fingerprint) -> u64 {
    if fingerprint.0 == EMPTY { 1 } else { fingerprint.0 }
}

const fn shard_of(key: u64) -> usize {
    (key >> 56) as usize
}

impl Default for FingerprintSet {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

impl FingerprintSet {
    /// An empty set with room for about `n`.
    pub fn with_capacity(n: usize) -> Self {
        let slots = if n == 0 { 0 } else { (n / SHARDS * 5 / 4).max(SMALLEST) };
        Self { shards: vec![Shard { slots: vec![EMPTY; slots], used: 0 }; SHARDS], len: 0 }
    }

    /// How many are in it.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Is none in it?
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Is `fingerprint` in it?
    pub fn contains(&self, fingerprint: Fingerprint) -> bool {
        let key = key(fingerprint);
        self.shards.get(shard_of(key)).is_some_and(|shard| shard.find(key).is_some_and(|(_, found)| found == key))
    }

    /// Puts `fingerprint` in; false if it was there.
    pub fn insert(&mut self, fingerprint: Fingerprint) -> bool {
        let key = key(fingerprint);
        let is_new = self.shards.get_mut(shard_of(key)).is_some_and(|shard| shard.insert(key));
        self.len += usize::from(is_new);
        is_new
    }

    /// All of them; putting them into another set in this order touches its memory from front to back.
    pub fn iter(&self) -> impl Iterator<Item = Fingerprint> {
        let slots = self.shards.iter().flat_map(|shard| &shard.slots);
        slots.filter(|&&slot| slot != EMPTY).map(|&slot| Fingerprint(slot))
    }
}

impl Shard {
    /// The slot of `key`, or the empty one where it would go, with what is in it. `None`: no slots.
    fn find(&self, key: u64) -> Option<(usize, u64)> {
        // The remaining bits as a fraction of the slots: any number of slots will do, and order is kept when they grow.
        let home = ((u128::from(key << 8) * self.slots.len() as u128) >> 64) as usize;
        let (before, from) = self.slots.split_at_checked(home)?;
        let found = from.iter().position(|&slot| slot == key || slot == EMPTY).map(|at| home + at);
        let at = found.or_else(|| before.iter().position(|&slot| slot == key || slot == EMPTY))?;
        self.slots.get(at).map(|&slot| (at, slot))
    }

    fn insert(&mut self, key: u64) -> bool {
        match self.find(key) {
            Some((_, found)) if found == key => return false,
            Some((at, _)) if (self.used + 1) * FULL.1 <= self.slots.len() * FULL.0 => self.put(at, key),
            _ => {
                self.grow();
                if let Some((at, _)) = self.find(key) {
                    self.put(at, key);
                }
            }
        }
        true
    }

    fn put(&mut self, at: usize, key: u64) {
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = key;
            self.used += 1;
        }
    }

    fn grow(&mut self) {
        let slots = (self.slots.len() * 5 / 4).max(SMALLEST);
        let old = std::mem::replace(self, Self { slots: vec![EMPTY; slots], used: 0 });
        for key in old.slots.into_iter().filter(|&slot| slot != EMPTY) {
            if let Some((at, _)) = self.find(key) {
                self.put(at, key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_a_plain_set_holds(keys in prop::collection::vec(prop_oneof![any::<u64>(), 2u64..300, Just(u64::MAX)], 0..2000)) {
            let (mut set, mut plain) = (FingerprintSet::default(), HashSet::new());
            for key in keys {
                let fingerprint = Fingerprint(key);
                prop_assert_eq!(set.contains(fingerprint), plain.contains(&fingerprint));
                prop_assert_eq!(set.insert(fingerprint), plain.insert(fingerprint));
                prop_assert!(set.contains(fingerprint));
            }
            prop_assert_eq!(set.len(), plain.len());
            prop_assert_eq!(set.iter().collect::<HashSet<_>>(), plain);
        }
    }

    #[test]
    fn it_takes_less_than_twelve_bytes_a_fingerprint() {
        let mut rng = fastrand::Rng::with_seed(7);
        let mut set = FingerprintSet::default();
        for n in 1..=400_000 {
            set.insert(Fingerprint(rng.u64(..)));
            if n % 10_000 == 0 && n >= 100_000 {
                let bytes: usize = set.shards.iter().map(|shard| shard.slots.capacity() * 8).sum();
                assert!(bytes < 12 * set.len(), "{bytes} bytes for {n}");
            }
        }
    }
}
