//! Tests of several modules, and what they share.

mod codec;
mod conformance;
pub(crate) mod crash;
mod restore;
mod samples;
mod store;
