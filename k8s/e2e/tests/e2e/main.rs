//! Sciurus on a real Kubernetes cluster.
//!
//! A module for each topic lists its tests in a function `tests`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cluster;
mod failures;
mod lost_nodes;
mod operator;
mod session;

use std::process::ExitCode;

fn main() -> ExitCode {
    sciurus_e2e::run(
        [
            cluster::tests(),
            session::tests(),
            failures::tests(),
            lost_nodes::tests(),
            operator::tests(),
        ]
        .into_iter()
        .flatten(),
    )
}
