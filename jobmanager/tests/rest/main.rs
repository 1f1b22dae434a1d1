//! The REST API over real connections.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod basics;
mod cluster;
#[path = "../common/mod.rs"]
mod common;
mod conformance;
mod docs;
mod hostile;
mod http;
mod java;
mod jobs;
mod scale;
mod shape;
mod web;
