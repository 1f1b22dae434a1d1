//! (being written)

#[doc(hidden)]
pub use sciurus_core::__private;
pub use sciurus_core::Record;
pub use sciurus_derive::Record;
