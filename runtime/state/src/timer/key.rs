//! The key of a timer.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The longest key that needs no memory of its own.
const INLINE_BYTES: usize = 14;

/// A key's bytes; a short key takes no allocation.
#[derive(Clone)]
pub struct TimerKey(Repr);

#[derive(Clone)]
enum Repr {
    Inline {
        len: u8,
        bytes: [u8; INLINE_BYTES],
    },
    /// Behind one pointer, so that a timer takes no more than 32 bytes.
    Long(Arc<Box<[u8]>>),
}

impl From<&[u8]> for TimerKey {
    fn from(key: &[u8]) -> Self {
        if key.len() > INLINE_BYTES {
            return Self(Repr::Long(Arc::new(key.into())));
        }
        let mut bytes = [0; INLINE_BYTES];
        bytes[..key.len()].copy_from_slice(key);
        Self(Repr::Inline { len: key.len() as u8, bytes })
    }
}

impl Deref for TimerKey {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Repr::Long(key) => key,
        }
    }
}

impl PartialEq for TimerKey {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for TimerKey {}

impl PartialOrd for TimerKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for TimerKey {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl fmt::Debug for TimerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_every_length_compare_as_bytes() {
        assert_eq!(size_of::<TimerKey>(), 16);
        for len in 0..40 {
            let key = vec![7_u8; len];
            assert_eq!(*TimerKey::from(&key[..]), key);
            assert!(TimerKey::from(&key[..]) < TimerKey::from(&[8][..]));
        }
    }
}
