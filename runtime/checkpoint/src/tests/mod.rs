//! Tests of several modules, and what they share.

mod codec;
mod conformance;
pub(crate) mod crash;
mod failures;
mod restore;
#[cfg(feature = "s3")]
mod s3;
mod samples;
mod store;
