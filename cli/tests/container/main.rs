//! The container image in containers, without Kubernetes: unpacked, read-only, by runc.
//!
//! Where that can't be done (no root, no runc) each test says so and passes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by unwrapping it"
)]

mod container;
mod managers;
mod verbs;
