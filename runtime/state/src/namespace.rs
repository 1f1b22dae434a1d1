//! Namespaces: what keyed state is partitioned by besides the key.

use std::fmt;

/// A partition of keyed state that can be walked and dropped as a whole.
///
/// Ordinary keyed state lives in [`Namespace::VOID`]. Aligned windows use one namespace a pane (the
/// end of the slice), so that a window fires by walking one table and an expired pane is dropped in
/// one go. A namespace has a fixed cost: there should be few, not one a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(pub i64);

impl Namespace {
    /// The namespace of ordinary keyed state.
    pub const VOID: Self = Self(i64::MIN);
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::VOID { f.write_str("void") } else { self.0.fmt(f) }
    }
}
