//! The Helm charts and manifests, without a cluster.
//!
//! What is rendered needs `helm`: that of the test bed, or the one that `HELM` names. Where there is
//! none those tests say so and pass.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod helm;
mod manifests;
mod render;
mod values;

use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}
